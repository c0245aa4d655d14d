"""OpenAI chat completions: https://platform.openai.com/docs/api-reference/chat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.codec import openai
from sidecar.codec.jsontext import Path
from sidecar.codec.shape import NewFrame, Streaming, items, lane, leaves, part_of, texts
from sidecar.codec.weave import Slot
from sidecar.values import Channel, Lane

_REFUSAL_ITEM = 1_000
_LEGACY_CALL_ITEM = 1_000


class OpenAIChat:
    """Choices with content, refusals, reasoning and tool-call arguments, whole or as deltas."""

    name = "openai-chat"
    streaming = Streaming.SSE

    def request(self, document: Any) -> Iterator[Slot]:
        """The messages, in order."""
        for number, message in items(document, "messages"):
            own = Lane(number, Channel.CONTENT, part_of(message.get("role")))
            yield from texts(message.get("content"), ("messages", number, "content"), own)
            yield from self._calls(message, ("messages", number), number)

    def response(self, document: Any) -> Iterator[Slot]:
        """The choices' messages."""
        yield from self._choices(document, "message")

    def event(self, document: Any, name: str) -> Iterator[Slot]:
        """The choices' deltas."""
        yield from self._choices(document, "delta")

    def echoes(self, document: Any) -> Iterator[Path]:
        """Log-probabilities."""
        yield from openai.logprobs(document)

    def choices(self, document: Any, name: str) -> frozenset[int] | None:
        """The choices of a chunk."""
        return openai.choices_in(document)

    def is_last(self, payload: bytes, name: str) -> bool:
        """The sentinel."""
        return payload.strip() == openai.DONE

    def ending(self, template: Any, lane: Lane, message: str) -> list[NewFrame]:
        """The message as a last delta, then the finish reason `content_filter`."""
        last = {"index": lane.choice, "delta": {}, "finish_reason": openai.FILTERED}
        if not message:
            return [openai.chunk(template, last)]
        delta = {"index": lane.choice, "delta": {"content": message}, "finish_reason": None}
        return [openai.chunk(template, delta), openai.chunk(template, last)]

    def closing(self, template: Any) -> list[NewFrame]:
        """The sentinel."""
        return [NewFrame(openai.DONE)]

    def stopped(self, document: Any, lane: Lane) -> Mapping[Path, str]:
        """The finish reason `content_filter`."""
        return openai.filtered(document, lane.choice)

    def refusal(self, message: str, rule: str) -> tuple[int, bytes]:
        """The error that OpenAI's clients raise as `BadRequestError`."""
        return openai.refusal(message)

    def failure(self, status: int, message: str) -> bytes:
        """OpenAI's error object."""
        return openai.failure(status, message)

    def _choices(self, document: Any, key: str) -> Iterator[Slot]:
        for place, number, choice in openai.numbered(document):
            body = choice.get(key)
            if isinstance(body, dict):
                yield from self._body(body, ("choices", place, key), number)

    def _body(self, body: dict[str, Any], path: Path, choice: int) -> Iterator[Slot]:
        for key in ("reasoning_content", "reasoning"):
            yield from texts(body.get(key), (*path, key), lane(choice, Channel.REASONING))
        yield from texts(body.get("content"), (*path, "content"), lane(choice))
        yield from texts(body.get("refusal"), (*path, "refusal"), lane(choice, item=_REFUSAL_ITEM))
        audio = body.get("audio")
        if isinstance(audio, dict):
            where = lane(choice, item=_REFUSAL_ITEM + 1)
            yield from texts(audio.get("transcript"), (*path, "audio", "transcript"), where)
        yield from self._calls(body, path, choice)

    def _calls(self, body: dict[str, Any], path: Path, choice: int) -> Iterator[Slot]:
        for index, call in items(body, "tool_calls"):
            function = call.get("function")
            if isinstance(function, dict):
                number = call.get("index", index)
                where = lane(choice, Channel.TOOL_ARGUMENTS, number if isinstance(number, int) else index)
                yield from leaves(
                    function.get("arguments"), (*path, "tool_calls", index, "function", "arguments"), where
                )
        legacy = body.get("function_call")
        if isinstance(legacy, dict):
            where = lane(choice, Channel.TOOL_ARGUMENTS, _LEGACY_CALL_ITEM)
            yield from texts(legacy.get("arguments"), (*path, "function_call", "arguments"), where)
