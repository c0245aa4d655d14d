"""Trace context (W3C): read at the edge, passed to events, joined to metrics as exemplars; and what spans tell.

`spans` makes them. Here is nothing of OpenTelemetry: it is loaded where spans are made, and else costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from sidecar.values import Direction, GroundingTally, HowEnded

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>(?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})"
)
_SAMPLED = 1


def parse_traceparent(value: str) -> str:
    """The value if it is a `traceparent`, else an empty text: as the W3C asks, a bad one fails no call."""
    return value if _TRACEPARENT.fullmatch(value) else ""


def exemplar_of(traceparent: str) -> dict[str, str] | None:
    """What joins a measurement to its trace; None where nobody keeps that trace."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or not int(found["flags"], 16) & _SAMPLED:
        return None
    return {"trace_id": found["trace"]}


class Asked(msgspec.Struct, frozen=True):
    """What is known of a call to a model when it starts. `trace` is the caller's `traceparent`, or empty."""

    trace: str
    operation: str
    provider: str
    model: str
    session: str
    tenant: str
    server: str = ""
    """Who is asked: `HOST:PORT`, where it is known."""
    streams: bool = False
    choices: int = 1


class Guarding(msgspec.Struct, frozen=True):
    """What is known of a guarded stream when it starts. `trace` is the `traceparent` of what holds it, or empty."""

    trace: str
    stream: str
    direction: Direction
    session: str
    tenant: str
    model: str
    prompt_version: str
    app: str


class Guarded(msgspec.Struct, frozen=True):
    """How a guarded stream ended."""

    ended: HowEnded
    done: str
    violations: Mapping[str, int]
    """By rule."""
    leaked_chars: int
    unscanned_chars: int
    max_held_ms: float
    said: Mapping[str, int]
    """What judges said, and how often."""
    max_judge_wait_ms: float
    grounding: GroundingTally | None = None
