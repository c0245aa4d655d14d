"""Ollama's own API, `/api/chat` and `/api/generate`: newline-delimited JSON. There is one choice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.codec.jsontext import Path, literal
from sidecar.codec.shape import NewFrame, Streaming, encode, items, lane, leaves, part_of, texts
from sidecar.codec.weave import Slot
from sidecar.values import Channel, Lane, Part

FILTERED = "content_filter"

_ITEMS_A_CALL = 1_000


class Ollama:
    """A message, or `response`, whole or piece by piece; both end with an object that says `done`."""

    name = "ollama"
    streaming = Streaming.NDJSON

    def request(self, document: Any) -> Iterator[Slot]:
        """The messages, or the prompts of `/api/generate`, its template and suffix among them."""
        if not isinstance(document, dict):
            return
        yield from texts(document.get("system"), ("system",), Lane(1, Channel.CONTENT, Part.SYSTEM))
        yield from texts(document.get("prompt"), ("prompt",), Lane(0, Channel.CONTENT, Part.USER))
        yield from texts(document.get("template"), ("template",), Lane(1, Channel.CONTENT, Part.SYSTEM, 1))
        yield from texts(document.get("suffix"), ("suffix",), Lane(0, Channel.CONTENT, Part.USER, 1))
        for number, message in items(document, "messages"):
            own = Lane(number, Channel.CONTENT, part_of(message.get("role")))
            yield from texts(message.get("content"), ("messages", number, "content"), own)

    def response(self, document: Any) -> Iterator[Slot]:
        """The answer's texts."""
        if not isinstance(document, dict):
            return
        yield from texts(document.get("thinking"), ("thinking",), lane(0, Channel.REASONING))
        yield from texts(document.get("response"), ("response",), lane())
        message = document.get("message")
        if not isinstance(message, dict):
            return
        yield from texts(message.get("thinking"), ("message", "thinking"), lane(0, Channel.REASONING))
        yield from texts(message.get("content"), ("message", "content"), lane())
        for index, call in items(message, "tool_calls"):
            function = call.get("function")
            if isinstance(function, dict):
                path: Path = ("message", "tool_calls", index, "function", "arguments")
                where = lane(0, Channel.TOOL_ARGUMENTS, index * _ITEMS_A_CALL)
                yield from leaves(function.get("arguments"), path, where)

    def event(self, document: Any, name: str) -> Iterator[Slot]:
        """As a whole answer."""
        yield from self.response(document)

    def echoes(self, document: Any) -> Iterator[Path]:
        """Token ids and log-probabilities of `/api/generate`."""
        for key in ("context", "logprobs"):
            if isinstance(document, dict) and document.get(key) is not None:
                yield (key,)

    def choices(self, document: Any, name: str) -> frozenset[int] | None:
        """The one choice."""
        return frozenset({0})

    def is_last(self, payload: bytes, name: str) -> bool:
        """The end of the body says so; `done` stands in an object that may hold text."""
        return False

    def ending(self, template: Any, lane: Lane, message: str) -> list[NewFrame]:
        """The message in an object that says `done`."""
        known = template if isinstance(template, dict) else {}
        last: dict[str, Any] = {key: known[key] for key in ("model", "created_at") if key in known}
        if "response" in known:
            last["response"] = message
        else:
            last["message"] = {"role": "assistant", "content": message}
        return [NewFrame(encode({**last, "done": True, "done_reason": FILTERED}))]

    def closing(self, template: Any) -> list[NewFrame]:
        """Nothing: the object that says `done` was the last."""
        return []

    def stopped(self, document: Any, lane: Lane) -> Mapping[Path, str]:
        """The reason `content_filter`."""
        return {("done_reason",): literal(FILTERED)}

    def refusal(self, message: str, rule: str) -> tuple[int, bytes]:
        """The error that Ollama's client raises as `ResponseError`."""
        return 400, encode({"error": message})

    def failure(self, status: int, message: str) -> bytes:
        """Ollama's error object."""
        return encode({"error": message})
