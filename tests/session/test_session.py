"""One stream in its session: order of outcomes, time, recorded before shown, backpressure, how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import count, groupby, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.types import Finding
from sidecar.config import Limits
from sidecar.core.stream import Stream
from sidecar.engine import Engine
from sidecar.errors import CallerError, CallerFault, Draining, IdleStream, Overloaded, UnknownPolicy
from sidecar.outbox.event import Event, Fault, FaultKind, StreamDecision, Violation
from sidecar.outbox.memory import MemoryOutbox
from sidecar.policy.plan import Plan
from sidecar.releases import merge
from sidecar.scheduler.scheduler import Request, Running
from sidecar.session import Session, Shown
from sidecar.start import Passage, StreamStart
from sidecar.summary import HeldTimes, StreamSummary
from sidecar.values import (
    Action,
    Annotation,
    Blocked,
    Channel,
    Direction,
    Failed,
    FailMode,
    FailureKind,
    Found,
    Lane,
    Mode,
    Recorded,
    Redaction,
    Release,
)
from tests.fakes import SegmentFlagger, WordScanner, plan, rule
from tests.servers import FakeClock, HandScheduler, make_engine
from tests.streams import NASTY, cuts_of

LANE = Lane()
CARD = r"\d{4} \d{4}"


def cards(**options) -> Plan:
    return plan((WordScanner(CARD), [rule(Action.REDACT)]), **options)


def flagged(action: Action = Action.BLOCK, **options) -> Plan:
    return plan((SegmentFlagger("bad", label="FLAG"), [rule(action, "FLAG", **options)]))


async def started() -> MemoryOutbox:
    outbox = MemoryOutbox()
    await outbox.start()
    return outbox


async def run(engine: Engine, chunks: Sequence[str], start: StreamStart | None = None) -> list[Shown]:
    async with engine.open(start or StreamStart()) as session:
        for chunk in chunks:
            await session.feed(LANE, chunk)
        session.finish()
        return [shown async for shown in session.outputs()]


def text_of(shown: Sequence[Shown]) -> str:
    return "".join(each.text for each in shown if isinstance(each, Release))


def data_of(outbox: MemoryOutbox, kind: type) -> list[Any]:
    return [event.data for event in outbox.events if isinstance(event.data, kind)]


async def settle(session: Session) -> None:
    """Let the session's writer run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


class Writer:
    """Collects what a session shows, on a task of its own."""

    def __init__(self, session: Session) -> None:
        self.shown: list[Shown] = []
        self.task = asyncio.create_task(self._collect(session))

    async def _collect(self, session: Session) -> None:
        async for shown in session.outputs():
            self.shown.append(shown)

    @property
    def text(self) -> str:
        return text_of(self.shown)


# --- the way through --------------------------------------------------------------------------------------------------


async def test_a_card_is_redacted_and_its_event_recorded():
    outbox = await started()
    shown = await run(make_engine(cards(), outbox=outbox), list("my 4111 1111 ok"))

    assert text_of(shown) == "my <WORD> ok"
    summary = shown[-1]
    assert isinstance(summary, StreamSummary)
    assert (summary.action, summary.violation_count) == (Action.REDACT, 1)
    assert [data.done for data in data_of(outbox, Violation)] == ["redact"]
    [decision] = data_of(outbox, StreamDecision)
    assert (decision.ended, decision.done, decision.violations) == ("finished", "redact", {"rule-0": 1})


async def test_a_rule_that_finds_very_much_is_told_of_so_often_and_counted_after_that():
    outbox = await started()
    engine = make_engine(cards(), outbox=outbox, limits=Limits(events_per_rule=3))
    shown = await run(engine, ["my 4111 1111 ok. "] * 10)

    assert text_of(shown).count("<WORD>") == 10
    [decision] = data_of(outbox, StreamDecision)
    assert (len(data_of(outbox, Violation)), decision.violations, decision.untold) == (3, {"rule-0": 10}, {"rule-0": 7})


async def test_a_block_is_told_of_however_much_was_found_before():
    words = plan((WordScanner("bluebird"), [rule(Action.ANNOTATE)]), (WordScanner("stop"), [rule(Action.BLOCK)]))
    outbox = await started()
    await run(make_engine(words, outbox=outbox, limits=Limits(events_per_rule=1)), ["bluebird bluebird stop"])
    assert [data.done for data in data_of(outbox, Violation)] == ["annotate", "block"]


async def test_a_decision_says_which_rule_decided():
    words = plan((WordScanner("bluebird"), [rule(Action.ANNOTATE)]), (WordScanner("stop"), [rule(Action.BLOCK)]))
    outbox = await started()
    engine = make_engine(words, outbox=outbox)
    for chunks in (["nothing here"], ["bluebird bluebird"], ["bluebird stop"]):
        await run(engine, chunks)
    blocked = data_of(outbox, Violation)[-1].policy.rule
    assert [each.decided_by for each in data_of(outbox, StreamDecision)] == ["", words.rules[0].id, blocked]


async def test_an_empty_stream_ends_with_a_summary():
    outbox = await started()
    [summary] = await run(make_engine(cards(), outbox=outbox), [])

    assert isinstance(summary, StreamSummary)
    assert summary.action is Action.ALLOW
    assert len(data_of(outbox, StreamDecision)) == 1


async def test_text_that_came_together_leaves_together():
    shown = await run(make_engine(cards(), outbox=await started()), list("nothing to see here"))

    assert [type(each) for each in shown] == [Release, StreamSummary]
    assert text_of(shown) == "nothing to see here"


@given(
    st.text(alphabet=NASTY + "0123456789 ", max_size=60).flatmap(lambda text: st.tuples(st.just(text), cuts_of(text)))
)
def test_however_a_text_is_cut_it_comes_out_the_same(example: tuple[str, list[str]]):
    text, pieces = example

    async def both() -> tuple[str, str]:
        engine = make_engine(cards(), outbox=await started())
        return text_of(await run(engine, [text])), text_of(await run(engine, pieces))

    whole, cut = asyncio.run(both())
    assert cut == whole


async def test_a_long_chunk_is_taken_in_steps_so_that_other_streams_get_their_turn():
    engine = make_engine(cards(), outbox=await started())
    order: list[str] = []

    async def stream(name: str, text: str) -> None:
        async with engine.open(StreamStart()) as session:
            await session.feed(LANE, text)
            session.finish()
            async for _ in session.outputs():
                pass
        order.append(name)

    await asyncio.gather(stream("long", "a b c d " * 4000), stream("short", "short"))
    assert order == ["short", "long"]


# --- outcomes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_the_order_of_outcomes_does_not_matter(order: tuple[int, ...]):
    scheduler = HandScheduler()
    engine = make_engine(flagged(), scheduler=scheduler, outbox=await started())
    async with engine.open(StreamStart()) as session:
        writer = Writer(session)
        await session.feed(LANE, "First one. Second one. Third one.")
        session.finish()
        await settle(session)
        assert len(scheduler.requests) == 3
        assert writer.text == ""
        for index in order:
            scheduler.answer(index, Found())
            await settle(session)
        await writer.task

    assert writer.text == "First one. Second one. Third one."


@pytest.mark.parametrize(
    ("outcome", "fail_mode", "text", "ended"),
    [
        (Failed(FailureKind.ERROR, "RuntimeError"), FailMode.FAIL_CLOSED, "", "blocked"),
        (Failed(FailureKind.ERROR, "RuntimeError"), FailMode.FAIL_OPEN, "Some text.", "finished"),
        (Failed(FailureKind.SHED, "full"), FailMode.FAIL_OPEN, "Some text.", "finished"),
    ],
)
async def test_a_failure_ends_by_the_rules_fail_mode(outcome: Failed, fail_mode: FailMode, text: str, ended: str):
    scheduler = HandScheduler()
    outbox = await started()
    engine = make_engine(flagged(on_error=fail_mode, on_timeout=fail_mode), scheduler=scheduler, outbox=outbox)
    async with engine.open(StreamStart()) as session:
        writer = Writer(session)
        await session.feed(LANE, "Some text.")
        session.finish()
        await settle(session)
        scheduler.answer(0, outcome)
        await writer.task

    assert writer.text == text
    assert data_of(outbox, StreamDecision)[0].ended == ended
    [fault] = data_of(outbox, Fault)
    expected = FaultKind.LOAD_SHED if outcome.kind is FailureKind.SHED else FaultKind.DETECTOR_FAILED
    assert fault.fault == expected


@pytest.mark.parametrize("kind", [FailureKind.SHED, FailureKind.TIMEOUT])
@pytest.mark.parametrize("before", ["", "What was looked at left. And much of it there is."])
@pytest.mark.parametrize("action", [Action.BLOCK, Action.REDACT])
async def test_what_was_not_looked_at_in_time_is_refused_and_nothing_is_said_of_it(
    kind: FailureKind, before: str, action: Action
):
    scheduler, outbox = HandScheduler(), await started()
    engine = make_engine(flagged(action, on_timeout=FailMode.FAIL_CLOSED), scheduler=scheduler, outbox=outbox)

    async def guarded(writers: list[Writer]) -> None:
        async with engine.open(StreamStart()) as session:
            writers.append(Writer(session))
            for text in (before, " Some text."):
                await session.feed(LANE, text)
                await settle(session)
            session.finish()
            await settle(session)
            for index in range(len(scheduler.requests) - 1):
                scheduler.answer(index, Found())
            await settle(session)
            scheduler.answer(len(scheduler.requests) - 1, Failed(kind, "load"))
            await writers[0].task

    writers: list[Writer] = []
    with pytest.raises(Overloaded) as raised:
        await guarded(writers)
    [writer] = writers

    assert not any(isinstance(each, Blocked) for each in writer.shown)
    assert 400 <= raised.value.retry_ms < 1000
    assert data_of(outbox, Violation) == []
    assert data_of(outbox, StreamDecision)[0].ended == "failed"
    assert len(data_of(outbox, Fault)) == 1


async def test_one_lost_segment_drops_the_streams_other_work():
    scheduler = HandScheduler()
    engine = make_engine(flagged(), scheduler=scheduler, outbox=await started())
    async with engine.open(StreamStart(direction=Direction.INPUT)) as session:
        writer = Writer(session)
        await session.feed(LANE, "One more sentence of a longer text, which goes on for a while. " * 20)
        await settle(session)
        assert len(scheduler.requests) > 4
        for index, outcome in ((2, Failed(FailureKind.SHED, "load")), (0, Found()), (1, Found())):
            scheduler.answer(index, outcome)
        with pytest.raises(Overloaded):
            await writer.task
        assert not any(each.receiver.is_open for each in scheduler.requests)


async def test_work_that_text_waits_for_is_submitted_first():
    scheduler = HandScheduler()
    policy = plan(
        (SegmentFlagger("bad", label="FLAG"), [rule(Action.ANNOTATE, "FLAG")]),
        (SegmentFlagger("worse", label="FLAG"), [rule(Action.BLOCK, "FLAG")]),
    )
    async with make_engine(policy, scheduler=scheduler, outbox=await started()).open(StreamStart()) as session:
        Writer(session)
        await session.feed(LANE, "A sentence. " * 60)
        await settle(session)
        first_other = [each.batch.is_gating for each in scheduler.requests].index(False)
        assert first_other > 1
        session.cancel("enough")


@pytest.mark.parametrize(("fail_mode", "text"), [(FailMode.FAIL_OPEN, "Some text."), (FailMode.FAIL_CLOSED, None)])
async def test_an_outcome_that_does_not_come_in_time_counts_as_timed_out(fail_mode: FailMode, text: str | None):
    clock = FakeClock()
    outbox = await started()
    engine = make_engine(
        flagged(on_timeout=fail_mode), scheduler=HandScheduler(), outbox=outbox, clock=clock, idle_seconds=3600
    )
    async with engine.open(StreamStart()) as session:
        writer = Writer(session)
        await session.feed(LANE, "Some text.")
        session.finish()
        await settle(session)
        clock.advance(399)
        await settle(session)
        assert not writer.shown
        clock.advance(1)
        with nullcontext() if text is not None else pytest.raises(Overloaded):
            await writer.task

    assert writer.text == (text or "")
    assert data_of(outbox, Fault)[0].fault == FaultKind.DETECTOR_LATE


async def test_a_late_outcome_is_ignored():
    clock, scheduler = FakeClock(), HandScheduler()
    engine = make_engine(
        flagged(on_timeout=FailMode.FAIL_OPEN), scheduler=scheduler, outbox=await started(), clock=clock
    )
    async with engine.open(StreamStart()) as session:
        writer = Writer(session)
        await session.feed(LANE, "Some bad text. ")
        await settle(session)
        clock.advance(400)
        await settle(session)
        scheduler.answer(0, Found())
        session.finish()
        await writer.task

    assert writer.text == "Some bad text. "


async def test_a_shed_request_is_answered_within_submit():
    class Full:
        def submit(self, request) -> None:
            request.answer(Failed(FailureKind.SHED, "the queue is full"))

    engine = make_engine(flagged(on_timeout=FailMode.FAIL_OPEN), scheduler=Full(), outbox=await started())
    assert text_of(await run(engine, ["Some text."])) == "Some text."


async def test_a_rule_without_a_message_tells_a_default_with_the_streams_id():
    engine = make_engine(plan((WordScanner("bad"), [rule(Action.BLOCK, message=None)])), outbox=await started())
    shown = await run(engine, ["This is bad."])
    [blocked] = [each for each in shown if isinstance(each, Blocked)]
    [summary] = [each for each in shown if isinstance(each, StreamSummary)]
    assert "was stopped" in blocked.message
    assert f"reference {summary.stream_id}" in blocked.message


async def test_what_could_not_be_checked_is_not_called_stopped():
    class Broken(HandScheduler):
        def submit(self, request: Request) -> None:
            request.answer(Failed(FailureKind.ERROR, "a fault"))

    policy = plan((SegmentFlagger("bad", label="FLAG"), [rule(Action.BLOCK, "FLAG", message=None)]))
    engine = make_engine(policy, scheduler=Broken(), outbox=await started())
    [blocked] = [each for each in await run(engine, ["Some text."]) if isinstance(each, Blocked)]
    assert "could not be checked" in blocked.message


async def test_optimistic_text_leaves_at_once_and_is_cut_later():
    scheduler, outbox = HandScheduler(), await started()
    policy = plan(
        (SegmentFlagger("bad", label="FLAG"), [rule(Action.BLOCK, "FLAG", message="Stop.")]), mode=Mode.OPTIMISTIC
    )
    engine = make_engine(policy, scheduler=scheduler, outbox=outbox)
    async with engine.open(StreamStart()) as session:
        writer = Writer(session)
        await session.feed(LANE, "This is bad. And ")
        await settle(session)
        assert writer.text.startswith("This is bad.")
        [found] = SegmentFlagger("bad", label="FLAG").detect([_item(scheduler)])
        scheduler.answer(0, Found(tuple(found)))
        session.finish()
        await writer.task

    assert [each.message for each in writer.shown if isinstance(each, Blocked)] == ["Stop."]
    assert data_of(outbox, Violation)[0].exposure.leaked_chars > 0


def _item(scheduler: HandScheduler):
    from detectors.base import BatchItem

    segment = scheduler.requests[0].segment
    return BatchItem(segment.text, segment.begin)


# --- recorded before shown --------------------------------------------------------------------------------------------


class SlowOutbox(MemoryOutbox):
    """Commits when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.may_commit = asyncio.Event()
        self.handed_over: list[Event] = []

    async def put(self, events: Sequence[Event]) -> None:
        self.handed_over += events
        async with asyncio.timeout(5):  # a failed test must not hang
            await self.may_commit.wait()
        await super().put(events)


async def test_what_a_decision_shows_waits_for_its_commit_and_what_stands_before_does_not():
    outbox = SlowOutbox()
    await outbox.start()
    engine = make_engine(cards(), outbox=outbox)
    async with engine.open(StreamStart()) as session:
        writer = Writer(session)
        await session.feed(LANE, "before ")
        await settle(session)
        await session.feed(LANE, "4111 1111 after.")
        session.finish()
        await settle(session)
        assert writer.text == "before"
        assert len(outbox.handed_over) == 1
        outbox.may_commit.set()
        await writer.task

    assert writer.text == "before <WORD> after."


async def test_the_summary_waits_for_the_streams_decision_event():
    outbox = SlowOutbox()
    await outbox.start()
    async with make_engine(cards(), outbox=outbox).open(StreamStart()) as session:
        writer = Writer(session)
        await session.feed(LANE, "fine.")
        session.finish()
        await settle(session)
        assert [type(each) for each in writer.shown] == [Release]
        outbox.may_commit.set()
        await writer.task

    assert isinstance(writer.shown[-1], StreamSummary)


# --- text that completes nothing --------------------------------------------------------------------------------------


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the core was given, step by step."""
    texts: list[str] = []
    feed = Stream.feed

    def noted(self: Stream, lane: Lane, text: str, *arguments: Any, **options: Any) -> Any:
        texts.append(text)
        return feed(self, lane, text, *arguments, **options)

    monkeypatch.setattr(Stream, "feed", noted)
    return texts


class PromptScheduler:
    """Finds nothing, at once."""

    def submit(self, request: Request) -> None:
        request.answer(Found())


async def test_a_long_text_is_fed_in_pieces_between_which_others_have_their_turn(fed: list[str]):
    text, turns = "some words, " * 2_000, 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    busy = asyncio.create_task(other())
    shown = await run(make_engine(cards(), outbox=await started()), [text])
    busy.cancel()
    assert text_of(shown) == text
    assert "".join(fed) == text
    assert max(map(len, fed)) <= 256
    assert turns >= len(text) // 2048


async def test_text_that_completes_nothing_waits_for_what_follows_it(fed: list[str]):
    engine = make_engine(flagged(), outbox=await started(), scheduler=PromptScheduler())
    async with engine.open(StreamStart()) as session:
        writer = Writer(session)
        for token in ("So", " it", " is", " then", ".", " Next", " one"):
            await session.feed(LANE, token)
            await settle(session)
        session.finish()
        await writer.task

    assert fed == ["So", " it is then. Next", " one"]
    assert writer.text == "So it is then. Next one"


async def test_text_that_waits_is_given_to_the_core_when_somebody_asks_for_it(fed: list[str]):
    scheduler = HandScheduler()
    async with make_engine(flagged(), scheduler=scheduler, outbox=await started()).open(StreamStart()) as session:
        writer = Writer(session)
        for token in ("So", " it", " is"):
            await session.feed(LANE, token)
            await settle(session)
        await session.settled()
        assert fed == ["So", " it is"]
        session.finish()
        await settle(session)
        scheduler.answer(0, Found())
        await writer.task


async def test_who_waits_for_a_stream_that_ended_is_not_kept_waiting():
    async with make_engine(flagged(), scheduler=HandScheduler(), outbox=await started()).open(StreamStart()) as session:
        await session.feed(LANE, "So it is")
    await asyncio.wait_for(session.settled(), timeout=60)


async def test_text_that_waits_fills_no_inbox(fed: list[str]):
    limits = Limits(inbox_chunks=3)
    engine = make_engine(flagged(), outbox=await started(), limits=limits, scheduler=PromptScheduler())
    async with engine.open(StreamStart()) as session:
        writer = Writer(session)
        for _ in range(9):
            await session.feed(LANE, "a")
            await settle(session)
        assert fed == ["a", "aaa", "aaa"]
        session.finish()
        await writer.task

    assert writer.text == "a" * 9


# --- backpressure -----------------------------------------------------------------------------------------------------


async def test_a_full_inbox_stops_the_reader():
    limits = Limits(inbox_chunks=2)
    async with make_engine(cards(), outbox=await started(), limits=limits).open(StreamStart()) as session:
        await session.feed(LANE, "one ")
        await session.feed(LANE, "two ")
        third = asyncio.create_task(session.feed(LANE, "three."))
        await settle(session)
        assert not third.done()
        writer = Writer(session)
        await third
        session.finish()
        await writer.task

    assert writer.text == "one two three."


async def test_text_that_waits_for_outcomes_stops_the_reader():
    scheduler = HandScheduler()
    policy = plan((SegmentFlagger("bad", label="FLAG"), [rule(Action.BLOCK, "FLAG")]), max_held_chars=64)
    limits = Limits(inbox_chunks=4)
    async with make_engine(policy, outbox=await started(), scheduler=scheduler, limits=limits).open(
        StreamStart()
    ) as session:
        writer = Writer(session)
        fed = 0

        async def feed() -> None:
            nonlocal fed
            for _ in range(100):
                await session.feed(LANE, "Seven words are in this sentence here. ")
                fed += 1
            session.finish()

        feeder = asyncio.create_task(feed())
        await settle(session)
        assert fed < 10
        answered = 0
        while not feeder.done() or answered < len(scheduler.requests):
            while answered < len(scheduler.requests):
                scheduler.answer(answered, Found())
                answered += 1
            await settle(session)
        await writer.task

    assert writer.text == "Seven words are in this sentence here. " * 100


async def test_a_reader_that_waits_for_room_is_let_go_when_the_stream_ends():
    engine = make_engine(cards(), outbox=await started(), limits=Limits(inbox_chunks=1))
    async with engine.open(StreamStart()) as session:
        await session.feed(LANE, "one ")
        waiting = asyncio.create_task(session.feed(LANE, "two "))
        await settle(session)
    await waiting


# --- limits -----------------------------------------------------------------------------------------------------------


async def test_a_stream_past_its_length_fails_and_what_came_before_is_dealt_with():
    outbox = await started()
    engine = make_engine(cards(), outbox=outbox, limits=Limits(max_stream_chars=10))
    shown: list[Shown] = []

    async def overrun() -> None:
        async with engine.open(StreamStart()) as session:
            await session.feed(LANE, "abcdefg ")
            with pytest.raises(CallerError) as own:
                await session.feed(LANE, "hij")
            session.fail(own.value)
            async for each in session.outputs():
                shown.append(each)  # noqa: PERF401 - what came before the failure is kept

    with pytest.raises(CallerError) as caught:
        await overrun()

    assert (caught.value.field, caught.value.limit) == ("chunk", 10)
    assert text_of(shown) == "abcdefg"
    assert data_of(outbox, StreamDecision)[0].ended == "failed"


async def test_a_stream_has_a_limited_number_of_lanes():
    engine = make_engine(cards(), outbox=await started(), limits=Limits(max_lanes=2))
    async with engine.open(StreamStart()) as session:
        await session.feed(Lane(0), "a")
        await session.feed(Lane(0, Channel.REASONING), "a")
        with pytest.raises(CallerError, match="at most 2 open lanes"):
            await session.feed(Lane(1), "a")


async def test_a_stream_has_a_limited_number_of_lanes_that_ended():
    engine = make_engine(cards(), outbox=await started(), limits=Limits(max_lanes=2, max_ended_lanes=3))
    async with engine.open(StreamStart()) as session:
        for number in range(3):
            await session.feed(Lane(number), "a" * (number > 0), is_last=True)
        session.end_lane(Lane(0))
        with pytest.raises(CallerError, match="at most 3 lanes that ended") as caught:
            session.end_lane(Lane(3))
    assert (caught.value.field, caught.value.limit) == ("chunk.lane", 3)


async def test_text_after_the_end_is_out_of_order():
    async with make_engine(cards(), outbox=await started()).open(StreamStart()) as session:
        session.finish()
        with pytest.raises(CallerError) as caught:
            await session.feed(LANE, "late")
    assert caught.value.kind is CallerFault.OUT_OF_ORDER


@pytest.mark.parametrize(
    ("start", "field"),
    [
        (StreamStart(policy="p" * 5), "start.policy"),
        (StreamStart(tenant="t" * 5), "start.tenant"),
        (StreamStart(labels={"a": "1", "b": "2", "c": "3"}), "start.labels"),
        (StreamStart(labels={"a": "12345"}), "start.labels"),
        (StreamStart(attributes={"12345": "a"}), "start.attributes"),
        (StreamStart(context=(Passage("a", ""), Passage("b", ""), Passage("c", ""))), "start.context"),
        (StreamStart(context=(Passage("12345", ""),)), "start.context.id"),
        (StreamStart(context=(Passage("a", "x" * 6),), prompt="y" * 5), "start.context"),
    ],
)
async def test_what_is_past_a_limit_in_the_start_is_named(start: StreamStart, field: str):
    limits = Limits(max_name_chars=4, max_labels=2, max_context_passages=2, max_context_chars=10)
    engine = make_engine(cards(), outbox=await started(), limits=limits)
    with pytest.raises(CallerError) as caught:
        async with engine.open(start):
            pass
    assert caught.value.field == field
    assert caught.value.limit in {2, 4, 10}
    assert engine.open_streams == 0


async def test_without_a_permit_a_stream_is_refused_at_once_and_a_permit_comes_back():
    engine = make_engine(cards(), outbox=await started(), limits=Limits(max_streams=1))
    async with engine.open(StreamStart()):
        with pytest.raises(Overloaded):
            async with engine.open(StreamStart()):
                pass
    async with engine.open(StreamStart()):
        assert engine.open_streams == 1


@pytest.mark.parametrize(
    ("policy", "is_admitted"),
    [
        (flagged(Action.BLOCK), False),
        (flagged(Action.REDACT), False),
        (flagged(Action.BLOCK, on_timeout=FailMode.FAIL_OPEN), True),
        (flagged(Action.ANNOTATE), True),
        (cards(), True),
    ],
    ids=["block", "redact", "passes when late", "only remarks", "no model"],
)
async def test_without_room_streams_that_would_be_stopped_are_refused(policy: Plan, is_admitted: bool):
    seen: list[Running] = []

    def admits(running: Running) -> bool:
        seen.append(running)
        return len(seen) < 3

    engine, start = make_engine(policy, outbox=await started(), admits=admits), StreamStart(tenant="a")
    async with engine.open(start), engine.open(StreamStart(tenant="b")):
        with nullcontext() if is_admitted else pytest.raises(Overloaded):
            async with engine.open(start):
                pass
    assert engine.open_streams == 0
    assert seen[:3] == ([] if is_admitted else [Running(0, 0, 1), Running(1, 0, 2), Running(2, 1, 2)])
    assert {*seen[3:]} <= {Running(2, 1, 2)}, "for a moment it is asked again"


async def test_a_stream_for_which_there_is_room_in_a_moment_is_let_in():
    room = [True, False]
    engine = make_engine(flagged(Action.BLOCK), outbox=await started(), admits=lambda _: room[-1] or room.pop(0))
    async with engine.open(StreamStart()):
        waiting = asyncio.create_task(_open_and_leave(engine))
        while not engine.waiting_streams:
            await asyncio.sleep(0)
        room.append(True)
        await waiting
    assert engine.open_streams == 0


async def _open_and_leave(engine: Engine) -> None:
    async with engine.open(StreamStart()):
        assert engine.open_streams == 2


async def test_draining_refuses_new_streams_and_lets_others_finish():
    engine = make_engine(cards(), outbox=await started())
    async with engine.open(StreamStart()) as session:
        engine.drain()
        with pytest.raises(Draining):
            async with engine.open(StreamStart()):
                pass
        await session.feed(LANE, "still here.")
        session.finish()
        assert text_of([shown async for shown in session.outputs()]) == "still here."
    await engine.wait_idle()


async def test_an_unknown_policy_is_named():
    with pytest.raises(UnknownPolicy) as caught:
        async with make_engine(cards(), outbox=await started()).open(StreamStart(policy="nope")):
            pass
    assert caught.value.name == "nope"


# --- how it ends ------------------------------------------------------------------------------------------------------


async def test_a_stream_that_is_left_is_recorded_as_cancelled_and_releases_nothing_more():
    scheduler, outbox = HandScheduler(), await started()
    engine = make_engine(flagged(), scheduler=scheduler, outbox=outbox)
    async with engine.open(StreamStart()) as session:
        writer = Writer(session)
        await session.feed(LANE, "Some text.")
        session.finish()
        await settle(session)
        session.cancel("test")
        await writer.task

    assert writer.shown == []
    assert not scheduler.requests[0].receiver.is_open
    assert data_of(outbox, StreamDecision)[0].ended == "cancelled"


async def test_the_record_of_a_stream_that_is_left_counts_what_still_waited():
    outbox = await started()
    engine = make_engine(flagged(), scheduler=HandScheduler(), outbox=outbox)
    async with engine.open(StreamStart()) as session:
        writer = Writer(session)
        for text in ("Some text. ", "And", " half"):
            await session.feed(LANE, text)
            await settle(session)
        writer.task.cancel()

    [coverage] = data_of(outbox, StreamDecision)[0].coverage
    assert (coverage.received_chars, coverage.released_chars) == (len("Some text. And half"), 0)


async def test_a_blocked_stream_says_so_even_if_its_client_leaves():
    outbox = await started()
    policy = plan((WordScanner(CARD), [rule(Action.BLOCK, message="No cards.")]))
    async with make_engine(policy, outbox=outbox).open(StreamStart()) as session:
        await session.feed(LANE, "my 4111 1111 ok")
        async for shown in session.outputs():
            if isinstance(shown, Blocked):
                assert shown.message == "No cards."
                break

    [decision] = data_of(outbox, StreamDecision)
    assert (decision.ended, decision.done) == ("blocked", "block")


async def test_silence_ends_a_stream():
    clock, outbox = FakeClock(), await started()
    engine = make_engine(cards(), outbox=outbox, clock=clock, idle_seconds=10)

    async def fall_silent() -> None:
        async with engine.open(StreamStart()) as session:
            writer = Writer(session)
            await session.feed(LANE, "one ")
            await settle(session)
            clock.advance(9_000)
            await session.feed(LANE, "two ")
            await settle(session)
            clock.advance(9_999)
            await settle(session)
            assert not writer.task.done()
            clock.advance(1)
            await writer.task

    with pytest.raises(IdleStream):
        await fall_silent()
    assert data_of(outbox, StreamDecision)[0].ended == "failed"


async def test_a_fault_in_one_stream_ends_that_stream_only():
    class Broken(WordScanner):
        def start(self):
            raise ZeroDivisionError

    outbox = await started()
    broken = plan((Broken(CARD), [rule(Action.REDACT)]))
    engine = make_engine(broken, outbox=outbox)
    with pytest.raises(ZeroDivisionError):
        await run(engine, ["text"])

    assert data_of(outbox, StreamDecision)[0].ended == "failed"
    assert engine.open_streams == 0


async def test_one_block_stops_all_lanes_of_an_input():
    policy = plan((WordScanner(CARD), [rule(Action.BLOCK)]))
    engine = make_engine(policy, outbox=await started())
    async with engine.open(StreamStart(direction=Direction.INPUT)) as session:
        await session.feed(Lane(0), "4111 1111 ")
        await session.feed(Lane(1), "hello")
        session.finish()
        shown = [each async for each in session.outputs()]
    assert text_of(shown) == ""


async def test_held_times_are_of_the_sessions_clock():
    clock, scheduler = FakeClock(), HandScheduler()
    engine = make_engine(flagged(), scheduler=scheduler, outbox=await started(), clock=clock)
    async with engine.open(StreamStart()) as session:
        writer = Writer(session)
        await session.feed(LANE, "First one. ")
        await settle(session)
        clock.advance(120)
        await session.feed(LANE, "Second one. ")
        scheduler.answer(0, Found())
        await settle(session)
        scheduler.answer(1, Found())
        session.finish()
        await writer.task

    summary = writer.shown[-1]
    assert isinstance(summary, StreamSummary)
    assert summary.max_held_ms == 120
    assert summary.max_held_chars >= len("First one.")


@pytest.mark.parametrize(
    ("held", "median"),
    [([], 0), ([7], 7), ([0, 0, 900], 0), ([10, 20, 30], 20), ([5] * 1000 + [4000] * 999, 5), ([100, 200], 100)],
)
def test_the_median_held_time_is_right_to_within_its_resolution(held: list[float], median: float):
    times = HeldTimes()
    for each in held:
        times.add(each)
    assert times.median_ms == pytest.approx(median, rel=0.1)
    assert times.max_ms == max(held, default=0)


# --- merging ----------------------------------------------------------------------------------------------------------


def test_releases_that_follow_each_other_are_made_one_with_their_redactions_moved():
    remark = Annotation(0, "A", 0, 1, 0.5)
    merged = list(
        merge(
            [
                Release(LANE, "abc", 0, 3, annotations=(remark,)),
                Recorded(LANE),
                Release(LANE, "<X>", 3, 9, redactions=(Redaction(0, "X", 3, 9, 0, 3),)),
                Blocked(LANE, 0, 9, "", "X", ""),
            ]
        )
    )
    assert merged[0] == Release(LANE, "abc<X>", 0, 9, (remark,), (Redaction(0, "X", 3, 9, 3, 6),))
    assert isinstance(merged[1], Blocked)


def test_releases_of_other_lanes_or_with_a_gap_stay_apart():
    releases = [Release(LANE, "a", 0, 1), Release(Lane(1), "b", 1, 2), Release(Lane(1), "c", 3, 4)]
    assert list(merge(releases)) == releases


# --- ends of lanes, and order -----------------------------------------------------------------------------------------

THOUGHTS = Lane(channel=Channel.REASONING)
CALL, OTHER_CALL = (Lane(channel=Channel.TOOL_ARGUMENTS, item=item) for item in (0, 1))


async def test_an_ended_lane_leaves_whole_while_the_stream_goes_on():
    async with make_engine(cards(), outbox=await started()).open(StreamStart()) as session:
        writer = Writer(session)
        await session.feed(LANE, "order 4111")
        await settle(session)
        assert writer.text == "order "
        session.end_lane(LANE)
        session.end_lane(LANE)
        await settle(session)
        assert writer.text == "order 4111"
        await session.feed(THOUGHTS, "more")
        session.finish()
        await writer.task
    assert writer.text == "order 4111more"


async def test_text_after_its_lanes_end_is_the_callers_fault():
    async with make_engine(cards(), outbox=await started()).open(StreamStart()) as session:
        await session.feed(LANE, "text")
        await session.feed(THOUGHTS, "text")
        session.end_choice(0)
        for lane in (LANE, THOUGHTS):
            with pytest.raises(CallerError, match="after the end of its lane") as caught:
                await session.feed(lane, "more")
            assert caught.value.kind is CallerFault.OUT_OF_ORDER
        await session.feed(LANE, "")


@pytest.mark.parametrize("seconds", [0.0, 0.004], ids=["at once", "in a step for each"])
async def test_an_end_stands_where_it_was_said(seconds: float, monkeypatch: pytest.MonkeyPatch):
    """However much of it the time of one step is enough for."""
    times = count()
    monkeypatch.setattr("sidecar.session.time.perf_counter", lambda: next(times) * seconds)
    async with make_engine(cards(), outbox=await started()).open(StreamStart()) as session:
        await session.feed(LANE, "order 4111")
        session.end_lane(LANE)
        await session.feed(THOUGHTS, "so be it.")
        session.end_lane(THOUGHTS)
        session.finish()
        shown = [each async for each in session.outputs() if isinstance(each, Release)]
    by_lane = groupby(shown, lambda each: each.lane)
    texts = [(lane, "".join(each.text for each in releases)) for lane, releases in by_lane]
    assert texts == [(LANE, "order 4111"), (THOUGHTS, "so be it.")]


@pytest.mark.parametrize("side", [CALL, THOUGHTS])
async def test_lanes_that_alternate_at_every_token_neither_stall_nor_wait_for_the_end(side: Lane):
    """Every switch asks for a verdict: more than are waited for at a time."""
    policy = plan((SegmentFlagger("bad", label="FLAG"), [rule(Action.REDACT, "FLAG")]))
    scheduler = HandScheduler()
    engine = make_engine(policy, scheduler=scheduler, outbox=await started(), limits=Limits(inbox_chunks=4))
    async with engine.open(StreamStart()) as session:
        writer, answered = Writer(session), 0
        for number in range(60):
            await asyncio.wait_for(session.feed((LANE, side)[number % 2], f"{number} "), 5)
            await settle(session)
            while answered < len(scheduler.requests):
                scheduler.answer(answered, Found())
                answered += 1
                await settle(session)
            assert writer.text.split() == [str(n) for n in range(number)]
        session.finish()
        await settle(session)
        scheduler.answer(answered, Found())
        await writer.task
    assert writer.text.split() == [str(n) for n in range(60)]


async def test_a_switch_wakes_the_session():
    scheduler = HandScheduler()
    async with make_engine(flagged(), scheduler=scheduler, outbox=await started()).open(StreamStart()) as session:
        writer = Writer(session)
        await session.feed(LANE, "One two")
        await settle(session)
        await session.feed(THOUGHTS, "three")
        await settle(session)
        assert [each.segment.text for each in scheduler.requests] == ["One two"]
        scheduler.answer(0, Found())
        await settle(session)
        assert writer.text == "One two"
        session.cancel("done")
        await writer.task


async def test_calls_leave_together_when_their_choice_ends():
    words = plan((WordScanner("bluebird"), [rule(Action.BLOCK)]))
    async with make_engine(words, outbox=await started()).open(StreamStart()) as session:
        writer = Writer(session)
        for lane in (CALL, OTHER_CALL):
            await session.feed(lane, "{}")
            session.end_lane(lane)
        await settle(session)
        assert writer.shown == []
        session.end_choice(0)
        await settle(session)
        assert [(each.lane, each.text) for each in writer.shown if isinstance(each, Release)] == [
            (CALL, "{}"),
            (OTHER_CALL, "{}"),
        ]
        session.finish()
        await writer.task


async def test_calls_past_the_limit_are_blocked_and_the_event_says_why():
    words = plan((WordScanner("bluebird"), [rule(Action.BLOCK)]))
    outbox = await started()
    engine = make_engine(words, outbox=outbox, limits=Limits(max_held_call_chars=10))
    async with engine.open(StreamStart()) as session:
        await session.feed(CALL, "x" * 20)
        session.finish()
        shown = [each async for each in session.outputs()]
    assert [type(each) for each in shown] == [Blocked, StreamSummary]
    [fault] = data_of(outbox, Fault)
    assert (fault.fault, "held" in fault.reason) == (FaultKind.LOAD_SHED, True)


async def test_the_first_words_leave_before_their_segment_is_complete():
    """Each beginning by its own verdict, and the whole all the same; the segments' verdicts alone are told of."""
    own = plan(
        (SegmentFlagger("bad", label="FLAG"), [rule(Action.BLOCK, "FLAG")]),
        max_segment_tokens=64,
        early_tokens=(2,),
        early_every_tokens=2,
    )
    scheduler = HandScheduler()
    engine = make_engine(own, scheduler=scheduler, outbox=await started())
    async with engine.open(StreamStart()) as session:
        writer = Writer(session)
        for word in ("We ", "went ", "out ", "to ", "bad ", "places."):
            await session.feed(LANE, word)
            await settle(session)
        assert [(each.segment.text, each.segment.is_early) for each in scheduler.requests] == [
            ("We went ", True),
            ("We went out to ", True),
        ]
        scheduler.answer(0, Found())
        await settle(session)
        assert writer.text == "We went "
        session.finish()
        await settle(session)
        whole = scheduler.requests[2].segment
        assert (whole.text, whole.number) == ("We went out to bad places.", 1)
        scheduler.answer(2, Found((Finding(0, 26, "FLAG", 0.8),)))
        await settle(session)
        assert writer.text == "We went "
        scheduler.answer(1, Found())
        await writer.task
    assert writer.text == "We went out to "
    assert any(isinstance(each, Blocked) and each.position == 15 for each in writer.shown)
