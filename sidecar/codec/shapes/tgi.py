"""Hugging Face Text Generation Inference: `/generate` and `/generate_stream`. There is one choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.codec.jsontext import Path
from sidecar.codec.places import Found, Key, Kind, Node, Reader, Scope, node, opaque, repeat, text
from sidecar.codec.shape import AnswerOptions, NewFrame, Shape, at, encode
from sidecar.codec.weave import Ends
from sidecar.usage import Usage, count_of, told
from sidecar.values import Channel, Lane

_OVERLOADED = 503
_ECHOED = Node(Kind.ECHO, emptied="null")


def _one_text(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """The generated text, whole or token by token, stands at one place."""
    reader.choice(0)
    return scope.named(path, "generated")


_REQUEST = node({"inputs": text(), **opaque("model stream")})
_ONE = node({"generated_text": text(enter=_one_text), "details": _ECHOED})


def _answer(value: Any) -> Node:
    return node(each=_ONE) if isinstance(value, list) else _ONE


def _token(value: Any) -> Node:
    """A token; special ones are no part of the text, and are read by themselves."""
    is_special = isinstance(value, dict) and value.get("special")
    said = text() if is_special else text(enter=_one_text)
    return node({"text": said, "id": _ECHOED, **opaque("logprob special")})


_EVENT = node(
    {
        "token": Node(select=_token),
        "generated_text": repeat(Channel.CONTENT, enter=_one_text),
        "details": _ECHOED,
        "top_tokens": _ECHOED,
        "index": Node(Kind.OPAQUE),
    },
)


def _ends(reader: Reader, document: Any, found: Found, name: str) -> Ends | None:
    is_over = isinstance(document, dict) and isinstance(document.get("generated_text"), str)
    return Ends(choices=frozenset({0})) if is_over else None


class _Voice:
    """Says the message as a last token, with all that was said."""

    def __init__(self, asked: AnswerOptions) -> None:
        self._said: list[str] = []
        self._tokens = 0

    def heard(self, document: Any, name: str) -> None:
        """Keep what was said."""
        token = document.get("token") if isinstance(document, dict) else None
        if isinstance(token, dict) and not token.get("special"):
            self._said.append(str(token.get("text") or ""))
            self._tokens += 1

    def end(self, lane: Lane, key: Key, message: str) -> list[NewFrame]:
        """The message as a last token; the generated text is the sum of the tokens."""
        token = {"id": 0, "text": message, "logprob": 0.0, "special": False}
        details = {"finish_reason": "stop_sequence", "generated_tokens": self._tokens + 1, "seed": None}
        last = {"index": self._tokens + 1, "token": token, "generated_text": "".join((*self._said, message))}
        return [NewFrame(encode({**last, "details": details}))]

    def close(self) -> list[NewFrame]:
        """Nothing: the last token was the end."""
        return []


def _stopped(document: Any, choice: int, message: str, unspoken: frozenset[Path]) -> Mapping[Path, Any]:
    if isinstance(document, list):
        return {(): [_said(each, message) if isinstance(each, dict) else each for each in document]}
    return {(): _said(document, message)}


def _said(answer: Any, message: str) -> dict[str, Any]:
    return {"generated_text": str(at(answer, "generated_text") or "") + message}


def _failure(status: int, message: str) -> bytes:
    return encode({"error": message, "error_type": "overloaded" if status == _OVERLOADED else "validation"})


def _too_long(message: str) -> tuple[int, bytes]:
    said = f"Input validation error: `inputs` tokens + `max_new_tokens` must be within the limit: {message}"
    return 422, _failure(422, said)


def _usage(document: Any) -> Usage | None:
    """What the details count. The prompt's tokens are told in streams, and else where they are listed."""
    details = at(document[0] if isinstance(document, list) and document else document, "details")
    listed = at(details, "prefill")
    before = len(listed) if isinstance(listed, list) and listed else count_of(details, "input_length")
    return told(input_tokens=before, output_tokens=count_of(details, "generated_tokens"))


SHAPE = Shape(
    name="tgi",
    title="Text Generation Inference",
    provider="huggingface",
    operation="text_completion",
    paths=(r"/generate(_stream)?$",),
    fits=lambda document: isinstance(document, dict) and isinstance(document.get("inputs"), str),
    request=_REQUEST,
    response=Node(select=_answer),
    event=_EVENT,
    ends=_ends,
    voice=_Voice,
    usage=_usage,
    stopped=_stopped,
    refusal=lambda message, _: (422, encode({"error": message, "error_type": "content_filter"})),
    failure=_failure,
    too_long=_too_long,
)
