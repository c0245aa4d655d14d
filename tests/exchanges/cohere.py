"""Cohere chat, version 2."""

from __future__ import annotations

from typing import Any

from sidecar.codec.shapes.cohere import SHAPE

__all__ = ["ANSWERS", "REQUESTS", "SHAPE", "STREAMS"]

_USAGE = {"billed_units": {"input_tokens": 9, "output_tokens": 12}}


def _event(kind: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    return kind, {"type": kind, **fields}


def _message(**said: Any) -> dict[str, Any]:
    return {"message": said}


def _part(index: int, *pieces: str, kind: str = "text") -> list[Any]:
    return [
        _event("content-start", index=index, delta=_message(content={"type": kind, kind: ""})),
        *(_event("content-delta", index=index, delta=_message(content={kind: each})) for each in pieces),
        _event("content-end", index=index),
    ]


def _call(index: int, name: str, *pieces: str) -> list[Any]:
    begun = {"id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": ""}}
    return [
        _event("tool-call-start", index=index, delta=_message(tool_calls=begun)),
        *(
            _event("tool-call-delta", index=index, delta=_message(tool_calls={"function": {"arguments": each}}))
            for each in pieces
        ),
        _event("tool-call-end", index=index),
    ]


_BEGIN = _event("message-start", id="m1", delta=_message(role="assistant", content=[], tool_plan="", tool_calls=[]))


def _end(reason: str = "COMPLETE") -> tuple[str, dict[str, Any]]:
    return _event("message-end", id="m1", delta={"finish_reason": reason, "usage": _USAGE})


def _answer(reason: str = "COMPLETE", **said: Any) -> dict[str, Any]:
    return {"id": "m1", "finish_reason": reason, "message": {"role": "assistant", **said}, "usage": _USAGE}


REQUESTS: dict[str, Any] = {
    "plain": {"model": "command-test", "messages": [{"role": "user", "content": "What is a glacier?"}]},
    "parts": {
        "model": "command-test",
        "messages": [
            {"role": "system", "content": "Answer briefly."},
            {"role": "user", "content": [{"type": "text", "text": "Why is the sky blue?"}]},
        ],
        "stop_sequences": ["END"],
    },
    "documents": {
        "model": "command-test",
        "messages": [{"role": "user", "content": "When?"}],
        "documents": [{"id": "d1", "data": {"title": "Notes", "text": "It opens at nine."}}, "It closes at six."],
    },
    "tools": {
        "model": "command-test",
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "tool_plan": "I will look.",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"city":"Paris"}'}}
                ],
            },
            {
                "role": "tool",
                "tool_call_id": "c1",
                "content": [{"type": "document", "document": {"data": {"degrees": "21"}}}],
            },
        ],
        "tools": [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {}}}],
    },
}
ANSWERS: dict[str, Any] = {
    "plain": _answer(content=[{"type": "text", "text": "A glacier is a river of ice."}]),
    "thinking": _answer(content=[{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Yes."}]),
    "tools": _answer(
        "TOOL_CALL",
        tool_plan="I will look.",
        tool_calls=[
            {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"city":"Paris","n":3}'}}
        ],
    ),
    "citations": _answer(
        content=[{"type": "text", "text": "It opens at nine."}],
        citations=[{"start": 3, "end": 17, "text": "opens at nine.", "sources": [{"type": "document", "id": "d1"}]}],
    ),
}
STREAMS: dict[str, list[Any]] = {
    "plain": [_BEGIN, *_part(0, "A glacier ", "is ice."), _end()],
    "thinking": [_BEGIN, *_part(0, "Three times", " three.", kind="thinking"), *_part(1, "Nine."), _end()],
    "tools": [
        _BEGIN,
        _event("tool-plan-delta", delta=_message(tool_plan="I will ")),
        _event("tool-plan-delta", delta=_message(tool_plan="look.")),
        *_call(0, "get_weather", '{"city":"Pa', 'ris","days":3}'),
        *_call(1, "get_time", '{"zone":"CET"}'),
        _end("TOOL_CALL"),
    ],
    "citations": [
        _BEGIN,
        *_part(0, "It opens at nine."),
        _event("citation-start", index=0, delta=_message(citations={"start": 3, "end": 17, "text": "opens at nine."})),
        _event("citation-end", index=0),
        _end(),
    ],
}
