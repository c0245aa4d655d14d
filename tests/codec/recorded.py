"""Streamed answers of every shape with given pieces of text, as bytes; and what such an answer says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sidecar.codec.formats import Format
from sidecar.codec.shape import Shape
from tests.codec import test_body
from tests.codec.playing import payloads
from tests.exchanges.wire import Exchange

Recorder = Callable[[Sequence[str]], bytes]


def _bytes(record: Callable[[Sequence[str]], Exchange]) -> tuple[Shape, Recorder]:
    return record(("x",)).shape, lambda pieces: record(pieces).data


STREAMS: list[tuple[Shape, Recorder]] = [_bytes(record) for record in test_body.STREAMS]
_FORMS = {record(("x",)).shape.name: record(("x",)).form for record in test_body.STREAMS}


def form_of(shape: Shape) -> Format:
    """How a shape's recorded streams are framed."""
    return _FORMS[shape.name]


def chat(pieces: Sequence[str]) -> bytes:
    """A chat completion."""
    return test_body.chat(pieces).data


def documents(shape: Shape, body: bytes) -> list[Any]:
    """The JSON documents of a stream."""
    return [each for each in payloads(form_of(shape), body) if isinstance(each, dict)]


def said(shape: Shape, body: bytes) -> str:
    """The text of a stream, without its repeats."""
    return test_body.said(Exchange(shape, "said", "stream", form_of(shape), ()), body)
