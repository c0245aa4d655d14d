"""The builder of the shipped models' graphs, on an encoder small enough to compute by hand with numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from training.graph import (
    SPARE,
    Encoder,
    Floats,
    Graph,
    Layer,
    Linear,
    Norm,
    Range,
    Ranges,
    encode,
    input_ranges,
    int8_rows,
    narrowing,
)
from training.sessions import cpu_session

VOCABULARY, POSITIONS, WIDTH, INNER, HEADS = 50, 16, 32, 64, 4
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def small_encoder(*, wide_neuron: float = 0.0) -> Encoder:
    """Two layers of random weights; `wide_neuron` is added to the bias of one feed-forward neuron."""
    rng = np.random.default_rng(5)

    def linear(out: int, size: int) -> Linear:
        weight = rng.normal(0, size**-0.5, (out, size)).astype(np.float32)
        return Linear(weight, rng.normal(0, 0.1, out).astype(np.float32))

    def norm() -> Norm:
        return Norm(rng.normal(1, 0.1, WIDTH).astype(np.float32), rng.normal(0, 0.1, WIDTH).astype(np.float32), 1e-12)

    def layer() -> Layer:
        up = linear(INNER, WIDTH)
        up.bias[7] += wide_neuron
        query, key, value, attended = (linear(WIDTH, WIDTH) for _ in range(4))
        return Layer(query, key, value, attended, norm(), up, linear(WIDTH, INNER), norm())

    words, positions, kinds = (rng.normal(0, 1, (n, WIDTH)).astype(np.float32) for n in (VOCABULARY, POSITIONS, 2))
    rows, scales = int8_rows(words)
    positions = positions.astype(np.float16).astype(np.float32)  # as the graph has them
    return Encoder(rows * scales, positions, {"token_type_ids": kinds}, norm(), [layer(), layer()], HEADS)


def built(encoder: Encoder, ranges: Ranges | None = None) -> tuple[onnx.ModelProto, Mapping[str, str]]:
    graph = Graph(ranges)
    graph.add("Identity", encode(graph, encoder), name="states")
    return graph.model("small", INPUTS, {"states": ("rows", "tokens", WIDTH)}), graph.watched


def feed(*lengths: int, seed: int = 1) -> dict[str, NDArray[np.int64]]:
    """Rows of random words of these lengths, padded to the longest."""
    rng = np.random.default_rng(seed)
    ids, mask = (np.zeros((len(lengths), max(lengths)), dtype=np.int64) for _ in range(2))
    for row, length in enumerate(lengths):
        ids[row, :length], mask[row, :length] = rng.integers(1, VOCABULARY, length), 1
    return dict(zip(INPUTS, (ids, mask, ids % 2), strict=True))


def states_of(model: onnx.ModelProto, inputs: Mapping[str, NDArray[np.int64]]) -> Floats:
    session = cpu_session(model.SerializeToString())
    return np.asarray(session.run(["states"], dict(inputs))[0])


def quantised(encoder: Encoder) -> onnx.ModelProto:
    plain, watched = built(encoder)
    return built(encoder, input_ranges(plain, watched, [feed(9, 5, seed=seed) for seed in range(2, 8)]))[0]


def by_hand(encoder: Encoder, ids: NDArray[np.int64]) -> Floats:
    """The states (tokens, width) of one row without padding, in numpy."""

    def normal(x: Floats, norm: Norm) -> Floats:
        return np.asarray((x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True) * norm.weight + norm.bias)

    def times(x: Floats, linear: Linear) -> Floats:
        return np.asarray(x @ linear.weight.T + linear.bias)

    def gelu(x: Floats) -> Floats:
        t = 1 / (1 + 0.3275911 * np.abs(x) / np.sqrt(2))  # erf by Abramowitz and Stegun 7.1.26, to 1.5e-7
        factors = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
        tail = np.polyval([*factors, 0.0], t) * np.exp(-(x**2) / 2)
        return np.asarray(x * (1 + np.sign(x) * (1 - tail)) / 2)

    x = encoder.words[ids] + encoder.positions[: len(ids)] + encoder.kinds["token_type_ids"][ids % 2]
    x = normal(x, encoder.norm)
    for layer in encoder.layers:
        query, key, value = (
            times(x, each).reshape(len(ids), HEADS, -1).swapaxes(0, 1) for each in (layer.query, layer.key, layer.value)
        )
        scores = np.exp(query @ key.swapaxes(1, 2) / np.sqrt(WIDTH / HEADS))
        mixed = (scores / scores.sum(2, keepdims=True) @ value).swapaxes(0, 1).reshape(len(ids), WIDTH)
        x = normal(x + times(mixed, layer.attended), layer.attended_norm)
        x = normal(x + times(gelu(times(x, layer.up)), layer.down), layer.down_norm)
    return np.asarray(x)


def test_float_form_is_the_encoder() -> None:
    encoder, inputs = small_encoder(), feed(9)
    assert np.allclose(states_of(built(encoder)[0], inputs)[0], by_hand(encoder, inputs["input_ids"][0]), atol=1e-4)


def test_int8_form_is_near_the_float_form() -> None:
    encoder, inputs = small_encoder(), feed(9, 7, 3, seed=20)
    read = inputs["attention_mask"] > 0
    difference = np.abs(states_of(quantised(encoder), inputs) - states_of(built(encoder)[0], inputs))[read]
    assert difference.mean() < 0.03
    assert difference.max() < 0.2


def test_int8_products_are_int8() -> None:
    model = quantised(small_encoder())
    products = [node for node in model.graph.node if node.op_type == "MatMulIntegerToFloat"]
    assert len(products) == 2 * 6
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert {types[node.input[1]] for node in products} == {onnx.TensorProto.INT8}
    assert not [node for node in model.graph.node if node.op_type == "MatMul"]


@pytest.mark.parametrize("form", [lambda encoder: built(encoder)[0], quantised], ids=["float", "int8"])
def test_a_row_does_not_depend_on_its_batch(form: Callable[[Encoder], onnx.ModelProto]) -> None:
    model, batch = form(small_encoder()), feed(4, 9, 6)
    alone = {name: value[:1, :4] for name, value in batch.items()}
    assert np.allclose(states_of(model, alone)[0], states_of(model, batch)[0, :4], atol=1e-5)


def test_a_wide_neuron_is_spread() -> None:
    """One of 40 would leave all others steps of 0.16; spread, they keep fine ones and it keeps its value."""
    encoder, inputs = small_encoder(wide_neuron=40.0), feed(9, 7, seed=21)
    read = inputs["attention_mask"] > 0
    model = quantised(encoder)
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for number in range(2):
        assert constants[f"layer{number}.down.input.scale"] < 0.03
        assert constants[f"layer{number}.down.weight"].shape == (INNER + SPARE, WIDTH)
    difference = np.abs(states_of(model, inputs) - states_of(built(encoder)[0], inputs))[read]
    assert difference.mean() < 0.05


def test_narrowing_changes_nothing_in_exact_arithmetic() -> None:
    rng = np.random.default_rng(3)
    linear = Linear(rng.normal(size=(4, 6)).astype(np.float32), np.zeros(4, dtype=np.float32))
    x = rng.normal(size=(5, 6)).astype(np.float32) * np.asarray([1, 1, 50, 1, 1, 1], dtype=np.float32)
    factor = narrowing(Range(x.min(0), x.max(0)), [linear])
    assert np.allclose((x * factor) @ linear.narrowed(factor).weight.T, x @ linear.weight.T, atol=1e-4)
    assert np.abs(x * factor).max() < np.abs(x).max() / 3


def test_ranges_leave_padding_out() -> None:
    encoder = small_encoder()
    plain, watched = built(encoder)
    padded = feed(9, 4)
    alone = [
        {name: value[row : row + 1, :length] for name, value in padded.items()} for row, length in ((0, 9), (1, 4))
    ]
    together, apart = input_ranges(plain, watched, [padded]), input_ranges(plain, watched, alone)
    assert together.keys() == apart.keys() == {f"layer{n}.{part}" for n in (0, 1) for part in PARTS}
    for name, seen in together.items():
        assert np.allclose(seen.low, apart[name].low, atol=1e-4), name
        assert np.allclose(seen.high, apart[name].high, atol=1e-4), name


PARTS = ("read", "attended", "up", "down")


def test_zero_is_exact_in_every_range() -> None:
    step, zero = Range(np.asarray([0.5], dtype=np.float32), np.asarray([3.0], dtype=np.float32)).scale()
    assert zero == 0
    assert step == pytest.approx(3 / 255)


def test_a_constant_has_one_value() -> None:
    graph = Graph()
    graph.constant("one", np.float32(1))
    graph.constant("one", np.float32(1))
    with pytest.raises(ValueError, match="two values"):
        graph.constant("one", np.float32(2))
