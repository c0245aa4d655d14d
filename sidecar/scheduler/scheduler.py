"""Batches the segments of all streams for the model detectors. One owner task; no locks.

1. `submit` answers a request at once when its findings are known (`cache`), or sheds it at once: when the queue is
   full, or when what is served before it would take past its deadline. Shedding is an outcome (`Failed(shed)`), so the
   rule's fail mode applies. Otherwise the request is queued. `admits` says whether there is room for more streams.
2. The owner takes a batch and runs it on a worker thread. While all workers are busy it takes the next one, and has it
   tokenised, as late as that does not leave a worker idle: when it is full, or when a batch is about to end. So a
   segment's wait for company adapts to load, and is nothing when the workers are idle.
3. The outcomes are handed out on the event loop, all those of a segment together.
4. What a token costs is learnt from each group's batches so far, the last ones counting most, and each by its tokens: a
   small batch tells little of what a token costs in a full one.

What it does not promise: that an outcome comes before its deadline. The core has a timer, and no use for a late one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil

from detectors.models.threads import cpu_limit
from sidecar.clock import Clock
from sidecar.config import SchedulerSettings
from sidecar.scheduler.admission import LONG_WAIT, Admission, Running
from sidecar.scheduler.batcher import TENANT_SHARE, Ask, Batcher, Request
from sidecar.scheduler.cache import FindingsCache
from sidecar.scheduler.runner import Job, Question, Reply
from sidecar.telemetry.metrics import Metrics
from sidecar.values import Failed, FailureKind, Found, Outcome

__all__ = ["Request", "Running", "Scheduler"]

_LEAD_MS = 8.0
"""How long before the running batch's end the next one is taken: tokenising a full one takes a few milliseconds."""
_DECAY = 0.9
"""How much a batch still counts in the estimate of a token's cost when the next one is done."""
_MOST_GROUPS = 256


class Scheduler:
    """See the module's text. Used on one event loop; `start` and `stop` are called by its owner."""

    def __init__(self, settings: SchedulerSettings, *, clock: Clock, metrics: Metrics) -> None:
        self._threads = settings.threads or cpu_limit()
        self._queue_limit = settings.queue_limit
        self._tenant_limit = ceil(settings.queue_limit * TENANT_SHARE)
        self._batcher = Batcher(max_items=settings.max_batch_items, max_tokens=settings.max_batch_tokens)
        self._cache = FindingsCache(max_entries=settings.cache_entries, max_chars=settings.cache_max_chars)
        self._clock = clock
        self._metrics = metrics
        self._costs = _Costs()
        self._admission = Admission(self._threads)
        self._wake = asyncio.Event()
        self._idle = asyncio.Semaphore(self._threads)
        self._flights: list[_Flight] = []
        self._runs: set[asyncio.Task[None]] = set()
        self._workers: ThreadPoolExecutor | None = None
        self._owner: asyncio.Task[None] | None = None

    @property
    def depth(self) -> int:
        """Segments that wait."""
        return self._batcher.depth

    async def start(self) -> None:
        """Begin to work."""
        # One more than run at a time: it tokenises the batch that is next.
        self._workers = ThreadPoolExecutor(self._threads + 1, thread_name_prefix="detect")
        self._owner = asyncio.create_task(self._own(), name="scheduler")

    async def stop(self) -> None:
        """Stop working; a running batch is waited for, what waits is dropped. All streams must have ended."""
        if self._owner is not None:
            self._owner.cancel()
            await asyncio.wait([self._owner])
        if self._runs:
            await asyncio.wait(self._runs)
        if self._workers is not None:
            await asyncio.to_thread(self._workers.shutdown)

    def submit(self, request: Request) -> None:
        """Queue a request, or answer it at once: with findings that are known, or with `Failed(shed)`."""
        known = self._known(request)
        if known is not None:
            self._answer(request, known)
        elif self._batcher.join(request):
            return
        elif reason := self._reason_to_shed(request):
            self._answer(request, Failed(FailureKind.SHED, reason))
        else:
            self._batcher.add(request)
            self._wake.set()

    def admits(self, running: Running) -> bool:
        """Whether one more stream, beside those that run, is likely to have its segments looked at in time."""
        return self._admission.admits(running, self._clock.now_ms())

    # -- admission ------------------------------------------------------------------------------------------------

    def _known(self, request: Request) -> Outcome | None:
        if not self._cache.is_on:
            return None
        findings = self._cache.get(request.detector, request.tenant, request.item)
        if findings is None:
            self._metrics.cache_misses.inc()
            return None
        self._metrics.cache_hits.inc()
        return Found(request.segment.to_lane(findings))

    def _reason_to_shed(self, request: Request) -> str:
        batcher = self._batcher
        if batcher.depth >= self._queue_limit or batcher.depth_of(request.tenant) >= self._tenant_limit:
            self._admission.strain(self._clock.now_ms())
            return "the queue is full"
        if not batcher.depth and not self._flights:
            return ""  # nothing is before it; and an estimate that is too high is unlearnt only by a batch
        now_ms = self._clock.now_ms()
        flying_ms = sum(each.left_ms(now_ms) for each in self._flights)
        wait_ms = (flying_ms + batcher.wait_ms(request, self._costs.of)) / self._threads
        left_ms = request.deadline_ms - now_ms
        if wait_ms > LONG_WAIT * left_ms:
            self._admission.strain(now_ms)
        return "it would be late" if wait_ms > left_ms else ""

    # -- the owner ------------------------------------------------------------------------------------------------

    async def _own(self) -> None:
        while True:
            while not self._may_take():
                self._wake.clear()
                await self._wake.wait()
            for ask in self._batcher.take_late(self._clock.now_ms()):
                self._answer_late(ask)
            batch = self._batcher.take()
            if batch:
                await self._launch(batch)

    def _may_take(self) -> bool:
        """Whether there is a batch to take, and nothing to be gained by waiting for it to fill."""
        if not self._batcher.depth:
            return False
        return not self._idle.locked() or self._batcher.has_full_batch or self._is_end_near()

    def _is_end_near(self) -> bool:
        now_ms = self._clock.now_ms()
        return any(each.left_ms(now_ms) <= _LEAD_MS for each in self._flights)

    async def _launch(self, batch: list[Ask]) -> None:
        """Run the batch, once a worker is idle; until then, have it tokenised."""
        tokens = sum(ask.tokens for ask in batch)
        flight = _Flight(batch, tokens, tokens * self._costs.of(batch[0].group))
        self._flights.append(flight)
        if self._idle.locked():
            await asyncio.get_running_loop().run_in_executor(self._workers, flight.job.prepare)
        await self._idle.acquire()
        run = asyncio.create_task(self._run(flight), name="batch")
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)

    async def _run(self, flight: _Flight) -> None:
        began_ms = flight.began_ms = self._clock.now_ms()
        alarm = self._clock.call_at(began_ms + flight.estimate_ms - _LEAD_MS, self._wake.set)
        for ask in flight.asks:
            self._metrics.queue_seconds.observe((began_ms - ask.first.submitted_ms) / 1000)
        wanted = (max(ask.deadline_ms for ask in flight.asks) - began_ms) / 1000
        try:
            answers = await asyncio.get_running_loop().run_in_executor(self._workers, flight.job.run, wanted)
        finally:
            alarm.cancel()
            self._flights.remove(flight)
            self._idle.release()
            self._wake.set()
        self._learn(flight, self._clock.now_ms() - began_ms)
        for ask, of_ask in zip(flight.asks, answers, strict=True):
            self._hand_out(ask, of_ask)

    def _learn(self, flight: _Flight, took_ms: float) -> None:
        self._costs.learn(flight.asks[0].group, took_ms, flight.tokens)
        metrics = self._metrics.model(flight.asks[0].first.detector.model)
        metrics.batch_items.observe(len(flight.asks))
        metrics.batch_tokens.observe(flight.job.tokens or flight.tokens)
        metrics.tokenise.observe(flight.job.tokenise_seconds)
        metrics.inference.observe(flight.job.inference_seconds)

    # -- outcomes -------------------------------------------------------------------------------------------------

    def _hand_out(self, ask: Ask, answers: Sequence[Reply]) -> None:
        for request, answer in zip(ask.requests, answers, strict=True):
            if isinstance(answer, Failed):
                self._answer(request, answer)
                continue
            self._cache.put(request.detector, request.tenant, request.item, answer)
            self._answer(request, Found(request.segment.to_lane(answer)))

    def _answer(self, request: Request, outcome: Outcome) -> None:
        self._metrics.detector(request.detector.name).count(outcome)
        if request.receiver.is_open:
            request.answer(outcome)

    def _answer_late(self, ask: Ask) -> None:
        """Tell that nothing will come; the session counts it, as it does when its own timer was first."""
        for request in ask.requests:
            request.answer(Failed(FailureKind.TIMEOUT, "no outcome within max_hold_ms"))


class _Flight:
    """A batch that was taken and is not done."""

    def __init__(self, asks: list[Ask], tokens: int, estimate_ms: float) -> None:
        self.asks = asks
        self.tokens = tokens
        self.estimate_ms = estimate_ms
        self.job = Job([Question(ask.first.item, tuple(each.detector for each in ask.requests)) for ask in asks])
        self.began_ms: float | None = None

    def left_ms(self, now_ms: float) -> float:
        """How long it is still going to take."""
        return self.estimate_ms if self.began_ms is None else max(0.0, self.began_ms + self.estimate_ms - now_ms)


class _Costs:
    """What a token costs in each group, from its batches so far."""

    def __init__(self) -> None:
        self._totals: dict[int, tuple[float, float]] = {}

    def of(self, group: int) -> float:
        """The estimate in milliseconds; 0 before the first batch."""
        ms, tokens = self._totals.get(group, (0.0, 0.0))
        return ms / tokens if tokens else 0.0

    def learn(self, group: int, ms: float, tokens: int) -> None:
        """Take a batch into account."""
        old_ms, old_tokens = self._totals.pop(group, (0.0, 0.0))
        self._totals[group] = (old_ms * _DECAY + ms, old_tokens * _DECAY + tokens)
        if len(self._totals) > _MOST_GROUPS:  # groups of policies that were reloaded: the first is used least lately
            del self._totals[next(iter(self._totals))]
