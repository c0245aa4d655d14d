"""What is known of a detector's scores: how high they get, and what a rule can expect of a threshold.

Who measured nothing says nothing; then nobody is told anything of a threshold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, runtime_checkable

from detectors.base import DetectorType, Params

BELOW_ONE = 1 - 2**-24
"""The highest number of single precision that a sigmoid gives before it is 1: no text reaches 1."""


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured at a threshold: shares of 0 to 1, over so many texts that hold it and that do not."""

    threshold: float
    recall: float
    false_positives: float
    texts: tuple[int, int] = (0, 0)


@runtime_checkable
class HasHighest(Protocol):
    """What a detector type has beside `DetectorType` that knows how high its scores get."""

    @classmethod
    def highest(cls, params: Params) -> Mapping[str, float]:
        """The highest score of each label with these parameters; what is left out may be 1."""
        ...


@runtime_checkable
class HasPoints(Protocol):
    """What a detector type has beside `DetectorType` whose model was measured at several thresholds."""

    @classmethod
    def points(cls, params: Params) -> Mapping[str, Sequence[Point]]:
        """What was measured, by label and rising threshold."""
        ...


def highest_scores(kind: type[DetectorType], params: Params) -> Mapping[str, float]:
    """The highest score of each label, as far as it is known; what is left out may be 1."""
    candidate: object = kind
    return candidate.highest(params) if isinstance(candidate, HasHighest) else {}


def points_of(kind: type[DetectorType], params: Params) -> Mapping[str, Sequence[Point]]:
    """What was measured, by label and rising threshold."""
    candidate: object = kind
    return candidate.points(params) if isinstance(candidate, HasPoints) else {}


def expected(points: Sequence[Point], threshold: float) -> Point | None:
    """What to expect at a threshold, between the two nearest that were measured; None where none was."""
    if not points:
        return None
    if threshold <= points[0].threshold:
        return points[0]
    for lower, upper in pairwise(points):
        if threshold <= upper.threshold:
            share = (threshold - lower.threshold) / (upper.threshold - lower.threshold)
            return Point(
                threshold,
                lower.recall + share * (upper.recall - lower.recall),
                lower.false_positives + share * (upper.false_positives - lower.false_positives),
                lower.texts,
            )
    return points[-1]
