"""Multipart bodies, https://www.rfc-editor.org/rfc/rfc7578: form fields and files, each read if it is text.

Images, audio, video, fonts, archives and PDF go on as they came, unless their bytes are text all the same: programs go
by the name of a file, not by the type that stands beside it. Every other part is text, or the body cannot be read. The
names of files are read, too.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import msgspec

from sidecar.codec.body import UnknownShapeError
from sidecar.codec.encoded import is_json
from sidecar.codec.weave import Text
from sidecar.usage import Usage
from sidecar.values import Blocked, Channel, Lane, Part, Release

_MAX_PARTS = 1000


class _Part(msgspec.Struct):
    """A part: `data[start:end]` is its content."""

    start: int
    end: int
    lane: Lane | None
    said: list[str]


class WholeMultipart:
    """A request or an answer in parts. Raises `UnknownShapeError` when it is none."""

    def __init__(self, data: bytes, boundary: str, *, is_request: bool) -> None:
        self._data = data
        self._whose = Part.USER if is_request else Part.MODEL
        self._parts = self._split(boundary.encode("latin-1", "replace"))
        self.texts = [each for part in self._parts for each in self._fed(part)]
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
            if part.lane is not None:
                pieces += (self._data[at : part.start], "".join(part.said).encode("utf-8"))
                at = part.end
        return b"".join((*pieces, self._data[at:]))

    def _fed(self, part: _Part) -> list[Text]:
        if part.lane is None:
            return []
        text = self._data[part.start : part.end].decode("utf-8")
        return [Text(part.lane, text, is_json(text), is_last=True, is_whole=True)]

    def _split(self, boundary: bytes) -> list[_Part]:
        if not boundary:
            raise UnknownShapeError("its content type names no boundary, or several")
        marks = [found.start() for found in re.finditer(rb"(?:\A|\r?\n)--" + re.escape(boundary), self._data)]
        if len(marks) < 2 or len(marks) > _MAX_PARTS:
            raise UnknownShapeError("it is no multipart body with the boundary that its type names")
        pairs = enumerate(itertools.pairwise(marks))
        return [part for number, (start, end) in pairs for part in self._read(number, start, end)]

    def _read(self, number: int, start: int, end: int) -> Iterator[_Part]:
        """A file's name, if it has one, and the content."""
        head = re.compile(rb"\r?\n\r?\n").search(self._data, start + 2, end)
        if head is None:
            raise UnknownShapeError("a part of a multipart body has no end of its headers")
        headers = self._data[start : head.start()].decode("latin-1").lower()
        if _TRANSFER.search(headers):
            raise UnknownShapeError("a part of a multipart body is encoded for its transfer")
        name = _FILE_NAME.search(self._data, start, head.start())
        if name is not None:
            yield self._text(_MAX_PARTS + number, *name.span(1))
        content = self._data[head.end() : end]
        is_text = _is_utf8(content)
        if not (is_text or _is_media(headers)) or not _is_utf8(self._data[start : head.start()]):
            raise UnknownShapeError("a part of a multipart body is not text in UTF-8")
        yield self._text(number, head.end(), end) if is_text and content else _Part(head.end(), end, None, [])

    def _text(self, number: int, start: int, end: int) -> _Part:
        return _Part(start, end, Lane(0, Channel.CONTENT, self._whose, number), [])


_MEDIA = re.compile(r"(image|audio|video|font)/(?!svg)|application/(pdf|zip|gzip|x-tar|x-gzip)\b")
_TRANSFER = re.compile(r"content-transfer-encoding\s*:(?!\s*(7bit|8bit|binary)\s*([\r\n;]|$))")
_FILE_NAME = re.compile(rb'filename="([^"\r\n]+)"', re.IGNORECASE)


def _is_media(headers: str) -> bool:
    """Whether a part's content type says that it holds no text."""
    kind = re.search(r"content-type:\s*([^\r\n]+)", headers)
    return kind is not None and _MEDIA.match(kind.group(1)) is not None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
