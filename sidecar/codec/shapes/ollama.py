"""Ollama's own API, `/api/chat` and `/api/generate`: newline-delimited JSON. There is one choice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sidecar.codec.advice import in_field, in_messages
from sidecar.codec.formats import Format
from sidecar.codec.jsontext import Path
from sidecar.codec.places import (
    BASE64,
    COUNTS,
    FINAL,
    LOGPROBS,
    OPAQUE,
    TOKENS,
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
    numbered_scope,
)
from sidecar.codec.weave import Ends
from sidecar.usage import Usage, count_of, told
from sidecar.values import Channel, Lane, Part

FILTERED = "content_filter"

_FUNCTION = node(
    {"name": text(Channel.TOOL_ARGUMENTS, is_whole=True), "arguments": arguments(), "index": OPAQUE},
    channel=Channel.TOOL_ARGUMENTS,
)
_CALL = node({"function": _FUNCTION, **opaque("id type")}, enter=numbered_scope("tool_calls"))
_MESSAGE_FIELDS: Mapping[str, Node] = {
    "role": OPAQUE,
    "content": text(),
    "thinking": text(Channel.REASONING),
    "tool_calls": node(each=_CALL, channel=Channel.TOOL_ARGUMENTS),
    "images": node(each=BASE64),
}


def _one_choice(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    reader.choice(0)
    return scope


_ANSWER = node(
    {
        **opaque("model created_at remote_model remote_host done"),
        "message": node(_MESSAGE_FIELDS),
        "response": text(),
        "thinking": text(Channel.REASONING),
        "done_reason": FINAL,
        "context": TOKENS,
        "logprobs": LOGPROBS,
        **dict.fromkeys(
            (
                "total_duration",
                "load_duration",
                "prompt_eval_count",
                "prompt_eval_duration",
                "eval_count",
                "eval_duration",
            ),
            COUNTS,
        ),
    },
    enter=_one_choice,
)

_REQUEST = node(
    {
        **opaque("model keep_alive think"),
        "images": node(each=BASE64),
        "system": text(part=Part.SYSTEM),
        "template": text(part=Part.SYSTEM),
        "prompt": text(),
        "suffix": text(),
        "messages": node(each=node({**_MESSAGE_FIELDS, "tool_name": text()}, enter=message_scope)),
        "tools": definitions(),
        "format": Node(Kind.JSON, channel=Channel.CONTENT, part=Part.SYSTEM),
        "context": OPAQUE,
    }
)


def _ends(reader: Reader, document: Any, found: Found, name: str) -> Ends | None:
    is_done = isinstance(document, dict) and document.get("done") is True
    return Ends(choices=frozenset({0})) if is_done else None


class _Voice:
    """Says the message in an object that says `done`."""

    def __init__(self, asked: AnswerOptions) -> None:
        self._known: dict[str, Any] = {}
        self._is_chat = True

    def heard(self, document: Any, name: str) -> None:
        """Keep what names the answer, and which of the two it is."""
        if isinstance(document, dict):
            self._known |= {key: document[key] for key in ("model", "created_at") if key in document}
            self._is_chat = "response" not in document

    def end(self, lane: Lane, key: Key, message: str) -> list[NewFrame]:
        """The last object."""
        said = {"message": {"role": "assistant", "content": message}} if self._is_chat else {"response": message}
        return [NewFrame(encode({**self._known, **said, "done": True, "done_reason": FILTERED}))]

    def close(self) -> list[NewFrame]:
        """Nothing: the object that says `done` was the last."""
        return []


def _stopped(document: Any, choice: int, message: str, unspoken: frozenset[Path]) -> Mapping[Path, Any]:
    changes: dict[Path, Any] = {("done_reason",): FILTERED, ("context",): None}
    found, said = at(document, "message"), at(document, "response")
    if isinstance(found, dict):
        kept = {key: found[key] for key in ("role", "thinking") if key in found}
        changes["message",] = {**kept, "content": str(found.get("content") or "") + message}
    elif isinstance(said, str):
        changes["response",] = said + message
    return changes


def _opening(unanswered: Unanswered) -> Opening | None:
    """The assistant's role, and no word yet. A stream is what is not declined; a completion is no turn of a chat."""
    if not unanswered.path.endswith("/api/chat"):
        return None
    created = datetime.fromtimestamp(unanswered.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    begun = {"model": unanswered.model, "created_at": created, "message": {"role": "assistant", "content": ""}}
    if at(unanswered.document, "stream") is False:
        return Opening(Format.JSON, {**begun, "done": True, "done_reason": FILTERED})
    return Opening(Format.LINES, frames=(NewFrame(encode({**begun, "done": False})),))


def _fits(document: Any) -> bool:
    """Without messages or prompt, Ollama only loads the model."""
    if not isinstance(document, dict):
        return False
    return isinstance(document.get("prompt", ""), str) and isinstance(document.get("messages", []), list)


def _failure(status: int, message: str) -> bytes:
    return encode({"error": message})


def _usage(document: Any) -> Usage | None:
    """What an answer or the last frame counts; a prompt that was kept whole is not counted again."""
    return told(input_tokens=count_of(document, "prompt_eval_count"), output_tokens=count_of(document, "eval_count"))


SHAPE = Shape(
    name="ollama",
    title="Ollama",
    provider="ollama",
    paths=(r"/api/(chat|generate)$",),
    fits=_fits,
    request=_REQUEST,
    advised=lambda document, note: in_messages(document, note) or in_field(document, "system", note, beside="prompt"),
    response=_ANSWER,
    event=_ANSWER,
    ends=_ends,
    voice=_Voice,
    usage=_usage,
    stopped=_stopped,
    opening=_opening,
    refusal=lambda message, _: (400, encode({"error": message})),
    failure=_failure,
    too_long=lambda message: (400, _failure(400, f"prompt too long; exceeded max context length: {message}")),
    wants_json=lambda document: isinstance(document, dict) and bool(document.get("format")),
    is_reopened=True,
    is_chat=True,
)
