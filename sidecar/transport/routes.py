"""Which provider's API a path speaks, what a media type's format is, and bodies of both.

A path is compared as it stands: what resembles a known one is `paths`' affair. A prefix before the API's own path is
allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, TypeAlias

from sidecar.codec.anthropic import AnthropicMessages
from sidecar.codec.body import StreamedAnswer, UnknownShapeError, WholeBody
from sidecar.codec.jsontext import Path
from sidecar.codec.ollama import Ollama
from sidecar.codec.openai import failure, refusal
from sidecar.codec.openai_chat import OpenAIChat
from sidecar.codec.openai_completions import OpenAICompletions
from sidecar.codec.openai_responses import OpenAIResponses
from sidecar.codec.shape import NewFrame, Shape, Streaming, encode, leaves
from sidecar.codec.text import PlainText, StreamedText, WholeText
from sidecar.codec.tgi import TextGenerationInference
from sidecar.codec.weave import Slot
from sidecar.values import Channel, Lane, Part

__all__ = [
    "GENERIC",
    "PLAIN",
    "SHAPES",
    "Format",
    "Shape",
    "format_of",
    "shape_in_any_case",
    "shape_of",
    "streamed",
    "whole",
]

WholeOf: TypeAlias = WholeBody | WholeText
StreamOf: TypeAlias = StreamedAnswer | StreamedText


class Format(StrEnum):
    """How a body is written."""

    JSON = "json"
    SSE = "sse"
    LINES = "lines"
    EVENT_STREAM = "event_stream"
    MULTIPART = "multipart"
    TEXT = "text"


_FORMATS: Mapping[str, Format] = {
    "application/json": Format.JSON,
    "text/json": Format.JSON,
    "text/event-stream": Format.SSE,
    "application/x-ndjson": Format.LINES,
    "application/ndjson": Format.LINES,
    "application/jsonl": Format.LINES,
    "application/x-jsonlines": Format.LINES,
    "application/stream+json": Format.LINES,
    "application/vnd.amazon.eventstream": Format.EVENT_STREAM,
}


def format_of(content_type: str) -> Format | None:
    """The format of a media type; None for one that is not known."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _FORMATS:
        return _FORMATS[kind]
    if kind.endswith("+json"):
        return Format.JSON
    if kind.startswith("multipart/"):
        return Format.MULTIPART
    return Format.TEXT if kind.startswith("text/") else None


class _Generic:
    """An API that nobody described: every string is text."""

    name = "generic"

    def __init__(self, streaming: Streaming) -> None:
        self.streaming = streaming

    def request(self, document: Any) -> Iterator[Slot]:
        yield from leaves(document, (), Lane(0, Channel.CONTENT, Part.USER))

    def response(self, document: Any) -> Iterator[Slot]:
        yield from leaves(document, (), Lane(0, Channel.CONTENT, Part.MODEL))

    def event(self, document: Any, name: str) -> Iterator[Slot]:
        yield from self.response(document)

    def echoes(self, document: Any) -> Iterator[Path]:
        yield from ()

    def choices(self, document: Any, name: str) -> frozenset[int] | None:
        return frozenset({0})

    def is_last(self, payload: bytes, name: str) -> bool:
        return payload == b"[DONE]"

    def ending(self, template: Any, lane: Lane, message: str) -> list[NewFrame]:
        return [NewFrame(encode({"error": {"message": message}}))]

    def closing(self, template: Any) -> list[NewFrame]:
        return []

    def stopped(self, document: Any, lane: Lane) -> Mapping[Path, str]:
        return {}

    def refusal(self, message: str, rule: str) -> tuple[int, bytes]:
        return refusal(message)

    def failure(self, status: int, message: str) -> bytes:
        return failure(status, message)


GENERIC: Shape = _Generic(Streaming.SSE)
PLAIN: Shape = PlainText()
_OF_LINES: Shape = _Generic(Streaming.NDJSON)


def shape_of(path: str) -> Shape | None:
    """The API of a path; None where nobody described one."""
    return next((shape for pattern, shape, _ in _ROUTES if pattern.search(path)), None)


def shape_in_any_case(path: str) -> Shape | None:
    """The API of a path that some server could take for it although it is written in another case."""
    return next((shape for pattern, shape in _IN_ANY_CASE if pattern.search(path)), None)


def whole(shape: Shape, data: bytes, *, is_request: bool, format: Format) -> WholeOf:
    """A body that is there as a whole. Raises `UnknownShapeError`."""
    if format is Format.TEXT:
        return WholeText(data, is_request=is_request)
    if format is not Format.JSON:
        raise UnknownShapeError("the format is not read")
    body = WholeBody(shape if shape.streaming is not Streaming.TEXT else GENERIC, data, is_request=is_request)
    if is_request and not _fits(shape, body.document):
        raise UnknownShapeError("the request is not of its shape")
    return body


def streamed(shape: Shape, format: Format, *, max_frame_bytes: int) -> StreamOf:
    """An answer that comes piece by piece. Raises `UnknownShapeError`."""
    if format is Format.TEXT:
        return StreamedText()
    if format is Format.EVENT_STREAM:
        raise UnknownShapeError("the format is not read")
    streaming = Streaming.SSE if format is Format.SSE else Streaming.NDJSON
    generic = GENERIC if streaming is Streaming.SSE else _OF_LINES
    return StreamedAnswer(shape if shape.streaming is streaming else generic, max_frame_bytes=max_frame_bytes)


def _fits(shape: Shape, document: Any) -> bool:
    if shape is GENERIC:
        return True
    fits = next(fits for _, known, fits in _ROUTES if known is shape)
    return isinstance(document, dict) and not any(_misspelt(document)) and fits(document)


_TEXT_KEYS = frozenset({"messages", "prompt", "system", "input", "inputs", "instructions", "content", "text", "role"})
"""Keys that hold what is checked. Some servers read them in any case, so another spelling is no body of the shape."""


def _misspelt(document: dict[str, Any]) -> Iterator[bool]:
    for each in (document, *_messages(document)):
        for key in each:
            yield key not in _TEXT_KEYS and key.casefold() in _TEXT_KEYS


def _messages(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in ("messages", "input"):
        found = document.get(key)
        if isinstance(found, list):
            yield from (each for each in found if isinstance(each, dict))


def _has_messages(document: dict[str, Any]) -> bool:
    return isinstance(document.get("messages"), list)


def _has_prompt(document: dict[str, Any]) -> bool:
    """A prompt in words; token numbers cannot be read."""
    prompt = document.get("prompt")
    return isinstance(prompt, str) or (isinstance(prompt, list) and all(isinstance(each, str) for each in prompt))


def _has_input(document: dict[str, Any]) -> bool:
    return isinstance(document.get("input"), str | list)


def _has_inputs(document: dict[str, Any]) -> bool:
    return isinstance(document.get("inputs"), str)


def _is_ollama(document: dict[str, Any]) -> bool:
    """Without messages or prompt, Ollama only loads the model."""
    return isinstance(document.get("prompt", ""), str) and isinstance(document.get("messages", []), list)


_ROUTES: tuple[tuple[re.Pattern[str], Shape, Callable[[dict[str, Any]], bool]], ...] = tuple(
    (re.compile(pattern), shape, fits)
    for pattern, shape, fits in (
        (r"/chat/completions$", OpenAIChat(), _has_messages),
        (r"/completions$", OpenAICompletions(), _has_prompt),
        (r"/responses$", OpenAIResponses(), _has_input),
        (r"(^|/v1)/messages$", AnthropicMessages(), _has_messages),
        (r"/api/(chat|generate)$", Ollama(), _is_ollama),
        (r"/generate(_stream)?$", TextGenerationInference(), _has_inputs),
    )
)
_IN_ANY_CASE = tuple((re.compile(pattern.pattern, re.IGNORECASE), shape) for pattern, shape, _ in _ROUTES)
SHAPES: tuple[Shape, ...] = tuple(shape for _, shape, _ in _ROUTES)
