"""What hostile or broken upstreams send, each with its one outcome however the body is cut."""

from __future__ import annotations

import json
import struct
from binascii import crc32
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from sidecar.codec.body import StreamedAnswer, UnknownShapeError, WholeBody
from sidecar.codec.eventstream import BrokenFrameError, EventStream
from sidecar.codec.formats import Format
from sidecar.codec.frames import FrameTooLongError, ServerSentEvents
from sidecar.codec.jsontext import MAX_DEPTH, NotJsonError, dumps, loads
from sidecar.codec.shape import AnswerOptions, Shape, encode
from sidecar.codec.shapes import anthropic, gemini, ollama, openai_chat, openai_responses, tgi
from sidecar.core.stream import Stream
from sidecar.values import Action
from tests.codec.playing import feed, payloads, streamed, take, whole
from tests.exchanges.openai_chat import call, chunk
from tests.exchanges.wire import Exchange, written
from tests.fakes import WordScanner, plan, rule

MASKING = plan((WordScanner("secret"), [rule(Action.REDACT, rewrite=lambda *_: "#")]))
BLOCKING = plan((WordScanner("secret"), [rule(Action.BLOCK, message="Stopped.")]))
DEEP = json.loads("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2))


def chat(*frames: object) -> Exchange:
    return Exchange(openai_chat.SHAPE, "test", "stream", Format.SSE, tuple(frames))  # type: ignore[arg-type]


def cuts(data: bytes) -> Sequence[list[bytes]]:
    """The body whole, by frames, and byte by byte."""
    frames = [each + b"\n\n" for each in data.split(b"\n\n") if each]
    return [data], frames, [data[at : at + 1] for at in range(len(data))]


def test_a_comment_keeps_its_place_however_a_stream_is_cut() -> None:
    first, last = (written(Format.SSE, each) for each in (chunk({"content": "one secre"}), chunk({"content": "t two"})))
    data = first + b": ping\n\n" + last
    outs = {streamed(chat(), MASKING, pieces) for pieces in cuts(data)}
    assert len(outs) == 1
    assert b": ping" in outs.pop()


def test_what_stands_before_a_frame_that_is_no_text_leaves_however_a_stream_is_cut() -> None:
    good = written(Format.SSE, chunk({"content": "good."}))
    for pieces in cuts(good + good + b"data: \xff\xfe\n\n" + good):
        body, stream, out = StreamedAnswer(openai_chat.SHAPE, Format.SSE, max_frame_bytes=1000), Stream(MASKING), b""
        for piece in pieces:
            with suppress(UnknownShapeError):
                feed(stream, body.feed(piece))
            take(stream, body)
            out += body.ready()
        assert out == good
        with pytest.raises(UnknownShapeError):
            body.finish()


def test_a_frame_is_too_long_however_it_is_cut() -> None:
    data = b"data: " + b"x" * 100 + b"\n\n"
    for pieces in cuts(data):
        events = ServerSentEvents(max_bytes=50)
        with pytest.raises(FrameTooLongError):
            _ = [frame for piece in pieces for frame in events.feed(piece)]


def test_what_waits_behind_undecided_text_is_bounded() -> None:
    body, stream = (
        StreamedAnswer(chat().shape, Format.SSE, max_frame_bytes=1000, max_waiting_bytes=5000),
        Stream(MASKING),
    )
    silent = written(Format.SSE, chunk({}))
    for sent in range(1000):
        feed(stream, body.feed(silent))
        take(stream, body)
        assert body.ready() == silent, f"what waits for nothing does not count ({sent})"
    waiting = written(Format.SSE, chunk({"content": "4111"})) + silent * 100
    feed(stream, body.feed(waiting[:6000]))
    take(stream, body)
    assert body.ready() == b""
    with pytest.raises(FrameTooLongError, match="5000 bytes wait"):
        body.feed(waiting[6000:])


def test_a_document_too_deep_to_be_changed_is_none() -> None:
    with pytest.raises(NotJsonError):
        loads(json.dumps(DEEP))
    assert loads(json.dumps([[]] * 100)) == [[]] * 100
    with pytest.raises(UnknownShapeError):
        WholeBody(openai_chat.SHAPE, json.dumps({"x": DEEP}).encode(), is_request=False)


@pytest.mark.parametrize("odd", ['"x": 1, "x": 2, ', f'"x": {json.dumps(DEEP)}, '], ids=["a name twice", "too deep"])
def test_a_frame_that_clients_may_take_for_json_is_read_decoded(odd: str) -> None:
    frame = "{" + odd + '"choices": [{"delta": {"content": "a s\\u0065cret"}}]}'
    out = streamed(chat(), MASKING, [written(Format.SSE, frame)])
    assert json.loads(out.removeprefix(b"data: "))["choices"][0]["delta"]["content"] == "a #"


def test_a_half_of_a_character_at_the_end_of_a_stream_stays() -> None:
    data = written(Format.SSE, chunk({"content": "a\ud83d"}))
    assert streamed(chat(), MASKING, [data]) == data


def test_halves_of_characters_in_values_that_are_read_as_json_stay_beside_what_changes() -> None:
    answer = {"choices": [{"message": {"new": {"a": "\ude00", "b": "secret"}}}]}
    exchange = Exchange(openai_chat.SHAPE, "test", "answer", Format.JSON, (answer,))
    out = json.loads(whole(exchange, MASKING, json.dumps(answer).encode()))
    assert out["choices"][0]["message"]["new"] == {"a": "\ude00", "b": "#"}
    assert dumps("\ude00\u00e9") == '"\\ude00\\u00e9"'


def test_text_behind_the_end_of_a_call_without_text_is_read() -> None:
    frames = (
        chunk(call(0, "", "secret", "c1")),
        chunk({"content": "ok"}),
        "[DONE]",
        chunk(call(0, "", "secret", "c1")),
    )
    out = streamed(chat(), MASKING, [written(Format.SSE, each) for each in frames])
    assert b"secret" not in out


def test_two_elements_of_one_number_are_one_choice_and_stop_together() -> None:
    choices = [{"index": 0, "delta": {"content": each}} for each in ("good", "secret")]
    frames = ({"choices": choices}, {"choices": choices}, {"choices": [{"index": 1, "delta": {"content": "two"}}]})
    out = streamed(chat(), BLOCKING, [written(Format.SSE, each) for each in frames], asked=AnswerOptions(choices=2))
    assert b"secret" not in out
    assert out.count(b"content_filter") == 1


@pytest.mark.parametrize("index", [True, "0", 1.5, {}, []], ids=str)
def test_nothing_of_a_stopped_choice_leaves_with_others_whatever_its_number_is(index: object) -> None:
    bad, good = ({"index": each, "delta": {"content": text}} for each, text in ((index, "secret"), (7, "good")))
    frames = [{"choices": [bad, good], "note": "about both"} for _ in range(3)]
    out = streamed(chat(), BLOCKING, [written(Format.SSE, each) for each in frames], asked=AnswerOptions(choices=3))
    assert b"secret" not in out
    assert out.count(b"good") == 3


@pytest.mark.parametrize("index", [None, True, "0", 1.5, {}, []], ids=str)
def test_a_whole_answer_says_why_it_was_stopped_whatever_its_number_is(index: object) -> None:
    answer = {"choices": [{"index": index, "message": {"role": "assistant", "content": "secret"}}]}
    exchange = Exchange(openai_chat.SHAPE, "test", "answer", Format.JSON, (answer,))
    said = json.loads(whole(exchange, BLOCKING, json.dumps(answer).encode()))["choices"][0]["message"]
    assert said == {"role": "assistant", "content": "Stopped."}


@pytest.mark.parametrize(
    "shape",
    [anthropic.SHAPE, tgi.SHAPE, ollama.SHAPE, gemini.SHAPE, openai_responses.SHAPE],
    ids=lambda shape: str(shape.name),
)
@pytest.mark.parametrize("answer", ["secret", ["secret"], {"message": ["secret"]}], ids=str)
def test_a_block_in_an_answer_of_no_known_form_lets_nothing_of_it_out(shape: Shape, answer: Any) -> None:
    exchange = Exchange(shape, "test", "answer", Format.JSON, (answer,))
    out = whole(exchange, BLOCKING, json.dumps(answer).encode())
    assert "secret" not in str(json.loads(out))


def test_items_whose_parts_are_no_list_do_not_break_a_response() -> None:
    frames = (
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "content": "odd"}},
        {"type": "response.content_part.added", "output_index": 0, "content_index": 0, "part": {"type": "output_text"}},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "good secret"},
    )
    exchange = Exchange(openai_responses.SHAPE, "test", "stream", Format.SSE, frames)
    out = payloads(Format.SSE, streamed(exchange, BLOCKING, [exchange.data]))
    assert out[-1]["type"] == "response.completed"
    assert "secret" not in str(out)


def test_an_end_may_quote_what_is_no_text_and_no_number_of_others() -> None:
    frames = (chunk({"content": "good"}) | {"model": "\ud83d", "created": 10**30}, chunk({"content": " secret"}))
    out = payloads(Format.SSE, streamed(chat(), BLOCKING, [written(Format.SSE, each) for each in frames]))
    assert (out[-2]["model"], out[-2]["created"]) == ("\ud83d", 10**30)
    assert loads(encode({"a": "\ud83d"})) == {"a": "\ud83d"}


def test_broken_headers_of_an_event_stream_are_told() -> None:
    headers = b"\x05abc"
    lengths = struct.pack(">II", 16 + len(headers), len(headers))
    frame = lengths + struct.pack(">I", crc32(lengths)) + headers
    with pytest.raises(BrokenFrameError):
        list(EventStream(max_bytes=1000).feed(frame + struct.pack(">I", crc32(frame))))
