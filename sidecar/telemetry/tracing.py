"""Trace context: a stream's `traceparent` (W3C) is checked at the edge and passed to its events. No spans are made."""

from __future__ import annotations

import re

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def parse_traceparent(value: str) -> str:
    """The value if it is a `traceparent`, else an empty text: as the W3C asks, a bad one fails no call."""
    return value if _TRACEPARENT.fullmatch(value) else ""
