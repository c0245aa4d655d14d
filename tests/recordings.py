"""Answers as the providers send them, complete enough for their own client libraries to read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.upstream import JSON, NDJSON, SSE, Answer


def sse(events: Iterable[Mapping[str, Any]], *, named: bool = False, last: bytes = b"") -> Answer:
    """Server-sent events, one write each."""
    pieces = [
        (f"event: {each['type']}\n" if named else "").encode() + b"data: " + _dumps(each) + b"\n\n" for each in events
    ]
    return Answer([*pieces, last] if last else pieces, SSE)


def openai_chat(texts: Sequence[str]) -> Answer:
    """A whole chat completion, a choice for each text."""
    choices = [
        {"index": number, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", "logprobs": None}
        for number, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    document = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": usage}
    return Answer([_dumps(document)], JSON)


def openai_chat_stream(pieces: Sequence[tuple[int, str]]) -> Answer:
    """A chat completion piece by piece: number of the choice, and text."""
    choices = sorted({choice for choice, _ in pieces})
    deltas: list[tuple[int, dict[str, Any], str | None]] = [
        *((choice, {"role": "assistant", "content": ""}, None) for choice in choices),
        *((choice, {"content": text}, None) for choice, text in pieces),
        *((choice, {}, "stop") for choice in choices),
    ]
    return _chunks(deltas)


def openai_tool_stream(pieces: Sequence[str]) -> Answer:
    """A tool call whose arguments come piece by piece."""
    call = {"index": 0, "id": "t", "type": "function", "function": {"name": "pay", "arguments": ""}}
    deltas: list[tuple[int, dict[str, Any], str | None]] = [(0, {"role": "assistant", "tool_calls": [call]}, None)]
    deltas += [(0, {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}, None) for piece in pieces]
    return _chunks([*deltas, (0, {}, "tool_calls")])


def _chunks(deltas: Iterable[tuple[int, dict[str, Any], str | None]]) -> Answer:
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunks: list[dict[str, Any]] = [
        {**base, "choices": [{"index": choice, "delta": delta, "finish_reason": reason}]}
        for choice, delta, reason in deltas
    ]
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    return sse([*chunks, {**base, "choices": [], "usage": usage}], last=b"data: [DONE]\n\n")


def openai_completions(text: str) -> Answer:
    """A whole completion."""
    choice = {"index": 0, "text": text, "finish_reason": "stop", "logprobs": None}
    document = {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]}
    return Answer([_dumps(document)], JSON)


def openai_completions_stream(pieces: Sequence[str]) -> Answer:
    """A completion piece by piece."""
    base = {"id": "c", "object": "text_completion", "created": 1, "model": "m"}
    chunks: list[dict[str, Any]] = [
        {**base, "choices": [{"index": 0, "text": each, "finish_reason": None, "logprobs": None}]} for each in pieces
    ]
    end = {**base, "choices": [{"index": 0, "text": "", "finish_reason": "stop", "logprobs": None}]}
    return sse([*chunks, end], last=b"data: [DONE]\n\n")


def _response(status: str, output: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "id": "r",
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "m",
        "output": list(output),
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
    }


def _message(text: str | None) -> dict[str, Any]:
    content = [] if text is None else [{"type": "output_text", "text": text, "annotations": []}]
    status = "in_progress" if text is None else "completed"
    return {"id": "i", "type": "message", "role": "assistant", "status": status, "content": content}


def openai_responses(text: str) -> Answer:
    """A whole response."""
    return Answer([_dumps(_response("completed", [_message(text)]))], JSON)


def openai_responses_stream(pieces: Sequence[str]) -> Answer:
    """A response with all its events: each text comes as deltas and three times whole."""
    whole = "".join(pieces)
    part = {"type": "output_text", "text": whole, "annotations": []}
    place = {"item_id": "i", "output_index": 0, "content_index": 0}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": _response("in_progress", [])},
        {"type": "response.output_item.added", "output_index": 0, "item": _message(None)},
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        *({"type": "response.output_text.delta", **place, "delta": each, "logprobs": []} for each in pieces),
        {"type": "response.output_text.done", **place, "text": whole, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": _message(whole)},
        {"type": "response.completed", "response": _response("completed", [_message(whole)])},
    ]
    return sse([{**each, "sequence_number": number} for number, each in enumerate(events)], named=True)


def anthropic(text: str) -> Answer:
    """A whole message."""
    document = {**_ANTHROPIC, "content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}
    return Answer([_dumps(document)], JSON)


def anthropic_stream(pieces: Sequence[str]) -> Answer:
    """A message of one block, piece by piece."""
    return anthropic_blocks([({"type": "text", "text": ""}, [{"type": "text_delta", "text": each} for each in pieces])])


def anthropic_blocks(blocks: Sequence[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]]) -> Answer:
    """A message of blocks: what each begins with, and its deltas."""
    events: list[dict[str, Any]] = [{"type": "message_start", "message": _ANTHROPIC}, {"type": "ping"}]
    for index, (block, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": index, "delta": each} for each in deltas]
        events.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    events.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": 5}})
    return sse([*events, {"type": "message_stop"}], named=True)


_ANTHROPIC: Mapping[str, Any] = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def ollama(text: str) -> Answer:
    """A whole chat answer."""
    document = {**_OLLAMA, "message": {"role": "assistant", "content": text}, "done": True, "done_reason": "stop"}
    return Answer([_dumps(document)], f"{JSON}; charset=utf-8")


def ollama_stream(pieces: Sequence[str]) -> Answer:
    """A chat answer piece by piece."""
    chunks: list[dict[str, Any]] = [
        {**_OLLAMA, "message": {"role": "assistant", "content": each}, "done": False} for each in pieces
    ]
    end = {**_OLLAMA, "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    return Answer([_dumps(each) + b"\n" for each in [*chunks, end]], NDJSON)


_OLLAMA: Mapping[str, Any] = {"model": "m", "created_at": "2026-01-01T00:00:00Z"}


def _dumps(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
