"""Batches the segments of all streams for the model detectors. One owner task; no locks.

1. `submit` queues a request, or sheds it at once: when the queue is full, or when what waits before it would take past
   its deadline. Shedding is an outcome (`Failed(shed)`), so the rule's fail mode applies.
2. The owner takes a batch, runs it on a worker thread, and hands out the outcomes on the event loop.
3. How long waiting tokens will take is estimated from the batches so far, the last ones counting most, and each by its
   tokens: a small batch tells little of what a token costs in a full one.

What it does not promise: that an outcome comes before its deadline. The core has a timer, and no use for a late one.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from sidecar.clock import Clock
from sidecar.config import SchedulerSettings
from sidecar.scheduler.batcher import Batcher, Request
from sidecar.scheduler.runner import detect
from sidecar.telemetry.metrics import Metrics
from sidecar.values import Failed, FailureKind, Outcome

__all__ = ["Request", "Scheduler"]

_DECAY = 0.9
"""How much a batch still counts in the estimate of a token's cost when the next one is done."""


class Scheduler:
    """See the module's text. Used on one event loop; `start` and `stop` are called by its owner."""

    def __init__(self, settings: SchedulerSettings, *, clock: Clock, metrics: Metrics) -> None:
        self._queue_limit = settings.queue_limit
        self._threads = settings.threads
        self._batcher = Batcher(max_items=settings.max_batch_items, max_tokens=settings.max_batch_tokens)
        self._clock = clock
        self._metrics = metrics
        self._cost = _Cost()
        self._wake = asyncio.Event()
        self._workers: ThreadPoolExecutor | None = None
        self._owners: list[asyncio.Task[None]] = []

    @property
    def depth(self) -> int:
        """Requests that wait."""
        return self._batcher.depth

    async def start(self) -> None:
        """Begin to work."""
        self._workers = ThreadPoolExecutor(self._threads, thread_name_prefix="detect")
        self._owners = [
            asyncio.create_task(self._work(), name=f"scheduler-{number}") for number in range(self._threads)
        ]

    async def stop(self) -> None:
        """Stop working; a running batch is waited for, what waits is dropped. All streams must have ended."""
        for owner in self._owners:
            owner.cancel()
        await asyncio.gather(*self._owners, return_exceptions=True)
        if self._workers is not None:
            await asyncio.to_thread(self._workers.shutdown)

    def submit(self, request: Request) -> None:
        """Queue a request, or answer it at once with `Failed(shed)`."""
        reason = self._reason_to_shed(request)
        if reason:
            self._answer(request, Failed(FailureKind.SHED, reason))
            return
        self._batcher.add(request)
        self._wake.set()

    def _reason_to_shed(self, request: Request) -> str:
        if self._batcher.depth >= self._queue_limit:
            return "the queue is full"
        wait_ms = self._batcher.tokens * self._cost.ms_per_token / self._threads
        if self._clock.now_ms() + wait_ms > request.deadline_ms:
            return "it would be late"
        return ""

    async def _work(self) -> None:
        while True:
            batch = self._batcher.take()
            if not batch:
                self._wake.clear()
                await self._wake.wait()
                continue
            await self._run(batch)

    async def _run(self, batch: list[Request]) -> None:
        began_ms = self._clock.now_ms()
        for request in batch:
            self._metrics.queue_seconds.observe((began_ms - request.submitted_ms) / 1000)
        self._metrics.batch_items.observe(len(batch))
        detector = batch[0].detector
        segments = [(request.segment, request.direction) for request in batch]
        loop = asyncio.get_running_loop()
        outcomes = await loop.run_in_executor(self._workers, detect, detector, segments)
        took_ms = self._clock.now_ms() - began_ms
        self._metrics.detector(detector.name).inference.observe(took_ms / 1000)
        self._cost.learn(took_ms, sum(request.tokens for request in batch))
        for request, outcome in zip(batch, outcomes, strict=True):
            self._answer(request, outcome)

    def _answer(self, request: Request, outcome: Outcome) -> None:
        self._metrics.detector(request.detector.name).count(outcome)
        if request.receiver.is_open:
            request.answer(outcome)


class _Cost:
    """What a token costs, from the batches so far."""

    def __init__(self) -> None:
        self._ms = 0.0
        self._tokens = 0.0

    @property
    def ms_per_token(self) -> float:
        """The estimate; 0 before the first batch."""
        return self._ms / self._tokens if self._tokens else 0.0

    def learn(self, ms: float, tokens: int) -> None:
        """Take a batch into account."""
        self._ms = self._ms * _DECAY + ms
        self._tokens = self._tokens * _DECAY + tokens
