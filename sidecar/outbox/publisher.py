"""The publisher: takes events from the outbox in their order, has the sink deliver them, and only then deletes them.

One task, one batch on its way. While the sink fails, the same batch is tried again, ever more seldom, and the outbox
keeps what comes meanwhile; no stream waits. Stopping delivers what is there as long as the sink works, within a time.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from sidecar.outbox.kafka import KafkaSink, MissingTopicsError
from sidecar.outbox.outbox import Numbered, Outbox, OutboxError
from sidecar.outbox.settings import EventSettings, KafkaSettings, SinkName
from sidecar.outbox.sinks import FileSink, Sink, SinkError, StdoutSink

_log = logging.getLogger(__name__)

_FIRST_BACKOFF_S = 0.1


class PublisherStats(msgspec.Struct, frozen=True, kw_only=True):
    """How publishing goes, counted since the start. `error` is why the last try failed; empty while all is well."""

    published: int = 0
    batches: int = 0
    failures: int = 0
    error: str = ""
    missing_topics: tuple[str, ...] = ()


def sink_name(events: EventSettings, kafka: KafkaSettings) -> SinkName:
    """Where events go: what the settings say, else Kafka if a broker is named, else nowhere."""
    return events.sink or ("kafka" if kafka.bootstrap_servers else "none")


def make_publisher(outbox: Outbox, events: EventSettings, kafka: KafkaSettings) -> Publisher | None:
    """The publisher that the settings ask for; none when events stay in the outbox. Raises `ConfigError`."""
    match sink_name(events, kafka):
        case "kafka":
            return Publisher(outbox, KafkaSink(kafka, form=events.format), events)
        case "file":
            return Publisher(outbox, FileSink(events.file), events)
        case "stdout":
            return Publisher(outbox, StdoutSink(), events)
        case "none":
            return None


class Publisher:
    """Moves events from an outbox to a sink. The only one that calls either's reading or sending side."""

    def __init__(
        self, outbox: Outbox, sink: Sink, settings: EventSettings, *, chance: random.Random | None = None
    ) -> None:
        self._outbox = outbox
        self._sink = sink
        self._settings = settings
        self._chance = chance or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stats = PublisherStats()

    async def start(self) -> None:
        """Begin. Does not wait for the sink to be reachable."""
        self._task = asyncio.create_task(self._run(), name="publisher")

    async def stop(self, grace_s: float = 5.0) -> None:
        """Deliver what is there, unless that fails or takes longer than `grace_s`; the rest stays in the outbox."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=grace_s)
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self._sink.stop()

    def stats(self) -> PublisherStats:
        """How it goes."""
        return self._stats

    async def _run(self) -> None:
        is_delivered = True
        while is_delivered and (batch := await self._next_batch()):
            is_delivered = await self._deliver(batch)

    async def _next_batch(self) -> list[Numbered]:
        """The next events, after waiting for some; empty when stopping and there are none."""
        while True:
            is_last = self._stopping.is_set()
            batch = await self._claim()
            if batch or is_last:
                return batch
            await self._gather()

    async def _gather(self) -> None:
        """Wait for the first event, and a little for others that may share its batch."""
        waits = {asyncio.ensure_future(self._outbox.wait()), asyncio.ensure_future(self._stopping.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        await self._pause(self._settings.linger_ms / 1000)

    async def _claim(self) -> list[Numbered]:
        attempt = 0
        while True:
            try:
                return await self._outbox.claim(self._settings.batch_events)
            except OutboxError as error:
                if not await self._retry_after(error, attempt):
                    return []
                attempt += 1

    async def _deliver(self, batch: Sequence[Numbered]) -> bool:
        """Have the sink take a batch, however often that needs; gives up only when stopping. Whether it took it."""
        attempt = 0
        while True:
            try:
                await self._sink.publish(batch)
                await self._outbox.acknowledge(batch[-1].sequence)
            except Exception as error:  # noqa: BLE001 - whatever goes wrong, the events are still there to try again
                if not await self._retry_after(error, attempt):
                    return False
                attempt += 1
            else:
                self._succeeded(len(batch))
                return True

    async def _retry_after(self, error: Exception, attempt: int) -> bool:
        """Note a failure and wait before the next try. False when there is none, as the publisher is stopping."""
        self._failed(error)
        if self._stopping.is_set():
            return False
        longest = min(self._settings.max_backoff_ms / 1000, _FIRST_BACKOFF_S * 2 ** min(attempt, 30))
        await self._pause(longest * self._chance.uniform(0.5, 1.0))
        return True

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the call to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def _succeeded(self, events: int) -> None:
        stats = self._stats
        if stats.error:
            _log.warning("events are being published again", extra={"failures": stats.failures})
        self._stats = PublisherStats(
            published=stats.published + events, batches=stats.batches + 1, failures=stats.failures
        )

    def _failed(self, error: Exception) -> None:
        stats = self._stats
        is_expected = isinstance(error, SinkError | OutboxError)
        said = str(error) if is_expected else f"unexpected {type(error).__name__}"
        if said != stats.error:
            _log.error("events cannot be published; the outbox keeps them", extra={"error": said})
        self._stats = msgspec.structs.replace(
            stats,
            failures=stats.failures + 1,
            error=said,
            missing_topics=error.topics if isinstance(error, MissingTopicsError) else (),
        )
