"""What it costs and spares that the blocking client reads its caller's iterator ahead, both ways in one run.

    python -m benchmarks.read_ahead [--seconds S] [--rounds N] [--streams N,N] [--rate R]

As many streams at a time as threads, each with so many tokens a second, as **single** ones or in **clumps** of five,
go through `tidegate.Client`, with `read_ahead` and without: to a server that only answers each message (the own HTTP/2
of `benchmarks.floor`), and to the service with every scanner. In turns, in several rounds; of the rounds the median
counts. For a token: how many messages were made of it, and what processor time this process (client and source) and the
server took. Where each message is answered, also how long after the last token an answer came, the median of all.

How busy the machine is decides what there is to be joined; the result says how many processes wanted to run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain, cycle, islice, product
from typing import Any, Final, NamedTuple, cast

import grpc

from benchmarks.floor.__main__ import echoing
from benchmarks.floor.echoes import TOKENS
from benchmarks.results import table, write
from tidegate import Client
from workbench.bench.policies import guarded_policy
from workbench.bench.server import Service, serving
from workbench.capacity.profiles import Profile

STREAMS = (1, 8)
RATE = 50.0
CLUMPS: Final = {"single": 1, "clumps of five": 5}
_SCANNED = "bench-scanned"
_HOLD_MS = 60_000
_WARM_SECONDS = 0.5


class Served(NamedTuple):
    """Where the streams go."""

    name: str
    service: Service
    policy: str = ""


class Way(NamedTuple):
    """What is compared."""

    served: Served
    streams: int
    clump: str
    ahead: bool

    def named(self) -> dict[str, Any]:
        """Its columns."""
        ahead = "yes" if self.ahead else "no"
        return {"server": self.served.name, "streams": self.streams, "tokens": self.clump, "read ahead": ahead}


class Spent(NamedTuple):
    """For a token, times in microseconds; the delay is that of an answer."""

    messages: float
    client: float
    server: float
    delay: float


def main() -> None:
    """Measure, print and write."""
    options = _options()
    figures = measured(options.seconds, options.rounds, options.streams, options.rate)
    report = markdown(figures)
    print(report)
    print(write("read_ahead", {"read_ahead": figures}, report))


def measured(seconds: float, rounds: int, loads: Sequence[int] = STREAMS, rate: float = RATE) -> list[dict[str, Any]]:
    """A row for each server, kind of source and way."""
    with ExitStack() as stack:
        echo = Served("answers only", stack.enter_context(echoing("own-http2", 1)))
        policy = guarded_policy(_HOLD_MS, Profile.PATTERNS) | {"metadata": {"name": _SCANNED, "version": "1"}}
        service = Served("the service", stack.enter_context(serving({_SCANNED: policy})), _SCANNED)
        ways = [Way(*each) for each in product((echo, service), loads, CLUMPS, (False, True))]
        for way in ways:
            _round(way, rate, _WARM_SECONDS)
        busy: list[float] = []
        taken: list[list[Spent]] = [[] for _ in ways]
        for _ in range(rounds):
            for way, spent in zip(ways, taken, strict=True):
                spent.append(_round(way, rate, seconds))
            busy.append(os.getloadavg()[0])
    load = f"{min(busy):.1f} to {max(busy):.1f}"
    return [way.named() | _columns(spent) | {"load": load} for way, spent in zip(ways, taken, strict=True)]


def markdown(figures: Sequence[dict[str, Any]]) -> str:
    """The rows as a table."""
    return "\n\n".join(
        [
            "Messages and processor time of client and server for a token, median and range of the rounds; how long"
            " after the last token an answer came; the machine's load average between the rounds.",
            table([*figures[0]], [[*each.values()] for each in figures]),
        ]
    )


def _columns(spent: Sequence[Spent]) -> dict[str, Any]:
    messages, client, server, delay = zip(*spent, strict=True)
    return {
        "messages": round(statistics.median(messages), 2),
        "client, us": _ranged(client),
        "server, us": _ranged(server),
        "delay, us": round(statistics.median(delay)),
    }


def _ranged(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.0f} ({min(values):.0f} to {max(values):.0f})"


def _round(way: Way, rate: float, seconds: float) -> Spent:
    served, streams, clump, ahead = way
    channel = _Counted(served.service.target)
    sources = [_Paced(number / streams, rate, seconds, CLUMPS[clump]) for number in range(streams)]
    with (
        Client(channel=cast("grpc.Channel", channel), read_ahead=ahead) as client,
        ThreadPoolExecutor(streams) as threads,
    ):
        server, own = _used(served), time.process_time()
        delays = [*threads.map(lambda each: _delays(client, each, served.policy), sources)]
        own, server = time.process_time() - own, _used(served) - server
    tokens = sum(each.count for each in sources)
    return Spent(
        (channel.messages - streams) / tokens,
        own * 1e6 / tokens,
        server * 1e6 / tokens,
        statistics.median(chain.from_iterable(delays)) * 1e6,
    )


def _delays(client: Client, source: _Paced, policy: str) -> list[float]:
    """How long after the source's last token each answer came, in seconds."""
    return [time.monotonic() - source.gave for _ in client.stream(iter(source), policy=policy)]


def _used(served: Served) -> float:
    used = served.service.cpu()
    assert used is not None
    return used.total


class _Paced:
    """Tokens at their times, so many at once."""

    def __init__(self, turn: float, rate: float, seconds: float, clump: int) -> None:
        self._turn = turn
        self._rate = rate
        self._clump = clump
        self.count = round(rate * seconds) // clump * clump
        self.gave = 0.0
        """When the last one was."""

    def __iter__(self) -> Iterator[str]:
        begin = time.monotonic() + self._turn / self._rate * self._clump
        for index, token in enumerate(islice(cycle(TOKENS), self.count)):
            if index % self._clump == 0:
                time.sleep(max(0.0, begin + index / self._rate - time.monotonic()))
            self.gave = time.monotonic()
            yield token


class _Counted:
    """As much of a channel as the client uses; counts the messages of its streams."""

    def __init__(self, target: str) -> None:
        self._channel = grpc.insecure_channel(target)
        self._counts: list[int] = []
        self.unary_unary = self._channel.unary_unary
        self.close = self._channel.close

    @property
    def messages(self) -> int:
        """Of all streams that are over, their starts too."""
        return sum(self._counts)

    def stream_stream(self, method: str) -> Callable[..., Any]:
        """How to open a stream."""
        stream: Any = self._channel.stream_stream(method)
        return lambda messages, **options: stream(self._counted(messages), **options)

    def _counted(self, messages: Iterator[bytes]) -> Iterator[bytes]:
        count = 0
        try:
            for message in messages:
                count += 1
                yield message
        finally:
            self._counts.append(count)


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.read_ahead",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="of each way in a round")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median counts")
    parser.add_argument("--streams", type=_numbers, default=[*STREAMS], help="at a time (default: 1,8)", metavar="N,N")
    parser.add_argument("--rate", type=float, default=RATE, help="tokens a second of each stream")
    return parser.parse_args()


if __name__ == "__main__":
    main()
