"""Where personal data could be: the lexer that cuts a growing text into blocks.

Everything that the recognizers match has a digit, an `@`, or a dot between letters. Around each such trigger lies a
block: the run of characters without a stop character (white space, quotes, brackets), and the runs joined to it, as the
groups of a number are. No match crosses the ends of a block (a test compares with the recognizers on whole texts), so a
block can be examined alone, and text outside blocks is cleared at once.

1. `Lexer.next_block` looks for a trigger. Without one, only the run at the end of the text is held: it may yet become
   an address.
2. With one, the block begins where the run does, or a little before: at the `(` of a dialling code, at the two letters
   of `AB 12 34 56 C`.
3. It grows, run by run, while what follows a stop character can continue a number (`_joins`); if that cannot be known
   yet, the block waits. Nothing that was read is read again.
4. A block of more than `MOST` characters (no stop character for so long) is cut: it is examined with `OVERLAP`
   characters more, and the next begins at its limit. Only there can a match longer than `OVERLAP` be missed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import regex

from detectors.pii.characters import EXTENSION, GLUE, JOINERS, PLUS, STOP

MOST = 512
OVERLAP = 320
"""An e-mail address is at most 320 characters long, a host name 253."""
LOOK_AHEAD = MOST + OVERLAP + 32

_TRIGGER = re.compile(r"[\d@]|(?<=\w)\.(?=[^\W\d_])")
_QUIET = re.compile(r"(?:([A-Za-z,;'\n ]*[\n ])[A-WYZa-wyz])?[A-Za-z]*\Z")
_RUN = re.compile(f"[^{STOP}]*")
_LEAD_RUN = re.compile(rf"[{JOINERS}{PLUS}]{{0,4}}(?:\d|\Z)")
_NINO_LETTERS = "[A-CEGHJ-PR-TW-Za-ceghj-pr-tw-z]", "[A-CEGHJ-NPR-TW-Za-ceghj-npr-tw-z]"
_LEAD = re.compile(rf"(?:[{JOINERS}]{{0,4}}[(\[（［{PLUS}]){{1,2}}| {_NINO_LETTERS[1]}{_NINO_LETTERS[0]}(?![^\W_])")
"""Read backwards from the beginning of a run: the opening of a number, or two letters that digits may follow."""

_ENDS_IN_DIGIT = re.compile(rf"\d[{JOINERS}]{{0,4}}\Z")
_ENDS_IN_LETTERS = re.compile(rf"(?<![^\W_]){''.join(_NINO_LETTERS)}\Z")
_ENDS_IN_PAIRS = re.compile(rf"(?<![^\W_]){''.join(_NINO_LETTERS)} ?\d\d ?\d\d ?\d\d\Z")
_ENDS_IN_IBAN = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d\d(?:[ -]?[A-Za-z0-9]{4}){0,8}\Z")
_IS_URL = re.compile(r"://|\.[^\W\d_]{2,}(?::\d+)?[/?#]")
_DIGITS_FOLLOW = regex.compile(rf"[{GLUE}]{{1,4}}[{JOINERS}]{{0,4}}\d")
_EXTENSION_FOLLOWS = regex.compile(EXTENSION, regex.IGNORECASE)
_PAIR_FOLLOWS = regex.compile(r" \d")
_LETTER_FOLLOWS = regex.compile(r" [A-Da-d](?![^\W_])")
_GROUP_FOLLOWS = regex.compile(r" [A-Za-z0-9]")
_URL_FOLLOWS = regex.compile(rf"[,;]{{1,16}}[^{STOP}]")

_FOLLOWERS = (
    (_ENDS_IN_DIGIT, 6, _DIGITS_FOLLOW),
    (_ENDS_IN_DIGIT, 6, _EXTENSION_FOLLOWS),
    (_ENDS_IN_LETTERS, 3, _PAIR_FOLLOWS),
    (_ENDS_IN_PAIRS, 12, _LETTER_FOLLOWS),
    (_ENDS_IN_IBAN, 48, _GROUP_FOLLOWS),
)
"""What a block may end with, in how many characters to look for that, and what then continues it."""

_CUT, _WAIT = -1, -2


class Block(NamedTuple):
    """A place to examine, in lane offsets; `is_cut` when it goes on behind its end, with at least `OVERLAP` there."""

    begin: int
    end: int
    is_cut: bool


class Lexer:
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
        """Where the run that contains `at` begins, with what may lead into a number, not before `low`."""
        backwards = text[max(low, at - OVERLAP) : at][::-1]
        run = _RUN.match(backwards).end()  # type: ignore[union-attr]  # the pattern matches the empty text
        if _LEAD_RUN.match(text, at - run, at + 1 if at < len(text) else at):
            lead = _LEAD.match(backwards, run)
            run = lead.end() if lead else run
        return at - run

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
        for ending, reach, following in _FOLLOWERS:
            if not ending.search(text[max(begin, end - reach) : end]):
                continue
            follows = following.match(text, end, partial=not is_final)
            if follows:
                return _position(follows)
        return _CUT


def _position(follows: regex.Match[str]) -> int:
    return _WAIT if follows.partial else follows.end() - 1
