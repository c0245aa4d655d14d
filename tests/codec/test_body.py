"""Guarded bodies of every shape: redactions across frames, blocks that clients expect, whose words a text is."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.codec.body import StreamedAnswer, Text, UnknownShapeError, WholeBody
from sidecar.codec.catalogue import GENERIC, SHAPES
from sidecar.codec.formats import Format
from sidecar.codec.places import Kind, Reader, Scope
from sidecar.codec.shape import AnswerOptions, Shape
from sidecar.codec.shapes import (
    anthropic,
    bedrock,
    cohere,
    gemini,
    ollama,
    openai_chat,
    openai_completions,
    openai_responses,
    tgi,
)
from sidecar.policy.plan import Plan
from sidecar.values import Action, Channel, Part
from tests.codec.playing import guarded, payloads, streamed
from tests.exchanges.wire import Exchange, written
from tests.fakes import WordScanner, plan, rule

CARD = r"(?<!\d)\d{4}(?: ?\d{4}){3}(?!\d)"
MASKING: Plan = plan((WordScanner(CARD, label="CARD"), [rule(Action.REDACT, "CARD")]))
BLOCKING: Plan = plan((WordScanner("forbidden"), [rule(Action.BLOCK, message="Stopped.")]))
PIECES = ("My card", " is 41", "11 1111 1", "111 1111", " ok \u00e9", " bye")
MASKED = "My card is <CARD> ok \u00e9 bye"
BAD_PIECES = ("Hello", " you for", "bidden", " word", " more")


def stream_of(shape: Shape, frames: Sequence[Any], form: Format = Format.SSE) -> Exchange:
    return Exchange(shape, "test", "stream", form, tuple(frames))


def chat(pieces: Sequence[str]) -> Exchange:
    deltas = [{"choices": [{"index": 0, "delta": {"content": each}, "finish_reason": None}]} for each in pieces]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return stream_of(openai_chat.SHAPE, [*deltas, end, "[DONE]"])


def completions(pieces: Sequence[str]) -> Exchange:
    chunks = [{"id": "c1", "choices": [{"index": 0, "text": each, "finish_reason": None}]} for each in pieces]
    return stream_of(openai_completions.SHAPE, [*chunks, "[DONE]"])


def responses(pieces: Sequence[str]) -> Exchange:
    whole = "".join(pieces)
    place = {"item_id": "i", "output_index": 0, "content_index": 0}
    begun = {"type": "message", "id": "i", "role": "assistant", "content": []}
    item = {**begun, "content": [{"type": "output_text", "text": whole}]}
    events: list[dict[str, Any]] = [{"type": "response.created", "response": {"id": "r", "output": []}}]
    events.append({"type": "response.output_item.added", "output_index": 0, "item": begun})
    events.append({"type": "response.content_part.added", **place, "part": {"type": "output_text", "text": ""}})
    events += [{"type": "response.output_text.delta", **place, "delta": each} for each in pieces]
    events.append({"type": "response.output_text.done", **place, "text": whole})
    events.append({"type": "response.output_item.done", "output_index": 0, "item": item})
    events.append({"type": "response.completed", "response": {"id": "r", "output": [item]}})
    return stream_of(openai_responses.SHAPE, [(each["type"], each) for each in events])


def messages(pieces: Sequence[str]) -> Exchange:
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
    return stream_of(anthropic.SHAPE, [(each["type"], each) for each in events])


def gemini_stream(pieces: Sequence[str]) -> Exchange:
    chunks = [
        {"candidates": [{"content": {"parts": [{"text": each}], "role": "model"}, "index": 0}]} for each in pieces
    ]
    end = {"candidates": [{"content": {"parts": [{"text": ""}]}, "index": 0, "finishReason": "STOP"}]}
    return stream_of(gemini.SHAPE, [*chunks, end])


def converse(pieces: Sequence[str]) -> Exchange:
    frames = [("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": each}}) for each in pieces]
    end = [("contentBlockStop", {"contentBlockIndex": 0}), ("messageStop", {"stopReason": "end_turn"})]
    return stream_of(bedrock.SHAPE, [("messageStart", {"role": "assistant"}), *frames, *end], Format.EVENT_STREAM)


def cohere_stream(pieces: Sequence[str]) -> Exchange:
    def said(text: str) -> dict[str, Any]:
        return {"message": {"content": {"text": text}}}

    frames = [{"type": "content-delta", "index": 0, "delta": said(each)} for each in pieces]
    begun = {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}}
    end = {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}
    every: list[dict[str, Any]] = [
        {"type": "message-start", "id": "m"},
        begun,
        *frames,
        {"type": "content-end", "index": 0},
        end,
    ]
    return stream_of(cohere.SHAPE, [(each["type"], each) for each in every])


def ollama_stream(pieces: Sequence[str]) -> Exchange:
    chunks = [{"model": "m", "message": {"role": "assistant", "content": each}, "done": False} for each in pieces]
    end = {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    return stream_of(ollama.SHAPE, [*chunks, end], Format.LINES)


def tgi_stream(pieces: Sequence[str]) -> Exchange:
    last = len(pieces) - 1
    return stream_of(
        tgi.SHAPE,
        [
            {
                "index": number,
                "token": {"id": 5, "text": each, "special": False},
                "generated_text": "".join(pieces) if number == last else None,
            }
            for number, each in enumerate(pieces)
        ],
    )


STREAMS = (
    chat,
    completions,
    responses,
    messages,
    gemini_stream,
    converse,
    cohere_stream,
    ollama_stream,
    tgi_stream,
)
each_shape = pytest.mark.parametrize("record", STREAMS, ids=[each.__name__ for each in STREAMS])


def said(exchange: Exchange, data: bytes, channel: Channel = Channel.CONTENT) -> str:
    """The text of a stream's first choice on a channel, without its repeats."""
    return "".join(text for _, text in pieces_of(exchange, data, channel))


def pieces_of(exchange: Exchange, data: bytes, channel: Channel = Channel.CONTENT) -> list[tuple[int, str]]:
    """The pieces of text of a stream on a channel, by choice, without repeats."""
    shape, reader, found = exchange.shape, Reader(is_streamed=True), []
    for document in payloads(exchange.form, data):
        root = shape.event_of(document, "") if shape.event_of else shape.event
        slots = reader.read(document, root, Scope()).slots
        found += [
            (each.lane.choice, each.text) for each in slots if each.kind is Kind.TEXT and each.lane.channel is channel
        ]
    return found


def cut(data: bytes, positions: Sequence[int]) -> list[bytes]:
    return [data[start:end] for start, end in itertools.pairwise([0, *sorted(positions), len(data)])]


@each_shape
def test_a_card_across_frames_is_masked(record: Any) -> None:
    exchange = record(PIECES)
    out = guarded(exchange, MASKING)
    assert said(exchange, out) == MASKED
    assert b"1111" not in out


@each_shape
@given(positions=st.lists(st.integers(0, 2000), max_size=8))
def test_the_cuts_do_not_matter(record: Any, positions: list[int]) -> None:
    for a_plan, pieces in ((MASKING, PIECES), (BLOCKING, BAD_PIECES)):
        exchange = record(pieces)
        data = exchange.data
        cuts = cut(data, [min(each, len(data)) for each in positions])
        assert streamed(exchange, a_plan, cuts) == streamed(exchange, a_plan, [data])


ENDS = {
    "openai-chat": b'"finish_reason":"content_filter"',
    "openai-completions": b'"finish_reason":"content_filter"',
    "openai-responses": b'"status":"completed"',
    "anthropic-messages": b'"stop_reason":"refusal"',
    "gemini": b'"finishReason":"SAFETY"',
    "bedrock-converse": b'"stopReason":"guardrail_intervened"',
    "cohere-chat": b'"finish_reason":"ERROR_TOXIC"',
    "ollama": b'"done":true',
    "tgi": b'"finish_reason"',
}


@each_shape
def test_a_block_ends_the_stream_as_its_clients_expect(record: Any) -> None:
    exchange = record(BAD_PIECES)
    out = guarded(exchange, BLOCKING)
    assert said(exchange, out) == "Hello you Stopped."
    assert b"word" not in out
    assert b"bidden" not in out
    assert ENDS[exchange.shape.name] in out
    assert out.endswith(b"[DONE]\n\n") == exchange.shape.name.startswith(("openai-chat", "openai-completions"))


def choices(pieces: Sequence[tuple[int, str]], end: bool = True) -> Exchange:
    frames = [{"choices": [{"index": index, "delta": {"content": text}}]} for index, text in pieces]
    return stream_of(openai_chat.SHAPE, [*frames, *(["[DONE]"] if end else [])])


def by_choice(exchange: Exchange, out: bytes) -> dict[int, str]:
    texts = {0: "", 1: ""}
    for index, text in pieces_of(exchange, out):
        texts[index] += text
    return texts


def test_one_choice_is_stopped_and_the_other_goes_on() -> None:
    exchange = choices([(0, "a "), (1, "a "), (0, "forbidden "), (0, "b "), (1, "b ")])
    out = guarded(exchange, BLOCKING, asked=AnswerOptions(choices=2))
    assert by_choice(exchange, out) == {0: "a Stopped.", 1: "a b "}
    assert out.count(b"[DONE]") == 1


def test_a_choice_that_has_not_begun_is_waited_for() -> None:
    exchange = choices([(0, "forbidden "), (1, "a "), (1, "b ")])
    assert by_choice(exchange, guarded(exchange, BLOCKING, asked=AnswerOptions(choices=2))) == {
        0: "Stopped.",
        1: "a b ",
    }


def test_a_frame_of_two_choices_says_nothing_more_of_the_stopped_one() -> None:
    both = {
        "choices": [{"index": 0, "delta": {"content": "secret"}}, {"index": 1, "delta": {"content": "fine"}}],
        "usage": {"total_tokens": 3},
    }
    exchange = stream_of(
        openai_chat.SHAPE, [*choices([(0, "forbidden "), (1, "a ")], end=False).frames, both, "[DONE]"]
    )
    out = guarded(exchange, BLOCKING, asked=AnswerOptions(choices=2))
    assert b"secret" not in out
    assert by_choice(exchange, out) == {0: "Stopped.", 1: "a fine"}


def test_a_choice_does_not_wait_for_another_one() -> None:
    both: Plan = plan(
        (WordScanner(CARD, label="CARD"), [rule(Action.REDACT, "CARD")]),
        (WordScanner("forbidden", label="BAD"), [rule(Action.BLOCK, "BAD", index=1, message="Stopped.")]),
    )
    exchange = choices(
        [(0, "4111 1111 "), (1, "Hello, forb"), (1, "idden"), (0, "1111 1111!"), (1, " more")], end=False
    )
    assert by_choice(exchange, guarded(exchange, both)) == {0: "<CARD>!", 1: "Hello, Stopped."}


@pytest.mark.parametrize("first", ("forbidden", "Hello, forbidden"))
def test_an_anthropic_block_is_closed_only_when_it_was_opened(first: str) -> None:
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": first}},
        {"type": "ping"},
    ]
    exchange = stream_of(anthropic.SHAPE, [(each["type"], each) for each in events])
    out = payloads(Format.SSE, guarded(exchange, BLOCKING))
    steps = [(each["type"], each.get("index")) for each in out if "content_block" in each["type"]]
    opened = [index for kind, index in steps if kind == "content_block_start"]
    assert opened == [index for kind, index in steps if kind == "content_block_stop"] == [*range(len(opened))]


def test_white_space_before_a_document_hides_nothing() -> None:
    exchange = chat(PIECES)
    data = exchange.data.replace(b"data: {", b"data:   {")
    assert said(exchange, guarded(exchange, MASKING, data)) == MASKED
    assert guarded(exchange, MASKING, b"data:\n\ndata: \n\n") == b"data:\n\ndata: \n\n"


def test_a_mark_before_an_event_hides_nothing() -> None:
    exchange = chat(PIECES)
    out = guarded(exchange, MASKING, b"\xef\xbb\xbf" + exchange.data)
    assert said(exchange, out.removeprefix(b"\xef\xbb\xbf")) == MASKED
    assert out.startswith(b"\xef\xbb\xbf")


def test_tool_arguments_stay_apart_by_their_index() -> None:
    def call(number: int, text: str) -> dict[str, Any]:
        delta = {"tool_calls": [{"index": number, "function": {"arguments": text}}]}
        return {"choices": [{"index": 0, "delta": delta}]}

    frames = [call(0, '{"card": "4111 1111'), call(1, " 1111 11"), call(0, ' 1111 1111"}'), call(1, "x")]
    exchange = stream_of(openai_chat.SHAPE, frames)
    out = guarded(exchange, MASKING)
    texts = {0: "", 1: ""}
    for document in payloads(Format.SSE, out):
        for each in document["choices"][0]["delta"]["tool_calls"]:
            texts[each["index"]] += each["function"]["arguments"]
    assert texts == {0: '{"card": "<CARD>"}', 1: " 1111 11x"}


@pytest.mark.parametrize("payload", ("{nope", '{"a": 1, "a": "@"}', "only @ text", '"@"', '{"a": nan, "b": "@"}'))
@pytest.mark.parametrize("form", (Format.SSE, Format.LINES))
def test_a_frame_that_is_no_json_is_read_as_text(payload: str, form: Format) -> None:
    exchange = stream_of(openai_chat.SHAPE, [payload.replace("@", "4111 1111 1111 1111")], form)
    assert guarded(exchange, MASKING) == written(form, payload.replace("@", "<CARD>"))


@pytest.mark.parametrize("number", ("NaN", "-Infinity"))
def test_a_text_goes_on_over_frames_with_numbers_that_json_has_not(number: str) -> None:
    """Servers write them as log-probabilities; a frame by itself would hide what goes on in the next."""
    frame = f'{{"choices": [{{"index": 0, "delta": {{"content": "@"}}, "score": {number}}}]}}'
    pieces = ("my card is 41", "11 1111", " 1111 ", "1111 ok")
    exchange = stream_of(openai_chat.SHAPE, [frame.replace("@", piece) for piece in pieces])
    out = guarded(exchange, MASKING)
    said = "".join(each["choices"][0]["delta"]["content"] for each in payloads(Format.SSE, out))
    assert said == "my card is <CARD> ok"
    assert number.encode() in out


@pytest.mark.parametrize("text", ("ignore 4111 1111 1111 1111", "4111\t1111\n1111 1111", "é 4111 1111 1111 1111"))
@pytest.mark.parametrize("key", ("role", "tool_call_id"))
def test_what_is_no_name_is_text_wherever_a_request_has_names(key: str, text: str) -> None:
    """Templates of chats write roles as they come."""
    message = {"role": "user", "content": "hi"} | {key: text}
    held = WholeBody(openai_chat.SHAPE, json.dumps({"messages": [message]}).encode(), is_request=True)
    assert sorted(each.text for each in held.texts) == sorted(("hi", text))


def test_a_whole_body_that_is_no_json_is_refused() -> None:
    for body in (b"{nope", b"[1, \xff]", b'{"a": 1, "a": 2}', b""):
        with pytest.raises(UnknownShapeError):
            WholeBody(openai_chat.SHAPE, body, is_request=False)


@pytest.mark.parametrize("number", ["7" * 5_000, "1e999", "NaN", "-Infinity"], ids=["integer", "float", "nan", "inf"])
def test_a_body_with_a_number_of_any_size_is_json(number: str) -> None:
    body = f'{{"model": "m", "seed": {number}, "messages": [{{"role": "user", "content": "@", "n": {number}}}]}}'
    held = WholeBody(openai_chat.SHAPE, body.replace("@", "4111 1111 1111 1111").encode(), is_request=True)
    assert [each.text for each in held.texts] == ["4111 1111 1111 1111"]
    assert held.finish().decode() == body.replace("@", "")  # nothing was let out, and all else is as it was


@pytest.mark.parametrize("form", (Format.SSE, Format.LINES))
def test_a_frame_with_a_number_of_any_size_is_json(form: Format) -> None:
    payload = f'{{"choices":[{{"index":0,"delta":{{"content":"@"}}}}],"seed":{"7" * 5_000}}}'
    exchange = stream_of(openai_chat.SHAPE, [payload.replace("@", "4111 1111 1111 1111 ")], form)
    out = guarded(exchange, MASKING).replace(b"7" * 5_000, b"7")
    texts = [each["choices"][0]["delta"]["content"] for each in payloads(form, out)]
    assert "".join(texts) == "<CARD> "


WHOLE: list[tuple[Shape, Any]] = [
    (openai_chat.SHAPE, {"id": "c", "choices": [{"index": 0, "message": {"content": "@"}, "finish_reason": "stop"}]}),
    (openai_completions.SHAPE, {"choices": [{"index": 0, "text": "@", "finish_reason": "stop"}]}),
    (openai_responses.SHAPE, {"status": "completed", "output": [{"content": [{"type": "output_text", "text": "@"}]}]}),
    (anthropic.SHAPE, {"content": [{"type": "text", "text": "@"}], "stop_reason": "end_turn"}),
    (gemini.SHAPE, {"candidates": [{"content": {"parts": [{"text": "@"}]}, "finishReason": "STOP"}]}),
    (bedrock.SHAPE, {"output": {"message": {"content": [{"text": "@"}]}}, "stopReason": "end_turn"}),
    (cohere.SHAPE, {"message": {"content": [{"type": "text", "text": "@"}]}, "finish_reason": "COMPLETE"}),
    (ollama.SHAPE, {"message": {"content": "@"}, "done": True, "done_reason": "stop"}),
    (tgi.SHAPE, {"generated_text": "@", "details": {"tokens": []}}),
    (GENERIC, {"answer": "@"}),
]


@pytest.mark.parametrize(("shape", "document"), WHOLE, ids=[shape.name for shape, _ in WHOLE])
def test_whole_answers(shape: Shape, document: Any) -> None:
    def run(a_plan: Plan, text: str) -> Any:
        data = json.dumps(document).replace("@", text)
        return json.loads(guarded(Exchange(shape, "test", "answer", Format.JSON, (json.loads(data),)), a_plan))

    masked = json.dumps(run(MASKING, "a 4111 1111 1111 1111 b"))
    assert "a <CARD> b" in masked
    assert "1111" not in masked
    blocked = json.dumps(run(BLOCKING, "so forbidden it is"))
    assert "Stopped." in blocked
    assert "it is" not in blocked
    if shape is not GENERIC:
        assert "so " in blocked


REQUESTS: list[tuple[Shape, dict[str, Any], list[tuple[Part, str]]]] = [
    (openai_chat.SHAPE,
     {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": [{"type": "text", "text": "U"}]},
                   {"role": "tool", "content": "T"}, {"role": "developer", "content": "D"}]},
     [(Part.SYSTEM, "S"), (Part.USER, "U"), (Part.TOOL_RESULT, "T"), (Part.SYSTEM, "D")]),
    (openai_completions.SHAPE,
     {"prompt": ["A", "B"], "suffix": "C"},
     [(Part.USER, "A"), (Part.USER, "B"), (Part.USER, "C")]),
    (openai_responses.SHAPE,
     {"instructions": "S",
      "input": [{"role": "user", "content": "U"}, {"type": "function_call_output", "output": "T"}]},
     [(Part.SYSTEM, "S"), (Part.USER, "U"), (Part.TOOL_RESULT, "T")]),
    (anthropic.SHAPE,
     {"system": "S",
      "messages": [{"role": "user",
                    "content": [{"type": "text", "text": "U"}, {"type": "tool_result", "content": "T"},
                                {"type": "document", "source": {"type": "text", "data": "C"}}]}]},
     [(Part.SYSTEM, "S"), (Part.USER, "U"), (Part.TOOL_RESULT, "T"), (Part.CONTEXT, "C")]),
    (gemini.SHAPE,
     {"systemInstruction": {"parts": [{"text": "S"}]}, "contents": [{"role": "user", "parts": [{"text": "U"}]}]},
     [(Part.SYSTEM, "S"), (Part.USER, "U")]),
    (bedrock.SHAPE,
     {"system": [{"text": "S"}],
      "messages": [{"role": "user", "content": [{"text": "U"}, {"toolResult": {"content": [{"text": "T"}]}}]}]},
     [(Part.SYSTEM, "S"), (Part.USER, "U"), (Part.TOOL_RESULT, "T")]),
    (cohere.SHAPE, {"messages": [{"role": "user", "content": "U"}], "documents": ["C"]},
     [(Part.USER, "U"), (Part.CONTEXT, "C")]),
    (ollama.SHAPE, {"prompt": "U", "system": "S", "template": "T", "suffix": "X"},
     [(Part.USER, "U"), (Part.SYSTEM, "S"), (Part.SYSTEM, "T"), (Part.USER, "X")]),
    (tgi.SHAPE, {"inputs": "U"}, [(Part.USER, "U")]),
    (openai_chat.SHAPE, {"messages": [], "tools": [{"function": {"description": "D"}}]},
     [(Part.TOOL_DEFINITION, '{"function":{"description":"D"}}')]),
    (openai_chat.SHAPE,
     {"messages": [{"role": "assistant", "content": "M", "reasoning_content": "R"},
                   {"role": "user",
                    "content": [{"type": "file", "file": {"file_data": "data:text/plain;base64,Qw=="}}]}],
      "documents": [{"text": "E"}]},
     [(Part.MODEL, "M"), (Part.MODEL, "R"), (Part.CONTEXT, "C"), (Part.CONTEXT, '{"text":"E"}')]),
    (openai_responses.SHAPE,
     {"input": [{"role": "developer", "content": "S"}, {"type": "reasoning", "summary": [{"text": "R"}]},
                {"role": "assistant", "content": [{"type": "output_text", "text": "M"}]},
                {"type": "mcp_call", "name": "N", "arguments": "{}", "output": "T"},
                {"type": "code_interpreter_call", "code": "X", "outputs": [{"type": "logs", "logs": "L"}]},
                {"type": "file_search_call", "results": [{"text": "C"}]},
                {"type": "mcp_list_tools", "tools": [{"description": "D"}]},
                {"role": "user", "content": [{"type": "input_file", "file_data": "data:text/plain;base64,RQ=="}]}]},
     [(Part.SYSTEM, "S"), (Part.MODEL, "R"), (Part.MODEL, "M"), (Part.MODEL, "N"), (Part.MODEL, "{}"),
      (Part.TOOL_RESULT, "T"), (Part.MODEL, "X"), (Part.TOOL_RESULT, "L"), (Part.CONTEXT, "C"),
      (Part.TOOL_DEFINITION, '{"description":"D"}'), (Part.CONTEXT, "E")]),
    (anthropic.SHAPE,
     {"system": [{"type": "text", "text": "S"}], "tools": [{"description": "D"}],
      "messages": [{"role": "assistant",
                    "content": [{"type": "thinking", "thinking": "R"}, {"type": "text", "text": "M"},
                                {"type": "tool_use", "name": "N", "input": {"a": 1}}]},
                   {"role": "user",
                    "content": [{"type": "tool_result", "content": [{"type": "text", "text": "T"}]},
                                {"type": "search_result", "content": [{"type": "text", "text": "C"}]}]}]},
     [(Part.SYSTEM, "S"), (Part.TOOL_DEFINITION, '{"description":"D"}'), (Part.MODEL, "R"), (Part.MODEL, "M"),
      (Part.MODEL, "N"), (Part.MODEL, '{"a":1}'), (Part.TOOL_RESULT, "T"), (Part.CONTEXT, "C")]),
    (gemini.SHAPE,
     {"tools": [{"functionDeclarations": [{"description": "D"}]}],
      "contents": [{"role": "model", "parts": [{"text": "M"}, {"functionCall": {"name": "N", "args": {"a": 1}}}]},
                   {"role": "user", "parts": [{"functionResponse": {"name": "F", "response": {"b": 2}}},
                                              {"inlineData": {"mimeType": "text/plain", "data": "Qw=="}}]}]},
     [(Part.TOOL_DEFINITION, '{"functionDeclarations":[{"description":"D"}]}'), (Part.MODEL, "M"), (Part.MODEL, "N"),
      (Part.MODEL, '{"a":1}'), (Part.TOOL_RESULT, "F"), (Part.TOOL_RESULT, '{"b":2}'), (Part.CONTEXT, "C")]),
    (bedrock.SHAPE,
     {"toolConfig": {"tools": [{"toolSpec": {"description": "D"}}]},
      "messages": [{"role": "assistant", "content": [{"text": "M"}, {"toolUse": {"name": "N", "input": {"a": 1}}}]},
                   {"role": "user", "content": [{"document": {"format": "txt", "source": {"text": "C"}}}]}]},
     [(Part.TOOL_DEFINITION, '{"description":"D"}'), (Part.MODEL, "M"), (Part.MODEL, "N"), (Part.MODEL, '{"a":1}'),
      (Part.CONTEXT, "C")]),
    (cohere.SHAPE,
     {"tools": [{"function": {"description": "D"}}],
      "messages": [{"role": "system", "content": "S"}, {"role": "assistant", "tool_plan": "R"},
                   {"role": "tool", "content": [{"type": "text", "text": "T"},
                                                {"type": "document", "document": {"data": "C"}}]}]},
     [(Part.TOOL_DEFINITION, '{"function":{"description":"D"}}'), (Part.SYSTEM, "S"), (Part.MODEL, "R"),
      (Part.TOOL_RESULT, "T"), (Part.CONTEXT, "C")]),
    (ollama.SHAPE,
     {"tools": [{"function": {"description": "D"}}],
      "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"},
                   {"role": "assistant", "content": "M", "thinking": "R"}, {"role": "tool", "content": "T"}]},
     [(Part.TOOL_DEFINITION, '{"function":{"description":"D"}}'), (Part.SYSTEM, "S"), (Part.USER, "U"),
      (Part.MODEL, "M"), (Part.MODEL, "R"), (Part.TOOL_RESULT, "T")]),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "document", "expected"), REQUESTS, ids=[shape.name for shape, _, _ in REQUESTS])
def test_requests_say_whose_words_they_are(
    shape: Shape, document: dict[str, Any], expected: list[tuple[Part, str]]
) -> None:
    body = WholeBody(shape, json.dumps(document).encode(), is_request=True)
    texts = body.texts
    assert sorted((each.lane.part, each.text) for each in texts) == sorted(expected)
    assert len({each.lane for each in texts}) == len(expected)


def test_parts_of_one_message_are_read_as_one_text() -> None:
    parts = [{"type": "text", "text": "my card is 4111 1111"}, {"type": "text", "text": " 1111 1111."}]
    exchange = Exchange(
        openai_chat.SHAPE, "t", "request", Format.JSON, ({"messages": [{"role": "user", "content": parts}]},)
    )
    (message,) = json.loads(guarded(exchange, MASKING))["messages"]
    assert [part["text"] for part in message["content"]] == ["my card is <CARD>", "."]


def test_a_changed_thought_loses_its_signature_and_goes_from_the_history() -> None:
    thought = {"type": "thinking", "thinking": "4111 1111 1111 1111", "signature": "c2ln"}
    said_so = {"type": "text", "text": "Yes."}
    answer = Exchange(
        anthropic.SHAPE, "t", "answer", Format.JSON, ({"content": [thought, said_so], "stop_reason": "end"},)
    )
    content = json.loads(guarded(answer, MASKING))["content"]
    assert content[0] == {"type": "thinking", "thinking": "<CARD>", "signature": ""}
    history = {"messages": [{"role": "assistant", "content": content}, {"role": "user", "content": "Sure?"}]}
    request = Exchange(anthropic.SHAPE, "t", "request", Format.JSON, (history,))
    assert json.loads(guarded(request, MASKING))["messages"][0]["content"] == [said_so]


def test_a_streamed_thought_that_was_changed_loses_its_signature() -> None:
    events = [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "thinking_delta", "thinking": "4111 1111 1111 1111"},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
        {"type": "content_block_stop", "index": 0},
    ]
    exchange = stream_of(anthropic.SHAPE, [(each["type"], each) for each in events])
    assert b"c2ln" not in guarded(exchange, MASKING)
    assert b"c2ln" in guarded(exchange, BLOCKING)


ODD: tuple[Any, ...] = (
    None, 1, "x", [], {}, {"choices": 1}, {"choices": [1, {}]}, {"messages": [{"content": 1}]},
    {"output": [{"content": 3}]}, {"delta": 1, "type": "response.output_text.delta"}, {"choices": [{"index": None}]},
    {"choices": [{"index": True, "delta": {"content": "a"}}]},
    {"choices": [{"index": 1 << 40, "delta": {"content": "a"}}]},
    {"index": "x", "delta": {"text": "a"}}, {"output_index": -1, "delta": "a", "type": "response.output_text.delta"},
)  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.name for shape in SHAPES])
@pytest.mark.parametrize("document", ODD)
def test_odd_documents_raise_nothing_and_pass_as_they_are(shape: Shape, document: Any) -> None:
    for half in ("request", "answer"):
        exchange = Exchange(shape, "odd", half, Format.JSON, (document,))
        assert guarded(exchange, MASKING) == exchange.data
    exchange = stream_of(shape, [document])
    assert guarded(exchange, MASKING) == exchange.data


def test_lanes_have_sane_numbers_whatever_an_upstream_writes() -> None:
    reader = Reader(is_streamed=True)
    document = {"choices": [{"index": each, "delta": {"content": "a"}} for each in (1 << 40, True, None, -3, "x", 2)]}
    slots = reader.read(document, openai_chat.SHAPE.event, Scope()).slots
    assert len({slot.lane for slot in slots}) == len(slots)
    assert all(0 <= slot.lane.choice < 1 << 20 for slot in slots)


def test_of_a_name_that_does_not_end_as_much_is_kept_as_a_name_may_have() -> None:
    reader = Reader(is_streamed=True)
    named: list[str] = []
    for piece in ["search"] * 1000:
        call = {"index": 0, "function": {"name": piece}}
        document = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
        [slot] = reader.read(document, openai_chat.SHAPE.event, Scope()).slots
        assert (slot.text, slot.tool is not None and slot.tool.is_name) == (piece, True)
        named.append(slot.tool.name if slot.tool is not None else "")
    assert named[1] == "searchsearch"
    assert named[-1] == ("search" * 1000)[:1024]


def test_an_event_with_fields_that_no_event_has_is_read_as_it_stands() -> None:
    exchange = stream_of(openai_chat.SHAPE, [])
    assert guarded(exchange, MASKING, b"id: 1\nnote: 4111 1111 1111 1111\n\n") == b"id: 1\nnote: <CARD>\n\n"
    assert guarded(exchange, MASKING, b"no colon 4111 1111 1111 1111") == b"no colon <CARD>"
    silent = b": a comment\n\nid: 7\nretry: 100\n\nevent: ping\n\n"
    assert guarded(exchange, MASKING, silent) == silent


def test_text_behind_the_end_is_read_however_it_is_cut() -> None:
    late = [{"choices": [{"index": 0, "delta": {"content": each}, "finish_reason": "stop"}]} for each in PIECES]
    exchange = stream_of(openai_chat.SHAPE, [*chat(("Hi",)).frames, *late])
    for size in (1, 1 << 20):
        out = guarded(exchange, MASKING, size=size)
        assert b"1111" not in out
        assert said(exchange, out) == f"Hi{MASKED}"


def test_a_long_list_that_nobody_described_is_one_text() -> None:
    exchange = stream_of(GENERIC, [{"rows": [f"row {number}" for number in range(2000)] + ["4111 1111 1111 1111"]}])
    body = StreamedAnswer(GENERIC, Format.SSE, max_frame_bytes=1 << 20)
    assert len({each.lane for each in body.feed(exchange.data) if isinstance(each, Text)}) == 1
    assert b"<CARD>" in guarded(exchange, MASKING)


def told_usage(out: bytes) -> list[Any]:
    return [each["usage"] for each in payloads(Format.SSE, out) if isinstance(each, dict) and each.get("usage")]


def test_a_stopped_stream_tells_the_usage_that_was_asked_for() -> None:
    exchange = choices([(0, "four char"), (0, " forbidden "), (0, "b ")])
    out = guarded(exchange, BLOCKING, asked=AnswerOptions(wants_usage=True, chars=41))
    assert told_usage(out) == [{"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}]
    assert out.rstrip().endswith(b"[DONE]")


def test_a_stopped_stream_tells_what_the_provider_counted_last() -> None:
    counted = {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8}
    first = {"choices": [{"index": 0, "delta": {"content": "a "}}], "usage": counted}
    exchange = stream_of(openai_chat.SHAPE, [first, *choices([(0, "forbidden ")]).frames])
    out = guarded(exchange, BLOCKING, asked=AnswerOptions(wants_usage=True))
    assert told_usage(out)[-1] == counted


def test_no_usage_is_told_that_was_not_asked_for() -> None:
    assert told_usage(guarded(choices([(0, "a "), (0, "forbidden ")]), BLOCKING)) == []
