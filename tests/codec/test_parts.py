"""Answers of several parts: they stream, a field may go on after another, and a stop stops what stands behind it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from sidecar.codec.body import StreamedAnswer
from sidecar.codec.formats import Format
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
)
from sidecar.core.stream import Stream
from sidecar.policy.plan import Plan
from sidecar.values import Action
from tests.codec.playing import feed, leaves, payloads, take
from tests.exchanges.openai_chat import call as chat_call
from tests.exchanges.openai_chat import chunk
from tests.exchanges.wire import Frame, written
from tests.fakes import WordScanner, plan, rule

CARD = r"(?<!\d)\d{4}(?: ?\d{4}){3}(?!\d)"
_MASK = (WordScanner(CARD, label="CARD"), [rule(Action.REDACT, "CARD")])
_STOP = (WordScanner("forbidden"), [rule(Action.BLOCK, index=1, message="Stopped.")])
MASKING: Plan = plan(_MASK)
BOTH: Plan = plan(_MASK, _STOP)

ENDINGS: dict[str, Sequence[str]] = {
    "plain word": ("Three ", "words ", "more"),
    "half a card": ("It is ", "4111 11"),
    "half a card at a gap": ("It is ", "4111 1111"),
    "half a blocked word": ("It is ", "forbid"),
    "digits": ("It is ", "12"),
    "open quote": ("They say ", '"so'),
    "emoji": ("Look ", "\U0001f600"),
    "joined emoji": ("Look ", "\U0001f468\u200d"),
    "beginning of a URL": ("See ", "https://exam"),
    "white space": ("Well. ", "\n\n"),
    "whole match": ("It is ", "4111 1111 1111 1111"),
    "one character": ("x",),
    "nothing": ("",),
}
SECOND = ("SECOND ", "part ", "goes ", "on ", "and ends.")
MOST_LATE = 1
"""How many frames later a part's first piece may leave than it came: its last character waits for what follows."""

Part = Callable[[int, Sequence[str]], list[Frame]]
"""The frames of a part: its place in the answer, and its pieces."""


@dataclass(frozen=True)
class Api:
    """How a shape's streams say their parts."""

    shape: Shape
    form: Format
    parts: dict[str, Part]
    last: tuple[Frame, ...]
    calls_come_whole: bool = False

    def __str__(self) -> str:
        return self.shape.name


def _deltas(field: str, index: int = 0) -> Part:
    return lambda at, pieces: [chunk({field: each}, index=index) for each in pieces]


def _json(pieces: Sequence[str]) -> list[str]:
    """Arguments in pieces."""
    return ['{"note": "', *(json.dumps(each)[1:-1] for each in pieces), '"}']


def _chat_call(at: int, pieces: Sequence[str]) -> list[Frame]:
    named = chunk(chat_call(at, "", "look_up", f"c{at}"))
    return [named, *(chunk(chat_call(at, each)) for each in _json(pieces))]


CHAT = Api(
    openai_chat.SHAPE,
    Format.SSE,
    {
        "reasoning": _deltas("reasoning_content"),
        "text": _deltas("content"),
        "refusal": _deltas("refusal"),
        "call": _chat_call,
        "other choice": _deltas("content", 1),
    },
    (chunk({}, "stop"), chunk({}, "stop", 1), "[DONE]"),
)


def _block(begin: dict[str, Any], delta: Callable[[str], dict[str, Any]], pieces_of: Any = list) -> Part:
    def frames(at: int, pieces: Sequence[str]) -> list[Frame]:
        told = [
            {"type": "content_block_start", "index": at, "content_block": begin},
            *({"type": "content_block_delta", "index": at, "delta": delta(each)} for each in pieces_of(pieces)),
            {"type": "content_block_stop", "index": at},
        ]
        return [(str(each["type"]), each) for each in told]

    return frames


ANTHROPIC = Api(
    anthropic.SHAPE,
    Format.SSE,
    {
        "reasoning": _block(
            {"type": "thinking", "thinking": ""}, lambda each: {"type": "thinking_delta", "thinking": each}
        ),
        "text": _block({"type": "text", "text": ""}, lambda each: {"type": "text_delta", "text": each}),
        "call": _block(
            {"type": "tool_use", "id": "t1", "name": "look_up", "input": {}},
            lambda each: {"type": "input_json_delta", "partial_json": each},
            _json,
        ),
    },
    (
        ("message_delta", {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}),
        ("message_stop", {"type": "message_stop"}),
    ),
)


def _item(item: dict[str, Any], about: str, field: str, where: dict[str, Any], pieces_of: Any = list) -> Part:
    def frames(at: int, pieces: Sequence[str]) -> list[Frame]:
        said = pieces_of(pieces)
        place = {"output_index": at, "item_id": f"i{at}", **where}
        told = [
            {"type": "response.output_item.added", "output_index": at, "item": {"id": f"i{at}", **item}},
            *({"type": f"{about}.delta", **place, "delta": each} for each in said),
            {"type": f"{about}.done", **place, field: "".join(said)},
            {"type": "response.output_item.done", "output_index": at, "item": {"id": f"i{at}", **item}},
        ]
        return [(str(each["type"]), each) for each in told]

    return frames


RESPONSES = Api(
    openai_responses.SHAPE,
    Format.SSE,
    {
        "reasoning": _item(
            {"type": "reasoning", "summary": []}, "response.reasoning_summary_text", "text", {"summary_index": 0}
        ),
        "text": _item({"type": "message", "content": []}, "response.output_text", "text", {"content_index": 0}),
        "refusal": _item({"type": "message", "content": []}, "response.refusal", "refusal", {"content_index": 0}),
        "call": _item(
            {"type": "function_call", "name": "look_up", "arguments": ""},
            "response.function_call_arguments",
            "arguments",
            {},
            _json,
        ),
    },
    (("response.completed", {"type": "response.completed", "response": {"output": []}}),),
)


def _candidate(part: Callable[[str], dict[str, Any]], index: int = 0) -> Part:
    return lambda at, pieces: [
        {"candidates": [{"content": {"parts": [part(each)], "role": "model"}, "index": index}]} for each in pieces
    ]


GEMINI = Api(
    gemini.SHAPE,
    Format.SSE,
    {
        "reasoning": _candidate(lambda each: {"text": each, "thought": True}),
        "text": _candidate(lambda each: {"text": each}),
        "call": lambda at, pieces: _candidate(
            lambda each: {"functionCall": {"name": "look_up", "args": {"note": each}}}
        )(at, ["".join(pieces)]),
        "other choice": _candidate(lambda each: {"text": each}, 1),
    },
    ({"candidates": [{"finishReason": "STOP", "index": each} for each in (0, 1)]},),
    calls_come_whole=True,
)


def _converse(begin: dict[str, Any] | None, delta: Callable[[str], dict[str, Any]], pieces_of: Any = list) -> Part:
    def frames(at: int, pieces: Sequence[str]) -> list[Frame]:
        started = [("contentBlockStart", {"contentBlockIndex": at, "start": begin})] if begin else []
        said = [("contentBlockDelta", {"contentBlockIndex": at, "delta": delta(each)}) for each in pieces_of(pieces)]
        return [*started, *said, ("contentBlockStop", {"contentBlockIndex": at})]

    return frames


BEDROCK = Api(
    bedrock.SHAPE,
    Format.EVENT_STREAM,
    {
        "reasoning": _converse(None, lambda each: {"reasoningContent": {"text": each}}),
        "text": _converse(None, lambda each: {"text": each}),
        "call": _converse(
            {"toolUse": {"toolUseId": "t1", "name": "look_up"}}, lambda each: {"toolUse": {"input": each}}, _json
        ),
    },
    (("messageStop", {"stopReason": "end_turn"}), ("metadata", {"usage": {}, "metrics": {}})),
)


def _event(kind: str, at: int, message: Any = None) -> Frame:
    return kind, {"type": kind, "index": at, **({"delta": {"message": message}} if message is not None else {})}


def _cohere(kind: str, field: str) -> Part:
    return lambda at, pieces: [
        _event("content-start", at, {"content": {"type": kind, field: ""}}),
        *(_event("content-delta", at, {"content": {field: each}}) for each in pieces),
        _event("content-end", at),
    ]


def _cohere_call(at: int, pieces: Sequence[str]) -> list[Frame]:
    begin = {"id": f"c{at}", "type": "function", "function": {"name": "look_up", "arguments": ""}}
    return [
        _event("tool-call-start", at, {"tool_calls": begin}),
        *(_event("tool-call-delta", at, {"tool_calls": {"function": {"arguments": each}}}) for each in _json(pieces)),
        _event("tool-call-end", at),
    ]


COHERE = Api(
    cohere.SHAPE,
    Format.SSE,
    {"reasoning": _cohere("thinking", "thinking"), "text": _cohere("text", "text"), "call": _cohere_call},
    (("message-end", {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}),),
)


def _said(field: str) -> Part:
    return lambda at, pieces: [
        {"model": "m", "message": {"role": "assistant", "content": "", field: each}, "done": False} for each in pieces
    ]


OLLAMA = Api(
    ollama.SHAPE,
    Format.LINES,
    {
        "reasoning": _said("thinking"),
        "text": _said("content"),
        "call": lambda at, pieces: _tool_calls("".join(pieces)),
    },
    ({"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"},),
    calls_come_whole=True,
)


def _tool_calls(note: str) -> list[Frame]:
    calls = [{"function": {"name": "look_up", "arguments": {"note": note}}}]
    return [{"model": "m", "message": {"role": "assistant", "content": "", "tool_calls": calls}, "done": False}]


def _completed(index: int) -> Part:
    return lambda at, pieces: [{"choices": [{"index": index, "text": each}]} for each in pieces]


COMPLETIONS = Api(
    openai_completions.SHAPE,
    Format.SSE,
    {"text": _completed(0), "other choice": _completed(1)},
    ({"choices": [{"index": each, "text": "", "finish_reason": "stop"} for each in (0, 1)]}, "[DONE]"),
)

APIS = (CHAT, COMPLETIONS, RESPONSES, ANTHROPIC, GEMINI, BEDROCK, COHERE, OLLAMA)


def pairs() -> Iterator[Any]:
    for api in APIS:
        for first, second in itertools.product(api.parts, repeat=2):
            if first != second or api in (RESPONSES, ANTHROPIC, BEDROCK, COHERE):
                yield pytest.param(api, first, second, id=f"{api}-{first}-{second}")


# -- playing ----------------------------------------------------------------------------------------------------------


def steps(api: Api, frames: Sequence[Frame], plan: Plan) -> list[bytes]:
    """What leaves with each frame that comes, and at the end."""
    choices = 2 if "other choice" in api.parts else 1
    body = StreamedAnswer(
        api.shape, api.form, max_frame_bytes=1 << 20, asked=AnswerOptions(choices=choices), holds_calls=plan.holds_calls
    )
    stream, out = Stream(plan), []
    for frame in frames:
        feed(stream, body.feed(written(api.form, frame)))
        take(stream, body)
        out.append(body.ready())
    feed(stream, body.finish())
    stream.close()
    take(stream, body)
    body.flush()
    return [*out, body.ready()]


NAMES = frozenset({"type", "id", "index", "output_index", "item_id", "object", "model", "created", "role"})
"""Fields that name a frame: one for a held tail has them as well."""


def texts(api: Api, data: bytes) -> str:
    """All that is said, in its order; arguments opened."""
    return "".join(
        value
        for document in payloads(api.form, data)
        if isinstance(document, dict)
        for path, value in leaves(document)
        if isinstance(value, str) and path[-1] not in NAMES
    )


def first_step(api: Api, out: Sequence[bytes], word: str) -> int:
    return next(number for number, data in enumerate(out) if word in texts(api, data))


@pytest.mark.parametrize(("api", "first", "second"), list(pairs()))
def test_a_second_part_streams_however_the_first_ends(api: Api, first: str, second: str) -> None:
    for name, ending in ENDINGS.items():
        said = api.parts[second](1, SECOND)
        frames = [*api.parts[first](0, ending), *said, *api.last]
        came = next(number for number, frame in enumerate(frames) if "SECOND" in str(frame))
        for policy in (MASKING, BOTH):
            whole = second == "call" and policy.holds_calls
            may_leave = came + len(said) + 1 if whole else came + MOST_LATE
            assert first_step(api, steps(api, frames, policy), "SECOND") <= may_leave, (name, policy.holds_calls)


@pytest.mark.parametrize(("api", "first", "second"), list(pairs()))
def test_parts_say_what_they_said(api: Api, first: str, second: str) -> None:
    for name, ending in ENDINGS.items():
        frames = [*api.parts[first](0, ending), *api.parts[second](1, SECOND), *api.last]
        out = b"".join(steps(api, frames, BOTH))
        clean = b"".join(written(api.form, each) for each in frames)
        if name == "whole match":
            assert "4111" not in texts(api, out)
            assert "SECOND" in texts(api, out)
        else:
            assert sorted(spoken_words(api, out)) == sorted(spoken_words(api, clean)), name


def spoken_words(api: Api, data: bytes) -> str:
    return "".join(each for each in texts(api, data) if each.isalnum())


# -- going on ---------------------------------------------------------------------------------------------------------

REOPENED = [
    (CHAT, "reasoning", "text"),
    (CHAT, "text", "reasoning"),
    (OLLAMA, "reasoning", "text"),
    (CHAT, "text", "call"),
]


@pytest.mark.parametrize(("api", "first", "second"), REOPENED, ids=str)
@pytest.mark.parametrize("at", [4, 7, 9, 14, 16, 18])
def test_a_card_across_other_parts_is_found(api: Api, first: str, second: str, at: int) -> None:
    card = "4111 1111 1111 1111"
    one, other = api.parts[first], api.parts[second]
    frames = [*one(0, ["It is ", card[:at]]), *other(1, ["Meanwhile. "]), *one(0, [card[at:], " ok"]), *api.last]
    said = texts(api, b"".join(steps(api, frames, MASKING)))
    assert "<CARD>" in said
    assert card[:at].strip() not in said.replace("Meanwhile", "")
    assert "1111" not in said


@pytest.mark.parametrize(("api", "first", "second"), REOPENED, ids=str)
@pytest.mark.parametrize("at", range(1, 9))
def test_a_blocked_word_across_other_parts_is_found(api: Api, first: str, second: str, at: int) -> None:
    word = "forbidden"
    one, other = api.parts[first], api.parts[second]
    frames = [*one(0, ["It is ", word[:at]]), *other(1, ["Meanwhile. "]), *one(0, [word[at:], " behind"]), *api.last]
    said = texts(api, b"".join(steps(api, frames, BOTH)))
    assert word[at:] + " " not in said
    assert "behind" not in said
    assert "Stopped." in said


# -- stopping ---------------------------------------------------------------------------------------------------------

ORDERS = [
    ("reasoning", "text", "call"),
    ("text", "call", "text"),
    ("reasoning", "call", "call"),
    ("text", "reasoning", "text", "call"),
    ("text", "text", "text"),
]


def plantings() -> Iterator[Any]:
    for api in APIS:
        for order in (each for each in ORDERS if api.parts.keys() >= set(each)):
            for part, piece in itertools.product(range(len(order)), range(3)):
                yield pytest.param(api, order, part, piece, id=f"{api}-{'-'.join(order)}-{part}-{piece}")


@pytest.mark.parametrize(("api", "order", "part", "piece"), list(plantings()))
def test_a_block_lets_out_what_stands_before_it_and_nothing_else(
    api: Api, order: Sequence[str], part: int, piece: int
) -> None:
    said = [[f"w{number}{place}w " for place in range(3)] for number in range(len(order))]
    said[part][piece] = f"b{part}{piece}b forbidden a{part}{piece}a "
    frames = [frame for number, kind in enumerate(order) for frame in api.parts[kind](number, said[number])]
    data = b"".join(steps(api, [*frames, *api.last], BOTH))
    out = texts(api, data)
    assert "forbidden" not in out
    assert f"a{part}{piece}a" not in out
    assert "Stopped." in out
    for number, place in itertools.product(range(len(order)), range(3)):
        if (number, place) == (part, piece):
            continue
        assert (f"w{number}{place}w" in out) == leaves_whole(order, part, piece, number, place), (number, place)
    for value in (json.loads(each) for each in arguments(api, data)):
        assert isinstance(value, dict)


def leaves_whole(order: Sequence[str], part: int, piece: int, number: int, place: int) -> bool:
    """Whether a piece stands before the block, and is not of a call that stands with it."""
    if order[number] == "call":
        return number < part and order[part] != "call"
    return (number, place) < (part, piece)


def arguments(api: Api, data: bytes) -> Iterator[str]:
    """The arguments of all calls that are told as texts: pieces of one call joined."""
    found: dict[Any, str] = {}
    for number, document in enumerate(payloads(api.form, data)):
        told = list(leaves(document)) if isinstance(document, dict) else []
        place = str([value for path, value in told if path[-1] in ("index", "contentBlockIndex")])
        for path, value in told:
            if isinstance(value, str) and value and path[-1] in ("arguments", "partial_json", "input"):
                key = number if api is RESPONSES else place
                found[key] = found.get(key, "") + value
    yield from found.values()


@pytest.mark.parametrize("api", APIS, ids=str)
def test_frames_that_a_replacement_empties_are_left_out(api: Api) -> None:
    pieces = ["It is ", *"4111 1111 1111 1111", " ok"]
    frames = [*api.parts["text"](0, pieces), *api.last]
    out = b"".join(steps(api, frames, MASKING))
    assert len(payloads(api.form, out)) <= len(frames) - len(pieces) + 4
    assert "<CARD>" in texts(api, out)
