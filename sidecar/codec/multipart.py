"""Multipart bodies, https://www.rfc-editor.org/rfc/rfc7578: form fields and files, each read if it is text.

Images, audio, video, fonts, archives and PDF go on as they came; every other part is text, or the body cannot be read.
"""

from __future__ import annotations

import itertools
import re

import msgspec

from sidecar.codec.body import UnknownShapeError
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
        return [Text(part.lane, self._data[part.start : part.end].decode("utf-8"), is_last=True, is_whole=True)]

    def _split(self, boundary: bytes) -> list[_Part]:
        if not boundary:
            raise UnknownShapeError("its content type names no boundary, or several")
        marks = [found.start() for found in re.finditer(rb"(?:\A|\r?\n)--" + re.escape(boundary), self._data)]
        if len(marks) < 2 or len(marks) > _MAX_PARTS:
            raise UnknownShapeError("it is no multipart body with the boundary that its type names")
        return [self._part(number, start, end) for number, (start, end) in enumerate(itertools.pairwise(marks))]

    def _part(self, number: int, start: int, end: int) -> _Part:
        head = re.compile(rb"\r?\n\r?\n").search(self._data, start + 2, end)
        if head is None:
            raise UnknownShapeError("a part of a multipart body has no end of its headers")
        headers = self._data[start : head.start()].decode("latin-1").lower()
        is_text = not _is_media(headers)
        if is_text:
            _check_utf8(self._data[head.end() : end])
        lane = Lane(0, Channel.CONTENT, self._whose, number) if is_text and head.end() < end else None
        return _Part(head.end(), end, lane, [])


_MEDIA = re.compile(r"(image|audio|video|font)/(?!svg)|application/(pdf|zip|gzip|x-tar|x-gzip)\b")


def _is_media(headers: str) -> bool:
    """Whether a part's content type says that it holds no text."""
    kind = re.search(r"content-type:\s*([^\r\n]+)", headers)
    return kind is not None and _MEDIA.match(kind.group(1)) is not None


def _check_utf8(data: bytes) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise UnknownShapeError("a part of a multipart body is not text in UTF-8") from None
