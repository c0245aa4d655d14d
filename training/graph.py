"""BERT-like encoders as lean ONNX graphs, in float32 and in static int8, written node by node from their weights.

Written by hand and not traced: the graph is the same with every version of the training libraries, and at the short
texts that a service reads (24 to 64 word pieces) a traced graph's hundreds of small nodes cost more than its products.

How it works:

1. the same calls build both forms. `Graph()` is float32, and notes what goes into each product;
2. `input_ranges` runs that form over calibration texts: the range of every channel of every such input;
3. `Graph(ranges)` is int8: products are `MatMulIntegerToFloat` with one int8 scale for each output channel and one
   fixed uint8 scale for the whole input. Scales are fixed, so a text's scores cannot depend on what it is batched with.
   Outputs of products stay in float32: nothing is rounded twice.

One scale for a whole input wastes its 256 steps on the few channels that are far wider than the rest. So

* most inputs are narrowed: channels that are wide are divided and their columns of the weights multiplied (Xiao et al.,
  SmoothQuant), by a `Mul`, or in the weights before where that is exact;
* a feed-forward neuron that is far wider than the rest is written as several, each with one part of its range
  (`_spread`). Narrowing there would have cost more than it gains: it widens the weights too much.

What ONNX Runtime makes of the nodes on a CPU was measured (docs/adr/0014): `Sum` and not `Add` before a normalisation,
because `Add` is fused with it to `SkipLayerNormalization`, which takes four times as long as the two; the bias inside
the product and a bare `Gelu`, twice as fast as `BiasGelu`; one `Attention` node; query, key and value as three
products of one quantised input, because a `Split` costs more than it saves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from training.sessions import cpu_session

Floats = NDArray[np.float32]
Feed = Mapping[str, NDArray[np.int64]]

OPSET = 23
"""The first with `Attention`."""
CONTRIB = "com.microsoft"
LOW = -10000.0
"""Added to the attention scores of padding: `exp` of that is exactly 0."""
SPARE = 16
"""Neurons that each feed-forward layer gets for `_spread`: a multiple of what a product computes at once."""
LEAST_WIDTH = 4.0
"""No neuron is spread into narrower parts: there Gelu's bend costs more than finer steps gain."""
GELU_LOW = np.float32(-0.17)
"""Below the smallest value of Gelu."""


@dataclass(frozen=True)
class Linear:
    """y = x @ weight.T + bias; `weight` has shape (out, in)."""

    weight: Floats
    bias: Floats

    def narrowed(self, factor: Floats) -> Linear:
        """The same for an input whose channels were multiplied by `factor` (in)."""
        return replace(self, weight=self.weight / factor)

    def part(self, number: int, of: int) -> Linear:
        """Part `number` of `of` equal parts of the outputs."""
        size = len(self.bias) // of
        rows = slice(number * size, (number + 1) * size)
        return Linear(self.weight[rows], self.bias[rows])

    def scaled(self, factor: Floats) -> Linear:
        """With the outputs multiplied by `factor` (out)."""
        return Linear(self.weight * factor[:, None], self.bias * factor)


@dataclass(frozen=True)
class Norm:
    """Layer normalisation over the last axis."""

    weight: Floats
    bias: Floats
    epsilon: float


@dataclass(frozen=True)
class Layer:
    """One post-norm transformer layer; `attended` reads what attention mixed, `up` and `down` have a Gelu between."""

    query: Linear
    key: Linear
    value: Linear
    attended: Linear
    attended_norm: Norm
    up: Linear
    down: Linear
    down_norm: Norm


@dataclass(frozen=True)
class Encoder:
    """Embedding tables (rows, width), then layers. `kinds` are tables that an input of that name looks up."""

    words: Floats
    positions: Floats
    kinds: Mapping[str, Floats]
    norm: Norm
    layers: Sequence[Layer]
    attention_heads: int


@dataclass(frozen=True)
class Range:
    """The smallest and the largest value of each channel of a tensor."""

    low: Floats
    high: Floats

    @property
    def largest(self) -> Floats:
        """The largest magnitude of each channel, never 0."""
        return np.maximum(np.maximum(-self.low, self.high), np.float32(1e-5))

    def times(self, factor: Floats) -> Range:
        """The range of the tensor times `factor`, one positive number for each channel."""
        return Range(self.low * factor, self.high * factor)

    def joined(self, other: Range) -> Range:
        """The range of both."""
        return Range(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def scale(self) -> tuple[np.float32, np.uint8]:
        """Scale and zero point of uint8 for all channels at once; 0 is exact."""
        low, high = min(float(self.low.min()), 0.0), max(float(self.high.max()), 1e-6)
        step = (high - low) / 255.0
        return np.float32(step), np.uint8(round(-low / step))


Ranges = Mapping[str, Range]
"""By the names of the linear layers that read the tensors."""


class Graph:
    """Collects nodes and constants; each method adds one operation and returns the name of its output.

    Without `ranges` products are float32, and `watched` says what goes into each; with them they are int8.
    """

    def __init__(self, ranges: Ranges | None = None) -> None:
        self.ranges = ranges
        self.watched: dict[str, str] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: NDArray[np.generic] | np.generic) -> str:
        """A constant tensor. A name may be given twice with the same value, else `ValueError`."""
        tensor = numpy_helper.from_array(np.asarray(value, order="C"), name)
        if self._constants.setdefault(name, tensor) != tensor:
            raise ValueError(f"constant {name} has two values")
        return name

    def ints(self, *values: int) -> str:
        """A constant list of integers."""
        return self.constant(f"ints.{'_'.join(map(str, values))}", np.asarray(values, dtype=np.int64))

    def number(self, value: float) -> str:
        """A constant float."""
        return self.constant(f"float.{value}", np.float32(value))

    def add(self, op: str, *inputs: str, name: str, domain: str = "", **attributes: Any) -> str:
        """One node with one output, which is named `name`."""
        node = helper.make_node(op, list(inputs), [name], name=f"{name}/{op}", domain=domain, **attributes)
        self._nodes.append(node)
        return name

    def split(self, x: str, sizes: Mapping[str, int]) -> list[str]:
        """Parts of `x` along its last axis, by their names."""
        names = list(sizes)
        node = helper.make_node("Split", [x, self.ints(*sizes.values())], names, name=f"{x}/Split", axis=-1)
        self._nodes.append(node)
        return names

    def norm(self, x: str, norm: Norm, *, name: str) -> str:
        """Layer normalisation."""
        weight, bias = self.constant(f"{name}.weight", norm.weight), self.constant(f"{name}.bias", norm.bias)
        return self.add("LayerNormalization", x, weight, bias, name=name, axis=-1, epsilon=norm.epsilon)

    def float_linear(self, x: str, linear: Linear, *, name: str) -> str:
        """A linear layer that stays in float32 in both forms."""
        weight, bias = self.constant(f"{name}.weight", linear.weight.T), self.constant(f"{name}.bias", linear.bias)
        return self.add("Add", self.add("MatMul", x, weight, name=f"{name}.product"), bias, name=name)

    def linear(self, x: str, linear: Linear, *, name: str, seen: Range | None = None) -> str:
        """A linear layer that is int8 in the int8 form, its input narrowed, or with the range `seen` as it is."""
        return self.linears(x, {name: linear}, name=name, seen=seen)[0]

    def linears(self, x: str, layers: Mapping[str, Linear], *, name: str, seen: Range | None = None) -> list[str]:
        """Linear layers of one input, which is quantised once; `name` is that of the input's range."""
        self.watched[name] = x
        if self.ranges is None:
            return [self.float_linear(x, layer, name=each) for each, layer in layers.items()]
        if seen is None:
            factor = narrowing(self.ranges[name], layers.values())
            x = self.add("Mul", x, self.constant(f"{name}.factor", factor), name=f"{name}.narrowed")
            seen = self.ranges[name].times(factor)
            layers = {each: layer.narrowed(factor) for each, layer in layers.items()}
        step, zero = seen.scale()
        scale = (self.constant(f"{name}.input.scale", step), self.constant(f"{name}.input.zero", zero))
        quantised = self.add("QuantizeLinear", x, *scale, name=f"{name}.input", domain=CONTRIB)
        return [self._product(quantised, scale, layer, name=each) for each, layer in layers.items()]

    def _product(self, x: str, scale: tuple[str, str], layer: Linear, *, name: str) -> str:
        """An int8 product with its bias, the result in float32."""
        rows, steps = int8_rows(layer.weight)
        weight, weight_scale = self.constant(f"{name}.weight", rows.T), self.constant(f"{name}.scale", steps[:, 0])
        bias = self.constant(f"{name}.bias", layer.bias)
        inputs = (x, weight, scale[0], weight_scale, scale[1], "", bias)
        return self.add("MatMulIntegerToFloat", *inputs, name=name, domain=CONTRIB)

    def model(self, name: str, inputs: Sequence[str], outputs: Mapping[str, Sequence[str | int]]) -> onnx.ModelProto:
        """The finished model; inputs are int64 (rows, tokens), `outputs` are float32 of these shapes."""
        graph = helper.make_graph(
            self._nodes,
            name,
            [helper.make_tensor_value_info(each, TensorProto.INT64, ["rows", "tokens"]) for each in inputs],
            [helper.make_tensor_value_info(each, TensorProto.FLOAT, list(shape)) for each, shape in outputs.items()],
            list(self._constants.values()),
        )
        domains = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=domains, ir_version=11, producer_name="tidegate")
        onnx.checker.check_model(model)
        return model


def int8_rows(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    """A matrix in int8 with one scale for each row: (rows, columns) and (rows, 1)."""
    scale = np.maximum(np.abs(weight).max(axis=1, keepdims=True), 1e-8).astype(np.float32) / np.float32(127.0)
    return np.clip(np.round(weight / scale), -127, 127).astype(np.int8), scale


def narrowing(seen: Range, layers: Iterable[Linear]) -> Floats:
    """What to multiply the channels of layers' input by, so that input and weights share the width of a channel."""
    widths = np.max([np.abs(layer.weight).max(axis=0) for layer in layers], axis=0)
    return np.asarray(np.clip(np.sqrt(np.maximum(widths, 1e-5) / seen.largest), 0.01, 20.0), dtype=np.float32)


def encode(graph: Graph, encoder: Encoder) -> str:
    """Adds an encoder over `input_ids` and `attention_mask`; returns the last layer's states (rows, tokens, width).

    Names left for heads: `mask` (rows, tokens), 1 for what is read, and `mask.low`, the same as 0 and `LOW`.
    """
    seen = graph.add("Cast", "attention_mask", name="mask", to=TensorProto.FLOAT)
    scaled = graph.add("Mul", seen, graph.number(-LOW), name="mask.scaled")
    graph.add("Add", scaled, graph.number(LOW), name="mask.low")
    hidden = _attention_mask(graph)
    states = _embeddings(graph, encoder)
    for number, layer in enumerate(encoder.layers):
        states = _layer(graph, states, hidden, layer, heads=encoder.attention_heads, name=f"layer{number}")
    return states


def _attention_mask(graph: Graph) -> str:
    """`mask.low` as `Attention` wants it: (rows, 1, tokens, tokens)."""
    rows = graph.add("Shape", "input_ids", name="rows", start=0, end=1)
    length = graph.add("Shape", "input_ids", name="length", start=1, end=2)
    shape = graph.add("Concat", rows, graph.ints(1), length, length, name="mask.shape", axis=0)
    row = graph.add("Unsqueeze", "mask.low", graph.ints(1, 2), name="mask.row")
    return graph.add("Expand", row, shape, name="mask.square")


def _embeddings(graph: Graph, encoder: Encoder) -> str:
    """Words are int8 rows with a scale each (a quarter of the bytes; they are looked up, never multiplied).

    Positions are float16, half of the bytes.
    """
    rows, scales = int8_rows(encoder.words)
    found = graph.add("Gather", graph.constant("words.rows", rows), "input_ids", name="words.int8")
    scale = graph.add("Gather", graph.constant("words.scales", scales), "input_ids", name="words.scale")
    parts = [graph.add("Mul", graph.add("Cast", found, name="words.float", to=TensorProto.FLOAT), scale, name="words")]
    for name, table in encoder.kinds.items():
        parts.append(graph.add("Gather", graph.constant(f"{name}.table", table), name, name=f"{name}.state"))
    places = graph.constant("positions.table", encoder.positions.astype(np.float16))
    read = graph.add("Slice", places, graph.ints(0), "length", graph.ints(0), name="positions.half")
    parts.append(graph.add("Cast", read, name="positions", to=TensorProto.FLOAT))
    return graph.norm(graph.add("Sum", *parts, name="embedded"), encoder.norm, name="embeddings")


def _layer(graph: Graph, x: str, mask: str, layer: Layer, *, heads: int, name: str) -> str:
    attended, down = f"{name}.attended", f"{name}.down"
    seen: dict[str, Range | None] = {attended: None, down: None}
    if graph.ranges is not None:
        layer, seen[attended] = _value_narrowed(layer, graph.ranges[attended])
        layer, seen[down] = _spread(layer, graph.ranges[down])
    parts = {f"{name}.query": layer.query, f"{name}.key": layer.key, f"{name}.value": layer.value}
    read = graph.linears(x, parts, name=f"{name}.read")
    mixed = graph.add("Attention", *read, mask, name=f"{name}.mixed", q_num_heads=heads, kv_num_heads=heads)
    change = graph.linear(mixed, layer.attended, name=attended, seen=seen[attended])
    x = graph.norm(graph.add("Sum", change, x, name=f"{name}.sum1"), layer.attended_norm, name=f"{name}.norm1")
    inner = graph.add("Gelu", graph.linear(x, layer.up, name=f"{name}.up"), name=f"{name}.gelu")
    change = graph.linear(inner, layer.down, name=down, seen=seen[down])
    return graph.norm(graph.add("Sum", change, x, name=f"{name}.sum2"), layer.down_norm, name=f"{name}.norm2")


def _value_narrowed(layer: Layer, seen: Range) -> tuple[Layer, Range]:
    """What attention mixes, narrowed where it is made: mixing leaves channels apart, so the values can be scaled."""
    factor = narrowing(seen, [layer.attended])
    narrowed = replace(layer, value=layer.value.scaled(factor), attended=layer.attended.narrowed(factor))
    return narrowed, seen.times(factor)


def _spread(layer: Layer, seen: Range) -> tuple[Layer, Range]:
    """The layer with `SPARE` more neurons, on which those that are far wider than the rest are spread.

    A neuron of value v is written as neurons of values clip(v), clip(v - width), ... with the same weights out, where
    quantisation clips at `width` of itself. Exact but for Gelu's bend: at most 0.17 off, near multiples of `width`.
    """
    width = _width(seen.high)
    wide = np.flatnonzero(seen.high > width)
    copies = [(neuron, part) for neuron in wide for part in range(1, int(np.ceil(seen.high[neuron] / width)))]
    up, down = (np.zeros((SPARE, size), dtype=np.float32) for size in (layer.up.weight.shape[1], len(layer.down.bias)))
    bias = np.zeros(SPARE, dtype=np.float32)
    for place, (neuron, part) in enumerate(copies):
        up[place], down[place] = layer.up.weight[neuron], layer.down.weight[:, neuron]
        bias[place] = layer.up.bias[neuron] - part * width
    spread = replace(
        layer,
        up=Linear(np.concatenate([layer.up.weight, up]), np.concatenate([layer.up.bias, bias])),
        down=replace(layer.down, weight=np.concatenate([layer.down.weight, down.T], axis=1)),
    )
    size = len(spread.up.bias)
    return spread, Range(np.full(size, GELU_LOW), np.full(size, width, dtype=np.float32))


def _width(high: Floats) -> np.float32:
    """The smallest width, to a percent, at which the copies that `_spread` needs fit into `SPARE`."""
    width = float(high.max())
    while width > LEAST_WIDTH and np.maximum(np.ceil(high / (width * 0.99)) - 1, 0).sum() <= SPARE:
        width *= 0.99
    return np.float32(max(width, 1e-3))


def input_ranges(model: onnx.ModelProto, watched: Mapping[str, str], feeds: Iterable[Feed]) -> dict[str, Range]:
    """The range of each channel of the tensors in `watched`, by its keys, over the tokens of `feeds` but padding."""
    names = sorted(set(watched.values()))
    model = onnx.ModelProto.FromString(model.SerializeToString())
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = cpu_session(model.SerializeToString())
    found: dict[str, Range] = {}
    for feed in feeds:
        read = feed["attention_mask"] > 0
        for name, value in zip(names, session.run(names, dict(feed)), strict=True):
            rows = value[read] if value.shape[:2] == read.shape else value.reshape(-1, value.shape[-1])
            seen = Range(rows.min(axis=0), rows.max(axis=0))
            found[name] = found[name].joined(seen) if name in found else seen
    return {each: found[name] for each, name in watched.items()}
