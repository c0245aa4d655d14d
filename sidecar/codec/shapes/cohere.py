"""Cohere's chat, version 2: https://docs.cohere.com/v2/reference/chat and its streaming events. There is one choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.codec.advice import in_messages
from sidecar.codec.jsontext import Path
from sidecar.codec.places import (
    COUNTS,
    FINAL,
    LOGPROBS,
    OPAQUE,
    PICTURE,
    Found,
    Key,
    Kind,
    Node,
    Reader,
    Scope,
    arguments,
    definitions,
    node,
    opaque,
    text,
)
from sidecar.codec.shape import (
    AnswerOptions,
    NewFrame,
    Opening,
    Shape,
    Unanswered,
    at,
    encode,
    message_scope,
    opened,
    spoken,
)
from sidecar.codec.weave import Ends
from sidecar.usage import Usage, count_of, told
from sidecar.values import Channel, Lane, Part

FILTERED = "ERROR_TOXIC"
"""The finish reason for an answer that a policy stopped."""

# -- where there is text ----------------------------------------------------------------------------------------------

_PLAIN_DOCUMENT = Node(Kind.JSON, channel=Channel.CONTENT, part=Part.CONTEXT)
_NAMED_DOCUMENT = node({"id": OPAQUE, "data": Node(Kind.JSON)}, channel=Channel.CONTENT, part=Part.CONTEXT)
_DOCUMENT = Node(
    select=lambda value: _NAMED_DOCUMENT if isinstance(value, dict) and "data" in value else _PLAIN_DOCUMENT
)
_PART = node(
    {
        **opaque("type id cache_control"),
        "text": text(),
        "thinking": text(Channel.REASONING),
        "image_url": PICTURE,
        "document": _DOCUMENT,
    },
    channel=Channel.CONTENT,
)
_CALL = node(
    {
        **opaque("id type index"),
        "function": node({"name": text(Channel.TOOL_ARGUMENTS), "arguments": arguments()}),
    },
    channel=Channel.TOOL_ARGUMENTS,
)
_SAID: Mapping[str, Node] = {
    "role": OPAQUE,
    "content": text(each=_PART, fields=_PART.fields),
    "tool_plan": text(Channel.REASONING),
    "tool_calls": node(_CALL.fields, each=_CALL, channel=Channel.TOOL_ARGUMENTS),
    "tool_call_id": OPAQUE,
    "citations": node(emptied="[]"),
}

_REQUEST = node(
    {
        **opaque("model safety_mode stream citation_options tool_choice reasoning_effort thinking"),
        "messages": node(each=node(_SAID, enter=message_scope)),
        "documents": node(each=_DOCUMENT),
        "tools": definitions(),
        "response_format": Node(Kind.JSON, channel=Channel.CONTENT, part=Part.SYSTEM),
    }
)


def _one_choice(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    reader.choice(0)
    return scope


_ANSWER = node(
    {
        "id": OPAQUE,
        "finish_reason": FINAL,
        "message": node(_SAID),
        "usage": COUNTS,
        "meta": COUNTS,
        "logprobs": LOGPROBS,
    },
    enter=_one_choice,
)


def _indexed(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """An event is about the part or call that it names."""
    reader.choice(0)
    return scope.named(path, *_place_of(value))


def _place_of(document: Any) -> Key:
    if not isinstance(document, dict):
        return ()
    told, kind = document.get("index"), str(document.get("type", ""))
    about = "call" if kind.startswith("tool-call") else "citation" if kind.startswith("citation") else "content"
    return (about, told if type(told) is int else repr(told)[:64])


_EVENT = node(
    {
        **opaque("type id index"),
        "delta": node({"message": node(_SAID), "finish_reason": FINAL, "usage": COUNTS, "error": text(Channel.OTHER)}),
        "logprobs": LOGPROBS,
    },
    enter=_indexed,
)


def _ends(reader: Reader, document: Any, found: Found, name: str) -> Ends | None:
    kind = document.get("type") if isinstance(document, dict) else None
    if kind in ("content-end", "tool-call-end"):
        return Ends(lanes=reader.at(_place_of(document)))
    return Ends(choices=frozenset({0})) if kind == "message-end" else None


# -- how it stops -----------------------------------------------------------------------------------------------------


class _Voice:
    """Knows which parts are open, and what was counted."""

    def __init__(self, asked: AnswerOptions) -> None:
        self._id = ""
        self._open: set[int] = set()
        self._next = 0

    def heard(self, document: Any, name: str) -> None:
        """Note what names the answer, and the part that an event opens or closes."""
        if not isinstance(document, dict):
            return
        kind, index = str(document.get("type", "")), document.get("index")
        self._id = self._id or str(document.get("id") or "")
        if kind.startswith("content") and type(index) is int:
            self._next = max(self._next, index + 1)
            (self._open.discard if kind == "content-end" else self._open.add)(index)

    def end(self, lane: Lane, key: Key, message: str) -> list[NewFrame]:
        """Close the part that is open, say the message in a part of its own, and end the message."""
        frames = [_frame("content-end", index=index) for index in sorted(self._open)]
        self._open.clear()
        if message:
            frames += [
                _frame("content-start", index=self._next, delta=_said({"type": "text", "text": ""})),
                _frame("content-delta", index=self._next, delta=_said({"text": message})),
                _frame("content-end", index=self._next),
            ]
        return [*frames, _frame("message-end", id=self._id, delta={"finish_reason": FILTERED})]

    def close(self) -> list[NewFrame]:
        """Nothing: the end of the message was the last."""
        return []


def _said(content: dict[str, Any]) -> dict[str, Any]:
    return {"message": {"content": content}}


def _frame(kind: str, **fields: Any) -> NewFrame:
    return NewFrame(encode({"type": kind, **fields}), kind)


def _stopped(document: Any, choice: int, message: str, unspoken: frozenset[Path]) -> Mapping[Path, Any]:
    """The parts before the place, and one with the message."""
    said = at(document, "message")
    kept = list(spoken(at(said, "content"), ("message", "content"), unspoken))
    content = [*kept, {"type": "text", "text": message}] if message else kept
    plan = {"tool_plan": said["tool_plan"]} if at(said, "tool_plan") else {}
    return {("message",): {"role": "assistant", **plan, "content": content}, ("finish_reason",): FILTERED}


def _opening(unanswered: Unanswered) -> Opening:
    """The message, without a part."""
    begun = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    counts = {"input_tokens": 0, "output_tokens": 0}
    whole = {
        "id": unanswered.number,
        "finish_reason": FILTERED,
        "message": {"role": "assistant", "content": []},
        "usage": {"billed_units": counts, "tokens": counts},
    }
    return opened(unanswered, whole, _frame("message-start", id=unanswered.number, delta={"message": begun}))


def _failure(status: int, message: str) -> bytes:
    return encode({"message": message})


def _usage(document: Any) -> Usage | None:
    """What an answer or the last event counts: the tokens that are billed, or else those that the model read."""
    counted = at(document, "usage") or at(document, "delta", "usage") or at(document, "meta")
    billed = at(counted, "billed_units") or at(counted, "tokens")
    return told(
        input_tokens=count_of(billed, "input_tokens"),
        output_tokens=count_of(billed, "output_tokens"),
        cached_tokens=count_of(counted, "cached_tokens"),
    )


SHAPE = Shape(
    name="cohere-chat",
    title="Cohere chat, version 2",
    provider="cohere",
    paths=(r"/v2/chat$",),
    fits=lambda document: isinstance(document, dict) and isinstance(document.get("messages"), list),
    request=_REQUEST,
    advised=in_messages,
    response=_ANSWER,
    event=_EVENT,
    ends=_ends,
    voice=_Voice,
    usage=_usage,
    stopped=_stopped,
    opening=_opening,
    refusal=lambda message, _: (400, _failure(400, message)),
    failure=_failure,
    too_long=lambda message: (400, _failure(400, f"too many tokens: {message}")),
    is_chat=True,
)
