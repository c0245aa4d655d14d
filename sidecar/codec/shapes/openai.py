"""What OpenAI's completions APIs have in common: numbered choices, their ends, the sentinel, errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.codec.places import Found, Reader
from sidecar.codec.shape import NewFrame, encode, items
from sidecar.codec.weave import Ends
from sidecar.values import Lane

DONE = b"[DONE]"
FILTERED = "content_filter"

_SERVER_FAULTS = 500
_TEMPLATE_KEYS = ("id", "object", "created", "model", "system_fingerprint", "service_tier")


def is_done(payload: bytes, name: str) -> bool:
    """The sentinel."""
    return payload.strip() == DONE


def ends(reader: Reader, document: Any, found: Found, name: str) -> Ends | None:
    """A finish reason ends its choice."""
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

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._has_usage = False

    def heard(self, document: Any, name: str) -> None:
        """Keep what names the answer; a first chunk may leave it empty."""
        if isinstance(document, dict):
            for key in _TEMPLATE_KEYS:
                if document.get(key):
                    self._known.setdefault(key, document[key])

    def chunk(self, choice: Mapping[str, Any]) -> NewFrame:
        """A chunk with one choice."""
        return NewFrame(encode({**self._known, "choices": [choice]}))

    def close(self) -> list[NewFrame]:
        """The sentinel."""
        return [NewFrame(DONE)]


def refusal(message: str, rule: str = "") -> tuple[int, bytes]:
    """The answer that OpenAI's clients raise as `BadRequestError`."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": FILTERED}
    return 400, encode({"error": error})


def failure(status: int, message: str) -> bytes:
    """An error that OpenAI's clients raise by its status."""
    kind = "server_error" if status >= _SERVER_FAULTS else "invalid_request_error"
    return encode({"error": {"message": message, "type": kind, "param": None, "code": None}})


__all__ = ["DONE", "FILTERED", "Lane", "Template", "choices", "ends", "failure", "is_done", "refusal"]
