"""Addresses of pages: a scanner of their own, since they have no bound and are held to their end.

1. What begins at a place is decided once no character that may follow changes it. Only what may still become an address
   is held: the letters of a scheme, a name of labels with dots as long as a host's name can be, and an address that
   goes on. A run of letters longer than a label, a row of marks or base64 is none of these.
2. An address that goes on for more than `MOST_OF_URL` characters is reported in pieces that touch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from functools import cache

from detectors.pii.best import URL, undominated
from detectors.pii.catalogue import LINKS
from detectors.pii.characters import PLAIN_WORDS
from detectors.pii.context import REACH
from detectors.pii.finders import PatternFinder, Surroundings
from detectors.pii.guards import is_url
from detectors.pii.patterns import FLAGS, LONG_URL, MOST_OF_URL, NOT_LAST_IN_URL, OPEN_URLS, REST_OF_URL
from detectors.types import Finding

_MOST_OF_HOST = 8 * 64 + 61
LOOK_AHEAD = MOST_OF_URL + _MOST_OF_HOST + 16
PIECE = 256
"""Characters of the rest of a long address that are reported together."""

_STRETCH = 512
"""Characters that are examined at a time, so that their work is bounded."""

_QUIET = re.compile(r"([A-Za-z,;'\n ]*[\n ])?[A-Za-z]{0,63}\Z")
"""Plain words, the last of which may become an address: the usual case, in a tenth of the time that `_OPEN` takes."""
_DOT = re.compile(r"(?<=[a-z0-9])\.(?=[a-z])", FLAGS)
"""What stands before the last label of every host."""
_OPEN = [re.compile(each, FLAGS) for each in OPEN_URLS]
_LONG = re.compile(LONG_URL, FLAGS)


class LinkScanner:
    """The pattern scanner for addresses of pages. Immutable; shared by all streams."""

    name = "pii"
    labels = frozenset({URL})
    look_behind = REACH + 2
    look_ahead = LOOK_AHEAD
    plain_words = PLAIN_WORDS

    def __init__(self, finder: PatternFinder) -> None:
        self._finder = finder

    def start(self) -> LinkScan:
        """Open a scan for one lane."""
        return LinkScan(self)

    def address_at(self, text: str, place: int, end: int) -> Finding | None:
        """What begins at a place, if its host and path in `text[place:end]` say so whatever follows."""
        if not is_url(text, place, end):
            return None
        return max(self.findings_between(text, place, place + 1), key=lambda each: each.score, default=None)

    def findings_between(self, text: str, begin: int, end: int) -> list[Finding]:
        """The addresses that begin in `text[begin:end]`; what is around is looked at as far as it decides."""
        low = max(0, begin - self.look_behind)
        around = Surroundings(text[low : end + LOOK_AHEAD], begin - low, end - low)
        found = self._finder.find(around)
        return [_moved(each, low) for each in found]


@cache
def link_scanner() -> LinkScanner:
    """The scanner; compiled once."""
    return LinkScanner(PatternFinder(LINKS))


class LinkScan:
    """The scan of one lane. Positions are lane offsets."""

    __slots__ = ("_long", "_read", "_recent", "_scanner", "cleared")

    def __init__(self, scanner: LinkScanner) -> None:
        self._scanner = scanner
        self._long: Finding | None = None  # the address whose rest begins at `cleared`
        self._read = 0  # how far the address that begins at `cleared` was read; 0 when none does for certain
        self._recent: list[Finding] = []  # those that reach into undecided text
        self.cleared = 0

    def fork(self) -> LinkScan:
        """Another scan in the same state."""
        return copy(self)

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """The findings that became certain, by start, in lane offsets."""
        if not is_final and self._long is None and (quiet := _QUIET.match(text, self.cleared - offset)) is not None:
            self.cleared = max(self.cleared, offset + quiet.end(1))
            return ()
        found: list[Finding] = []
        while self._take_rest(text, offset, found, is_final=is_final):
            long, end = self._next_long(text, offset)
            if long is None:
                end = len(text) if is_final else self._undecided(text, self.cleared - offset, offset)
                found += self._examine(text, offset, end)
                break
            found += self._examine(text, offset, long.start)
            self._long, self._read = long, 0
            self._report(offset + end, found)
        return found

    def _take_rest(self, text: str, offset: int, found: list[Finding], *, is_final: bool) -> bool:
        """Report what is there of the rest of a long address; whether it is over."""
        if self._long is None:
            return True
        end = offset + _rest(text, self.cleared - offset)
        while end - self.cleared >= PIECE:
            self._report(self.cleared + PIECE, found)
        if end == offset + len(text) and not is_final:
            return False
        if end > self.cleared:
            self._report(end, found)
        self._long = None
        return True

    def _report(self, end: int, found: list[Finding]) -> None:
        """A piece of a long address."""
        assert self._long is not None
        found.append(Finding(self.cleared, end, URL, self._long.score, self._long.reason))
        self.cleared = end

    def _next_long(self, text: str, offset: int) -> tuple[Finding | None, int]:
        """The first address that is reported in pieces, in the text's offsets, and where its first piece ends."""
        place = self.cleared - offset
        while len(text) - place > MOST_OF_URL and (begun := _LONG.search(text, place)) is not None:
            address = self._scanner.address_at(text, *begun.span())
            if address is not None:
                return address, begun.end()
            place = begun.start() + 1
        return None, 0

    def _undecided(self, text: str, low: int, offset: int) -> int:
        """Where in the text an address may begin of which not all is there."""
        if self._read and _rest(text, self._read - offset) == len(text):
            self._read = offset + len(text)
            return low
        place, is_sure = min(self._begun(pattern, text, low) for pattern in _OPEN)
        self._read = offset + len(text) if is_sure else 0
        return place

    def _begun(self, pattern: re.Pattern[str], text: str, low: int) -> tuple[int, bool]:
        """Where an address of one kind may begin of which not all is there, and whether it is sure to be one."""
        place = max(low, len(text) - LOOK_AHEAD)
        while (begun := pattern.search(text, place)) is not None:
            place = begun.start()
            has_path = begun["tail"] is not None and text[-1] not in NOT_LAST_IN_URL
            if not has_path or self._scanner.address_at(text, place, begun.end()) is not None:
                return place, has_path
            place += 1
        return len(text), False

    def _examine(self, text: str, offset: int, end: int) -> list[Finding]:
        """The findings that begin before `end`, which are decided."""
        found: list[Finding] = []
        for low in range(self.cleared - offset, end, _STRETCH):
            found += self._best_between(text, offset, low, min(low + _STRETCH, end))
        self.cleared = offset + end
        return found

    def _best_between(self, text: str, offset: int, low: int, end: int) -> list[Finding]:
        if not self._recent and _DOT.search(text, low, end + _MOST_OF_HOST) is None:
            return []
        own = [_moved(each, offset) for each in self._scanner.findings_between(text, low, end)]
        known = [each for each in self._recent if each.end > offset + low]
        best = undominated([*known, *own])
        self._recent = [each for each in best if each.end > offset + end]
        return [each for each in best if each not in known]


def _rest(text: str, place: int) -> int:
    """Where the rest of an address ends that goes on at a place."""
    return REST_OF_URL.match(text, place).end()  # type: ignore[union-attr]  # the pattern matches the empty text


def _moved(finding: Finding, offset: int) -> Finding:
    return Finding(finding.start + offset, finding.end + offset, finding.label, finding.score, finding.reason)
