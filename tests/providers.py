"""A scripted model behind eight providers' APIs: says the same parts over each wire, whole or streamed.

`play` chooses the wire by a request's path, and whether it streams as that API says it. A `Part` is reasoning, text or
a call of a tool, in the pieces in which it streams.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sidecar.codec.formats import Format
from tests.exchanges.wire import Frame, written
from tests.upstream import JSON, NDJSON, SSE, Answer, Seen

TOOL = "pay"
"""The tool that calls name, if they name no other."""
_EVENT_STREAM = "application/vnd.amazon.eventstream"
_TYPES = {Format.SSE: SSE, Format.LINES: NDJSON, Format.EVENT_STREAM: _EVENT_STREAM}


@dataclass(frozen=True)
class Part:
    """What a model says, in pieces."""

    kind: Literal["reasoning", "text", "call"]
    pieces: tuple[str, ...]
    tool: str = TOOL
    """Of a call: the tool that it names."""
    id: str = ""
    """Of a call in chat completions, Responses and Anthropic's API: its id; otherwise one by its number."""

    @property
    def whole(self) -> str:
        return "".join(self.pieces)


def reasoning(*pieces: str) -> Part:
    return Part("reasoning", pieces)


def text(*pieces: str) -> Part:
    return Part("text", pieces)


def call(*pieces: str, tool: str = TOOL, id: str = "") -> Part:
    """A call of a tool: its arguments as JSON, in pieces."""
    return Part("call", pieces, tool, id)


Parts = Sequence[Part]


def _joined(parts: Parts, kind: str) -> str:
    return "".join(part.whole for part in parts if part.kind == kind)


def _numbered_calls(parts: Parts) -> list[tuple[int, Part]]:
    return list(enumerate(part for part in parts if part.kind == "call"))


def _has_call(parts: Parts) -> bool:
    return any(part.kind == "call" for part in parts)


def play(seen: Seen, parts: Parts) -> Answer:
    """The answer to a request."""
    path = seen.path.partition("?")[0]
    wire = wire_of(path)
    asked = json.loads(seen.body)
    if asked.get("stream", wire.streams_unasked) if not wire.streaming_path else wire.streaming_path in path:
        return _streamed(wire.form, wire.stream(parts))
    return Answer([json.dumps(wire.whole(parts)).encode()], JSON)


def wire_of(path: str) -> Wire:
    """The API of a path."""
    return next(each for pattern, each in _WIRES.items() if pattern in path)


def _streamed(form: Format, frames: Iterable[Frame]) -> Answer:
    return Answer([written(form, frame) for frame in frames], _TYPES[form])


# --- chat completions -------------------------------------------------------------------------------------------------

_CHAT = {"id": "chatcmpl-1", "created": 1764374400, "model": "m"}
_CHAT_USAGE = {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}


def _chat_call(index: int, part: Part, arguments: str) -> dict[str, Any]:
    return {"index": index, "id": part.id or f"call_{index}", "type": "function",
            "function": {"name": part.tool, "arguments": arguments}}  # fmt: skip


def _chat_end(parts: Parts) -> str:
    return "tool_calls" if _has_call(parts) else "stop"


def _chat_whole(parts: Parts, thoughts: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": _joined(parts, "text") or None}
    if said := _joined(parts, "reasoning"):
        message[thoughts] = said
    if calls := [_chat_call(index, part, part.whole) for index, part in _numbered_calls(parts)]:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "finish_reason": _chat_end(parts), "logprobs": None}
    return {**_CHAT, "object": "chat.completion", "choices": [choice], "usage": _CHAT_USAGE}


def _chat_chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {**_CHAT, "object": "chat.completion.chunk", "choices": [choice], **more}


def _chat_stream(parts: Parts, thoughts: str) -> list[Frame]:
    frames: list[Frame] = [_chat_chunk({"role": "assistant", "content": ""})]
    index = -1
    for part in parts:
        if part.kind == "call":
            index += 1
            frames.append(_chat_chunk({"tool_calls": [_chat_call(index, part, "")]}))
        frames += [_chat_chunk(_chat_delta(part, piece, index, thoughts)) for piece in part.pieces]
    return [
        *frames,
        _chat_chunk({}, _chat_end(parts)),
        {**_chat_chunk({}), "choices": [], "usage": _CHAT_USAGE},
        "[DONE]",
    ]


def _chat_delta(part: Part, piece: str, index: int, thoughts: str) -> dict[str, Any]:
    if part.kind == "call":
        return {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
    return {thoughts if part.kind == "reasoning" else "content": piece}


# --- Mistral: chat completions whose content has thinking parts -------------------------------------------------------


def _thinking(piece: str) -> list[dict[str, Any]]:
    return [{"type": "thinking", "thinking": [{"type": "text", "text": piece}]}]


def _mistral_whole(parts: Parts) -> dict[str, Any]:
    document = _chat_whole(parts, "thoughts")
    message = document["choices"][0]["message"]
    if thoughts := message.pop("thoughts", None):
        message["content"] = [*_thinking(thoughts), {"type": "text", "text": message["content"] or ""}]
    return document


def _mistral_stream(parts: Parts) -> list[Frame]:
    """A call comes whole."""
    frames: list[Frame] = [_chat_chunk({"role": "assistant", "content": ""})]
    for part in parts:
        if part.kind == "reasoning":
            frames += [_chat_chunk({"content": _thinking(piece)}) for piece in part.pieces]
        elif part.kind == "text":
            frames += [_chat_chunk({"content": piece}) for piece in part.pieces]
    calls = [_chat_call(index, part, part.whole) for index, part in _numbered_calls(parts)]
    frames += [_chat_chunk({"tool_calls": calls})] if calls else []
    return [*frames, _chat_chunk({"content": ""}, _chat_end(parts), usage=_CHAT_USAGE), "[DONE]"]


# --- Responses --------------------------------------------------------------------------------------------------------

_RESPONSE = {
    "id": "resp_1", "object": "response", "created_at": 1764374400, "error": None, "incomplete_details": None,
    "instructions": None, "metadata": {}, "model": "m", "parallel_tool_calls": True, "temperature": 1.0,
    "tool_choice": "auto", "tools": [], "top_p": 1.0,
}  # fmt: skip
_RESPONSE_USAGE = {
    "input_tokens": 9, "output_tokens": 12, "total_tokens": 21,
    "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0},
}  # fmt: skip


def _item(number: int, part: Part, said: str, status: str) -> dict[str, Any]:
    if part.kind == "call":
        named = {"id": f"fc_{number}", "type": "function_call", "call_id": part.id or f"call_{number}"}
        return {**named, "name": part.tool, "arguments": said, "status": status}
    if part.kind == "reasoning":
        return {"id": f"rs_{number}", "type": "reasoning", "summary": [_summary(said)] if said else []}
    content = [_output_text(said)] if said else []
    return {"id": f"msg_{number}", "type": "message", "role": "assistant", "status": status, "content": content}


def _summary(said: str) -> dict[str, Any]:
    return {"type": "summary_text", "text": said}


def _output_text(said: str) -> dict[str, Any]:
    return {"type": "output_text", "text": said, "annotations": [], "logprobs": []}


def _response(parts: Parts) -> dict[str, Any]:
    output = [_item(number, part, part.whole, "completed") for number, part in enumerate(parts)]
    return {**_RESPONSE, "status": "completed", "output": output, "usage": _RESPONSE_USAGE}


def _response_stream(parts: Parts) -> list[Frame]:
    begun = {**_RESPONSE, "status": "in_progress", "output": []}
    events: list[tuple[str, dict[str, Any]]] = [("response.created", {"response": begun})]
    for number, part in enumerate(parts):
        item, about = _item(number, part, "", "in_progress"), {"output_index": number}
        events.append(("response.output_item.added", {**about, "item": item}))
        events += _item_events(part, {"item_id": item["id"], **about})
        done = _item(number, part, part.whole, "completed")
        events.append(("response.output_item.done", {**about, "item": done}))
    events.append(("response.completed", {"response": _response(parts)}))
    return [(kind, {"type": kind, "sequence_number": at, **fields}) for at, (kind, fields) in enumerate(events)]


def _item_events(part: Part, about: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    if part.kind == "call":
        name = "response.function_call_arguments"
        deltas = [(f"{name}.delta", {**about, "delta": piece}) for piece in part.pieces]
        return [*deltas, (f"{name}.done", {**about, "name": part.tool, "arguments": part.whole})]
    is_thought = part.kind == "reasoning"
    name, of_part = (
        ("response.reasoning_summary_text", "response.reasoning_summary_part")
        if is_thought
        else ("response.output_text", "response.content_part")
    )
    about = {**about, "summary_index" if is_thought else "content_index": 0}
    more: dict[str, Any] = {} if is_thought else {"logprobs": []}
    made = _summary if is_thought else _output_text
    return [
        (f"{of_part}.added", {**about, "part": made("")}),
        *((f"{name}.delta", {**about, "delta": piece, **more}) for piece in part.pieces),
        (f"{name}.done", {**about, "text": part.whole, **more}),
        (f"{of_part}.done", {**about, "part": made(part.whole)}),
    ]


# --- Anthropic --------------------------------------------------------------------------------------------------------

_MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
_BLOCKS: dict[str, dict[str, Any]] = {
    "reasoning": {"type": "thinking", "thinking": "", "signature": ""},
    "text": {"type": "text", "text": ""},
    "call": {"type": "tool_use", "input": {}},
}
_DELTAS = {
    "reasoning": ("thinking_delta", "thinking"),
    "text": ("text_delta", "text"),
    "call": ("input_json_delta", "partial_json"),
}


def _block(number: int, part: Part) -> dict[str, Any]:
    named = {"id": part.id or f"toolu_{number}", "name": part.tool} if part.kind == "call" else {}
    return {**_BLOCKS[part.kind], **named}


def _anthropic_whole(parts: Parts) -> dict[str, Any]:
    content = []
    for number, part in enumerate(parts):
        block = _block(number, part)
        said: dict[str, dict[str, Any]] = {
            "reasoning": {"thinking": part.whole, "signature": "c2ln"},
            "text": {"text": part.whole},
            "call": {"input": json.loads(part.whole) if part.kind == "call" else None},
        }
        content.append({**block, **said[part.kind]})
    end = "tool_use" if _has_call(parts) else "end_turn"
    return {**_MESSAGE, "content": content, "stop_reason": end, "usage": {"input_tokens": 9, "output_tokens": 21}}


def _anthropic_events(parts: Parts) -> list[dict[str, Any]]:
    usage = {"input_tokens": 9, "output_tokens": 1}
    message: dict[str, Any] = {**_MESSAGE, "content": [], "stop_reason": None, "usage": usage}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message}, {"type": "ping"}]
    for number, part in enumerate(parts):
        about, (kind, field) = {"index": number}, _DELTAS[part.kind]
        events.append({"type": "content_block_start", **about, "content_block": _block(number, part)})
        deltas = [{"type": kind, field: piece} for piece in part.pieces]
        if part.kind == "reasoning":
            deltas.append({"type": "signature_delta", "signature": "c2ln"})
        events += [{"type": "content_block_delta", **about, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", **about})
    end = {"stop_reason": "tool_use" if _has_call(parts) else "end_turn", "stop_sequence": None}
    return [*events, {"type": "message_delta", "delta": end, "usage": {"output_tokens": 21}}, {"type": "message_stop"}]


def _anthropic_stream(parts: Parts) -> list[Frame]:
    return [(event["type"], event) for event in _anthropic_events(parts)]


# --- Bedrock: Converse, and models' own events ------------------------------------------------------------------------


def _invoked_stream(parts: Parts) -> list[Frame]:
    """Anthropic's events in base64, as InvokeModelWithResponseStream sends them."""
    return [
        ("chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode(), "p": "abc"})
        for event in _anthropic_events(parts)
    ]


_COUNTED = {"usage": {"inputTokens": 9, "outputTokens": 12, "totalTokens": 21}, "metrics": {"latencyMs": 100}}


def _converse_end(parts: Parts) -> dict[str, Any]:
    return {"stopReason": "tool_use" if _has_call(parts) else "end_turn"}


def _converse_whole(parts: Parts) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for number, part in enumerate(parts):
        if part.kind == "call":
            use = {"toolUseId": f"tooluse_{number}", "name": part.tool, "input": json.loads(part.whole)}
            content.append({"toolUse": use})
        elif part.kind == "reasoning":
            content.append({"reasoningContent": {"reasoningText": {"text": part.whole, "signature": "c2ln"}}})
        else:
            content.append({"text": part.whole})
    return {"output": {"message": {"role": "assistant", "content": content}}, **_converse_end(parts), **_COUNTED}


def _converse_stream(parts: Parts) -> list[Frame]:
    frames: list[Frame] = [("messageStart", {"role": "assistant", "p": "abc"})]
    for number, part in enumerate(parts):
        about = {"contentBlockIndex": number, "p": "ab"}
        if part.kind == "call":
            start = {"toolUse": {"toolUseId": f"tooluse_{number}", "name": part.tool}}
            frames.append(("contentBlockStart", {**about, "start": start}))
        frames += [("contentBlockDelta", {**about, "delta": _converse_delta(part, piece)}) for piece in part.pieces]
        if part.kind == "reasoning":
            signed = {"reasoningContent": {"signature": "c2ln"}}
            frames.append(("contentBlockDelta", {**about, "delta": signed}))
        frames.append(("contentBlockStop", about))
    return [*frames, ("messageStop", {**_converse_end(parts), "p": "a"}), ("metadata", {**_COUNTED, "p": "a"})]


def _converse_delta(part: Part, piece: str) -> dict[str, Any]:
    if part.kind == "call":
        return {"toolUse": {"input": piece}}
    return {"reasoningContent": {"text": piece}} if part.kind == "reasoning" else {"text": piece}


# --- Gemini -----------------------------------------------------------------------------------------------------------

_GEMINI = {
    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 12, "totalTokenCount": 21},
    "modelVersion": "m",
    "responseId": "r1",
}


def _gemini_part(part: Part, piece: str) -> dict[str, Any]:
    if part.kind == "call":
        return {"functionCall": {"name": part.tool, "args": json.loads(part.whole)}}
    return {"text": piece, "thought": True} if part.kind == "reasoning" else {"text": piece}


def _gemini(said: list[dict[str, Any]], end: str = "") -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": said, "role": "model"}, "index": 0}
    return {"candidates": [{**candidate, "finishReason": end} if end else candidate], **_GEMINI}


def _gemini_whole(parts: Parts) -> dict[str, Any]:
    return _gemini([_gemini_part(part, part.whole) for part in parts], "STOP")


def _gemini_stream(parts: Parts) -> list[Frame]:
    frames: list[Frame] = []
    for part in parts:
        pieces = part.pieces[:1] if part.kind == "call" else part.pieces
        frames += [_gemini([_gemini_part(part, piece)]) for piece in pieces]
    return [*frames, _gemini([{"text": ""}], "STOP")]


# --- Cohere -----------------------------------------------------------------------------------------------------------

_COHERE_USAGE = {"billed_units": {"input_tokens": 9, "output_tokens": 12}}


def _cohere_end(parts: Parts) -> dict[str, Any]:
    return {"finish_reason": "TOOL_CALL" if _has_call(parts) else "COMPLETE", "usage": _COHERE_USAGE}


def _cohere_content(part: Part, said: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": said} if part.kind == "reasoning" else {"type": "text", "text": said}


def _cohere_whole(parts: Parts) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant"}
    content = [_cohere_content(part, part.whole) for part in parts if part.kind != "call"]
    calls = [_cohere_call(index, part, part.whole) for index, part in _numbered_calls(parts)]
    message |= ({"content": content} if content else {}) | ({"tool_calls": calls} if calls else {})
    return {"id": "m1", "message": message, **_cohere_end(parts)}


def _cohere_call(index: int, part: Part, arguments: str) -> dict[str, Any]:
    return {"id": f"call_{index}", "type": "function", "function": {"name": part.tool, "arguments": arguments}}


def _cohere_stream(parts: Parts) -> list[Frame]:
    begun = {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}}
    events: list[dict[str, Any]] = [{"type": "message-start", "id": "m1", "delta": begun}]
    for number, part in enumerate(parts):
        kind = "tool-call" if part.kind == "call" else "content"
        first = _cohere_said(part, "", number)
        events.append({"type": f"{kind}-start", "index": number, "delta": {"message": first}})
        for piece in part.pieces:
            said = {"message": _cohere_delta(part, piece)}
            events.append({"type": f"{kind}-delta", "index": number, "delta": said})
        events.append({"type": f"{kind}-end", "index": number})
    events.append({"type": "message-end", "id": "m1", "delta": _cohere_end(parts)})
    return [(event["type"], event) for event in events]


def _cohere_said(part: Part, said: str, number: int) -> dict[str, Any]:
    if part.kind == "call":
        return {"tool_calls": _cohere_call(number, part, said)}
    return {"content": _cohere_content(part, said)}


def _cohere_delta(part: Part, piece: str) -> dict[str, Any]:
    if part.kind == "call":
        return {"tool_calls": {"function": {"arguments": piece}}}
    return {"content": {"thinking" if part.kind == "reasoning" else "text": piece}}


# --- Ollama -----------------------------------------------------------------------------------------------------------

_OLLAMA = {"model": "m", "created_at": "2026-11-29T00:00:00Z"}
_OLLAMA_END = {"done": True, "done_reason": "stop", "total_duration": 99, "prompt_eval_count": 9, "eval_count": 12}


def _ollama_said(part: Part, piece: str) -> dict[str, Any]:
    if part.kind == "call":
        return {"tool_calls": [{"function": {"name": part.tool, "arguments": json.loads(part.whole)}}]}
    return {"thinking" if part.kind == "reasoning" else "content": piece}


def _ollama_whole(parts: Parts) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": _joined(parts, "text")}
    if thoughts := _joined(parts, "reasoning"):
        message["thinking"] = thoughts
    if calls := [each for _, part in _numbered_calls(parts) for each in _ollama_said(part, "")["tool_calls"]]:
        message["tool_calls"] = calls
    return {**_OLLAMA, "message": message, **_OLLAMA_END}


def _ollama_stream(parts: Parts) -> list[Frame]:
    frames: list[Frame] = []
    for part in parts:
        for piece in part.pieces[:1] if part.kind == "call" else part.pieces:
            message = {"role": "assistant", "content": "", **_ollama_said(part, piece)}
            frames.append({**_OLLAMA, "message": message, "done": False})
    return [*frames, {**_OLLAMA, "message": {"role": "assistant", "content": ""}, **_OLLAMA_END}]


# --- which is which ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wire:
    """An API: how it says an answer whole, how streamed, and how it is asked to stream."""

    whole: Callable[[Parts], dict[str, Any]]
    stream: Callable[[Parts], list[Frame]]
    form: Format = Format.SSE
    streaming_path: str = ""
    streams_unasked: bool = False


_WIRES = {
    "/mistral/v1/chat/completions": Wire(_mistral_whole, _mistral_stream),
    "/openai/v1/chat/completions": Wire(
        lambda parts: _chat_whole(parts, "reasoning"), lambda parts: _chat_stream(parts, "reasoning")
    ),
    "/chat/completions": Wire(
        lambda parts: _chat_whole(parts, "reasoning_content"), lambda parts: _chat_stream(parts, "reasoning_content")
    ),
    "/responses": Wire(_response, _response_stream),
    "/v1/messages": Wire(_anthropic_whole, _anthropic_stream),
    "/invoke": Wire(_anthropic_whole, _invoked_stream, Format.EVENT_STREAM, "with-response-stream"),
    "/converse": Wire(_converse_whole, _converse_stream, Format.EVENT_STREAM, "converse-stream"),
    "enerateContent": Wire(_gemini_whole, _gemini_stream, streaming_path="streamGenerateContent"),
    "/v2/chat": Wire(_cohere_whole, _cohere_stream),
    "/api/chat": Wire(_ollama_whole, _ollama_stream, Format.LINES, streams_unasked=True),
}
"""By what their paths hold. Groq's is the one with `openai`."""
