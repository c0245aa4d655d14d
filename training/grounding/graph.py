"""The pair model as an ONNX graph: the shared encoder (`training/graph.py`) with the label and the token head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto

from training.graph import Encoder, Floats, Graph, Layer, Linear, Norm, Ranges, encode

POSITIONS = 256
CLAIM_TYPES = 2
"""Token types below this one are the claim's."""
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUTS: Mapping[str, Sequence[str | int]] = {"label_logits": ("rows", 3), "token_logits": ("rows", "tokens")}

Weights = Mapping[str, Floats]
"""`PairModel.state_dict()` as numpy arrays."""


def build(
    weights: Weights, *, heads: int, layers: int, epsilon: float, ranges: Ranges | None = None
) -> tuple[onnx.ModelProto, Mapping[str, str]]:
    """The model, and which tensors its encoder's products read; int8 with the `ranges` found on the float32 form."""
    graph = Graph(ranges)
    states = encode(graph, _encoder(weights, heads=heads, layers=layers, epsilon=epsilon))
    _label_head(graph, states, weights)
    tokens = graph.float_linear(states, _linear(weights, "tokens"), name="tokens")
    graph.add("Squeeze", tokens, graph.ints(2), name="token_logits")
    return graph.model("tidegate-grounding", INPUTS, OUTPUTS), graph.watched


def _encoder(weights: Weights, *, heads: int, layers: int, epsilon: float) -> Encoder:
    prefix = "encoder.embeddings"
    return Encoder(
        words=weights[f"{prefix}.word_embeddings.weight"],
        positions=weights[f"{prefix}.position_embeddings.weight"][:POSITIONS],
        kinds={"token_type_ids": weights[f"{prefix}.token_type_embeddings.weight"]},
        norm=_norm(weights, f"{prefix}.LayerNorm", epsilon),
        layers=[_layer(weights, f"encoder.encoder.layer.{number}", epsilon) for number in range(layers)],
        attention_heads=heads,
    )


def _layer(weights: Weights, prefix: str, epsilon: float) -> Layer:
    return Layer(
        query=_linear(weights, f"{prefix}.attention.self.query"),
        key=_linear(weights, f"{prefix}.attention.self.key"),
        value=_linear(weights, f"{prefix}.attention.self.value"),
        attended=_linear(weights, f"{prefix}.attention.output.dense"),
        attended_norm=_norm(weights, f"{prefix}.attention.output.LayerNorm", epsilon),
        up=_linear(weights, f"{prefix}.intermediate.dense"),
        down=_linear(weights, f"{prefix}.output.dense"),
        down_norm=_norm(weights, f"{prefix}.output.LayerNorm", epsilon),
    )


def _linear(weights: Weights, name: str) -> Linear:
    return Linear(weights[f"{name}.weight"], weights[f"{name}.bias"])


def _norm(weights: Weights, name: str, epsilon: float) -> Norm:
    return Norm(weights[f"{name}.weight"], weights[f"{name}.bias"], epsilon)


def _label_head(graph: Graph, states: str, weights: Weights) -> None:
    """From the first token and the mean of the claim's; in float32, like the token head."""
    types = graph.constant("claim.types", np.asarray(CLAIM_TYPES, dtype=np.int64))
    is_claim = graph.add("Less", "token_type_ids", types, name="claim.is")
    claim = graph.add("Cast", is_claim, name="claim.float", to=TensorProto.FLOAT)
    read = graph.add("Mul", claim, "mask", name="claim.read")
    share = graph.add("Div", read, graph.add("ReduceSum", read, graph.ints(1), name="claim.count"), name="claim.share")
    mean = graph.add("MatMul", graph.add("Unsqueeze", share, graph.ints(1), name="claim.row"), states, name="claim")
    first = graph.add("Gather", states, graph.ints(0), name="first", axis=1)
    pooled = graph.add("Concat", first, mean, name="pooled", axis=-1)
    inner = graph.add("Gelu", graph.float_linear(pooled, _linear(weights, "hidden"), name="hidden"), name="hidden.gelu")
    labels = graph.float_linear(inner, _linear(weights, "labels"), name="labels")
    graph.add("Squeeze", labels, graph.ints(1), name="label_logits")
