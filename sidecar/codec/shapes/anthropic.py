"""Anthropic Messages: https://docs.anthropic.com/en/api/messages and its streaming events; on Vertex, too.

There is one choice. A stream says when each of its content blocks begins and is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sidecar.codec.advice import in_field
from sidecar.codec.formats import Format
from sidecar.codec.jsontext import Path
from sidecar.codec.places import (
    BASE64,
    COUNTS,
    DATA,
    FINAL,
    OPAQUE,
    SIGNATURE,
    Found,
    Key,
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
    same_place,
    spoken,
    without_unsigned,
)
from sidecar.codec.weave import Ends
from sidecar.usage import Usage, count_of, told, total_of
from sidecar.values import Channel, Lane, Part, tokens_of

REFUSED = "refusal"
"""The stop reason for an answer that a policy stopped."""

_FAILURES: Mapping[int, str] = {
    400: "invalid_request_error",
    413: "request_too_large",
    503: "overloaded_error",
    504: "timeout_error",
}

# -- where there is text ----------------------------------------------------------------------------------------------


def _whose(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """A block of a message: results and documents are not its author's words."""
    kind = str(value.get("type", "")) if isinstance(value, dict) else ""
    if kind.endswith("tool_result"):
        return msgspec.structs.replace(scope, part=Part.TOOL_RESULT)
    if kind in ("document", "search_result"):
        return msgspec.structs.replace(scope, part=Part.CONTEXT)
    return scope


_NAMES = {
    **opaque("type id tool_use_id cache_control is_error encrypted_content encrypted_index caller"),
    "data": BASE64,
    "signature": SIGNATURE,
}
"""`data` is that of redacted thinking, which nobody can read."""

_TEXTS: Mapping[str, Node] = {
    "text": text(),
    "thinking": text(Channel.REASONING),
    "name": text(Channel.TOOL_ARGUMENTS, is_whole=True),
    "input": arguments(),
}

_ENCODED = node({**opaque("type media_type file_id"), "data": BASE64, "url": DATA})
_INLINE = node({**opaque("type media_type"), "data": text(), "content": text(each=node({"type": OPAQUE}))})


def _source(value: Any) -> Node:
    """A document's source: text as it stands, or a file."""
    is_text = isinstance(value, dict) and value.get("type") in ("text", "content")
    return _INLINE if is_text else _ENCODED


_SAID: Mapping[str, Node] = {
    **_NAMES,
    **_TEXTS,
    "source": Node(select=_source),
    "citations": node({"enabled": OPAQUE}, each=node({"type": OPAQUE})),
}
_INNER = node(_SAID, channel=Channel.CONTENT, enter=_whose)
_RESULT = text(each=_INNER, fields={**_NAMES, "content": msgspec.structs.replace(_INNER, each=_INNER)})
_BLOCK = node({**_SAID, "content": _RESULT}, channel=Channel.CONTENT, enter=_whose)
_CONTENT = text(each=_BLOCK)

_REQUEST = node(
    {
        **opaque("model anthropic_version anthropic_beta service_tier container mcp_servers"),
        "system": text(part=Part.SYSTEM, each=_INNER),
        "messages": node(each=node({"role": OPAQUE, "content": _CONTENT}, enter=message_scope)),
        "tools": definitions(),
        "tool_choice": OPAQUE,
        "thinking": OPAQUE,
    }
)


def _numbered(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """A block of an answer, by its place. What the provider's own tools came to are results here, too."""
    reader.choice(0)
    return _whose(reader, value, scope.named(path, "block", path[-1]), path)


_ANSWERED_FIELDS = {**_NAMES, **_TEXTS, "source": Node(select=_source), "content": _RESULT}
_ANSWERED = node(_ANSWERED_FIELDS, enter=_numbered)
_ANSWER_FIELDS: Mapping[str, Node] = {
    **opaque("id type role model stop_sequence container"),
    "content": node(each=_ANSWERED),
    "stop_reason": FINAL,
    "usage": COUNTS,
}
_ANSWER = node(_ANSWER_FIELDS)


def _indexed(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """A frame is about the block that it names."""
    if isinstance(value, dict) and value.get("type") not in ("ping", "error"):
        reader.choice(0)
    return scope.named(path, *_block_of(value))


def _begun(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """A block that begins, at its frame's place; a result comes whole with it."""
    return _whose(reader, value, same_place(reader, value, scope, path), path)


def _block_of(document: Any) -> Key:
    told = document.get("index") if isinstance(document, dict) else None
    return ("block", told if type(told) is int else repr(told)[:64])


_EVENT = node(
    {
        **opaque("type index"),
        "message": _ANSWER,
        "content_block": node(_ANSWERED_FIELDS, enter=_begun),
        "delta": node(
            {
                **_NAMES,
                **_TEXTS,
                "partial_json": arguments(),
                "stop_reason": FINAL,
                **opaque("stop_sequence container"),
            },
            enter=same_place,
        ),
        "usage": COUNTS,
    },
    enter=_indexed,
)


def _ends(reader: Reader, document: Any, found: Found, name: str) -> Ends | None:
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "content_block_stop":
        return Ends(lanes=reader.at(_block_of(document)))
    if kind == "message_stop":
        return Ends(is_all=True)
    return Ends(choices=frozenset({0})) if kind == "message_delta" and found.is_final else None


# -- how it stops -----------------------------------------------------------------------------------------------------


class _Voice:
    """Knows which blocks are open, and what was counted."""

    def __init__(self, asked: AnswerOptions) -> None:
        self._open: set[int] = set()
        self._next = 0
        self._counted = 0
        self._chars = 0

    def heard(self, document: Any, name: str) -> None:
        """Note the block that a frame opens, closes or goes on with, and how much was said."""
        if not isinstance(document, dict):
            return
        index, kind = document.get("index"), document.get("type")
        if type(index) is int:
            if kind == "content_block_stop":
                self._open.discard(index)
            elif index not in self._open:
                self._open.add(index)
                self._next = max(self._next, index + 1)
        delta = document.get("delta")
        if isinstance(delta, dict):
            for each in delta.values():
                self._chars += len(each) if type(each) is str else 0
        if "usage" in document or "message" in document:
            self._counted = max(self._counted, _output_tokens(document), _output_tokens(document.get("message")))

    def end(self, lane: Lane, key: Key, message: str) -> list[NewFrame]:
        """Close the blocks that are open, say the message in a block of its own, and stop with the reason `refusal`."""
        frames = [_frame("content_block_stop", index=index) for index in sorted(self._open)]
        self._open.clear()
        if message:
            frames += _block(self._next, message)
        said = tokens_of(self._chars + len(message))
        end = {"stop_reason": REFUSED, "stop_sequence": None}
        return [*frames, _frame("message_delta", delta=end, usage={"output_tokens": max(self._counted, said)})]

    def close(self) -> list[NewFrame]:
        """The last event."""
        return [_frame("message_stop")]


def _output_tokens(document: Any) -> int:
    usage = document.get("usage") if isinstance(document, dict) else None
    counted = usage.get("output_tokens") if isinstance(usage, dict) else None
    return counted if type(counted) is int else 0


def _block(index: int, message: str) -> list[NewFrame]:
    return [
        _frame("content_block_start", index=index, content_block={"type": "text", "text": ""}),
        _frame("content_block_delta", index=index, delta={"type": "text_delta", "text": message}),
        _frame("content_block_stop", index=index),
    ]


def _frame(kind: str, **fields: Any) -> NewFrame:
    return NewFrame(encode({"type": kind, **fields}), kind)


def _stopped(document: Any, choice: int, message: str, unspoken: frozenset[Path]) -> Mapping[Path, Any]:
    """The blocks before the place but for calls, and one with the message; the stop reason `refusal`.

    A call would be run, and its result taken to the model: what was stopped would go on.
    """
    kept = spoken(at(document, "content"), ("content",), unspoken)
    blocks = [each for each in kept if each.get("type") != "tool_use"]
    said = [{"type": "text", "text": message}] if message else []
    return {("content",): [*blocks, *said], ("stop_reason",): REFUSED}


def message_of(unanswered: Unanswered) -> tuple[dict[str, Any], NewFrame]:
    """A message without a block, and the event with which it begins."""
    message: dict[str, Any] = {
        "id": f"msg_{unanswered.number}",
        "type": "message",
        "role": "assistant",
        "model": unanswered.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    }
    return message, _frame("message_start", message=message)


def _opening(unanswered: Unanswered) -> Opening | None:
    """What counts tokens says nothing."""
    if unanswered.path.endswith("/count_tokens"):
        return None
    message, begins = message_of(unanswered)
    if unanswered.path.endswith(":streamRawPredict"):
        return Opening(Format.SSE, frames=(begins,))
    return opened(unanswered, message, begins)


def refusal(message: str, rule: str = "") -> tuple[int, bytes]:
    """The error that Anthropic's clients raise as `BadRequestError`."""
    return 400, encode({"type": "error", "error": {"type": "invalid_request_error", "message": message}})


def failure(status: int, message: str) -> bytes:
    """Anthropic's error object."""
    return encode({"type": "error", "error": {"type": _FAILURES.get(status, "api_error"), "message": message}})


def too_long(message: str) -> tuple[int, bytes]:
    """What Anthropic says of a request that has too many bytes, in the words for one with too many tokens."""
    return 413, failure(413, f"prompt is too long: {message}")


def fits(document: Any) -> bool:
    """Whether a request has messages."""
    return isinstance(document, dict) and isinstance(document.get("messages"), list)


def _is_unsigned(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "thinking" and block.get("signature") == ""


def _as_text(thought: Any) -> dict[str, Any]:
    return {"type": "text", "text": thought["thinking"]}


def _usage(document: Any) -> Usage | None:
    """What an answer counts, or a stream's first and later events. What the cache gave or took is counted apart."""
    counted = at(document, "message", "usage") or at(document, "usage")
    cached, written = count_of(counted, "cache_read_input_tokens"), count_of(counted, "cache_creation_input_tokens")
    return told(
        input_tokens=total_of(count_of(counted, "input_tokens"), cached, written),
        output_tokens=count_of(counted, "output_tokens"),
        cached_tokens=cached,
        cache_written_tokens=written,
    )


SHAPE = Shape(
    name="anthropic-messages",
    title="Anthropic Messages",
    provider="anthropic",
    paths=(
        r"(^|/v1)/messages(/count_tokens)?$",
        r"/publishers/anthropic/models/[^/]+:(rawPredict|streamRawPredict)$",
    ),
    fits=fits,
    request=_REQUEST,
    advised=lambda document, note: in_field(document, "system", note, beside="messages"),
    response=_ANSWER,
    event=_EVENT,
    ends=_ends,
    voice=_Voice,
    usage=_usage,
    stopped=_stopped,
    opening=_opening,
    mended=lambda document: without_unsigned(document, _is_unsigned, _as_text),
    refusal=refusal,
    failure=failure,
    too_long=too_long,
    is_chat=True,
)
