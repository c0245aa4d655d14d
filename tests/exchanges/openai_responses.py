"""OpenAI Responses."""

from __future__ import annotations

from typing import Any

from sidecar.codec.shapes.openai_responses import SHAPE

__all__ = ["ANSWERS", "REQUESTS", "SHAPE", "STREAMS"]

_RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1764374400,
    "status": "in_progress",
    "error": None,
    "incomplete_details": None,
    "instructions": "Answer briefly.",
    "model": "gpt-test",
    "output": [],
    "parallel_tool_calls": True,
    "reasoning": {"effort": None, "summary": None},
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [{"type": "function", "name": "get_weather", "description": "Tells the weather.", "parameters": {}}],
    "usage": None,
    "metadata": {"desk": "north"},
}
_USAGE = {"input_tokens": 9, "output_tokens": 12, "total_tokens": 21}


class _Events:
    """Numbers events as the server does."""

    def __init__(self) -> None:
        self.sequence = -1

    def __call__(self, kind: str, **fields: Any) -> tuple[str, dict[str, Any]]:
        self.sequence += 1
        return kind, {"type": kind, "sequence_number": self.sequence, **fields}


def text_part(text: str) -> dict[str, Any]:
    """A part with text."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def message(text: str, status: str = "completed", id_: str = "msg_1") -> dict[str, Any]:
    """An item with a message."""
    content = [text_part(text)] if text else []
    return {"id": id_, "type": "message", "status": status, "role": "assistant", "content": content}


def _thought(text: str) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": text}] if text else []
    return {"id": "rs_1", "type": "reasoning", "summary": summary}


def _call(arguments: str, status: str = "completed", number: int = 1) -> dict[str, Any]:
    named = {"id": f"fc_{number}", "type": "function_call", "status": status, "call_id": f"call_{number}"}
    return {**named, "name": "get_weather", "arguments": arguments}


def _whole(*output: dict[str, Any]) -> dict[str, Any]:
    return {**_RESPONSE, "status": "completed", "output": list(output), "usage": _USAGE}


def _said(event: _Events, index: int, *pieces: str, id_: str = "msg_1") -> list[Any]:
    """A message in deltas."""
    text = "".join(pieces)
    part = {"item_id": id_, "output_index": index, "content_index": 0}
    return [
        event("response.output_item.added", output_index=index, item=message("", "in_progress", id_)),
        event("response.content_part.added", **part, part=text_part("")),
        *(event("response.output_text.delta", **part, delta=each, logprobs=[], obfuscation="x1") for each in pieces),
        event("response.output_text.done", **part, text=text, logprobs=[]),
        event("response.content_part.done", **part, part=text_part(text)),
        event("response.output_item.done", output_index=index, item=message(text, id_=id_)),
    ]


def _thought_events(event: _Events, index: int, *pieces: str) -> list[Any]:
    text = "".join(pieces)
    part = {"item_id": "rs_1", "output_index": index, "summary_index": 0}
    return [
        event("response.output_item.added", output_index=index, item=_thought("")),
        event("response.reasoning_summary_part.added", **part, part={"type": "summary_text", "text": ""}),
        *(event("response.reasoning_summary_text.delta", **part, delta=each) for each in pieces),
        event("response.reasoning_summary_text.done", **part, text=text),
        event("response.reasoning_summary_part.done", **part, part={"type": "summary_text", "text": text}),
        event("response.output_item.done", output_index=index, item=_thought(text)),
    ]


def _call_events(event: _Events, index: int, *pieces: str, number: int = 1) -> list[Any]:
    text = "".join(pieces)
    item = {"item_id": f"fc_{number}", "output_index": index}
    return [
        event("response.output_item.added", output_index=index, item=_call("", "in_progress", number)),
        *(event("response.function_call_arguments.delta", **item, delta=each) for each in pieces),
        event("response.function_call_arguments.done", **item, name="get_weather", arguments=text),
        event("response.output_item.done", output_index=index, item=_call(text, number=number)),
    ]


def _begun(event: _Events) -> list[Any]:
    return [event("response.created", response=_RESPONSE), event("response.in_progress", response=_RESPONSE)]


def _plain() -> list[Any]:
    event = _Events()
    return [
        *_begun(event),
        *_said(event, 0, "A glacier ", "is a river", " of ice."),
        event("response.completed", response=_whole(message("A glacier is a river of ice."))),
    ]


def _parts() -> list[Any]:
    event = _Events()
    return [
        *_begun(event),
        *_thought_events(event, 0, "They ask ", "for weather."),
        *_said(event, 1, "Let me ", "look."),
        *_call_events(event, 2, '{"city":"Pa', 'ris","days":3}'),
        *_call_events(event, 3, '{"city":"Rome"}', number=2),
        event(
            "response.completed",
            response=_whole(
                _thought("They ask for weather."),
                message("Let me look."),
                _call('{"city":"Paris","days":3}'),
                _call('{"city":"Rome"}', number=2),
            ),
        ),
    ]


def _refusal() -> list[Any]:
    event = _Events()
    part = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    said = {"type": "refusal", "refusal": "I can't help."}
    item = {**message(""), "content": [said]}
    return [
        *_begun(event),
        event("response.output_item.added", output_index=0, item=message("", "in_progress")),
        event("response.content_part.added", **part, part={"type": "refusal", "refusal": ""}),
        event("response.refusal.delta", **part, delta="I can't "),
        event("response.refusal.delta", **part, delta="help."),
        event("response.refusal.done", **part, refusal="I can't help."),
        event("response.content_part.done", **part, part=said),
        event("response.output_item.done", output_index=0, item=item),
        event("response.completed", response=_whole(item)),
    ]


def _logprobs() -> list[Any]:
    event = _Events()
    part = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    probs = [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}]
    said = {**text_part("Hi"), "logprobs": probs}
    item = {**message(""), "content": [said]}
    return [
        *_begun(event),
        event("response.output_item.added", output_index=0, item=message("", "in_progress")),
        event("response.content_part.added", **part, part=text_part("")),
        event("response.output_text.delta", **part, delta="Hi", logprobs=probs),
        event("response.output_text.done", **part, text="Hi", logprobs=probs),
        event("response.content_part.done", **part, part=said),
        event("response.output_item.done", output_index=0, item=item),
        event("response.completed", response=_whole(item)),
    ]


_INTERPRETER = {
    "id": "ci_1",
    "type": "code_interpreter_call",
    "status": "completed",
    "code": "print(6 * 7)",
    "container_id": "cntr_1",
    "outputs": [{"type": "logs", "logs": "42"}],
}
_MCP = {
    "id": "mcp_1",
    "type": "mcp_call",
    "status": "completed",
    "server_label": "files",
    "name": "read",
    "arguments": '{"path":"a.txt"}',
    "output": "It says hello.",
    "error": None,
}


def _tools_of_the_server() -> list[Any]:
    event = _Events()
    begun = {**_INTERPRETER, "status": "in_progress", "code": "", "outputs": None}
    item = {"item_id": "ci_1", "output_index": 0}
    return [
        *_begun(event),
        event("response.output_item.added", output_index=0, item=begun),
        event("response.code_interpreter_call.in_progress", **item),
        event("response.code_interpreter_call_code.delta", **item, delta="print("),
        event("response.code_interpreter_call_code.delta", **item, delta="6 * 7)"),
        event("response.code_interpreter_call_code.done", **item, code="print(6 * 7)"),
        event("response.output_item.done", output_index=0, item=_INTERPRETER),
        event("response.output_item.added", output_index=1, item={**_MCP, "arguments": "", "output": None}),
        event("response.mcp_call_arguments.delta", item_id="mcp_1", output_index=1, delta='{"path":"a.txt"}'),
        event("response.mcp_call_arguments.done", item_id="mcp_1", output_index=1, arguments='{"path":"a.txt"}'),
        event("response.output_item.done", output_index=1, item=_MCP),
        event("response.completed", response=_whole(_INTERPRETER, _MCP)),
    ]


REQUESTS: dict[str, Any] = {
    "plain": {"model": "gpt-test", "input": "What is a glacier?"},
    "messages": {
        "model": "gpt-test",
        "instructions": "Answer briefly.",
        "input": [
            {"role": "developer", "content": "Use simple words."},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is this?"},
                    {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0K", "detail": "auto"},
                ],
            },
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A lake."}]},
            {"role": "user", "content": "Where?"},
        ],
    },
    "calls": {
        "model": "gpt-test",
        "input": [
            {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Paris"}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "Sunny."},
            {"type": "custom_tool_call", "call_id": "call_2", "name": "shell", "input": "ls"},
            {
                "type": "custom_tool_call_output",
                "call_id": "call_2",
                "output": [{"type": "input_text", "text": "a.txt"}],
            },
            {
                "type": "shell_call_output",
                "call_id": "call_3",
                "output": [{"stdout": "ok", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}],
            },
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "I look."}]},
            {
                "type": "code_interpreter_call",
                "id": "ci_1",
                "code": "print(1)",
                "outputs": [{"type": "logs", "logs": "1"}],
            },
        ],
        "tools": [{"type": "function", "name": "get_weather", "description": "Tells it.", "parameters": {}}],
    },
    "prompt": {"model": "gpt-test", "prompt": {"id": "pmpt_1", "version": "2", "variables": {"city": "Paris"}}},
    "schema": {
        "model": "gpt-test",
        "input": "Opening hours?",
        "text": {"format": {"type": "json_schema", "name": "hours", "schema": {"description": "Opening hours"}}},
        "previous_response_id": "resp_0",
    },
}
ANSWERS: dict[str, Any] = {
    "plain": _whole(message("A glacier is a river of ice.")),
    "parts": _whole(_thought("They ask."), message("Let me look."), _call('{"city":"Paris","days":3}')),
    "server_tools": _whole(_INTERPRETER, _MCP, message("It says hello.")),
    "search": _whole(
        {
            "id": "ws_1",
            "type": "web_search_call",
            "status": "completed",
            "action": {"type": "search", "query": "glaciers"},
        },
        {
            "id": "fs_1",
            "type": "file_search_call",
            "status": "completed",
            "queries": ["ice"],
            "results": [{"file_id": "f_1", "filename": "ice.md", "text": "Ice flows.", "score": 0.9}],
        },
        {
            **message(""),
            "content": [
                {
                    **text_part("Ice flows."),
                    "annotations": [
                        {
                            "type": "url_citation",
                            "url": "https://example.org/i",
                            "title": "Ice",
                            "start_index": 0,
                            "end_index": 3,
                        }
                    ],
                }
            ],
        },
    ),
    "patch": _whole(
        {
            "id": "apc_1",
            "type": "apply_patch_call",
            "status": "completed",
            "call_id": "call_1",
            "operation": {"type": "update_file", "path": "a.txt", "diff": "@@\n-one\n+two"},
        }
    ),
}
STREAMS: dict[str, list[Any]] = {
    "plain": _plain(),
    "parts": _parts(),
    "refusal": _refusal(),
    "logprobs": _logprobs(),
    "server_tools": _tools_of_the_server(),
}
