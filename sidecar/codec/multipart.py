"""Multipart bodies, https://www.rfc-editor.org/rfc/rfc7578: form fields and files, each read if it is text.

Images, audio, video, fonts, archives and PDF go on as they came, unless their bytes are text all the same: programs go
by the name of a file, not by the type that stands beside it. Every other part is text, or the body cannot be read. What
a part's headers say beyond the usual is read, too: names of files, names of fields that are no words, other headers;
and so is what stands before the first part and behind the last. A body that servers could take apart in several ways
cannot be read.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote_to_bytes

import msgspec

from sidecar.codec.body import UnknownShapeError
from sidecar.codec.encoded import is_json
from sidecar.codec.weave import Text
from sidecar.usage import Usage
from sidecar.values import Blocked, Channel, Lane, Part, Release

_MAX_PARTS = 1000


class _Part(msgspec.Struct):
    """A text of the body: `data[start:end]`."""

    start: int
    end: int
    lane: Lane
    text: str
    is_quoted: bool = False
    """Whether it stands there percent-encoded."""
    said: list[str] = msgspec.field(default_factory=list)

    def written(self, came: bytes) -> bytes:
        """What stands in its place; it came as these bytes."""
        said = "".join(self.said)
        if said == self.text:
            return came
        return quote(said).encode() if self.is_quoted else said.encode("utf-8")


class WholeMultipart:
    """A request or an answer in parts. Raises `UnknownShapeError` when it is none."""

    def __init__(self, data: bytes, boundary: str, *, is_request: bool) -> None:
        self._data = data
        self._whose = Part.USER if is_request else Part.MODEL
        self._numbers = itertools.count(_MAX_PARTS)
        self._parts = list(self._split(boundary.encode("latin-1", "replace")))
        self.texts = [_fed(part) for part in self._parts if part.text]
        """What to feed."""
        self.document = None
        self.history: frozenset[Lane] = frozenset()
        self.blocked: Blocked | None = None
        """The block, if any."""
        self.usage: Usage | None = None
        """Nothing: its parts do not say what they took."""

    def place_of(self, lane: Lane) -> str:
        """Nothing: it has no places that people have names for."""
        return ""

    def take(self, output: Release | Blocked) -> None:
        """Take what the stream let out."""
        if isinstance(output, Blocked):
            self.blocked = self.blocked or output
        for part in self._parts:
            if part.lane == output.lane:
                part.said.append(output.message if isinstance(output, Blocked) else output.text)

    def advise(self, note: str) -> bool:
        """Whether there is a place for a note to the model: there is none."""
        return False

    def keep(self, text: Text) -> None:
        """Let a text leave as it came."""
        self.take(Release(text.lane, text.text, 0, len(text.text)))

    def finish(self) -> bytes:
        """The body as it may be passed on."""
        pieces: list[bytes] = []
        at = 0
        for part in self._parts:
            pieces += (self._data[at : part.start], part.written(self._data[part.start : part.end]))
            at = part.end
        return b"".join((*pieces, self._data[at:]))

    def _split(self, boundary: bytes) -> Iterator[_Part]:
        if not boundary:
            raise UnknownShapeError("its content type names no boundary, or several")
        marks = [*re.finditer(rb"(?:\A|\r?\n)--" + re.escape(boundary) + _END_OF_MARK, self._data)]
        ends = [found["closes"] is not None for found in marks]
        if len(marks) < 2 or len(marks) > _MAX_PARTS or None in (found["line"] for found in marks):
            raise UnknownShapeError("it is no multipart body with the boundary that its type names")
        if not ends[-1] or any(ends[:-1]):
            raise UnknownShapeError("a multipart body does not end with its last part")
        yield from self._aside(0, marks[0].start())
        for number, (mark, next_mark) in enumerate(itertools.pairwise(marks)):
            yield from self._read(number, mark.end(), next_mark.start())
        yield from self._aside(marks[-1].end(), len(self._data))

    def _read(self, number: int, start: int, end: int) -> Iterator[_Part]:
        """What the headers of a part say, and its content."""
        head = _HEAD.match(self._data, start, end)
        if head is None:
            raise UnknownShapeError("a part of a multipart body has no end of its headers")
        headers = self._data[start : head.end(1)]
        content = self._data[head.end() : end]
        is_text = _is_utf8(content)
        if not (is_text or _is_media(headers)) or not _is_utf8(headers):
            raise UnknownShapeError("a part of a multipart body is not text in UTF-8")
        if fault := _fault_in(headers, content):
            raise UnknownShapeError(f"a part of a multipart body {fault}")
        yield from self._said_in(start, head.end(1))
        if is_text and content:
            yield self._text(number, head.end(), end)

    def _said_in(self, start: int, end: int) -> Iterator[_Part]:
        """What headers say that is not usual, in order."""
        for line in _LINE.finditer(self._data, start, end):
            usual = _USUAL.match(self._data, line.start(), line.end())
            at = usual.end() if usual is not None else line.start()
            while named := _PARAMETER.match(self._data, at, line.end()):
                at = named.end()
                yield from self._named(named)
            yield from self._aside(at, line.end())

    def _named(self, named: re.Match[bytes]) -> Iterator[_Part]:
        """The name of a field, or of a file, which may be encoded."""
        if named["encoded"] is not None:
            yield self._text(next(self._numbers), *named.span("encoded"), is_quoted=True)
        elif named["file"] is not None or not _WORD.fullmatch(named["name"]):
            yield from self._aside(*named.span("file" if named["file"] is not None else "name"))

    def _aside(self, start: int, end: int) -> Iterator[_Part]:
        """What stands beside the contents of parts, unless it is nothing."""
        if self._data[start:end].strip(b" \t\r\n;"):
            yield self._text(next(self._numbers), start, end)

    def _text(self, number: int, start: int, end: int, *, is_quoted: bool = False) -> _Part:
        data = self._data[start:end]
        try:
            text = (unquote_to_bytes(data) if is_quoted else data).decode("utf-8")
        except UnicodeDecodeError as error:
            raise UnknownShapeError("what stands beside the parts of a multipart body is not UTF-8") from error
        return _Part(start, end, Lane(0, Channel.CONTENT, self._whose, number), text, is_quoted)


_END_OF_MARK = rb"(?P<closes>--)?(?P<line>[ \t]*(?=\r?\n|\Z))?"
"""How the line of a boundary ends; some servers take one for a boundary that goes on."""
_HEAD = re.compile(rb"\r?\n(?:((?:[^\r\n]+\r?\n)*[^\r\n]+)\r?\n)?\r?\n")
"""The headers of a part, with the ends of lines around them."""
_LINE = re.compile(rb"[^\r\n]+")
_WORD = re.compile(rb"[\w.\[\]-]{0,64}")
_USUAL = re.compile(
    rb"content-disposition:[ \t]*(?:form-data|attachment|inline|file)(?=[; \t]|\Z)[ \t]*"
    rb"|content-type:[ \t]*[\w.+-]{1,64}/[\w.+-]{1,64}(?:[ \t]*;[ \t]*(?:charset|boundary|type|start)=[^\s;]{1,70})*\Z"
    rb"|content-transfer-encoding:[^\r\n]{1,10}\Z|content-length:[ \t]*\d{1,15}\Z|content-id:[ \t]*[!-~]{1,128}\Z"
    rb"|mime-version:[ \t]*[\d.]{1,5}\Z",
    re.IGNORECASE,
)
"""Headers that say nothing to anybody, or how they begin."""
_PARAMETER = re.compile(
    rb";[ \t]*(?:filename\*=(?:utf-8)'[\w-]*'(?P<encoded>[^\s;]+)"
    rb'|filename="(?P<file>(?:[^"\\\r\n]|\\.)*)"|name="(?P<name>(?:[^"\\\r\n]|\\.)*)")[ \t]*(?=;|\Z)',
    re.IGNORECASE,
)
_MEDIA = re.compile(rb"(image|audio|video|font)/(?!svg)|application/(pdf|zip|gzip|x-tar|x-gzip)\b", re.IGNORECASE)
_KIND = re.compile(rb"^content-type:[ \t]*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
_CHARSET = re.compile(rb"charset\*?[ \t]*=[ \t]*[\"']?([^\"';\s]*)", re.IGNORECASE)
_TRANSFER = re.compile(rb"content-transfer-encoding[ \t]*:(?!\s*(7bit|8bit|binary)\s*([\r\n;]|$))", re.IGNORECASE)
_OF_PARTS = re.compile(rb"(multipart|message)/|application/x-www-form-urlencoded", re.IGNORECASE)
_DEFAULT_CHARSET = re.compile(rb"name=\"?_charset_", re.IGNORECASE)
_UTF8 = frozenset((b"", b"utf-8", b"utf8"))
_ABOVE_ASCII = frozenset((b"ascii", b"us-ascii", b"iso-8859-1", b"latin1", b"latin-1", b"windows-1252", b"cp1252"))
"""Charsets in which ASCII is ASCII; some libraries name one whatever they send."""


def _fed(part: _Part) -> Text:
    return Text(part.lane, part.text, is_json(part.text), is_last=True, is_whole=True)


def _fault_in(headers: bytes, content: bytes) -> str:
    """Why a part could be another text than its bytes; nothing where it could not."""
    if _TRANSFER.search(headers):
        return "is encoded for its transfer"
    if re.search(rb"\n[ \t]", headers):
        return "has a header that goes on in the next line"
    if any(_OF_PARTS.match(kind) for kind in _KIND.findall(headers)):
        return "has parts or fields of its own"
    charsets = {each.lower() for each in _CHARSET.findall(headers)}
    if _DEFAULT_CHARSET.search(headers):
        charsets.add(content.strip().lower())
    if any(each not in _UTF8 and not (each in _ABOVE_ASCII and content.isascii()) for each in charsets):
        return "has a charset that is not UTF-8"
    return "has NUL characters, as text in UTF-16 has" if b"\0" in content and not _is_media(headers) else ""


def _is_media(headers: bytes) -> bool:
    """Whether a part's content type says that it holds no text."""
    kind = _KIND.search(headers)
    return kind is not None and _MEDIA.match(kind.group(1)) is not None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
