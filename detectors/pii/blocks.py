"""Where personal data could be: the lexer that cuts the growing view of a text into blocks.

Everything that the recognizers match has a digit, or an `@` behind a name. Around each such trigger lies a block: the
run of characters without a stop character (white space, quotes, brackets), and the runs joined to it, as the groups of
a number are. No match crosses the ends of a block (a test compares with the recognizers on whole texts), so a block can
be examined alone, and text outside blocks is cleared at once.

1. `Lexer.next_block` looks for a trigger. Without one, only what may still become an address is held: the end of the
   last run, if it could be the beginning of one (`_address_at`), or the opening of a number.
2. With one, the block begins where the run does, or a little before: at the `(` of a dialling code, at the `<` of an
   address.
3. It grows, run by run, while what follows a stop character can continue a number (`_joins`); if that cannot be known
   yet, the block waits. Nothing that was read is read again.
4. A block that waits with more than `HOLD` characters is handed out up to where a match may still be arriving: a match
   has at most `WIDTH` characters, but for an address of mail, which is held from its beginning.
5. What a Markdown link or image points to is one block, so that the whole of it can go. A number with blanks in it is
   no target.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import regex

from detectors.pii.characters import ALNUM, EXTENSION, GLUE, JOINERS, PLUS, STOP, WORD
from detectors.pii.patterns import LOCAL

WIDTH = 52
"""Characters that decide about a match from its first on: those of the longest number, and what must not follow it."""
HOLD = 60
"""Characters that a block may wait with, and the most of an address before its `@`. What the view holds back comes to
it (an entity, what stands behind a digit): together hardly more than 64."""
ADDRESS = 320
"""The most characters of an address of mail."""
TARGET = 160
"""The most characters of a link's target that go as a whole."""
BEFORE = 4
"""Characters before a run that may belong to a number or address in it."""

_TRIGGER = re.compile(rf"\d|(?<={LOCAL})@")
_QUIET = re.compile(r"(?:([A-Za-z,;'\n ]*[\n ])[A-WYZa-wyz])?[A-Za-z]*\Z")
_RUN = re.compile(f"[^{STOP}]*")
_TARGET_RUN = re.compile(r"[^\s<>()\"]*")
_TARGET_BEGUN = re.compile(r"([^\s<>()\"]{0,64}?)<?\(\]")
"""Read backwards from a trigger."""
_NINO_LETTERS = "[A-CEGHJ-PR-TW-Za-ceghj-pr-tw-z]", "[A-CEGHJ-NPR-TW-Za-ceghj-npr-tw-z]"
_LEAD = re.compile(
    rf"(?!([(\[{PLUS}])\1\1)(?:[ \-.]{{0,2}}[(\[{PLUS}]){{1,2}}|<(?!<)"
    rf"| {_NINO_LETTERS[1]}{_NINO_LETTERS[0]}(?!{ALNUM})"
)
"""Read backwards from the beginning of a run: the opening of a number, or two letters that digits may follow.

A row of one mark opens nothing."""
_HEX_GROUPS = re.compile(rf"(?:[A-Fa-f]{{0,4}}:(?!::)){{1,8}}(?:[A-Fa-f]{{1,4}})?(?!{WORD}|:)")
"""Read backwards: what may become an address of the net or of a device before its first digit."""
_LOCAL_RUN = re.compile(rf"{LOCAL}{{0,{HOLD}}}")
_WALLET = re.compile(rf"(?<!{ALNUM})(?:bc1|[13])[0-9A-Za-z]{{24,59}}\Z")
"""The longest word that is looked at is a wallet's address."""
_ADDRESS_START = re.compile(rf"(?<!{ALNUM}){ALNUM}")
_OPEN_DOMAIN = re.compile(rf"(?:(?:{ALNUM}|[_-]){{1,63}}\.){{0,8}}(?:{ALNUM}|[_-]){{0,63}}")

_ENDS_IN_DIGIT = re.compile(rf"\d[{JOINERS}]{{0,4}}\Z")
_ENDS_IN_LETTERS = re.compile(rf"(?<!{ALNUM}){''.join(_NINO_LETTERS)}\Z")
_ENDS_IN_PAIRS = re.compile(r"(?:\d[ ./-]?){5}\d\Z")
_ENDS_IN_LETTER = re.compile(r"(?:\d[ ./-]?){5}(?:2[ABab]|(?:\d[ ./-]?){3}[A-Za-z])\Z")
"""The letter inside a number: of a German pension's, and the `2A` or `2B` of one from Corsica."""
_ENDS_IN_IDENTITY = re.compile(rf"(?<!{ALNUM})[A-Za-z]{{1,2}}\d{{6}}\Z")
_ENDS_IN_IBAN = re.compile(rf"(?<!{ALNUM})[A-Za-z]{{2}}\d\d(?:[ ./+-]?[A-Za-z0-9]{{4}}){{0,8}}\Z")
_ENDS_IN_PLUS = re.compile(rf"[{PLUS}]\Z")
_NUMBER_FOLLOWS = regex.compile(r" ?(?:\( ?)?\d")
_DIGITS_FOLLOW = regex.compile(rf"(?!\]\()[{GLUE}]{{1,4}}[{JOINERS}]{{0,4}}\d")
_EXTENSION_FOLLOWS = regex.compile(EXTENSION, regex.IGNORECASE)
_PAIR_FOLLOWS = regex.compile(r" \d")
_LETTER_FOLLOWS = regex.compile(rf" [A-Za-z](?:\d|(?!{ALNUM}))")
_CHECK_FOLLOWS = regex.compile(r"\([Aa]")
_MORE_FOLLOWS = regex.compile(rf"\([\dAa]\)[^{STOP}]")
_GROUP_FOLLOWS = regex.compile(r" [A-Za-z0-9]")

_FOLLOWERS = (
    (_ENDS_IN_IDENTITY, 9, _MORE_FOLLOWS),
    (_ENDS_IN_DIGIT, 6, _DIGITS_FOLLOW),
    (_ENDS_IN_DIGIT, 6, _EXTENSION_FOLLOWS),
    (_ENDS_IN_PLUS, 1, _NUMBER_FOLLOWS),
    (_ENDS_IN_LETTERS, 3, _PAIR_FOLLOWS),
    (_ENDS_IN_PAIRS, 12, _LETTER_FOLLOWS),
    (_ENDS_IN_LETTER, 18, _PAIR_FOLLOWS),
    (_ENDS_IN_IDENTITY, 9, _CHECK_FOLLOWS),
    (_ENDS_IN_IBAN, 48, _GROUP_FOLLOWS),
)
"""What a block may end with, in how many characters to look for that, and what then continues it."""


class Block(NamedTuple):
    """A place to examine: what begins in `[begin, end)`. `is_cut`: it goes on behind its end, as far as is needed.

    `is_target`: it is what a link points to, and what is found takes all of it.
    """

    begin: int
    end: int
    is_cut: bool = False
    is_target: bool = False


class Lexer:
    """The state of one lane. Positions are those of its view.

    `begin` is where the undecided text begins: the block that is growing, or what may become one.
    """

    __slots__ = ("_grown", "_is_target", "_read", "begin")

    def __init__(self) -> None:
        self.begin = 0
        self._read = 0  # no trigger before this
        self._grown = -1  # how far the block that begins at `begin` has grown; -1 without one
        self._is_target = False  # whether that block is what a link points to

    def next_block(self, text: str, offset: int, *, is_final: bool) -> Block | None:
        """The next block, or None when more text is needed. The caller must `leave` it before asking for another."""
        if self._grown < 0 and (self._is_quiet(text, offset) or not self._open(text, offset)):
            if is_final:
                self.begin = offset + len(text)
            return None
        if self._is_target:
            return self._grow_target(text, offset, is_final=is_final)
        return self._grow(text, offset, is_final=is_final)

    def leave(self, position: int) -> None:
        """Go on at `position`: the end of the block, or where it was cut."""
        self.begin = position
        self._read = max(self._read, position)
        self._is_target = False
        if self._grown <= position:
            self._grown = -1

    def _is_quiet(self, text: str, offset: int) -> bool:
        """Whether only plain words came: the usual case, in a tenth of the time that `_open` takes."""
        read = self._read - offset
        quiet = _QUIET.match(text, read)
        if quiet is None or len(text) + offset - self.begin > HOLD:
            return False
        if quiet.end(1) >= 0:
            self.begin = offset + quiet.end(1)
        self._read = offset + len(text)
        return True

    def _open(self, text: str, offset: int) -> bool:
        """Find a trigger and begin a block around it; without one, clear all but what may become an address."""
        low = self.begin - offset
        trigger = _TRIGGER.search(text, max(low, self._read - offset))
        if trigger is None:
            self.begin = offset + max(low, self._undecided(text, low))
            self._read = offset + len(text)
            return False
        at = trigger.start()
        target = self._target_start(text, low, at)
        self._is_target = target is not None
        self.begin = offset + (self._run_start(text, low, at) if target is None else target)
        self._read = offset + at
        self._grown = offset + trigger.end()
        return True

    @staticmethod
    def _undecided(text: str, low: int) -> int:
        """Where in a text without triggers that begins at `low` something may begin yet."""
        end = len(text)
        first = _address_start(text, low, end)
        backwards = text[max(low - 3, end - HOLD - BEFORE, 0) : end][::-1]
        target = _TARGET_BEGUN.match(backwards)
        if target:
            return min(first, max(low, end - target.end(1)))
        lead = _LEAD.match(backwards, end - first)
        groups = _HEX_GROUPS.match(backwards)
        return min(end - lead.end() if lead else first, end - groups.end() if groups else end)

    @staticmethod
    def _target_start(text: str, low: int, at: int) -> int | None:
        """Where the target of a link begins that `at` lies in; None when it lies in none."""
        backwards = text[max(low - 3, at - HOLD - 3, 0) : at][::-1]
        begun = _TARGET_BEGUN.match(backwards)
        return at - begun.end(1) if begun and at - begun.end(1) >= low else None

    @staticmethod
    def _run_start(text: str, low: int, at: int) -> int:
        """Where the run that contains `at` begins, with what may lead into it, not before `low`."""
        backwards = text[max(low, at - HOLD) : at][::-1]
        run = _RUN.match(backwards).end()  # type: ignore[union-attr]  # the pattern matches the empty text
        lead = _LEAD.match(text[max(low, at - run - BEFORE) : at - run][::-1])
        return at - run - (lead.end() if lead else 0)

    def _grow(self, text: str, offset: int, *, is_final: bool) -> Block | None:
        begin, position = self.begin - offset, self._grown - offset
        while True:
            end = _RUN.match(text, position).end()  # type: ignore[union-attr]
            position = _WAIT if end == len(text) else _joins(text, begin, end, is_final=is_final)
            self._grown = offset + end
            if position == _CUT or (position == _WAIT and is_final):
                return Block(self.begin, offset + end)
            if position == _WAIT:
                return self._cut(text, offset)

    def _cut(self, text: str, offset: int) -> Block | None:
        """What is decided of a block that waits; None while all of it may wait."""
        begin, size = self.begin - offset, len(text)
        if size - begin <= HOLD:
            return None
        decided = min(size - WIDTH, _address_start(text, begin, size))
        wallet = _WALLET.search(text, max(begin, size - WIDTH - 10))
        decided = min(decided, wallet.start()) if wallet else decided
        return Block(self.begin, offset + decided, is_cut=True) if decided > begin else None

    def _grow_target(self, text: str, offset: int, *, is_final: bool) -> Block | None:
        begin = self.begin - offset
        end = _TARGET_RUN.match(text, begin).end()  # type: ignore[union-attr]
        if end - begin > _limit(text, begin):
            self._is_target = False
            return self._grow(text, offset, is_final=is_final)
        goes_on = _goes_on(text, begin, end, is_final=is_final)
        if not is_final and (end == len(text) or goes_on == _WAIT):
            return None
        if goes_on != _CUT:
            self._is_target = False
            return self._grow(text, offset, is_final=is_final)
        self._grown = offset + end
        return Block(self.begin, offset + end, is_target=True)


def target_at(text: str, position: int) -> tuple[int, int] | None:
    """The target of a link that a place of a whole text lies in, if it is one that goes as a whole."""
    begun = _TARGET_AROUND.match(text[max(0, position - TARGET - 3) : position][::-1])
    if begun is None:
        return None
    begin = position - begun.end(1)
    end = _TARGET_RUN.match(text, begin).end()  # type: ignore[union-attr]  # the pattern matches the empty text
    if position >= end or end - begin > _limit(text, begin) or _goes_on(text, begin, end, is_final=True) != _CUT:
        return None
    return begin, end


def has_trigger(text: str, start: int, end: int) -> bool:
    """Whether a block lies around a match: around hexadecimal in letters alone, none does."""
    return _TRIGGER.search(text, start, end) is not None


_TARGET_AROUND = re.compile(rf"([^\s<>()\"]{{0,{TARGET}}}?)<?\(\]")


def _limit(text: str, begin: int) -> int:
    """The most characters of a target that begins here: more, where an address shows early that all of it will go."""
    return TARGET if "@" in text[begin : begin + HOLD] else HOLD


_CUT, _WAIT = -1, -2


def _goes_on(text: str, begin: int, end: int, *, is_final: bool) -> int:
    """As `_joins`, of what stands where a link's target does: it is none when its number goes on behind a blank."""
    goes_on = _joins(text, begin, end, is_final=is_final) if text[end : end + 1].isspace() else _CUT
    return _CUT if is_final and goes_on == _WAIT else goes_on


def _joins(text: str, begin: int, end: int, *, is_final: bool) -> int:
    """Where the block `[begin, end)` goes on behind the stop character at `end`; `_CUT` if not, `_WAIT` if open."""
    for ending, reach, following in _FOLLOWERS:
        if not ending.search(text[max(begin, end - reach) : end]):
            continue
        follows = following.match(text, end, partial=not is_final)
        if follows:
            return _WAIT if follows.partial else follows.end() - 1
    return _CUT


def _address_start(text: str, low: int, end: int) -> int:
    """Where an address of mail may begin that still arrives at `end`, from `low` on; `end` when none does."""
    at = text.rfind("@", max(low, end - ADDRESS), end)
    if at >= 0 and _OPEN_DOMAIN.fullmatch(text, at + 1, end):
        begun = _local_start(text, low, at)
        if begun is not None:
            return begun
    begun = _local_start(text, max(low, at), end)
    return end if begun is None else begun


def _local_start(text: str, low: int, end: int) -> int | None:
    """Where an address may begin whose local part goes on to `end`."""
    backwards = text[max(low, end - HOLD) : end][::-1]
    run = end - _LOCAL_RUN.match(backwards).end()  # type: ignore[union-attr]  # the pattern matches the empty text
    start = _ADDRESS_START.search(text, run, end)
    return start.start() if start else None
