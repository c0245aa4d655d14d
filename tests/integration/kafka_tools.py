"""What tests of Apache Kafka itself share: topics of a test's own, events, another library's clients, a judge."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from click.testing import CliRunner, Result
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from msgspec.structs import replace

from sidecar.cli.events import events as events_command
from sidecar.outbox.builders import StreamInfo
from sidecar.outbox.event import Event, Kind
from sidecar.outbox.outbox import Outbox
from sidecar.outbox.publisher import Publisher
from sidecar.outbox.publishing import make_publisher
from sidecar.outbox.settings import EventSettings, KafkaSettings, Topics
from sidecar.outbox.topics import TopicPlan, create_topics
from tests.integration.kafka_cluster import KafkaCluster
from tests.outbox.samples import INFO, a_fault, a_stream_decision, a_violation

EVENTS = EventSettings(linger_ms=1, max_backoff_ms=200, batch_events=50)


def own_topics() -> Topics:
    """Names that no other test has."""
    name = uuid4().hex[:10]
    return Topics(**{kind: f"{name}.{kind}" for kind in Topics.model_fields})


def settings_of(cluster: KafkaCluster, topics: Topics | None = None, **values: Any) -> KafkaSettings:
    return KafkaSettings.model_validate(
        {"bootstrap_servers": cluster.address, "request_timeout_ms": 3000, "topics": topics or own_topics()} | values
    )


async def with_topics(kafka: KafkaSettings, *, partitions: int = 3, **configs: str) -> KafkaSettings:
    """Make the topics; the same settings."""
    names = {name.replace("_", "."): value for name, value in configs.items()}
    await create_topics(kafka, TopicPlan(partitions=partitions, configs=names))
    return kafka


@asynccontextmanager
async def publishing(outbox: Outbox, kafka: KafkaSettings, events: EventSettings = EVENTS) -> AsyncIterator[Publisher]:
    await outbox.start()
    publisher = make_publisher(outbox, events, kafka)
    assert publisher is not None
    await publisher.start()
    try:
        yield publisher
    finally:
        await publisher.stop()
        await outbox.stop()


async def until(condition: Callable[[], Any], *, timeout_s: float = 60) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)


def sessions(count: int, of: int) -> Iterator[Event]:
    """Events of several sessions and all kinds, taking turns."""
    for number in range(count):
        info: StreamInfo = replace(INFO, session_id=f"session-{number % of}", stream_id=f"stream-{number}")
        yield [a_violation, a_stream_decision, a_fault][number % 3](info)


def of_kind(kind: Kind, session: str = "session-1") -> Event:
    make = {Kind.VIOLATION: a_violation, Kind.DECISION: a_stream_decision, Kind.FAULT: a_fault}[kind]
    return make(replace(INFO, session_id=session))


def large(size: int, session: str = "session-1") -> Event:
    """An event of about so many bytes, as a caller with many large labels makes."""
    labels = {f"label-{number}": "x" * 256 for number in range(max(1, size // 270))}
    return a_violation(replace(INFO, session_id=session, labels=labels))


# --- Another library --------------------------------------------------------------------------------------------------


class Judged:
    """What a consumer of another library found: how many events, repeats, missing numbers, and events out of order."""

    def __init__(self) -> None:
        self.records: list[Any] = []
        self.ids: dict[str, set[tuple[str, int]]] = {}
        self.numbers: dict[str, set[int]] = {}
        self.repeats = 0
        self.disordered = 0
        self._latest: dict[tuple[str, int, str], int] = {}

    def add(self, record: Any) -> None:
        headers = {name: value.decode() for name, value in record.headers()}
        source, number, event = headers["ce_source"], int(headers["ce_sequence"]), headers["ce_id"]
        self.records.append(record)
        if number in self.numbers.setdefault(source, set()):
            self.repeats += 1
            return
        self.numbers[source].add(number)
        self.ids.setdefault(event, set()).add((source, number))
        place = (record.topic(), record.partition(), record.key().decode() + source)
        self.disordered += number < self._latest.get(place, 0)
        self._latest[place] = max(number, self._latest.get(place, 0))

    @property
    def events(self) -> int:
        return len(self.ids)

    @property
    def missing(self) -> int:
        return sum(max(numbers) - len(numbers) for numbers in self.numbers.values())


def judge(address: str, topics: Sequence[str], *, config: Mapping[str, str] | None = None) -> Judged:
    """Read topics with librdkafka, and prove completeness by `ce_sequence`."""
    consumer = Consumer(
        {"bootstrap.servers": address, "group.id": uuid4().hex, "auto.offset.reset": "earliest", "log_level": 0}
        | dict(config or {})
    )
    judged = Judged()
    try:
        known = consumer.list_topics(timeout=10).topics
        places = [TopicPartition(topic, number, 0) for topic in topics for number in known[topic].partitions]
        bounds = {(each.topic, each.partition): consumer.get_watermark_offsets(each, timeout=10) for each in places}
        left = {place for place, (low, high) in bounds.items() if high > low}
        consumer.assign([TopicPartition(topic, number, bounds[topic, number][0]) for topic, number in left])
        while left:
            record = consumer.poll(10)
            assert record is not None, f"nothing comes of {left}"
            assert record.error() is None, record.error()
            judged.add(record)
            topic, partition = str(record.topic()), int(record.partition() or 0)
            if int(record.offset() or 0) + 1 >= bounds[topic, partition][1]:
                left.discard((topic, partition))
    finally:
        consumer.close()
    return judged


def records_of(address: str, topic: str) -> list[Any]:
    """What lies in a topic, whoever wrote it."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": uuid4().hex, "auto.offset.reset": "earliest"})
    records: list[Any] = []
    try:
        places = [
            TopicPartition(topic, number, 0)
            for number in consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ]
        count = sum(consumer.get_watermark_offsets(each, timeout=10)[1] for each in places)
        consumer.assign(places)
        while len(records) < count:
            record = consumer.poll(10)
            assert record is not None
            records.append(record)
    finally:
        consumer.close()
    return records


def administer(cluster: KafkaCluster, work: Callable[[AdminClient], Mapping[Any, Any]]) -> None:
    """Have an admin client do something, and wait until it is done."""
    admin = AdminClient({"bootstrap.servers": cluster.address, "log_level": 0})
    for future in work(admin).values():
        future.result(30)


def producer_of(cluster: KafkaCluster, **config: Any) -> Producer:
    return Producer({"bootstrap.servers": cluster.address, "log_level": 0} | config)


# --- The command line -------------------------------------------------------------------------------------------------


def environment(kafka: KafkaSettings) -> dict[str, str]:
    """The settings as environment variables."""
    values = {
        "BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "REQUEST_TIMEOUT_MS": str(kafka.request_timeout_ms),
        **{f"TOPICS__{name.upper()}": topic for name, topic in kafka.topics.model_dump().items()},
    }
    return {f"TIDEGATE_KAFKA__{name}": value for name, value in values.items()}


async def command(kafka: KafkaSettings, *arguments: str) -> Result:
    """Run `tidegate events ...`."""
    return await asyncio.to_thread(CliRunner().invoke, events_command, arguments, env=environment(kafka))


async def verified(kafka: KafkaSettings) -> Any:
    """The report of `tidegate events verify`."""
    result = await command(kafka, "verify", "--json")
    assert result.exit_code in {0, 1}, result.output
    return json.loads(result.stdout)
