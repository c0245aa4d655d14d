"""One process with inference threads, or a process for each core: processor time, throughput and memory.

    python -m benchmarks.workers [--cores 1,2] [--streams N] [--rounds N]

The real service over gRPC with every detector on, without its cache, held to so many cores. Clients offer streams as
fast as they are taken, over a single connection, and, where there are several processes, over four. For each way:

* CPU milliseconds per 1,000 tokens, of the service with all its processes;
* tokens a second, and how much of the service's cores it used: the clients run on the same machine, and where they
  share the cores with it, tokens per CPU second is what tells;
* memory: the proportional set size (shared pages counted once), and the resident set, of all processes together.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from benchmarks.results import table, write
from benchmarks.workers.client import TOKENS_A_MESSAGE, offer
from workbench.bench.policies import GUARDED, guarded_policy
from workbench.bench.server import Service, serving
from workbench.bench.texts import made_text, pieces_of

SENTENCES = 8
CONNECTIONS = 4
HOLD_MS = 60_000
"""Nothing is shed: what is measured is work, not delay."""


@dataclass(frozen=True)
class Way:
    """How the service is run: processes, batches at a time in each, threads of a batch's pass."""

    cores: int
    workers: int
    batches: int
    threads: int

    @property
    def name(self) -> str:
        """For people."""
        if self.workers > 1:
            return f"{self.workers} processes"
        return f"1 process, {self.batches} x {self.threads} thread{'s' if self.threads > 1 else ''}"


@dataclass(frozen=True)
class Cost:
    """What one way took."""

    cores: int
    way: str
    connections: int
    cpu_ms_per_1000_tokens: float
    tokens_per_second: float
    cores_used: float
    pss_mib: float
    rss_mib: float


def main() -> None:
    """Measure all ways, print the table and write the results."""
    arguments = _arguments()
    costs = [
        cost
        for cores in arguments.cores
        for way in _ways(cores)
        for cost in _measure(way, streams=arguments.streams, rounds=arguments.rounds)
    ]
    report = _report(costs)
    print(report)
    figures = {
        "tokens_a_message": TOKENS_A_MESSAGE,
        "streams": arguments.streams,
        "costs": [asdict(each) for each in costs],
    }
    print(write("workers", figures, report))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.workers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    most = len(os.sched_getaffinity(0))
    cores = sorted({1, min(2, most)})
    parser.add_argument("--cores", type=lambda text: [int(each) for each in text.split(",")], default=cores)
    parser.add_argument("--streams", type=int, default=32, help="at a time")
    parser.add_argument("--rounds", type=int, default=4, help="streams of each, measured")
    return parser.parse_args()


def _ways(cores: int) -> Iterator[Way]:
    """One process that uses all cores for one batch, or a core for each of several; and a process for each core."""
    yield Way(cores, workers=1, batches=1, threads=cores)
    yield Way(cores, workers=1, batches=max(2, cores), threads=1)
    if cores > 1:
        yield Way(cores, workers=cores, batches=1, threads=1)


def _measure(way: Way, *, streams: int, rounds: int) -> Iterator[Cost]:
    everything = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(everything)[: way.cores])  # the service inherits it
    try:
        with serving(
            {GUARDED: guarded_policy(HOLD_MS)},
            scheduler={"cache_entries": 0, "threads": way.batches, "queue_limit": 100_000},
            models={"threads": way.threads},
            workers=way.workers,
        ) as service:
            os.sched_setaffinity(0, everything)
            for connections in (1, CONNECTIONS) if way.workers > 1 else (1,):
                yield _load(service, way, connections=connections, streams=streams, rounds=rounds)
    finally:
        os.sched_setaffinity(0, everything)


def _load(service: Service, way: Way, *, connections: int, streams: int, rounds: int) -> Cost:
    """Streams over so many connections, each of a client process of its own: those of one process share one."""
    rng = random.Random(1)
    texts = [made_text(rng, sentences=SENTENCES, is_violating=False) for _ in range(streams * rounds)]
    shares = [texts[at::connections] for at in range(connections)]
    with ProcessPoolExecutor(connections, mp_context=get_context("spawn")) as clients:
        run = partial(offer, service.target, streams // connections)
        list(clients.map(run, [share[: streams // connections] for share in shares]))  # not measured: first streams
        processes = _processes(service)
        before, began = sum(map(_cpu_seconds, processes)), time.monotonic()
        list(clients.map(run, shares))
        took, spent = time.monotonic() - began, sum(map(_cpu_seconds, processes)) - before
    tokens = sum(len(pieces_of(text)) for text in texts)
    return Cost(
        cores=way.cores,
        way=way.name,
        connections=connections,
        cpu_ms_per_1000_tokens=spent * 1e6 / tokens,
        tokens_per_second=tokens / took,
        cores_used=spent / took,
        pss_mib=sum(_memory_mib(pid, "Pss") for pid in processes),
        rss_mib=sum(_memory_mib(pid, "Rss") for pid in processes),
    )


# -- what the service's processes use ----------------------------------------------------------------------------------


def _processes(service: Service) -> list[int]:
    """The service's process and those that it started."""
    assert service.pid is not None
    children = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text(encoding="ascii")
    return [service.pid, *(int(pid) for pid in children.split())]


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mib(pid: int, kind: str) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")) / 1024


def _report(costs: Sequence[Cost]) -> str:
    head = ["cores", "way", "connections", "CPU ms per 1,000 tokens", "tokens/s", "cores used", "PSS MiB", "RSS MiB"]
    rows = [
        [
            each.cores,
            each.way,
            each.connections,
            f"{each.cpu_ms_per_1000_tokens:.0f}",
            f"{each.tokens_per_second:,.0f}",
            f"{each.cores_used:.2f}",
            f"{each.pss_mib:.0f}",
            f"{each.rss_mib:.0f}",
        ]
        for each in costs
    ]
    note = "The clients run on the same machine; the supervisor of several processes is counted with them."
    return f"{table(head, rows)}\n\n{note}"


if __name__ == "__main__":
    main()
