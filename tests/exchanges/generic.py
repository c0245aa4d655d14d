"""An API that nobody described."""

from __future__ import annotations

from typing import Any

from sidecar.codec.shapes.generic import SHAPE

__all__ = ["ANSWERS", "REQUESTS", "SHAPE", "STREAMS"]

REQUESTS: dict[str, Any] = {
    "object": {"question": "What is a glacier?", "options": {"tone": "kind", "tags": ["ice", "snow"]}},
    "list": ["One", "Two", {"three": "Three"}],
    "text": "Only a string",
    "deep": {"a": {"b": {"c": [{"d": ["down here"]}]}}},
}
ANSWERS: dict[str, Any] = {
    "object": {"answer": "A river of ice.", "sources": [{"title": "Ice", "quote": "Ice flows."}]},
    "list": [{"label": "cold", "score": 0.9}],
    "text": "Only a string",
    "error": {"error": {"message": "The model said: no.", "failed_generation": "Half a word"}},
}
STREAMS: dict[str, list[Any]] = {
    "deltas": [{"piece": "A glacier "}, {"piece": "is ice."}, {"end": True}],
    "snapshots": [{"answer": "A"}, {"answer": "A glacier"}, {"answer": "A glacier is ice."}],
    "text": ["A glacier ", "is ice.", "[DONE]"],
    "mixed": [{"event": "status", "note": "thinking"}, {"delta": {"text": "Ice"}}, {"delta": {"text": " flows."}}],
}
