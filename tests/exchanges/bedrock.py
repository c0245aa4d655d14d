"""Amazon Bedrock Converse."""

from __future__ import annotations

from typing import Any

from sidecar.codec.formats import Format
from sidecar.codec.shapes.bedrock import SHAPE

__all__ = ["ANSWERS", "FORM", "REQUESTS", "SHAPE", "STREAMS"]

FORM = Format.EVENT_STREAM


def _answer(*content: dict[str, Any], reason: str = "end_turn") -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": reason,
        "usage": {"inputTokens": 9, "outputTokens": 12, "totalTokens": 21},
        "metrics": {"latencyMs": 100},
    }


def _delta(index: int, **delta: Any) -> tuple[str, dict[str, Any]]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": delta, "p": "abcd"}


def _stop(index: int) -> tuple[str, dict[str, Any]]:
    return "contentBlockStop", {"contentBlockIndex": index, "p": "ab"}


_BEGIN = ("messageStart", {"role": "assistant", "p": "abc"})


def _end(reason: str = "end_turn") -> list[Any]:
    return [
        ("messageStop", {"stopReason": reason, "p": "a"}),
        ("metadata", {"usage": {"inputTokens": 9, "outputTokens": 12, "totalTokens": 21}, "metrics": {"latencyMs": 9}}),
    ]


def _use(index: int, name: str, *pieces: str) -> list[Any]:
    begun = {"toolUse": {"toolUseId": f"tooluse_{index}", "name": name}}
    return [
        ("contentBlockStart", {"contentBlockIndex": index, "start": begun, "p": "ab"}),
        *(_delta(index, toolUse={"input": each}) for each in pieces),
        _stop(index),
    ]


REQUESTS: dict[str, Any] = {
    "plain": {"messages": [{"role": "user", "content": [{"text": "What is a glacier?"}]}]},
    "system": {
        "system": [{"text": "Answer briefly."}],
        "messages": [{"role": "user", "content": [{"text": "Why is the sky blue?"}]}],
        "inferenceConfig": {"maxTokens": 99, "stopSequences": ["END"]},
        "requestMetadata": {"desk": "north"},
    },
    "tools": {
        "messages": [
            {"role": "user", "content": [{"text": "How is the weather?"}]},
            {
                "role": "assistant",
                "content": [
                    {"toolUse": {"toolUseId": "t1", "name": "get_weather", "input": {"city": "Paris", "days": 3}}}
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "toolResult": {
                            "toolUseId": "t1",
                            "content": [{"text": "Sunny."}, {"json": {"degrees": 21, "note": "mild"}}],
                            "status": "success",
                        }
                    }
                ],
            },
        ],
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
                        "name": "get_weather",
                        "description": "Tells the weather.",
                        "inputSchema": {"json": {"type": "object"}},
                    }
                }
            ]
        },
    },
    "document": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"text": "When does it open?"},
                    {
                        "document": {
                            "name": "Notes",
                            "format": "txt",
                            "source": {"bytes": "VGhlIGJyaWRnZSBvcGVucyBhdCBuaW5lLg=="},
                        }
                    },
                    {"document": {"name": "Plan", "format": "pdf", "source": {"bytes": "JVBERi0="}}},
                ],
            }
        ]
    },
}
ANSWERS: dict[str, Any] = {
    "plain": _answer({"text": "A glacier is a river of ice."}),
    "tools": _answer(
        {"text": "Let me look."},
        {"toolUse": {"toolUseId": "t1", "name": "get_weather", "input": {"city": "Paris", "days": 3}}},
        reason="tool_use",
    ),
    "reasoning": _answer(
        {"reasoningContent": {"reasoningText": {"text": "Three times three.", "signature": "c2ln"}}}, {"text": "Nine."}
    ),
    "citations": _answer({"citationsContent": {"content": [{"text": "At nine."}], "citations": [{"title": "Notes"}]}}),
}
STREAMS: dict[str, list[Any]] = {
    "plain": [_BEGIN, _delta(0, text="A glacier "), _delta(0, text="is ice."), _stop(0), *_end()],
    "reasoning": [
        _BEGIN,
        _delta(0, reasoningContent={"text": "Three times"}),
        _delta(0, reasoningContent={"text": " three."}),
        _delta(0, reasoningContent={"signature": "c2ln"}),
        _stop(0),
        _delta(1, text="Nine."),
        _stop(1),
        *_end(),
    ],
    "tools": [
        _BEGIN,
        _delta(0, text="Let me look."),
        _stop(0),
        *_use(1, "get_weather", '{"city":"Pa', 'ris","days":3}'),
        *_use(2, "get_time", '{"zone":"CET"}'),
        *_end("tool_use"),
    ],
    "two_texts": [_BEGIN, _delta(0, text="First."), _stop(0), _delta(1, text="Second."), _stop(1), *_end()],
}
