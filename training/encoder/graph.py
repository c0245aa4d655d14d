"""The encoder's heads and n-gram branches as an ONNX graph, on top of the shared encoder (`training/graph.py`).

It computes what `model.py` computes, with `wide.py` and `wide_topic.py` beside it, mixed by the calibration. The mixing
constants have names of their own (`CALIBRATION`), so that `calibrate.py` can set them later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from training.encoder import wide, wide_topic
from training.encoder.labels import INJECTION, TAGS, TOPICS, TOXICITY
from training.encoder.tokens import INPUTS
from training.graph import Encoder, Floats, Graph, Linear, Ranges, encode

OUTPUTS: dict[str, tuple[str | int, ...]] = {
    "injection": ("rows", len(INJECTION)),
    "toxicity": ("rows", len(TOXICITY)),
    "harmless": ("rows", 1),
    "topic": ("rows", len(TOPICS)),
    "embedding": ("rows", 384),
    "tags": ("rows", "tokens", len(TAGS)),
}
"""`harmless` is read by `calibrate.py` alone, which mixes it into `injection`."""
CALIBRATION = ("deep", "wide_share", "offset", "topic_deep", "topic_wide")
GRAM = 3
"""The longest n-gram."""


@dataclass(frozen=True)
class Grams:
    """An n-gram branch: an int8 vector (features, size) for each feature, and what maps their sum to logits."""

    table: NDArray[np.int8]
    out: Linear


@dataclass(frozen=True)
class Heads:
    """The heads on the last layer. `pooled_*` are those of injection and toxicity as one; `topic` has no bias."""

    pooled_hidden: Linear
    pooled_out: Linear
    topic: Floats
    tag_hidden: Linear
    tag_out: Linear


@dataclass(frozen=True)
class Parts:
    """The weights of everything that ships."""

    encoder: Encoder
    heads: Heads
    wide: Grams
    wide_topic: Grams


def build(
    parts: Parts, calibration: Mapping[str, Floats], ranges: Ranges | None = None
) -> tuple[onnx.ModelProto, Mapping[str, str]]:
    """The model, and which tensors its products read; int8 with the `ranges` found on the float32 form."""
    graph = Graph(ranges)
    for name in CALIBRATION:
        graph.constant(name, calibration[name])
    states = encode(graph, parts.encoder)
    mean = _mean(graph, states)
    numbers, counts = _grams(graph, len(parts.encoder.positions))
    _labels(graph, parts, states, mean, numbers[0], counts[0])
    _topic(graph, parts, mean, numbers[1], counts[1])
    inner = graph.add("Gelu", graph.linear(states, parts.heads.tag_hidden, name="tags.hidden"), name="tags.gelu")
    graph.add("Identity", graph.float_linear(inner, parts.heads.tag_out, name="tags.out"), name="tags")
    return graph.model("tidegate-encoder", INPUTS, OUTPUTS), graph.watched


def _mean(graph: Graph, states: str) -> str:
    """The mean state (rows, 1, width) of the tokens that are read."""
    share = graph.add(
        "Div", "mask", graph.add("ReduceSum", "mask", graph.ints(1), name="mask.count"), name="mean.share"
    )
    return graph.add("MatMul", graph.add("Unsqueeze", share, graph.ints(1), name="mean.row"), states, name="mean")


def _labels(graph: Graph, parts: Parts, states: str, mean: str, numbers: str, counts: str) -> None:
    """Injection and toxicity: first token, mean and largest through a hidden layer, mixed with the n-grams."""
    lowered = graph.add(
        "Add", states, graph.add("Unsqueeze", "mask.low", graph.ints(2), name="mask.column"), name="largest.read"
    )
    largest = graph.add("ReduceMax", lowered, graph.ints(1), name="largest", keepdims=1)
    first = graph.add("Gather", states, graph.ints(0), name="first", axis=1)
    pooled = graph.add("Concat", first, mean, largest, name="pooled", axis=-1)
    inner = graph.add("Gelu", graph.linear(pooled, parts.heads.pooled_hidden, name="pooled.hidden"), name="pooled.gelu")
    deep = graph.float_linear(inner, parts.heads.pooled_out, name="labels.deep")
    _harmless(graph, deep)
    seen = graph.add("MatMul", deep, "deep", name="deep.part")
    thin = graph.add("Mul", _summed(graph, parts.wide, numbers, counts, name="wide"), "wide_share", name="wide.part")
    mixed = graph.add("Sum", seen, thin, "offset", name="labels.mixed")
    flat = graph.add("Squeeze", mixed, graph.ints(1), name="labels")
    graph.split(flat, {"injection": len(INJECTION), "toxicity": len(TOXICITY)})


def _harmless(graph: Graph, deep: str) -> None:
    """The head's output after those of injection as it is, (rows, 1)."""
    column = graph.add("Gather", deep, graph.ints(len(INJECTION)), name="harmless.column", axis=2)
    graph.add("Squeeze", column, graph.ints(1), name="harmless")


def _topic(graph: Graph, parts: Parts, mean: str, numbers: str, counts: str) -> None:
    """The embedding, and its cosine to each topic's prototype, mixed with the n-grams."""
    size = graph.add("ReduceL2", mean, graph.ints(2), name="embedding.size", keepdims=1)
    unit = graph.add("Div", mean, size, name="embedding.row")
    graph.add("Squeeze", unit, graph.ints(1), name="embedding")
    cosine = graph.add("MatMul", unit, graph.constant("topic.prototypes", parts.heads.topic.T), name="topic.cosine")
    deep = graph.add("Mul", cosine, "topic_deep", name="topic.deep.part")
    thin = _summed(graph, parts.wide_topic, numbers, counts, name="topic.wide")
    mixed = graph.add("Add", deep, graph.add("Mul", thin, "topic_wide", name="topic.wide.part"), name="topic.mixed")
    graph.add("Squeeze", mixed, graph.ints(1), name="topic")


def _grams(graph: Graph, tokens: int) -> tuple[list[str], list[str]]:
    """Numbers and weights of the features of both branches, each (rows, tokens, features of a token).

    The windows are each token's id and the two before it, newest first. A product with the multipliers hashes them for
    all features at once; a feature counts when all its pieces are real, and as 1 / sqrt(pieces).
    """
    places = np.arange(tokens)[:, None] + np.arange(GRAM)[::-1][None]
    cut = graph.add(
        "Slice", graph.constant("grams.places", places), graph.ints(0), "length", graph.ints(0), name="grams.cut"
    )
    padded = graph.add("Pad", "input_ids", graph.ints(0, GRAM - 1, 0, 0), name="grams.padded")
    windows = graph.add("Gather", padded, cut, name="grams", axis=1)
    hashes = _hashes()
    product = graph.add(
        "MatMul", windows, graph.constant("grams.multipliers", hashes.multipliers), name="grams.product"
    )
    moved = graph.add("Add", product, graph.constant("grams.added", hashes.added), name="grams.moved")
    inside = graph.add("Mod", moved, graph.constant("grams.buckets", hashes.buckets), name="grams.bucket")
    numbers = graph.add("Add", inside, graph.constant("grams.first", hashes.first), name="grams.number")
    known = np.ones(wide.VOCABULARY, dtype=np.uint8)
    known[list(wide.SPECIAL)] = 0
    flags = graph.add("Gather", graph.constant("grams.known", known), windows, name="grams.flags")
    real = graph.add("Cast", flags, name="grams.real", to=TensorProto.FLOAT)
    found = graph.add("MatMul", real, graph.constant("grams.pieces", hashes.pieces), name="grams.found")
    whole = graph.add("Sub", found, graph.constant("grams.missing", hashes.pieces.sum(0) - 1), name="grams.whole")
    counts = graph.add("Relu", whole, name="grams.count")
    totals = graph.add("ReduceSum", counts, graph.ints(1), name="grams.totals")
    total = graph.add("Slice", totals, graph.ints(0), graph.ints(1), graph.ints(2), name="grams.pieces.total")
    root = graph.add("Sqrt", graph.add("Max", total, graph.number(1.0), name="grams.least"), name="grams.root")
    weights = graph.add("Div", counts, root, name="grams.weight")
    return (
        graph.split(numbers, {"wide.number": GRAM, "topic.number": GRAM - 1}),
        graph.split(weights, {"wide.weight": GRAM, "topic.weight": GRAM - 1}),
    )


@dataclass(frozen=True)
class _Hashes:
    """For each feature of both branches (columns): feature = (window @ multipliers + added) % buckets + first."""

    multipliers: NDArray[np.int64]
    added: NDArray[np.int64]
    buckets: NDArray[np.int64]
    first: NDArray[np.int64]
    pieces: Floats


def _hashes() -> _Hashes:
    """Piece, pair and triple of `wide.features`, then piece and pair of `wide_topic.features`."""
    a, b, c = wide.MULTIPLIERS
    columns = np.asarray([[1, 0, 0], [a, b, 0], [c, a, b], [b, 0, 0], [a, c, 0]], dtype=np.int64)
    return _Hashes(
        multipliers=columns.T,
        added=np.asarray([0, 0, 1, 0, 1], dtype=np.int64),
        buckets=np.asarray([wide.BUCKETS] * 3 + [wide_topic.BUCKETS] * 2, dtype=np.int64),
        first=np.asarray([0, wide.VOCABULARY, wide.VOCABULARY, 0, 0], dtype=np.int64),
        pieces=(columns.T > 0).astype(np.float32),
    )


def _summed(graph: Graph, grams: Grams, numbers: str, weights: str, *, name: str) -> str:
    """The logits (rows, 1, labels) of one branch: the weighted sum of its features' vectors, mapped to labels."""
    flat = graph.add("Reshape", numbers, graph.ints(0, -1), name=f"{name}.numbers")
    row = graph.add("Reshape", weights, graph.ints(0, 1, -1), name=f"{name}.weights")
    found = graph.add("Gather", graph.constant(f"{name}.table", grams.table), flat, name=f"{name}.int8")
    vectors = graph.add("Cast", found, name=f"{name}.vectors", to=TensorProto.FLOAT)
    return graph.float_linear(graph.add("MatMul", row, vectors, name=f"{name}.sum"), grams.out, name=f"{name}.logits")
