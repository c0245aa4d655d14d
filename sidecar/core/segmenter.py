"""Cuts a lane's text into segments: what a model detector sees.

A cut depends on the text alone, never on where a chunk ended. A cut at position `x` is certain once the character at
`x` has been seen (or the lane ended): nothing waits for a word to be complete, and each character is looked at once:

1. after a newline;
2. after the end of a sentence: `.`, `!`, `?` or an ellipsis with closing quotes or brackets, when white space follows
   (not after an abbreviation, an initial or a list number); the full-width marks need no white space;
3. at a word's beginning, once the segment has `limit` estimated word pieces, but not in what may be a name, a date or
   an address (`_is_in_name`), unless it goes on for `_LONGEST_NAME` pieces; inside a word or a run of punctuation only
   `_OVERSHOOT` pieces later.

In what a user writes, a segment ends where fenced code begins or ends, whatever its length (`fences`).

Short sentences and lines are gathered: 1 and 2 end a segment only when it has `least` pieces, because a model reads a
token of a short text at twice the cost of one in a long text.

A segment that goes on may be **read early** (`early_tokens`): once so many pieces of it came, up to a word's beginning
that is not in what may be a name. That cuts nothing. The first places are all in one segment, the first that has one.

A cut is made only when the segment shows something: white space joins the segment that follows. The first segments of a
lane are short, unless its owner asks for long ones (limit and least ramp up, the latter from nothing), so that its
first words leave early. Estimated word pieces are an upper guess made from characters; a model that counts more splits
the segment into overlapping windows, it never truncates.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

import regex

from sidecar.core.fences import Fences

FIRST_SEGMENT_TOKENS = 16
"""The limit of a lane's first segment; it doubles until it reaches the policy's."""

FIRST_LEAST_TOKENS = 12
"""The least of a lane's second segment; it doubles until it reaches the policy's."""

_OVERSHOOT = 16
_LONGEST_NAME = 12
"""How many pieces beyond its limit a segment may take so as not to part a name. Less than `_OVERSHOOT`."""
CHARS_PER_PIECE = 6
_NOT_DUE = 1 << 30
_NEWLINE = "\n"
_FULL_STOP = "."
_TERMINATORS = frozenset(".!?…")
_WIDE_TERMINATORS = frozenset("。！？｡")
_CLOSERS = frozenset("\"'”’»)]}）」』】")
SENTENCE_ENDS = _TERMINATORS | _WIDE_TERMINATORS | _CLOSERS | {_NEWLINE}
"""What may stand before a segment that begins with a sentence."""
_TOKEN = re.compile(r"([A-Za-z0-9_]+)|([^\S\n]+)|(\n)|(.)", re.DOTALL)
_IS_WORD, _IS_BLANK, _IS_NEWLINE = 1, 2, 3
"""By its groups: what a token is; the last is a mark."""
_MAY_END = re.compile(f"[{_NEWLINE}{''.join(sorted(_TERMINATORS | _WIDE_TERMINATORS))}]")
_WORDS = re.compile(r"[A-Za-z0-9_ ]*")
_WORD = re.compile(r"[^\S\n]*[A-Za-z0-9_]*[^\S\n]*")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'“‘\[])(?:[A-Za-z]|(?:[A-Za-z]\.)+[A-Za-z]|mr|mrs|ms|mx|dr|prof|sr|jr|st|vs|fig|eq|al|cf|approx|inc|ltd|co"
    r"|corp|bros|dept|est|gen|sen|rep|gov|col|capt|lt|sgt|maj|rev|hon|messrs|mme|mlle|mt|ft|ave|blvd|rd|apt|h\.no|jan"
    r"|feb|apr|aug|sept|oct|nov|dec)$",
    re.IGNORECASE,
)
_LIST_NUMBER = re.compile(r"\s*\(?\d{1,3}$")
_LATER_LIST_NUMBER = re.compile(r"\n[^\S\n]*\(?\d{1,3}$")
_WORD_TAIL_CHARS = 12
_NAME_TAIL_CHARS = 32
_PARTICLES = "&|of|the|and|de|del|della|di|da|dos|das|du|la|le|les|van|von|der|den|ter|ten|zu|zum|al|el|bin|ibn|abu|y|e"
_ENDS_IN_NAME = regex.compile(rf"(?<![\p{{L}}\p{{N}}])\p{{Lu}}[^\s,;:!?]*(?:\s+(?:{_PARTICLES})){{0,2}}\s+\Z")
_ENDS_IN_PART = regex.compile(rf"(?<![\p{{L}}\p{{N}}])(?:[\p{{Lu}}\p{{N}}][^\s,;:!?]*,?|{_PARTICLES})\s+\Z")
"""What a name, a date or an address may go on after, when what follows is a capital letter or a digit."""


class Patience:
    """How long text of a lane may wait for what follows, and nothing leaves or is asked the later for it.

    It holds from one step of the core to the next. Asking it costs a fraction of a step: most tokens complete nothing.
    """

    __slots__ = ("_calm", "_pieces")

    def __init__(self, pieces: int, calm: int) -> None:
        """So many word pieces of any text, and of text in which no sentence ends; below 0 none."""
        self._pieces = pieces
        self._calm = calm

    def lasts(self, text: str) -> bool:
        """Whether the text, which comes next, may wait. Its pieces are guessed from above.

        The mark that ends a sentence may be the last that does: a cut behind it is not certain before what follows.
        """
        pieces, ending = _weight_of(text) if len(text) <= _TOKEN_CHARS else _weight(text)
        self._pieces -= pieces
        self._calm -= pieces
        if self._calm < 0 or ending is _Ending.NONE:
            return self._pieces >= 0 or self._calm >= 0
        self._calm = -1
        return self._pieces >= 0 or ending is _Ending.LAST


class _Ending(Enum):
    """Where a text has a mark that may end a sentence: nowhere, at its end only, or where text or a line follows."""

    NONE = auto()
    LAST = auto()
    INSIDE = auto()


def _weight(text: str) -> tuple[int, _Ending]:
    """How many word pieces a text has at most, and whether a sentence may end in it."""
    pieces = _most_pieces(text)
    found = None if pieces < len(text) else _MAY_END.search(text)
    if found is None:
        return pieces, _Ending.NONE
    is_last = found.end() == len(text) and found.group() != _NEWLINE
    return pieces, _Ending.LAST if is_last else _Ending.INSIDE


_TOKEN_CHARS = 12
"""A text that is longer is no token, which would come again."""
_weight_of = lru_cache(maxsize=8192)(_weight)


def _most_pieces(text: str) -> int:
    """How many word pieces a text has at most, whatever it follows: as many as characters, where it is not words."""
    if _WORD.fullmatch(text) is not None:
        return -(-len(text) // CHARS_PER_PIECE)
    if _WORDS.fullmatch(text) is not None:
        return len(text) // CHARS_PER_PIECE + text.count(" ") + 1
    return len(text)


class Place(NamedTuple):
    """Where the beginning of a segment ends that is read early, and where that segment begins (lane offsets).

    `is_try`: it is one of the first, which are read until one of them is plain.
    """

    end: int
    start: int
    is_try: bool = False


class Segmenter:
    """The segmenter of one lane. `advance` returns the ends of the segments that became certain."""

    __slots__ = (
        "_count",
        "_due",
        "_early",
        "_every",
        "_fences",
        "_has_text",
        "_has_tried",
        "_in_word",
        "_least",
        "_least_later",
        "_limit",
        "_maximum",
        "_position",
        "_sentence_over",
        "_stretches",
        "_tries",
        "_wide_over",
        "start",
    )

    def __init__(
        self,
        max_tokens: int,
        *,
        first_tokens: int = FIRST_SEGMENT_TOKENS,
        least_tokens: int = 0,
        first_least_tokens: int = 0,
        knows_code: bool = False,
        early_tokens: Sequence[int] = (),
    ) -> None:
        """`knows_code`: whether segments are to lie in fenced code, or outside of it.

        `early_tokens`: how many pieces come between a segment's beginning, or the last early place, and the next one.
        The last number, if it is not 0, counts for all places but the first, which have one each.
        """
        self._maximum = max_tokens
        self._least_later = min(least_tokens, max_tokens)
        self._least = min(first_least_tokens, self._least_later)
        self._limit = min(first_tokens, max_tokens)
        self.start = 0
        """Where the unfinished segment begins (lane offset)."""
        self._position = 0
        self._fences = Fences() if knows_code else None
        self._stretches: deque[tuple[int, bool]] = deque([(0, False)])
        """Where fenced code begins and ends, and whether it does; from the one that the last segment was in."""
        self._tries = deque(early_tokens[:-1])
        self._every = early_tokens[-1] if early_tokens else 0
        self._has_tried = False
        self._early: list[Place] = []
        self._begin()

    def stretch(self, position: int) -> tuple[int, bool]:
        """Where the stretch begins that the text at `position` is in, and whether it is code. Positions must rise."""
        stretches = self._stretches
        while len(stretches) > 1 and stretches[1][0] <= position:
            stretches.popleft()
        return stretches[0]

    def advance(self, text: str, offset: int) -> list[int]:
        """Look at what arrived. `text` is the lane's text from `offset` on and holds the unfinished segment whole."""
        cuts: list[int] = []
        for token in _TOKEN.finditer(text, self._position - offset):
            kind = token.lastindex
            if self._fences is not None and kind != _IS_NEWLINE:
                self._fences.take(token.group())
            if kind == _IS_WORD:
                self._take_word(token.group(), token.start() + offset, text, offset, cuts)
            elif kind == _IS_BLANK:
                if (self._sentence_over or self._wide_over) and self._may_end:
                    self._cut(token.start() + offset, cuts)
                self._in_word = 0
            elif kind == _IS_NEWLINE:
                self._take_newline(token.start() + offset, cuts)
            else:
                self._take_mark(token.group(), token.start() + offset, text, offset, cuts)
        self._position = offset + len(text)
        return cuts

    def take_early(self) -> list[Place]:
        """The places that became certain since this was asked last, where the beginning of a segment is read early."""
        early, self._early = self._early, []
        return early

    @property
    def patience(self) -> tuple[int, int]:
        """How many word pieces may come after `advance` before a segment may end, or be read early, and of no sentence.

        Until it has its least pieces no segment ends, but where fenced code begins or ends. Below 0 none may come.
        """
        room = min(self._limit, self._due) - self._count
        least = -1 if self._fences is not None else min(room, self._least - self._count - 1)
        return least, -1 if self._sentence_over or self._wide_over else room

    def finish(self) -> int | None:
        """The end of the last segment, when the lane ends here and something is left."""
        return self._position if self._position > self.start else None

    def part(self) -> int | None:
        """End the segment where the text does, when something is left; what follows begins another."""
        if (end := self.finish()) is not None:
            self._cut(end, [])
        return end

    def _begin(self) -> None:
        self._count = 0
        self._has_text = False
        self._in_word = 0
        self._sentence_over: bool = False
        self._wide_over: bool = False
        if self._has_tried:
            self._tries.clear()
        self._due = self._gap or _NOT_DUE

    def _cut(self, position: int, cuts: list[int]) -> None:
        cuts.append(position)
        self.start = position
        self._limit = min(self._limit * 2, self._maximum)
        self._least = min(max(self._least * 2, FIRST_LEAST_TOKENS), self._least_later)
        self._begin()

    @property
    def _gap(self) -> int:
        """How many pieces come before the next place that is read early; 0: there is none."""
        return self._tries[0] if self._tries else self._every

    @property
    def _may_end(self) -> bool:
        """Whether a sentence or a line that ends here ends the segment."""
        return self._has_text and self._count >= self._least

    def _take_newline(self, position: int, cuts: list[int]) -> None:
        self._in_word = 0
        if self._fences is not None and self._fences.end_line():
            self._cut(position + 1, cuts)
            self._stretches.append((position + 1, self._fences.is_code))
        elif self._may_end:
            self._cut(position + 1, cuts)

    def _take_word(self, token: str, position: int, text: str, offset: int, cuts: list[int]) -> None:
        is_over = self._wide_over and self._may_end
        is_begun = self._in_word > 0
        if is_over or (not is_begun and self._count >= self._limit and self._is_full(position, text, offset)):
            self._cut(position, cuts)
        elif not is_begun and self._count >= self._due:
            self._read_early(position, text, offset)
        self._sentence_over = self._wide_over = False
        self._has_text = True
        end = self._in_word + len(token)
        pieces = -(-end // CHARS_PER_PIECE) - -(-self._in_word // CHARS_PER_PIECE)
        if self._count + pieces > self._limit + _OVERSHOOT:
            self._take_long(len(token), position, cuts)
            return
        self._count += pieces
        self._in_word = end

    def _take_long(self, size: int, position: int, cuts: list[int]) -> None:
        """Take a word, or what came of it, inside of which the segment ends."""
        taken = 0
        while taken < size:
            room = CHARS_PER_PIECE - self._in_word % CHARS_PER_PIECE
            if room == CHARS_PER_PIECE:
                if self._count >= self._limit + _OVERSHOOT:
                    self._cut(position + taken, cuts)
                    self._has_text = True
                self._count += 1
            step = min(room, size - taken)
            self._in_word += step
            taken += step

    def _take_mark(self, token: str, position: int, text: str, offset: int, cuts: list[int]) -> None:
        is_ending = token in _TERMINATORS or token in _WIDE_TERMINATORS
        is_closer = token in _CLOSERS and (self._sentence_over or self._wide_over)
        is_over = self._wide_over and not (is_ending or is_closer)
        if (is_over and self._may_end) or self._is_full(position, text, offset):
            self._cut(position, cuts)
        elif self._count >= self._due:
            self._read_early(position, text, offset)
        self._in_word = 0
        self._count += 1
        self._has_text = True
        if token in _WIDE_TERMINATORS:
            self._wide_over = True
        elif token in _TERMINATORS:
            self._sentence_over = not (token == _FULL_STOP and self._is_abbreviated(position, text, offset))
        elif not is_closer:
            self._sentence_over = self._wide_over = False

    def _is_full(self, position: int, text: str, offset: int) -> bool:
        """Whether the segment should end before the character at `position`."""
        if self._count >= self._limit + _OVERSHOOT:
            return True
        if self._count < self._limit or position <= self.start or not text[position - offset - 1].isspace():
            return False
        return self._count >= self._limit + _LONGEST_NAME or not self._is_in_name(position, text, offset)

    def _read_early(self, position: int, text: str, offset: int) -> None:
        """Have the segment up to `position` read early, where a word begins that goes on with no name."""
        if not text[position - offset - 1].isspace() or self._is_in_name(position, text, offset):
            return
        self._early.append(Place(position, self.start, is_try=bool(self._tries)))
        if self._tries:
            self._tries.popleft()
            self._has_tried = True
        self._due = self._count + self._gap if self._gap else _NOT_DUE

    def _is_in_name(self, position: int, text: str, offset: int) -> bool:
        """Whether a cut before the word at `position` may part a name of the segment's."""
        return _is_in_name(text, self.start - offset, position - offset)

    def _is_abbreviated(self, position: int, text: str, offset: int) -> bool:
        """Whether a full stop here ends an abbreviation or a list number instead of a sentence."""
        begin = max(self.start, position - _WORD_TAIL_CHARS) - offset
        before = text[begin : position - offset]
        if _ABBREVIATION.search(before) or _LATER_LIST_NUMBER.search(before):
            return True
        return begin == self.start - offset and _LIST_NUMBER.fullmatch(before) is not None


def _is_in_name(text: str, begin: int, position: int) -> bool:
    """Whether a cut before the word at `position` may part a name. Nothing right of `position` is looked at."""
    before = text[max(begin, position - _NAME_TAIL_CHARS) : position]
    if _ENDS_IN_NAME.search(before):
        return True
    first = text[position]
    return (first.isupper() or first.isdigit()) and _ENDS_IN_PART.search(before) is not None
