"""Weights that are bounded add up exactly where two products share 16 bits, and are near what they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from detectors.models import session
from detectors.models.processor import EXACT
from detectors.models.session import open_session
from training.bounded import MOST, Array, Weights, bound, bounded, is_bounded, pairs
from training.graph import CONTRIB

ROWS, COLUMNS = 24, 8
STEP, ZERO = 0.02, 100


def weights_of(seed: int, rows: int = ROWS) -> Weights:
    """Eight-bit weights, a few of them far larger than the rest."""
    rng = np.random.default_rng(seed)
    real = rng.standard_t(3, (rows, COLUMNS))
    return np.asarray(np.clip(np.round(real / np.abs(real).max(axis=0) * 127), -127, 127), dtype=np.int8)


def moments_of(seed: int, rows: int = ROWS) -> Array:
    """Of channels that go together."""
    rng = np.random.default_rng(seed)
    seen = rng.normal(size=(400, 4)) @ rng.normal(size=(4, rows)) + 0.3 * rng.normal(size=(400, rows))
    return np.asarray(seen.T @ seen / len(seen))


def product(weights: Weights) -> onnx.ModelProto:
    """A model that quantises its input and multiplies it with the weights; the bias is 0."""
    constants = {
        "step": np.float32(STEP),
        "zero": np.uint8(ZERO),
        "weights": weights,
        "steps": np.full(weights.shape[1], 0.01, dtype=np.float32),
        "bias": np.zeros(weights.shape[1], dtype=np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("QuantizeLinear", ["x", "step", "zero"], ["x.int8"]),
        helper.make_node(
            "MatMulIntegerToFloat", ["x.int8", "weights", "step", "steps", "zero", "", "bias"], ["out"], domain=CONTRIB
        ),
    ]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", "tokens", len(weights)]),
        helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["rows", "tokens"]),
    ]
    outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["rows", "tokens", weights.shape[1]])]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "product", inputs, outputs, tensors)
    opsets = [helper.make_opsetid("", 23), helper.make_opsetid(CONTRIB, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=11)


def feed(seed: int, tokens: int = 20) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    x = rng.normal(scale=1.2, size=(2, tokens, ROWS)).astype(np.float32)
    return {"x": x, "attention_mask": np.ones((2, tokens), dtype=np.int64)}


@given(st.integers(0, 10_000), st.integers(1, 30))
def test_no_pair_is_too_large(seed: int, rows: int) -> None:
    weights, steps = bounded(weights_of(seed, rows), np.ones(COLUMNS), moments_of(seed, rows))
    assert pairs(weights).max() <= MOST
    assert np.abs(weights.astype(np.int64)).max() <= 127
    assert (steps >= 1).all()


@given(st.integers(0, 10_000))
def test_a_column_that_fits_stays_as_it_is(seed: int) -> None:
    given_ = weights_of(seed)
    weights, steps = bounded(given_, np.ones(COLUMNS), moments_of(seed))
    fits = pairs(given_).max(axis=0) <= MOST
    assert np.array_equal(weights[:, fits], given_[:, fits])
    assert (steps[fits] == 1).all()


def test_the_error_is_less_than_that_of_larger_steps_alone() -> None:
    given_, moments = weights_of(5).astype(np.float64), moments_of(5)
    weights, steps = bounded(weights_of(5), np.ones(COLUMNS), moments)
    larger = np.maximum(pairs(weights_of(5)).max(axis=0) / MOST, 1)
    plain = np.round(given_ / larger) * larger

    def error(found: Array) -> float:
        return float(((found - given_) * (moments @ (found - given_))).sum())

    assert error(weights * steps) < 0.5 * error(plain)


def test_a_model_is_bounded_and_says_nearly_the_same(tmp_path: Path) -> None:
    model = product(weights_of(2))
    assert not is_bounded(model)
    before = run(model, tmp_path / "before.onnx", feed(9))
    bound(model, [feed(seed) for seed in range(4)])
    assert is_bounded(model)
    after = run(model, tmp_path / "after.onnx", feed(9))
    assert np.abs(after - before).mean() < 0.03 * np.abs(before).mean()


@pytest.mark.parametrize("rows", (24, 25, 384))
@pytest.mark.parametrize("tokens", (1, 3, 38))
def test_bounded_products_are_exact_however_the_processor_adds(tmp_path: Path, rows: int, tokens: int) -> None:
    """The largest inputs, and pairs that are as large as they may be, without the setting that makes all sums exact."""
    rng = np.random.default_rng(rows)
    first = rng.integers(1, 127, (rows, COLUMNS))
    second = MOST - np.roll(first, 1, axis=0)
    weights = np.where(np.arange(rows)[:, None] % 2, np.minimum(second, 127), first) * rng.choice((-1, 1), COLUMNS)
    assert pairs(weights).max() == MOST
    model = product(weights.astype(np.int8))
    x = np.full((1, tokens, rows), 1e6, dtype=np.float32)
    found = run(model, tmp_path / "model.onnx", {"x": x, "attention_mask": np.ones((1, tokens), dtype=np.int64)})
    exact = (255 - ZERO) * weights.sum(axis=0) * STEP * 0.01
    assert found == pytest.approx(np.broadcast_to(exact, found.shape), rel=1e-5)


@pytest.mark.parametrize(
    ("is_bounded", "has_vnni", "setting"), ((False, False, "1"), (True, False, "0"), (False, True, "0"))
)
def test_a_bounded_model_needs_no_exact_sums(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_bounded: bool, has_vnni: bool, setting: str
) -> None:
    monkeypatch.setattr(session, "adds_exactly", lambda: has_vnni)
    onnx.save(product(weights_of(1)), str(tmp_path / "model.onnx"))
    opened = open_session(tmp_path / "model.onnx", is_bounded=is_bounded)
    assert opened.get_session_options().get_session_config_entry(EXACT) == setting  # type: ignore[attr-defined]


def run(model: onnx.ModelProto, path: Path, inputs: dict[str, Any]) -> NDArray[np.float32]:
    onnx.save(model, str(path))
    opened = open_session(path, is_bounded=True)
    return np.asarray(opened.run(["out"], inputs)[0])
