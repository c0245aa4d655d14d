"""What int8 makes of a product and of a table: close to float, and for each row as if it were alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from detectors.models import processor, session
from detectors.models.session import open_session
from workbench.models.quantise import quantise

_WORDS, _WIDTH, _LABELS = 40, 32, 24


def _write(path: Path, table: NDArray[np.float32], weights: NDArray[np.float32]) -> Path:
    """A model that looks rows up and multiplies them with a matrix."""
    nodes = [helper.make_node("Gather", ["table", "ids"], ["rows"]), helper.make_node("MatMul", ["rows", "w"], ["out"])]
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["rows", "tokens"])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["rows", "tokens", None])
    constants = [numpy_helper.from_array(table, "table"), numpy_helper.from_array(weights, "w")]
    graph = helper.make_graph(nodes, "lookup", [ids], [out], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


def _int8(folder: Path, table: NDArray[np.float32], weights: NDArray[np.float32]) -> session.ModelSession:
    quantise(_write(folder / "float.onnx", table, weights), folder / "int8.onnx")
    return open_session(folder / "int8.onnx")


def _out(model: session.ModelSession, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = model.run(["out"], {"ids": ids})[0]
    return found


def test_int8_is_close_to_float_and_smaller(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    table = random.normal(size=(_WORDS, _WIDTH)).astype(np.float32)
    weights = random.normal(size=(_WIDTH, _LABELS)).astype(np.float32)
    ids = np.arange(_WORDS).reshape(4, 10)
    exact = (table @ weights)[ids]
    found = _out(_int8(tmp_path, table, weights), ids)
    assert float(abs(found - exact).max()) < 0.02 * float(abs(exact).max())
    assert (tmp_path / "int8.onnx").stat().st_size < (tmp_path / "float.onnx").stat().st_size


def test_a_row_is_the_same_in_every_batch(tmp_path: Path) -> None:
    """Also beside a row that is a thousand times larger, which would take all steps of a scale they share."""
    random = np.random.default_rng(6)
    table = random.normal(size=(_WORDS, _WIDTH)).astype(np.float32)
    table[1] *= 1000
    model = _int8(tmp_path, table, random.normal(size=(_WIDTH, _LABELS)).astype(np.float32))
    together = _out(model, np.array([[0, 2, 3], [1, 1, 1]]))
    assert np.array_equal(together[0], _out(model, np.array([[0, 2, 3]]))[0])


@pytest.mark.parametrize("sign", (1, -1))
def test_sums_of_the_largest_products_do_not_overflow(tmp_path: Path, sign: int) -> None:
    """What x86 without VNNI gets wrong unless it is told: two of these products do not fit into 16 bits."""
    table = np.ones((_WORDS, _WIDTH), dtype=np.float32)
    weights = np.full((_WIDTH, _LABELS), sign, dtype=np.float32)
    found = _out(_int8(tmp_path, table, weights), np.array([[0, 1]]))
    assert found == pytest.approx(np.full((1, 2, _LABELS), sign * _WIDTH), rel=1e-5)


@pytest.mark.parametrize(
    ("flags", "exact"),
    (
        ("flags\t\t: fpu avx2 avx512f avx512_vnni", True),
        ("flags\t\t: fpu avx2 avx_vnni", True),
        ("flags\t\t: fpu avx2 avx512f", False),
        ("Features\t: fp asimd", False),
    ),
)
def test_the_processor_says_whether_it_adds_exactly(tmp_path: Path, flags: str, exact: bool) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{flags}\n")
    assert processor.adds_exactly(tmp_path / "cpuinfo") is exact


def test_a_processor_that_says_nothing_is_not_trusted(tmp_path: Path) -> None:
    assert not processor.adds_exactly(tmp_path / "none")
