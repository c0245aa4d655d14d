"""What OpenAI's completions APIs have in common: numbered choices, log-probabilities, the sentinel, errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.codec.jsontext import Path, literal
from sidecar.codec.shape import NewFrame, encode, items

DONE = b"[DONE]"
FILTERED = "content_filter"

_SERVER_FAULTS = 500
_TEMPLATE_KEYS = ("id", "object", "created", "model", "system_fingerprint", "service_tier")


def numbered(document: Any) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """The choices of a document: place in the list, number, and object."""
    for place, choice in items(document, "choices"):
        number = choice.get("index", place)
        yield place, number if isinstance(number, int) and number >= 0 else place, choice


def logprobs(document: Any) -> Iterator[Path]:
    """Where log-probabilities stand: they name every token."""
    for place, _, choice in numbered(document):
        if choice.get("logprobs") is not None:
            yield ("choices", place, "logprobs")


def choices_in(document: Any) -> frozenset[int] | None:
    """The choices of a chunk; None for one with usage, which goes on."""
    found = frozenset(number for _, number, _ in numbered(document))
    is_usage = isinstance(document, dict) and document.get("usage") is not None
    return None if is_usage or not found else found


def filtered(document: Any, choice: int) -> Mapping[Path, str]:
    """The finish reason of a blocked choice."""
    return {
        ("choices", place, "finish_reason"): literal(FILTERED)
        for place, number, _ in numbered(document)
        if number == choice
    }


def chunk(template: Any, choice: Mapping[str, Any]) -> NewFrame:
    """A chunk with one choice, under the names of an earlier chunk."""
    known = template if isinstance(template, dict) else {}
    return NewFrame(encode({**{key: known[key] for key in _TEMPLATE_KEYS if key in known}, "choices": [choice]}))


def refusal(message: str) -> tuple[int, bytes]:
    """The answer that OpenAI's clients raise as `BadRequestError`."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": FILTERED}
    return 400, encode({"error": error})


def failure(status: int, message: str) -> bytes:
    """An error that OpenAI's clients raise by its status."""
    kind = "server_error" if status >= _SERVER_FAULTS else "invalid_request_error"
    return encode({"error": {"message": message, "type": kind, "param": None, "code": None}})
