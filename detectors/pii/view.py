r"""The text as it is read for numbers and addresses: one way of writing for all that looks alike, with a map back.

A number may be written with typographic dashes and spaces, in full-width digits, with invisible characters, HTML
entities, percent-encoding or Markdown marks between its groups. The recognizers read a **view** of a lane in which

1. characters are plain: digits of every script are ASCII, as are full-width letters and signs; every dash is `-`, every
   blank but a line's end is a space, and what cannot be seen is not there;
2. HTML entities, percent-encoded characters and the escapes of JSON are opened, where that can be a part of such data
   or stand beside it (`&#8209;`, `%40`, `\n`);
3. what stands between two digits is one separator: `-`, `.`, `/` or a space, or nothing where it was only emphasis.

Everything else stays as it is, and a plain text is its own view: that is told by one regular expression for all that
arrived. `View` takes a lane's text as it comes; the view does not depend on how it was cut, since an entity or a gap
that may still go on waits.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from copy import copy
from functools import lru_cache
from html import unescape
from urllib.parse import unquote_to_bytes

import regex

from detectors.text.changes import changes
from detectors.types import Look

_INVISIBLE = r"\p{Default_Ignorable_Code_Point}\p{Cf}"
_DASHES = r"\p{Pd}\u2212\u2043\u207b\u208b\u02d7\u2796\u00af"
_BLANKS = r"\p{Zs}\t\u2800\u3164\uffa0"
_DOTS = ".\u00b7\u2022\u2219\u22c5\u2027\u2024\u30fb\uff65\uff0e\ufe52\uff61"
_SLASHES = "/\u2044\u2215\u29f8\uff0f"
_MARKS = r"*`~\\_"
"""Emphasis, code and escapes of Markdown."""
_ROUND_DIGITS = {
    0x24EA: "0",
    **{0x2460 + n: str(n + 1) for n in range(9)},
    **{0x2776 + n: str(n + 1) for n in range(9)},
}
_SIGNS = {**dict.fromkeys(map(ord, "\u2024\uff0e\ufe52"), "."), 0xFF20: "@", 0xFE6B: "@"}

_NAMES = (
    *(
        "nbsp",
        "ndash",
        "mdash",
        "minus",
        "hyphen",
        "dash",
        "horbar",
        "shy",
        "ensp",
        "emsp",
        "thinsp",
        "numsp",
        "puncsp",
    ),
    *("hairsp", "zwnj", "zwj", "NoBreak", "commat", "period", "plus", "lpar", "rpar", "colon", "sol", "middot", "bull"),
)
_ENTITY = rf"(?<!&)&(?:\#\d{{1,6}}|\#[xX][0-9A-Fa-f]{{1,5}}|{'|'.join(_NAMES)});"
_BEGUN = "|".join(sorted({name[:size] for name in _NAMES for size in range(1, len(name) + 1)}, reverse=True))
_OPEN_ENTITY = rf"(?<!&)&(?:\#(?:\d{{0,6}}|[xX][0-9A-Fa-f]{{0,5}})|{_BEGUN}|)"
_HEX, _MORE = "[0-9A-Fa-f]", "%[89ABab][0-9A-Fa-f]"
_PERCENT = rf"(?<!%)%(?:[2-7]{_HEX}|[CDcd]{_HEX}{_MORE}|[Ee]{_HEX}{_MORE}{_MORE})"
_OPEN_MORE = "%(?:[89ABab])?"
_OPEN_PERCENT = (
    rf"(?<!%)%(?:[2-7CDEcde]?|[CDcd]{_HEX}(?:{_OPEN_MORE})?|[Ee]{_HEX}(?:{_OPEN_MORE}|{_MORE}(?:{_OPEN_MORE})?)?)"
)
_ESCAPE = r"(?<!\\)\\{1,2}(?:[nrt]|u[0-9A-Fa-f]{4})"
_OPEN_ESCAPE = r"(?<!\\)\\{1,2}(?:u[0-9A-Fa-f]{0,3})?"
_SEPARATOR = rf"[{_INVISIBLE}{_DASHES}{_BLANKS}{_DOTS}{_SLASHES}{_MARKS}]"
_UNIT = rf"(?:{_SEPARATOR}|{_ENTITY}|{_PERCENT})"
MOST_UNITS = 8
"""Separators in a row between two digits."""

_TOKEN = regex.compile(
    rf"(?P<gap>(?<=\d){_UNIT}{{1,{MOST_UNITS}}}(?=[\d(+]))"
    rf"|(?P<entity>{_ENTITY})|(?P<percent>{_PERCENT})|(?P<escape>{_ESCAPE})"
    rf"|(?P<odd>[\p{{Nd}}{_INVISIBLE}{_DASHES}\p{{Zs}}\t\u2800\u3164\uffa0\uff01-\uff5e\ufe6b\u2024\ufe52"
    rf"\u2460-\u2468\u24ea\u2776-\u277e--[0-9 \-]])",
    regex.V1,
)
_SUSPECT = re.compile(r"[0-9](?:[*`~\\_\t]|[ .\-/][ .\-/*`~\\_])|&[#A-Za-z]|%[0-9A-Fa-f]|\\[nrtu]|\t", re.ASCII)
"""What makes a text of ASCII another one than its view. It is searched for ten times as fast as tokens are."""
_WORDS = re.compile(r"[A-Za-z,;:'!?(\"\n ]*\Z")
"""The usual case: what is its own view, and waits for nothing."""
_WAITS = regex.compile(
    rf"(?:(?<=\d){_UNIT}{{1,{MOST_UNITS}}}(?:{_OPEN_ENTITY}|{_OPEN_PERCENT}|{_OPEN_ESCAPE})?"
    rf"|{_OPEN_ENTITY}|{_OPEN_PERCENT}|{_OPEN_ESCAPE})\Z"
)
LONGEST_WAIT = 160
"""Characters of the text that wait for what follows."""
STRETCH, MOST_SHORTENED = 320, 256
"""How much shorter than the text so many characters of the view may be."""
_KEPT = 1024
"""Characters of the view that are forgotten at a time."""


class View:
    """The view of one lane. Its positions count from the beginning of the view, those of the lane from the text's."""

    __slots__ = ("_end", "_places", "_shortened", "_stretch", "_taken", "_wheres", "_widths", "base", "text")

    def __init__(self) -> None:
        self.text = ""
        self.base = 0
        """The position of the first character that is kept."""
        self._end = 0
        self._taken = 0  # how far the lane's text is in the view
        self._stretch = 0  # where the stretch began in which it got shorter
        self._shortened = 0  # by how much
        # Stretches: from a position of the view on, where it stands in the lane, and how wide a character is there.
        self._places = [0]
        self._wheres = [0]
        self._widths = [1]

    @classmethod
    def shown(cls, text: str) -> Look | None:
        """The view of a whole text to be looked at, with what is read otherwise in it; None when it is the text."""
        view = cls()
        view.advance(text, 0, is_final=True)
        if view.text == text:
            return None
        spans = [view.span(place, place + 1) for place in range(len(view.text))]
        starts, ends = [start for start, _ in spans], [end for _, end in spans]
        return Look("one way of writing", view.text, changes(text, view.text, starts, ends, _how))

    def fork(self) -> View:
        """Another view in the same state."""
        other = copy(self)
        other._places, other._wheres = list(self._places), list(self._wheres)
        other._widths = list(self._widths)
        return other

    def advance(self, text: str, offset: int, *, is_final: bool) -> None:
        """Take in the text that arrived."""
        begin = self._taken - offset
        if _WORDS.match(text, begin) and not text[begin - 1 : begin].isdigit():
            self._note(self._taken, 1)
            self._end += len(text) - begin
            self.text += text[begin:]
            self._taken = offset + len(text)
            return
        end = len(text) if is_final else _complete(text, begin)
        if end <= begin:
            return
        if text.isascii() and _SUSPECT.search(text, max(0, begin - 2), end) is None:
            self._note(self._taken, 1)
            self._end += end - begin
            self.text += text[begin:end]
            self._taken = offset + end
            return
        pieces = []
        for piece, start, width in _folded(text, begin, end):
            if width > len(piece) and not self._may_shorten(width - len(piece)):
                piece, width = text[start : start + width], 1
            if piece:
                self._note(offset + start, width)
                self._end += len(piece)
                pieces.append(piece)
        self.text += "".join(pieces)
        self._taken = offset + end

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The lane's span of the view's `[start, end)`, which is not empty."""
        return self.where(start), self._end_of(end - 1)

    def where(self, position: int) -> int:
        """Where the character at a position stands in the lane; what is not there yet, where it will begin."""
        if position >= self._end:
            return self._taken
        index = bisect_right(self._places, position) - 1
        if self._widths[index] > 1:
            return self._wheres[index]
        return self._wheres[index] + position - self._places[index]

    def forget(self, position: int) -> None:
        """Drop what lies before a position."""
        if position - self.base < _KEPT:
            return
        self.text = self.text[position - self.base :]
        self.base = position
        first = bisect_right(self._places, position) - 1
        del self._places[:first], self._wheres[:first], self._widths[:first]

    def _may_shorten(self, by: int) -> bool:
        """Whether the view may get this much shorter than the text: not without end, as what it holds is held there."""
        if self._end - self._stretch >= STRETCH:
            self._stretch, self._shortened = self._end, 0
        self._shortened += by
        return self._shortened <= MOST_SHORTENED

    def _end_of(self, position: int) -> int:
        index = bisect_right(self._places, position) - 1
        return self.where(position) + self._widths[index]

    def _note(self, where: int, width: int) -> None:
        """Note where in the lane the next characters stand: one after the other, or one that stands for `width`."""
        end = self._end
        if width != 1 or self._widths[-1] != 1 or self._wheres[-1] + end - self._places[-1] != where:
            self._places.append(end)
            self._wheres.append(where)
            self._widths.append(width)


def _how(_start: int, _end: int, read: str) -> str:
    return "written plainly" if read else "left out"


def _complete(text: str, begin: int) -> int:
    """How far the text can be read whatever follows."""
    low = max(begin, len(text) - LONGEST_WAIT)
    waiting = _WAITS.search(text, low)
    return max(begin, waiting.start()) if waiting else len(text)


def _folded(text: str, begin: int, end: int) -> Iterator[tuple[str, int, int]]:
    """The view of `text[begin:end]` in pieces: characters, where they stand, and how wide one is."""
    position = begin
    for token in _tokens(text, begin, end):
        if token.start() > position:
            yield text[position : token.start()], position, 1
        position = token.end()
        if token.lastgroup == "gap":
            yield from _gap(token.group(), token.start())
        else:
            yield _plain(token.group()), token.start(), position - token.start()
    if position < end:
        yield text[position:end], position, 1


def _tokens(text: str, begin: int, end: int) -> Iterator[regex.Match[str]]:
    """The tokens of `text[begin:end]`; of ASCII those that change something, which begin at a suspect or beside one."""
    if not text.isascii():
        yield from _TOKEN.finditer(text, begin, end)
        return
    position, scan = begin, max(0, begin - 2)
    while (found := _SUSPECT.search(text, scan, end)) is not None:
        start = found.start()
        near = (_TOKEN.match(text, at, end) for at in range(max(position, start - 1), start + 2))
        token = next((each for each in near if each is not None), None)
        if token is None:
            scan = start + 1
        else:
            yield token
            position = token.end()
            scan = max(start, position - 1)


def _gap(gap: str, start: int) -> Iterator[tuple[str, int, int]]:
    """What stands between two digits: one separator if it can be, else all it has."""
    if len(gap) == 1 and gap in " -./":
        yield gap, start, 1
        return
    shown = "".join(_plain(unit) for unit in _UNITS.findall(gap))
    if _SEPARATORS.fullmatch(shown) is not None:
        yield _canonical(shown), start, len(gap)
        return
    for unit in _UNITS.finditer(gap):
        yield _plain(unit.group()), start + unit.start(), unit.end() - unit.start()


_UNITS = regex.compile(_UNIT)
_SEPARATORS = regex.compile(rf"[{_MARKS}]*(?: {{1,4}}| ?- ?|[{_DOTS}]| ?[{_DOTS[1:]}] ?| ?[{_SLASHES}] ?|)[{_MARKS}]*")


def _canonical(shown: str) -> str:
    """The one separator that `shown` amounts to; nothing, when it was only emphasis."""
    for sign, among in (("-", "-"), ("/", _SLASHES), (".", _DOTS), (" ", " ")):
        if any(each in among for each in shown):
            return sign
    return "-" if shown == "_" else ""


@lru_cache(maxsize=4096)
def _plain(token: str) -> str:
    """A character, or one that is written as an entity or percent-encoded, as it is in the view."""
    if len(token) == 1:
        return _form(token)
    if token[0] == "\\":
        return _escaped(token.lstrip("\\"))
    opened = unescape(token) if token[0] == "&" else unquote_to_bytes(token).decode("utf-8", "replace")
    form = _form(opened) if len(opened) == 1 else token
    return form if _CAN_BE_PART.fullmatch(form) else token


def _escaped(letter: str) -> str:
    """What `n`, `t` or `u00e9` stands for behind a backslash; of a surrogate, which is half a character, a stop."""
    if letter[0] != "u":
        return "\n"
    code = int(letter[1:], 16)
    return "\n" if 0xD800 <= code < 0xE000 else _form(chr(code))


_CAN_BE_PART = regex.compile(r"[A-Za-z0-9@.+\-()/: ]?")
_IS_INVISIBLE = regex.compile(f"[{_INVISIBLE}]")
_IS_DASH = regex.compile(f"[{_DASHES}]")
_IS_BLANK = regex.compile(f"[{_BLANKS}]")


def _form(character: str) -> str:
    """What a character is in the view: nothing, itself, or the plain one that it looks like."""
    if character.isascii():
        return " " if character == "\t" else character
    if _IS_BLANK.match(character):
        return " "
    if _IS_INVISIBLE.match(character):
        return ""
    if _IS_DASH.match(character):
        return "-"
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    code = ord(character)
    if 0xFF01 <= code <= 0xFF5E:
        return chr(code - 0xFEE0)
    return _ROUND_DIGITS.get(code) or _SIGNS.get(code) or character
