"""Cleared text leaves at the pace at which it came: later, in pieces, and otherwise as without pacing."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import IdleStream
from sidecar.outbox.memory import MemoryOutbox
from sidecar.pacing import STEP_MS, Pacing
from sidecar.policy.plan import Plan
from sidecar.releases import merge
from sidecar.session import Session
from sidecar.start import StreamStart
from sidecar.values import (
    Action,
    Annotation,
    Blocked,
    Channel,
    Direction,
    Found,
    Lane,
    Output,
    Redaction,
    Release,
)
from tests.fakes import SegmentFlagger, plan, rule
from tests.servers import FakeClock, HandScheduler, make_engine
from tests.session.test_session import LANE, Writer, settle, started
from tests.streams import NASTY

TOKEN_MS = 40.0
SENTENCE = "The train leaves at nine and arrives two hours later at the harbour."
TOKENS = [f"{word} " for word in SENTENCE.split()]


def paced(pace_ms: int = 2000) -> Plan:
    own = plan((SegmentFlagger("bad", label="FLAG"), [rule(Action.BLOCK, "FLAG")]), max_hold_ms=5000)
    return replace(own, stream=replace(own.stream, pace_ms=pace_ms))


def release(text: str, start: int = 0, lane: Lane = LANE, **said: object) -> Release:
    return Release(lane, text, start, start + len(text), **said)  # type: ignore[arg-type]


def taken(pacing: Pacing, until_ms: float, step_ms: float = 10.0) -> list[tuple[float, Release]]:
    """What leaves, with its time."""
    times = [step_ms * step for step in range(int(until_ms / step_ms) + 1)]
    return [(now_ms, output) for now_ms in times for output in pacing.take(now_ms) if isinstance(output, Release)]


# ---------------------------------------------------------------- the queue


class Counted(deque[tuple[float, Output]]):
    """A queue that counts what is taken from its end."""

    taken = 0

    def pop(self) -> tuple[float, Output]:  # type: ignore[override]  # a list's has an index
        self.taken += 1
        return super().pop()


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 200.0, 900.0])), max_size=30))
def test_lanes_in_turns_have_each_piece_hastened_once(turns: list[tuple[int, float]]) -> None:
    """Each output of another lane has all that waits be due: thousands may be cleared at once."""
    pacing = Pacing()
    pacing._waiting = queue = Counted()
    pacing.put([(release("some words here ", lane=Lane(choice)), spread_ms) for choice, spread_ms in turns], 5.0)
    assert pacing._waiting is queue
    assert queue.taken <= len(queue)
    pacing.hasten(5.0)
    merged = [(each.lane.choice, each.text) for each in pacing.take(5.0) if isinstance(each, Release)]
    assert [choice for choice, _ in groupby(choice for choice, _ in merged)] == [
        choice for choice, _ in groupby(choice for choice, _ in turns)
    ]
    assert "".join(text for _, text in merged) == "some words here " * len(turns)


@given(st.text(alphabet=NASTY + "ab  ", min_size=1, max_size=200), st.floats(0, 3000))
def test_pieces_are_the_text_in_order_within_the_time(text: str, spread_ms: float) -> None:
    pacing = Pacing()
    pacing.put([(release(text, 7), spread_ms)], 0.0)
    left = taken(pacing, spread_ms)
    pieces = [output for _, output in left]

    assert "".join(each.text for each in pieces) == text
    assert not pacing
    assert [each.start for each in pieces] == [7, *(each.end for each in pieces[:-1])]
    assert all(each.end - each.start == len(each.text) for each in pieces)


def test_pieces_begin_with_words_and_come_steadily() -> None:
    pacing = Pacing()
    pacing.put([(release(SENTENCE), 10 * STEP_MS)], 0.0)
    left = taken(pacing, 10 * STEP_MS)

    assert left[0][0] == 0
    assert all(output.text[0].isalpha() and SENTENCE[output.start - 1] == " " for _, output in left[1:])
    assert max(after - before for (before, _), (after, _) in pairwise(left)) <= 2 * STEP_MS


def test_what_is_said_of_a_text_leaves_with_the_whole_of_it() -> None:
    marked = release("ab cd", annotations=(Annotation(0, "LABEL", 0, 2, 1.0),))
    pacing = Pacing()
    pacing.put([(marked, 500.0)], 0.0)

    assert [output for _, output in taken(pacing, 1000)] == [marked]


_PARTS = st.lists(
    st.tuples(
        st.text(alphabet=NASTY + "ab  ", max_size=30), st.integers(1, 9), st.sampled_from(("", "<ID>", "x" * 40))
    ),
    max_size=5,
)


@given(_PARTS, st.text(alphabet="ab ", max_size=30), st.floats(0, 3000))
def test_redactions_stay_whole_and_in_their_place(
    parts: list[tuple[str, int, str]], tail: str, spread_ms: float
) -> None:
    text, offset, redactions = "", 0, []
    for before, size, replacement in parts:
        text, offset = text + before, offset + len(before)
        place = len(text), len(text) + len(replacement)
        redactions.append(Redaction(0, "LABEL", offset, offset + size, *place))
        text, offset = text + replacement, offset + size
    whole = Release(LANE, text + tail, 0, offset + len(tail), (), tuple(redactions))
    pacing = Pacing()
    pacing.put([(whole, spread_ms)], 0.0)
    pieces = [output for _, output in taken(pacing, spread_ms + 10)]

    assert list(merge(pieces)) == [whole]
    assert all(
        piece.text[each.replacement_start : each.replacement_end] in ("", "<ID>", "x" * 40)
        for piece in pieces
        for each in piece.redactions
    )


def test_a_block_and_another_lane_let_go_what_waits() -> None:
    other: Output = release("calls", lane=Lane(channel=Channel.TOOL_ARGUMENTS))
    stop = Blocked(LANE, 0, len(SENTENCE), "", "LABEL", "")
    for follows in (other, stop):
        pacing = Pacing()
        pacing.put([(release(SENTENCE), 800.0)], 0.0)
        pacing.put([(follows, 0.0)], 100.0)
        *before, last = pacing.take(100.0)
        assert "".join(each.text for each in before if isinstance(each, Release)) == SENTENCE
        assert last == follows


def test_what_was_cleared_together_leaves_one_after_the_other() -> None:
    pacing = Pacing()
    marked = release("ID", len(SENTENCE), annotations=(Annotation(0, "LABEL", 0, 2, 1.0),))
    pacing.put([(release(SENTENCE), 800.0), (marked, 100.0)], 0.0)
    pacing.put([(release(SENTENCE, len(SENTENCE) + 2), 800.0)], 0.0)
    left = taken(pacing, 2000)

    assert "".join(output.text for _, output in left) == f"{SENTENCE}ID{SENTENCE}"
    assert [now_ms for now_ms, output in left if output is marked] == [800]
    assert 900 < left[-1][0] <= 1700


# ---------------------------------------------------------------- in a session


class Scene:
    """A session whose text comes a token each 40 ms, and whose models answer at once."""

    def __init__(self, session: Session, clock: FakeClock, scheduler: HandScheduler) -> None:
        self.session = session
        self.writer = Writer(session)
        self._clock = clock
        self._scheduler = scheduler
        self._answered = 0

    async def feed(self, *tokens: str, lane: Lane = LANE) -> None:
        for token in tokens:
            await self.session.feed(lane, token)
            await self.wait(TOKEN_MS)

    async def wait(self, ms: float) -> None:
        for _ in range(int(ms / 10)):
            await settle(self.session)
            for request in self._scheduler.requests[self._answered :]:
                request.answer(Found(request.segment.to_lane(request.detector.detect([request.item])[0])))
            self._answered = len(self._scheduler.requests)
            await settle(self.session)
            self._clock.advance(10)
        await settle(self.session)

    async def finish(self) -> None:
        self.session.finish()
        await self.wait(20)
        await self.writer.task


async def scene(own: Plan, outbox: MemoryOutbox, start: StreamStart | None = None):
    clock, scheduler = FakeClock(), HandScheduler()
    engine = make_engine(own, outbox=outbox, clock=clock, scheduler=scheduler)
    return engine.open(start or StreamStart()), clock, scheduler


async def test_a_sentence_is_read_as_it_was_written() -> None:
    opened, clock, scheduler = await scene(paced(), await started())
    async with opened as session:
        own = Scene(session, clock, scheduler)
        await own.feed(*TOKENS, "Then")
        assert own.writer.text != SENTENCE
        cleared_ms = clock.ms
        for _ in range(20):
            await own.wait(STEP_MS)
            if len(own.writer.text) == len(SENTENCE):
                break
        pieces = [each.text for each in own.writer.shown if isinstance(each, Release)]
        assert len(pieces) >= 5
        assert clock.ms - cleared_ms <= len(TOKENS) * TOKEN_MS + STEP_MS, "no longer than it took to come"
        await own.finish()
    assert own.writer.text == SENTENCE + " Then"


async def test_without_pacing_it_leaves_at_once() -> None:
    opened, clock, scheduler = await scene(paced(0), await started())
    async with opened as session:
        own = Scene(session, clock, scheduler)
        await own.feed(*TOKENS, "Then")
        assert own.writer.text == SENTENCE
        await own.finish()
    assert len(own.writer.shown) == 3


async def test_nothing_waits_for_its_time_when_the_text_is_over() -> None:
    ends = {
        "the stream": lambda session: session.finish(),
        "its lane": lambda session: session.end_lane(LANE),
        "its choice": lambda session: session.end_choice(0),
    }
    for what, end in ends.items():
        opened, clock, scheduler = await scene(paced(), await started())
        async with opened as session:
            own = Scene(session, clock, scheduler)
            await own.feed(*TOKENS, "Then")
            end(session)
            await settle(session)
            assert own.writer.text.startswith(SENTENCE), what
            await own.finish()


async def test_who_waits_for_what_leaves_is_not_kept_waiting() -> None:
    """Envoy's mode of a reply to each chunk: what is not in the reply leaves behind the next chunk alone."""
    opened, clock, scheduler = await scene(paced(), await started())
    async with opened as session:
        own = Scene(session, clock, scheduler)
        for token in (*TOKENS, "Then"):
            await session.feed(LANE, token)
            waiting = asyncio.create_task(session.settled())
            await own.wait(TOKEN_MS)
            await waiting
        assert own.writer.text == SENTENCE
        await own.finish()


async def test_what_waits_leaves_before_a_silent_stream_is_given_up() -> None:
    clock, scheduler, outbox = FakeClock(), HandScheduler(), await started()
    engine = make_engine(paced(), outbox=outbox, clock=clock, scheduler=scheduler, idle_seconds=0.2)
    texts: list[str] = []

    async def fall_silent() -> None:
        async with engine.open(StreamStart()) as session:
            own = Scene(session, clock, scheduler)
            await own.feed(*TOKENS, "Then")
            assert len(own.writer.text) < len(SENTENCE)
            await own.wait(250)
            texts.append(own.writer.text)
            await own.writer.task

    with pytest.raises(IdleStream):
        await fall_silent()
    assert texts == [SENTENCE]


async def test_a_block_and_another_lane_do_not_wait_behind_it() -> None:
    opened, clock, scheduler = await scene(paced(), await started())
    async with opened as session:
        own = Scene(session, clock, scheduler)
        await own.feed(*TOKENS, "bad")
        await own.feed(". So")
        assert own.writer.text == SENTENCE
        assert any(isinstance(each, Blocked) for each in own.writer.shown)
        await own.finish()

    opened, clock, scheduler = await scene(paced(), await started())
    async with opened as session:
        own = Scene(session, clock, scheduler)
        await own.feed(*TOKENS, "Then")
        assert len(own.writer.text) < len(SENTENCE)
        await session.feed(Lane(channel=Channel.TOOL_ARGUMENTS), "{")
        await settle(session)
        assert own.writer.text.startswith(SENTENCE)
        await own.finish()


async def test_an_input_is_not_paced_and_a_body_is_not_delayed() -> None:
    opened, clock, scheduler = await scene(paced(), await started(), StreamStart(direction=Direction.INPUT))
    async with opened as session:
        own = Scene(session, clock, scheduler)
        await own.feed(*TOKENS, "Then")
        assert own.writer.text == SENTENCE
        await own.finish()

    opened, clock, scheduler = await scene(paced(), await started())
    async with opened as session:
        own = Scene(session, clock, scheduler)
        await own.feed(f"{SENTENCE} Then")
        assert own.writer.text == SENTENCE, "it came at once"
        await own.finish()


async def test_the_hold_is_counted_to_when_a_piece_leaves() -> None:
    held: list[float] = []
    for pace_ms in (0, 2000):
        opened, clock, scheduler = await scene(paced(pace_ms), await started())
        async with opened as session:
            own = Scene(session, clock, scheduler)
            await own.feed(*TOKENS, "Then")
            await own.wait(1000)
            await own.finish()
            held.append(own.writer.shown[-1].max_held_ms)  # type: ignore[union-attr]
    assert held[0] >= 1000
    assert held[1] <= held[0] + 2 * STEP_MS, "no character waits longer than the first of its segment"
