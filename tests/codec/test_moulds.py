"""Frames that are as the one before them but for their text: read without taking them apart, and no otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.codec import moulds
from sidecar.codec.body import StreamedAnswer
from sidecar.codec.catalogue import SHAPES
from sidecar.codec.eventstream import EventStream
from sidecar.codec.formats import Format
from sidecar.codec.jsontext import loads
from sidecar.codec.shape import AnswerOptions
from sidecar.codec.weave import Fed, LaneEnd, Text
from sidecar.values import Blocked, Redaction, Release

STARS = "**"
TEXTS = ("Hello", " wörld", "漢", "secret", 'a "quote"', "\\", "", "\n", "{", "\U0001f600", " ", "data: x", "\x7f")


def chat(delta: dict[str, Any], *, number: int = 0, created: float = 1, **more: Any) -> bytes:
    choice = {"index": number, "delta": delta, "finish_reason": None}
    head = {"id": "c1", "object": "chat.completion.chunk", "created": created, "model": "m"}
    chunk = {**head, "choices": [choice], **more}
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


def block(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more}, ensure_ascii=False)}\n\n".encode()


def said(text: str, index: int = 0) -> bytes:
    return block("content_block_delta", index=index, delta={"type": "text_delta", "text": text})


def told(text: str, number: int) -> bytes:
    more = {"item_id": "m", "output_index": 0, "content_index": 0, "sequence_number": number, "logprobs": []}
    return block("response.output_text.delta", delta=text, **more)


PADDING = ("", "a", "abcdefgh", "2026-01-01T00:00:00.5Z", 'a"b', "\\", "\n", "ö", "\x7f", '","p":"')
RESPONSES = (
    block("response.created", sequence_number=0, response={"id": "r", "output": [], "status": "in_progress"}),
    block("response.output_text.delta", delta="x", output_index=0, content_index=1, sequence_number=-1),
    block("response.output_text.delta", delta="x", output_index=0, content_index=0, sequence_number=1.5),
    block("response.reasoning_text.delta", delta="so", output_index=1, content_index=0, sequence_number=7),
    block("response.function_call_arguments.delta", delta='{"a":', output_index=2, sequence_number=8),
    block("response.output_text.done", text="Hello", output_index=0, content_index=0, sequence_number=9),
)
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


def made(text: Any, at: Any, *, key: str = "content", done: bool = False) -> bytes:
    document = {"model": "m", "created_at": at, "message": {"role": "assistant", key: text}, "done": done}
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"


def padded(text: str, padding: Any, *, kind: str = "contentBlockDelta", index: int = 0, **more: Any) -> bytes:
    document = {"contentBlockIndex": index, "delta": {"text": text}, "p": padding, **more}
    return EventStream(max_bytes=1 << 16).build(json.dumps(document, ensure_ascii=False).encode(), kind)


LINES = (
    made("thus", "2026-01-01T00:00:00Z", key="thinking"),
    made("so", 7),
    made("so", {"then": "now"}),
    made("so", "\\"),
    made("", "2026-01-01T00:00:09Z", done=True),
    b'{"model":"m","created_at":"\xff","message":{"role":"assistant","content":"x"},"done":false}\n',
    b'{"created_at":"a","message":{"content":"x"},"created_at":"b","done":false}\n',
    b"\n",
)
CONVERSE = (
    padded("other", "abc", index=1),
    padded("x", 7),
    padded("x", ["abc"]),
    padded("x", "ab", kind="contentBlockStart"),
    padded("x", "ab", more="and this"),
    EventStream(max_bytes=1 << 16).build(b'{"contentBlockIndex":0,"p":"abcd"}', "contentBlockStop"),
    EventStream(max_bytes=1 << 16).build(b'{"stopReason":"end_turn","p":"ab"}', "messageStop"),
)


FORMATS = {"ollama": Format.LINES, "bedrock-converse": Format.EVENT_STREAM}
"""By shape, how its frames are cut, where not as server-sent events."""
OTHERS = {
    "ollama": LINES,
    "bedrock-converse": CONVERSE,
    "openai-chat": CHAT,
    "anthropic-messages": MESSAGES,
    "openai-responses": RESPONSES,
}
"""By shape, what comes between texts."""


@st.composite
def streams(draw: st.DrawFn) -> tuple[str, list[bytes]]:
    """Runs of like frames, with all kinds of others between them."""
    shape = draw(st.sampled_from([*OTHERS]))
    frames: list[bytes] = []
    for _ in range(draw(st.integers(1, 4))):
        more = {"obfuscation": "x"} if draw(st.booleans()) else {}
        for text in draw(st.lists(st.sampled_from(TEXTS), max_size=6)):
            filler: dict[str, Any] = {key: draw(st.sampled_from(["a", "bcd", "\\"])) for key in more}
            if shape == "openai-chat":
                frames.append(chat({"content": text}, created=draw(st.sampled_from([1, 20, -1, 0.5])), **filler))
            elif shape in FORMATS:
                frames.append((made if shape == "ollama" else padded)(text, draw(st.sampled_from(PADDING))))
            else:
                frames.append(said(text) if shape == "anthropic-messages" else told(text, len(frames)))
        frames += draw(st.lists(st.sampled_from(OTHERS[shape]), max_size=2))
    return shape, frames


def outcome(
    shape: str, frames: Sequence[bytes], *, stops_at: int | None, is_json: bool = False
) -> tuple[list[Fed], list[bytes], object, bool]:
    """What is fed, and what leaves, where `secret` is replaced, and a text maybe stopped."""
    own = next(each for each in SHAPES if each.name == shape)
    asked = AnswerOptions(is_json=is_json, wants_usage=True)
    body = StreamedAnswer(own, FORMATS.get(shape, Format.SSE), max_frame_bytes=1 << 16, asked=asked)
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


def ran(output: str) -> bytes:
    part = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": output}}
    return f"data: {json.dumps({'candidates': [{'content': {'role': 'model', 'parts': [part]}}]})}\n\n".encode()


@pytest.mark.parametrize(
    ("shape", "frames"),
    (
        ("gemini", [ran(output) for output in ("so", "thus", "secret", "so")]),
        ("openai-chat", [chat({"content": "a"}, obfuscation=filler) for filler in ("zz", "ö", "zz")]),
        ("openai-chat", [chat({"content": "a"}, obfuscation="zz").replace(b"zz", each) for each in (b"y", b"\xff")]),
        ("openai-chat", [chat({"content": "a"}), chat({"content": "a"})[:-3] + b" }\n\n", chat({"content": "b"})]),
        ("openai-responses", [told("a", 7), told("a", 7).replace(b" 7,", b" 07,"), told("b", 9)]),
    ),
)
def test_a_frame_that_only_looks_like_the_one_before_is_read_as_it_would_be_without(
    shape: str, frames: Sequence[bytes]
) -> None:
    moulded = outcome(shape, frames, stops_at=None)
    with patch.object(moulds, "_MOST_IN_VAIN", 0):
        assert moulded == outcome(shape, frames, stops_at=None)


def late(frames: Sequence[bytes]) -> bytes:
    """What leaves where the text of the last frame's lane is let out before all others."""
    own = next(each for each in SHAPES if each.name == "openai-chat")
    body = StreamedAnswer(own, Format.SSE, max_frame_bytes=1 << 16)
    texts = [each for frame in frames for each in body.feed(frame) if isinstance(each, Text)]
    body.take(released(texts[-1], 0, len(texts[-1].text)))
    out = body.ready()
    for at, each in enumerate(texts[:-1]):
        body.take(released(each, at, at + 1))
    body.flush()
    return out + body.ready()


def test_text_that_leaves_late_has_the_filler_of_its_own_frame() -> None:
    thoughts = [chat({"reasoning_content": text}, obfuscation=text * 3) for text in "abc"]
    moulded = late([*thoughts, chat({"content": "d"})])
    with patch.object(moulds, "_MOST_IN_VAIN", 0):
        assert moulded == late([*thoughts, chat({"content": "d"})])
    assert b'"ccc"' in moulded.partition(b'"content"')[2]


def test_an_upstream_s_frames_are_not_compiled() -> None:
    with patch.object(re, "compile", wraps=re.compile) as compiling:
        outcome(
            "openai-chat", [chat({"content": text}, system_fingerprint="x{" * 9000) for text in "ab"], stops_at=None
        )
    assert not compiling.called


def test_a_call_is_over_where_text_follows_that_is_as_the_text_before_it() -> None:
    spoken = chat({"content": "a"})
    fed, *_ = outcome("openai-chat", [spoken, spoken, *CHAT[5:7], spoken, spoken], stops_at=None)
    calls = [at for at, each in enumerate(fed) if isinstance(each, LaneEnd)]
    assert [each.text for each in fed[calls[-1] :] if isinstance(each, Text)] == ["a", "a"]


def test_a_stop_behind_numbered_frames_has_the_next_number() -> None:
    _, out, *_ = outcome("openai-responses", [told(text, 7 + at) for at, text in enumerate("abcd")], stops_at=3)
    numbers = [int(each) for each in re.findall(rb'"sequence_number": ?(\d+)', b"".join(out))]
    assert numbers == [*range(7, 7 + len(numbers))]


@pytest.mark.parametrize(
    ("shape", "frames", "parsed"),
    (
        ("openai-chat", [chat({"content": text}) for text in ("a", "b", "ö", " d")], 1),
        ("openai-chat", [chat({"content": text}, obfuscation=text * 3) for text in ("a", "b", "c")], 1),
        ("openai-chat", [chat({"content": text}) for text in ("a", '"', "b", "c")], 2),
        ("openai-chat", [chat({"content": text}, id=text) for text in ("a", "b", "c")], 3),
        ("openai-chat", [chat({"content": "a"}), *[chat({"content": "b"}, number=1)] * 2], 2),
        ("anthropic-messages", [said(text) for text in "abc"], 1),
        ("anthropic-messages", [said("a"), said("b", index=1), said("c", index=1)], 2),
        ("openai-responses", [told(text, 7 + number) for number, text in enumerate("abc")], 1),
        ("openai-chat", [chat({"content": text}, created=number) for number, text in enumerate("abc")], 1),
        ("ollama", [made(text, f"2026-01-01T00:00:0{number}Z") for number, text in enumerate("abc")], 1),
        ("ollama", [made(text, number) for number, text in enumerate("abc")], 3),
        ("bedrock-converse", [padded(text, text * 5) for text in "abc"], 1),
        ("bedrock-converse", [padded("a", "b"), padded("a", "ö"), padded("c", "d")], 2),
    ),
)
def test_a_document_is_parsed_once_for_those_that_are_like_it(shape: str, frames: Sequence[bytes], parsed: int) -> None:
    with patch("sidecar.codec.body._loads", wraps=loads) as parsing:
        outcome(shape, frames, stops_at=None)
    assert parsing.call_count == parsed


def test_no_moulds_are_made_for_an_answer_of_which_no_frame_fits() -> None:
    frames = [chat({"content": "a"}, id=str(number)) for number in range(40)]
    with patch.object(moulds, "Mould", wraps=moulds.Mould) as made:
        outcome("openai-chat", frames, stops_at=None)
    assert made.call_count == moulds._MOST_IN_VAIN
