"""Plain text: a request or an answer whose body is nothing but text in UTF-8, whole or as it comes.

There are no fields to say that an answer was stopped: the message is a last sentence. A whole text that begins like
JSON is read as that, since a lenient server may parse what is none for us: lines of it, or a name twice.
"""

from __future__ import annotations

import codecs

from sidecar.codec.body import UnknownShapeError
from sidecar.codec.encoded import is_json
from sidecar.codec.weave import Fed, Text
from sidecar.usage import Usage
from sidecar.values import Blocked, Channel, Lane, Part, Release

_REQUEST = Lane(0, Channel.CONTENT, Part.USER)
_ANSWER = Lane(0, Channel.CONTENT, Part.MODEL)


class WholeText:
    """A request or an answer that is one text. Raises `UnknownShapeError` when it is not UTF-8."""

    def __init__(self, body: bytes, *, is_request: bool) -> None:
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise UnknownShapeError("it is not text in UTF-8") from error
        lane = _REQUEST if is_request else _ANSWER
        self.texts = [Text(lane, text, is_json(text), is_last=True, is_whole=True)] if text else []
        """What to feed."""
        self.document = None
        self.history: frozenset[Lane] = frozenset()
        self.blocked: Blocked | None = None
        """The block, if any."""
        self.usage: Usage | None = None
        """Nothing: text does not say what it took."""
        self._out: list[str] = []

    def place_of(self, lane: Lane) -> str:
        """Nothing: it has no places that people have names for."""
        return ""

    def take(self, output: Release | Blocked) -> None:
        """Take what the stream let out."""
        if isinstance(output, Blocked):
            self.blocked = self.blocked or output
        self._out.append(_said(output))

    def advise(self, note: str) -> bool:
        """Whether there is a place for a note to the model: there is none."""
        return False

    def keep(self, text: Text) -> None:
        """Let a text leave as it came."""
        self.take(Release(text.lane, text.text, 0, len(text.text)))

    def finish(self) -> bytes:
        """The body as it may be passed on."""
        return "".join(self._out).encode("utf-8")


class StreamedText:
    """An answer that is text, as it comes. Bytes may be cut inside a character."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._out: list[str] = []
        self.is_over = False
        """Whether the end has been written: after a block, upstream need not be read."""
        self.usage: Usage | None = None
        """Nothing: text does not say what it took."""

    def feed(self, data: bytes) -> list[Fed]:
        """Take bytes; returns the text to feed. Raises `UnknownShapeError` when they are not UTF-8."""
        return self._decoded(data, is_final=False)

    def finish(self) -> list[Fed]:
        """The body ended."""
        return self._decoded(b"", is_final=True)

    def take(self, output: Release | Blocked) -> None:
        """Take what the stream let out."""
        if not self.is_over:
            self._out.append(_said(output))
            self.is_over = isinstance(output, Blocked)

    def flush(self) -> None:
        """Nothing waits here."""

    @property
    def is_ready(self) -> bool:
        """Whether something may leave now."""
        return bool(self._out)

    def ready(self) -> bytes:
        """What may leave now."""
        data = "".join(self._out).encode("utf-8")
        self._out.clear()
        return data

    def _decoded(self, data: bytes, *, is_final: bool) -> list[Fed]:
        try:
            text = self._decoder.decode(data, is_final)
        except UnicodeDecodeError as error:
            raise UnknownShapeError("it is not text in UTF-8") from error
        return [Text(_ANSWER, text)] if text else []


def _said(output: Release | Blocked) -> str:
    return output.message if isinstance(output, Blocked) else output.text
