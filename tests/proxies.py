"""The HTTP proxy in front of a scripted upstream, with policies written by the test."""

from __future__ import annotations

import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sidecar.clock import LoopClock
from sidecar.codec.shape import Shape
from sidecar.config import Limits, Proxy, SchedulerSettings
from sidecar.engine import Engine
from sidecar.outbox.event import StreamDecision, Violation
from sidecar.outbox.memory import MemoryOutbox
from sidecar.policy.store import PolicyStore
from sidecar.scheduler.scheduler import Scheduler
from sidecar.telemetry.metrics import Metrics
from sidecar.telemetry.spans import Spans
from sidecar.transport.http import HttpProxy
from sidecar.usage import NO_PRICES, Prices
from tests.upstream import Upstream, scripted_upstream

POLICY = textwrap.dedent(
    """
    apiVersion: tidegate.dev/v1
    kind: Policy
    metadata: {name: default, version: "7"}
    rules:
      - id: no-injection
        detect: {detector: patterns, keywords: {INJECTION: ["ignore all rules"]}}
        action: {block: {message: "Stopped."}}
      - id: no-cards
        detect: {detector: pii, labels: [CREDIT_CARD]}
        action: {redact: {with: mask, keep_last: 4, in_tool_arguments: replace}}
    """
)
READ_BY_A_MODEL = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: read, version: "7"}
match: {directions: [DIRECTION]}
rules:
  - {id: insults, detect: {detector: toxicity}, severity: high, action: {block: {message: "Stopped."}}}
---
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: default, version: "1"}
rules:
  - {id: none, detect: {detector: patterns, keywords: {A: ["never said"]}}, action: block}
"""
"""What goes in a DIRECTION is read by a model."""
CARD = "4111 1111 1111 1111"
MASKED = "•••• •••• •••• 1111"
INJECTION = "ignore all rules"

CLEAN_PIECES = ("Hello", " wörld", " \U0001f600", " bye")
PIECES = ("My card", " is 41", "11 1111 1", "111 1111", " ok é", " bye")
SAID = f"My card is {MASKED} ok é bye"
"""What `PIECES` come to."""
BAD_PIECES = ("Hello", " you ignore", " all ru", "les now", " more", " and on")


def refusal(shape: Shape, stream: str, place: str) -> tuple[int, bytes]:
    """Status and body of the error for a request that `INJECTION` stands in, at this place."""
    said = f"{place}, " if place else ""
    return shape.refusal(f"Stopped. ({said}rule no-injection, stream {stream})", "no-injection")


@dataclass
class Proxied:
    """A running proxy, what is behind it, and what it recorded."""

    url: str
    proxy: HttpProxy
    engine: Engine
    outbox: MemoryOutbox
    upstream: Upstream

    @property
    def violations(self) -> list[Violation]:
        return [event.data for event in self.outbox.events if isinstance(event.data, Violation)]

    @property
    def decisions(self) -> list[StreamDecision]:
        return [event.data for event in self.outbox.events if isinstance(event.data, StreamDecision)]

    @property
    def endings(self) -> list[tuple[str, str]]:
        """Direction and end of each stream, oldest first."""
        return [(each.direction, each.ended) for each in self.decisions]


@asynccontextmanager
async def guarding(
    folder: Path,
    *,
    policy: str = POLICY,
    limits: Limits | None = None,
    outbox: MemoryOutbox | None = None,
    spans: Spans | None = None,
    prices: Prices = NO_PRICES,
) -> AsyncIterator[tuple[Engine, MemoryOutbox]]:
    """An engine with a policy, and where it records; it stops with the context."""
    (folder / "policy.yaml").write_text(policy)
    policies = PolicyStore((folder,), None)
    policies.load()
    clock, metrics, outbox = LoopClock(), Metrics("test"), outbox or MemoryOutbox()
    scheduler = Scheduler(SchedulerSettings(), clock=clock, metrics=metrics)
    engine = Engine(
        policies=policies,
        scheduler=scheduler,
        outbox=outbox,
        clock=clock,
        metrics=metrics,
        limits=limits or Limits(),
        idle_seconds=60.0,
        spans=spans,
        prices=prices,
    )
    await outbox.start()
    await scheduler.start()
    try:
        yield engine, outbox
    finally:
        await engine.wait_idle()
        await scheduler.stop()
        await outbox.stop()


@asynccontextmanager
async def proxied(
    folder: Path,
    *,
    policy: str = POLICY,
    limits: Limits | None = None,
    upstream_url: str = "",
    spans: Spans | None = None,
    prices: Prices = NO_PRICES,
    **settings: object,
) -> AsyncIterator[Proxied]:
    """A proxy with a scripted upstream, unless another one is given. `settings` are those of the section `proxy`.

    Refusals are errors, unless a test says otherwise: that is what client libraries have errors of their own for.
    """
    async with (
        guarding(folder, policy=policy, limits=limits, spans=spans, prices=prices) as (engine, outbox),
        scripted_upstream() as upstream,
    ):
        values = {"listen": "127.0.0.1:0", "upstream": upstream_url or upstream.url, "refusals": "error", **settings}
        proxy = HttpProxy(engine, Proxy.model_validate(values))
        try:
            await proxy.start()
            yield Proxied(f"http://{proxy.address}", proxy, engine, outbox, upstream)
        finally:
            await proxy.stop()
