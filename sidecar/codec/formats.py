"""How a body is written down, told by its content type: what cuts a stream into frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from sidecar.codec.eventstream import EventStream
from sidecar.codec.frames import Framing, Lines, ServerSentEvents


class Format(StrEnum):
    """What a body is made of."""

    JSON = "json"
    """One document."""
    SSE = "sse"
    LINES = "lines"
    """A document a line."""
    EVENT_STREAM = "event-stream"
    """AWS's binary frames."""
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
    "application/jsonlines": Format.LINES,
    "application/json-lines": Format.LINES,
    "application/stream+json": Format.LINES,
    "application/vnd.amazon.eventstream": Format.EVENT_STREAM,
}


def format_of(content_type: str) -> Format | None:
    """What a body of this content type is made of; None for one that holds no text, or none that can be read."""
    kind = content_type.partition(";")[0].strip().lower()
    if (known := _FORMATS.get(kind)) is not None:
        return known
    if kind.endswith("+json"):
        return Format.JSON
    if kind.startswith("multipart/"):
        return Format.MULTIPART
    return Format.TEXT if kind.startswith("text/") or kind in _TEXTS else None


_TEXTS = frozenset({"application/xml", "application/yaml", "application/x-yaml", "application/javascript"})

_FRAMINGS: Mapping[Format, Callable[[int], Framing]] = {
    Format.SSE: lambda most: ServerSentEvents(max_bytes=most),
    Format.LINES: lambda most: Lines(max_bytes=most),
    Format.EVENT_STREAM: lambda most: EventStream(max_bytes=most),
}


def framing_of(form: Format, max_frame_bytes: int) -> Framing:
    """What cuts a stream of this format."""
    return _FRAMINGS[form](max_frame_bytes)
