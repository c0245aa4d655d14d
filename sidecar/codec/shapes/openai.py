"""What OpenAI's completions APIs have in common: numbered choices, their ends, the sentinel, errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.codec.places import Found, Reader, node, opaque
from sidecar.codec.shape import AnswerOptions, NewFrame, encode, items
from sidecar.codec.weave import Ends
from sidecar.usage import Usage, count_of, told
from sidecar.values import Lane, tokens_of

DONE = b"[DONE]"
FILTERED = "content_filter"
TOO_LONG = "context_length_exceeded"

_CITED = node({"citation": node(), **opaque("filtered detected")})
FILTERS = node(
    {
        **opaque("hate self_harm sexual violence profanity jailbreak indirect_attack custom_blocklists"),
        "protected_material_text": _CITED,
        "protected_material_code": _CITED,
    }
)
"""What Azure found: whether, and how severe; and whose protected material it quotes."""
PROMPT_FILTERS = node(each=node({"content_filter_results": FILTERS, **opaque("prompt_index")}))

_SERVER_FAULTS = 500
_TEMPLATE_KEYS = ("id", "object", "created", "model", "system_fingerprint", "service_tier")


def is_done(payload: bytes, name: str) -> bool:
    """The sentinel."""
    return payload.strip() == DONE


def ends(reader: Reader, document: Any, found: Found, name: str) -> Ends | None:
    """A finish reason ends its choice."""
    if not found.is_final:
        return None
    over = {
        reader.choice(choice.get("index"), place)
        for place, choice in items(document, "choices")
        if choice.get("finish_reason")
    }
    return Ends(choices=frozenset(over)) if over else None


def choices(document: Any) -> int:
    """How many a request asks for."""
    number = document.get("n") if isinstance(document, dict) else None
    return number if isinstance(number, int) else 1


class Template:
    """What chunks are made of, once one has left."""

    def __init__(self, asked: AnswerOptions) -> None:
        self._asked = asked
        self._known: dict[str, Any] = {}
        self._unknown: tuple[str, ...] = _TEMPLATE_KEYS
        self._usage: Any = None
        self._is_told = False
        self._chars = 0

    def heard(self, document: Any, name: str) -> None:
        """Keep what names the answer (a first chunk may leave it empty), what was counted, and how much was said."""
        if not isinstance(document, dict):
            return
        told = [key for key in self._unknown if document.get(key)]
        if told:
            self._known |= {key: document[key] for key in told}
            self._unknown = tuple([key for key in self._unknown if key not in told])
        if self._asked.wants_usage:
            self._count(document)

    def _count(self, document: dict[str, Any]) -> None:
        self._usage = document.get("usage") or self._usage
        self._is_told = self._is_told or bool(document.get("usage") and not document.get("choices"))
        self._chars += sum(len(text) for _, choice in items(document, "choices") for text in _texts(choice))

    def chunk(self, choice: Mapping[str, Any]) -> NewFrame:
        """A chunk with one choice."""
        return NewFrame(encode({**self._known, "choices": [choice]}))

    def close(self) -> list[NewFrame]:
        """Usage, if it was asked for: what the provider counted last, or else an estimate; and the sentinel."""
        if not self._asked.wants_usage or self._is_told:
            return [NewFrame(DONE)]
        usage = self._usage or _estimated(self._asked.chars, self._chars)
        return [NewFrame(encode({**self._known, "choices": [], "usage": usage})), NewFrame(DONE)]


def _texts(choice: dict[str, Any]) -> Iterator[str]:
    delta = choice.get("delta")
    for holder in (choice, delta if isinstance(delta, dict) else {}):
        yield from (value for key, value in holder.items() if isinstance(value, str) and key in _SAID)


_SAID = frozenset({"text", "content", "refusal", "reasoning_content", "reasoning"})


def _estimated(asked: int, said: int) -> dict[str, int]:
    before, after = tokens_of(asked), tokens_of(said)
    return {"prompt_tokens": before, "completion_tokens": after, "total_tokens": before + after}


def usage(document: Any) -> Usage | None:
    """What an answer or a last chunk counts. Of embeddings there is no output, and the total is the input."""
    before, after = count_of(document, "usage", "prompt_tokens"), count_of(document, "usage", "completion_tokens")
    if after is None and before is not None and count_of(document, "usage", "total_tokens") == before:
        after = 0
    return told(
        input_tokens=before,
        output_tokens=after,
        cached_tokens=count_of(document, "usage", "prompt_tokens_details", "cached_tokens"),
    )


def wants_usage(document: Any) -> bool:
    """Whether a request asks for usage in its stream."""
    options = document.get("stream_options") if isinstance(document, dict) else None
    return isinstance(options, dict) and options.get("include_usage") is True


def refusal(message: str, rule: str = "") -> tuple[int, bytes]:
    """The answer that OpenAI's clients raise as `BadRequestError`."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": FILTERED}
    return 400, encode({"error": error})


def failure(status: int, message: str) -> bytes:
    """An error that OpenAI's clients raise by its status."""
    kind = "server_error" if status >= _SERVER_FAULTS else "invalid_request_error"
    return encode({"error": {"message": message, "type": kind, "param": None, "code": None}})


def too_long(message: str) -> tuple[int, bytes]:
    """The error by whose code agents compact. Those that read the sentence look for one of these halves."""
    said = (
        f"This model's maximum context length is exceeded, or your input exceeds the context window of the guard before"
        f" it: {message}. Please reduce the length of the messages."
    )
    error = {"message": said, "type": "invalid_request_error", "param": "messages", "code": TOO_LONG}
    return 400, encode({"error": error})


__all__ = ["DONE", "FILTERED", "Lane", "Template", "choices", "ends", "failure", "is_done", "refusal", "too_long"]
