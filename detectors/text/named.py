"""What a value is called, read as if it stood before it: for scanners to which that matters (`base.ReadsNames`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy

from detectors.base import PatternScanner, Scan, forked, looks_of, plain_words_of
from detectors.types import Finding, Look

MOST_NAMED = 64
"""Characters of a name that are read: its last."""


class NamedScan:
    """A scan of a value with its name before it. Offsets count from the value; nothing is found in the name alone."""

    __slots__ = ("_before", "_scan", "_scanner")

    def __init__(self, scanner: PatternScanner, before: str) -> None:
        """`before` is what is read before the value: the name, and what parts the two."""
        self._scanner = scanner
        self._scan = scanner.start()
        self._before = before

    @property
    def cleared(self) -> int:
        """Every finding that starts before this offset was returned."""
        return max(0, self._scan.cleared - len(self._before))

    def fork(self) -> NamedScan:
        """Another scan in the same state."""
        other = copy(self)
        other._scan = forked(self._scan, self._scanner)
        return other

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """The findings that became certain, by start."""
        size = len(self._before)
        whole, begin = (text, offset + size) if offset else (self._before + text, 0)
        return list(_moved(self._scan.advance(whole, begin, is_final=is_final), size))


def _moved(findings: Sequence[Finding], size: int) -> Iterator[Finding]:
    for each in findings:
        if each.end > size:
            yield Finding(max(0, each.start - size), each.end - size, each.label, each.score, each.reason)


class Named:
    """A pattern scanner that reads names: each stands before its value as `form` says, `{}` being the name."""

    def __init__(self, scanner: PatternScanner, form: str) -> None:
        self.scanner = scanner
        self.name = scanner.name
        self.labels = scanner.labels
        self.plain_words = plain_words_of(scanner)
        self.look_behind = scanner.look_behind
        self.look_ahead = scanner.look_ahead
        self._form = form

    def start(self) -> Scan:
        """Open a scan for one lane."""
        return self.scanner.start()

    def looks(self, text: str) -> Sequence[Look]:
        """How its scanner reads a text otherwise than as it is written."""
        return looks_of(self.scanner, text)

    def start_named(self, name: str) -> Scan:
        """Open a scan for a value of that name."""
        return NamedScan(self.scanner, self._form.format(name[-MOST_NAMED:])) if name else self.scanner.start()
