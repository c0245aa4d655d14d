"""Answers of each API, as bytes: streamed in pieces of text, and whole; and the text that such bytes say."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from sidecar.codec.catalogue import GENERIC
from sidecar.codec.formats import Format
from sidecar.codec.places import Kind, Reader, Scope
from sidecar.codec.shape import Shape
from sidecar.codec.shapes import openai_chat
from sidecar.values import Channel
from tests.codec import test_body
from tests.exchanges.wire import Exchange
from tests.upstream import NDJSON, SSE

Record: TypeAlias = Callable[[Sequence[str]], bytes]

KINDS = {
    Format.SSE: SSE,
    Format.LINES: NDJSON,
    Format.EVENT_STREAM: "application/vnd.amazon.eventstream",
}


def chat(pieces: Sequence[str]) -> bytes:
    """A stream of OpenAI's chat with all that there is: a comment, a role, log-probabilities, usage, a sentinel."""
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    begun = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    chunks: list[dict[str, Any]] = [{**base, "choices": [begun]}]
    for each in pieces:
        said = {"index": 0, "delta": {"content": each}, "logprobs": {"content": [{"token": each}]}}
        chunks.append({**base, "choices": [said]})
    chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    chunks.append({**base, "choices": [], "usage": {"total_tokens": 9}})
    frames = "".join(f"data: {json.dumps(each, ensure_ascii=False)}\n\n" for each in chunks)
    return b": hi\n\n" + frames.encode() + b"data: [DONE]\n\n"


def _recorded(make: Callable[[Sequence[str]], Exchange]) -> tuple[Shape, Record]:
    return make(()).shape, lambda pieces: make(pieces).data


STREAMS: list[tuple[Shape, Record]] = [
    (openai_chat.SHAPE, chat),
    *(_recorded(make) for make in test_body.STREAMS if make is not test_body.chat),
]
FORMS: dict[str, Format] = {make(()).shape.name: make(()).form for make in test_body.STREAMS}
WHOLE: list[tuple[Shape, Any]] = [(shape, document) for shape, document in test_body.WHOLE if shape is not GENERIC]


def said(shape: Shape, data: bytes) -> str:
    """The text of a stream, without its repeats."""
    return test_body.said(Exchange(shape, "", "stream", FORMS[shape.name], ()), data)


def text_of(shape: Shape, document: Any) -> str:
    """The text of a whole answer's content."""
    slots = Reader(is_streamed=False).read(document, shape.response, Scope()).slots
    return "".join(slot.text for slot in slots if slot.kind is Kind.TEXT and slot.lane.channel is Channel.CONTENT)
