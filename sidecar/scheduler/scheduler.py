"""Batches the segments of all streams for the model detectors. One owner task; no locks.

1. `submit` answers a request at once when its findings are known (`cache`), or sheds it at once: when the queue is
   full, or when what is served before it would take past its deadline; where that ends its stream, far past it.
   Shedding is an outcome (`Failed(shed)`), so the rule's fail mode applies; where that ends the stream, what else of it
   waits is shed with it (`_lose`). Of the oldest stream that waits nothing is shed: an estimate may be wrong, and then
   nobody would finish. Otherwise the request is queued. `admits` says whether there is room for more streams.
   What no text waits for (rules that annotate, or are in shadow) queues apart: it is taken when nothing else waits,
   by all workers but one, and so is what is shed first.
2. The owner takes a batch and runs it on a worker thread: when it is full, or when something in it is due. What
   somebody waits for is due at once; what may linger (`Request.may_linger`), `linger_ms` later, so that one run of the
   model serves several streams also while the workers are idle. What is due takes along what lingers. While all workers
   are busy the next batch is taken, and tokenised, as late as that does not leave a worker idle.
3. The outcomes are handed out on the event loop, all those of a segment together.
4. What a token costs is timed when the service starts (`time`), and learnt from each group's batches so far, the last
   ones counting most, and each by its tokens: a small batch tells little of what a token costs in a full one. It is the
   worker's own time: while the event loop is busy, batches wait for it, however small they are.

What it does not promise: that an outcome comes before its deadline. The core has a timer, and no use for a late one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import ceil, exp, inf
from statistics import median
from typing import TypeVar

from detectors.base import BatchItem
from detectors.context import context_of
from detectors.models.threads import cpu_limit
from sidecar.clock import Alarm, Clock
from sidecar.config import SchedulerSettings
from sidecar.policy.plan import BatchPlan, Plan
from sidecar.scheduler.admission import GUESSED_TOKENS, LONG_WAIT, Admission, Running
from sidecar.scheduler.batcher import CHARS_PER_TOKEN, TENANT_SHARE, Ask, Batcher, Request
from sidecar.scheduler.cache import FindingsCache
from sidecar.scheduler.runner import Job, Question, Reply
from sidecar.telemetry.metrics import Metrics, ModelMetrics
from sidecar.values import Failed, FailureKind, Found, Outcome

__all__ = ["Request", "Running", "Scheduler"]

_T = TypeVar("_T")

_LEAD_MS = 8.0
"""How long before the running batch's end the next one is taken: tokenising a full one takes a few milliseconds."""
_REMEMBERED_TOKENS = 512
"""How many tokens' time makes up most of the estimate of a token's cost."""
_DOUBT = 2.0
"""How much less a token may come to cost than it does: while many streams begin the machine has other work, too. So a
stream ends at once only where it would be late by far, and otherwise when it is late. What may pass unread passes at
once."""
_MOST_GROUPS = 256
_TIMED_TEXT = "How many tokens a model reads in a second is what this sentence, and others like it, are here to tell. "
_TIMED_CHARS = 2 * len(_TIMED_TEXT)
"""What models are timed with: about as long as a segment."""


class Scheduler:
    """See the module's text. Used on one event loop; `start` and `stop` are called by its owner."""

    def __init__(
        self,
        settings: SchedulerSettings,
        *,
        clock: Clock,
        metrics: Metrics,
        seconds: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`seconds` is the time that work is measured by, on worker threads."""
        self._threads = settings.threads or cpu_limit()
        self._workers_for_others = max(1, self._threads - 1)
        self._queue_limit = settings.queue_limit
        self._tenant_limit = ceil(settings.queue_limit * TENANT_SHARE)
        self._max_items, self._max_tokens = settings.max_batch_items, settings.max_batch_tokens
        batcher = partial(Batcher, max_tokens=self._max_tokens, linger_ms=settings.linger_ms)
        self._awaited = batcher(max_items=self._max_items)
        """What text waits for."""
        self._others = batcher(max_items=1 if self._threads == 1 else self._max_items)
        """What no text waits for. With a single worker it is taken one by one, as the worker cannot be taken back."""
        self._cache = FindingsCache(max_entries=settings.cache_entries, max_chars=settings.cache_max_chars)
        self._clock = clock
        self._metrics = metrics
        self._seconds = seconds
        self._costs = _Costs()
        self._admission = Admission(self._threads)
        self._wake = asyncio.Event()
        self._alarm = Alarm(clock, self._wake.set)
        """Rings when a batch that runs is about to end, or what lingers is due."""
        self._idle = asyncio.Semaphore(self._threads)
        self._flights: list[_Flight] = []
        self._runs: set[asyncio.Task[None]] = set()
        self._workers: ThreadPoolExecutor | None = None
        self._owner: asyncio.Task[None] | None = None

    @property
    def depth(self) -> int:
        """Segments that wait."""
        return self._awaited.depth + self._others.depth

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
        self._alarm.cancel()
        if self._runs:
            await asyncio.wait(self._runs)
        if self._workers is not None:
            await asyncio.to_thread(self._workers.shutdown)

    def submit(self, request: Request) -> None:
        """Queue a request, or answer it at once: with findings that are known, or with `Failed(shed)`."""
        known = self._known(request)
        if known is not None:
            self._answer(request, known)
        elif self._awaited.join(request):
            return
        elif request.batch.is_gating:
            self._submit(request, self._awaited, self._reason_to_shed(request))
        elif not self._others.join(request):
            self._submit(request, self._others, self._reason_to_shed_other(request))

    def _submit(self, request: Request, batcher: Batcher, reason: str) -> None:
        if reason:
            self._lose(request, Failed(FailureKind.SHED, reason))
        else:
            batcher.add(request)
            self._wake.set()

    def admits(self, running: Running) -> bool:
        """Whether one more stream, beside those that run, is likely to have its segments looked at in time."""
        now_ms = self._clock.now_ms()
        return self._admission.admits(running, self._awaited.all_ms(self._costs.of) + self._flown_ms(now_ms), now_ms)

    def left(self, began_ms: float, stream: int) -> None:
        """A stream that was let in then has ended."""
        self._admission.left(began_ms, stream)

    async def time(self, plans: Iterable[Plan]) -> None:
        """Time a full batch of each group of detectors that is not known yet, on all workers at once."""
        batches = {self._awaited.group_of(each.detector): each for plan in plans for each in plan.batches}
        for group, batch in batches.items():
            if not self._costs.of(group):
                await self._time(group, batch)
        self._admission.expect(GUESSED_TOKENS * max(map(self._costs.of, batches), default=0.0))

    async def _time(self, group: int, batch: BatchPlan) -> None:
        tokens = batch.item_tokens or 1 + _TIMED_CHARS // CHARS_PER_TOKEN
        items = max(1, min(self._max_items, self._max_tokens // tokens))
        questions = [Question(_timed(number), (batch.detector,)) for number in range(items)]
        runs: list[float] = []
        for _ in range(4):
            jobs = [Job(questions, self._seconds) for _ in range(self._threads)]
            await asyncio.gather(*(self._work(job.run) for job in jobs))
            runs.append(max(job.took_ms for job in jobs))
        self._costs.learn(group, median(runs[1:]), items * tokens)  # the first makes ready what later ones have

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
        batcher, now_ms = self._awaited, self._clock.now_ms()
        cost_ms = batcher.cost_ms(request, self._costs.of)
        self._admission.brought(request.began_ms, request.stream, cost_ms, now_ms)
        if self._is_full(batcher, request):
            self._admission.strain(request.began_ms, now_ms)
            return "the queue is full"
        wait_ms, left_ms = self._awaited_ms(request, now_ms), request.deadline_ms - now_ms
        if wait_ms > LONG_WAIT * left_ms:
            batcher.drop_gone()
            wait_ms = self._awaited_ms(request, now_ms)
        if wait_ms > LONG_WAIT * left_ms:
            self._admission.strain(request.began_ms, now_ms)
        doubt = _DOUBT if request.ends_stream else 1.0
        return "it would be late" if wait_ms > doubt * left_ms and not batcher.is_next(request) else ""

    def _awaited_ms(self, request: Request, now_ms: float) -> float:
        """When a request will be done that text waits for."""
        workers = max(1, self._threads - sum(not each.is_awaited for each in self._flights))
        return self._wait_ms(self._awaited, request, self._flown_ms(now_ms), workers)

    def _reason_to_shed_other(self, request: Request) -> str:
        """Why a request is shed that no text waits for: all else comes before it."""
        if self._is_full(self._others, request):
            return "the queue is full"
        if not self.depth and not self._flights:
            return ""
        now_ms = self._clock.now_ms()
        before_ms = sum(each.left_ms(now_ms) for each in self._flights) + self._awaited.all_ms(self._costs.of)
        wait_ms = self._wait_ms(self._others, request, before_ms, self._workers_for_others)
        return "it would be late" if wait_ms > request.deadline_ms - now_ms else ""

    def _wait_ms(self, batcher: Batcher, request: Request, before_ms: float, workers: int) -> float:
        """When a request will be done, that has so much work before its queue: its batch ends on one worker."""
        queued_ms = batcher.wait_ms(request, self._costs.of)
        batch_ms = min(queued_ms, self._max_tokens * self._costs.of(batcher.group_of(request.detector)))
        return (before_ms + queued_ms - batch_ms) / workers + batch_ms

    def _is_full(self, batcher: Batcher, request: Request) -> bool:
        return batcher.depth >= self._queue_limit or batcher.depth_of(request.tenant) >= self._tenant_limit

    def _flown_ms(self, now_ms: float) -> float:
        """What the batches that were taken still take, as far as what text waits for has to wait for them."""
        has_one_worker = self._threads == 1
        return sum(each.left_ms(now_ms) for each in self._flights if each.is_awaited or has_one_worker)

    # -- the owner ------------------------------------------------------------------------------------------------

    async def _own(self) -> None:
        while True:
            while (batcher := self._next()) is None:
                self._wake.clear()
                await self._wake.wait()
            now_ms = self._clock.now_ms()
            for ask in batcher.take_late(now_ms):
                if batcher is self._awaited:
                    self._admission.strain(ask.first.began_ms, now_ms)
                for request in ask.requests:
                    self._lose(request, Failed(FailureKind.TIMEOUT, "no outcome within max_hold_ms"))
            batch = batcher.take(now_ms, self._costs.of)
            if batch:
                await self._launch(batch)

    def _next(self) -> Batcher | None:
        """From what to take a batch now; None: there is none, or something to be gained by waiting for it to fill."""
        now_ms, is_idle, cost = self._clock.now_ms(), not self._idle.locked(), self._costs.of
        near_ms = now_ms if is_idle else _near_ms(self._flights, now_ms)
        lead_ms = 0.0 if is_idle else _LEAD_MS
        if self._awaited.is_ready(now_ms + lead_ms if near_ms <= now_ms else -inf, cost):
            return self._awaited
        due_ms = max(near_ms, self._awaited.due_ms(cost) - lead_ms)
        if is_idle and sum(not each.is_awaited for each in self._flights) < self._workers_for_others:
            if self._others.is_ready(now_ms, cost):
                return self._others
            due_ms = min(due_ms, self._others.due_ms(cost))
        if due_ms < inf:
            self._alarm.set(due_ms)
        return None

    async def _launch(self, batch: list[Ask]) -> None:
        """Run the batch, once a worker is idle; until then, have it tokenised."""
        tokens = sum(ask.tokens for ask in batch)
        flight = _Flight(batch, tokens, tokens * self._costs.of(batch[0].group), self._seconds)
        self._flights.append(flight)
        if self._idle.locked():
            await self._work(flight.job.prepare)
        await self._idle.acquire()
        run = asyncio.create_task(self._run(flight), name="batch")
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)

    async def _run(self, flight: _Flight) -> None:
        began_ms = flight.began_ms = self._clock.now_ms()
        for ask in flight.asks:
            self._metrics.queue_seconds.observe((began_ms - ask.first.submitted_ms) / 1000)
        wanted = (max(ask.deadline_ms for ask in flight.asks) - began_ms) / 1000
        try:
            answers = await self._work(partial(flight.job.run, wanted))
        finally:
            self._flights.remove(flight)
            self._idle.release()
            self._wake.set()
        self._costs.learn(flight.asks[0].group, flight.job.took_ms, flight.tokens)
        _tell(self._metrics.model(flight.asks[0].first.detector.model), flight)
        for ask, of_ask in zip(flight.asks, answers, strict=True):
            self._hand_out(ask, of_ask)

    def _work(self, job: Callable[[], _T]) -> asyncio.Future[_T]:
        return asyncio.get_running_loop().run_in_executor(self._workers, job)

    # -- outcomes -------------------------------------------------------------------------------------------------

    def _hand_out(self, ask: Ask, answers: Sequence[Reply]) -> None:
        for request, answer in zip(ask.requests, answers, strict=True):
            if isinstance(answer, Failed):
                self._answer(request, answer)
                continue
            self._cache.put(request.detector, request.tenant, request.item, answer)
            self._answer(request, Found(request.segment.to_lane(answer)))

    def _lose(self, request: Request, failed: Failed) -> None:
        """Answer what was not looked at. When that ends its stream the rest of it waits for nothing any more."""
        is_open = request.receiver.is_open
        self._answer(request, failed)
        if not (is_open and request.ends_stream):
            return
        self._admission.lose(request.began_ms, request.stream)
        rest = [*self._awaited.take_of(request.receiver), *self._others.take_of(request.receiver)]
        for each in (each for ask in rest for each in ask.requests):
            self._answer(each, Failed(FailureKind.SHED, "its stream ends"))

    def _answer(self, request: Request, outcome: Outcome) -> None:
        is_late = isinstance(outcome, Failed) and outcome.kind is FailureKind.TIMEOUT
        if not is_late:  # the session counts that, as its own timer may be first
            self._metrics.detector(request.detector.name).count(outcome)
        if request.receiver.is_open:
            request.answer(outcome)


def _timed(number: int) -> BatchItem:
    """What models are timed with; no two are alike, as a text is encoded once in a batch."""
    text = f"{number}. {_TIMED_TEXT * 2}"[:_TIMED_CHARS]
    return BatchItem(text, 0, context=context_of([text]))


class _Flight:
    """A batch that was taken and is not done."""

    def __init__(self, asks: list[Ask], tokens: int, estimate_ms: float, seconds: Callable[[], float]) -> None:
        self.asks = asks
        self.tokens = tokens
        self.estimate_ms = estimate_ms
        self.is_awaited = asks[0].first.batch.is_gating
        questions = [Question(ask.first.item, tuple(each.detector for each in ask.requests)) for ask in asks]
        self.job = Job(questions, seconds)
        self.began_ms: float | None = None

    def left_ms(self, now_ms: float) -> float:
        """How long it is still going to take."""
        return max(0.0, self.end_ms(now_ms) - now_ms)

    def end_ms(self, now_ms: float) -> float:
        """When it is likely to be done."""
        return (now_ms if self.began_ms is None else self.began_ms) + self.estimate_ms


def _near_ms(flights: Sequence[_Flight], now_ms: float) -> float:
    """When one of them is so near its end that the next batch is taken, so that it is tokenised by then."""
    return min([each.end_ms(now_ms) for each in flights], default=inf) - _LEAD_MS


def _tell(metrics: ModelMetrics, flight: _Flight) -> None:
    metrics.batch_items.observe(len(flight.asks))
    metrics.batch_tokens.observe(flight.job.tokens or flight.tokens)
    metrics.tokenise.observe(flight.job.tokenise_seconds)
    metrics.inference.observe(flight.job.inference_seconds)


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
        kept = exp(-tokens / _REMEMBERED_TOKENS)
        self._totals[group] = (old_ms * kept + ms, old_tokens * kept + tokens)
        if len(self._totals) > _MOST_GROUPS:  # groups of policies that were reloaded: the first is used least lately
            del self._totals[next(iter(self._totals))]
