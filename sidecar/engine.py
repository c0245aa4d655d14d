"""What all streams share: policies, scheduler, outbox, limits, and the permits by which streams are let in."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Literal, NoReturn, Protocol

from detectors.context import CHAR_BYTES, Documents
from sidecar.canaries import Canaries
from sidecar.clock import Clock
from sidecar.conduct import Conducts
from sidecar.config import Keys, Limits
from sidecar.drift.watch import DriftWatch
from sidecar.errors import Draining, Overloaded, UnknownPolicy
from sidecar.histories import Histories
from sidecar.keys import stand_in_source
from sidecar.outbox.builders import SHAPES, StreamInfo, fault_event, timestamp, uuid7
from sidecar.outbox.event import FaultKind
from sidecar.outbox.evidence import Keeping
from sidecar.outbox.outbox import Inlet
from sidecar.policy.facts import StreamFacts
from sidecar.policy.plan import Plan
from sidecar.policy.stand_ins import StandIns, StandInSource
from sidecar.scheduler.door import Door
from sidecar.scheduler.scheduler import Request, Running
from sidecar.session import Session
from sidecar.start import ClientOutage, StreamStart, check_start, info_of
from sidecar.telemetry.metrics import Metrics
from sidecar.telemetry.notices import Notices
from sidecar.usage import NO_PRICES, Prices

if TYPE_CHECKING:
    from sidecar.telemetry.spans import Spans

_RETRY_MS = 1000
"""When to try again where streams are too many: they end one by one, whenever that is."""


_log = logging.getLogger(__name__)


class PlanSource(Protocol):
    """Where a stream's plan comes from."""

    def resolve(self, name: str | None, facts: StreamFacts) -> Plan:
        """The plan for a stream. Raises `UnknownPolicy`."""
        ...


class Submitter(Protocol):
    """What a session needs of the scheduler."""

    def submit(self, request: Request) -> None:
        """Have a segment looked at; the receiver gets exactly one outcome unless it closes first. Does not wait."""
        ...


class Engine:
    """What all streams share. Admission is a permit: without one, `open` says so.

    A stream whose text would be stopped when models are late is also refused while they are (`admits`), when a moment
    at the door did not help; one whose policy lets such text pass is not.
    """

    def __init__(
        self,
        *,
        policies: PlanSource,
        scheduler: Submitter,
        outbox: Inlet,
        clock: Clock,
        metrics: Metrics,
        limits: Limits,
        idle_seconds: float,
        keeping: Keeping = SHAPES,
        admits: Callable[[Running], bool] = lambda _: True,
        left: Callable[[float, int], None] = lambda _began_ms, _number: None,
        stand_ins: StandInSource | None = None,
        canaries: Canaries | None = None,
        spans: Spans | None = None,
        prices: Prices = NO_PRICES,
        drift: DriftWatch | None = None,
    ) -> None:
        """`admits` says whether another stream, beside those that run, would be looked at in time.

        `left` is told when one has ended, by when it began and its number. Without `stand_ins` it makes its own, with
        its own key. Without `spans` none are made.
        """
        self.policies = policies
        self.scheduler = scheduler
        self.outbox = outbox
        self.clock = clock
        self.metrics = metrics
        self.limits = limits
        self.idle_seconds = idle_seconds
        self.keeping = keeping
        self.documents = Documents(limits.context_cache_bytes // CHAR_BYTES)
        """The passages that streams share."""
        self.histories = Histories(limits.known_texts_bytes)
        """What is known of texts of requests that were checked."""
        self.conducts = Conducts(
            clock,
            max_sessions=limits.sessions_kept,
            max_bytes=limits.sessions_kept_bytes,
            idle_ms=limits.sessions_kept_seconds * 1000,
        )
        """What sessions did."""
        self._notices = Notices(clock, _log)
        self._context_bytes = 0
        """What the contexts of all streams take at most."""
        self.stand_ins = stand_ins or stand_in_source(Keys(), limits)
        self.canaries = canaries or Canaries()
        self.spans = spans
        self.prices = prices
        self.drift = drift
        """Who watches what streams are like, if somebody does."""
        self._admits = admits
        self._left = left
        self._door = Door(clock, self._take_place, self._give_back)
        self.stream_numbers = count()
        """Which of two streams is the older one."""
        self._open_streams: Counter[str] = Counter()
        """By tenant."""
        self._is_draining = False
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    @property
    def open_streams(self) -> int:
        """How many streams are running."""
        return self._open_streams.total()

    @property
    def waiting_streams(self) -> int:
        """How many streams wait for room."""
        return self._door.waiting

    def drain(self) -> None:
        """Refuse new streams from now on; those that run may finish."""
        self._is_draining = True
        self._door.close()

    async def wait_idle(self) -> None:
        """Return when no stream runs and each one's events are committed."""
        await self._is_idle.wait()

    @asynccontextmanager
    async def open(
        self, start: StreamStart, *, stand_ins: StandIns | None = None, is_held: bool = False
    ) -> AsyncIterator[Session]:
        """A session for one stream, which is ended and recorded when the context is left.

        `stand_ins` is the exchange's book, of a stream before this one; without one it has its own. `is_held`: whoever
        feeds it holds all of its text, within bounds of its own, so that it needs no others.

        Raises `Draining`, `Overloaded`, `CallerError` (something in `start` is past a limit) or `UnknownPolicy`.
        """
        stream_id = uuid7(self.clock.unix_seconds())
        plan = self._plan(start, stream_id)
        await self._enter(plan, start.tenant)
        try:
            book = stand_ins or self.stand_ins.book(start.tenant, start.session_id)
            async with self._run(Session(self, plan, start, book, stream_id=stream_id, is_held=is_held)) as session:
                yield session
        finally:
            self._give_back(start.tenant)
            self._door.look()

    @asynccontextmanager
    async def _run(self, session: Session) -> AsyncIterator[Session]:
        try:
            yield session
        except Exception as error:
            session.mark_failed()
            reason = {"stream": session.info.stream_id, "error": type(error).__name__}
            _log.info("stream failed", extra=reason)
            raise
        finally:
            try:
                await session.end()
            finally:
                self._context_bytes -= session.context_bytes
                self._left(session.began_ms, session.number)

    async def report_unscanned(
        self,
        start: StreamStart,
        what: Literal["request", "answer"],
        reason: str,
        path: str,
        *,
        is_long_text: bool = False,
    ) -> None:
        """Record that a text is about to pass that nobody looks at. Raises `CallerError` or `UnknownPolicy`.

        `path` is what metrics call the path of the exchange. `is_long_text`: it is long enough to be what somebody has
        a model read, so that the log has to say so, too.
        """
        check_start(start, self.limits)
        now = self.clock.unix_seconds()
        named = self.metrics.count_unscanned(what, path)
        if is_long_text:
            self.metrics.count_unread_text(named)
            self._notices.tell("long texts pass unread: is this the API of a model?", named)
        told = f"{reason}: {named}"
        fault = fault_event(FaultKind.UNSCANNED, what, now, info=self._known(start, now), reason=told)
        await self.outbox.put([fault])

    async def report_outage(self, outage: ClientOutage | None, info: StreamInfo) -> None:
        """Record what a client says of calls that found no service, as a fault of the stream that it says it with."""
        if outage is None:
            return
        now = self.clock.unix_seconds()
        between = f"between {timestamp(outage.first)} and {timestamp(outage.last)}"
        told = (
            (FaultKind.UNSCANNED, "passed", outage.passed_calls, f"passed {outage.passed_chars} characters unread"),
            (FaultKind.UNAVAILABLE, "blocked", outage.blocked_calls, "held its text back"),
        )
        faults = []
        for kind, done, calls, words in told:
            if calls:
                self.metrics.count_outage(done, calls)
                reason = f"the application found no service {between}, and {words}"
                faults.append(fault_event(kind, "client", now, info=info, reason=reason, count=calls))
        await self.outbox.put(faults)

    def takes(self, start: StreamStart) -> bool:
        """Whether a policy takes a stream with this start."""
        return self._known(start, self.clock.unix_seconds()) is not None

    def _known(self, start: StreamStart, now: float) -> StreamInfo | None:
        """What is known of a text that passes; where no policy takes it, nothing is."""
        try:
            plan = self.policies.resolve(start.policy or None, start.facts)
        except UnknownPolicy:
            if start.policy:
                raise
            return None
        return info_of(plan, start, now)

    def _plan(self, start: StreamStart, stream_id: str) -> Plan:
        if self._is_draining:
            self._refuse_draining()
        if self.open_streams + self.waiting_streams >= self.limits.max_streams:
            self._refuse(_RETRY_MS)
        check_start(start, self.limits)
        plan = self.policies.resolve(start.policy or None, start.facts)
        return self.canaries.side_of(plan, start, stream_id)

    async def _enter(self, plan: Plan, tenant: str) -> None:
        """Take a place among the streams that run, if need be after a moment at the door."""
        if not plan.stops_when_late:
            self._count(tenant)
        elif not await self._door.enter(tenant, plan.stream.max_hold_ms):
            if self._is_draining:
                self._refuse_draining()
            self._refuse()

    def _take_place(self, tenant: str, hold_ms: float) -> bool:
        """Take a place for a stream that is read in time or not at all, if there is one."""
        own = self._open_streams.get(tenant, 0)
        running = Running(self.open_streams, own, len(self._open_streams) + (not own), hold_ms)
        has_place = self.open_streams < self.limits.max_streams and self._admits(running)
        if has_place:
            self._count(tenant)
        return has_place

    def _count(self, tenant: str) -> None:
        self._open_streams[tenant] += 1
        self._is_idle.clear()
        self.metrics.streams_open.inc()

    def _give_back(self, tenant: str) -> None:
        self._open_streams[tenant] -= 1
        if not self._open_streams[tenant]:
            del self._open_streams[tenant]
        self.metrics.streams_open.dec()
        if not self._open_streams:
            self._is_idle.set()

    def _refuse_draining(self) -> NoReturn:
        self.metrics.streams_refused["draining"].inc()
        raise Draining

    def _refuse(self, retry_ms: int | None = None) -> NoReturn:
        self.metrics.streams_refused["overloaded"].inc()
        raise Overloaded("streams", retry_ms=retry_ms)

    def hold_context(self, chars: int) -> int:
        """Hold room for so many characters of a context; returns the bytes. Raises `Overloaded` when there is none."""
        size, most = chars * CHAR_BYTES, self.limits.contexts_bytes
        if self._context_bytes + size > most:
            self.metrics.streams_refused["overloaded"].inc()
            raise Overloaded(f"contexts at a time for limits.contexts_bytes, which is {most}")
        self._context_bytes += size
        return size
