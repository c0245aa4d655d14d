"""Amazon Bedrock's Converse and ConverseStream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and `..._ConverseStream.html`.
There is one choice. A stream is AWS's event stream; what an event is stands in its headers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sidecar.codec.advice import Placed, bare_block, in_field
from sidecar.codec.formats import Format
from sidecar.codec.jsontext import Path
from sidecar.codec.places import (
    BASE64,
    COUNTS,
    FINAL,
    OPAQUE,
    SIGNATURE,
    Found,
    Key,
    Kind,
    Node,
    Reader,
    Scope,
    arguments,
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
    same_place,
    spoken,
    without_unsigned,
)
from sidecar.codec.shapes import anthropic
from sidecar.codec.weave import Ends
from sidecar.usage import Usage, count_of, told, total_of
from sidecar.values import Channel, Lane, Part, tokens_of

FILTERED = "guardrail_intervened"
"""The stop reason for an answer that a policy stopped: Bedrock's own word for it."""

# -- where there is text ----------------------------------------------------------------------------------------------

_SOURCE = node({"bytes": BASE64, "text": text(), "s3Location": OPAQUE})
_MEDIA: Mapping[str, Node] = {
    **dict.fromkeys(("image", "video", "audio"), node({"format": OPAQUE, "source": _SOURCE})),
    "cachePoint": OPAQUE,
}
_DOCUMENT = node({"format": OPAQUE, "source": _SOURCE, "citations": OPAQUE}, part=Part.CONTEXT, channel=Channel.CONTENT)
_READ: Mapping[str, Node] = {
    "document": _DOCUMENT,
    "searchResult": node(
        {"content": node(each=node({"text": text()})), "citations": OPAQUE}, part=Part.CONTEXT, channel=Channel.CONTENT
    ),
}
_RESULT_CONTENT = node({"text": text(), "json": Node(Kind.JSON, channel=Channel.CONTENT), **_READ, **_MEDIA})
_REASONING = node(
    {
        "reasoningText": node({"text": text(Channel.REASONING), "signature": SIGNATURE}),
        "text": text(Channel.REASONING),
        "signature": SIGNATURE,
        "redactedContent": OPAQUE,
    }
)
_BLOCK_FIELDS: Mapping[str, Node] = {
    "text": text(),
    **_MEDIA,
    **_READ,
    "toolUse": node(
        {**opaque("toolUseId type"), "name": text(Channel.TOOL_ARGUMENTS, is_whole=True), "input": arguments()},
        channel=Channel.TOOL_ARGUMENTS,
    ),
    "toolResult": node(
        {**opaque("toolUseId status type"), "content": node(each=_RESULT_CONTENT)},
        part=Part.TOOL_RESULT,
        channel=Channel.CONTENT,
    ),
    "guardContent": node({"text": node({"text": text(), "qualifiers": OPAQUE}), "image": _MEDIA["image"]}),
    "reasoningContent": _REASONING,
    "citationsContent": node({"content": node(each=node({"text": text()}))}),
}

_TOOL = node({"toolSpec": Node(Kind.JSON, channel=Channel.CONTENT, part=Part.TOOL_DEFINITION), "cachePoint": OPAQUE})

_REQUEST = node(
    {
        "messages": node(each=node({"role": OPAQUE, "content": node(each=node(_BLOCK_FIELDS))}, enter=message_scope)),
        "system": node(each=node(_BLOCK_FIELDS), part=Part.SYSTEM),
        "toolConfig": node({"tools": node(each=_TOOL), "toolChoice": OPAQUE}),
        **opaque("modelId guardrailConfig performanceConfig serviceTier"),
    }
)


def _numbered(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    reader.choice(0)
    return scope.named(path, "block", path[-1])


_ANSWER = node(
    {
        "output": node({"message": node({"role": OPAQUE, "content": node(each=node(_BLOCK_FIELDS, enter=_numbered))})}),
        "stopReason": FINAL,
        "usage": COUNTS,
        "metrics": COUNTS,
        **opaque("performanceConfig serviceTier"),
    }
)


def _indexed(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """A frame is about the block that it names."""
    reader.choice(0)
    return scope.named(path, *_block_of(value))


def _block_of(document: Any) -> Key:
    told = document.get("contentBlockIndex") if isinstance(document, dict) else None
    return ("block", told if type(told) is int else repr(told)[:64])


_EVENT = node(
    {
        **opaque("contentBlockIndex role p"),
        "start": node(_BLOCK_FIELDS, enter=same_place),
        "delta": node(_BLOCK_FIELDS, enter=same_place),
        "stopReason": FINAL,
        "usage": COUNTS,
        "metrics": COUNTS,
        **opaque("performanceConfig serviceTier"),
    },
    enter=_indexed,
)


def _ends(reader: Reader, document: Any, found: Found, name: str) -> Ends | None:
    if name == "contentBlockStop":
        return Ends(lanes=reader.at(_block_of(document)))
    return Ends(choices=frozenset({0})) if name == "messageStop" else None


# -- how it stops -----------------------------------------------------------------------------------------------------


class _Voice:
    """Knows which blocks are open, and how much was said."""

    def __init__(self, asked: AnswerOptions) -> None:
        self._asked = asked
        self._open: set[int] = set()
        self._next = 0
        self._chars = 0

    def heard(self, document: Any, name: str) -> None:
        """Note the block that a frame opens, closes or goes on with."""
        index = document.get("contentBlockIndex") if isinstance(document, dict) else None
        if type(index) is int:
            self._next = max(self._next, index + 1)
            (self._open.discard if name == "contentBlockStop" else self._open.add)(index)
        delta = document.get("delta") if isinstance(document, dict) else None
        if isinstance(delta, dict):
            self._chars += len(str(delta.get("text") or ""))

    def end(self, lane: Lane, key: Key, message: str) -> list[NewFrame]:
        """Close the blocks that are open, say the message in a block of its own, and stop."""
        frames = [_frame("contentBlockStop", contentBlockIndex=index) for index in sorted(self._open)]
        self._open.clear()
        if message:
            said = {"text": message}
            frames += [
                _frame("contentBlockDelta", contentBlockIndex=self._next, delta=said),
                _frame("contentBlockStop", contentBlockIndex=self._next),
            ]
        before, after = tokens_of(self._asked.chars), tokens_of(self._chars + len(message))
        usage = {"inputTokens": before, "outputTokens": after, "totalTokens": before + after}
        metadata = _frame("metadata", usage=usage, metrics={"latencyMs": 0})
        return [*frames, _frame("messageStop", stopReason=FILTERED), metadata]

    def close(self) -> list[NewFrame]:
        """Nothing: the metadata were the last."""
        return []


def _frame(kind: str, **fields: Any) -> NewFrame:
    return NewFrame(encode(fields), kind)


def _stopped(document: Any, choice: int, message: str, unspoken: frozenset[Path]) -> Mapping[Path, Any]:
    """The blocks before the place but for calls, which would be run, and one with the message."""
    path = ("output", "message", "content")
    kept = [each for each in spoken(at(document, *path), path, unspoken) if "toolUse" not in each]
    content = [*kept, {"text": message}] if message else kept
    return {path: content, ("stopReason",): FILTERED}


def _opening(unanswered: Unanswered) -> Opening:
    """The assistant's role, and no block yet."""
    if unanswered.path.endswith("-stream"):
        return Opening(Format.EVENT_STREAM, frames=(_frame("messageStart", role="assistant"),))
    usage = {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}
    message = {"output": {"message": {"role": "assistant", "content": []}}, "stopReason": FILTERED}
    return Opening(Format.JSON, {**message, "usage": usage, "metrics": {"latencyMs": 0}})


def _opening_of_model(unanswered: Unanswered) -> Opening:
    """Anthropic's message, or its events in AWS's frames."""
    message, begins = anthropic.message_of(unanswered)
    if unanswered.path.endswith("-stream"):
        return Opening(Format.EVENT_STREAM, frames=(begins,), is_wrapped=True)
    return Opening(Format.JSON, message)


_CODES: Mapping[int, str] = {
    400: "ValidationException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    413: "ValidationException",
    503: "ServiceUnavailableException",
    504: "ModelTimeoutException",
}


def _failure(status: int, message: str) -> bytes:
    """An error that AWS's clients raise by its code."""
    return encode({"message": message, "code": _CODES.get(status, "InternalServerException")})


def _refusal(message: str, rule: str = "") -> tuple[int, bytes]:
    return 400, _failure(400, message)


def _too_long(message: str) -> tuple[int, bytes]:
    return 400, _failure(400, f"Input is too long for requested model: {message}")


def _is_unsigned(block: Any) -> bool:
    said = block.get("reasoningContent") if isinstance(block, dict) else None
    signed = said.get("reasoningText") if isinstance(said, dict) else None
    return isinstance(signed, dict) and signed.get("signature") == ""


def _as_text(block: Any) -> dict[str, Any]:
    return {"text": block["reasoningContent"]["reasoningText"]["text"]}


def _advised(document: Any, note: str) -> Placed | None:
    return in_field(document, "system", note, beside="messages", block=bare_block, absent=[bare_block(note)])


def _usage(document: Any) -> Usage | None:
    """What an answer or the last frame counts. What the cache gave or took is counted apart."""
    counted = at(document, "usage")
    cached, written = count_of(counted, "cacheReadInputTokens"), count_of(counted, "cacheWriteInputTokens")
    return told(
        input_tokens=total_of(count_of(counted, "inputTokens"), cached, written),
        output_tokens=count_of(counted, "outputTokens"),
        cached_tokens=cached,
        cache_written_tokens=written,
    )


SHAPE = Shape(
    name="bedrock-converse",
    title="Amazon Bedrock Converse",
    provider="aws.bedrock",
    paths=(r"/model/[^/]+/converse(-stream)?$",),
    fits=lambda document: isinstance(document, dict) and isinstance(document.get("messages"), list),
    request=_REQUEST,
    advised=_advised,
    response=_ANSWER,
    event=_EVENT,
    ends=_ends,
    voice=_Voice,
    usage=_usage,
    stopped=_stopped,
    opening=_opening,
    mended=lambda document: without_unsigned(document, _is_unsigned, _as_text),
    refusal=_refusal,
    failure=_failure,
    too_long=_too_long,
    is_chat=True,
)

ANTHROPIC = msgspec.structs.replace(
    anthropic.SHAPE,
    name="bedrock-anthropic",
    title="Anthropic Messages on Amazon Bedrock",
    provider="aws.bedrock",
    paths=(r"/model/[^/]*anthropic[^/]*/invoke(-with-response-stream)?$",),
    opening=_opening_of_model,
    refusal=_refusal,
    failure=_failure,
    too_long=_too_long,
)
"""InvokeModel with Anthropic's bodies: its errors are AWS's, or no client of AWS shows what they say."""
