"""Puts one release together: text that is kept, replacements, and where everything stood."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from sidecar.policy.decide import Violation
from sidecar.values import NO_RULE, Annotation, Decision, Lane, Redaction, Release


class ReleaseBuilder:
    """Collects what leaves a lane in one step, so that it leaves as one message."""

    __slots__ = ("_annotations", "_decisions", "_lane", "_length", "_pieces", "_redactions", "_start", "end")

    def __init__(self, lane: Lane, start: int) -> None:
        self._lane = lane
        self._start = start
        self.end = start
        """The lane offset up to which the text is accounted for."""
        self._pieces: list[str] = []
        self._length = 0
        self._annotations: list[Annotation] = []
        self._redactions: list[Redaction] = []
        self._decisions: list[Decision] = []

    def keep(self, text: str) -> None:
        """Let text through as it is."""
        if text:
            self._pieces.append(text)
            self._length += len(text)
            self.end += len(text)

    def replace(self, start: int, end: int, replacement: str, rule: int, label: str) -> None:
        """Let `replacement` stand for `[start, end)`; what stood before must be accounted for."""
        self._pieces.append(replacement)
        begin, self._length = self._length, self._length + len(replacement)
        self._redactions.append(
            Redaction(rule, label, start, end, replacement_start=begin, replacement_end=self._length)
        )
        self.end = end

    def restore(self, start: int, end: int, value: str) -> None:
        """Let `value` stand again for its stand-in at `[start, end)`; what stood before must be accounted for."""
        self.replace(start, end, value, NO_RULE, "")
        self._redactions[-1] = msgspec.structs.replace(self._redactions[-1], is_restored=True)

    def annotate(self, violation: Violation) -> None:
        """Remark on text of this release, or of an earlier one."""
        finding = violation.finding
        self._annotations.append(
            Annotation(
                violation.rule.index,
                finding.label,
                finding.start,
                finding.end,
                finding.score,
                finding.reason,
                finding.grounding,
                violation.rule.advice,
            )
        )

    def record(self, decisions: Iterable[Decision]) -> None:
        """Attach decisions that become visible with this release."""
        self._decisions.extend(decisions)

    def build(self) -> Release | None:
        """The release, or None when nothing happened."""
        if self.end == self._start and not self._annotations and not self._decisions:
            return None
        return Release(
            self._lane,
            "".join(self._pieces),
            self._start,
            self.end,
            tuple(self._annotations),
            tuple(self._redactions),
            tuple(self._decisions),
        )
