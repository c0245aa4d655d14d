"""What a message costs a server that does nothing with it, beside what it costs the service, in one run.

    python -m benchmarks.floor [--seconds S] [--rounds N] [--streams N,N] [--rate R]

1. **The floor**: servers that only answer (`echoes`): a socket on asyncio's loop and on uvloop; the service's own
   HTTP/2 without the service; grpc.aio on uvloop; grpc with a thread for each stream. Each answers every message, and
   every twentieth, about as often as a guarded stream does.
2. **The service**: with a policy that looks for a word, whose text leaves as it comes; with every scanner; and with the
   models, too, of which what their threads take is left out.

All get the same messages, a token each, at the same times, in turns and in several rounds; of the rounds the median
counts. What is above `own-http2` is the service's; what is above `socket-uvloop` is code of this project; what is below
it is not. Beside the processor time stands how often a server's threads went to sleep: each wake-up is paid for.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.floor.echoes import SERVERS
from benchmarks.floor.load import paced, paced_bytes
from benchmarks.results import table, write
from workbench.bench.policies import GUARDED, PASS_THROUGH, guarded_policy, pass_through_policy
from workbench.bench.server import Service, serving
from workbench.capacity.profiles import Profile

STREAMS = (8, 64)
RATE = 50.0
EVERY = 20
_SCANNED = "bench-scanned"
_HOLD_MS = 60_000
_SETTINGS = {"scheduler": {"cache_entries": 0}}


@dataclass(frozen=True, slots=True)
class Served:
    """What is measured: a server, how many messages it has for an answer, and the policy, if it is the service."""

    name: str
    every: str
    service: Service
    policy: str = ""

    @property
    def is_socket(self) -> bool:
        """Whether it takes bytes, and no calls."""
        return self.name.startswith("socket")


class Spent(NamedTuple):
    """For a message."""

    us: float
    sleeps: float


def main() -> None:
    """Measure, print and write."""
    options = _options()
    figures = measured(options.seconds, options.rounds, options.streams, options.rate)
    report = markdown(figures)
    print(report)
    print(write("floor", {"floor": figures}, report))


def measured(seconds: float, rounds: int, loads: Sequence[int] = STREAMS, rate: float = RATE) -> list[dict[str, Any]]:
    """A row for each server, with microseconds and sleeps a message by the number of streams."""
    with ExitStack() as stack:
        servers = [*_started(stack)]
        for each in servers:
            _round(each, 1, rate, 1.0)
        taken = [
            [[_round(each, streams, rate, seconds) for each in servers] for streams in loads] for _ in range(rounds)
        ]
    return [
        {"server": each.name, "messages an answer": each.every}
        | {
            name: value
            for number, streams in enumerate(loads)
            for name, value in _columns(streams, [taken[turn][number][place] for turn in range(rounds)]).items()
        }
        for place, each in enumerate(servers)
    ]


def markdown(figures: Sequence[dict[str, Any]]) -> str:
    """The rows as a table."""
    return "\n\n".join(
        [
            "Processor time of a server for a message of one token, and how often one of its threads went to sleep, by"
            " the number of streams. The first rows only take messages and answer; the last ones guard.",
            table([*figures[0]], [[*each.values()] for each in figures]),
        ]
    )


def _columns(streams: int, spent: Sequence[Spent]) -> dict[str, Any]:
    """What a server took in each round."""
    us, sleeps = zip(*spent, strict=True)
    return {
        f"us, {streams} streams": round(statistics.median(us), 1),
        f"range, {streams}": f"{min(us):.0f} to {max(us):.0f}",
        f"sleeps, {streams}": round(statistics.median(sleeps), 2),
    }


def _round(served: Served, streams: int, rate: float, seconds: float) -> Spent:
    count = round(rate * seconds)
    before, slept = _used(served), _sleeps(served)
    if served.is_socket:
        asyncio.run(paced_bytes(served.service.target, streams, count, rate))
    else:
        asyncio.run(paced(served.service.target, streams, count, rate, policy=served.policy))
    messages = count * streams
    return Spent((_used(served) - before) * 1e6 / messages, (_sleeps(served) - slept) / messages)


def _used(served: Served) -> float:
    """Processor time; of a service with models, that of its event loop alone."""
    used = served.service.cpu()
    assert used is not None
    return used.event_loop if served.policy == GUARDED else used.total


def _sleeps(served: Served) -> int:
    """How often threads waited: of a service with models, that of its event loop alone."""
    process = Path(f"/proc/{served.service.pid}")
    files = [process / "status"] if served.policy == GUARDED else [*process.glob("task/*/status")]
    lines = [line for each in files for line in each.read_text(encoding="ascii").splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


# -- servers ----------------------------------------------------------------------------------------------------------


def _started(stack: ExitStack) -> Iterator[Served]:
    for every in (1, EVERY):
        for kind in SERVERS:
            yield Served(kind, str(every), stack.enter_context(echoing(kind, every)))
    documents = {
        PASS_THROUGH: pass_through_policy(_HOLD_MS),
        _SCANNED: guarded_policy(_HOLD_MS, Profile.PATTERNS) | {"metadata": {"name": _SCANNED, "version": "1"}},
        GUARDED: guarded_policy(_HOLD_MS),
    }
    service = stack.enter_context(serving(documents, **_SETTINGS))
    yield Served("service, a word", "1", service, PASS_THROUGH)
    yield Served("service, scanners", "as text is cleared", service, _SCANNED)
    yield Served("service, models too: its event loop", "as text is cleared", service, GUARDED)


@contextmanager
def echoing(kind: str, every: int) -> Iterator[Service]:
    """A server that only answers, as its own process."""
    command = [sys.executable, "-m", "benchmarks.floor.echoes", kind, str(every)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Service(process.stdout.readline().strip(), process.pid)
        finally:
            process.kill()


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.floor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="of each server and load in a round")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median counts")
    parser.add_argument("--streams", type=_numbers, default=[*STREAMS], help="at a time (default: 8,64)", metavar="N,N")
    parser.add_argument("--rate", type=float, default=RATE, help="messages a second of each stream")
    return parser.parse_args()


if __name__ == "__main__":
    main()
