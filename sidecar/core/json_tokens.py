r"""Cuts JSON that arrives in pieces into tokens: which characters are text, which are structure, how they read decoded.

Two states take turns. *Text* is what stands outside of JSON (depth 0) or inside a string (depth 1; inside a string of
JSON that stands in a string, depth 2; and so on). A *document* is what stands between strings: brackets, colons,
commas, quotes, numbers and literals.

1. Text goes on to the next backslash, or to what ends it: its string's closing quote, at depth 0 a bracket that begins
   a document. A string that begins with a document is read as one.
2. A quote belongs to the level that its backslashes say: none at level 0, `\` at 1, `\\\` at 2. One of a level below
   the depth closes that level's string; another is part of the text.
3. An escape takes as many of the backslashes before its letter as its level doubled them: of `\\n` both, of `\\\n`
   the last. So it is decoded at whatever level it was written. What is left of the backslashes is text.
4. In a document a word counts as a number or literal when a comma or a closing bracket follows. Whatever JSON has not
   ends the document: the rest is text again.

What is not certain yet (a run of backslashes, half a pair of surrogates, a number that may go on) waits; each such wait
has a limit in characters. Where the tokens lie depends on the text alone, never on the pieces.

Not promised: escapes inside more than `MAX_DEPTH` strings; that what is not JSON is told from what looks like it (the
tokens cover the text either way).
"""

from __future__ import annotations

import re
from collections import deque
from enum import IntEnum, auto
from typing import NamedTuple

import msgspec
import regex

MAX_DEPTH = 6
"""How many strings inside one another are told apart: a quote in the last has 63 backslashes."""
MAX_SLASHES = 2**MAX_DEPTH
MAX_WORD_CHARS = 64
"""A longer number is handed out as it comes."""
_MAX_SPACES = 256

_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "/": "/"}
_HALVES = re.compile("[\ud800-\udfff]")
_HEX = re.compile("[0-9A-Fa-f]{0,4}")
_SLASHES = re.compile(rf"\\{{1,{MAX_SLASHES + 1}}}")
_SPACES = re.compile(r"[ \t\r\n]+")
_PROSE = re.compile(r"[^\\{\[]+")
_CONTENT = re.compile(r'[^"\\]+')
_STRUCTURE = re.compile(r"[ \t\r\n:,{\[]*[}\]]?")
_WORD = re.compile(r'[^\s{}\[\]:,"\\]+')
_LONG = re.compile(r"[-+.0-9eE]+")
_SCALAR = r"(?:[-+.]?[0-9][-+.\w/]{0,63}|true|false|null|NaN|-?Infinity)"
_SCALAR_WHOLE = re.compile(_SCALAR)
_SCALAR_PLAIN = r"(?:[-+.]?[0-9][-+.\w/]{0,62}|true|false|null)"
_LONG_BEGIN = rf"[-+.0-9eE]{{{MAX_WORD_CHARS + 1}}}"
_LONG_BEGINS = re.compile(_LONG_BEGIN)
_MAY_BEGIN = re.compile(r"""\{[ \t\r\n]*(?:["}]|\Z)|\[[ \t\r\n]*(?:["\[{\]\-+.0-9tfnNI]|\Z)""")
"""What a bracket outside of JSON is asked first: most are answered by it, and the question that follows costs more."""
_UNICODE_RUN = re.compile(r"(?:\\u(?!00(?:22|5[cC])|[dD][89a-fA-F])[0-9A-Fa-f]{4})+")
"""What `_unicode` would read one by one."""


class Kind(IntEnum):
    """What a token is, and so what a replacement may do to it.

    Up to `LONG` it may be cut between any two characters of the view, and neighbours of a kind are one token. From
    `SCALAR` on it counts as a whole, also in a span.
    """

    TEXT = auto()
    """Any part of it may be replaced."""
    STRUCTURE = auto()
    """Stays."""
    LONG = auto()
    """A piece of a number too long to wait for its end; stays a number."""
    PLAIN = auto()
    """A stretch of a document without escapes: structure, strings, scalars. `Tokenizer.split` tells them apart."""
    SCALAR = auto()
    """A number or literal; a string as a whole when any part is replaced."""
    SLASHES = auto()
    """Backslashes that escape one another."""
    QUOTE = auto()
    """A quote as text, with its backslashes."""
    MARK = auto()
    """A quote of a document that stands in a string, with its backslashes; stays."""


class Token(msgspec.Struct, gc=False):
    """What follows the token before it, up to these offsets of the view and of the text as it came."""

    kind: Kind
    depth: int
    width: int
    """How many characters each of the view's was written with, where the token may be cut."""
    view_end: int
    raw_end: int


class Change(NamedTuple):
    """A place where the view is not the text as it came: offsets in both. Without a width it counts as a whole."""

    view_start: int
    view_end: int
    raw_start: int
    raw_end: int
    width: int


class _Escape(NamedTuple):
    """A run of backslashes and what it escapes. `rest` of them are text; `level` is a quote's, else -1."""

    rest: int
    size: int
    view: str
    level: int = -1


class _Level(NamedTuple):
    """What is looked for in and around documents of one depth. A match that the text ends in is a partial one."""

    begins: regex.Pattern[str]
    """A document's beginning, far enough to be sure."""
    follows: regex.Pattern[str]
    """What makes a word before it a number or literal."""
    stretch: re.Pattern[str]
    """Whole strings and scalars without escapes or brackets, up to the next closing bracket: a tenth of the cost."""


def _level(depth: int) -> _Level:
    escape = rf"\\{{{2 ** (depth - 1)}}}" if depth else ""
    space = rf"(?:[ \t\r\n]|{escape}[nrt])" if depth else r"[ \t\r\n]"
    quote = rf'(?:\\{{{2**depth - 1}}}"|{escape}u0022)' if depth else '"'
    spaces = rf"{space}{{0,{_MAX_SPACES}}}+"
    follows = rf"{spaces}(?:[,\]}}]|{space})"
    element = rf"(?:{quote}|[\]{{\[]|{_SCALAR}{follows}|{_LONG_BEGIN})"
    begins = rf"{spaces}(?:\{{{spaces}(?:{quote}|\}})|\[{spaces}{element})"
    mark = rf'\\{{{2**depth - 1}}}"'
    plain = rf"{_SCALAR_PLAIN}(?=[ \t\r\n]{{0,{_MAX_SPACES}}}[,\]}}])"
    stretch = rf'(?:[ \t\r\n:,{{\[]+|{mark}[^"\\{{}}\[\]]*{mark}|{plain})+[}}\]]?'
    return _Level(regex.compile(begins), regex.compile(follows), re.compile(stretch))


_LEVELS = tuple(_level(depth) for depth in range(MAX_DEPTH + 1))
_LONE_VALUE = regex.compile(rf'"|{_SCALAR}[ \t\r\n]{{{_MAX_SPACES}}}|{_LONG_BEGIN}')
"""A text that is nothing but a string, number or literal: one of the latter has at most white space behind it."""


class Tokenizer:
    """Reads one text. `tokens` and `changes` are for who maps the view back; they take away what they are done with."""

    __slots__ = (
        "_before",
        "_depth",
        "_is_fresh",
        "_is_long",
        "_is_splitting",
        "_open",
        "_raw_end",
        "_rest",
        "_view",
        "_view_end",
        "changes",
        "tokens",
    )

    def __init__(self) -> None:
        self.tokens: deque[Token] = deque()
        self.changes: list[Change] = []
        self._rest = ""
        """What waits for the text behind it."""
        self._before = ""
        self._view: list[str] = []
        self._view_end = 0
        self._raw_end = 0
        self._depth = 0
        self._open: list[int] = []
        """How many brackets are open in the document of each level; one entry more than `_depth`: inside a document."""
        self._is_fresh = True
        """Whether a text, or what stands behind a document in it, has only begun: it may turn out to be a document."""
        self._is_long = False
        self._is_splitting = False

    def read(self, raw: str, *, is_final: bool) -> str:
        """The view of what has become certain, of a text that goes on with `raw`."""
        text = self._rest + raw
        at = 0
        while at < len(text):
            reads = self._document if len(self._open) > self._depth else self._text
            step = reads(text, at, is_final)
            if step is None:
                break
            at = step
        if at:
            self._before = text[at - 1]
        self._rest = text[at:]
        view = "".join(self._view)
        self._view.clear()
        return view if view.isascii() else _HALVES.sub("\ufffd", view)

    def split(self, raw: str) -> None:
        """Put the parts of the first token, a stretch of a document that came as `raw`, in its place."""
        stretch = self.tokens.popleft()
        view_start, raw_start = stretch.view_end - len(raw), stretch.raw_end - len(raw)
        parts = Tokenizer()
        parts._depth, parts._open = stretch.depth, [1] * (stretch.depth + 1)
        parts._is_fresh, parts._is_splitting = False, True
        parts.read(raw, is_final=True)
        for part in reversed(parts.tokens):
            part.view_end += view_start
            part.raw_end += raw_start
            self.tokens.appendleft(part)

    # -- text: each step returns where the next begins, or None to wait ----------------------------------------------

    def _text(self, text: str, at: int, is_final: bool) -> int | None:
        if self._is_fresh:
            return self._beginning(text, at, is_final)
        run = (_CONTENT if self._depth else _PROSE).match(text, at)
        if run:
            return self._take(Kind.TEXT, at, run.group())
        if text[at] in "{[":
            return self._bracket(text, at, is_final)
        run = _UNICODE_RUN.match(text, at)
        if run:
            return self._take(Kind.TEXT, at, run.group().encode().decode("unicode_escape"), run.end() - at)
        escape = _escape(text, at, is_final)
        return self._content(escape, at) if escape else None

    def _beginning(self, text: str, at: int, is_final: bool) -> int | None:
        """A text's first characters: white space, then perhaps a document."""
        spaces = _SPACES.match(text, at)
        if spaces:
            return self._take(Kind.TEXT if self._depth else Kind.STRUCTURE, at, spaces.group())
        begins = self._begins(text, at, is_final)
        if begins is None:
            return None
        self._is_fresh = False
        if begins:
            self._open.append(0)
        return at

    def _begins(self, text: str, at: int, is_final: bool) -> bool | None:
        if self._depth:
            is_candidate = text[at] in "{[\\" and self._depth <= MAX_DEPTH
            return is_candidate and _ahead(_LEVELS[self._depth].begins, text, at, is_final)
        return _ahead(_LONE_VALUE, text, at, is_final)

    def _bracket(self, text: str, at: int, is_final: bool) -> int | None:
        """A bracket outside of JSON. One that clings to a word is a part of it."""
        before = text[at - 1] if at else self._before
        is_candidate = not (before.isalnum() or before == "_") and _MAY_BEGIN.match(text, at) is not None
        begins = is_candidate and _ahead(_LEVELS[0].begins, text, at, is_final)
        if begins is None:
            return None
        if begins:
            self._open.append(0)
            return at
        return self._take(Kind.TEXT, at, text[at])

    def _content(self, escape: _Escape, at: int) -> int:
        """An escape in a text, or the quote that ends it."""
        if escape.rest:
            at = self._take(Kind.SLASHES, at, "\\" * escape.rest)
        if 0 <= escape.level < self._depth:
            return self._close(escape, at)
        kind = Kind.QUOTE if escape.level >= 0 else Kind.SLASHES if escape.view[0] == "\\" else Kind.TEXT
        return self._take(kind, at, escape.view, escape.size)

    def _close(self, escape: _Escape, at: int) -> int:
        """A string's closing quote. What stood open inside the string stays so."""
        self._depth = escape.level
        self._is_fresh = False
        del self._open[self._depth + 1 :]
        end = self._quote(escape, at)
        self._leave_when_over()
        return end

    # -- documents ---------------------------------------------------------------------------------------------------

    def _document(self, text: str, at: int, is_final: bool) -> int | None:
        if self._is_long:
            return self._go_on(text, at, is_final)
        stretch = self._stretch(text, at)
        if stretch:
            return self._count(stretch, self._take(Kind.PLAIN, at, stretch))
        structure = _STRUCTURE.match(text, at)
        if structure and structure.end() > at:
            return self._structure(structure.group(), at)
        if text[at] not in '"\\':
            return self._word(text, at, is_final)
        escape = _escape(text, at, is_final)
        return self._mark(escape, at) if escape else None

    def _structure(self, run: str, at: int) -> int:
        """Brackets that open, then at most one that closes."""
        return self._count(run, self._take(Kind.STRUCTURE, at, run))

    def _stretch(self, text: str, at: int) -> str:
        if self._is_splitting or not self._open[-1] or self._depth > MAX_DEPTH:
            return ""
        found = _LEVELS[self._depth].stretch.match(text, at)
        return found.group() if found else ""

    def _count(self, run: str, end: int) -> int:
        """Take note of brackets that open, then at most one that closes."""
        self._open[-1] += run.count("{") + run.count("[")
        if run[-1] in "]}":
            self._open[-1] -= 1
            self._leave_when_over()
        return end

    def _mark(self, escape: _Escape, at: int) -> int:
        """A quote between values, or white space that is escaped because the document stands in a string."""
        if escape.rest or escape.level > self._depth:
            return self._leave(at)
        if escape.level == self._depth:
            end = self._quote(escape, at)
            self._depth += 1
            self._is_fresh = True
            return end
        if escape.level >= 0:
            return self._close(escape, at)
        if escape.view in "\n\r\t" and escape.size == 2 ** (self._depth - 1) + 1:
            return self._take(Kind.STRUCTURE, at, escape.view, escape.size)
        return self._leave(at)

    def _word(self, text: str, at: int, is_final: bool) -> int | None:
        found = _WORD.match(text, at)
        if found is None:
            return self._leave(at)
        size = found.end() - at
        if size > MAX_WORD_CHARS:
            self._is_long = _LONG_BEGINS.match(text, at) is not None
            return at if self._is_long else self._leave(at)
        if found.end() == len(text) and not is_final:
            return None
        is_value = self._is_value(text, at, found.end(), is_final)
        if is_value is None:
            return None
        if not is_value:
            return self._leave(at)
        end = self._take(Kind.SCALAR, at, found.group())
        self._leave_when_over()
        return end

    def _is_value(self, text: str, start: int, end: int, is_final: bool) -> bool | None:
        if not _SCALAR_WHOLE.fullmatch(text, start, end):
            return False
        return not self._open[-1] or _ahead(_LEVELS[self._depth].follows, text, end, is_final)

    def _go_on(self, text: str, at: int, is_final: bool) -> int:
        """The next piece of a long number."""
        run = _LONG.match(text, at)
        end = self._take(Kind.LONG, at, run.group()) if run else at
        if end < len(text) or is_final:
            self._is_long = False
            self._leave_when_over()
        return end

    def _quote(self, escape: _Escape, at: int) -> int:
        return self._take(Kind.MARK if escape.level else Kind.STRUCTURE, at, escape.view, escape.size)

    def _leave_when_over(self) -> None:
        """Behind a whole document another may begin."""
        if not self._open[-1]:
            self._open.pop()
            self._is_fresh = True

    def _leave(self, at: int) -> int:
        """What comes is no JSON: go on as text from here."""
        self._open.pop()
        return at

    def _take(self, kind: Kind, at: int, view: str, size: int | None = None) -> int:
        """Add a token that reads `view`; returns where it ends."""
        size = len(view) if size is None else size
        width = size // len(view) if kind <= Kind.LONG else 0
        if size != len(view):
            self._note_change(len(view), size, width)
        self._view.append(view)
        self._view_end += len(view)
        self._raw_end += size
        if width and self.tokens:
            last = self.tokens[-1]
            if last.kind is kind and last.width == width and last.depth == self._depth:
                last.view_end, last.raw_end = self._view_end, self._raw_end
                return at + size
        self.tokens.append(Token(kind, self._depth, width, self._view_end, self._raw_end))
        return at + size

    def _note_change(self, chars: int, size: int, width: int) -> None:
        """Remember that the next `chars` of the view were written with `size`; neighbours of a width are one change."""
        start, raw_start = self._view_end, self._raw_end
        if width and self.changes:
            last = self.changes[-1]
            if last.view_end == start and last.width == width:
                start, raw_start = last.view_start, last.raw_start
                self.changes.pop()
        self.changes.append(Change(start, self._view_end + chars, raw_start, self._raw_end + size, width))


def _ahead(pattern: regex.Pattern[str], text: str, at: int, is_final: bool) -> bool | None:
    """Whether the pattern matches; None where the text ends too early to say. At its end nothing speaks against it."""
    found = pattern.match(text, at, partial=True)
    if found is None:
        return False
    return True if is_final or not found.partial else None


def _escape(text: str, at: int, is_final: bool) -> _Escape | None:
    """What stands at a quote or a backslash, or None while that is not certain."""
    if text[at] == '"':
        return _Escape(0, 1, '"', 0)
    found = _SLASHES.match(text, at)
    slashes = found.end() - at if found else 0
    end = at + slashes
    if slashes > MAX_SLASHES:
        return _Escape(0, MAX_SLASHES, "\\" * MAX_SLASHES)
    if end == len(text):
        return _Escape(0, slashes, "\\" * slashes) if is_final else None
    letter = text[end]
    if letter == '"':
        return _quote(slashes, slashes + 1)
    unit = slashes & -slashes
    if letter in _LETTERS:
        return _Escape(slashes - unit, unit + 1, _LETTERS[letter])
    if letter == "u":
        return _unicode(text, end + 1, slashes, is_final)
    return _Escape(0, slashes, "\\" * slashes)


def _quote(slashes: int, size: int) -> _Escape:
    """A quote behind what counts as so many backslashes, `size` characters in all."""
    own = (slashes + 1) & -(slashes + 1)
    rest = slashes + 1 - own
    return _Escape(rest, size - rest, "\\" * (own - 1) + '"', own.bit_length() - 1)


def _unicode(text: str, at: int, slashes: int, is_final: bool) -> _Escape | None:
    r"""`\u` and four digits from `at` on; two of them for a pair of surrogates."""
    found = _HEX.match(text, at)
    end = found.end() if found else at
    if end - at < 4:
        return None if end == len(text) and not is_final else _Escape(0, slashes, "\\" * slashes)
    unit = slashes & -slashes
    code = int(text[at:end], 16)
    if code == 0x22:
        return _quote(slashes + unit - 1, slashes + 5)
    size = unit + 5
    if 0xD800 <= code < 0xDC00:
        low = _low_half(text, end, unit, is_final)
        if low is None:
            return None
        if low:
            return _Escape(slashes - unit, 2 * size, chr(0x10000 + ((code - 0xD800) << 10) + low - 0xDC00))
    view = "\\\\" if code == 0x5C else "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)
    return _Escape(slashes - unit, size, view)


def _low_half(text: str, at: int, unit: int, is_final: bool) -> int | None:
    """The second half of a pair of surrogates: 0 when there is none, None while that is not certain."""
    lead = "\\" * unit + "u"
    part = text[at : at + unit + 5]
    if len(part) < unit + 5:
        return None if not is_final and lead.startswith(part[: len(lead)]) else 0
    if not part.startswith(lead) or _HEX.fullmatch(part, len(lead)) is None:
        return 0
    code = int(part[len(lead) :], 16)
    return code if 0xDC00 <= code < 0xE000 else 0
