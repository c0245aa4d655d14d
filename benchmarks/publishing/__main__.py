"""Publish the same events to Apache Kafka by three ways of sending: `python -m benchmarks.publishing`.

The service's own sender on aiokafka's connections, aiokafka's producer, and librdkafka (confluent-kafka) with its
delivery reports brought back to the event loop. All with acks=all, idempotence and gzip; encoding is not measured.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer

from benchmarks.results import write
from sidecar.outbox.encode import Message, encode
from sidecar.outbox.kafka import KafkaSink, Place, Route
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.producer import Identity
from sidecar.outbox.settings import KafkaSettings, Topics
from sidecar.outbox.sinks import SinkError
from sidecar.outbox.topics import TopicPlan, create_topics
from tests.integration.kafka_cluster import KafkaCluster, kafka_libs
from tests.integration.kafka_tools import sessions

_PARTITIONS = 6
_BATCH = 500
_REPEATS = 3


def main() -> None:
    """Measure the three ways."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.publishing", description=__doc__)
    parser.add_argument("--events", type=int, default=30_000, help="how many events each way sends (default: 30000)")
    arguments = parser.parse_args()
    libs = kafka_libs()
    if libs is None:
        raise SystemExit("error: Apache Kafka is missing (make kafka)")
    with tempfile.TemporaryDirectory() as folder:
        cluster = KafkaCluster(Path(folder) / "kafka", libs)
        try:
            cluster.start()
            ways = asyncio.run(measure(cluster, arguments.events))
        finally:
            cluster.stop()
    print(table(ways))
    print(write("publishing", {"events": arguments.events, "ways": ways}, table(ways)))


def table(ways: Mapping[str, Mapping[str, float]]) -> str:
    """The result for a person."""
    rows = (
        f"| {name} | {way['events_per_second']:,.0f} | {way['cpu_us_per_event']:.0f} |" for name, way in ways.items()
    )
    return "\n".join(["| way | events a second | CPU time an event, us |", "| --- | --- | --- |", *rows])


async def measure(cluster: KafkaCluster, count: int) -> dict[str, dict[str, float]]:
    """Each way's best of several runs, which is the least disturbed one."""
    await cluster.wait_ready()
    events = [Numbered("tidegate-bench", number, event) for number, event in enumerate(sessions(count, of=200), 1)]
    ways: Mapping[str, Callable[..., Awaitable[Mapping[str, float]]]] = {
        "own sender": by_sink,
        "aiokafka's producer": by_aiokafka,
        "librdkafka": by_librdkafka,
    }
    found: dict[str, dict[str, float]] = {}
    for name, way in ways.items():
        runs = [await way(await settings_for(cluster), events) for _ in range(_REPEATS)]
        found[name] = {key: best(run[key] for run in runs) for key, best in _BEST.items()}
    return found


_BEST: Mapping[str, Callable[..., float]] = {"events_per_second": max, "cpu_us_per_event": min}


async def settings_for(cluster: KafkaCluster) -> KafkaSettings:
    """A topic of its own for each run."""
    topic = uuid4().hex
    topics = Topics(violations=topic, decisions=topic, faults=topic)
    kafka = KafkaSettings(bootstrap_servers=cluster.address, topics=topics)
    await create_topics(kafka, TopicPlan(partitions=_PARTITIONS, replication_factor=1))
    await asyncio.sleep(1)  # until its leaders are known
    return kafka


class _Meter:
    """Time and processor time since its making."""

    def __init__(self) -> None:
        self._began, self._cpu = time.perf_counter(), _cpu()

    def result(self, count: int) -> Mapping[str, float]:
        seconds, cpu = time.perf_counter() - self._began, _cpu() - self._cpu
        return {"events_per_second": round(count / seconds), "cpu_us_per_event": round(cpu / count * 1e6, 1)}


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def encoded(events: Sequence[Numbered]) -> list[Message]:
    """The messages; the same for all ways."""
    return [encode(each, 1_790_000_000.0) for each in events]


async def by_sink(kafka: KafkaSettings, events: Sequence[Numbered]) -> Mapping[str, float]:
    """As the publisher calls it. Its encoding is taken out, as it is not part of the others."""
    sink = KafkaSink(kafka)
    messages = {message.sequence: message for message in encoded(events)}
    sink._encode = lambda numbered, published: messages[numbered.sequence]  # type: ignore[method-assign]
    await sink.prepare()
    sink._identity = await _identity(sink)
    route, lanes = sink.router(), dict[Place, list[Numbered]]()
    for each in events:
        lanes.setdefault(route(each.event.kind, each.event.key), []).append(each)
    meter = _Meter()
    while lanes:
        batches = {lane: queue[:_BATCH] for lane, queue in lanes.items()}
        for lane, delivery in (await sink.send(Route(1, ""), batches)).items():
            assert not delivery.error, delivery.error
            del lanes[lane][: delivery.done]
        lanes = {lane: queue for lane, queue in lanes.items() if queue}
    result = meter.result(len(events))
    await sink.stop()
    return result


async def _identity(sink: KafkaSink) -> Identity:
    """A producer id, which a cluster that has just started does not give at once."""
    while True:
        try:
            return await sink._producer.new_identity()
        except SinkError:
            await asyncio.sleep(0.2)


async def by_aiokafka(kafka: KafkaSettings, events: Sequence[Numbered]) -> Mapping[str, float]:
    """`send()` for each event, and waiting for all of a batch."""
    messages = encoded(events)
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap_servers, acks="all", enable_idempotence=True, compression_type="gzip",
        max_batch_size=kafka.max_batch_bytes, linger_ms=5,
    )  # fmt: skip
    await producer.start()
    meter = _Meter()
    for start in range(0, len(messages), _BATCH * _PARTITIONS):
        part = messages[start : start + _BATCH * _PARTITIONS]
        topic = kafka.topics.violations
        sends = [await producer.send(topic, each.value, each.key, headers=list(each.headers)) for each in part]
        await asyncio.gather(*sends)
    result = meter.result(len(messages))
    await producer.stop()
    return result


async def by_librdkafka(kafka: KafkaSettings, events: Sequence[Numbered]) -> Mapping[str, float]:
    """`produce()` for each event, its reports polled in a thread and brought to the loop."""
    messages = encoded(events)
    producer = Producer(
        {"bootstrap.servers": kafka.bootstrap_servers, "acks": "all", "enable.idempotence": True, "log_level": 0}
        | {
            "compression.type": "gzip",
            "linger.ms": 5,
            "batch.size": kafka.max_batch_bytes,
            "partitioner": "murmur2_random",
        }
    )
    loop = asyncio.get_running_loop()
    meter = _Meter()
    for start in range(0, len(messages), _BATCH * _PARTITIONS):
        await _produce(producer, kafka.topics.violations, messages[start : start + _BATCH * _PARTITIONS], loop)
    return meter.result(len(messages))


async def _produce(producer: Any, topic: str, messages: Sequence[Message], loop: asyncio.AbstractEventLoop) -> None:
    """Send a part and return when each message has its report."""
    reports: list[asyncio.Future[None]] = []
    for message in messages:
        report: asyncio.Future[None] = loop.create_future()
        reports.append(report)

        def deliver(error: object, _message: object, report: asyncio.Future[None] = report) -> None:
            assert error is None, error
            loop.call_soon_threadsafe(report.set_result, None)

        producer.produce(topic, message.value, message.key, headers=list(message.headers), on_delivery=deliver)
    await asyncio.to_thread(producer.flush)
    await asyncio.gather(*reports)


if __name__ == "__main__":
    main()
