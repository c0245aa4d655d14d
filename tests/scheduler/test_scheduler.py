"""The scheduler: one outcome a request, batches that fill while workers are busy, shedding of what would be late."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from detectors.base import BatchItem
from detectors.types import Finding
from sidecar.config import SchedulerSettings
from sidecar.policy.plan import BatchPlan
from sidecar.scheduler.admission import GUESSED_TOKENS
from sidecar.scheduler.scheduler import _TIMED_CHARS, Request, Running, Scheduler
from sidecar.telemetry.metrics import Metrics
from sidecar.values import Action, Failed, FailureKind, Found, Outcome
from tests.fakes import SegmentFlagger, plan, rule
from tests.scheduler.asking import Asker, request
from tests.servers import FakeClock


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

    async def has_begun(self) -> None:
        await asyncio.to_thread(self.is_running.wait, 10)


@asynccontextmanager
async def scheduling(
    clock: FakeClock | None = None, metrics: Metrics | None = None, **settings: int
) -> AsyncIterator[Scheduler]:
    chosen = SchedulerSettings(**{"cache_entries": 0, "threads": 1} | settings)
    clock = clock or FakeClock()
    scheduler = Scheduler(
        chosen, clock=clock, metrics=metrics or Metrics("test"), seconds=lambda: clock.now_ms() / 1000
    )
    await scheduler.start()
    try:
        yield scheduler
    finally:
        await scheduler.stop()


async def test_an_outcome_comes_for_each_request():
    asker = Asker(20)
    async with scheduling() as scheduler:
        for number in range(20):
            scheduler.submit(request(number, "bad" if number % 2 else "fine", asker=asker))
        await asker.is_answered.wait()
    flagged = {number for number, outcome in asker.outcomes.items() if outcome != Found()}
    assert (len(asker.outcomes), flagged) == (20, set(range(1, 20, 2)))


async def test_findings_are_given_in_lane_offsets():
    asker = Asker()
    async with scheduling() as scheduler:
        scheduler.submit(request(1, "a bad one", asker=asker, detector=SegmentFlagger("bad", label="FLAG", spans=True)))
        await asker.is_answered.wait()
    assert asker.outcomes[1] == Found((Finding(102, 105, "FLAG", 0.8, "fake"),))


async def test_what_waits_while_a_batch_runs_shares_the_next_one():
    asker, gate = Asker(4), Gate()
    async with scheduling() as scheduler:
        scheduler.submit(request(1, "1", detector=gate, asker=asker))
        await gate.has_begun()
        for number in (2, 3, 4):
            scheduler.submit(request(number, str(number), detector=gate, asker=asker))
        assert scheduler.depth == 3
        gate.may_run.set()
        await asker.is_answered.wait()
    assert gate.batches == [["1"], ["2", "3", "4"]]


async def test_the_next_batch_fills_until_the_running_one_is_about_to_end():
    clock, asker, gate = FakeClock(), Asker(), Gate()
    async with scheduling(clock) as scheduler:
        await keep_busy(scheduler, clock, gate, asker)
        scheduler.submit(request(3, "b" * 40, detector=gate, asker=asker))
        await settle()
        clock.advance(90)
        await settle()
        assert scheduler.depth == 1
        clock.advance(15)
        await settle()
        assert scheduler.depth == 0
        gate.may_run.set()


async def test_a_batch_that_runs_wakes_nobody_while_nothing_waits():
    clock, asker, gate = FakeClock(), Asker(), Gate()
    async with scheduling(clock) as scheduler:
        await keep_busy(scheduler, clock, gate, asker)
        await settle()
        assert not clock.timers
        scheduler.submit(request(3, "b" * 40, detector=gate, asker=asker))
        await settle()
        assert len(clock.timers) == 1
        gate.may_run.set()


async def test_a_full_batch_waits_for_nothing_but_a_worker():
    clock, asker, gate = FakeClock(), Asker(), Gate()
    async with scheduling(clock, max_batch_items=2) as scheduler:
        await teach(scheduler, clock, gate, ms_per_token=10)
        for number in (2, 3, 4):
            scheduler.submit(request(number, str(number), detector=gate, asker=asker))
        await gate.has_begun()
        await settle()
        assert scheduler.depth == 1
        scheduler.submit(request(5, "5", detector=gate, asker=asker))
        await settle()
        assert scheduler.depth == 0
        gate.may_run.set()


async def test_a_full_queue_sheds_at_once_and_one_tenant_cannot_fill_it():
    asker, gate = Asker(), Gate()
    async with scheduling(queue_limit=4, max_batch_items=1) as scheduler:
        for number in (1, 2):
            scheduler.submit(request(number, detector=gate, asker=asker))
        await gate.has_begun()
        await settle()
        for number in (3, 4, 5):
            scheduler.submit(request(number, detector=gate, asker=asker))
        assert asker.outcomes == {5: Failed(FailureKind.SHED, "the queue is full")}
        for number in (6, 7, 8):
            scheduler.submit(request(number, detector=gate, asker=asker, tenant=f"tenant-{number}"))
        assert set(asker.outcomes) == {5, 8}
        gate.may_run.set()


async def test_an_estimate_that_is_too_high_is_tried_again_when_nothing_else_is_to_be_done():
    clock, asker, gate = FakeClock(), Asker(), Gate()
    async with scheduling(clock) as scheduler:
        await teach(scheduler, clock, gate, ms_per_token=1000)
        scheduler.submit(request(2, "a" * 40, detector=gate, asker=asker, deadline_ms=clock.ms + 230))
        await gate.has_begun()
        scheduler.submit(request(3, "a" * 40, detector=gate, asker=asker, deadline_ms=clock.ms + 230))
        assert not asker.outcomes, "nothing of an older stream waits"
        young = request(4, "a" * 40, detector=gate, asker=asker, deadline_ms=clock.ms + 230)
        scheduler.submit(replace(young, stream=1))
        assert asker.outcomes == {4: Failed(FailureKind.SHED, "it would be late")}
        gate.may_run.set()


async def test_what_would_be_late_is_shed_at_once():
    clock, asker, gate = FakeClock(), Asker(), Gate()
    async with scheduling(clock) as scheduler:
        await keep_busy(scheduler, clock, gate, asker)
        for number in (3, 4):
            asked = request(number, "a" * 40, detector=gate, asker=asker, deadline_ms=clock.ms + 230)
            scheduler.submit(replace(asked, stream=number))
        assert asker.outcomes == {4: Failed(FailureKind.SHED, "it would be late")}
        gate.may_run.set()


async def test_a_stream_that_would_end_for_it_is_shed_only_where_it_would_be_late_by_far():
    """What a token costs while many streams begin is a multiple of what it costs a moment later."""
    clock, asker, gate = FakeClock(), Asker(), Gate()
    ending = BatchPlan(0, gate, (rule(Action.BLOCK, "FLAG"),))
    async with scheduling(clock) as scheduler:
        await keep_busy(scheduler, clock, gate, asker)
        for number in (3, 4, 5, 6):
            asked = request(number, "a" * 40, detector=gate, asker=asker, deadline_ms=clock.ms + 230)
            scheduler.submit(replace(asked, batch=ending, stream=number, receiver=Asker() if number < 6 else asker))
        assert asker.outcomes == {6: Failed(FailureKind.SHED, "it would be late")}
        gate.may_run.set()


async def test_with_one_lost_segment_what_else_of_its_stream_waits_is_dropped_where_that_ends_it():
    clock, gate = FakeClock(), Gate()
    ends, goes_on = Asker(), Asker()
    async with scheduling(clock) as scheduler:
        await keep_busy(scheduler, clock, gate, Asker())
        older = request(9, "a" * 40, detector=gate, asker=Asker(), deadline_ms=clock.ms + 9_000.0)
        scheduler.submit(replace(older, hold_ms=8_000.0))
        for asker, rules in ((ends, (rule(Action.BLOCK, "FLAG"),)), (goes_on, ())):
            for number, hold_ms in ((3, 9_000.0), (4, 9_000.0), (5, 1.0)):
                asked = request(number, "a" * 40, detector=gate, asker=asker, deadline_ms=clock.ms + hold_ms)
                scheduler.submit(replace(asked, batch=BatchPlan(0, gate, rules), stream=7, hold_ms=9_000.0))
        late = Failed(FailureKind.SHED, "it would be late")
        assert ends.outcomes == {5: late, **dict.fromkeys((3, 4), Failed(FailureKind.SHED, "its stream ends"))}
        assert goes_on.outcomes == {5: late}
        gate.may_run.set()


async def test_a_reading_that_nothing_depends_on_is_lost_alone():
    """The beginning of a segment, read early: where it is shed, its segment is looked at all the same."""
    clock, gate, asker = FakeClock(), Gate(), Asker()
    ending = BatchPlan(0, gate, (rule(Action.BLOCK, "FLAG"),))
    async with scheduling(clock) as scheduler:
        await keep_busy(scheduler, clock, gate, Asker())
        older = request(9, "a" * 40, detector=gate, asker=Asker(), deadline_ms=clock.ms + 9_000.0)
        scheduler.submit(replace(older, hold_ms=8_000.0))
        for number, hold_ms in ((3, 9_000.0), (-1, 1.0)):
            asked = request(number, "a" * 40, detector=gate, asker=asker, deadline_ms=clock.ms + hold_ms)
            scheduler.submit(replace(asked, batch=ending, stream=7, hold_ms=9_000.0))
        assert asker.outcomes == {-1: Failed(FailureKind.SHED, "it would be late")}
        gate.may_run.set()


async def test_streams_are_turned_away_when_segments_wait_for_long():
    clock, asker, gate = FakeClock(), Asker(), Gate()
    async with scheduling(clock) as scheduler:
        await keep_busy(scheduler, clock, gate, asker)
        assert scheduler.admits(Running(50, 50, 1))
        scheduler.submit(request(3, "b" * 40, detector=gate, asker=asker, deadline_ms=clock.ms + 600))
        assert not asker.outcomes
        assert not scheduler.admits(Running(50, 50, 1, hold_ms=250))
        assert scheduler.admits(Running(50, 50, 1, hold_ms=300))
        gate.may_run.set()


async def test_models_are_timed_before_the_first_stream_so_that_the_first_burst_is_not_let_in_whole():
    clock, gate = FakeClock(), Gate()
    gate.may_run.set()
    async with scheduling(clock) as scheduler:
        assert all(scheduler.admits(Running(n, n, 1)) for n in range(1000))

    class Slow(SegmentFlagger):
        def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
            clock.ms += 100
            return super().detect(items)

    async with scheduling(clock) as scheduler:
        policy = plan((Slow("bad", label="FLAG"), [rule(Action.BLOCK, "FLAG")]))
        await scheduler.time([policy])
        assert sum(scheduler.admits(Running(n, n, 1)) for n in range(1000)) == 4
        first = request(1, detector=policy.batches[0].detector, asker=Asker())
        scheduler.submit(replace(first, began_ms=clock.ms))
        let_in = 4 + sum(scheduler.admits(Running(n, n, 1)) for n in range(4, 1000))
    tokens_a_second = 8 * (1 + _TIMED_CHARS // 4) * 1000 / 100
    assert let_in == pytest.approx(0.9 * tokens_a_second / GUESSED_TOKENS, abs=2)


@pytest.mark.parametrize("segments", [1, 2, 5])
async def test_of_a_burst_of_twice_what_can_be_done_in_time_four_fifths_of_that_is_done(segments: int):
    """A model of known speed: 2 ms a token on its own clock. Everybody comes at the same moment, with all segments."""
    clock = FakeClock()

    class Model(SegmentFlagger):
        def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
            clock.ms += sum(2.0 * (1 + len(item.text) // 4) for item in items)
            return super().detect(items)

    class Stream(Asker):
        in_time = 0

        def deliver(self, segment: int, batch: int, outcome: Outcome) -> None:
            super().deliver(segment, batch, outcome)
            self.in_time += outcome == Found() and clock.ms <= due_ms

    model = Model("bad", label="FLAG")
    async with scheduling(clock) as scheduler:
        await scheduler.time([plan((model, [rule(Action.BLOCK, "FLAG")]))])
        began_ms, due_ms = clock.ms, clock.ms + 1000
        could = 1000 / (2 * 11 * segments)
        streams = [Stream(segments) for _ in range(round(2 * could))]
        for number, stream in enumerate(streams):
            for segment in range(segments):
                asked = request(
                    segment, f"{number:020} {segment:019}", asker=stream, detector=model, deadline_ms=due_ms
                )
                scheduler.submit(replace(asked, began_ms=began_ms, hold_ms=1000.0, stream=number))
        for stream in streams:
            await stream.is_answered.wait()
    done = sum(stream.in_time == segments for stream in streams)
    begun = sum(0 < stream.in_time < segments for stream in streams)
    assert 0.8 * could <= done <= could
    assert begun <= 1


async def test_a_batch_of_the_older_stream_comes_first_and_the_younger_is_late():
    clock, asker, gate = FakeClock(), Asker(), Gate()
    async with scheduling(clock, max_batch_items=1) as scheduler:
        await keep_busy(scheduler, clock, gate, asker)
        young, old = Asker(), Asker()
        for number, who, began_ms in ((1, young, 100.0), (2, old, 50.0)):
            asked = request(number, f"{number}" * 40, detector=gate, asker=who, deadline_ms=clock.ms + 400)
            scheduler.submit(replace(asked, began_ms=began_ms, hold_ms=400.0))
        gate.may_run.set()
        await young.is_answered.wait()
    assert [batch[0][0] for batch in gate.batches[-2:]] == ["2", "1"]


class TestWhatNoTextWaitsFor:
    """Rules that annotate, or are in shadow."""

    ANNOTATES = (rule(Action.ANNOTATE, "FLAG"),)

    def other(self, number: int, gate: Gate, asker: Asker, deadline_ms: float = 1e9) -> Request:
        asked = request(number, f"other {number}" * 5, detector=gate, asker=asker, deadline_ms=deadline_ms)
        return replace(asked, batch=BatchPlan(0, gate, self.ANNOTATES))

    async def test_it_comes_last_however_urgent_it_is(self):
        asker, gate = Asker(5), Gate()
        async with scheduling(max_batch_items=1) as scheduler:
            scheduler.submit(request(1, "1", detector=gate, asker=asker))
            await gate.has_begun()
            for number in (2, 3):
                scheduler.submit(self.other(number, gate, asker, deadline_ms=1e6))
            for number in (4, 5):
                scheduler.submit(request(number, f"awaited {number}", detector=gate, asker=asker))
            gate.may_run.set()
            await asker.is_answered.wait()
        assert [batch[0][:7] for batch in gate.batches] == ["1", "awaited", "awaited", "other 2", "other 3"]

    async def test_it_makes_nothing_that_text_waits_for_late(self):
        """Ten times what can be done in time, of which text waits for nothing; and then something it waits for."""
        clock, asker, gate = FakeClock(), Asker(), Gate()
        async with scheduling(clock) as scheduler:
            await teach(scheduler, clock, gate, ms_per_token=10)
            for number in range(2, 42):
                scheduler.submit(self.other(number, gate, asker, deadline_ms=clock.ms + 400))
            shed = [number for number, outcome in asker.outcomes.items() if isinstance(outcome, Failed)]
            assert len(shed) > 35
            awaited = Asker()
            scheduler.submit(request(1, "a" * 40, detector=gate, asker=awaited, deadline_ms=clock.ms + 400))
            gate.may_run.set()
            await awaited.is_answered.wait()
            assert awaited.outcomes == {1: Found()}

    async def test_it_leaves_a_worker_free(self):
        asker, gate = Asker(), Gate()
        async with scheduling(threads=3, max_batch_items=1) as scheduler:
            for number in range(5):
                scheduler.submit(self.other(number, gate, asker))
            await settle()
            assert scheduler.depth == 3
            scheduler.submit(request(9, "awaited", detector=gate, asker=asker))
            await settle()
            assert scheduler.depth == 3
            gate.may_run.set()

    async def test_it_travels_with_what_is_read_anyhow(self):
        asker, gate = Asker(2), Gate()
        gate.may_run.set()
        async with scheduling() as scheduler:
            asked = request(1, "the same", detector=gate, asker=asker)
            scheduler.submit(asked)
            scheduler.submit(replace(asked, batch=BatchPlan(1, gate, self.ANNOTATES)))
            assert scheduler.depth == 1
            await asker.is_answered.wait()
        assert asker.by_detector == {(1, 0): Found(), (1, 1): Found()}


async def test_what_became_late_is_not_run():
    clock, asker, gate = FakeClock(), Asker(2), Gate()
    async with scheduling(clock, max_batch_items=1) as scheduler:
        for number in (1, 2, 3):
            scheduler.submit(request(number, str(number), detector=gate, asker=asker, deadline_ms=100 * number))
        await gate.has_begun()
        await settle()
        clock.advance(350)
        gate.may_run.set()
        await asker.is_answered.wait()
    assert gate.batches == [["1"], ["2"]]
    assert asker.outcomes[3] == Failed(FailureKind.TIMEOUT, "no outcome within max_hold_ms")


async def test_a_stream_that_is_gone_gets_nothing():
    asker, gate = Asker(), Gate()
    async with scheduling() as scheduler:
        scheduler.submit(request(1, "1", detector=gate, asker=asker))
        await gate.has_begun()
        scheduler.submit(request(2, "2", detector=gate, asker=asker))
        asker.is_open = False
        gate.may_run.set()
        last = Asker()
        scheduler.submit(request(3, "3", detector=gate, asker=last))
        await last.is_answered.wait()
    assert asker.outcomes == {}
    assert gate.batches == [["1"], ["3"]]


async def test_stopping_waits_for_the_batch_that_runs():
    asker, gate = Asker(), Gate()
    async with scheduling() as scheduler:
        scheduler.submit(request(1, detector=gate, asker=asker))
        await gate.has_begun()
        gate.may_run.set()
    assert asker.outcomes == {1: Found()}


async def test_a_repeated_text_is_looked_at_once():
    gate, metrics = Gate(), Metrics("test")
    gate.may_run.set()
    async with scheduling(metrics=metrics, cache_entries=10) as scheduler:
        for number in (1, 2, 3):
            asker = Asker()
            scheduler.submit(request(number, "a bad word", detector=gate, asker=asker))
            await asker.is_answered.wait()
            assert asker.outcomes == {number: Found((Finding(100, 110, "FLAG", 0.8, "fake"),))}
    assert gate.batches == [["a bad word"]]
    assert b'tidegate_scheduler_cache_total{result="hit"} 2.0' in metrics.render()


async def test_what_failed_is_tried_again():
    detector = SegmentFlagger("bad", label="FLAG", fails_on="poison")
    async with scheduling(cache_entries=10) as scheduler:
        for fails_on, outcome in (("poison", Failed(FailureKind.ERROR, "RuntimeError")), ("", Found())):
            detector.fails_on = fails_on
            asker = Asker()
            scheduler.submit(request(1, "poison", detector=detector, asker=asker))
            await asker.is_answered.wait()
            assert asker.outcomes == {1: outcome}


async def test_queue_tokenising_and_inference_are_timed_apart():
    asker, metrics = Asker(), Metrics("test")
    async with scheduling(metrics=metrics) as scheduler:
        scheduler.submit(request(1, "some text", asker=asker))
        await asker.is_answered.wait()
    shown = metrics.render()
    for name in ("scheduler_queue_seconds", "tokenise_seconds", "inference_seconds", "scheduler_batch_tokens"):
        model = b"" if name == "scheduler_queue_seconds" else b'{model="fake-model-1"}'
        assert b"tidegate_" + name.encode() + b"_count" + model + b" 1.0" in shown


# --- properties -------------------------------------------------------------------------------------------------------

asks = st.lists(
    st.tuples(
        st.sampled_from(("fine", "a bad one", "poison", "poison and bad", "fine " * 30)),
        st.sampled_from((0, 1)),  # detector
        st.sampled_from("ab"),  # tenant
        st.integers(1, 50),  # deadline
    ),
    min_size=1,
    max_size=25,
)


@pytest.mark.parametrize("cache_entries", [0, 3, 100])
@settings(max_examples=25, deadline=None)
@given(asks)
def test_every_request_gets_the_outcome_it_would_get_alone(
    cache_entries: int, script: list[tuple[str, int, str, int]]
) -> None:
    """However requests are mixed, and whatever is known from earlier: twice the same script, the second from memory."""
    detectors = (
        SegmentFlagger("bad", label="FLAG", spans=True, fails_on="poison"),
        SegmentFlagger("bad", label="BAD"),
    )

    async def run() -> None:
        async with scheduling(cache_entries=cache_entries, max_batch_items=4) as scheduler:
            for _ in range(2):
                asker = Asker(len(script))
                for number, (text, index, tenant, deadline_ms) in enumerate(script):
                    detector = detectors[index]
                    scheduler.submit(
                        request(
                            number, text, asker=asker, detector=detector, tenant=tenant, deadline_ms=float(deadline_ms)
                        )
                    )
                await asker.is_answered.wait()
                for number, (text, index, *_) in enumerate(script):
                    if index == 0 and "poison" in text:
                        assert asker.outcomes[number] == Failed(FailureKind.ERROR, "RuntimeError")
                        continue
                    [found] = detectors[index].detect([BatchItem(text, 0)])
                    expected = request(number, text, asker=asker).segment.to_lane(found)
                    assert asker.outcomes[number] == Found(expected)

    asyncio.run(run())


async def teach(scheduler: Scheduler, clock: FakeClock, gate: Gate, *, ms_per_token: float) -> None:
    """Let the gate's first batch, of 11 tokens, take so long."""
    asker = Asker()
    scheduler.submit(request(1, "a" * 40, detector=gate, asker=asker))
    await gate.has_begun()
    clock.advance(11 * ms_per_token)
    gate.may_run.set()
    await asker.is_answered.wait()
    gate.may_run.clear()
    gate.is_running.clear()


async def keep_busy(scheduler: Scheduler, clock: FakeClock, gate: Gate, asker: Asker) -> None:
    """Have a batch run that is known to take 110 ms; the asker's segment 2 is in it."""
    await teach(scheduler, clock, gate, ms_per_token=10)
    scheduler.submit(request(2, "a" * 40, detector=gate, asker=asker))
    await gate.has_begun()


async def settle() -> None:
    """Let the loop do all that it can do by itself."""
    for _ in range(20):
        await asyncio.sleep(0)
