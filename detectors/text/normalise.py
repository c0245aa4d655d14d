r"""The normalised view of a text: what a reader, or a model, would take it for, with an offset map back.

Disguises are undone in one pass over the words of a text:

1. invisible characters (zero-width, bidi controls, variation selectors, soft hyphens) are dropped;
2. each grapheme is brought to NFKC: full-width, circled, mathematical and superscript letters become plain ones;
3. look-alike letters of other scripts become Latin in words that also hold Latin letters: Russian stays Russian;
4. digits and signs that stand for letters become letters in words that are mostly letters (`1gn0re`, `p@ssword`);
5. letters spaced out one by one are joined (`i g n o r e`, two spaces or a sign between words);
6. base64, hexadecimal, percent-encoded and tag-character text, and the decimal codes of characters, are opened where
   they hold readable text.

Every character of the view knows the span of the original that it came from, so a finding there acts on the original.
What this is not: a decoder for ciphers, or a spelling corrector. Work is linear in the text.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

import msgspec
import regex

from detectors.text.changes import changes
from detectors.types import Look

_CLUSTER = regex.compile(r"\X")
_INVISIBLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}]")
_EMOJI = regex.compile(r"[\p{Extended_Pictographic}\p{Regional_Indicator}]")
_ENCODED = regex.compile(
    r"(?P<tags>[\U000E0020-\U000E007F]{4,})"
    r"|(?P<url>(?:[\w.~+-]{0,8}%[0-9A-Fa-f]{2}){3,}[\w.~+-]{0,8})"
    r"|(?<![0-9.,-])(?P<decimal>\d{2,3}(?:[ ,;]{1,2}\d{2,3}){7,999})(?![0-9.,-])"
    r"|(?<![0-9A-Za-z+/_-])(?P<hex>(?:[0-9A-Fa-f]{2}){12,2000})(?![0-9A-Za-z+/_=-])"
    r"|(?<![0-9A-Za-z+/_-])(?P<base64>[0-9A-Za-z+/_-]{16,4000}={0,2})(?![0-9A-Za-z+/_=-])"
)
_SPACED = regex.compile(
    r"(?<![^\W_])[^\W\d_](?:([ .\-_*|])[^\W\d_])(?:\1[^\W\d_]){2,60}"
    r"(?:(?:\1{2,3}|[ ]{2,3})[^\W\d_](?:\1[^\W\d_])+)*(?![^\W_])"
)
_SUSPECT = regex.compile(
    r"[^\x00-\x7f]|\d{2,3}(?:[ ,;]{1,2}\d{2,3}){7}|[A-Za-z][013457@$!|]+[A-Za-z]|%[0-9A-Fa-f]{2}|[0-9A-Za-z+/_-]{16}"
    r"|(?<![^\W_])[A-Za-z]([ .\-_*|])[A-Za-z]\1[A-Za-z](?![A-Za-z])"
)
_BYTES = re.compile(
    r"(?:\\[abtnvfr\"'\\]){0,3}(?:\\x[0-9A-Fa-f]{2}|\\[0-7]{3})(?:\\(?:x[0-9A-Fa-f]{2}|[0-7]{1,3}|[abtnvfr\"'\\]))*"
)
_MANY_BYTES = 6
"""Rows of escapes in a segment."""
_WORD = regex.compile(r"[\p{L}\p{N}@$!|\p{M}]+")
_READABLE = regex.compile(r"[\p{L}\p{N}\p{P}\p{Sm}\p{Sc}\p{Sk}\p{Zs}\n\t]+")
_MOSTLY = 0.85
"""How much of a row of character codes must be letters and spaces."""
_LEET = str.maketrans("013457@$!|", "oieastasil")
_LEET_SIGNS = frozenset("013457@$!|")
LOOK_ALIKES = str.maketrans(
    "аеорсухіјѕԁһԛԝѵӏвмнткАВЕКМНОРСТУХІЈЅαονρτυικχβγωΑΒΕΖΗΙΚΜΝΟΡΤΥΧɑɡıⅼⲟօսոցһɩʟᴀᴇɪᴏᴜꜱʀɴ",
    "aeopcyxijsdhqwvlbmhtkABEKMHOPCTYXIJSaovptuikxbywABEZHIKMNOPTYXagiloouughilaeiousrn",
)


class View(msgspec.Struct, frozen=True):
    """A normalised text. `starts[i]:ends[i]` is the span of the original that the view's character `i` came from."""

    text: str
    starts: list[int]
    ends: list[int]

    def to_original(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that the view's `[start, end)` came from. `start < end`."""
        return min(self.starts[start:end]), max(self.ends[start:end])


class _Builder:
    __slots__ = ("ends", "pieces", "starts")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []

    def put(self, text: str, start: int, end: int) -> None:
        """Add text that stands for the original's `[start, end)` as a whole."""
        self.pieces.append(text)
        self.starts.extend([start] * len(text))
        self.ends.extend([end] * len(text))

    def view(self) -> View:
        return View("".join(self.pieces), self.starts, self.ends)


def normalise(text: str) -> View:
    """The normalised view of `text`."""
    return _unspell(_join_spaced(_fold(_open(text))))


def undisguise(text: str) -> View | None:
    """The normalised view when it reads differently from `text` (more than case or white space), else None.

    Plain text is told by one pass of a regular expression.
    """
    if _SUSPECT.search(text) is None:
        return None
    view = normalise(text)
    return None if _words(view.text) == _words(text) else view


def without_bytes(text: str) -> str:
    r"""A text with many bytes as escapes (`\x0a\x04name`), a space in place of each row of them.

    No model has read such text; what is left are the words in it.
    """
    if text.count("\\") < _MANY_BYTES:
        return text
    plain, count = _BYTES.subn(" ", text)
    return plain if count >= _MANY_BYTES else text


def _words(text: str) -> list[str]:
    return unicodedata.normalize("NFC", text).casefold().split()


def shown(text: str) -> Look | None:
    """The normalised view to be looked at, with what was opened or undone in it, when it reads differently."""
    view = undisguise(text)
    if view is None:
        return None
    encodings = {(start, end): _CALLED[kind] for start, end, kind, _ in _opened(text)}

    def how(start: int, end: int, read: str) -> str:
        return encodings.get((start, end)) or ("disguise undone" if read else "invisible, left out")

    return Look("normalised view", view.text, changes(text, view.text, view.starts, view.ends, how))


_CALLED = {
    "tags": "tag characters opened",
    "url": "percent-encoding opened",
    "decimal": "character codes opened",
    "hex": "hexadecimal opened",
    "base64": "base64 opened",
}


def _open(text: str) -> View:
    """Open what is encoded; all else stays, character by character."""
    builder = _Builder()
    position = 0
    for start, end, _, opened in _opened(text):
        _copy(builder, text, position, start)
        builder.put(opened, start, end)
        position = end
    _copy(builder, text, position, len(text))
    return builder.view()


def _opened(text: str) -> Iterator[tuple[int, int, str, str]]:
    """What is encoded: where, how, and what it says."""
    for found in _ENCODED.finditer(text):
        kind = found.lastgroup or ""
        if (opened := _decode(kind, found.group())) is not None:
            yield found.start(), found.end(), kind, opened


def _copy(builder: _Builder, text: str, start: int, end: int) -> None:
    builder.pieces.append(text[start:end])
    builder.starts.extend(range(start, end))
    builder.ends.extend(range(start + 1, end + 1))


def _decode(kind: str, text: str) -> str | None:
    """The text inside an encoding, or None when there is none to read."""
    if kind == "tags":
        return "".join(chr(ord(each) - 0xE0000) for each in text if each != "\U000e007f")
    if kind == "url":
        opened = unquote(text, errors="replace")
        return opened if _is_readable(opened) else None
    if kind == "decimal":
        return _from_codes(text)
    try:
        data = bytes.fromhex(text) if kind == "hex" else _from_base64(text)
        opened = data.decode("utf-8")
    except (ValueError, binascii.Error):
        return None
    return opened if _is_readable(opened) and any(each.isspace() for each in opened) else None


def _from_codes(text: str) -> str | None:
    """The text whose characters have these decimal codes, when it is words: a row of numbers seldom is."""
    opened = "".join(chr(int(code)) for code in re.findall(r"\d+", text))
    wordly = sum(each.isascii() and (each.isalpha() or each.isspace()) for each in opened)
    return opened if _is_readable(opened) and " " in opened and wordly >= _MOSTLY * len(opened) else None


def _from_base64(text: str) -> bytes:
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def _is_readable(text: str) -> bool:
    return _READABLE.fullmatch(text) is not None


def _fold(view: View) -> View:
    """Drop what is invisible and bring every grapheme to NFKC."""
    builder = _Builder()
    for found in _CLUSTER.finditer(view.text):
        cluster = found.group()
        visible = cluster if cluster.isascii() or _EMOJI.match(cluster) else _INVISIBLE.sub("", cluster)
        if visible:
            start, end = view.to_original(found.start(), found.end())
            builder.put(visible if visible.isascii() else unicodedata.normalize("NFKC", visible), start, end)
    return builder.view()


def _join_spaced(view: View) -> View:
    """Join letters that stand one by one."""
    return _rewrite(view, _spaced_runs(view.text))


def _spaced_runs(text: str) -> Iterator[tuple[int, int, str]]:
    for found in _SPACED.finditer(text):
        sign = found.group(1)
        words = regex.split(rf"{regex.escape(sign)}{{2,3}}|[ ]{{2,3}}", found.group())
        yield found.start(), found.end(), " ".join(word.replace(sign, "") for word in words)


def _unspell(view: View) -> View:
    """Undo look-alikes and letters written as digits, word by word."""
    return _rewrite(view, _plain_words(view.text))


def _plain_words(text: str) -> Iterator[tuple[int, int, str]]:
    for found in _WORD.finditer(text):
        word = found.group()
        if word.isalpha() and word.isascii():
            continue
        plain = _plain(word)
        if plain != word:
            yield found.start(), found.end(), plain


def _plain(word: str) -> str:
    if any(each.isascii() and each.isalpha() for each in word):
        word = word.translate(LOOK_ALIKES)
    core = word.rstrip("!|")
    letters = sum(each.isalpha() for each in core)
    signs = sum(each in _LEET_SIGNS for each in core)
    if signs and letters >= 2 and letters >= signs and letters + signs == len(core) and _is_woven(core):
        return core.translate(_LEET) + word[len(core) :]
    return word


def _is_woven(word: str) -> bool:
    """Whether signs stand between letters, not only before or after them (`covid19` and `4chan` are words)."""
    stripped = word.strip("".join(_LEET_SIGNS))
    return any(each in _LEET_SIGNS for each in stripped)


def _rewrite(view: View, changes: Iterator[tuple[int, int, str]]) -> View:
    """Put new text for spans of a view; the map of a text of the same length stays character by character."""
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    position = 0
    for start, end, text in changes:
        pieces += (view.text[position:start], text)
        starts += view.starts[position:start]
        ends += view.ends[position:start]
        if len(text) == end - start:
            starts += view.starts[start:end]
            ends += view.ends[start:end]
        else:
            first, last = view.to_original(start, end)
            starts += [first] * len(text)
            ends += [last] * len(text)
        position = end
    if not pieces:
        return view
    pieces.append(view.text[position:])
    return View("".join(pieces), starts + view.starts[position:], ends + view.ends[position:])
