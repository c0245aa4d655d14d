"""Streams that run while policies change, in this process: the engine, the store and the reloader of the service.

1. A policy redacts a word by the version's own text, so that what a stream was given names the version that it was held
   to. Beside each version stands the next one as a canary for half of the sessions.
2. So many callers at a time have one stream after the other, each fed in pieces. They begin spread over the time that a
   stream takes, as callers do; between two pieces of each the policies may have changed.
3. The policies are replaced as a whole as soon as the last change is in force, and read again by the reloader.

What is counted: streams that failed, whose text names two versions, or whose events name another than their text does.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import msgspec

from sidecar.canaries import Canaries
from sidecar.clock import LoopClock
from sidecar.config import Limits, Policies
from sidecar.engine import Engine
from sidecar.outbox.event import Event, StreamDecision, Violation
from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore
from sidecar.reload import PolicyReloader
from sidecar.scheduler.scheduler import Request
from sidecar.start import StreamStart
from sidecar.telemetry.metrics import Metrics
from sidecar.values import Lane, Release

_POLICY = """apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: shop, version: "%(version)s"}
%(rollout)srules:
  - id: plums
    detect: {detector: patterns, keywords: {FRUIT: [plum]}}
    action: {redact: {with: text, text: "[%(version)s]"}}
"""
_PIECES = ("I like a plum, ", "and another plum. ", "Then a pl", "um and no more plums", " but one plum.")
_MARK = re.compile(r"\[(\d+)\]")


class Told(msgspec.Struct):
    """What came of it. `changes` came in force, `seconds` is how long it all took, `cpu_seconds` of a processor."""

    streams: int = 0
    failed: int = 0
    mixed: int = 0
    unlike_their_events: int = 0
    outlived: int = 0
    """Streams that ended when another version was in force than when they began."""
    versions: int = 0
    changes: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    waits_ms: list[float] = msgspec.field(default_factory=list)
    """Of each change: from when its files were in place until it was in force for who opens a stream."""
    sides: Counter[str] = msgspec.field(default_factory=Counter)


class _NoModels:
    """No policy here asks a model."""

    def submit(self, request: Request) -> None:
        raise AssertionError("nothing is submitted")


class _Record:
    """An outbox that keeps what is looked at: which version each stream's events name."""

    def __init__(self) -> None:
        self.versions: dict[str, set[str]] = {}
        self.sides: Counter[str] = Counter()
        self.failed = 0

    async def put(self, events: Iterable[Event]) -> None:
        """Take note of events."""
        for event in events:
            data = event.data
            if isinstance(data, Violation | StreamDecision):
                self.versions.setdefault(data.ids.stream, set()).add(data.policy.version)
            if isinstance(data, StreamDecision):
                self.failed += data.ended != "finished"
                self.sides[str(data.canary.side if data.canary is not None else None)] += 1


class _Service:
    """The parts of the service that matter here."""

    def __init__(self, folder: Path, streams: int) -> None:
        self._folder = folder
        self.number = 0
        self.record = _Record()
        self.store = PolicyStore([folder / "policies"])
        canaries, clock, metrics = Canaries(), LoopClock(), Metrics("0")
        self.reloader = PolicyReloader(
            self.store,
            Policies(directories=(folder / "policies",)),
            outbox=self.record,
            clock=clock,
            metrics=metrics,
            taken=self._taken,
            canaries=canaries,
        )
        self.engine = Engine(
            policies=self.store,
            scheduler=_NoModels(),
            outbox=self.record,
            clock=clock,
            metrics=metrics,
            limits=Limits(max_streams=streams),
            idle_seconds=300,
            canaries=canaries,
        )

    async def _taken(self, plans: Iterable[Plan]) -> None:
        pass

    @property
    def version(self) -> str:
        """The version in force for those who are on no canary's side."""
        return self.store.plans["shop"].version

    def replace(self) -> None:
        """Put the next version in place, the way Kubernetes swaps a ConfigMap: both files at once."""
        self.number += 1
        generation = self._folder / "policies" / f"..{self.number}"
        generation.mkdir(parents=True)
        stable, tried = str(2 * self.number), str(2 * self.number + 1)
        rollout = f'rollout: {{percent: 50, replaces: "{stable}"}}\n'
        (generation / "shop.yaml").write_text(_POLICY % {"version": stable, "rollout": ""})
        (generation / "shop-next.yaml").write_text(_POLICY % {"version": tried, "rollout": rollout})
        link = self._folder / "policies" / "..new"
        link.symlink_to(generation.name)
        link.replace(self._folder / "policies" / "..data")
        for name in ("shop.yaml", "shop-next.yaml"):
            path = self._folder / "policies" / name
            if not path.is_symlink():
                path.symlink_to(f"..data/{name}")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """With the first policies loaded, and the reloader looking."""
        self.replace()
        await self.reloader.load()
        await self.reloader.start()
        try:
            yield
        finally:
            await self.reloader.stop()


async def run(
    folder: Path, *, streams: int, changes: int, pause_seconds: float = 0.0, piece_seconds: float = 0.005
) -> Told:
    """Keep so many streams running until so many changes came in force; what came of them.

    `pause_seconds` lies between two changes, or the time that one takes to come in force; `piece_seconds` between two
    pieces of a stream.
    """
    service, told = _Service(folder, streams), Told()
    async with service.running():
        began, used = time.perf_counter(), time.process_time()
        all_there = piece_seconds * len(_PIECES)
        changing = asyncio.create_task(_change(service, told, changes, pause_seconds=pause_seconds, after=all_there))
        async with asyncio.TaskGroup() as group:
            for number in range(streams):
                group.create_task(_caller(service, number, changing, told, piece_seconds))
        await changing
        told.seconds, told.cpu_seconds = time.perf_counter() - began, time.process_time() - used
    told.changes = service.number - 1
    told.versions = len(set().union(*service.record.versions.values()))
    told.failed += service.record.failed
    told.sides = service.record.sides
    return told


async def _change(service: _Service, told: Told, changes: int, *, pause_seconds: float, after: float) -> None:
    """Replace the policies as fast as they come in force, once all callers have begun: `after` so many seconds."""
    await asyncio.sleep(after)
    for _ in range(changes):
        due = asyncio.create_task(asyncio.sleep(pause_seconds))
        service.replace()
        began = time.perf_counter()
        wanted = str(2 * service.number)
        while service.version != wanted:
            service.reloader.ask()
            await asyncio.sleep(0.001)
        told.waits_ms.append(1000 * (time.perf_counter() - began))
        await due


async def _caller(
    service: _Service, number: int, changing: asyncio.Task[None], told: Told, piece_seconds: float
) -> None:
    """One stream after the other, at least one, until the policies change no more."""
    await asyncio.sleep(random.random() * piece_seconds * len(_PIECES))
    for turn in count():
        await _stream(service, f"session-{number}-{turn}", told, piece_seconds)
        if changing.done():
            return


async def _stream(service: _Service, session: str, told: Told, piece_seconds: float) -> None:
    """One stream, fed in pieces, each after the others had their turn."""
    told.streams += 1
    at_first = service.version
    start = StreamStart(policy="shop", session_id=session)
    async with service.engine.open(start) as stream:

        async def feed() -> None:
            for piece in _PIECES:
                await stream.feed(Lane(), piece)
                await asyncio.sleep(piece_seconds * (0.5 + random.random()))
            stream.finish()

        feeding = asyncio.create_task(feed())
        text = "".join([each.text async for each in stream.outputs() if isinstance(each, Release)])
        await feeding
    seen = set(_MARK.findall(text))
    told.mixed += len(seen) != 1
    told.outlived += service.version != at_first
    told.unlike_their_events += service.record.versions[stream.info.stream_id] != seen
