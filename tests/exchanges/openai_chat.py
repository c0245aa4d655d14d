"""Chat completions of OpenAI, and of those who speak it with fields of their own."""

from __future__ import annotations

from typing import Any

from sidecar.codec.shapes.openai_chat import SHAPE

__all__ = ["ANSWERS", "REQUESTS", "SHAPE", "STREAMS"]

_USAGE = {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}


def _head() -> dict[str, Any]:
    return {"id": "chatcmpl-A1", "object": "chat.completion.chunk", "created": 1764374400, "model": "gpt-test"}


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    """A chunk with one choice."""
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish, **more}
    return {**_head(), "choices": [choice]}


def call(index: int, arguments: str, name: str = "", id_: str = "") -> dict[str, Any]:
    """A delta of a call."""
    function = {"name": name, "arguments": arguments} if name else {"arguments": arguments}
    named = {"id": id_, "type": "function"} if id_ else {}
    return {"tool_calls": [{"index": index, **named, "function": function}]}


def _answer(message: dict[str, Any], finish: str = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "logprobs": None, "finish_reason": finish}
    return {**_head(), "object": "chat.completion", "choices": [{**choice, **more}], "usage": _USAGE}


_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather of a town.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "The town's name"}},
            "required": ["city"],
        },
    },
}

REQUESTS: dict[str, Any] = {
    "plain": {"model": "gpt-test", "messages": [{"role": "user", "content": "What is a glacier?"}]},
    "system": {
        "model": "gpt-test",
        "messages": [
            {"role": "developer", "content": "Answer briefly."},
            {"role": "user", "name": "ann", "content": "Why is the sky blue?"},
        ],
        "temperature": 0.2,
        "stop": ["END"],
        "metadata": {"desk": "north"},
    },
    "parts": {
        "model": "gpt-test",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is on this "},
                    {"type": "text", "text": "picture?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0K", "detail": "low"}},
                    {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,SGVsbG8="}},
                ],
            }
        ],
    },
    "tools": {
        "model": "gpt-test",
        "messages": [
            {"role": "user", "content": "How is the weather in Paris?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city": "Paris", "days": 3}'},
                    },
                    {"id": "call_2", "type": "custom", "custom": {"name": "shell", "input": "ls -la"}},
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "Sunny, 21 degrees."},
        ],
        "tools": [_TOOL],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
    },
    "reasoning_in_history": {
        "model": "deep-test",
        "messages": [
            {"role": "assistant", "content": "ok", "reasoning_content": "They greet me.", "refusal": None},
            {"role": "user", "content": ["Two", "strings"]},
        ],
    },
    "documents": {
        "model": "command-test",
        "messages": [{"role": "user", "content": "What do they say?"}],
        "documents": [{"title": "Notes", "text": "The bridge opens at nine."}],
        "prediction": {"type": "content", "content": "The bridge opens at ten."},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "hours", "schema": {"type": "object", "description": "Opening hours"}},
        },
    },
    "functions": {
        "model": "gpt-old",
        "messages": [
            {"role": "user", "content": "Add two and two."},
            {"role": "assistant", "content": None, "function_call": {"name": "add", "arguments": '{"a": 2, "b": 2}'}},
            {"role": "function", "name": "add", "content": "4"},
        ],
        "functions": [{"name": "add", "description": "Adds numbers.", "parameters": {"type": "object"}}],
    },
    "template": {
        "model": "vllm-test",
        "messages": [{"role": "user", "content": "Hello"}],
        "chat_template_kwargs": {"greeting": "Be kind"},
        "guided_choice": ["yes", "no"],
        "n": 2,
    },
}

ANSWERS: dict[str, Any] = {
    "plain": _answer({"content": "A glacier is a river of ice.", "refusal": None, "annotations": []}),
    "pictures": _answer(
        {
            "content": "Here it is.",
            "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0K"}, "index": 0}],
        }
    ),
    "tools": _answer(
        {
            "content": "Let me look.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city":"Paris","days":3,"note":"caf\\u00e9"}'},
                }
            ],
        },
        "tool_calls",
    ),
    "reasoning": _answer(
        {"content": "Nine.", "reasoning_content": "Three times three.", "reasoning": "Three times three."}
    ),
    "refusal": _answer({"content": None, "refusal": "I can't help with that."}),
    "logprobs": _answer(
        {"content": "Hi there"},
        logprobs={
            "content": [
                {
                    "token": "Hi",
                    "logprob": -0.1,
                    "bytes": [72, 105],
                    "top_logprobs": [{"token": "Hey", "logprob": -2.0}],
                },
                {"token": " there", "logprob": -0.2, "bytes": None, "top_logprobs": []},
            ]
        },
    ),
    "citations": _answer(
        {
            "content": "The sea is salt.",
            "annotations": [
                {
                    "type": "url_citation",
                    "url_citation": {
                        "url": "https://example.org/sea",
                        "title": "Seas",
                        "start_index": 0,
                        "end_index": 7,
                    },
                }
            ],
            "context": {"citations": [{"content": "Seas hold salt", "title": "Seas", "filepath": "seas.md"}]},
        }
    ),
    "groq": {
        **_answer(
            {
                "content": "Done.",
                "reasoning": "I ran it.",
                "executed_tools": [{"index": 0, "type": "python", "arguments": '{"code":"1+1"}', "output": "2"}],
            }
        ),
        "x_groq": {"id": "req_1"},
        "usage_breakdown": None,
        "system_fingerprint": "fp_1",
    },
    "two_choices": {
        **_head(),
        "object": "chat.completion",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "First."}, "finish_reason": "stop"},
            {"index": 1, "message": {"role": "assistant", "content": "Second."}, "finish_reason": "stop"},
        ],
        "usage": _USAGE,
    },
    "azure": {
        **_answer(
            {"content": "Fine."},
            content_filter_results={
                "hate": {"filtered": False, "severity": "safe"},
                "protected_material_code": {
                    "detected": True,
                    "filtered": False,
                    "citation": {"URL": "https://example.org/a", "license": "MIT"},
                },
            },
        ),
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
    },
    "content_as_list": _answer(
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                {"type": "text", "text": "Yes."},
            ]
        }
    ),
}

_DONE = "[DONE]"

STREAMS: dict[str, list[Any]] = {
    "plain": [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "A glacier "}),
        chunk({"content": "is a river"}),
        chunk({"content": " of ice."}),
        chunk({}, "stop"),
        _DONE,
    ],
    "reasoning_twice": [
        chunk({"role": "assistant", "content": None, "reasoning_content": "Three ", "reasoning": "Three "}),
        chunk({"reasoning_content": "times three.", "reasoning": "times three."}),
        chunk({"content": "Nine."}),
        chunk({}, "stop"),
        {**_head(), "choices": [], "usage": _USAGE},
        _DONE,
    ],
    "text_then_calls": [
        chunk({"role": "assistant", "content": "Let me "}),
        chunk({"content": "look."}),
        chunk(call(0, "", "get_weather", "call_1")),
        chunk(call(0, '{"city":"Pa')),
        chunk(call(0, 'ris","note":"caf\\u00')),
        chunk(call(0, 'e9","days":3}')),
        chunk(call(1, "", "get_time", "call_2")),
        chunk(call(1, '{"zone":"CET"}')),
        chunk({}, "tool_calls"),
        _DONE,
    ],
    "two_choices": [
        chunk({"role": "assistant", "content": "First "}, index=0),
        chunk({"role": "assistant", "content": "Second "}, index=1),
        chunk({"content": "answer."}, index=0),
        chunk({"content": "answer too."}, index=1),
        {
            **_head(),
            "choices": [
                {"index": 0, "delta": {}, "finish_reason": "stop"},
                {"index": 1, "delta": {}, "finish_reason": "stop"},
            ],
        },
        _DONE,
    ],
    "logprobs": [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hi"}, logprobs={"content": [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}]}),
        chunk(
            {"content": " there"},
            logprobs={
                "content": [{"token": " there", "logprob": -0.3, "top_logprobs": [{"token": " you", "logprob": -1.5}]}]
            },
        ),
        chunk({}, "stop"),
        _DONE,
    ],
    "refusal": [
        chunk({"role": "assistant", "refusal": "I can't "}),
        chunk({"refusal": "help."}),
        chunk({}, "stop"),
        _DONE,
    ],
    "openrouter": [
        ": OPENROUTER PROCESSING",
        {
            **chunk({"role": "assistant", "content": "", "reasoning": "Well", "reasoning_details": []}),
            "provider": "Somebody",
        },
        chunk(
            {
                "content": "",
                "reasoning": ", yes.",
                "reasoning_details": [{"type": "reasoning.text", "text": ", yes.", "index": 0, "format": "x"}],
            }
        ),
        chunk({"content": "Yes."}),
        {**chunk({"content": ""}, "stop"), "usage": _USAGE},
        _DONE,
    ],
    "emoji_cut": [
        chunk({"content": "Look \ud83d"}),
        chunk({"content": "\ude00 there"}),
        chunk({}, "stop"),
        _DONE,
    ],
    "azure_filter": [
        {"id": "", "object": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
        chunk({"content": "Fine."}, content_filter_results={"hate": {"filtered": False}}),
        chunk({}, "stop"),
        _DONE,
    ],
}
