"""Rewrites an ONNX model to int8 so that a text's scores do not depend on what else is in its batch.

The usual dynamic quantisation takes one scale for the activations of a whole batch, so a text's score changes with its
neighbours; the usual static one takes fixed scales, which need sample data and lose more. Here each row (one token) of
an activation has its own scale, from its own largest value:

1. `Y = X W` becomes `Y = (round(X / s) Q) s t` with `s` per row of X and `t` per column of W; the product of the
   integers is exact (`MatMulInteger`), so no calibration is needed and a row's result is the same in every batch.
2. Embedding tables become int8 with a scale for each row.

Measured on one core with 512 rows and a 384 x 1536 matrix: float 7.5 ms, this 4.3 ms, static int8 2.2 ms; the largest
error 1.2 % of the largest value, static 2.9 %.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STEPS = 127
_LEAST = 1e-9
_LEAST_ROWS = 16
"""A smaller table or matrix is not worth it."""

Floats = NDArray[np.float32]


def quantise(source: Path, target: Path) -> None:
    """Write `source` as int8 to `target`."""
    import onnx

    model = onnx.load(str(source))
    rewriting = _Rewriting(model.graph)
    nodes = [new for node in model.graph.node for new in rewriting.rewritten(node)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(rewriting.made)
    used = {name for node in nodes for name in node.input} | {each.name for each in model.graph.output}
    kept = [each for each in model.graph.initializer if each.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


class _Rewriting:
    """Takes the nodes in order; what several of them share (a row's scales, a table) is made once."""

    def __init__(self, graph: Any) -> None:
        from onnx import numpy_helper

        self._tensors = {each.name: each for each in graph.initializer}
        self._to_array = numpy_helper.to_array
        self._from_array = numpy_helper.from_array
        self._rows: dict[str, tuple[str, str]] = {}
        self._constants: dict[str, tuple[str, str]] = {}
        self.made: list[Any] = [
            self._from_array(np.asarray(value), name)
            for name, value in (
                ("q/least", np.float32(_LEAST)),
                ("q/step", np.float32(1 / _STEPS)),
                ("q/middle", np.float32(_STEPS + 1)),
                ("q/zero", np.uint8(_STEPS + 1)),
            )
        ]

    def rewritten(self, node: Any) -> Iterator[Any]:
        """The nodes in a node's place."""
        if node.op_type == "MatMul" and (weights := self._matrix(node.input[1])) is not None:
            yield from self._product(node, weights)
        elif _is_lookup(node) and (table := self._matrix(node.input[0])) is not None:
            yield from self._lookup(node, table)
        else:
            yield node

    def _matrix(self, name: str) -> Floats | None:
        tensor = self._tensors.get(name)
        if tensor is None or len(tensor.dims) != 2 or tensor.dims[0] < _LEAST_ROWS:
            return None
        values = self._to_array(tensor)
        return values if values.dtype == np.float32 else None

    def _product(self, node: Any, weights: Floats) -> Iterator[Any]:
        integers, scales = self._quantised(node.input[1], weights, axis=0)
        if node.input[0] not in self._rows:
            yield from self._row_scales(node.input[0])
        rows, row_scales = self._rows[node.input[0]]
        name = node.output[0]
        yield _node("MatMulInteger", [rows, integers, "q/zero"], f"{name}/sum")
        yield _node("Cast", [f"{name}/sum"], f"{name}/float", to=1)
        yield _node("Mul", [f"{name}/float", row_scales], f"{name}/rows")
        yield _node("Mul", [f"{name}/rows", scales], name)

    def _row_scales(self, values: str) -> Iterator[Any]:
        name = f"{values}/q"
        self._rows[values] = f"{name}/uint8", f"{name}/scale"
        yield _node("Abs", [values], f"{name}/abs")
        yield _node("ReduceMax", [f"{name}/abs"], f"{name}/largest", axes=[-1], keepdims=1)
        yield _node("Max", [f"{name}/largest", "q/least"], f"{name}/most")
        yield _node("Mul", [f"{name}/most", "q/step"], f"{name}/scale")
        yield _node("Div", [values, f"{name}/scale"], f"{name}/steps")
        yield _node("Round", [f"{name}/steps"], f"{name}/round")
        yield _node("Add", [f"{name}/round", "q/middle"], f"{name}/shifted")
        yield _node("Cast", [f"{name}/shifted"], f"{name}/uint8", to=2)

    def _lookup(self, node: Any, table: Floats) -> Iterator[Any]:
        integers, scales = self._quantised(node.input[0], table, axis=1)
        name = node.output[0]
        yield _node("Gather", [integers, node.input[1]], f"{name}/int8")
        yield _node("Cast", [f"{name}/int8"], f"{name}/float", to=1)
        yield _node("Gather", [scales, node.input[1]], f"{name}/scale")
        yield _node("Mul", [f"{name}/float", f"{name}/scale"], name)

    def _quantised(self, name: str, values: Floats, *, axis: int) -> tuple[str, str]:
        """Names of a matrix in int8 and of its scales, from the largest value along `axis`."""
        if name not in self._constants:
            scales = np.maximum(np.abs(values).max(axis=axis, keepdims=axis == 1), _LEAST) / _STEPS
            integers = np.round(values / scales).astype(np.int8)
            self._constants[name] = f"{name}/int8", f"{name}/scales"
            self.made.append(self._from_array(integers, f"{name}/int8"))
            self.made.append(self._from_array(scales.astype(np.float32), f"{name}/scales"))
        return self._constants[name]


def _is_lookup(node: Any) -> bool:
    """Whether rows are gathered: axis 0, which is the default."""
    return bool(node.op_type == "Gather" and not any(each.i for each in node.attribute))


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(kind, inputs, [output], **attributes)
