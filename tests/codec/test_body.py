"""Guarded bodies of every shape: clean traffic byte for byte, redactions across frames, blocks that clients expect."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.codec.anthropic import AnthropicMessages
from sidecar.codec.body import StreamedAnswer, UnknownShapeError, WholeBody
from sidecar.codec.ollama import Ollama
from sidecar.codec.openai_chat import OpenAIChat
from sidecar.codec.openai_completions import OpenAICompletions
from sidecar.codec.openai_responses import OpenAIResponses
from sidecar.codec.shape import Shape, Streaming
from sidecar.codec.tgi import TextGenerationInference
from sidecar.core.stream import Stream
from sidecar.policy.plan import Plan
from sidecar.values import Action, Blocked, Channel, Part, Release
from tests.fakes import WordScanner, plan, rule

CARD = r"(?<!\d)\d{4}(?: ?\d{4}){3}(?!\d)"
MASKING: Plan = plan((WordScanner(CARD, label="CARD"), [rule(Action.REDACT, "CARD")]))
BLOCKING: Plan = plan((WordScanner("forbidden"), [rule(Action.BLOCK, message="Stopped.")]))
PIECES = ("My card", " is 41", "11 1111 1", "111 1111", " ok \u00e9", " bye")
MASKED = "My card is <CARD> ok \u00e9 bye"
BAD_PIECES = ("Hello", " you for", "bidden", " word", " more")


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ":"))


def chat(pieces: tuple[str, ...]) -> bytes:
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunks = [{**base, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}]
    chunks += [
        {**base, "choices": [{"index": 0, "delta": {"content": each}, "logprobs": {"content": [{"token": each}]}}]}
        for each in pieces
    ]
    chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    chunks.append({**base, "choices": [], "usage": {"total_tokens": 9}})
    return b": hi\n\n" + "".join(f"data: {dumps(each)}\n\n" for each in chunks).encode() + b"data: [DONE]\n\n"


def completions(pieces: tuple[str, ...]) -> bytes:
    chunks = [{"id": "c1", "choices": [{"index": 0, "text": each, "finish_reason": None}]} for each in pieces]
    return "".join(f"data: {dumps(each)}\r\n\r\n" for each in chunks).encode() + b"data: [DONE]\r\n\r\n"


def responses(pieces: tuple[str, ...]) -> bytes:
    whole = "".join(pieces)
    place = {"item_id": "i", "output_index": 0, "content_index": 0}
    item = {"type": "message", "id": "i", "content": [{"type": "output_text", "text": whole}]}
    events: list[dict[str, Any]] = [{"type": "response.created", "response": {"id": "r", "output": []}}]
    events += [{"type": "response.output_text.delta", **place, "delta": each} for each in pieces]
    events.append({"type": "response.output_text.done", **place, "text": whole})
    events.append({"type": "response.output_item.done", "output_index": 0, "item": item})
    events.append({"type": "response.completed", "response": {"id": "r", "output": [item]}})
    return "".join(f"event: {each['type']}\ndata: {dumps(each)}\n\n" for each in events).encode()


def anthropic(pieces: tuple[str, ...]) -> bytes:
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
    ]
    events += [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": each}} for each in pieces
    ]
    events += [
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]
    return "".join(f"event: {each['type']}\ndata: {dumps(each)}\n\n" for each in events).encode()


def ollama(pieces: tuple[str, ...]) -> bytes:
    chunks = [{"model": "m", "message": {"role": "assistant", "content": each}, "done": False} for each in pieces]
    end = {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    return "".join(f"{dumps(each)}\n" for each in [*chunks, end]).encode()


def tgi(pieces: tuple[str, ...]) -> bytes:
    whole = "".join(pieces)
    last = len(pieces) - 1
    chunks = [
        {
            "index": number,
            "token": {"id": 5, "text": each, "special": False},
            "generated_text": whole if number == last else None,
        }
        for number, each in enumerate(pieces)
    ]
    return "".join(f"data:{dumps(each)}\n\n" for each in chunks).encode()


STREAMS: list[tuple[Shape, Callable[[tuple[str, ...]], bytes]]] = [
    (OpenAIChat(), chat),
    (OpenAICompletions(), completions),
    (OpenAIResponses(), responses),
    (AnthropicMessages(), anthropic),
    (Ollama(), ollama),
    (TextGenerationInference(), tgi),
]
each_shape = pytest.mark.parametrize(("shape", "record"), STREAMS, ids=[shape.name for shape, _ in STREAMS])


def guard(shape: Shape, a_plan: Plan, pieces: list[bytes]) -> bytes:
    """A streamed answer through the core, as a transport drives it."""
    body, stream, out = StreamedAnswer(shape, max_frame_bytes=100_000), Stream(a_plan), b""

    def drain() -> bytes:
        while (output := stream.next_output()) is not None:
            if isinstance(output, Release | Blocked):
                body.take(output)
        return body.ready()

    for piece in pieces:
        for lane, text in body.feed(piece):
            stream.feed(lane, text)
        out += drain()
    for lane, text in body.finish():
        stream.feed(lane, text)
    stream.close()
    out += drain()
    body.flush()
    return out + body.ready()


def documents(shape: Shape, body: bytes) -> list[Any]:
    """The JSON documents of a stream."""
    if shape.streaming is Streaming.NDJSON:
        return [json.loads(line) for line in body.splitlines() if line]
    lines = [line[5:].strip() for line in body.replace(b"\r", b"").split(b"\n") if line.startswith(b"data:")]
    return [json.loads(line) for line in lines if line.startswith(b"{")]


def said(shape: Shape, body: bytes) -> str:
    """The text of a stream, without its repeats."""
    return "".join(slot.text for each in documents(shape, body) for slot in shape.event(each, "") if not slot.is_repeat)


def cut(data: bytes, positions: list[int]) -> list[bytes]:
    return [data[start:end] for start, end in itertools.pairwise([0, *sorted(positions), len(data)])]


@each_shape
def test_clean_traffic_is_byte_for_byte_the_same(shape: Shape, record: Callable[[tuple[str, ...]], bytes]) -> None:
    body = record(("Hello", " w\u00f6rld", " \U0001f600", ""))
    assert guard(shape, MASKING, [body]) == body
    assert guard(shape, MASKING, [body[index : index + 1] for index in range(len(body))]) == body


@each_shape
def test_a_card_across_frames_is_masked(shape: Shape, record: Callable[[tuple[str, ...]], bytes]) -> None:
    out = guard(shape, MASKING, [record(PIECES)])
    assert said(shape, out) == MASKED
    assert b"1111" not in out
    repeats = [slot.text for each in documents(shape, out) for slot in shape.event(each, "") if slot.is_repeat]
    assert set(repeats) <= {MASKED}


@each_shape
@given(positions=st.lists(st.integers(0, 2000), max_size=8))
def test_the_cuts_do_not_matter(shape: Shape, record: Callable[[tuple[str, ...]], bytes], positions: list[int]) -> None:
    for a_plan, pieces in ((MASKING, PIECES), (BLOCKING, BAD_PIECES)):
        body = record(pieces)
        assert guard(shape, a_plan, cut(body, [min(each, len(body)) for each in positions])) == guard(
            shape, a_plan, [body]
        )


@each_shape
def test_a_block_ends_the_stream_as_its_clients_expect(
    shape: Shape, record: Callable[[tuple[str, ...]], bytes]
) -> None:
    out = guard(shape, BLOCKING, [record(BAD_PIECES)])
    assert said(shape, out) == "Hello you Stopped."
    assert b"word" not in out
    assert b"bidden" not in out
    ends = {
        "openai-chat": b'"finish_reason":"content_filter"',
        "openai-completions": b'"finish_reason":"content_filter"',
        "openai-responses": b'"reason":"content_filter"',
        "anthropic-messages": b'"stop_reason":"refusal"',
        "ollama": b'"done":true',
        "tgi": b'"finish_reason"',
    }
    assert ends[shape.name] in out
    assert out.endswith(b"[DONE]\n\n") == shape.name.startswith(("openai-chat", "openai-completions"))


def test_one_choice_is_stopped_and_the_other_goes_on() -> None:
    def chunk(index: int, text: str) -> str:
        return f"data: {dumps({'choices': [{'index': index, 'delta': {'content': text}}]})}\n\n"

    body = "".join(
        chunk(index, text)
        for text in ("a ", "forbidden ", "b ")
        for index in (0, 1)
        if (index, text) != (1, "forbidden ")
    )
    out = guard(OpenAIChat(), BLOCKING, [body.encode() + b"data: [DONE]\n\n"])
    texts = {0: "", 1: ""}
    for document in documents(OpenAIChat(), out):
        for slot in OpenAIChat().event(document, ""):
            texts[slot.lane.choice] += slot.text
    assert texts == {0: "a Stopped.", 1: "a b "}
    assert out.count(b"[DONE]") == 1


def test_a_choice_ends_behind_its_last_words_also_when_they_wait_for_another_choice() -> None:
    def chunk(index: int, text: str) -> str:
        return f"data: {dumps({'choices': [{'index': index, 'delta': {'content': text}}]})}\n\n"

    both: Plan = plan(
        (WordScanner(CARD, label="CARD"), [rule(Action.REDACT, "CARD")]),
        (WordScanner("forbidden", label="BAD"), [rule(Action.BLOCK, "BAD", index=1, message="Stopped.")]),
    )
    pieces = [(0, "4111 1111 "), (1, "Hello, forb"), (1, "idden"), (0, "1111 1111!"), (1, " more")]
    out = guard(OpenAIChat(), both, [chunk(*each).encode() for each in pieces])
    texts = {0: "", 1: ""}
    for document in documents(OpenAIChat(), out):
        for slot in OpenAIChat().event(document, ""):
            texts[slot.lane.choice] += slot.text
    assert texts == {0: "<CARD>!", 1: "Hello, Stopped."}


@pytest.mark.parametrize("first", ("forbidden", "Hello, forbidden"))
def test_an_anthropic_block_is_closed_only_when_it_was_opened(first: str) -> None:
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": first}},
        {"type": "ping"},
    ]
    body = "".join(f"event: {each['type']}\ndata: {dumps(each)}\n\n" for each in events)
    out = documents(AnthropicMessages(), guard(AnthropicMessages(), BLOCKING, [body.encode()]))
    steps = [(each["type"], each.get("index")) for each in out if "content_block" in each["type"]]
    opened = [index for kind, index in steps if kind == "content_block_start"]
    assert opened == [index for kind, index in steps if kind == "content_block_stop"] == [*range(len(opened))]


def test_white_space_before_a_document_hides_nothing() -> None:
    body = chat(PIECES).replace(b"data: {", b"data:   {")
    assert said(OpenAIChat(), guard(OpenAIChat(), MASKING, [body])) == MASKED
    assert guard(OpenAIChat(), MASKING, [b"data:\n\ndata: \n\n"]) == b"data:\n\ndata: \n\n"


def test_log_probabilities_go_with_the_text() -> None:
    out = guard(OpenAIChat(), MASKING, [chat(PIECES)])
    kept = [each for document in documents(OpenAIChat(), out) for each in document["choices"] if each.get("logprobs")]
    assert all("1" not in each["logprobs"]["content"][0]["token"] for each in kept)


def test_tool_arguments_are_texts_of_their_own() -> None:
    def call(number: int, text: str) -> str:
        delta = {"tool_calls": [{"index": number, "function": {"arguments": text}}]}
        return f"data: {dumps({'choices': [{'index': 0, 'delta': delta}]})}\n\n"

    body = call(0, '{"card": "4111 1111') + call(1, " 1111 11") + call(0, ' 1111 1111"}') + call(1, "x")
    out = guard(OpenAIChat(), MASKING, [body.encode()])
    slots = [slot for document in documents(OpenAIChat(), out) for slot in OpenAIChat().event(document, "")]
    assert "".join(slot.text for slot in slots if slot.lane.item == 0) == '{"card": "<CARD>"}'
    assert {slot.lane.channel for slot in slots} == {Channel.TOOL_ARGUMENTS}


@pytest.mark.parametrize(
    "body", (b"data: {nope\n\n", b"data: [1, \xff]\n\n", b'data: {"a": 1, "a": 2}\n\n', b"data: text\n\n")
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(UnknownShapeError):
        guard(OpenAIChat(), MASKING, [body])


WHOLE: list[tuple[Shape, dict[str, Any]]] = [
    (OpenAIChat(), {"id": "c", "choices": [{"index": 0, "message": {"content": "@"}, "finish_reason": "stop"}]}),
    (OpenAICompletions(), {"choices": [{"index": 0, "text": "@", "finish_reason": "stop"}]}),
    (OpenAIResponses(), {"status": "completed", "incomplete_details": None,
                         "output": [{"content": [{"type": "output_text", "text": "@"}]}]}),
    (AnthropicMessages(), {"content": [{"type": "text", "text": "@"}], "stop_reason": "end_turn"}),
    (Ollama(), {"message": {"content": "@"}, "done": True, "done_reason": "stop"}),
    (TextGenerationInference(), {"generated_text": "@", "details": {"tokens": []}}),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "document"), WHOLE, ids=[shape.name for shape, _ in WHOLE])
def test_whole_answers(shape: Shape, document: dict[str, Any]) -> None:
    def run(a_plan: Plan, text: str) -> bytes:
        body = WholeBody(shape, dumps(document).replace("@", text).encode(), is_request=False)
        stream = Stream(a_plan)
        for lane, piece in body.texts:
            stream.feed(lane, piece)
        stream.close()
        while (output := stream.next_output()) is not None:
            if isinstance(output, Release | Blocked):
                body.take(output)
        return body.finish()

    assert run(MASKING, "clean") == dumps(document).replace("@", "clean").encode()
    assert run(MASKING, "a 4111 1111 1111 1111 b") == dumps(document).replace(
        "@", "a <CARD> b"
    ).encode() or b"null" in run(MASKING, "a 4111 1111 1111 1111 b")
    blocked = json.loads(run(BLOCKING, "so forbidden it is"))
    assert [slot.text for slot in shape.response(blocked)] == ["so Stopped."]


REQUESTS: list[tuple[Shape, dict[str, Any], list[tuple[Part, str]]]] = [
    (OpenAIChat(),
     {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": [{"type": "text", "text": "U"}]},
                   {"role": "tool", "content": "T"}]},
     [(Part.SYSTEM, "S"), (Part.USER, "U"), (Part.TOOL_RESULT, "T")]),
    (OpenAICompletions(),
     {"prompt": ["A", "B"], "suffix": "C"},
     [(Part.USER, "A"), (Part.USER, "B"), (Part.USER, "C")]),
    (OpenAIResponses(),
     {"instructions": "S",
      "input": [{"role": "user", "content": "U"}, {"type": "function_call_output", "output": "T"}]},
     [(Part.SYSTEM, "S"), (Part.USER, "U"), (Part.TOOL_RESULT, "T")]),
    (AnthropicMessages(),
     {"system": "S",
      "messages": [{"role": "user",
                    "content": [{"type": "text", "text": "U"}, {"type": "tool_result", "content": "T"}]}]},
     [(Part.SYSTEM, "S"), (Part.USER, "U"), (Part.TOOL_RESULT, "T")]),
    (Ollama(), {"messages": [{"role": "user", "content": "U"}]}, [(Part.USER, "U")]),
    (Ollama(), {"prompt": "U", "system": "S", "template": "T", "suffix": "X"},
     [(Part.SYSTEM, "S"), (Part.USER, "U"), (Part.SYSTEM, "T"), (Part.USER, "X")]),
    (TextGenerationInference(), {"inputs": "U"}, [(Part.USER, "U")]),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "document", "expected"), REQUESTS, ids=[shape.name for shape, _, _ in REQUESTS])
def test_requests_say_whose_words_they_are(
    shape: Shape, document: dict[str, Any], expected: list[tuple[Part, str]]
) -> None:
    body = WholeBody(shape, dumps(document).encode(), is_request=True)
    assert [(lane.part, text) for lane, text in body.texts] == expected
    assert len({lane for lane, _ in body.texts}) == len(expected)


ODD: tuple[Any, ...] = (
    None, 1, "x", [], {}, {"choices": 1}, {"choices": [1, {}]}, {"messages": [{"content": 1}]},
    {"output": [{"content": 3}]}, {"delta": 1, "type": "response.output_text.delta"},
)  # fmt: skip


@pytest.mark.parametrize("shape", [shape for shape, _ in STREAMS], ids=[shape.name for shape, _ in STREAMS])
@pytest.mark.parametrize("document", ODD)
def test_odd_documents_have_no_texts_and_raise_nothing(shape: Shape, document: Any) -> None:
    for slots in (shape.request(document), shape.response(document), shape.event(document, "")):
        assert list(slots) == []
    shape.choices(document, "")
    assert list(shape.echoes(document)) == []
