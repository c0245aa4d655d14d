"""Hugging Face Text Generation Inference: `/generate` and `/generate_stream`. There is one choice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.codec.jsontext import Path
from sidecar.codec.shape import NewFrame, Streaming, encode, lane, texts
from sidecar.codec.weave import Slot
from sidecar.values import Channel, Lane, Part

_OVERLOADED = 503


class TextGenerationInference:
    """Tokens, and the generated text again at the end."""

    name = "tgi"
    streaming = Streaming.SSE

    def request(self, document: Any) -> Iterator[Slot]:
        """The inputs."""
        if isinstance(document, dict):
            yield from texts(document.get("inputs"), ("inputs",), Lane(0, Channel.CONTENT, Part.USER))

    def response(self, document: Any) -> Iterator[Slot]:
        """The generated text, also in a list of one."""
        if isinstance(document, dict):
            yield from texts(document.get("generated_text"), ("generated_text",), lane())
        elif isinstance(document, list) and document and isinstance(document[0], dict):
            yield from texts(document[0].get("generated_text"), (0, "generated_text"), lane())

    def event(self, document: Any, name: str) -> Iterator[Slot]:
        """A token's text; the last event repeats them all."""
        if not isinstance(document, dict):
            return
        token = document.get("token")
        if isinstance(token, dict) and not token.get("special"):
            yield from texts(token.get("text"), ("token", "text"), lane())
        whole = document.get("generated_text")
        if isinstance(whole, str):
            yield Slot(lane(), ("generated_text",), whole, is_repeat=True)

    def echoes(self, document: Any) -> Iterator[Path]:
        """Details name every token; a token has its id."""
        if isinstance(document, dict):
            if document.get("details") is not None:
                yield ("details",)
            if isinstance(document.get("token"), dict) and "id" in document["token"]:
                yield ("token", "id")

    def choices(self, document: Any, name: str) -> frozenset[int] | None:
        """The one choice."""
        return frozenset({0})

    def is_last(self, payload: bytes, name: str) -> bool:
        """The end of the body says so."""
        return False

    def ending(self, template: Any, lane: Lane, message: str) -> list[NewFrame]:
        """The message as a last token."""
        token = {"id": 0, "text": message, "logprob": 0.0, "special": False}
        details = {"finish_reason": "stop_sequence", "generated_tokens": 0, "seed": None}
        return [NewFrame(encode({"index": 0, "token": token, "generated_text": message, "details": details}))]

    def closing(self, template: Any) -> list[NewFrame]:
        """Nothing: the last token was the end."""
        return []

    def stopped(self, document: Any, lane: Lane) -> Mapping[Path, str]:
        """No field says it; the details are emptied with the text."""
        return {("details",): "null"}

    def refusal(self, message: str, rule: str) -> tuple[int, bytes]:
        """An error in TGI's shape."""
        return 422, encode({"error": message, "error_type": "content_filter"})

    def failure(self, status: int, message: str) -> bytes:
        """TGI's error object."""
        return encode({"error": message, "error_type": "overloaded" if status == _OVERLOADED else "validation"})
