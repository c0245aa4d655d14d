"""Several pattern scanners as one: for whoever wants all that has a form, whatever it costs in held text."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

from detectors.base import PatternScanner, Scan, forked, looks_of
from detectors.pii.characters import PLAIN_WORDS
from detectors.types import Finding, Look


class Together:
    """Finds what its scanners find. Immutable; shared by all streams."""

    def __init__(self, name: str, scanners: Sequence[PatternScanner]) -> None:
        self.name = name
        self.scanners = tuple(scanners)
        self.labels = frozenset().union(*(each.labels for each in scanners))
        self.plain_words = PLAIN_WORDS
        self.look_ahead = max(each.look_ahead for each in scanners)
        self.look_behind = max(each.look_behind for each in scanners) + self.look_ahead

    def start(self) -> TogetherScan:
        """Open a scan for one lane."""
        return TogetherScan(self.scanners, [each.start() for each in self.scanners])

    def looks(self, text: str) -> Sequence[Look]:
        """How its scanners read a text otherwise than as it is written."""
        return [each for scanner in self.scanners for each in looks_of(scanner, text)]


class TogetherScan:
    """The scans of one lane: what one has found waits until all have come as far."""

    __slots__ = ("_scanners", "_scans", "_waiting", "cleared")

    def __init__(self, scanners: Sequence[PatternScanner], scans: Sequence[Scan]) -> None:
        self._scanners = scanners
        self._scans = scans
        self._waiting: list[Finding] = []
        self.cleared = 0

    def fork(self) -> TogetherScan:
        """Another scan in the same state."""
        other = copy(self)
        other._scans = [forked(*pair) for pair in zip(self._scans, self._scanners, strict=True)]
        other._waiting = list(self._waiting)
        return other

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """The findings that became certain, by start, in lane offsets."""
        for scan in self._scans:
            self._waiting += scan.advance(text, offset, is_final=is_final)
        self.cleared = min(scan.cleared for scan in self._scans)
        if not self._waiting:
            return ()
        self._waiting.sort()
        ready = [each for each in self._waiting if is_final or each.start < self.cleared]
        del self._waiting[: len(ready)]
        return ready
