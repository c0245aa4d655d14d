"""What a wire shape is: where a provider's messages hold text, and how that provider's clients expect a stop.

A shape is a table of facts about one API, without state. `document` is a parsed JSON value; its texts are returned as
slots, in the order in which they are read. Lanes: `choice` is the choice (n > 1) of an answer, or the number of a
request's message; `item` tells apart texts of one channel (tool calls, content blocks).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from sidecar.codec.jsontext import Path
from sidecar.codec.weave import Slot
from sidecar.values import Channel, Lane, Part


class Streaming(StrEnum):
    """How a shape frames its streams."""

    SSE = "sse"
    NDJSON = "ndjson"
    TEXT = "text"
    """Not framed at all."""


class NewFrame(msgspec.Struct, frozen=True):
    """A frame to add to a stream: a payload, and for server-sent events maybe a name."""

    payload: bytes
    event: str = ""


class Shape(Protocol):
    """One provider's API."""

    @property
    def name(self) -> str:
        """As settings and metrics call it."""
        ...

    @property
    def streaming(self) -> Streaming:
        """How its streams are framed."""
        ...

    def request(self, document: Any) -> Iterator[Slot]:
        """The texts of a request, each with whose words it is."""
        ...

    def response(self, document: Any) -> Iterator[Slot]:
        """The texts of a whole answer."""
        ...

    def event(self, document: Any, name: str) -> Iterator[Slot]:
        """The texts of one frame of a stream."""
        ...

    def echoes(self, document: Any) -> Iterator[Path]:
        """Values that repeat text in other forms, such as log-probabilities: emptied when a text changed."""
        ...

    def choices(self, document: Any, name: str) -> frozenset[int] | None:
        """The choices that a frame is about; None for one about none in particular: it goes on after a block."""
        ...

    def is_last(self, payload: bytes, name: str) -> bool:
        """Whether this frame says that the stream is over."""
        ...

    def ending(self, template: Any, lane: Lane, message: str) -> list[NewFrame]:
        """Frames that end a blocked choice, `message` its last text. `template` is an earlier frame, or None."""
        ...

    def closing(self, template: Any) -> list[NewFrame]:
        """Frames that end a stream of which every choice was stopped."""
        ...

    def stopped(self, document: Any, lane: Lane) -> Mapping[Path, str]:
        """What changes in a whole answer when a choice was blocked: JSON text by path."""
        ...

    def refusal(self, message: str, rule: str) -> tuple[int, bytes]:
        """Status and body of the answer to a request that was blocked."""
        ...

    def failure(self, status: int, message: str) -> bytes:
        """Body of the answer to a request that could not be served."""
        ...


def texts(value: Any, path: Path, lane: Lane) -> Iterator[Slot]:
    """A string, or content parts that hold `text`, as slots."""
    if isinstance(value, str):
        yield Slot(lane, path, value)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                own = msgspec.structs.replace(lane, item=lane.item + index)
                yield Slot(own, (*path, index, "text"), part["text"])


def leaves(value: Any, path: Path, lane: Lane) -> Iterator[Slot]:
    """Every string inside a value, each a text of its own: the arguments of a call given as an object."""
    found = list(_leaves(value, path))
    for number, (where, text) in enumerate(found):
        yield Slot(msgspec.structs.replace(lane, item=lane.item + number), where, text)


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, index))


def items(document: Any, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a list under `key`, numbered; nothing when it is no such list."""
    found = document.get(key) if isinstance(document, dict) else None
    for index, each in enumerate(found if isinstance(found, list) else ()):
        if isinstance(each, dict):
            yield index, each


_PARTS: Mapping[str, Part] = {
    "user": Part.USER,
    "system": Part.SYSTEM,
    "developer": Part.SYSTEM,
    "tool": Part.TOOL_RESULT,
    "function": Part.TOOL_RESULT,
    "assistant": Part.MODEL,
    "model": Part.MODEL,
}


def part_of(role: Any) -> Part:
    """Whose words a role speaks; an unknown role is the user's."""
    return _PARTS.get(role, Part.USER) if isinstance(role, str) else Part.USER


def lane(choice: int = 0, channel: Channel = Channel.CONTENT, item: int = 0) -> Lane:
    """A lane of an answer."""
    return Lane(choice, channel, Part.MODEL, item)


def encode(document: Any) -> bytes:
    """A new frame's payload."""
    return msgspec.json.encode(document)
