"""Plain text: a request or an answer whose body is nothing but text in UTF-8, whole or as it comes.

There are no fields to say that an answer was stopped, and none for an error: both are sentences.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.codec.body import UnknownShapeError
from sidecar.codec.jsontext import Path
from sidecar.codec.shape import NewFrame, Streaming, lane
from sidecar.codec.weave import Slot, Text
from sidecar.values import Blocked, Channel, Lane, Part, Release

_REQUEST = Lane(0, Channel.CONTENT, Part.USER)


class PlainText:
    """The shape: where there is no document, there are no slots."""

    name = "text"
    streaming = Streaming.TEXT

    def request(self, document: Any) -> Iterator[Slot]:
        """None: see `WholeText`."""
        yield from ()

    def response(self, document: Any) -> Iterator[Slot]:
        """None: see `WholeText`."""
        yield from ()

    def event(self, document: Any, name: str) -> Iterator[Slot]:
        """None: see `StreamedText`."""
        yield from ()

    def echoes(self, document: Any) -> Iterator[Path]:
        """None."""
        yield from ()

    def choices(self, document: Any, name: str) -> frozenset[int] | None:
        """The one choice."""
        return frozenset({0})

    def is_last(self, payload: bytes, name: str) -> bool:
        """The end of the body says so."""
        return False

    def ending(self, template: Any, lane: Lane, message: str) -> list[NewFrame]:
        """The message."""
        return [NewFrame(message.encode("utf-8"))]

    def closing(self, template: Any) -> list[NewFrame]:
        """Nothing."""
        return []

    def stopped(self, document: Any, lane: Lane) -> Mapping[Path, str]:
        """Nothing says it."""
        return {}

    def refusal(self, message: str, rule: str) -> tuple[int, bytes]:
        """The message as the body of a 400."""
        return 400, message.encode("utf-8")

    def failure(self, status: int, message: str) -> bytes:
        """The message."""
        return message.encode("utf-8")


class WholeText:
    """A request or an answer that is one text. Raises `UnknownShapeError` when it is not UTF-8."""

    def __init__(self, body: bytes, *, is_request: bool) -> None:
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise UnknownShapeError("the body is not text in UTF-8") from error
        self.texts: list[Text] = [(_REQUEST if is_request else lane(), text)] if text else []
        """What to feed."""
        self.document = None
        self.blocked: Blocked | None = None
        """The block, if any."""
        self._out: list[str] = []

    def take(self, output: Release | Blocked) -> None:
        """Take what the stream let out."""
        if isinstance(output, Blocked):
            self.blocked = self.blocked or output
        self._out.append(_said(output))

    def finish(self) -> bytes:
        """The body as it may be passed on."""
        return "".join(self._out).encode("utf-8")


class StreamedText:
    """An answer that is text, as it comes. Bytes may be cut inside a character."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._lane = lane()
        self._out: list[str] = []
        self.is_over = False
        """Whether the end has been written: after a block, upstream need not be read."""
        self.is_last_seen = False
        """Never: the end of the body says so."""

    def feed(self, data: bytes) -> list[Text]:
        """Take bytes; returns the text to feed. Raises `UnknownShapeError` when they are not UTF-8."""
        return self._decoded(data, is_final=False)

    def finish(self) -> list[Text]:
        """The body ended."""
        return self._decoded(b"", is_final=True)

    def take(self, output: Release | Blocked) -> None:
        """Take what the stream let out."""
        if not self.is_over:
            self._out.append(_said(output))
            self.is_over = isinstance(output, Blocked)

    def flush(self) -> None:
        """Nothing waits here."""

    def ready(self) -> bytes:
        """What may leave now."""
        data = "".join(self._out).encode("utf-8")
        self._out.clear()
        return data

    def _decoded(self, data: bytes, *, is_final: bool) -> list[Text]:
        try:
            text = self._decoder.decode(data, is_final)
        except UnicodeDecodeError as error:
            raise UnknownShapeError("the body is not text in UTF-8") from error
        return [(self._lane, text)] if text else []


def _said(output: Release | Blocked) -> str:
    return output.message if isinstance(output, Blocked) else output.text
