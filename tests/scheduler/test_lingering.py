"""Waiting for company: what may linger shares its batch with others, nobody waits for it, and it changes no outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from math import inf
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from detectors.base import BatchItem
from detectors.types import Finding
from sidecar.clock import LoopClock
from sidecar.config import SchedulerSettings
from sidecar.scheduler.batcher import Batcher
from sidecar.scheduler.scheduler import Scheduler
from sidecar.telemetry.metrics import Metrics
from sidecar.values import Outcome
from tests.fakes import SegmentFlagger
from tests.scheduler.asking import Asker, numbers, request
from tests.scheduler.virtual import virtually

LINGER_MS = 30
TIMER_MS = 1
"""A timer is for a whole millisecond."""
BATCH_MS = 8.0
HOLD_MS = 400.0
_T = TypeVar("_T")


class Watched(SegmentFlagger):
    """Notes what it is given, and when."""

    def __init__(self) -> None:
        super().__init__("bad", label="FLAG")
        self.batches: list[list[str]] = []
        self.began_ms: dict[str, float] = {}

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        self.batches.append([item.text for item in items])
        self.began_ms |= dict.fromkeys(self.batches[-1], asyncio.get_running_loop().time() * 1000)
        return super().detect(items)


class Played:
    """Requests (after so many ms, their text, whether they may linger) over a real scheduler in virtual time."""

    def __init__(self, *script: tuple[float, str, bool], linger_ms: int = LINGER_MS, hold_ms: float = HOLD_MS) -> None:
        self.model = Watched()
        self.came_ms: dict[str, float] = {}
        self.outcomes: dict[int, Outcome] = {}
        self._settings = SchedulerSettings(threads=64, cache_entries=0, linger_ms=linger_ms)
        self._hold_ms = hold_ms
        virtually(self._play(script))

    async def _play(self, script: Sequence[tuple[float, str, bool]]) -> None:
        clock, asker = LoopClock(), Asker(len(script))
        scheduler = _Scheduler(self._settings, clock=clock, metrics=Metrics("test"), seconds=lambda: 0.0)
        await scheduler.start()
        for number, (after_ms, text, may_linger) in enumerate(script):
            await asyncio.sleep(after_ms / 1000)
            self.came_ms[text] = now_ms = clock.now_ms()
            asked = request(number, text, asker=asker, detector=self.model, deadline_ms=now_ms + self._hold_ms)
            scheduler.submit(replace(asked, hold_ms=self._hold_ms, may_linger=may_linger))
        await asker.is_answered.wait()
        self.outcomes = asker.outcomes
        await scheduler.stop()

    def waited_ms(self, text: str) -> float:
        return round(self.model.began_ms[text] - self.came_ms[text], 2)


class _Scheduler(Scheduler):
    """A batch takes its time, and no thread."""

    def _work(self, job: Callable[[], _T]) -> asyncio.Future[_T]:
        done, answer = asyncio.get_running_loop().create_future(), job()
        asyncio.get_running_loop().call_later(BATCH_MS / 1000, done.set_result, answer)
        return done


def test_what_may_linger_waits_for_company_though_workers_are_idle_and_no_longer():
    played = Played((0, "one", True), (LINGER_MS - 1, "two", True), (2, "three", True))
    assert played.model.batches == [["one", "two"], ["three"]]
    assert [played.waited_ms(text) for text in ("one", "two", "three")] == [LINGER_MS, 1, LINGER_MS]


def test_what_somebody_waits_for_goes_at_once_and_takes_along_what_lingers():
    played = Played((0, "one", True), (5, "two " * 50, True), (10, "now", False))
    assert played.model.batches == [["now", "one", "two " * 50]]
    assert played.waited_ms("now") == 0


def test_a_full_batch_waits_for_nobody():
    played = Played(*((1, str(number), True) for number in range(8)))
    assert played.model.batches == [[str(number) for number in range(8)]]
    assert played.waited_ms("7") == 0


def test_nothing_lingers_for_more_than_a_tenth_of_its_time():
    played = Played((0, "one", True), (15, "two", True), hold_ms=100.0)
    assert (played.model.batches, played.waited_ms("one")) == ([["one"], ["two"]], 10)


def test_without_a_time_to_linger_nothing_does():
    played = Played((0, "one", True), (1, "two", True), linger_ms=0)
    assert played.model.batches == [["one"], ["two"]]


def free(_: int) -> float:
    return 0.0


def test_nothing_lingers_once_what_waits_takes_as_long_as_a_batch_may():
    asker, batcher = Asker(), Batcher(max_items=8, max_tokens=512, linger_ms=LINGER_MS)
    for number, due_ms in ((1, 30.0), (2, 30.0), (3, 0.0)):
        asked = request(number, "a" * 36, asker=asker, deadline_ms=HOLD_MS)
        batcher.add(replace(asked, may_linger=True))
        assert batcher.due_ms(lambda _: 1.5) == due_ms, "10 tokens of 1.5 ms each, and 40 ms for a batch"


def test_what_lingers_comes_behind_what_is_due_whosever_it_is():
    asker, batcher = Asker(), Batcher(max_items=2, max_tokens=512, linger_ms=LINGER_MS)
    for number, may_linger, stream in ((1, True, 1), (2, True, 2), (3, False, 3)):
        asked = request(number, asker=asker, deadline_ms=HOLD_MS)
        batcher.add(replace(asked, may_linger=may_linger, stream=stream))
    assert [numbers(batcher.take(5.0)) for _ in range(2)] == [[3, 1], [2]]
    for number, may_linger, stream in ((4, True, 1), (5, True, 2), (6, False, 3)):
        asked = request(number, asker=asker, deadline_ms=HOLD_MS)
        batcher.add(replace(asked, may_linger=may_linger, stream=stream))
    assert [numbers(batcher.take(30.0)) for _ in range(2)] == [[4, 5], [6]], "by then all is due"


def test_what_is_due_is_the_first_of_what_waits():
    asker, batcher = Asker(), Batcher(max_items=8, max_tokens=512, linger_ms=LINGER_MS)
    assert batcher.due_ms(free) == inf
    for hold_ms, may_linger, due_ms in ((500.0, True, 30.0), (200.0, True, 20.0), (400.0, False, 0.0)):
        asked = request(int(hold_ms), asker=asker, deadline_ms=hold_ms)
        batcher.add(replace(asked, may_linger=may_linger))
        assert batcher.due_ms(free) == due_ms


scripts = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(("bad ", "fine ")), st.integers(1, 60), st.booleans()),
    min_size=1,
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(scripts)
def test_where_workers_are_idle_a_wait_is_bounded_and_no_outcome_depends_on_it(
    script: list[tuple[int, str, int, bool]],
):
    told = [
        (float(after), f"{number} {word * times}", lingers)
        for number, (after, word, times, lingers) in enumerate(script)
    ]
    played, at_once = Played(*told), Played(*told, linger_ms=0)
    assert played.outcomes == at_once.outcomes
    assert len(played.outcomes) == len(script)
    assert len(played.model.batches) <= len(at_once.model.batches)
    for _, text, may_linger in told:
        assert played.waited_ms(text) <= (LINGER_MS + TIMER_MS if may_linger else 0)
