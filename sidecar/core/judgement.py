"""What is known of a closed text: what stands in it by one policy, so that nobody has to look at it again.

A lane that is looked at takes notes of what its detectors say; those of a text that came whole, and of which all was
looked at, are its judgement. A lane that recalls one is told the same again, and acts on it as it did. So a judgement
holds neither text nor replacements, and says nothing of the stream that it was made in.
"""

from __future__ import annotations

import msgspec

from detectors.types import Finding
from sidecar.policy.decide import Violation


class Noted(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A violation, in offsets of the text as detectors read it.

    `segment` says in which of the lane's segments, from 1, a model found it; 0: a scanner did.
    """

    rule: int
    start: int
    end: int
    label: str
    score: float
    reason: str
    segment: int
    model: str

    @property
    def finding(self) -> Finding:
        """What was found."""
        return Finding(self.start, self.end, self.label, self.score, self.reason)


class Judgement(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """See the module's text. `chars` is the text's length as detectors read it, `segments` how many it was cut into."""

    chars: int
    segments: int
    noted: tuple[Noted, ...] = ()
    unscanned_chars: int = 0
    reasons: tuple[str, ...] = ()


class Notes:
    """What is found in one lane while it is looked at.

    `chars` is the lane's length once it was closed, `segments` how many segments it was cut into; the first of them is
    the stream's segment behind `before`.
    """

    __slots__ = ("_noted", "before", "chars", "is_spoilt", "segments")

    def __init__(self) -> None:
        self._noted: list[Noted] = []
        self.before = 0
        self.chars: int | None = None
        self.segments = 0
        self.is_spoilt = False
        """Whether something was not looked at, so that no judgement comes of it."""

    def close(self, chars: int, segments_made: int) -> None:
        """Note where the text ends."""
        self.chars, self.segments = chars, segments_made - self.before

    def add(self, violation: Violation, segment: int | None, model: str) -> None:
        """Note a violation, with the number of the segment that it was found in if it was a model that found it."""
        place = 0 if segment is None else segment - self.before
        found = violation.finding
        self._noted.append(
            Noted(violation.rule.index, found.start, found.end, found.label, found.score, found.reason, place, model)
        )

    def judgement(self, unscanned_chars: int, reasons: tuple[str, ...]) -> Judgement:
        """What is known of the text."""
        return Judgement(self.chars or 0, self.segments, tuple(self._noted), unscanned_chars, reasons)
