"""The pair model as an ONNX graph, written node by node from its weights.

Written by hand and not traced, so that the graph is small and the same with every version of the training
libraries: one MatMul for query, key and value, native LayerNormalization and Gelu, the word embeddings kept as int8
rows with a scale each (a quarter of the bytes; they are looked up, never multiplied).
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
POSITIONS = 256


class Graph:
    """Collects nodes and initializers; each method adds one operation and returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        self.initializers[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def add(self, op: str, *inputs: str, name: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=f"{name}/{op}", **attributes))
        return name

    def linear(self, x: str, weight: np.ndarray, bias: np.ndarray, *, name: str) -> str:
        product = self.add(
            "MatMul", x, self.constant(f"{name}.weight", weight.T.astype(np.float32)), name=f"{name}.product"
        )
        return self.add("Add", product, self.constant(f"{name}.bias", bias.astype(np.float32)), name=name)

    def norm(self, x: str, weight: np.ndarray, bias: np.ndarray, *, epsilon: float, name: str) -> str:
        scale, shift = self.constant(f"{name}.weight", weight), self.constant(f"{name}.bias", bias)
        return self.add("LayerNormalization", x, scale, shift, name=name, axis=-1, epsilon=epsilon)


def build(
    weights: dict[str, np.ndarray], *, heads: int, layers: int, epsilon: float, quantize_embeddings: bool
) -> onnx.ModelProto:
    """Return the model of `PairModel.state_dict()` as numpy arrays."""
    g = Graph()
    width = weights["encoder.embeddings.LayerNorm.weight"].shape[0]
    x = _embeddings(g, weights, epsilon=epsilon, quantized=quantize_embeddings)
    mask = _mask(g)
    for number in range(layers):
        x = _layer(g, x, mask, weights, number=number, heads=heads, width=width, epsilon=epsilon)
    _heads(g, x, weights)
    graph = helper.make_graph(
        g.nodes,
        "tidegate-grounding",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
            for name in ("input_ids", "attention_mask", "token_type_ids")
        ],
        [
            helper.make_tensor_value_info("label_logits", TensorProto.FLOAT, ["batch", 3]),
            helper.make_tensor_value_info("token_logits", TensorProto.FLOAT, ["batch", "length"]),
        ],
        list(g.initializers.values()),
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10, producer_name="tidegate"
    )
    onnx.checker.check_model(model)
    return model


def _embeddings(g: Graph, weights: dict[str, np.ndarray], *, epsilon: float, quantized: bool) -> str:
    prefix = "encoder.embeddings"
    table = weights[f"{prefix}.word_embeddings.weight"]
    if quantized:
        scales = np.abs(table).max(axis=1, keepdims=True) / 127.0
        rows = np.clip(np.round(table / np.where(scales == 0, 1, scales)), -127, 127).astype(np.int8)
        found = g.add("Gather", g.constant("words.rows", rows), "input_ids", name="words.int8")
        scale = g.add("Gather", g.constant("words.scales", scales.astype(np.float32)), "input_ids", name="words.scale")
        cast = g.add("Cast", found, name="words.float", to=TensorProto.FLOAT)
        words = g.add("Mul", cast, scale, name="words")
    else:
        words = g.add("Gather", g.constant("words.table", table), "input_ids", name="words")
    types = g.add(
        "Gather",
        g.constant("types.table", weights[f"{prefix}.token_type_embeddings.weight"]),
        "token_type_ids",
        name="types",
    )
    length = g.add("Shape", "input_ids", name="length", start=1, end=2)
    zero, one = g.constant("zero", np.array([0])), g.constant("one", np.array([1]))
    table = g.constant("positions.table", weights[f"{prefix}.position_embeddings.weight"][:POSITIONS])
    positions = g.add("Slice", table, zero, length, zero, one, name="positions")
    total = g.add("Add", g.add("Add", words, types, name="words_types"), positions, name="embedded")
    return g.norm(
        total,
        weights[f"{prefix}.LayerNorm.weight"],
        weights[f"{prefix}.LayerNorm.bias"],
        epsilon=epsilon,
        name="embeddings",
    )


def _mask(g: Graph) -> str:
    """Add -10000 to the attention scores of padding; `exp` of that is exactly 0, so padding changes nothing."""
    seen = g.add("Cast", "attention_mask", name="mask.float", to=TensorProto.FLOAT)
    hidden = g.add("Sub", g.constant("mask.one", np.float32(1)), seen, name="mask.hidden")
    scaled = g.add("Mul", hidden, g.constant("mask.low", np.float32(-10000)), name="mask.scaled")
    return g.add("Unsqueeze", scaled, g.constant("mask.axes", np.array([1, 2])), name="mask")


def _layer(
    g: Graph, x: str, mask: str, weights: dict[str, np.ndarray], *, number: int, heads: int, width: int, epsilon: float
) -> str:
    prefix, name = f"encoder.encoder.layer.{number}", f"layer{number}"
    parts = [f"{prefix}.attention.self.{part}" for part in ("query", "key", "value")]
    joined_weight = np.concatenate([weights[f"{part}.weight"] for part in parts])
    joined_bias = np.concatenate([weights[f"{part}.bias"] for part in parts])
    joined = g.linear(x, joined_weight, joined_bias, name=f"{name}.qkv")
    split = g.add(
        "Reshape", joined, g.constant("shape.split", np.array([0, 0, 3, heads, width // heads])), name=f"{name}.split"
    )
    turned = g.add("Transpose", split, name=f"{name}.turned", perm=[2, 0, 3, 1, 4])
    query, key, value = (
        g.add("Gather", turned, g.constant(f"pick.{place}", np.array(place)), name=f"{name}.{part}", axis=0)
        for place, part in enumerate(("query", "key", "value"))
    )
    scores = g.add(
        "MatMul", query, g.add("Transpose", key, name=f"{name}.key_t", perm=[0, 1, 3, 2]), name=f"{name}.scores"
    )
    scale = g.constant("attention.scale", np.float32((width // heads) ** -0.5))
    masked = g.add("Add", g.add("Mul", scores, scale, name=f"{name}.scaled"), mask, name=f"{name}.masked")
    attention = g.add("Softmax", masked, name=f"{name}.attention", axis=-1)
    mixed = g.add(
        "Transpose", g.add("MatMul", attention, value, name=f"{name}.heads"), name=f"{name}.heads_t", perm=[0, 2, 1, 3]
    )
    flat = g.add("Reshape", mixed, g.constant("shape.flat", np.array([0, 0, width])), name=f"{name}.flat")

    def dense(values: str, module: str, out: str) -> str:
        return g.linear(
            values, weights[f"{prefix}.{module}.weight"], weights[f"{prefix}.{module}.bias"], name=f"{name}.{out}"
        )

    def norm(values: str, module: str, out: str) -> str:
        return g.norm(
            values,
            weights[f"{prefix}.{module}.weight"],
            weights[f"{prefix}.{module}.bias"],
            epsilon=epsilon,
            name=f"{name}.{out}",
        )

    attended = g.add("Add", dense(flat, "attention.output.dense", "attended"), x, name=f"{name}.residual1")
    x = norm(attended, "attention.output.LayerNorm", "norm1")
    inner = g.add("Gelu", dense(x, "intermediate.dense", "inner"), name=f"{name}.gelu")
    return norm(
        g.add("Add", dense(inner, "output.dense", "outer"), x, name=f"{name}.residual2"), "output.LayerNorm", "norm2"
    )


def _heads(g: Graph, x: str, weights: dict[str, np.ndarray]) -> None:
    """Label head over the first token and the mean of the claim's (types 0 and 1); token head over every token."""
    last = g.constant("axis.last", np.array([-1]))
    is_claim = g.add("Less", "token_type_ids", g.constant("claim.types", np.array(2)), name="claim.is")
    claim = g.add("Cast", is_claim, name="claim.float", to=TensorProto.FLOAT)
    seen = g.add("Unsqueeze", g.add("Mul", claim, "mask.float", name="claim.seen"), last, name="claim.mask")
    axes = g.constant("axis.length", np.array([1]))
    total = g.add("ReduceSum", g.add("Mul", x, seen, name="claim.states"), axes, name="claim.sum", keepdims=0)
    mean = g.add("Div", total, g.add("ReduceSum", seen, axes, name="claim.count", keepdims=0), name="claim.mean")
    first = g.add("Gather", x, g.constant("first", np.array(0)), name="first.state", axis=1)
    pooled = g.add("Concat", first, mean, name="pooled", axis=-1)
    hidden = g.add(
        "Gelu", g.linear(pooled, weights["hidden.weight"], weights["hidden.bias"], name="head.hidden"), name="head.gelu"
    )
    g.add(
        "Identity",
        g.linear(hidden, weights["labels.weight"], weights["labels.bias"], name="head.labels"),
        name="label_logits",
    )
    tokens = g.linear(x, weights["tokens.weight"], weights["tokens.bias"], name="head.tokens")
    g.add("Squeeze", tokens, last, name="token_logits")
