"""The service's two gRPC servers side by side, each as a process with a policy that needs no model.

    python -m benchmarks.door [--seconds N] [--no-floods]

1. Processor time of the server for a message in, with its part of the answers, at 1, 8 and 64 streams of a paced client
   (grpcio's, with its defaults and without its probe of the bandwidth).
2. For each flood of `tests/conformance/attacks.py`: how much more memory the server takes, and how late the worst
   answer to another client's check is, of checks one after the other: in the quietest of three rounds.

Both servers run in turns, in one run: on a shared machine only they can be compared with each other.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import grpc

from benchmarks.floor.load import paced
from benchmarks.results import table, write
from tests.conformance.attacks import ATTACKS
from tests.conformance.door import ROOT, SERVERS, Door, door
from tidegate.v1 import guard_pb2 as pb
from tidegate.v1 import guard_pb2_grpc as rpc

LOADS = ((1, 200.0), (8, 100.0), (64, 12.5))
"""Streams, and messages a second of each."""
PROBES = ((True, "default"), (False, "no probe"))
MOST_MORE_MIB = 32
MOST_LATER = 2.0
ROUNDS = 3
"""Of each flood: on a shared machine the worst answer is late for others' work too, in one round or another."""
MIB = 1 << 20
TICKS = os.sysconf("SC_CLK_TCK")
WORDS = pb.StreamRequest(chunk=pb.Chunk(text="A quiet river. "))


@dataclass(frozen=True)
class Cost:
    """Server microseconds for a message."""

    server: str
    client: str
    streams: int
    us: float


@dataclass(frozen=True)
class Flood:
    """What a flood did."""

    server: str
    name: str
    more_mib: float
    worst_ms: float
    median_ms: float
    answers: int
    refused: int


def main() -> int:
    """Run, print and write; exit status 1 when a bound does not hold."""
    arguments = _arguments()
    with ExitStack() as stack:
        doors = [stack.enter_context(_serving(server)) for server in SERVERS]
        costs = [each for running in doors for each in _costs(running, arguments.seconds)]
        names = [] if arguments.no_floods else [*ATTACKS]
        floods = [each for name in names for each in _floods(doors, name, arguments.seconds)]
    holds = _holds(floods)
    report = _report(costs, floods, holds)
    print(report)
    figures = {"costs": [asdict(each) for each in costs], "floods": [asdict(each) for each in floods], "holds": holds}
    print(write("door", figures, report))
    return 0 if all(holds.values()) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.door", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="of each load and each flood")
    parser.add_argument("--no-floods", action="store_true", help="only what a message costs")
    return parser.parse_args()


@contextmanager
def _serving(server: str) -> Iterator[Door]:
    with tempfile.TemporaryDirectory() as folder, door(server, Path(folder)) as running:
        with grpc.insecure_channel(running.address) as channel:
            for _ in range(300):
                rpc.GuardServiceStub(channel).Check(pb.CheckRequest(text="a plum " * 300))
        yield running


# ---------------------------------------------------------------- what a message costs


def _costs(running: Door, seconds: float) -> Iterator[Cost]:
    for streams, rate in LOADS:
        for probes, client in PROBES:
            before, count = _cpu_seconds(running), round(rate * seconds)
            options = [] if probes else [("grpc.http2.bdp_probe", 0)]
            asyncio.run(paced(running.address, streams, count, rate, messages=[WORDS], options=options))
            us = (_cpu_seconds(running) - before) / (streams * count) * 1e6
            yield _said(Cost(running.server, client, streams, us))


def _said(figure: Any) -> Any:
    """Show a figure as soon as it is there."""
    print(figure, file=sys.stderr, flush=True)
    return figure


def _cpu_seconds(running: Door) -> float:
    fields = Path(f"/proc/{running.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


# ---------------------------------------------------------------- what floods do


def _floods(doors: Sequence[Door], name: str, seconds: float) -> Iterator[Flood]:
    """Both servers in turns, some rounds: the most memory, and of the worst answers the least late."""
    rounds = [[_flood(running, name, seconds) for running in doors] for _ in range(ROUNDS)]
    for tries in zip(*rounds, strict=True):
        best = min(tries, key=lambda each: each.worst_ms)
        more, refused = max(each.more_mib for each in tries), sum(each.refused for each in tries)
        yield _said(replace(best, more_mib=more, refused=refused))


def _flood(running: Door, name: str, seconds: float) -> Flood:
    before, most, is_over = running.resident_bytes, [0], threading.Event()
    command = [sys.executable, "-m", "tests.conformance.attacks", name, running.address, str(seconds)]

    def look() -> None:
        while not is_over.wait(0.02):
            most[0] = max(most[0], running.resident_bytes)

    watching = threading.Thread(target=look)
    watching.start()
    with subprocess.Popen(command, cwd=ROOT) as flood:
        times, refused = _checks(running, flood)
    is_over.set()
    watching.join()
    more = (most[0] - before) / MIB
    return Flood(running.server, name, more, max(times), statistics.median(times), len(times), refused)


def _checks(running: Door, flood: subprocess.Popen[bytes]) -> tuple[Sequence[float], int]:
    """Milliseconds of each check that another client makes, and how many were refused."""
    times, refused = [], 0
    with grpc.insecure_channel(running.address) as channel:
        stub = rpc.GuardServiceStub(channel)
        while flood.poll() is None:
            began = time.perf_counter()
            try:
                stub.Check(pb.CheckRequest(text="a plum"), timeout=20)
            except grpc.RpcError:
                refused += 1
            times.append((time.perf_counter() - began) * 1000)
            time.sleep(0.01)
    return times, refused


def _holds(floods: Sequence[Flood]) -> Mapping[str, bool]:
    by = {(each.server, each.name): each for each in floods}
    names = dict.fromkeys(each.name for each in floods)
    return {
        f"at most {MOST_MORE_MIB} MiB more": all(by["light", name].more_mib <= MOST_MORE_MIB for name in names),
        f"worst answer at most {MOST_LATER:g} times as late as grpcio's": all(
            by["light", name].worst_ms <= MOST_LATER * by["grpcio", name].worst_ms for name in names
        ),
        "nobody else refused": all(not by["light", name].refused for name in names),
    }


def _report(costs: Sequence[Cost], floods: Sequence[Flood], holds: Mapping[str, bool]) -> str:
    cost_rows = [[each.server, each.client, each.streams, each.us] for each in costs]
    flood_rows = [
        [each.name, each.server, each.more_mib, each.worst_ms, each.median_ms, each.answers, each.refused]
        for each in floods
    ]
    said = ", ".join(f"{what}: {'yes' if does else 'NO'}" for what, does in holds.items())
    return "\n\n".join(
        [
            "Processor time of the server for a message in, with its part of the answers; paced client.",
            table(["server", "client", "streams", "us a message"], cost_rows),
            "Floods of one peer: memory beyond before, and the checks of another client meanwhile.",
            table(["flood", "server", "MiB more", "worst ms", "median ms", "answers", "refused"], flood_rows),
            f"Must hold for `light`: {said}",
        ]
    )


if __name__ == "__main__":
    raise SystemExit(main())
