"""The shape of an API that nobody described: all that its documents hold is text.

A stream's fields are lanes by their paths; a block ends the answer in the plainest way that its framing has: an object
with an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.codec.jsontext import Path
from sidecar.codec.places import UNKNOWN, Key
from sidecar.codec.shape import AnswerOptions, NewFrame, Shape, encode
from sidecar.codec.shapes.openai import FILTERED
from sidecar.values import Lane


def _error(message: str, kind: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind}}


class _Voice:
    """Says the message as an error."""

    def __init__(self, asked: AnswerOptions) -> None:
        """Nothing of what was asked matters."""

    def heard(self, document: Any, name: str) -> None:
        """Nothing is known of what it says."""

    def end(self, lane: Lane, key: Key, message: str) -> list[NewFrame]:
        """An object with an error."""
        return [NewFrame(encode(_error(message, FILTERED)))]

    def close(self) -> list[NewFrame]:
        """Nothing: who knows what ends such a stream."""
        return []


def _stopped(document: Any, choice: int, message: str, unspoken: frozenset[Path]) -> Mapping[Path, Any]:
    return {(): _error(message, FILTERED)}


SHAPE = Shape(
    name="generic",
    title="any other API",
    fits=lambda _: True,
    request=UNKNOWN,
    response=UNKNOWN,
    event=UNKNOWN,
    is_last=lambda payload, _: payload.strip() == b"[DONE]",
    voice=_Voice,
    stopped=_stopped,
    refusal=lambda message, _: (400, encode(_error(message, FILTERED))),
    failure=lambda status, message: encode(_error(message, "error")),
    says_stops=False,
)

TEXT = Shape(
    name="text",
    title="plain text",
    fits=lambda _: True,
    request=UNKNOWN,
    response=UNKNOWN,
    event=UNKNOWN,
    voice=_Voice,
    stopped=_stopped,
    refusal=lambda message, _: (400, message.encode("utf-8")),
    failure=lambda status, message: message.encode("utf-8"),
)
