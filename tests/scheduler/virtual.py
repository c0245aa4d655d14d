"""Real streams over a real scheduler in time that stands still while anything is to be done, and else jumps.

A model's time is a number of milliseconds a token, so that what the models can do is known, and no run differs from the
one before. Others on the machine are a factor on it, and on the event loop's own time for each text that comes.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple, TypeVar

from detectors.base import BatchItem
from detectors.types import Finding
from sidecar.clock import LoopClock
from sidecar.config import Limits, SchedulerSettings
from sidecar.errors import Overloaded
from sidecar.outbox.memory import MemoryOutbox
from sidecar.policy.plan import Plan
from sidecar.scheduler.scheduler import Scheduler
from sidecar.start import StreamStart
from sidecar.telemetry.metrics import Metrics
from sidecar.values import Action, Blocked, Lane, Release
from tests.fakes import SegmentFlagger, plan, rule
from tests.servers import make_engine

THREADS = 2
HOLD_MS = 1000
MS_PER_TOKEN = 1.0
_BATCH_MS = 2.0
_PIECE_CHARS = 40
_WORDS = ("bread", "cools", "before", "anybody", "cuts", "it", "and", "trains", "leave", "at", "nine", "on", "Sundays")
_T = TypeVar("_T")


class Text(NamedTuple):
    """A stream: when it comes, its text, and how fast that is written (characters a second; 0: all at once)."""

    at_s: float
    text: str
    chars_per_s: float = 0.0


class Fared(NamedTuple):
    """What became of streams: how many of each, and of each one."""

    seen: Counter[str]
    by_number: list[str]


class _Model(SegmentFlagger):
    """Finds nothing in what it is given, and takes its time for it."""

    def __init__(self, slowness: Callable[[], float]) -> None:
        super().__init__("bad", label="FLAG")
        self.spent_s = 0.0
        self._slowness = slowness

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        ms = _BATCH_MS + MS_PER_TOKEN * sum(1 + len(item.text) // 4 for item in items)
        self.spent_s += ms * self._slowness() / 1000
        return super().detect(items)


class _Scheduler(Scheduler):
    """Its workers are as many calls that come back later."""

    model: _Model

    def _work(self, job: Callable[[], _T]) -> asyncio.Future[_T]:
        loop, before = asyncio.get_running_loop(), self.model.spent_s
        answer, done = job(), loop.create_future()
        loop.call_later(self.model.spent_s - before, _settle, done, answer)
        return done


class Service:
    """The engine and the scheduler. `slowness` is how much slower the machine is than when the models were timed."""

    def __init__(self, *, slowness: float = 1.0, message_ms: float = 0.0, max_streams: int = 100_000) -> None:
        self._slowness, self._message_ms = 1.0, message_ms
        self._busy = slowness
        self.model = _Model(lambda: self._slowness)
        clock, metrics = LoopClock(), Metrics("test")
        settings = SchedulerSettings(threads=THREADS, cache_entries=0)
        self._scheduler = _Scheduler(settings, clock=clock, metrics=metrics, seconds=lambda: self.model.spent_s)
        self._scheduler.model = self.model
        self.plan = _plan(self.model)
        self._outbox = MemoryOutbox()
        self.engine = make_engine(
            self.plan,
            scheduler=self._scheduler,
            outbox=self._outbox,
            clock=clock,
            limits=Limits(max_streams=max_streams),
            admits=self._scheduler.admits,
            left=self._scheduler.left,
        )

    async def __aenter__(self) -> Service:
        await self._outbox.start()
        await self._scheduler.start()
        await self._scheduler.time([self.plan])
        self._slowness = self._busy
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.engine.wait_idle()
        await self._scheduler.stop()
        await self._outbox.stop()

    async def play(self, texts: Sequence[Text]) -> Fared:
        """Have the streams come, from now on, and say what became of each: finished, begun and refused, or refused."""
        self.model.spent_s = 0.0
        fared = await asyncio.gather(*(self._stream(each) for each in texts))
        return Fared(Counter(fared), fared)

    async def _stream(self, text: Text) -> str:
        await asyncio.sleep(text.at_s)
        came = ""
        try:
            async with self.engine.open(StreamStart()) as session:
                feeding = asyncio.create_task(self._feed(session, text))
                async for shown in session.outputs():
                    assert not isinstance(shown, Blocked), "nothing is wrong with it"
                    came += shown.text if isinstance(shown, Release) else ""
                await feeding
        except Overloaded:
            assert text.text.startswith(came)
            return "begun" if came else "refused"
        assert came == text.text
        return "finished"

    async def _feed(self, session: Any, text: Text) -> None:
        for start in range(0, len(text.text), _PIECE_CHARS):
            piece = text.text[start : start + _PIECE_CHARS]
            pass_time(self._message_ms * self._slowness / 1000)
            await session.feed(Lane(), piece)
            await asyncio.sleep(len(piece) / text.chars_per_s if text.chars_per_s else 0)
        session.finish()


def a_text(number: int, chars: int) -> str:
    """Sentences, unlike those of another number."""
    rng, text = random.Random(number), ""
    while len(text) < chars:
        words = " ".join(rng.choice(_WORDS) for _ in range(rng.randrange(6, 16)))
        text += f"{words.capitalize()}. "
    return text[:chars]


_TURN_S = 1e-7


class _VirtualLoop(asyncio.SelectorEventLoop):
    """Its time hardly passes, and jumps to the next timer when nothing else is to be done.

    It must pass a little: a time in seconds is not quite the same in milliseconds, and who is woken a rounding too
    early looks again.
    """

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: _VirtualLoop) -> None:
        super().__init__()
        self._virtual = loop

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "nothing will ever happen"
        self._virtual.now += max(_TURN_S, timeout)
        return super().select(0)


def pass_time(seconds: float) -> None:
    """Have the event loop be busy for so long."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, _VirtualLoop)
    loop.now += seconds


def virtually(work: Coroutine[Any, Any, _T]) -> _T:
    """Run it in virtual time."""
    loop = _VirtualLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _plan(model: _Model) -> Plan:
    return plan((model, [rule(Action.BLOCK, "FLAG")]), max_hold_ms=HOLD_MS)


def _settle(future: asyncio.Future[_T], answer: _T) -> None:
    if not future.done():
        future.set_result(answer)
