"""The publisher: claims events, has the sink deliver them lane by lane, and acknowledges each that was taken.

One task claims and hands out; for each route of the sink one more is on its way at most. A lane that fails keeps its
events, and is tried again ever more seldom, while the others go on (`lanes.py`). No stream waits for any of it.
Stopping delivers what is there as long as the sink works, within a time.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from sidecar.outbox.chain import instead
from sidecar.outbox.cluster import UnreachableError
from sidecar.outbox.lanes import SLOW_S, Lane, Lanes, lane_of
from sidecar.outbox.outbox import Numbered, OutboxError, Outlet
from sidecar.outbox.rows import lost_under_its_number
from sidecar.outbox.settings import EventSettings
from sidecar.outbox.sinks import Delivery, Sink, SinkError, Why
from sidecar.values import Severity

_log = logging.getLogger(__name__)

_FIRST_BACKOFF_S = 0.1
_LOOK_S = 1.0
"""How often to see whether a lane works again, when nothing else happens."""
_SAY_S = 1.0
"""The least time between two lines of the log about failures."""


class PublisherStats(msgspec.Struct, frozen=True, kw_only=True):
    """How publishing goes, counted since the start. `error` is why something is not published; empty while all is well.

    `failing` says where, such as a topic's partition, and why; `missing_topics` are those that are not there.
    """

    published: int = 0
    batches: int = 0
    failures: int = 0
    refused: int = 0
    error: str = ""
    failing: Mapping[str, str] = {}
    missing_topics: tuple[str, ...] = ()
    last_published: float | None = None
    """Unix time in seconds at which the sink took events last."""

    @property
    def failing_topics(self) -> frozenset[tuple[str, str]]:
        """The topics to which something is not published, each with the short name of why; `all` when nothing is."""
        if self.error and not self.failing:
            return frozenset({("all", _short(self.error))})
        return frozenset((where.partition("/")[0] or "all", _short(why)) for where, why in self.failing.items())

    @property
    def note(self) -> str:
        """For a person who asks how it goes; empty while all is well."""
        if not self.error:
            return ""
        more = f" and {len(self.failing) - 1} more" if len(self.failing) > 1 else ""
        where = f" for {next(iter(self.failing))}{more}" if any(self.failing) else ""
        return f"failing{where}: {self.error}; the outbox keeps the events"


class Publisher:
    """Moves what a sink is owed from the outbox to it. The only one that calls either's reading or sending side."""

    def __init__(
        self,
        outbox: Outlet,
        sink: Sink,
        settings: EventSettings,
        *,
        name: str = "",
        chance: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._name = name
        self._sink = sink
        self._settings = settings
        self._chance = chance or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._clock = clock
        self._lanes = Lanes(
            limit=settings.batch_events,
            longest_backoff_s=settings.max_backoff_ms / 1000,
            chance=self._chance.random,
        )
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._on_way: dict[Hashable, asyncio.Task[None]] = {}
        self._attempt = 0
        self._may_find = True
        self._looks = 0
        self._stats = PublisherStats()
        self._said = ""
        self._say_at = 0.0

    async def start(self) -> None:
        """Begin. Does not wait for the sink to be reachable."""
        self._task = asyncio.create_task(self._run(), name=f"publisher-{self._name}")

    async def stop(self, grace_s: float = 5.0) -> None:
        """Deliver what is there, unless that fails or takes longer than `grace_s`; the rest stays in the outbox."""
        self._stopping.set()
        self._may_find = True
        self._changed.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=grace_s)
            tasks = [self._task, *self._on_way.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._task = None
        await self._sink.stop()

    def stats(self) -> PublisherStats:
        """How it goes."""
        return self._stats

    # --- The main task ------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        is_over = False
        while not is_over:
            try:
                is_over = await self._turn()
            except Exception as error:  # noqa: BLE001 - publishing goes on whatever goes wrong
                self._failed(_reason(error))
                await self._pause(self._backoff())
                is_over = self._stopping.is_set()

    async def _turn(self) -> bool:
        """Claim and hand out what there is, and wait for more. True when stopping and all is done that can be."""
        self._changed.clear()
        is_able = await self._prepare()
        found_more = is_able and await self._claim()
        if is_able:
            self._hand_out()
        if found_more:
            return False
        if self._stopping.is_set() and not self._on_way and (not is_able or self._lanes.is_idle):
            return True
        await (self._wait() if is_able else self._pause(self._backoff()))
        return False

    async def _prepare(self) -> bool:
        """Have the sink say where events go. Whether any can be sent at all."""
        try:
            await self._sink.prepare()
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the events are still there to try again
            self._failed(_reason(error))
            return False
        self._attempt = 0
        self._follow_sink()
        self._tell()
        return True

    def _follow_sink(self) -> None:
        """Close the lanes that the sink knows to be out of order, open those that it has no more trouble with."""
        now, troubles = self._clock(), self._sink.troubles()
        route = self._sink.router()
        for lane in self._lanes.gone(self._sink.exists):
            for numbered in self._lanes.drop_lane(lane):
                self._lanes.add(lane_of(numbered, route), numbered, now)
        self._lanes.follow(troubles, now)

    async def _claim(self) -> bool:
        """Claim what there is room for, if there may be anything. Whether another look may find more."""
        if (self._lanes.looks == self._looks and not self._may_find) or self._lanes.is_full(self._clock()):
            return False
        self._looks = self._lanes.looks
        admission = self._lanes.admission(self._sink.router(), self._clock())
        try:
            claimed = await self._outbox.claim(self._settings.batch_events, admission)
        except OutboxError as error:
            self._failed(str(error))
            await self._pause(self._backoff())
            return False
        self._lanes.take(admission, claimed, self._clock())
        is_more = admission.looked_at >= self._settings.batch_events
        self._may_find = is_more or admission.is_over
        return is_more and not self._lanes.is_full(self._clock())

    def _hand_out(self) -> None:
        """Start what can be sent, one task for each route that has none on its way."""
        parcels: defaultdict[Hashable, list[Lane]] = defaultdict(list)
        for lane in self._lanes.ready(self._clock()):
            parcels[self._sink.route_of(lane, is_ill=lane in self._lanes.troubles)].append(lane)
        for route, lanes in parcels.items():
            if route not in self._on_way:
                batches = {lane: self._lanes.next_of(lane) for lane in lanes}
                self._on_way[route] = asyncio.create_task(self._send(route, batches), name=f"publish-{route}")

    async def _wait(self) -> None:
        """Wait until there is something to do: events, an answer, or the time to try again."""
        has_put = None if self._lanes.is_full(self._clock()) else asyncio.ensure_future(self._outbox.wait())
        wakes = [asyncio.ensure_future(self._changed.wait()), *([has_put] if has_put else [])]
        try:
            await asyncio.wait(wakes, timeout=self._longest_wait(), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wake in wakes:
                wake.cancel()
        if has_put is not None and has_put.done() and not has_put.cancelled():
            self._may_find = True
            await self._pause(self._settings.linger_ms / 1000)

    def _longest_wait(self) -> float | None:
        if self._lanes.is_full(self._clock()):
            return SLOW_S
        if not self._lanes.troubles:
            return _SAY_S if self._said else None
        retry = self._lanes.next_try(self._clock())
        return _LOOK_S if retry is None else max(0.001, min(retry, _LOOK_S))

    def _backoff(self) -> float:
        longest: float = min(self._settings.max_backoff_ms / 1000, _FIRST_BACKOFF_S * 2 ** min(self._attempt, 30))
        self._attempt += 1
        return longest * self._chance.uniform(0.5, 1.0)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the call to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    # --- A route's task -----------------------------------------------------------------------------------------------

    async def _send(self, route: Hashable, batches: Mapping[Lane, Sequence[Numbered]]) -> None:
        """Have the sink deliver, and acknowledge what it took."""
        try:
            deliveries = await self._deliver(route, batches)
            await self._acknowledge(deliveries, batches)
            for lane, batch in batches.items():
                self._settle(lane, batch, deliveries.get(lane, Delivery()))
        finally:
            del self._on_way[route]
            self._changed.set()
        self._tell()

    async def _deliver(self, route: Hashable, batches: Mapping[Lane, Sequence[Numbered]]) -> Mapping[Lane, Delivery]:
        try:
            return await self._sink.send(route, batches)
        except Exception as error:  # noqa: BLE001 - as above
            return dict.fromkeys(batches, Delivery(error=_reason(error)))

    async def _acknowledge(
        self, deliveries: Mapping[Lane, Delivery], batches: Mapping[Lane, Sequence[Numbered]]
    ) -> None:
        """Delete what was taken. An outbox that cannot just now remembers it."""
        taken = [
            numbered
            for lane, delivery in deliveries.items()
            for numbered in batches[lane][: delivery.done]
            if numbered.sequence not in delivery.refused
        ]
        if not taken:
            return
        with suppress(OutboxError):
            await self._outbox.acknowledge(taken)
        stats, rejected = self._stats, sum(delivery.rejected for delivery in deliveries.values())
        if rejected:
            _log.error(
                "events were rejected, of which nobody says which", extra={"sink": self._name, "events": rejected}
            )
        self._stats = replace(
            stats,
            published=stats.published + len(taken) - rejected,
            refused=stats.refused + rejected,
            batches=stats.batches + 1,
            last_published=time.time(),
        )

    def _settle(self, lane: Lane, batch: Sequence[Numbered], delivery: Delivery) -> None:
        """Note how a lane fared. What was refused for good goes on as the event of its loss, under its number."""
        now = self._clock()
        refused = [numbered for numbered in batch[: delivery.done] if numbered.sequence in delivery.refused]
        self._lanes.sent(lane, delivery.done, delivery.error, now, retry_s=delivery.retry_s)
        if delivery.error:
            self._stats = replace(self._stats, failures=self._stats.failures + 1)
        for numbered in refused:
            self._replace(numbered, delivery.refused[numbered.sequence], now)

    def _replace(self, numbered: Numbered, reason: str, now: float) -> None:
        severity = numbered.event.severity
        refused = {"sink": self._name, "sequence": numbered.sequence, "reason": reason}
        _log.error("an event was refused for good", extra=refused)
        told = lost_under_its_number(numbered.producer, numbered.sequence, time.time(), reason, severity)
        told_instead = replace(numbered, event=instead(told, numbered.event.data.ids))
        self._lanes.add(lane_of(told_instead, self._sink.router()), told_instead, now)
        self._stats = replace(self._stats, refused=self._stats.refused + 1)
        task = asyncio.create_task(_lose(self._outbox, severity, numbered))
        self._on_way[task] = task
        task.add_done_callback(self._lost)

    def _lost(self, task: asyncio.Task[None]) -> None:
        self._on_way.pop(task, None)
        self._changed.set()

    # --- How it goes --------------------------------------------------------------------------------------------------

    def _failed(self, reason: str) -> None:
        """Nothing can be published."""
        self._stats = replace(self._stats, failures=self._stats.failures + 1, error=reason, failing={})
        self._say(reason, {})

    def _tell(self) -> None:
        """Bring the statistics and the log up to date with the lanes."""
        failing = {str(lane): trouble.reason for lane, trouble in self._lanes.troubles.items()}
        error = next(iter(failing.values()), "")
        if (failing, error) != (self._stats.failing, self._stats.error):
            self._stats = replace(self._stats, failing=failing, error=error, missing_topics=self._sink.missing_topics())
        self._say(error, failing)

    def _say(self, error: str, failing: Mapping[str, str]) -> None:
        """Log what is new, at most a line a second."""
        news = f"{error} {sorted(failing)}" if error else ""
        now = self._clock()
        if news == self._said or now < self._say_at:
            return
        self._said, self._say_at = news, now + _SAY_S
        if error:
            where = {"where": sorted(failing)[:10], "failing": len(failing)}
            extra = {"sink": self._name, "error": str(error), **where}
            _log.error("events cannot be published; the outbox keeps them", extra=extra)
        else:
            extra = {"sink": self._name, "failures": self._stats.failures}
            _log.warning("events are being published again", extra=extra)


async def _lose(outbox: Outlet, severity: Severity, numbered: Numbered) -> None:
    """Count a loss, if that is possible."""
    with suppress(OutboxError):
        await outbox.lose(severity, numbered)


def _reason(error: Exception) -> str:
    """Why nothing was taken; the words of an error that nobody expected may quote what it was given."""
    match error:
        case UnreachableError():
            return Why(str(error), "unreachable")
        case SinkError() | OutboxError():
            return Why(str(error), "refused")
        case _:
            return Why(f"unexpected {type(error).__name__}", "unexpected")


def _short(reason: str) -> str:
    return reason.name if isinstance(reason, Why) else "refused"
