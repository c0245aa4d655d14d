"""Ollama's own API."""

from __future__ import annotations

from typing import Any

from sidecar.codec.formats import Format
from sidecar.codec.shapes.ollama import SHAPE

__all__ = ["ANSWERS", "FORM", "REQUESTS", "SHAPE", "STREAMS"]

FORM = Format.LINES
_HEAD = {"model": "llama-test", "created_at": "2026-11-29T00:00:00.123456Z"}
_COUNTS = {"total_duration": 99, "load_duration": 9, "prompt_eval_count": 9, "eval_count": 12, "eval_duration": 70}


def _said(done: bool = False, **message: Any) -> dict[str, Any]:
    whole = {**_HEAD, "message": {"role": "assistant", "content": "", **message}, "done": done}
    return {**whole, "done_reason": "stop", **_COUNTS} if done else whole


def _generated(text: str, done: bool = False, **more: Any) -> dict[str, Any]:
    whole = {**_HEAD, "response": text, "done": done, **more}
    return {**whole, "done_reason": "stop", "context": [1, 2, 3], **_COUNTS} if done else whole


def _call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}}


REQUESTS: dict[str, Any] = {
    "chat": {
        "model": "llama-test",
        "messages": [{"role": "user", "content": "What is a glacier?", "images": ["iVBO"]}],
    },
    "generate": {
        "model": "llama-test",
        "prompt": "Why is the sky blue?",
        "system": "Answer briefly.",
        "template": "{{ .Prompt }}",
        "suffix": "end",
        "options": {"temperature": 0.2, "stop": ["END"]},
    },
    "tools": {
        "model": "llama-test",
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": "",
                "thinking": "I look.",
                "tool_calls": [_call("look", city="Paris", n=3)],
            },
            {"role": "tool", "tool_name": "look", "content": "Sunny."},
        ],
        "tools": [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {}}}],
    },
    "schema": {"model": "llama-test", "prompt": "Hours?", "format": {"type": "object", "description": "Opening hours"}},
    "load": {"model": "llama-test"},
}
ANSWERS: dict[str, Any] = {
    "chat": _said(done=True, content="A glacier is a river of ice."),
    "generate": _generated("A glacier is ice.", done=True),
    "thinking": _said(done=True, content="Nine.", thinking="Three times three."),
    "tools": _said(done=True, tool_calls=[_call("look", city="Paris", days=3)]),
}
STREAMS: dict[str, list[Any]] = {
    "chat": [_said(content="A glacier "), _said(content="is a river"), _said(content=" of ice."), _said(done=True)],
    "generate": [_generated("A glacier "), _generated("is ice."), _generated("", done=True)],
    "thinking": [_said(thinking="Three times"), _said(thinking=" three."), _said(content="Nine."), _said(done=True)],
    "tools": [
        _said(content="Let me look."),
        _said(tool_calls=[_call("look", city="Paris", days=3)]),
        _said(tool_calls=[_call("time", zone="CET")]),
        _said(done=True),
    ],
}
