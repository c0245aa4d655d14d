"""How rows are rated: by the shipped signals, by each signal alone, or by the pair model."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.adherence.rows import Row
from detectors import registry
from detectors.context import context_of
from detectors.grounding.detector import GroundingChecker
from detectors.task_adherence.detector import foreign_address, off_task
from detectors.task_adherence.effects import pieces
from detectors.task_adherence.reading import Reading
from detectors.task_adherence.signals import call_of, origin_of, signals_of
from detectors.task_adherence.values import leaves_of

_MOST_CLAIM = 400


def signals(row: Row) -> dict[str, float]:
    """All signals of a row's call."""
    reading = Reading(row.task)
    return signals_of(call_of(row.tool, row.arguments, reading), origin_of(row.arguments, reading), reading)


def rated(row: Row) -> tuple[float, str]:
    """The score of `OFF_TASK`, and why."""
    reading = Reading(row.task)
    return off_task(call_of(row.tool, row.arguments, reading), origin_of(row.arguments, reading), reading)


def addressed(row: Row) -> float:
    """1 where `FOREIGN_ADDRESS` is told."""
    reading = Reading(row.task)
    return foreign_address(call_of(row.tool, row.arguments, reading), origin_of(row.arguments, reading), reading)[0]


def pair_model() -> Callable[[Row], float]:
    """A rating by the pair model: how little the request bears out that the user wants the call."""
    kind = registry.get("grounding")
    checker = kind.build(kind.params())
    assert isinstance(checker, GroundingChecker)

    def rate(row: Row) -> float:
        named = " ".join(pieces(row.tool.rpartition("__")[2]))
        claim = f"The user wants to {named}: {', '.join(leaves_of(row.arguments))[:_MOST_CLAIM]}."
        return 1 - checker.support(claim, context_of([row.request]))

    return rate


def timed(rate: Callable[[Row], float], rows: Sequence[Row]) -> tuple[np.ndarray, float]:
    """The scores of rows, and the processor time of one in milliseconds."""
    begun = time.process_time()
    scores = np.array([rate(row) for row in rows])
    return scores, 1000 * (time.process_time() - begun) / max(1, len(rows))
