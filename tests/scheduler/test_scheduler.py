"""Batches: who goes first, what is dropped, what is shed, and what a failing detector does to its neighbours."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from detectors.base import BatchDetector, BatchItem
from detectors.types import Finding
from sidecar.config import SchedulerSettings
from sidecar.policy.plan import BatchPlan
from sidecar.scheduler.batcher import Batcher, Request
from sidecar.scheduler.runner import detect
from sidecar.scheduler.scheduler import Scheduler
from sidecar.telemetry.metrics import Metrics
from sidecar.values import Direction, Failed, FailureKind, Found, Lane, Outcome, Segment
from tests.fakes import SegmentFlagger
from tests.servers import FakeClock


class Asker:
    """Collects outcomes by segment."""

    def __init__(self) -> None:
        self.is_open = True
        self.outcomes: dict[int, Outcome] = {}
        self.is_answered = asyncio.Event()
        self.awaited = 1

    def deliver(self, segment: int, batch: int, outcome: Outcome) -> None:
        assert segment not in self.outcomes
        self.outcomes[segment] = outcome
        if len(self.outcomes) >= self.awaited:
            self.is_answered.set()


class Gate(SegmentFlagger):
    """Waits, on its worker thread, until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__("bad", label="FLAG")
        self.may_run = threading.Event()
        self.is_running = threading.Event()
        self.batches: list[list[str]] = []

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        self.batches.append([item.text for item in items])
        self.is_running.set()
        assert self.may_run.wait(10)
        return super().detect(items)


def request(
    number: int, text: str = "fine", *, detector: BatchDetector | None = None, deadline_ms: float = 1e9, asker: Asker
) -> Request:
    segment = Segment(number, Lane(), 100, 100 + len(text), text, 0)
    batch = BatchPlan(0, detector or FLAGGER, ())
    return Request(batch, segment, Direction.OUTPUT, deadline_ms, 0.0, asker)


FLAGGER = SegmentFlagger("bad", label="FLAG")


@asynccontextmanager
async def scheduling(clock: FakeClock | None = None, **settings: int) -> AsyncIterator[Scheduler]:
    scheduler = Scheduler(SchedulerSettings(**settings), clock=clock or FakeClock(), metrics=Metrics("test"))
    await scheduler.start()
    try:
        yield scheduler
    finally:
        await scheduler.stop()


# --- the batcher ------------------------------------------------------------------------------------------------------


async def test_the_most_urgent_goes_first_and_equals_in_order_of_arrival():
    batcher = Batcher(max_items=2, max_tokens=1000)
    asker = Asker()
    for number, deadline in ((1, 30.0), (2, 10.0), (3, 20.0), (4, 10.0)):
        batcher.add(request(number, deadline_ms=deadline, asker=asker))

    taken = [[each.segment.number for each in batcher.take()] for _ in range(3)]
    assert taken == [[2, 4], [3, 1], []]
    assert (batcher.depth, batcher.tokens) == (0, 0)


async def test_a_batch_is_one_detectors_and_the_most_urgent_detector_is_served_first():
    batcher = Batcher(max_items=8, max_tokens=1000)
    asker, other = Asker(), SegmentFlagger("x", label="X")
    batcher.add(request(1, deadline_ms=20, asker=asker))
    batcher.add(request(2, deadline_ms=10, asker=asker, detector=other))
    batcher.add(request(3, deadline_ms=30, asker=asker, detector=other))

    assert [each.segment.number for each in batcher.take()] == [2, 3]
    assert [each.segment.number for each in batcher.take()] == [1]


async def test_a_batch_has_a_token_budget_that_one_long_request_may_break():
    batcher = Batcher(max_items=8, max_tokens=10)
    asker = Asker()
    for number, size in ((1, 400), (2, 16), (3, 16), (4, 16)):
        batcher.add(request(number, "a" * size, asker=asker))

    assert [len(batcher.take()) for _ in range(3)] == [1, 2, 1]


async def test_requests_of_streams_that_are_gone_are_dropped():
    batcher = Batcher(max_items=8, max_tokens=1000)
    gone, here = Asker(), Asker()
    for number, asker in ((1, gone), (2, here), (3, gone), (4, here)):
        batcher.add(request(number, asker=asker))
    gone.is_open = False

    assert [each.segment.number for each in batcher.take()] == [2, 4]
    assert (batcher.depth, batcher.tokens) == (0, 0)


# --- the runner -------------------------------------------------------------------------------------------------------


def segments(*texts: str) -> list[tuple[Segment, Direction]]:
    return [
        (Segment(number, Lane(), 100, 100 + len(text), text, 0), Direction.OUTPUT) for number, text in enumerate(texts)
    ]


def test_findings_are_given_in_lane_offsets_within_the_segment():
    segment = Segment(1, Lane(), 100, 108, "before bad text", 7)
    [outcome] = detect(SegmentFlagger("bad", label="FLAG", spans=True), [(segment, Direction.OUTPUT)])
    assert outcome == Found((Finding(100, 103, "FLAG", 0.8, "fake"),))


def test_findings_in_the_left_context_are_cut_off():
    class Sloppy(SegmentFlagger):
        def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
            return [[Finding(0, 4, "FLAG", 1.0), Finding(5, 9, "FLAG", 1.0)] for _ in items]

    segment = Segment(1, Lane(), 100, 108, "before bad text", 7)
    [outcome] = detect(Sloppy("x", label="FLAG"), [(segment, Direction.OUTPUT)])
    assert outcome == Found((Finding(100, 102, "FLAG", 1.0),))


def test_one_poisonous_item_does_not_fail_its_neighbours():
    outcomes = detect(SegmentFlagger("bad", label="FLAG", fails_on="poison"), segments("a bad", "poison", "fine"))
    assert outcomes == [
        Found((Finding(100, 105, "FLAG", 0.8, "fake"),)),
        Failed(FailureKind.ERROR, "RuntimeError"),
        Found(),
    ]


def test_a_detector_that_answers_too_little_has_failed():
    class Short(SegmentFlagger):
        def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
            return []

    assert detect(Short("x", label="X"), segments("a", "b")) == [Failed(FailureKind.ERROR, "ValueError")] * 2


# --- the scheduler ----------------------------------------------------------------------------------------------------


async def test_an_outcome_comes_for_each_request():
    asker = Asker()
    asker.awaited = 20
    async with scheduling() as scheduler:
        for number in range(20):
            scheduler.submit(request(number, "bad" if number % 2 else "fine", asker=asker))
        await asker.is_answered.wait()

    assert len(asker.outcomes) == 20
    flagged = {number for number, outcome in asker.outcomes.items() if outcome != Found()}
    assert flagged == set(range(1, 20, 2))


async def test_what_waits_while_a_batch_runs_shares_the_next_one():
    asker, gate = Asker(), Gate()
    asker.awaited = 4
    async with scheduling() as scheduler:
        scheduler.submit(request(1, "1", detector=gate, asker=asker))
        await asyncio.to_thread(gate.is_running.wait, 10)
        for number in (2, 3, 4):
            scheduler.submit(request(number, str(number), detector=gate, asker=asker))
        assert scheduler.depth == 3
        gate.may_run.set()
        await asker.is_answered.wait()

    assert gate.batches == [["1"], ["2", "3", "4"]]


async def test_a_full_queue_sheds_at_once():
    asker, gate = Asker(), Gate()
    async with scheduling(queue_limit=1) as scheduler:
        scheduler.submit(request(1, detector=gate, asker=asker))
        await asyncio.to_thread(gate.is_running.wait, 10)
        scheduler.submit(request(2, detector=gate, asker=asker))
        scheduler.submit(request(3, detector=gate, asker=asker))
        assert asker.outcomes == {3: Failed(FailureKind.SHED, "the queue is full")}
        gate.may_run.set()


async def test_what_would_be_late_is_shed_at_once():
    clock, asker, gate = FakeClock(), Asker(), Gate()
    async with scheduling(clock) as scheduler:
        scheduler.submit(request(1, "a" * 40, detector=gate, asker=asker))
        await asyncio.to_thread(gate.is_running.wait, 10)
        clock.advance(110)  # 11 tokens took 110 ms
        gate.may_run.set()
        await asker.is_answered.wait()

        gate.may_run.clear()
        gate.is_running.clear()
        scheduler.submit(request(2, "a" * 40, detector=gate, asker=asker))
        await asyncio.to_thread(gate.is_running.wait, 10)
        scheduler.submit(request(3, "a" * 40, detector=gate, asker=asker, deadline_ms=clock.ms))
        scheduler.submit(request(4, "a" * 40, detector=gate, asker=asker, deadline_ms=clock.ms + 100))
        assert asker.outcomes[4] == Failed(FailureKind.SHED, "it would be late")
        assert 3 not in asker.outcomes
        gate.may_run.set()


async def test_a_stream_that_is_gone_gets_nothing():
    asker, gate = Asker(), Gate()
    async with scheduling() as scheduler:
        scheduler.submit(request(1, detector=gate, asker=asker))
        await asyncio.to_thread(gate.is_running.wait, 10)
        scheduler.submit(request(2, detector=gate, asker=asker))
        asker.is_open = False
        gate.may_run.set()
        last = Asker()
        scheduler.submit(request(3, detector=gate, asker=last))
        await last.is_answered.wait()

    assert asker.outcomes == {}
    assert gate.batches == [["fine"], ["fine"]]


async def test_stopping_waits_for_the_batch_that_runs():
    asker, gate = Asker(), Gate()
    async with scheduling() as scheduler:
        scheduler.submit(request(1, detector=gate, asker=asker))
        await asyncio.to_thread(gate.is_running.wait, 10)
        gate.may_run.set()
    with pytest.raises(RuntimeError, match="shutdown"):
        scheduler._workers.submit(print)  # type: ignore[union-attr]
