"""The service: every part is made, started and stopped here, in one order.

Start: admin listener, outbox and publisher, the models on an inference server, policies, detectors' golden inputs,
scheduler, gRPC, the HTTP proxy if it has an upstream, call-outs and MCP if they have an address. Until the last step
`/readyz` says what is missing. Stop (SIGTERM, SIGINT): not ready; new streams are refused; running ones may finish for
`drain_seconds` and are then cancelled; then the other way round, the outbox near the end, so that each stream's end is
recorded. SIGHUP reads the policies again.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import disable_created_metrics

from detectors.models.exemplar_sets import use_folders
from detectors.models.places import use_places
from sidecar.admin import AdminServer, Page, service_pages
from sidecar.callouts.server import CalloutServer
from sidecar.canaries import Canaries
from sidecar.clock import Clock, LoopClock
from sidecar.config import Auth, Callouts, ExtMcp, Settings
from sidecar.console.pages import console_pages, finder, policies_page, reader
from sidecar.console.recent import Recent
from sidecar.console.state import Section, State, counts_of, latest_of, outbox_of, policies_of, readiness_of, scale
from sidecar.drift.watch import DriftWatch
from sidecar.engine import Engine
from sidecar.exemplars.copying import Copies
from sidecar.inference.models import RemoteModels
from sidecar.judges.escalation import Judges, judges_of
from sidecar.keys import event_signer, keeping, redaction_keys, stand_in_source, tell_of_own_key
from sidecar.mcp.listener import McpListener
from sidecar.outbox.checkpoints import Checkpoints
from sidecar.outbox.left_over import LeftOver, of_service
from sidecar.outbox.outbox import Inlet
from sidecar.outbox.publishing import Publishing
from sidecar.outbox.sink_metrics import watch_sinks
from sidecar.outbox.watched import Watched
from sidecar.policy.store import PolicyStore
from sidecar.readiness import Readiness, probe_detectors
from sidecar.reload import PolicyReloader
from sidecar.scheduler.scheduler import Scheduler
from sidecar.telemetry.metrics import Metrics
from sidecar.tokens import Tokens
from sidecar.transport.doors import Door, warnings
from sidecar.transport.exchange import Room
from sidecar.transport.grpc import GrpcServer
from sidecar.transport.http import HttpProxy
from sidecar.values import Severity
from sidecar.version import tidegate_version

if TYPE_CHECKING:
    from sidecar.mcp.ext_mcp import ExtMcpService
    from sidecar.telemetry.otlp import Otlp
    from sidecar.transport.ext_proc import ExternalProcessor

_log = logging.getLogger(__name__)

_PARTS = ("outbox", "policies", "detectors", "grpc")
_LAST_SECONDS = 5.0
"""How long cancelled streams may take to record their end."""
_YOUNG_OBJECTS = 5_000
"""How many more objects there are before cycles are looked for among the new ones; Python's own is 700."""


class App:
    """All parts of the service. Constructing it connects and reads nothing but key files.

    Raises `ConfigError` when the settings do not fit together.
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or LoopClock()
        version = tidegate_version()
        self.metrics = Metrics(version, usage_label_values=settings.telemetry.usage_label_values)
        self.otlp = _otlp(settings, version, self.metrics)
        self.readiness = _readiness(settings)
        signer = event_signer(settings.events)
        self._keeping = keeping(settings)
        self.publishing = Publishing(of_service(settings.outbox), settings.events, settings.kafka, signer=signer)
        self.outbox = self.publishing.outbox
        self.checkpoints = _checkpoints(self.outbox, settings, self.clock) if signer is not None else None
        self.recent = Recent(self.clock.unix_seconds)
        events = Watched(self.checkpoints or self.outbox, self.recent.watch)
        self.left_over = LeftOver(settings, workers=1, signer=signer)
        self.policies = _policies(settings)
        self.canaries = Canaries()
        self.scheduler = Scheduler(settings.scheduler, clock=self.clock, metrics=self.metrics)
        self.judges = Judges(settings.judges, self.scheduler.submit, clock=self.clock, metrics=self.metrics)
        self.reloader = PolicyReloader(
            self.policies,
            settings.policies,
            outbox=events,
            clock=self.clock,
            metrics=self.metrics,
            taken=self.scheduler.time,
            canaries=self.canaries,
        )
        self.exemplars = Copies(settings.exemplars, self.reloader.ask)
        self.drift = self._drift(events)
        self.remote_models = RemoteModels(settings.inference, metrics=self.metrics)
        self.engine = self._engine(events)
        room = Room(settings.limits.request_bodies_bytes)
        self.processor = _processor(self.engine, settings, room)
        tokens = _tokens(settings.auth)
        self.ext_mcp = _ext_mcp(self.engine, settings.ext_mcp, tokens.get("grpc"))
        self.grpc = self._grpc(tokens.get("grpc"))
        self.proxy = HttpProxy(self.engine, settings.proxy, room) if settings.proxy.upstream else None
        self.callouts = _callouts(self.engine, settings.callouts, tokens.get("callouts"))
        self.mcp = McpListener(self.engine, settings.mcp, tokens.get("mcp"), room) if settings.mcp.listen else None
        self.admin = AdminServer(settings.admin.listen, self._pages(version))

    def _grpc(self, tokens: Tokens | None) -> GrpcServer:
        services = (each for each in (self.processor, self.ext_mcp) if each is not None)
        return GrpcServer(self.engine, self.settings.grpc, self.settings.limits, *services, tokens=tokens)

    def _drift(self, events: Inlet) -> DriftWatch | None:
        """Who watches for drift, if the settings ask for it; what moved goes into `events`."""
        settings, submit = self.settings.drift, self.scheduler.submit
        if not settings.enabled:
            return None
        return DriftWatch(settings, outbox=events, clock=self.clock, metrics=self.metrics, submit=submit)

    def _engine(self, events: Inlet) -> Engine:
        """What streams share; it puts their events into `events`."""
        settings = self.settings
        return Engine(
            policies=self.policies,
            scheduler=self.judges,
            outbox=events,
            clock=self.clock,
            metrics=self.metrics,
            limits=settings.limits,
            idle_seconds=settings.grpc.idle_seconds,
            keeping=self._keeping,
            admits=self.scheduler.admits,
            left=self.scheduler.left,
            stand_ins=stand_in_source(settings.keys, settings.limits),
            canaries=self.canaries,
            spans=self.otlp.spans if self.otlp is not None else None,
            prices=settings.usage.table(),
            drift=self.drift,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start all parts; when the body ends, drain and stop them. Raises `TidegateError` when a part cannot start."""
        async with AsyncExitStack() as stack:
            self.metrics.watch("tidegate_ready", "1 while streams are welcome.", lambda: self.readiness.is_ready)
            await _start(stack, self.admin.start, self.admin.stop)
            if self.otlp is not None:
                stack.push_async_callback(self.otlp.stop)
            await self._start_outbox(stack)
            await self._start_inference(stack)
            await self._start_policies(stack)
            if self.drift is not None:
                await _start(stack, self.drift.start, self.drift.stop)
            await _start(stack, self.scheduler.start, self.scheduler.stop)
            await _start(stack, self.judges.start, self.judges.stop)
            await self.scheduler.time(self.reloader.plans)
            self.readiness.fine("detectors")
            self._export()
            stack.push_async_callback(self._drain)
            await self._start_doors()
            _log.info(
                "serving",
                extra={
                    "grpc": self.grpc.addresses,
                    "proxy": self.proxy.address if self.proxy is not None else None,
                    "callouts": self.callouts.address if self.callouts is not None else None,
                    "mcp": self.mcp.address if self.mcp is not None else None,
                    "admin": self.admin.address,
                    "policies": [*self.policies.plans],
                },
            )
            self._warn()
            if any(plan.stand_in_rules for plan in self.policies.plans.values()):
                tell_of_own_key(self.settings.keys)
            yield

    def _pages(self, version: str) -> Mapping[str, Page]:
        """What the admin listener serves."""
        policies = partial(policies_of, self.reloader)

        async def read_policies() -> State:
            return policies()

        pages = {**service_pages(self.readiness, self.metrics, version), **policies_page(read_policies)}
        if not self.settings.admin.console:
            return pages
        sections: Mapping[str, Section] = {
            "about": lambda: {"version": version},
            "scale": scale,
            "readiness": partial(readiness_of, self.readiness),
            "policies": policies,
            "streams": lambda: {"open": self.engine.open_streams},
            "queue": lambda: {"depth": self.scheduler.depth},
            "outbox": lambda: outbox_of(self.outbox.stats(), self.publishing.stats(), self.publishing.note),
            "recent": partial(counts_of, self.recent),
            "latest": partial(latest_of, self.recent),
        }
        return {**pages, **console_pages(reader(sections), finder(self.recent))}

    # -- starting -------------------------------------------------------------------------------------------------

    async def _start_doors(self) -> None:
        doors = {"grpc": self.grpc, "proxy": self.proxy, "callouts": self.callouts, "mcp": self.mcp}
        for name, door in doors.items():
            if door is not None:
                await door.start()
                self.readiness.fine(name)

    async def _start_outbox(self, stack: AsyncExitStack) -> None:
        await _start(stack, self.publishing.start, self.publishing.stop)
        if self.publishing.publishers:
            self.readiness.note("publisher", lambda: self.publishing.note)
        if self.checkpoints is not None:
            await _start(stack, self.checkpoints.start, self.checkpoints.stop)
        await _start(stack, self.left_over.start, self.left_over.stop)
        self.readiness.fine("outbox")

    async def _start_inference(self, stack: AsyncExitStack) -> None:
        if not self.settings.inference.models:
            return
        stack.push_async_callback(self.remote_models.stop)
        await self.remote_models.start(partial(self.readiness.wait_for, "inference"))
        stack.enter_context(self.remote_models.placed())
        self.readiness.fine("inference")

    async def _start_policies(self, stack: AsyncExitStack) -> None:
        use_folders([self.settings.exemplars.folder])
        await _start(stack, self.exemplars.start, self.exemplars.stop)
        self.readiness.note("exemplars", lambda: self.exemplars.note)
        self.readiness.wait_for("policies", "being compiled")
        await self.reloader.load()
        self.readiness.fine("policies")
        self.readiness.wait_for("detectors", "answering golden inputs")
        await asyncio.to_thread(probe_detectors, self.reloader.plans)
        await _start(stack, self.reloader.start, self.reloader.stop)

    def _warn(self) -> None:
        """Say which doors serve what no policy can take."""
        doors = [Door("proxy", self.settings.proxy.facts)] if self.proxy is not None else []
        if self.mcp is not None:
            doors.append(Door("mcp", self.settings.mcp.facts))
        if self.processor is not None:
            doors.append(Door("ext_proc", self.settings.ext_proc.facts, is_envoy=True))
        if self.ext_mcp is not None:
            doors.append(Door("ext_mcp", self.settings.ext_mcp.facts, is_envoy=True))
        for door in doors:
            for fields in warnings(door, self.policies.plans):
                _log.warning("no policy can take what comes in here: it is refused", extra=fields)

    def _export(self) -> None:
        """Metrics that other parts keep."""
        watch = self.metrics.watch
        watch("tidegate_scheduler_queue_depth", "Requests that wait for a batch.", lambda: self.scheduler.depth)
        watch("tidegate_known_bytes", "What is kept of texts that were checked.", lambda: self.engine.histories.size)
        watch("tidegate_outbox_events", "Events in the outbox.", lambda: self.outbox.stats().waiting_events)
        watch("tidegate_outbox_bytes", "Bytes of events in the outbox.", lambda: self.outbox.stats().waiting_bytes)
        watch("tidegate_outbox_in_memory", "Events kept in memory only.", lambda: self.outbox.stats().in_memory)
        watch("tidegate_outbox_failing", "1 while events cannot be recorded.", lambda: self.outbox.stats().is_failing)
        self.metrics.watch_counts(
            "tidegate_outbox_lost",
            "Events that were lost, by severity.",
            "severity",
            self._lost,
        )
        self.metrics.watch_states(
            "tidegate_canary_stopped",
            "1 for each canary that stopped itself, with the rate that left its band.",
            ("policy", "canary", "rate"),
            lambda: [
                (each.canary.policy, each.canary.rule or each.canary.version, str(each.stopped_by))
                for each in self.canaries.progress()
                if each.stopped_by is not None
            ],
        )
        if self.publishing.publishers:
            watch_sinks(self.metrics, self.publishing)

    def _lost(self) -> Mapping[str, float]:
        """Events lost by severity; of those of which none was lost, 0."""
        lost = self.outbox.stats().lost
        return {level.word: lost.get(level, 0) for level in Severity}

    # -- stopping -------------------------------------------------------------------------------------------------

    async def _drain(self) -> None:
        """Let exchanges and streams finish. An exchange has several streams, so new ones are refused after the last."""
        self.readiness.wait_for("grpc", "draining")
        await self.grpc.drain()
        _log.info("draining", extra={"streams": self.engine.open_streams})
        await asyncio.sleep(self.settings.drain_pause_seconds)
        await self._within(self.settings.drain_seconds, self._finish())
        self.engine.drain()
        if self.engine.open_streams:
            _log.warning("streams are cancelled", extra={"streams": self.engine.open_streams})
        if self.proxy is not None:
            await self.proxy.stop()
        if self.callouts is not None:
            await self.callouts.stop()
        if self.mcp is not None:
            await self.mcp.stop()
        await self.grpc.stop()
        await self._within(_LAST_SECONDS, self.engine.wait_idle())

    async def _finish(self) -> None:
        """Send clients elsewhere; returns when nothing runs any more."""
        doors = (self.proxy, self.callouts, self.mcp)
        over_http = [asyncio.create_task(each.drain()) for each in doors if each is not None]
        await self.grpc.finish()
        if self.processor is not None:
            await self.processor.drain()
        if self.ext_mcp is not None:
            await self.ext_mcp.wait_idle()
        for draining in over_http:
            await draining
        self.engine.drain()
        await self.engine.wait_idle()

    @staticmethod
    async def _within(seconds: float, work: Awaitable[None]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await work


async def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT. Raises `TidegateError` when it cannot start."""
    use_places(settings.models.places())
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody reads
    app = App(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, app.reloader.ask)
    async with AsyncExitStack() as stack:
        start = asyncio.create_task(stack.enter_async_context(app.running()))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([start, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not start.done():  # it may wait for somebody
            start.cancel()
            await asyncio.wait([start])
            return
        start.result()
        _collect_less()
        await stopped


def run(settings: Settings) -> None:
    """`serve`, on the event loop that the settings ask for. Returns when the service has stopped."""
    with asyncio.Runner(loop_factory=_loop_factory(settings)) as runner:
        runner.run(serve(settings))


def _collect_less() -> None:
    """Leave what was loaded out of garbage collections, and have fewer of them: they took a tenth of what a token took.

    Streams leave few cycles behind, and drop texts themselves.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


def _readiness(settings: Settings) -> Readiness:
    optional = {
        "inference": settings.inference.models,
        "proxy": settings.proxy.upstream,
        "callouts": settings.callouts.listen,
        "mcp": settings.mcp.listen,
    }
    return Readiness([*_PARTS, *(part for part, wanted in optional.items() if wanted)])


def _tokens(settings: Auth) -> Mapping[str, Tokens]:
    """The tokens by the door where they are asked for. Raises `ConfigError` when their file cannot be read."""
    if settings.tokens_file is None:
        return {}
    return dict.fromkeys(settings.doors, Tokens(settings.tokens_file))


def _checkpoints(outbox: Inlet, settings: Settings, clock: Clock) -> Checkpoints:
    events = settings.events
    return Checkpoints(
        outbox,
        every_events=events.checkpoint_events,
        every_seconds=events.checkpoint_seconds,
        now=clock.unix_seconds,
    )


def _policies(settings: Settings) -> PolicyStore:
    """The policies of the settings' directories; those of a bundle are there once it is."""
    directories = () if settings.policies.bundle else settings.policies.directories
    judges = judges_of(settings.judges)
    return PolicyStore(directories, redaction_keys(settings.keys), keeps=keeping(settings).levels, judges=judges)


def _processor(engine: Engine, settings: Settings, room: Room) -> ExternalProcessor | None:
    if not settings.ext_proc.enabled:
        return None
    from sidecar.transport.ext_proc import ExternalProcessor  # Envoy's messages are not loaded where none come

    return ExternalProcessor(engine, settings.ext_proc, room)


def _callouts(engine: Engine, settings: Callouts, tokens: Tokens | None) -> CalloutServer | None:
    return CalloutServer(engine, settings, tokens) if settings.listen else None


def _ext_mcp(engine: Engine, settings: ExtMcp, tokens: Tokens | None) -> ExtMcpService | None:
    if not settings.enabled:
        return None
    from sidecar.mcp.ext_mcp import ExtMcpService  # agentgateway's messages are not made where none come

    return ExtMcpService(engine, settings, tokens)


def _otlp(settings: Settings, version: str, metrics: Metrics) -> Otlp | None:
    telemetry = settings.telemetry
    if telemetry.traces == "off":
        return None
    from sidecar.telemetry.otlp import Otlp  # OpenTelemetry is not loaded where no spans are made

    return Otlp(version, endpoint=telemetry.otlp_endpoint, has_events=telemetry.trace_events, count=metrics.count_sent)


def _loop_factory(settings: Settings) -> Callable[[], asyncio.AbstractEventLoop]:
    """The event loop that the settings ask for; docs/adr has the measurement behind `auto`."""
    if settings.loop == "asyncio":
        return asyncio.new_event_loop
    import uvloop  # not where it is not wanted

    return uvloop.new_event_loop


async def _start(
    stack: AsyncExitStack, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]
) -> None:
    """Start a part and have it stopped in its turn, also when it fails half way."""
    stack.push_async_callback(stop)
    await start()
