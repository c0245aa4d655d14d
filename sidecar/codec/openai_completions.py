"""OpenAI completions: https://platform.openai.com/docs/api-reference/completions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.codec import openai
from sidecar.codec.jsontext import Path
from sidecar.codec.shape import NewFrame, Streaming, lane, texts
from sidecar.codec.weave import Slot
from sidecar.values import Channel, Lane, Part

_SUFFIX = 1_000_000
"""The lane number of the suffix: prompts are numbered from 0."""


class OpenAICompletions:
    """Choices with `text`; a stream's chunks look like whole answers."""

    name = "openai-completions"
    streaming = Streaming.SSE

    def request(self, document: Any) -> Iterator[Slot]:
        """The prompt, or the prompts, and what the completion should lead up to."""
        if not isinstance(document, dict):
            return
        prompt = document.get("prompt")
        if isinstance(prompt, str):
            yield Slot(Lane(0, Channel.CONTENT, Part.USER), ("prompt",), prompt)
        elif isinstance(prompt, list):
            for number, text in enumerate(prompt):
                if isinstance(text, str):
                    yield Slot(Lane(number, Channel.CONTENT, Part.USER), ("prompt", number), text)
        yield from texts(document.get("suffix"), ("suffix",), Lane(_SUFFIX, Channel.CONTENT, Part.USER))

    def response(self, document: Any) -> Iterator[Slot]:
        """The choices' texts."""
        for place, number, choice in openai.numbered(document):
            yield from texts(choice.get("text"), ("choices", place, "text"), lane(number))

    def event(self, document: Any, name: str) -> Iterator[Slot]:
        """As a whole answer."""
        yield from self.response(document)

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
        """The message as a last text, with the finish reason `content_filter`."""
        last = {"text": message, "index": lane.choice, "logprobs": None, "finish_reason": openai.FILTERED}
        return [openai.chunk(template, last)]

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
