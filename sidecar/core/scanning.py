"""The pattern scanners of one lane: what they find, and how far everything is decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import msgspec

from detectors.base import Scan
from detectors.types import Finding
from sidecar.core.buffer import TextBuffer
from sidecar.policy.decide import Violation, decide
from sidecar.policy.plan import ScannerPlan


class Broken(msgspec.Struct, frozen=True):
    """A scan that raised: what stands in `[start, end)` was not looked at, nor is anything behind it."""

    scanner: ScannerPlan
    start: int
    end: int
    error: str


Seen: TypeAlias = Violation | Broken


class _DeadScan:
    """Stands in for a scan that raised: it finds nothing and holds nothing."""

    def __init__(self) -> None:
        self.cleared = 0

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """Clear all text."""
        self.cleared = offset + len(text)
        return ()


class _Reader:
    """One scanner at its lane."""

    __slots__ = ("earlier", "look_behind", "plan", "scan")

    def __init__(self, plan: ScannerPlan) -> None:
        self.plan = plan
        self.scan: Scan = plan.detector.start()
        self.look_behind = plan.detector.look_behind
        self.earlier: list[Violation] = []
        """The violations that reach into text that is still undecided: they may dominate later ones."""

    def judge(self, findings: Sequence[Finding]) -> Sequence[Violation]:
        """The violations among new findings."""
        violations = decide(self.plan.rules, findings, self.earlier)
        cleared = self.scan.cleared
        self.earlier = [each for each in (*self.earlier, *violations) if each.finding.end > cleared]
        return violations


class Scanning:
    """See the module's text."""

    __slots__ = ("_buffer", "_readers", "seen")

    def __init__(self, plans: Sequence[ScannerPlan], buffer: TextBuffer) -> None:
        self._buffer = buffer
        self._readers = [_Reader(each) for each in plans]
        self.seen = 0
        """How far the scanners were given the text."""

    @property
    def cleared(self) -> int:
        """Every violation that starts before this lane offset is known."""
        return min((reader.scan.cleared for reader in self._readers), default=self._buffer.end)

    @property
    def needed(self) -> int:
        """The scanners need no text before this lane offset."""
        return min((reader.scan.cleared - reader.look_behind for reader in self._readers), default=self._buffer.end)

    def has_cleared(self, position: int) -> bool:
        """Whether every violation that starts before `position` is known."""
        return all(reader.scan.cleared >= position for reader in self._readers)

    def advance(self, *, is_final: bool) -> Iterator[Seen]:
        """What the scanners find in the text that arrived."""
        buffer = self._buffer
        self.seen = buffer.end
        for reader in self._readers:
            offset = max(buffer.offset, reader.scan.cleared - reader.look_behind)
            try:
                findings = reader.scan.advance(buffer.tail(offset), offset, is_final=is_final)
            except Exception as error:  # noqa: BLE001 - scanners may be third-party code: the rules' fail modes apply
                yield self._bury(reader, error)
                continue
            if findings:
                yield from reader.judge(findings)

    def _bury(self, reader: _Reader, error: Exception) -> Broken:
        cleared = reader.scan.cleared
        reader.scan = _DeadScan()
        return Broken(reader.plan, cleared, max(self._buffer.end, cleared + 1), type(error).__name__)
