"""The pattern scanners of one lane: what they find, and how far everything is decided.

Where the text of another lane comes, `probe` asks every scanner what it would find if the text ended there. What it
says stands (`seal`): when the lane goes on, and a match turns out longer, its rest is the continuation of what was
found. A probe looks at no more than what is undecided, and what scanners need before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from detectors.base import PatternScanner, Scan, ToolCall, forked, plain_words_of, scan_of_call
from detectors.types import Finding
from sidecar.core.buffer import TextBuffer
from sidecar.core.trace import Holder, Told
from sidecar.policy.decide import Violation, decide
from sidecar.policy.plan import ScannerPlan


class Broken(msgspec.Struct, frozen=True):
    """A scan that raised: what stands in `[start, end)` was not looked at, nor is anything behind it."""

    scanner: ScannerPlan
    start: int
    end: int
    error: str


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """A violation. `is_rest` when it continues one that was sealed: then its decision was made."""

    violation: Violation
    is_rest: bool = False


class Marked(msgspec.Struct, frozen=True, gc=False):
    """Something of the form of a stand-in."""

    start: int
    end: int
    form: str


Seen: TypeAlias = Sighting | Marked | Broken


class _DeadScan:
    """Stands in for a scan that raised: it finds nothing and holds nothing."""

    def __init__(self, end: int) -> None:
        self.cleared = end

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """Clear all text."""
        self.cleared = offset + len(text)
        return ()


class _Afresh:
    """A scan of what a lane says behind `base`, in the lane's offsets: what stands before it is over."""

    def __init__(self, scan: Scan, scanner: PatternScanner, base: int) -> None:
        self._scan = scan
        self._scanner = scanner
        self._base = base

    @property
    def cleared(self) -> int:
        """As the lane counts."""
        return self._base + self._scan.cleared

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """Look at the text behind the base."""
        skipped = max(0, self._base - offset)
        found = self._scan.advance(text[skipped:], max(0, offset - self._base), is_final=is_final)
        return [
            msgspec.structs.replace(each, start=each.start + self._base, end=each.end + self._base) for each in found
        ]

    def fork(self) -> Scan:
        """Another scan in the same state."""
        return _Afresh(forked(self._scan, self._scanner), self._scanner, self._base)


class _Reader:
    """One scanner at its lane."""

    __slots__ = ("_plain", "_sealed", "_supposed", "_told", "earlier", "look_behind", "plan", "scan")

    def __init__(self, plan: ScannerPlan, told: Told | None = None, call: ToolCall | None = None) -> None:
        self.plan = plan
        self._told = told
        self.scan: Scan = scan_of_call(plan.detector, call)
        self.look_behind = plan.detector.look_behind
        self._plain = plain_words_of(plan.detector)
        self.earlier: list[Violation] = []
        """The violations that reach into text that is still undecided: they may dominate later ones."""
        self._supposed: Sequence[Violation] = ()
        self._sealed: list[Violation] = []

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Seen]:
        """What is found in the text that arrived."""
        findings = self.scan.advance(text, offset, is_final=is_final)
        if not findings:
            return ()
        violations = decide(self.plan.rules, findings, self.earlier)
        if self._told is not None:
            self._told(self.plan, None, findings, violations)
        self.earlier = self._reaching((*self.earlier, *violations))
        return [Sighting(each, self._continues(each)) for each in violations]

    def probe(self, text: str, offset: int) -> Sequence[Seen]:
        """What would be found, beside what is known, if the text ended here."""
        findings = forked(self.scan, self.plan.detector).advance(text, offset, is_final=True)
        self.earlier = self._reaching(self.earlier)
        self._supposed = decide(self.plan.rules, findings, self.earlier)
        if self._told is not None:
            self._told(self.plan, None, findings, self._supposed)
        return [Sighting(each, self._continues(each)) for each in self._supposed]

    def seal(self, text: str, end: int) -> None:
        """Let stand what the last probe said. `text` is held, and ends at `end`: plain words are over there."""
        if text and not self._supposed and self._plain is not None and self._plain.fullmatch(text):
            self.scan = _Afresh(self.plan.detector.start(), self.plan.detector, end)
        self.earlier += self._supposed
        self._sealed = self._reaching((*self._sealed, *self._supposed))
        self._supposed = ()

    def _reaching(self, violations: Iterable[Violation]) -> list[Violation]:
        cleared = self.scan.cleared
        return [each for each in violations if each.finding.end > cleared]

    def _continues(self, violation: Violation) -> bool:
        """Whether it begins in a violation of the same rule that was sealed."""
        start = violation.finding.start
        return any(
            each.rule is violation.rule and each.finding.start <= start < each.finding.end for each in self._sealed
        )


class _MarkReader(_Reader):
    """What reads stand-ins at its lane. They are no violations."""

    __slots__ = ()

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Marked]:
        """What is found in the text that arrived."""
        found = self.scan.advance(text, offset, is_final=is_final)
        return [Marked(each.start, each.end, each.label) for each in found] if found else ()

    def probe(self, text: str, offset: int) -> Sequence[Marked]:
        """What would be found, beside what is known, if the text ended here."""
        found = forked(self.scan, self.plan.detector).advance(text, offset, is_final=True)
        return [Marked(each.start, each.end, each.label) for each in found]


class Scanning:
    """See the module's text."""

    __slots__ = ("_buffer", "_readers", "seen")

    def __init__(
        self,
        plans: Sequence[ScannerPlan],
        buffer: TextBuffer,
        *,
        marks: PatternScanner | None,
        told: Told | None = None,
        call: ToolCall | None = None,
    ) -> None:
        """`marks` finds what has the form of a stand-in; `told` is told what became of findings.

        `call` is the call that the text is part of, where that matters.
        """
        self._buffer = buffer
        self._readers = [_Reader(each, told, call) for each in plans]
        if marks is not None:
            self._readers.insert(0, _MarkReader(ScannerPlan(marks, ())))
        self.seen = 0
        """How far the scanners were given the text."""

    @property
    def cleared(self) -> int:
        """Every violation that starts before this lane offset is known."""
        mark = self._buffer.end
        for reader in self._readers:
            cleared = reader.scan.cleared
            mark = cleared if cleared < mark else mark
        return mark

    def holders(self) -> Iterator[Holder]:
        """The scanners that have not decided all of the text, and from where on."""
        for reader in self._readers:
            if reader.scan.cleared < self._buffer.end:
                yield Holder(reader.plan.detector.name, reader.scan.cleared)

    @property
    def needed(self) -> int:
        """The scanners need no text before this lane offset."""
        return min((reader.scan.cleared - reader.look_behind for reader in self._readers), default=self._buffer.end)

    def has_cleared(self, position: int) -> bool:
        """Whether every violation that starts before `position` is known."""
        return self.cleared >= position

    def advance(self, *, is_final: bool) -> list[Seen]:
        """What the scanners find in the text that arrived."""
        buffer = self._buffer
        seen: list[Seen] = []
        self.seen = buffer.end
        for reader in self._readers:
            cleared = reader.scan.cleared
            offset = max(buffer.offset, cleared - reader.look_behind)
            try:
                sightings = reader.advance(buffer.tail(offset), offset, is_final=is_final)
            except Exception as error:  # noqa: BLE001 - scanners may be third-party code: the rules' fail modes apply
                seen.append(self._bury(reader, cleared, error))
                continue
            seen += sightings
        return seen

    def probe(self) -> tuple[list[Seen], list[Broken]]:
        """What the scanners would find, beside what they found, if the text ended here."""
        buffer = self._buffer
        found: list[Seen] = []
        broken: list[Broken] = []
        for reader in self._readers:
            cleared = reader.scan.cleared
            if cleared >= buffer.end:
                continue
            offset = max(buffer.offset, cleared - reader.look_behind)
            try:
                found += reader.probe(buffer.tail(offset), offset)
            except Exception as error:  # noqa: BLE001 - as above
                broken.append(self._bury(reader, cleared, error))
        return found, broken

    def seal(self) -> None:
        """Let stand what the last probe said."""
        buffer = self._buffer
        for reader in self._readers:
            reader.seal(buffer.slice(reader.scan.cleared, buffer.end), buffer.end)

    def finish(self) -> None:
        """Look at no more text: all is decided as it stands."""
        self._readers = []

    def _bury(self, reader: _Reader, cleared: int, error: Exception) -> Broken:
        """Use a scan no more that raised. `cleared` is how far it was before: what it did then may not be told."""
        reader.scan = _DeadScan(self._buffer.end)
        return Broken(reader.plan, cleared, max(self._buffer.end, cleared + 1), type(error).__name__)
