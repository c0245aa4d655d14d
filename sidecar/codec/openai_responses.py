"""OpenAI Responses: https://platform.openai.com/docs/api-reference/responses and its streaming events.

Every text comes twice or more: as deltas, then whole in the `done` events, and once more in the event that completes
the response. The later ones are repeats. There is one choice; a lane's item is the output item and the part in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.codec import openai
from sidecar.codec.jsontext import Path, literal
from sidecar.codec.shape import NewFrame, Streaming, encode, items, lane, part_of, texts
from sidecar.codec.weave import Slot
from sidecar.values import Channel, Lane, Part

_ITEMS_AN_OUTPUT = 1_000
_INSTRUCTIONS = 1_000_000
"""The lane number of the instructions: input items are numbered from 0."""

_DELTAS: Mapping[str, tuple[str, Channel]] = {
    "response.output_text": ("text", Channel.CONTENT),
    "response.refusal": ("refusal", Channel.CONTENT),
    "response.function_call_arguments": ("arguments", Channel.TOOL_ARGUMENTS),
    "response.custom_tool_call_input": ("input", Channel.TOOL_ARGUMENTS),
    "response.mcp_call_arguments": ("arguments", Channel.TOOL_ARGUMENTS),
    "response.reasoning_text": ("text", Channel.REASONING),
    "response.reasoning_summary_text": ("text", Channel.REASONING),
}


class OpenAIResponses:
    """Output items of messages, reasoning and calls."""

    name = "openai-responses"
    streaming = Streaming.SSE

    def request(self, document: Any) -> Iterator[Slot]:
        """The instructions and the input items; a call's output is a tool's result."""
        if not isinstance(document, dict):
            return
        instructions = Lane(_INSTRUCTIONS, Channel.CONTENT, Part.SYSTEM)
        yield from texts(document.get("instructions"), ("instructions",), instructions)
        whole = document.get("input")
        if isinstance(whole, str):
            yield Slot(Lane(0, Channel.CONTENT, Part.USER), ("input",), whole)
        for number, item in items(document, "input"):
            own = Lane(number, Channel.CONTENT, part_of(item.get("role")))
            yield from texts(item.get("content"), ("input", number, "content"), own)
            result = Lane(number, Channel.CONTENT, Part.TOOL_RESULT)
            yield from texts(item.get("output"), ("input", number, "output"), result)
            call = Lane(number, Channel.TOOL_ARGUMENTS, Part.MODEL)
            yield from texts(item.get("arguments"), ("input", number, "arguments"), call)

    def response(self, document: Any) -> Iterator[Slot]:
        """The output items."""
        for number, item in items(document, "output"):
            yield from self._item(item, ("output", number), number, is_repeat=False)

    def event(self, document: Any, name: str) -> Iterator[Slot]:
        """A delta, or a repeat of what deltas said."""
        if not isinstance(document, dict):
            return
        kind, _, step = str(document.get("type", "")).rpartition(".")
        number = _number(document, "output_index")
        if kind in _DELTAS:
            key, channel = _DELTAS[kind]
            part = _number(document, "content_index") or _number(document, "summary_index")
            where = lane(0, channel, number * _ITEMS_AN_OUTPUT + part)
            named = "delta" if step == "delta" else key
            if isinstance(document.get(named), str):
                yield Slot(where, (named,), document[named], is_repeat=step != "delta")
        yield from self._repeats(document, number)

    def _repeats(self, document: dict[str, Any], number: int) -> Iterator[Slot]:
        part = document.get("part")
        if isinstance(part, dict):
            index = _number(document, "content_index") or _number(document, "summary_index")
            yield from self._part(part, ("part",), number, index, is_repeat=True)
        item = document.get("item")
        if isinstance(item, dict):
            yield from self._item(item, ("item",), number, is_repeat=True)
        whole = document.get("response")
        for place, each in items(whole, "output"):
            yield from self._item(each, ("response", "output", place), place, is_repeat=True)

    def _item(self, item: dict[str, Any], path: Path, number: int, *, is_repeat: bool) -> Iterator[Slot]:
        for key in ("content", "summary"):
            for index, part in items(item, key):
                yield from self._part(part, (*path, key, index), number, index, is_repeat=is_repeat)
        for key in ("arguments", "input"):
            if isinstance(item.get(key), str):
                where = lane(0, Channel.TOOL_ARGUMENTS, number * _ITEMS_AN_OUTPUT)
                yield Slot(where, (*path, key), item[key], is_repeat=is_repeat)

    def _part(self, part: dict[str, Any], path: Path, number: int, index: int, *, is_repeat: bool) -> Iterator[Slot]:
        is_thought = "reasoning" in str(part.get("type")) or "summary" in str(part.get("type"))
        where = lane(0, Channel.REASONING if is_thought else Channel.CONTENT, number * _ITEMS_AN_OUTPUT + index)
        for key in ("text", "refusal"):
            if isinstance(part.get(key), str):
                yield Slot(where, (*path, key), part[key], is_repeat=is_repeat)

    def echoes(self, document: Any) -> Iterator[Path]:
        """Log-probabilities of a delta."""
        if isinstance(document, dict) and document.get("logprobs"):
            yield ("logprobs",)

    def choices(self, document: Any, name: str) -> frozenset[int] | None:
        """The one choice."""
        return frozenset({0})

    def is_last(self, payload: bytes, name: str) -> bool:
        """The event that ends the response."""
        return name in ("response.completed", "response.incomplete", "response.failed")

    def ending(self, template: Any, lane: Lane, message: str) -> list[NewFrame]:
        """The message as a last delta, then `response.incomplete` with the reason `content_filter`."""
        known = template if isinstance(template, dict) else {}
        begun = known.get("response")
        response = {
            **(begun if isinstance(begun, dict) else {"object": "response", "output": []}),
            "status": "incomplete",
            "incomplete_details": {"reason": openai.FILTERED},
        }
        sequence = _number(known, "sequence_number") + 1
        frames = []
        if message:
            place = {"output_index": lane.item // _ITEMS_AN_OUTPUT, "content_index": lane.item % _ITEMS_AN_OUTPUT}
            delta = {"item_id": str(known.get("item_id", "")), **place, "delta": message, "logprobs": []}
            frames.append(_frame("response.output_text.delta", sequence, **delta))
        return [*frames, _frame("response.incomplete", sequence + len(frames), response=response)]

    def closing(self, template: Any) -> list[NewFrame]:
        """Nothing: `response.incomplete` was the last."""
        return []

    def stopped(self, document: Any, lane: Lane) -> Mapping[Path, str]:
        """The status `incomplete` with the reason `content_filter`."""
        reason = encode({"reason": openai.FILTERED}).decode()
        return {("status",): literal("incomplete"), ("incomplete_details",): reason}

    def refusal(self, message: str, rule: str) -> tuple[int, bytes]:
        """The error that OpenAI's clients raise as `BadRequestError`."""
        return openai.refusal(message)

    def failure(self, status: int, message: str) -> bytes:
        """OpenAI's error object."""
        return openai.failure(status, message)


def _frame(kind: str, sequence: int, **fields: Any) -> NewFrame:
    return NewFrame(encode({"type": kind, "sequence_number": sequence, **fields}), kind)


def _number(document: dict[str, Any], key: str) -> int:
    value = document.get(key)
    return value if isinstance(value, int) and value >= 0 else 0
