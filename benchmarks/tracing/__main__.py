"""What spans cost a guarded stream: processor time beside the same streams without, and with a receiver that is away.

    python -m benchmarks.tracing [--rounds N]

The same streams, token by token, through sessions with the policy `pii-redact`, in turns: without spans; with spans of
which none is sampled; with all of them sent to a receiver on loopback, which throws them away; and with all of them for
a receiver that refuses connections. Two lengths of answer tell what is paid for a stream from what is paid for a token.
Ratios of the medians of rounds in one run; a run of the first kind twice says how much of them is noise.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from benchmarks.results import table, write
from benchmarks.stream_cost.texts import mixed
from sidecar.clock import LoopClock
from sidecar.config import Limits, SchedulerSettings
from sidecar.engine import Engine
from sidecar.outbox.memory import MemoryOutbox
from sidecar.policy.facts import StreamFacts
from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore
from sidecar.scheduler.scheduler import Scheduler
from sidecar.start import StreamStart
from sidecar.telemetry.metrics import Metrics
from sidecar.telemetry.otlp import Otlp
from sidecar.telemetry.spans import Spans
from sidecar.values import Lane

POLICIES = Path(__file__).parents[2] / "policies"
TOKENS = 50, 400
TOKEN_CHARS = 4
STREAMS = 20
OFF, AGAIN, UNSAMPLED, SENT, AWAY = "off", "off, again", "none sampled", "all sent", "receiver away"
_AWAY = "http://127.0.0.1:9"


class _Plans:
    """One plan for all."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def resolve(self, _name: str | None, _facts: StreamFacts) -> Plan:
        """The plan."""
        return self._plan


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    logging.disable()  # that nobody answers is meant
    store = PolicyStore((POLICIES,))
    store.load()
    plan = store.plans["pii-redact"]
    with _receiving() as address:
        measured = {tokens: asyncio.run(_measured(plan, tokens, rounds, address)) for tokens in TOKENS}
    figures = {str(tokens): _ratios(found) for tokens, found in measured.items()}
    print(write("tracing", figures, _told(figures)))


async def _measured(plan: Plan, tokens: int, rounds: int, address: str) -> Mapping[str, list[float]]:
    """Processor seconds of `STREAMS` streams, by kind, a round each."""
    text = mixed(tokens * TOKEN_CHARS)
    makers = _makers(address)
    found: dict[str, list[float]] = {name: [] for name in makers}
    for number in range(rounds + 1):
        for name, make in makers.items():
            seconds = await _round(plan, text, make)
            if number:  # the first warms up
                found[name].append(seconds)
    return found


def _makers(address: str) -> Mapping[str, Callable[[], Otlp | None]]:
    def sending(endpoint: str, sampler: str) -> Callable[[], Otlp]:
        def make() -> Otlp:
            os.environ["OTEL_TRACES_SAMPLER"] = sampler
            os.environ["OTEL_EXPORTER_OTLP_TIMEOUT"] = "1"
            return Otlp("0", endpoint=endpoint, has_events=True, count=lambda *_: None)

        return make

    return {
        OFF: lambda: None,
        UNSAMPLED: sending(address, "always_off"),
        SENT: sending(address, "always_on"),
        AWAY: sending(_AWAY, "always_on"),
        AGAIN: lambda: None,
    }


async def _round(plan: Plan, text: str, make: Callable[[], Otlp | None]) -> float:
    otlp = make()
    clock, metrics, outbox = LoopClock(), Metrics("benchmark"), MemoryOutbox()
    scheduler = Scheduler(SchedulerSettings(), clock=clock, metrics=metrics)
    engine = Engine(
        policies=_Plans(plan),
        scheduler=scheduler,
        outbox=outbox,
        clock=clock,
        metrics=metrics,
        limits=Limits(),
        idle_seconds=60.0,
        spans=_spans(otlp),
    )
    await outbox.start()
    await scheduler.start()
    gc.collect()
    began = time.process_time()
    for _ in range(STREAMS):
        await _stream(engine, text)
    seconds = time.process_time() - began
    await scheduler.stop()
    await outbox.stop()
    if otlp is not None:
        await otlp.stop()
    return seconds


def _spans(otlp: Otlp | None) -> Spans | None:
    return None if otlp is None else otlp.spans


async def _stream(engine: Engine, text: str) -> None:
    async with engine.open(StreamStart(model="m")) as session:

        async def feed() -> None:
            for start in range(0, len(text), TOKEN_CHARS):
                await session.feed(Lane(), text[start : start + TOKEN_CHARS])
                await asyncio.sleep(0)
            session.finish()

        feeding = asyncio.create_task(feed())
        async for _ in session.outputs():
            pass
        await feeding


class _Taking(BaseHTTPRequestHandler):
    """Takes whatever comes."""

    def do_POST(self) -> None:
        """Read it and say that it is fine."""
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def _receiving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Taking) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def _ratios(found: Mapping[str, list[float]]) -> dict[str, float]:
    """Each kind's median beside that of the first."""
    base = median(found[OFF])
    return {name: round(median(seconds) / base, 3) for name, seconds in found.items()}


def _told(figures: Mapping[str, Mapping[str, float]]) -> str:
    names = [UNSAMPLED, SENT, AWAY, AGAIN]
    rows = [[tokens, *(found[name] for name in names)] for tokens, found in figures.items()]
    told = (
        f"Processor time of {STREAMS} streams of one token a message, with the threads that send, as a ratio to the "
        "same streams without spans; medians of rounds in turns. `off, again` is the first kind once more: so much "
        "is noise."
    )
    return f"{table(['tokens of an answer', *names], rows)}\n\n{told}"


if __name__ == "__main__":
    main()
