"""Gemini."""

from __future__ import annotations

from typing import Any

from sidecar.codec.shapes.gemini import SHAPE

__all__ = ["ANSWERS", "REQUESTS", "SHAPE", "STREAMS"]

_USAGE = {"promptTokenCount": 9, "candidatesTokenCount": 12, "totalTokenCount": 21}
_NAMES = {"modelVersion": "gemini-test", "responseId": "r1"}


def chunk(*parts: dict[str, Any], finish: str = "", index: int = 0, **more: Any) -> dict[str, Any]:
    """An answer, or a piece of one."""
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": index, **more}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": _USAGE, **_NAMES}


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """A part with a call."""
    return {"functionCall": {"name": name, "args": arguments}}


def piece(path: str, value: str, *, goes_on: bool = False) -> dict[str, Any]:
    """A piece of a call's argument, as Vertex streams it."""
    argument = {"jsonPath": path, "stringValue": value, "willContinue": goes_on}
    return {"functionCall": {"partialArgs": [argument], "willContinue": True}}


REQUESTS: dict[str, Any] = {
    "plain": {"contents": [{"role": "user", "parts": [{"text": "What is a glacier?"}]}]},
    "system": {
        "systemInstruction": {"parts": [{"text": "Answer briefly."}]},
        "contents": [{"parts": [{"text": "Why is the sky blue?"}]}],
        "generationConfig": {"temperature": 0.2, "stopSequences": ["END"], "responseMimeType": "text/plain"},
        "safetySettings": [{"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "BLOCK_NONE"}],
    },
    "snake_case": {
        "system_instruction": {"parts": [{"text": "Answer briefly."}]},
        "contents": {"role": "user", "parts": {"text": "Hello"}},
        "generation_config": {"response_mime_type": "application/json"},
    },
    "tools": {
        "contents": [
            {"role": "user", "parts": [{"text": "How is the weather?"}]},
            {"role": "model", "parts": [call("get_weather", city="Paris", days=3)]},
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "get_weather", "response": {"result": "Sunny.", "degrees": 21}}}
                ],
            },
        ],
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "get_weather", "description": "Tells the weather.", "parameters": {"type": "OBJECT"}}
                ]
            }
        ],
    },
    "files": {
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"inlineData": {"mimeType": "text/plain", "data": "VGhlIGJyaWRnZSBvcGVucyBhdCBuaW5lLg=="}},
                    {"inlineData": {"mimeType": "image/png", "data": "iVBORw0K", "displayName": "bridge.png"}},
                    {"fileData": {"mimeType": "image/png", "fileUri": "gs://a/b", "displayName": "river.png"}},
                    {"text": "When?"},
                ],
            }
        ]
    },
    "embed": {"content": {"parts": [{"text": "What is a glacier?"}]}, "taskType": "RETRIEVAL_QUERY"},
    "count": {"generateContentRequest": {"contents": [{"parts": [{"text": "Count me."}]}]}},
}
ANSWERS: dict[str, Any] = {
    "plain": chunk({"text": "A glacier is a river of ice."}, finish="STOP"),
    "thoughts": chunk(
        {"text": "Three times three.", "thought": True}, {"text": "Nine.", "thoughtSignature": "c2ln"}, finish="STOP"
    ),
    "calls": chunk({"text": "Let me look."}, call("get_weather", city="Paris", days=3), finish="STOP"),
    "code": chunk(
        {"executableCode": {"language": "PYTHON", "code": "print(6 * 7)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "42"}},
        {"text": "It is 42."},
        finish="STOP",
    ),
    "grounded": chunk(
        {"text": "Ice flows."},
        finish="STOP",
        groundingMetadata={
            "webSearchQueries": ["glaciers"],
            "groundingChunks": [{"web": {"uri": "https://example.org/i", "title": "Ice"}}],
            "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 10, "text": "Ice flows."}}],
        },
    ),
    "streamed_as_a_list": [chunk({"text": "A glacier "}), chunk({"text": "is ice."}, finish="STOP")],
    "refused": {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "It is not allowed."}, **_NAMES},
    "old_model": {
        **chunk({"text": "A glacier is ice."}, finish="STOP"),
        "modelStatus": {"modelStage": "RETIRED", "message": "Use a newer one."},
    },
}
STREAMS: dict[str, list[Any]] = {
    "pieces_of_calls": [
        chunk({"functionCall": {"name": "get_weather", "willContinue": True}, "thoughtSignature": "c2ln"}),
        chunk(piece("$.city", "New Y", goes_on=True)),
        chunk(piece("$.city", "ork")),
        chunk({"functionCall": {"partialArgs": [{"jsonPath": "$.days", "numberValue": 3}], "willContinue": True}}),
        chunk({"functionCall": {}}),
        chunk({"functionCall": {"name": "get_time", "willContinue": True}}),
        chunk(piece("$.city", "Rome")),
        chunk({"functionCall": {}}, finish="STOP"),
    ],
    "plain": [chunk({"text": "A glacier "}), chunk({"text": "is a river"}), chunk({"text": " of ice."}, finish="STOP")],
    "thoughts": [
        chunk({"text": "Three times", "thought": True}),
        chunk({"text": " three.", "thought": True}),
        chunk({"text": "Nine"}),
        chunk({"text": "."}, finish="STOP"),
    ],
    "calls": [
        chunk({"text": "Let me look."}),
        chunk(call("get_weather", city="Paris", days=3)),
        chunk(call("get_time", zone="CET")),
        chunk({"text": ""}, finish="STOP"),
    ],
    "several_candidates": [
        chunk({"text": "First "}, index=0),
        chunk({"text": "Second "}, index=1),
        chunk({"text": "one."}, index=0, finish="STOP"),
        chunk({"text": "one."}, index=1, finish="STOP"),
    ],
}
