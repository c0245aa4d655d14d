"""Anthropic Messages."""

from __future__ import annotations

from typing import Any

from sidecar.codec.shapes.anthropic import SHAPE

__all__ = ["ANSWERS", "REQUESTS", "SHAPE", "STREAMS"]


def event(kind: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    """A frame of the stream."""
    return kind, {"type": kind, **fields}


def start(index: int, **block: Any) -> tuple[str, dict[str, Any]]:
    """The beginning of a block."""
    return event("content_block_start", index=index, content_block=block)


def delta(index: int, kind: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    """A piece of a block."""
    return event("content_block_delta", index=index, delta={"type": kind, **fields})


def stop(index: int) -> tuple[str, dict[str, Any]]:
    """The end of a block."""
    return event("content_block_stop", index=index)


_MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-test",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 9, "output_tokens": 1},
}
BEGIN = event("message_start", message=_MESSAGE)


def end(reason: str = "end_turn") -> list[Any]:
    """The last frames."""
    usage = {"output_tokens": 21}
    return [
        event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=usage),
        event("message_stop"),
    ]


def _answer(*content: dict[str, Any], reason: str = "end_turn") -> dict[str, Any]:
    return {**_MESSAGE, "content": list(content), "stop_reason": reason}


REQUESTS: dict[str, Any] = {
    "plain": {"model": "claude-test", "max_tokens": 99, "messages": [{"role": "user", "content": "Hello"}]},
    "system": {
        "model": "claude-test",
        "max_tokens": 99,
        "system": [{"type": "text", "text": "Answer briefly.", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Why is the sky blue?"}]}],
        "metadata": {"user_id": "u-7"},
        "stop_sequences": ["END"],
    },
    "tools": {
        "model": "claude-test",
        "max_tokens": 99,
        "tools": [
            {
                "name": "get_weather",
                "description": "Tells the weather.",
                "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
            }
        ],
        "messages": [
            {"role": "user", "content": "How is the weather in Paris?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "Let me look."},
                    {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris", "days": 3}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "content": [
                            {"type": "text", "text": "Sunny."},
                            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
                        ],
                    }
                ],
            },
        ],
    },
    "documents": {
        "model": "claude-test",
        "max_tokens": 99,
        "messages": [
            {
                "role": "user",
                "content": [
                    {
                        "type": "document",
                        "title": "Notes",
                        "context": "Of the board",
                        "source": {"type": "text", "media_type": "text/plain", "data": "The bridge opens at nine."},
                        "citations": {"enabled": True},
                    },
                    {
                        "type": "document",
                        "source": {"type": "content", "content": [{"type": "text", "text": "It closes at six."}]},
                    },
                    {
                        "type": "search_result",
                        "source": "https://example.org/b",
                        "title": "Bridges",
                        "content": [{"type": "text", "text": "A bridge is long."}],
                    },
                    {"type": "text", "text": "When does it open?"},
                ],
            }
        ],
    },
    "thinking": {
        "model": "claude-test",
        "max_tokens": 99,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "messages": [
            {"role": "user", "content": "Three times three?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Nine, of course.", "signature": "c2ln"},
                    {"type": "redacted_thinking", "data": "ZW5j"},
                    {"type": "text", "text": "Nine."},
                ],
            },
            {"role": "user", "content": "Sure?"},
        ],
    },
}
ANSWERS: dict[str, Any] = {
    "plain": _answer({"type": "text", "text": "A glacier is a river of ice."}),
    "tools": _answer(
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris", "days": 3}},
        reason="tool_use",
    ),
    "thinking": _answer(
        {"type": "thinking", "thinking": "Three times three.", "signature": "c2ln"}, {"type": "text", "text": "Nine."}
    ),
    "citations": _answer(
        {
            "type": "text",
            "text": "It opens at nine.",
            "citations": [
                {"type": "char_location", "cited_text": "opens at nine", "document_index": 0, "document_title": "Notes"}
            ],
        }
    ),
    "server_tools": _answer(
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "glaciers"}},
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": [
                {
                    "type": "web_search_result",
                    "title": "Ice",
                    "url": "https://example.org/i",
                    "encrypted_content": "eA==",
                }
            ],
        },
        {
            "type": "web_fetch_tool_result",
            "tool_use_id": "srvtoolu_2",
            "content": {
                "type": "web_fetch_result",
                "url": "https://example.org/i",
                "content": {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "Ice flows slowly."},
                    "title": "Ice",
                },
            },
        },
        {"type": "text", "text": "Ice flows."},
    ),
    "mcp": _answer(
        {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "echo", "server_name": "s", "input": {"say": "hi"}},
        {
            "type": "mcp_tool_result",
            "tool_use_id": "mcptoolu_1",
            "is_error": False,
            "content": [{"type": "text", "text": "hi"}],
        },
    ),
    "count": {"input_tokens": 14},
}
STREAMS: dict[str, list[Any]] = {
    "plain": [
        BEGIN,
        start(0, type="text", text=""),
        event("ping"),
        delta(0, "text_delta", text="A glacier is"),
        delta(0, "text_delta", text=" a river of ice."),
        stop(0),
        *end(),
    ],
    "thinking": [
        BEGIN,
        start(0, type="thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="Three times"),
        delta(0, "thinking_delta", thinking=" three."),
        delta(0, "signature_delta", signature="c2ln"),
        stop(0),
        start(1, type="text", text=""),
        delta(1, "text_delta", text="Nine."),
        stop(1),
        *end(),
    ],
    "tools": [
        BEGIN,
        start(0, type="text", text=""),
        delta(0, "text_delta", text="Let me look."),
        stop(0),
        start(1, type="tool_use", id="toolu_1", name="get_weather", input={}),
        delta(1, "input_json_delta", partial_json=""),
        delta(1, "input_json_delta", partial_json='{"city":"Pa'),
        delta(1, "input_json_delta", partial_json='ris","days":3}'),
        stop(1),
        start(2, type="tool_use", id="toolu_2", name="get_time", input={}),
        delta(2, "input_json_delta", partial_json='{"zone":"CET"}'),
        stop(2),
        *end("tool_use"),
    ],
    "server_tools": [
        BEGIN,
        start(0, type="server_tool_use", id="srvtoolu_1", name="web_search", input={}),
        delta(0, "input_json_delta", partial_json='{"query":"glaciers"}'),
        stop(0),
        start(
            1,
            type="web_search_tool_result",
            tool_use_id="srvtoolu_1",
            content=[{"type": "web_search_result", "title": "Ice", "url": "https://example.org/i"}],
        ),
        stop(1),
        start(2, type="text", text="", citations=[]),
        delta(2, "text_delta", text="Ice flows."),
        delta(2, "citations_delta", citation={"type": "web_search_result_location", "cited_text": "Ice flows"}),
        stop(2),
        *end(),
    ],
    "two_texts": [
        BEGIN,
        start(0, type="text", text=""),
        delta(0, "text_delta", text="First."),
        stop(0),
        start(1, type="text", text=""),
        delta(1, "text_delta", text="Second."),
        stop(1),
        *end(),
    ],
}
