"""Wire messages to values and back: nothing is lost, and what makes no sense is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.types import Finding
from sidecar.config import Limits
from sidecar.core.stream import LaneCoverage
from sidecar.errors import CallerError
from sidecar.session import Shown
from sidecar.start import Passage
from sidecar.summary import StreamSummary
from sidecar.transport import convert
from sidecar.transport.lanes import LaneReader
from sidecar.values import (
    Action,
    Annotation,
    Blocked,
    Channel,
    Decision,
    Direction,
    Exposure,
    Lane,
    Part,
    Redaction,
    Release,
)
from tests.fakes import WordScanner, plan, rule
from tests.streams import NASTY, cuts_of
from tidegate import _wire, types
from tidegate.v1 import guard_pb2 as pb

PLAN = plan((WordScanner("x"), [rule(Action.REDACT), rule(Action.BLOCK, index=1)]))

offsets = st.integers(0, 2**40)
words = st.text(max_size=20)
numbers = st.integers(0, 2**32 - 1)
lanes = st.builds(Lane, numbers, st.sampled_from(Channel), st.sampled_from(Part), numbers)
scores = st.floats(0, 1)
remarks = st.builds(Annotation, st.integers(0, 1), words, offsets, offsets, scores, words)
redactions = st.builds(Redaction, st.integers(0, 1), words, offsets, offsets, offsets, offsets)
releases = st.builds(
    Release,
    lanes,
    words,
    offsets,
    offsets,
    st.lists(remarks, max_size=2).map(tuple),
    st.lists(redactions, max_size=2).map(tuple),
)
blocks = st.builds(Blocked, lanes, st.integers(0, 1), offsets, words, words, words)


def lane_as_client_sees(lane: Lane) -> types.Lane:
    return types.Lane(lane.choice, lane.channel.value, lane.part.value, lane.item)


@given(releases)
def test_a_release_survives_the_wire(release: Release):
    data = convert.response_of(release, PLAN).SerializeToString()
    read = _wire.Responses("raise").read(data)

    assert read == types.Release(
        text=release.text,
        lane=lane_as_client_sees(release.lane),
        input=types.Span(release.start, release.end),
        annotations=tuple(
            types.Annotation(PLAN.rules[a.rule].id, a.label, types.Span(a.start, a.end), a.score, a.reason)
            for a in release.annotations
        ),
        redactions=tuple(
            types.Redaction(
                PLAN.rules[r.rule].id,
                r.label,
                types.Span(r.start, r.end),
                types.Span(r.replacement_start, r.replacement_end),
            )
            for r in release.redactions
        ),
    )


@given(blocks)
def test_a_block_survives_the_wire(blocked: Blocked):
    read = _wire.Responses("yield").read(convert.response_of(blocked, PLAN, "\n\n").SerializeToString())

    assert read == types.Verdict(
        rule=PLAN.rules[blocked.rule].id,
        label=blocked.label,
        reason=blocked.reason,
        message=blocked.message,
        position=blocked.position,
        lane=lane_as_client_sees(blocked.lane),
        joint="\n\n",
    )


@given(lanes, st.sampled_from(Action), offsets, st.floats(0, 1e6))
def test_a_summary_survives_the_wire(lane: Lane, done: Action, count: int, held_ms: float):
    decision = Decision(
        1, 1, lane, Finding(3, 9, "WORD", 0.5, "why"), Action.BLOCK, done, Exposure(0, 2, 1.0), "secret"
    )
    summary = StreamSummary(
        stream_id="id",
        plan=PLAN,
        action=done,
        violations=(decision,),
        violation_count=count,
        coverage=(LaneCoverage(lane, count, count, 1, ("late",)),),
        max_held_ms=held_ms,
        median_held_ms=0.0,
        max_held_chars=count,
    )
    data = convert.response_of(summary, PLAN).SerializeToString()
    read = _wire.Responses("raise").read(data)

    assert b"secret" not in data
    assert isinstance(read, types.Summary)
    assert read.policy == types.Policy("test", "1", "0" * 64)
    assert (read.action, read.violation_count, read.max_held_chars) == (done.name.lower(), count, count)
    assert read.max_held_seconds == pytest.approx(held_ms / 1000, abs=1e-6)
    [violation] = read.violations
    assert (violation.rule, violation.severity, violation.decided, violation.done) == (
        "rule-1",
        "high",
        "block",
        done.name.lower(),
    )
    assert (violation.span, violation.leaked_chars) == (types.Span(3, 9), 2)
    [coverage] = read.coverage
    assert (coverage.received_chars, coverage.unscanned_chars, coverage.reasons) == (count, 1, ("late",))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "policy": words,
            "tenant": words,
            "session_id": words,
            "request_id": words,
            "model": words,
            "prompt_version": words,
            "prompt": words,
            "labels": st.dictionaries(words, words, max_size=3),
            "attributes": st.dictionaries(words, words, max_size=3),
            "direction": st.sampled_from(["input", "output"]),
        },
    )
)
def test_what_a_client_says_of_a_stream_arrives(options: types.StreamOptions):
    message = convert.parse(pb.StreamRequest, _wire.start_request(options))
    start = convert.start_of(message.start)

    assert start.direction == options.get("direction", "output")
    for name in ("policy", "tenant", "session_id", "request_id", "model", "prompt_version", "prompt"):
        assert getattr(start, name) == options.get(name, "")
    assert start.labels == options.get("labels", {})
    assert start.attributes == options.get("attributes", {})


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"doc": "text"}, [("doc", "text")]),
        (["one", "two"], [("1", "one"), ("2", "two")]),
        ([("a", "one"), "two"], [("a", "one"), ("2", "two")]),
        ((), []),
    ],
)
def test_context_is_by_id_or_numbered(context: types.Context, expected: list[tuple[str, str]]):
    message = convert.parse(pb.StreamRequest, _wire.start_request({"context": context}))
    assert convert.start_of(message.start).context == tuple(Passage(*pair) for pair in expected)


# --- text -------------------------------------------------------------------------------------------------------------


def reader(**limits: int) -> LaneReader:
    return LaneReader(Direction.OUTPUT, Limits(**limits))


def test_a_lane_may_not_end_inside_a_character():
    texts, lane = reader(), Lane()
    texts.text_of(pb.Chunk(data="é".encode()[:1]), lane)
    texts.end(Lane(1))
    with pytest.raises(CallerError, match="the lane ends inside a character"):
        texts.end(lane)


def fed(texts: LaneReader, pieces: list[bytes]) -> str:
    return "".join(texts.text_of(pb.Chunk(data=piece), Lane()) for piece in pieces)


def cuts_of_bytes(data: bytes) -> st.SearchStrategy[tuple[bytes, list[bytes]]]:
    cuts = cuts_of(data.decode("latin-1"))
    return cuts.map(lambda pieces: (data, [piece.encode("latin-1") for piece in pieces]))


@given(st.text(alphabet=NASTY, max_size=40).map(str.encode).flatmap(cuts_of_bytes))
def test_bytes_may_be_cut_inside_a_character(example: tuple[bytes, list[bytes]]):
    data, pieces = example
    texts = reader()
    assert fed(texts, pieces) == data.decode()
    texts.finish()


def test_each_lane_has_its_own_half_characters():
    texts = reader()
    half, rest = "é".encode()[:1], "é".encode()[1:]
    assert texts.text_of(pb.Chunk(data=half), Lane(0)) == ""
    assert texts.text_of(pb.Chunk(data=half), Lane(1)) == ""
    assert texts.text_of(pb.Chunk(data=rest), Lane(0)) == "é"
    assert texts.text_of(pb.Chunk(data=rest), Lane(1)) == "é"


@given(st.binary(max_size=12))
def test_bytes_are_text_or_refused_and_never_quoted(data: bytes):
    def read() -> str:
        texts = reader()
        text = fed(texts, [data[:5], data[5:]])
        texts.finish()
        return text

    try:
        expected = data.decode()
    except UnicodeDecodeError:
        with pytest.raises(CallerError) as caught:
            read()
        assert caught.value.field == "chunk.data"
        return
    assert read() == expected


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xff", "never a start"),
        (b"\xc0\x80", "overlong"),
        (b"\xed\xa0\x80", "a surrogate"),
        (b"\xf4\x90\x80\x80", "beyond the last code point"),
    ],
)
def test_what_is_not_utf8_is_refused_in_bytes_and_in_text(data: bytes, why: str):
    with pytest.raises(CallerError, match="UTF-8"):
        fed(reader(), [data])
    as_text = b"\x12" + bytes([len(data) + 2]) + b"\x12" + bytes([len(data)]) + data
    with pytest.raises(CallerError, match="UTF-8"):
        convert.parse(pb.StreamRequest, as_text)


def test_a_text_may_not_come_between_the_halves_of_a_character():
    texts = reader()
    texts.text_of(pb.Chunk(data=b"\xc3"), Lane())
    with pytest.raises(CallerError) as caught:
        texts.text_of(pb.Chunk(text="a"), Lane())
    assert caught.value.field == "chunk.text"


def test_a_stream_may_not_end_inside_a_character():
    texts = reader()
    texts.text_of(pb.Chunk(data=b"\xc3"), Lane())
    with pytest.raises(CallerError, match="inside a character"):
        texts.finish()


@pytest.mark.parametrize(
    ("chunk", "field"),
    [
        (pb.Chunk(text="a" * 17), "chunk.text"),
        (pb.Chunk(text="é" * 9), "chunk.text"),
        (pb.Chunk(data=b"a" * 17), "chunk.data"),
    ],
)
def test_a_chunk_has_a_size_in_bytes(chunk: pb.Chunk, field: str):
    with pytest.raises(CallerError) as caught:
        reader(max_chunk_bytes=16).text_of(chunk, Lane())
    assert (caught.value.field, caught.value.limit) == (field, 16)


def test_a_chunk_of_just_that_size_is_taken():
    assert reader(max_chunk_bytes=16).text_of(pb.Chunk(text="é" * 8), Lane()) == "é" * 8


# --- lanes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("direction", "part"), [(Direction.OUTPUT, Part.MODEL), (Direction.INPUT, Part.USER)])
def test_a_part_that_is_not_said_follows_from_the_direction(direction: Direction, part: Part):
    lane = LaneReader(direction, Limits()).lane_of(pb.Lane(choice=3))
    assert lane == Lane(3, Channel.CONTENT, part)


@given(lanes, lanes)
def test_a_lane_survives_the_wire_and_is_taken_for_no_other(one: Lane, other: Lane):
    texts = reader()
    for lane in (one, other):
        sent = types.Chunk("x", lane_as_client_sees(lane))
        [data] = _wire.chunk_requests(sent)
        assert texts.lane_of(convert.parse(pb.StreamRequest, data).chunk.lane) == lane


def test_texts_of_one_channel_are_told_apart():
    texts = reader()
    assert [texts.lane_of(pb.Lane(item=item)).item for item in (0, 1, 2, 1)] == [0, 1, 2, 1]


def test_words_of_a_later_version_are_refused_by_name():
    later = 99
    for message, field in (
        (pb.Lane(channel=later), "chunk.lane.channel"),  # type: ignore[arg-type]
        (pb.Lane(part=later), "chunk.lane.part"),  # type: ignore[arg-type]
    ):
        with pytest.raises(CallerError) as caught:
            reader().lane_of(message)
        assert caught.value.field == field
    with pytest.raises(CallerError) as caught:
        convert.start_of(pb.Start(direction=later))  # type: ignore[arg-type]
    assert caught.value.field == "start.direction"


# --- one answer -------------------------------------------------------------------------------------------------------


def test_redactions_of_a_check_are_placed_in_the_whole_text():
    shown: list[Shown] = [
        Release(Lane(), "abc", 0, 3),
        Release(Lane(), "<X> d", 3, 11, redactions=(Redaction(0, "X", 3, 9, 0, 3),)),
        Blocked(Lane(), 1, 11, "Stop.", "WORD", ""),
    ]
    response = convert.check_response_of(shown, PLAN)

    assert response.text == "abc<X> d"
    [redaction] = response.redactions
    assert response.text[redaction.replacement.start : redaction.replacement.end] == "<X>"
    assert (response.verdict.rule, response.verdict.message) == ("rule-1", "Stop.")
