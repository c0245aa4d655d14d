"""Addresses of pages: a scanner of their own, since they have no bound and are held to their end.

1. The lexer looks for a dot between letters. Without one, only the run at the end of the text is held: it may yet
   become an address.
2. With one, a block begins where the run of characters without a stop character does (white space, quotes, brackets),
   and ends where the run does; commas and semicolons inside an address belong to it.
3. A block of more than `MOST` characters (no stop character for so long) is cut: it is examined with `OVERLAP`
   characters more, and the next begins at its limit. Only there can an address longer than that be missed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from functools import cache
from typing import NamedTuple

import regex

from detectors.pii.best import URL, undominated
from detectors.pii.catalogue import LINKS
from detectors.pii.characters import PLAIN_WORDS, STOP
from detectors.pii.context import REACH
from detectors.pii.finders import PatternFinder, Surroundings
from detectors.pii.patterns import REST_OF_URL
from detectors.types import Finding

MOST = 512
OVERLAP = 320
"""A host name is at most 253 characters long."""
LOOK_AHEAD = MOST + OVERLAP + 32

_TRIGGER = re.compile(r"(?<=\w)\.(?=[^\W\d_])")
_QUIET = re.compile(r"(?:([A-Za-z,;'\n ]*[\n ])[A-Za-z])?[A-Za-z]*\Z")
_RUN = re.compile(f"[^{STOP}]*")
_IS_URL = re.compile(r"://|\.[^\W\d_]{2,}(?::\d+)?[/?#]")
_URL_FOLLOWS = regex.compile(rf"[,;]{{1,16}}[^{STOP}]")

_CUT, _WAIT = -1, -2


class Block(NamedTuple):
    """A place to examine, in lane offsets; `is_cut` when it goes on behind its end, with at least `OVERLAP` there."""

    begin: int
    end: int
    is_cut: bool


class LinkLexer:
    """The state of one lane. Positions are lane offsets.

    `begin` is where the undecided text begins: the block that is growing, or the last run.
    """

    __slots__ = ("_grown", "_is_url", "_read", "begin")

    def __init__(self) -> None:
        self.begin = 0
        self._read = 0  # no trigger before this
        self._is_url = False  # whether the block is the rest of a URL
        self._grown = -1  # how far the block that begins at `begin` has grown; -1 without one

    def next_block(self, text: str, offset: int, *, is_final: bool) -> Block | None:
        """The next block, or None when more text is needed. The caller must `leave` it before asking for another."""
        if self._grown < 0 and (self._is_quiet(text, offset) or not self._open(text, offset)):
            if is_final:
                self.begin = offset + len(text)
            return None
        return self._grow(text, offset, is_final=is_final)

    def leave(self, position: int, *, is_url: bool = False) -> None:
        """Go on at `position`: the end of the block, or where it was cut; `is_url` when a URL was cut there."""
        self.begin = position
        self._is_url = is_url
        self._read = max(self._read, position)
        if self._grown <= position:
            self._grown = -1

    def _is_quiet(self, text: str, offset: int) -> bool:
        """Whether only plain words came: the usual case, in a tenth of the time that `_open` takes."""
        read = self._read - offset
        quiet = _QUIET.match(text, read)
        if quiet is None or text[read - 1 : read] == "." or len(text) + offset - self.begin > OVERLAP:
            return False
        if quiet.end(1) >= 0:
            self.begin = offset + quiet.end(1)
        self._read = offset + len(text)
        return True

    def _open(self, text: str, offset: int) -> bool:
        """Find a trigger and begin a block around it; without one, clear all but the last run."""
        trigger = _TRIGGER.search(text, max(self.begin, self._read - 1) - offset)
        at = trigger.start() if trigger else len(text)
        self.begin = offset + self._run_start(text, self.begin - offset, at)
        self._read = offset + at
        if trigger:
            self._grown = offset + trigger.end()
        return trigger is not None

    @staticmethod
    def _run_start(text: str, low: int, at: int) -> int:
        """Where the run that contains `at` begins, not before `low`."""
        backwards = text[max(low, at - OVERLAP) : at][::-1]
        return at - _RUN.match(backwards).end()  # type: ignore[union-attr]  # the pattern matches the empty text

    def _grow(self, text: str, offset: int, *, is_final: bool) -> Block | None:
        begin, position = self.begin - offset, self._grown - offset
        limit = begin + MOST + OVERLAP
        while True:
            end = position if position > limit else _RUN.match(text, position).end()  # type: ignore[union-attr]
            if end > limit:
                self._grown = offset + end
                return Block(self.begin, self.begin + MOST, is_cut=True)
            position = _WAIT if end == len(text) else self._joins(text, begin, end, is_final=is_final)
            if position == _CUT or (position == _WAIT and is_final):
                self._grown = offset + end
                return Block(self.begin, offset + end, is_cut=False)
            if position == _WAIT:
                self._grown = offset + end
                return None

    def _joins(self, text: str, begin: int, end: int, *, is_final: bool) -> int:
        """Where the block `[begin, end)` goes on behind the stop character at `end`; `_CUT` if not, `_WAIT` if open."""
        if text[end] in ",;" and (self._is_url or _IS_URL.search(text, begin, end)):
            follows = _URL_FOLLOWS.match(text, end, partial=not is_final)
            return _position(follows) if follows else _CUT
        return _CUT


def _position(follows: regex.Match[str]) -> int:
    return _WAIT if follows.partial else follows.end() - 1


class LinkScanner:
    """The pattern scanner for addresses of pages. Immutable; shared by all streams."""

    name = "pii"
    labels = frozenset({URL})
    look_behind = REACH + OVERLAP
    look_ahead = LOOK_AHEAD
    plain_words = PLAIN_WORDS

    def __init__(self, finder: PatternFinder) -> None:
        self._finder = finder

    def start(self) -> LinkScan:
        """Open a scan for one lane."""
        return LinkScan(self)

    def findings_in_block(self, text: str, begin: int, end: int, *, is_cut: bool = False) -> list[Finding]:
        """The addresses that begin in `text[begin:end]`, a block; `text` holds what is around it.

        Right of a block only the stop character that ends it is looked at, and where a block was cut, nothing: more may
        not have arrived yet.
        """
        low = max(0, begin - REACH - 1)
        window = text[low : end if is_cut else end + 1]
        found = self._finder.find(Surroundings(window, begin - low, end - low))
        return undominated(
            Finding(low + start, low + stop, URL, score, self._finder.reason) for start, stop, score in found
        )


@cache
def link_scanner() -> LinkScanner:
    """The scanner; compiled once."""
    return LinkScanner(PatternFinder(LINKS))


class LinkScan:
    """The scan of one lane."""

    __slots__ = ("_lexer", "_scanner", "_unfinished", "cleared")

    def __init__(self, scanner: LinkScanner) -> None:
        self._scanner = scanner
        self._lexer = LinkLexer()
        self._unfinished: Finding | None = None  # an address that goes on behind a cut
        self.cleared = 0

    def fork(self) -> LinkScan:
        """Another scan in the same state."""
        other = copy(self)
        other._lexer = copy(self._lexer)
        return other

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """The findings that became certain, by start, in lane offsets."""
        found: list[Finding] = []
        while (block := self._lexer.next_block(text, offset, is_final=is_final)) is not None:
            found += self._examine(text, offset, block)
        self.cleared = self._lexer.begin
        return found

    def _examine(self, text: str, offset: int, block: Block) -> list[Finding]:
        """The findings that begin in a block; the lexer goes on behind it."""
        begin, end, is_cut = block
        reach = end + OVERLAP if is_cut else end
        found = self._rest_of_address(text, offset, begin, reach)
        for finding in self._scanner.findings_in_block(text, begin - offset, reach - offset, is_cut=is_cut):
            if finding.start + offset < end:
                found.append(_moved(finding, offset))
        last = max(found, key=lambda each: each.end, default=None)
        self._unfinished = last if last and is_cut and last.end == reach else None
        position = max(end, last.end) if last and is_cut else end
        self._lexer.leave(position, is_url=self._unfinished is not None)
        return found

    def _rest_of_address(self, text: str, offset: int, begin: int, reach: int) -> list[Finding]:
        """More of an address that was too long for one block."""
        address = self._unfinished
        rest = REST_OF_URL.match(text, begin - offset, reach - offset) if address else None
        if address is None or rest is None or not rest.group():
            return []
        return [Finding(begin, offset + rest.end(), address.label, address.score, address.reason)]


def _moved(finding: Finding, offset: int) -> Finding:
    return Finding(finding.start + offset, finding.end + offset, finding.label, finding.score, finding.reason)
