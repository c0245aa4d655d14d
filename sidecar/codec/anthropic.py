"""Anthropic Messages: https://docs.anthropic.com/en/api/messages and its streaming events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.codec.jsontext import Path, literal
from sidecar.codec.shape import NewFrame, Streaming, encode, items, lane, leaves, part_of, texts
from sidecar.codec.weave import Slot
from sidecar.values import Channel, Lane, Part

REFUSED = "refusal"
"""The stop reason for an answer that a policy stopped."""

_DELTAS: Mapping[str, tuple[str, Channel]] = {
    "text_delta": ("text", Channel.CONTENT),
    "input_json_delta": ("partial_json", Channel.TOOL_ARGUMENTS),
    "thinking_delta": ("thinking", Channel.REASONING),
}
_FAILURES: Mapping[int, str] = {
    400: "invalid_request_error",
    413: "request_too_large",
    503: "overloaded_error",
    504: "timeout_error",
}
_OPENING = frozenset({"content_block_start", "content_block_delta"})
"""The events after which a block is open."""
_ITEMS_A_BLOCK = 1_000
_SYSTEM_MESSAGE = 1_000_000
"""The lane number of the system prompt: messages are numbered from 0."""


class AnthropicMessages:
    """Content blocks of text, thinking and tool input; there is one choice."""

    name = "anthropic-messages"
    streaming = Streaming.SSE

    def request(self, document: Any) -> Iterator[Slot]:
        """The system prompt and the messages; a tool's result is told apart from its user's words."""
        if not isinstance(document, dict):
            return
        yield from texts(document.get("system"), ("system",), Lane(_SYSTEM_MESSAGE, Channel.CONTENT, Part.SYSTEM))
        for number, message in items(document, "messages"):
            part = part_of(message.get("role"))
            content = message.get("content")
            path: Path = ("messages", number, "content")
            if isinstance(content, str):
                yield Slot(Lane(number, Channel.CONTENT, part), path, content)
            for index, block in items(message, "content"):
                yield from self._request_block(block, (*path, index), number, part, index * _ITEMS_A_BLOCK)

    def _request_block(self, block: dict[str, Any], path: Path, number: int, part: Part, item: int) -> Iterator[Slot]:
        if block.get("type") == "tool_result":
            yield from texts(
                block.get("content"), (*path, "content"), Lane(number, Channel.CONTENT, Part.TOOL_RESULT, item)
            )
        elif block.get("type") == "tool_use":
            yield from leaves(block.get("input"), (*path, "input"), Lane(number, Channel.TOOL_ARGUMENTS, part, item))
        else:
            own = Part.CONTEXT if block.get("type") in ("document", "search_result") else part
            yield from texts(block.get("text"), (*path, "text"), Lane(number, Channel.CONTENT, own, item))
            source = block.get("source")
            if isinstance(source, dict) and source.get("type") == "text":
                where = Lane(number, Channel.CONTENT, Part.CONTEXT, item + 1)
                yield from texts(source.get("data"), (*path, "source", "data"), where)

    def response(self, document: Any) -> Iterator[Slot]:
        """The content blocks."""
        for index, block in items(document, "content"):
            yield from self._block(block, ("content", index), index)

    def event(self, document: Any, name: str) -> Iterator[Slot]:
        """The delta of a block, or what a block begins with."""
        if not isinstance(document, dict):
            return
        index = document.get("index", 0)
        delta = document.get("delta")
        if isinstance(delta, dict) and (known := _DELTAS.get(str(delta.get("type")))) is not None:
            key, channel = known
            yield from texts(delta.get(key), ("delta", key), lane(0, channel, index * _ITEMS_A_BLOCK))
        block = document.get("content_block")
        if isinstance(block, dict):
            yield from self._block(block, ("content_block",), index)

    def _block(self, block: dict[str, Any], path: Path, index: int) -> Iterator[Slot]:
        item = index * _ITEMS_A_BLOCK
        yield from texts(block.get("thinking"), (*path, "thinking"), lane(0, Channel.REASONING, item))
        yield from texts(block.get("text"), (*path, "text"), lane(0, Channel.CONTENT, item))
        yield from leaves(block.get("input"), (*path, "input"), lane(0, Channel.TOOL_ARGUMENTS, item))

    def echoes(self, document: Any) -> Iterator[Path]:
        """Citations quote their sources; they do not repeat the answer."""
        yield from ()

    def choices(self, document: Any, name: str) -> frozenset[int] | None:
        """All events are about the one choice, but pings and errors."""
        kind = document.get("type") if isinstance(document, dict) else None
        return None if kind in ("ping", "error") else frozenset({0})

    def is_last(self, payload: bytes, name: str) -> bool:
        """The event `message_stop`."""
        return name == "message_stop"

    def ending(self, template: Any, lane: Lane, message: str) -> list[NewFrame]:
        """Close the block that is open, say the message in a block of its own, and stop with the reason `refusal`."""
        known = template if isinstance(template, dict) else {}
        index = known["index"] if isinstance(known.get("index"), int) else -1
        frames = [_frame("content_block_stop", index=index)] if known.get("type") in _OPENING else []
        if message:
            frames += [
                _frame("content_block_start", index=index + 1, content_block={"type": "text", "text": ""}),
                _frame("content_block_delta", index=index + 1, delta={"type": "text_delta", "text": message}),
                _frame("content_block_stop", index=index + 1),
            ]
        end = {"stop_reason": REFUSED, "stop_sequence": None}
        return [*frames, _frame("message_delta", delta=end, usage={"output_tokens": 0})]

    def closing(self, template: Any) -> list[NewFrame]:
        """The last event."""
        return [_frame("message_stop")]

    def stopped(self, document: Any, lane: Lane) -> Mapping[Path, str]:
        """The stop reason `refusal`."""
        return {("stop_reason",): literal(REFUSED)}

    def refusal(self, message: str, rule: str) -> tuple[int, bytes]:
        """The error that Anthropic's clients raise as `BadRequestError`."""
        return 400, encode({"type": "error", "error": {"type": "invalid_request_error", "message": message}})

    def failure(self, status: int, message: str) -> bytes:
        """Anthropic's error object."""
        return encode({"type": "error", "error": {"type": _FAILURES.get(status, "api_error"), "message": message}})


def _frame(kind: str, **fields: Any) -> NewFrame:
    return NewFrame(encode({"type": kind, **fields}), kind)
