"""Int8 weights whose products cannot overflow where a processor adds two of them in 16 bits.

Processors without VNNI multiply eight bits by an instruction that adds two neighbouring products, each of an input of
0 to 255, in 16 bits (`detectors/models/processor.py`). The sum overflows when two neighbouring weights of one sign are
larger than 128 together. Of a matrix that was quantised with a step for each column, two pairs in a hundred are.

`bounded` makes a matrix without such pairs, near the given one for the inputs that it is shown:

1. rows are rounded in order, and what rounding took from one is made up by those that follow, as the inputs' second
   moments say (Frantar et al., GPTQ). A pair that is too large is made smaller in both;
2. a column's step may grow, so that its weights become smaller. Of a few steps (`GROWTH`) the one with the least error
   is taken. A column without such a pair stays as it is, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from training.graph import Feed
from training.sessions import cpu_session

Array = NDArray[np.float64]
Weights = NDArray[np.int8]

MOST = 128
"""Two neighbouring weights of one sign: 255 * 128 fits into 16 bits, 255 * 129 does not."""
LARGEST = 127
GROWTH = (0.0, 0.25, 0.5, 0.75, 1.0)
"""How far a column's step grows, from not at all to where its largest pair fits by that alone."""
DAMPING = 0.01
"""Added to the moments' diagonal, as a part of its mean: inputs that were not seen may come."""
PRODUCT = "MatMulIntegerToFloat"


def pairs(weights: NDArray[np.integer]) -> NDArray[np.int64]:
    """The larger of the positive and the negative sum of each two rows, (rows / 2, columns); an odd row has zeros."""
    wide = np.asarray(weights, dtype=np.int64)
    wide = np.concatenate([wide, np.zeros((len(wide) % 2, wide.shape[1]), dtype=np.int64)])
    up, down = np.maximum(wide, 0), np.maximum(-wide, 0)
    return np.maximum(up[0::2] + up[1::2], down[0::2] + down[1::2])


def is_bounded(model: onnx.ModelProto) -> bool:
    """Whether no product of the model can overflow."""
    tensors = {each.name: each for each in model.graph.initializer}
    weights = (numpy_helper.to_array(tensors[node.input[1]]) for node in _products(model))
    return all(each.dtype == np.int8 and pairs(each).max(initial=0) <= MOST for each in weights)


def bounded(weights: Weights, steps: Array, moments: Array) -> tuple[Weights, Array]:
    """The matrix (rows, columns) and its columns' steps; `moments` are the inputs' (rows, rows)."""
    over = pairs(weights).max(axis=0) / MOST
    columns = np.flatnonzero(over > 1)
    real = weights[:, columns] * steps[columns]
    spread = _spread(moments)
    found, errors = [], []
    for growth in GROWTH:
        grown = steps[columns] * (1 + growth * (over[columns] - 1))
        rounded = _rounded(real, grown, spread)
        off = rounded * grown - real
        found.append((rounded, grown))
        errors.append((off * (moments @ off)).sum(axis=0))
    best = np.argmin(errors, axis=0)
    weights, steps = weights.copy(), steps.copy()
    for place, (column, choice) in enumerate(zip(columns, best, strict=True)):
        weights[:, column], steps[column] = found[choice][0][:, place], found[choice][1][place]
    return weights, steps


def bound(model: onnx.ModelProto, feeds: Iterable[Feed]) -> None:
    """Bound all products of a model, for the inputs that these feeds lead to."""
    moments = input_moments(model, feeds)
    tensors = {each.name: each for each in model.graph.initializer}
    for node in _products(model):
        weight, step = tensors[node.input[1]], tensors[node.input[3]]
        steps = numpy_helper.to_array(step).astype(np.float64)
        rows, grown = bounded(numpy_helper.to_array(weight), steps, moments[node.input[0]])
        weight.CopyFrom(numpy_helper.from_array(rows, weight.name))
        step.CopyFrom(numpy_helper.from_array(grown.astype(np.float32), step.name))


def input_moments(model: onnx.ModelProto, feeds: Iterable[Feed]) -> Mapping[str, Array]:
    """The mean products of each two channels of what goes into each int8 product, over the tokens that are read."""
    scales = {node.input[0]: (node.input[2], node.input[4]) for node in _products(model)}
    tensors = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    watched = onnx.ModelProto.FromString(model.SerializeToString())
    watched.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in scales)
    session = cpu_session(watched.SerializeToString(), threads=1)
    sums: dict[str, Array] = {}
    count = 0
    for feed in feeds:
        read = feed["attention_mask"] > 0
        count += int(read.sum())
        for name, value in zip(scales, session.run(list(scales), dict(feed)), strict=True):
            rows = value[read] if value.shape[:2] == read.shape else value.reshape(-1, value.shape[-1])
            step, zero = (tensors[each] for each in scales[name])
            seen = (rows.astype(np.float64) - float(zero)) * float(step)
            sums[name] = sums.get(name, 0.0) + seen.T @ seen
    return {name: each / count for name, each in sums.items()}


def _products(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if node.op_type == PRODUCT]


def _spread(moments: Array) -> Array:
    """Upper triangle: how much of a row's rounding error each of the rows behind it makes up for."""
    damped = moments + np.eye(len(moments)) * (DAMPING * float(np.diag(moments).mean()))
    return np.asarray(np.linalg.cholesky(np.linalg.inv(damped)).T)


def _rounded(real: Array, steps: Array, spread: Array) -> Array:
    """Whole numbers of steps near `real` (rows, columns), no pair of them too large."""
    left, found = real / steps, np.zeros_like(real)
    for row in range(len(real)):
        low, high = _limits(row, left, found)
        found[row] = np.clip(np.round(left[row]), low, high)
        off = (left[row] - found[row]) / spread[row, row]
        left[row + 1 :] -= spread[row, row + 1 :, None] * off
    return found


def _limits(row: int, left: Array, found: Array) -> tuple[Array, Array]:
    """What a row may be: the second of a pair what the first leaves, the first so much that both give up the same."""
    if row % 2:
        first = found[row - 1]
        return np.maximum(-LARGEST, -MOST - np.minimum(first, 0)), np.minimum(LARGEST, MOST - np.maximum(first, 0))
    own, next_ = left[row], left[row + 1] if row + 1 < len(left) else np.zeros_like(left[row])
    over = np.where(own * next_ > 0, np.maximum(np.abs(own) + np.abs(next_) - MOST, 0), 0)
    most = np.clip(np.floor(np.maximum(np.abs(own) - over / 2, 0)), 0, LARGEST)
    return np.where(over > 0, -most, -LARGEST), np.where(over > 0, most, LARGEST)
