"""How documents are written down as bodies, and cut into what a network brings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from sidecar.codec.eventstream import EventStream
from sidecar.codec.formats import Format
from sidecar.codec.shape import Shape

Frame = dict[str, Any] | list[Any] | str | tuple[str, Any]
"""A document; a text that is none; or either with the frame's name."""


@dataclass(frozen=True)
class Exchange:
    """Half of an exchange: a request, a whole answer, or a streamed one."""

    shape: Shape
    name: str
    half: Literal["request", "answer", "stream"]
    form: Format
    frames: tuple[Frame, ...]
    """One document, or the frames of a stream."""

    def __str__(self) -> str:
        return f"{self.shape.name}-{self.half}-{self.name}"

    @property
    def data(self) -> bytes:
        """The body."""
        if self.half != "stream":
            return json.dumps(self.frames[0]).encode()
        return b"".join(written(self.form, each) for each in self.frames)


def exchanges_of(module: ModuleType) -> Iterator[Exchange]:
    """What a module has."""
    shape: Shape = module.SHAPE
    form: Format = getattr(module, "FORM", Format.SSE)
    for name, document in module.REQUESTS.items():
        yield Exchange(shape, name, "request", Format.JSON, (document,))
    for name, document in module.ANSWERS.items():
        yield Exchange(shape, name, "answer", Format.JSON, (document,))
    for name, frames in module.STREAMS.items():
        yield Exchange(shape, name, "stream", form, tuple(frames))


def written(form: Format, frame: Frame) -> bytes:
    """A frame's bytes."""
    name, document = frame if isinstance(frame, tuple) else ("", frame)
    payload = document if isinstance(document, str) else json.dumps(document)
    if form is Format.LINES:
        return payload.encode() + b"\n"
    if form is Format.EVENT_STREAM:
        return EventStream(max_bytes=1 << 20).build(payload.encode(), name)
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {payload}\n\n".encode()
