"""The weights of the signals: a logistic model in which no signal may count the other way than it is said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.adherence.rating import signals
from benchmarks.adherence.rows import Row
from detectors.task_adherence.weights import WEIGHTS

_STEPS, _RATE, _RIDGE = 4000, 0.3, 1.0
_FOR = ("overlap", "asked_values", "delegated")
_EITHER = ("acts", "runs")


def fitted(rows: Sequence[Row]) -> tuple[float, dict[str, float]]:
    """The base and the weights by descent on rows that are labelled."""
    names = [*WEIGHTS]
    table = np.array([[found[name] for name in names] for found in map(signals, rows)])
    wrong = np.array([row.is_wrong for row in rows], dtype=float)
    weights, base = np.zeros(len(names)), -2.0
    least = np.array([-np.inf if name in _FOR + _EITHER else 0.0 for name in names])
    most = np.array([0.0 if name in _FOR else np.inf for name in names])
    for _ in range(_STEPS):
        error = (1 / (1 + np.exp(-(table @ weights + base))) - wrong) / len(rows)
        weights = np.clip(weights - _RATE * (table.T @ error + _RIDGE * weights / len(rows)), least, most)
        base -= _RATE * float(error.sum())
    return base, dict(zip(names, weights.tolist(), strict=True))
