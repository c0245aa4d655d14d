"""A real gRPC server on port 0, over plans made by hand, with an outbox in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sidecar.clock import Clock, LoopClock, Timer
from sidecar.config import Grpc, Limits, SchedulerSettings
from sidecar.engine import Engine, Submitter
from sidecar.errors import UnknownPolicy
from sidecar.outbox.event import Event, Kind, StreamDecision, Violation
from sidecar.outbox.memory import MemoryOutbox
from sidecar.policy.facts import StreamFacts
from sidecar.policy.plan import Plan
from sidecar.scheduler.batcher import Request
from sidecar.scheduler.scheduler import Running, Scheduler
from sidecar.telemetry.metrics import Metrics
from sidecar.tokens import Tokens
from sidecar.transport.grpc import GrpcServer, GrpcService
from sidecar.values import Failed, FailureKind, Outcome


class Plans:
    """Plans by name; the first one is for streams that name none."""

    def __init__(self, *plans: Plan) -> None:
        self._first = plans[0]
        self._plans = {plan.name: plan for plan in plans}

    def resolve(self, name: str | None, facts: StreamFacts) -> Plan:
        if name is None:
            return self._first
        if name not in self._plans:
            raise UnknownPolicy(name)
        return self._plans[name]


@dataclass
class FakeTimer:
    """A call that a `FakeClock` will make."""

    when_ms: float
    callback: Callable[[], object]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


@dataclass
class FakeClock:
    """A clock that the test moves."""

    ms: float = 0.0
    timers: list[FakeTimer] = field(default_factory=list)

    def now_ms(self) -> float:
        return self.ms

    def unix_seconds(self) -> float:
        return 1_700_000_000.0 + self.ms / 1000

    def call_at(self, when_ms: float, callback: Callable[[], object]) -> Timer:
        timer = FakeTimer(when_ms, callback)
        self.timers.append(timer)
        return timer

    def advance(self, ms: float) -> None:
        """Let time pass, and make the calls that are due."""
        self.ms += ms
        due = [timer for timer in self.timers if timer.when_ms <= self.ms]
        self.timers = [timer for timer in self.timers if timer.when_ms > self.ms]
        for timer in sorted(due, key=lambda each: each.when_ms):
            if not timer.is_cancelled:
                timer.callback()


class HandScheduler:
    """A scheduler that answers when and how the test says."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def submit(self, request: Request) -> None:
        self.requests.append(request)

    def answer(self, index: int, outcome: Outcome) -> None:
        """Answer one of the requests, in whatever order."""
        self.requests[index].answer(outcome)


class FullScheduler:
    """A scheduler that has no room."""

    def submit(self, request: Request) -> None:
        request.answer(Failed(FailureKind.SHED, "it would be late"))


def make_engine(
    *plans: Plan,
    scheduler: Submitter | None = None,
    outbox: MemoryOutbox | None = None,
    clock: Clock | None = None,
    limits: Limits | None = None,
    idle_seconds: float = 60.0,
    admits: Callable[[Running], bool] = lambda _: True,
    left: Callable[[float, int], None] = lambda _began_ms, _number: None,
) -> Engine:
    """An engine of the given parts; the outbox has to be started."""
    return Engine(
        policies=Plans(*plans),
        scheduler=scheduler or HandScheduler(),
        outbox=outbox or MemoryOutbox(),
        clock=clock or LoopClock(),
        metrics=Metrics("test"),
        limits=limits or Limits(),
        idle_seconds=idle_seconds,
        admits=admits,
        left=left,
    )


@dataclass
class Serving:
    """A running server."""

    address: str
    engine: Engine
    outbox: MemoryOutbox
    server: GrpcServer

    @property
    def violations(self) -> list[Violation]:
        """The violation events, oldest first."""
        return [event.data for event in self.outbox.events if isinstance(event.data, Violation)]

    @property
    def decisions(self) -> list[StreamDecision]:
        """The streams' decision events, oldest first."""
        return [event.data for event in self.outbox.events if isinstance(event.data, StreamDecision)]


@asynccontextmanager
async def serving(
    *plans: Plan,
    grpc: Grpc | None = None,
    limits: Limits | None = None,
    scheduler: Submitter | None = None,
    tokens: Tokens | None = None,
    beside: Callable[[Engine], GrpcService] | None = None,
) -> AsyncIterator[Serving]:
    """A server with a real scheduler, unless another is given; it stops with the context.

    `beside` makes a service that is served beside the guard's own.
    """
    settings = grpc or Grpc(listen=("127.0.0.1:0",))
    outbox = MemoryOutbox()
    await outbox.start()
    own = Scheduler(SchedulerSettings(), clock=LoopClock(), metrics=Metrics("test"))
    await own.start()
    engine = make_engine(
        *plans,
        scheduler=scheduler or own,
        outbox=outbox,
        limits=limits,
        idle_seconds=settings.idle_seconds,
    )
    others = () if beside is None else (beside(engine),)
    server = GrpcServer(engine, settings, engine.limits, *others, tokens=tokens)
    try:
        await server.start()
        yield Serving(server.addresses[0], engine, outbox, server)
    finally:
        await server.stop()
        await engine.wait_idle()
        await own.stop()
        await outbox.stop()


def kinds(events: list[Event]) -> list[Kind]:
    """What kinds of events these are."""
    return [event.kind for event in events]
