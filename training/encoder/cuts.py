"""The service's own segments of a text, as places in it: what is seen, where the segment begins, where it ends."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.base import BatchItem
from detectors.types import Finding
from sidecar.values import Part
from workbench.evaluation.segments import segments_of


class Reader:
    """Stands in for the model's detectors: all of them ask for this much text before a segment."""

    name = "calibration"
    model = ""
    labels: frozenset[str] = frozenset()
    look_behind = 160

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        """Nothing: the segments are what is wanted."""
        return [[] for _ in items]


PARTS = dict.fromkeys(("direct", "jailbreak", "benign", "hard_negative", "system_prompt"), Part.USER) | dict.fromkeys(
    ("document", "indirect", "tool_output"), Part.CONTEXT
)
"""Whose words a row of injection data is, by its kind."""


def cut_ends(text: str, part: str) -> list[tuple[int, int, int]]:
    """(first character seen, first of the segment, end of the segment) for each segment of the text."""
    return [(each.start - each.begin, each.start, each.end) for each in segments_of(Reader(), text, Part(part))]
