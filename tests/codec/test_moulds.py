"""Frames that are as the one before them but for their text: read without taking them apart, and no otherwise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.codec import moulds
from sidecar.codec.body import StreamedAnswer
from sidecar.codec.catalogue import SHAPES
from sidecar.codec.formats import Format
from sidecar.codec.jsontext import loads
from sidecar.codec.shape import AnswerOptions
from sidecar.codec.weave import Fed, Text
from sidecar.values import Blocked, Redaction, Release

STARS = "**"
TEXTS = ("Hello", " wörld", "漢", "secret", 'a "quote"', "\\", "", "\n", "{", "\U0001f600", " ", "data: x", "\x7f")


def chat(delta: dict[str, Any], *, number: int = 0, **more: Any) -> bytes:
    choice = {"index": number, "delta": delta, "finish_reason": None}
    chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


def block(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more}, ensure_ascii=False)}\n\n".encode()


def said(text: str, index: int = 0) -> bytes:
    return block("content_block_delta", index=index, delta={"type": "text_delta", "text": text})


CHAT = (
    chat({"role": "assistant", "content": ""}),
    chat({"content": "other"}, number=1),
    chat({"reasoning_content": "thus"}),
    chat({"content": "more", "refusal": "no"}),
    chat({"content": "counted"}, usage={"completion_tokens": 3}),
    chat({"tool_calls": [{"index": 0, "id": "x", "function": {"name": "look", "arguments": ""}}]}),
    chat({"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]}),
    b": ping\n\n",
    b"data: no JSON\n\n",
    b'data: {"choices":[{"index":0,"delta":{"content":"\xff"}}]}\n\n',
    chat({"content": "last"}).replace(b'"finish_reason": null', b'"finish_reason": "stop"'),
    b"data: [DONE]\n\n",
)
MESSAGES = (
    block("message_start", message={"id": "m", "role": "assistant", "content": [], "usage": {"output_tokens": 1}}),
    block("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    block("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "so"}),
    block("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": '{"a":'}),
    block("content_block_stop", index=0),
    block("ping"),
    block("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9}),
    block("message_stop"),
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[str, list[bytes]]:
    """Runs of like frames, with all kinds of others between them."""
    shape = draw(st.sampled_from(["openai-chat", "anthropic-messages"]))
    others = CHAT if shape == "openai-chat" else MESSAGES
    frames: list[bytes] = []
    for _ in range(draw(st.integers(1, 4))):
        more = {"obfuscation": "x"} if draw(st.booleans()) else {}
        for text in draw(st.lists(st.sampled_from(TEXTS), max_size=6)):
            filler: dict[str, Any] = {key: draw(st.sampled_from(["a", "bcd", "\\"])) for key in more}
            frames.append(chat({"content": text}, **filler) if shape == "openai-chat" else said(text))
        frames += draw(st.lists(st.sampled_from(others), max_size=2))
    return shape, frames


def outcome(shape: str, frames: Sequence[bytes], *, stops_at: int | None, is_json: bool = False) -> object:
    """What is fed, and what leaves, where `secret` is replaced, and a text maybe stopped."""
    own = next(each for each in SHAPES if each.name == shape)
    asked = AnswerOptions(is_json=is_json, wants_usage=True)
    body = StreamedAnswer(own, Format.SSE, max_frame_bytes=1 << 16, asked=asked)
    fed, out, ends = list[Fed](), list[bytes](), dict[object, int]()
    try:
        for number, frame in enumerate((*frames, b"")):
            for each in body.feed(frame) if frame else body.finish():
                fed.append(each)
                if isinstance(each, Text):
                    start = ends.get(each.lane, 0)
                    ends[each.lane] = end = start + len(each.text)
                    body.take(released(each, start, end))
                    if number == stops_at:
                        body.take(Blocked(each.lane, 0, end, "stopped", "FLAG", ""))
            out.append(body.ready())
        body.flush()
    except ValueError as error:
        out.append(type(error).__name__.encode())
    return fed, [*out, body.ready()], body.usage, body.is_over


def released(text: Text, start: int, end: int) -> Release:
    if text.text != "secret":
        return Release(text.lane, text.text, start, end)
    return Release(text.lane, STARS, start, end, (), (Redaction(0, "SECRET", start, end, 0, len(STARS)),))


@given(streams(), st.none() | st.integers(0, 12), st.booleans())
def test_what_fits_a_mould_is_read_as_it_would_be_without(
    stream: tuple[str, list[bytes]], stops_at: int | None, is_json: bool
) -> None:
    moulded = outcome(*stream, stops_at=stops_at, is_json=is_json)
    with patch.object(moulds, "_MOST_IN_VAIN", 0):
        assert moulded == outcome(*stream, stops_at=stops_at, is_json=is_json)


@pytest.mark.parametrize(
    ("frames", "parsed"),
    (
        ([chat({"content": text}) for text in ("a", "b", "ö", " d")], 1),
        ([chat({"content": text}, obfuscation=text * 3) for text in ("a", "b", "c")], 1),
        ([chat({"content": text}) for text in ("a", '"', "b", "c")], 2),
        ([chat({"content": text}, id=text) for text in ("a", "b", "c")], 3),
        ([chat({"content": "a"}), *[chat({"content": "b"}, number=1)] * 2], 2),
    ),
)
def test_a_document_is_parsed_once_for_those_that_are_like_it(frames: Sequence[bytes], parsed: int) -> None:
    with patch("sidecar.codec.body.loads", wraps=loads) as parsing:
        outcome("openai-chat", frames, stops_at=None)
    assert parsing.call_count == parsed


def test_no_moulds_are_made_for_an_answer_of_which_no_frame_fits() -> None:
    frames = [chat({"content": "a"}, id=str(number)) for number in range(40)]
    with patch.object(moulds, "Mould", wraps=moulds.Mould) as made:
        outcome("openai-chat", frames, stops_at=None)
    assert made.call_count == moulds._MOST_IN_VAIN
