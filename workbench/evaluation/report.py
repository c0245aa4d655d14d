"""What an evaluation is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from detectors.base import Detector
from workbench.evaluation.metrics import Scores, Truth

Progress: TypeAlias = Callable[[int], None]
"""Is told how many rows each step finished."""
Rows: TypeAlias = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Subject:
    """What is evaluated: the detector with all its parts, its thresholds by label, and the file of the rows."""

    parts: Sequence[Detector]
    thresholds: Mapping[str, float]
    data: Path

    @property
    def detector(self) -> Detector:
        """The only part."""
        (detector,) = self.parts
        return detector


@dataclass(frozen=True)
class Report:
    """Figures of one run, and a row of scores for each row read, in order.

    `curves` has scores and truth for each label whose score is a chance, for plots.
    """

    figures: dict[str, Any]
    scores: list[dict[str, Any]] = field(default_factory=list)
    curves: Mapping[str, tuple[Scores, Truth]] = field(default_factory=dict)
