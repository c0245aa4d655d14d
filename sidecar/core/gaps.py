"""What of a lane was not looked at, and why: for its coverage."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.base import KNOWN_FALSE_ALARM, UNCHECKED
from detectors.types import Finding
from sidecar.policy.plan import BatchPlan


class Gaps:
    """See the module's text."""

    __slots__ = ("_reasons", "chars")

    def __init__(self) -> None:
        self.chars = 0
        self._reasons: dict[str, None] = {}

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, each reason once."""
        return tuple(self._reasons)

    def add(self, chars: int, reason: str) -> None:
        """Note that so many characters were not looked at."""
        self.chars += chars
        self._reasons[reason] = None

    def recall(self, chars: int, reasons: Sequence[str]) -> None:
        """Note what was noted of the same text before."""
        self.chars += chars
        self._reasons.update(dict.fromkeys(reasons))

    def read(self, batch: BatchPlan, findings: Sequence[Finding]) -> None:
        """Note what a detector could not look at or read, or not at all of, and what it spared as known."""
        for each in findings:
            if each.label == UNCHECKED:
                self.add(each.end - each.start, f"{batch.detector.name}: {each.reason}")
            elif each.label == KNOWN_FALSE_ALARM:
                self.add(0, f"{batch.detector.name}: {each.reason}")
            elif each.grounding is not None and each.grounding.is_cut:
                self.add(0, f"{batch.detector.name}: longer than the model reads")
