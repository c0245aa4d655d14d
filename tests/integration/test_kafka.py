"""Publishing to a real broker: what arrives, in which order, and what outages do to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord
from click.testing import CliRunner
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from msgspec.structs import replace

from sidecar.cli.events import events as events_command
from sidecar.outbox.audit import Audit, Report
from sidecar.outbox.builders import StreamInfo, uuid7
from sidecar.outbox.encode import decode
from sidecar.outbox.event import Event, Label, Verdict
from sidecar.outbox.kafka import MissingTopicsError
from sidecar.outbox.labels import checked, numbered_labels, send_labels
from sidecar.outbox.memory import MemoryOutbox
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.publishing import make_publisher
from sidecar.outbox.reads import CaughtUp, Read
from sidecar.outbox.settings import EventSettings, KafkaSettings, OutboxSettings, SchemaIds
from sidecar.outbox.sqlite import SqliteOutbox
from sidecar.outbox.topic_reader import read_topics
from sidecar.outbox.topics import TopicPlan, create_topics
from tests.integration.broker import Broker, free_port, proxied, read_all
from tests.integration.kafka_tools import own_topics, publishing
from tests.outbox.samples import INFO, NOW, a_fault, a_stream_decision, a_violation

pytestmark = pytest.mark.broker

EVENTS = EventSettings(linger_ms=1, max_backoff_ms=100, batch_events=50)
PLAN = TopicPlan(partitions=3, replication_factor=1)


@pytest.fixture
async def kafka(broker: Broker) -> KafkaSettings:
    """Settings for the broker, with topics of this test's own, which are not there yet."""
    await broker.wait_ready()
    return KafkaSettings(
        bootstrap_servers=broker.address, idempotence=False, request_timeout_ms=1000, topics=own_topics()
    )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def sessions(count: int, of: int) -> Iterator[Event]:
    """Events of several sessions, taking turns."""
    for number in range(count):
        info: StreamInfo = replace(INFO, session_id=f"session-{number % of}", stream_id=f"stream-{number}")
        yield [a_violation, a_stream_decision, a_fault][number % 3](info)


def audited(records: Sequence[ConsumerRecord]) -> Report:
    audit = Audit()
    for record in records:
        audit.add(Read("", decode(record.headers, record.value).data))
    return audit.report()


async def test_every_event_arrives_in_its_topic_by_its_session_and_in_order(kafka: KafkaSettings, broker: Broker):
    await create_topics(kafka, PLAN)
    outbox, sent = MemoryOutbox(), list(sessions(300, of=7))
    async with publishing(outbox, kafka, EVENTS) as publisher:
        await outbox.put(sent)
        await until(lambda: publisher.stats().published == 300)
    records = await read_all(broker.address, kafka.topics.names)
    by_id = {event.id: event for event in sent}
    assert {decode(record.headers, record.value).data.ids.event for record in records} == by_id.keys()
    for record in records:
        event = by_id[dict(record.headers)["ce_id"].decode()]
        assert record.topic == kafka.topics.of(event.kind)
        assert record.key.decode() == event.key
    report = audited(records)
    assert report.is_fine
    assert (report.events, report.producers[0].first, report.producers[0].last) == (300, 1, 300)
    assert len({record.partition for record in records}) > 1
    assert outbox.events == []


async def test_cloudevents_sdk_reads_what_arrived(kafka: KafkaSettings, broker: Broker):
    await create_topics(kafka, PLAN)
    outbox, event = MemoryOutbox(), a_violation()
    async with publishing(outbox, kafka, EVENTS) as publisher:
        await outbox.put([event])
        await until(lambda: publisher.stats().published == 1)
    (record,) = await read_all(broker.address, kafka.topics.names)
    message = KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value)
    read = from_binary(message, JSONFormat(), CloudEvent)
    assert (read.get_id(), read.get_type()) == (event.id, "dev.tidegate.violation.v1")
    assert read.get_data() == json.loads(record.value)


@pytest.mark.parametrize("compression", ["none", "gzip", "lz4", "zstd"])
@pytest.mark.parametrize("form", ["json", "protobuf"])
async def test_every_compression_and_format_arrives(compression: Any, form: Any, kafka: KafkaSettings, broker: Broker):
    kafka = kafka.model_copy(update={"compression": compression})
    await create_topics(kafka, PLAN)
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka, EVENTS.model_copy(update={"format": form})) as publisher:
        await outbox.put(list(sessions(30, of=3)))
        await until(lambda: publisher.stats().published == 30)
    assert audited(await read_all(broker.address, kafka.topics.names)).events == 30


async def test_missing_topics_are_named_not_made_and_the_events_wait(kafka: KafkaSettings, broker: Broker):
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka, EVENTS) as publisher:
        await outbox.put([a_violation()])
        await until(lambda: publisher.stats().missing_topics != ())
        assert set(publisher.stats().missing_topics) == set(kafka.topics.names)
        assert "create-topics" in publisher.stats().error
        made = await create_topics(kafka, PLAN)
        assert made.created == kafka.topics.all_names, "trying to publish made none"
        await until(lambda: publisher.stats().published == 1)
    assert publisher.stats().missing_topics == ()
    assert len(await read_all(broker.address, kafka.topics.names)) == 1


async def test_broker_that_is_not_there_yet_is_waited_for(kafka: KafkaSettings, broker: Broker):
    await create_topics(kafka, PLAN)
    port = free_port()
    outbox, through = MemoryOutbox(), kafka.model_copy(update={"bootstrap_servers": f"127.0.0.1:{port}"})
    async with publishing(outbox, through, EVENTS) as publisher:
        await outbox.put([a_violation()])
        await until(lambda: publisher.stats().failures >= 2)
        async with proxied(broker.address, port=port):
            await until(lambda: publisher.stats().published == 1)
    assert len(await read_all(broker.address, kafka.topics.names)) == 1


@pytest.mark.slow
async def test_frozen_broker_delays_events_and_loses_none(kafka: KafkaSettings, broker: Broker, tmp_path: Path):
    await create_topics(kafka, PLAN)
    outbox = SqliteOutbox(OutboxSettings(path=tmp_path / "o.db", durability="normal"))
    async with publishing(outbox, kafka, EVENTS) as publisher:
        await outbox.put(list(sessions(40, of=4)))
        await until(lambda: publisher.stats().published > 0)
        broker.freeze()
        try:
            for event in sessions(200, of=4):
                await outbox.put([event])
            await until(lambda: publisher.stats().failures >= 2)
            assert outbox.stats().waiting_events >= 200
        finally:
            broker.thaw()
        await until(lambda: publisher.stats().published == 240)
    report = audited(await read_all(broker.address, kafka.topics.names))
    assert report.is_fine
    assert (report.events, report.producers[0].last) == (240, 240)


@pytest.mark.slow
async def test_cut_connections_delay_events_and_lose_none(
    missing: Callable[[str], None], broker: Broker, tmp_path: Path, kafka: KafkaSettings
):
    """The broker tells clients the proxy's address, so that all traffic goes through it."""
    port = free_port()
    behind = Broker(broker.binary, tmp_path / "broker.log", advertised=f"127.0.0.1:{port}")
    behind.start()
    try:
        await behind.wait_ready()
        async with proxied(behind.address, port=port) as proxy:
            kafka = kafka.model_copy(update={"bootstrap_servers": proxy.address})
            await create_topics(kafka, PLAN)
            outbox = MemoryOutbox()
            async with publishing(outbox, kafka, EVENTS) as publisher:
                for part in range(4):
                    await outbox.put(list(sessions(60, of=4)))
                    await until(lambda part=part: publisher.stats().published > part * 60)  # type: ignore[misc]
                    failures = publisher.stats().failures
                    await proxy.cut()
                    await outbox.put([a_fault()])
                    await until(lambda failures=failures: publisher.stats().failures > failures)  # type: ignore[misc]
                    await proxy.mend()
                await until(lambda: publisher.stats().published == 244)
            report = audited(await read_all(proxy.address, kafka.topics.names))
    finally:
        behind.stop()
    assert report.is_fine
    assert (report.events, report.producers[0].last) == (244, 244)


async def test_broker_without_producer_ids_is_told_how_to_be_used(kafka: KafkaSettings):
    outbox, strict = MemoryOutbox(), kafka.model_copy(update={"idempotence": True})
    await create_topics(kafka, PLAN)
    async with publishing(outbox, strict, EVENTS) as publisher:
        await outbox.put([a_violation()])
        await until(lambda: publisher.stats().failures > 0)
        assert "set kafka.idempotence: false" in publisher.stats().error


@pytest.mark.slow
async def test_stopping_while_the_broker_is_frozen_is_quick_and_keeps_the_events(kafka: KafkaSettings, broker: Broker):
    await create_topics(kafka, PLAN)
    outbox = MemoryOutbox()
    await outbox.start()
    publisher = make_publisher(outbox, EVENTS, kafka)
    assert publisher is not None
    await publisher.start()
    await outbox.put([a_violation()])
    await until(lambda: publisher.stats().published == 1)
    broker.freeze()
    try:
        await outbox.put([a_violation()])
        async with asyncio.timeout(20):
            await publisher.stop(grace_s=0.1)
    finally:
        broker.thaw()
    assert len(outbox.events) == 1


async def test_commands_make_topics_read_them_and_prove_them_complete(kafka: KafkaSettings, broker: Broker):
    environment = {
        f"TIDEGATE_KAFKA__TOPICS__{name.upper()}": topic for name, topic in kafka.topics.model_dump().items()
    }
    environment["TIDEGATE_KAFKA__BOOTSTRAP_SERVERS"] = broker.address

    def command(*arguments: str) -> Any:
        result = CliRunner().invoke(events_command, arguments, env=environment)
        assert result.exit_code == 0, result.output
        return result.stdout

    async def in_thread(*arguments: str) -> Any:
        return await asyncio.to_thread(command, *arguments)

    made = json.loads(await in_thread("create-topics", "--partitions", "3", "--json"))
    assert made == {"created": list(kafka.topics.all_names), "existing": []}
    made = json.loads(await in_thread("create-topics", "--json"))
    assert made == {"created": [], "existing": list(kafka.topics.all_names)}
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka, EVENTS) as publisher:
        await outbox.put(list(sessions(30, of=3)))
        await until(lambda: publisher.stats().published == 30)
    report = json.loads(await in_thread("verify", "--json"))
    assert (report["is_fine"], report["events"]) == (True, 30)
    rows = (await in_thread("tail", "--kind", "violation", "--last", "100", "--json")).splitlines()
    assert sorted(json.loads(row)["ids"]["sequence"] for row in rows) == list(range(1, 31, 3))
    assert len((await in_thread("tail", "--last", "4")).splitlines()) == 4
    assert json.loads(await in_thread("stats", "--json", "--topic", kafka.topics.faults))["kind"] == {"fault": 10}


@pytest.mark.parametrize("form", ["json", "protobuf"])
async def test_who_follows_framed_events_is_told_when_all_is_read_and_gets_what_comes(
    form: Any, kafka: KafkaSettings, broker: Broker
):
    ids = SchemaIds(violation=7, decision=8, fault=9)
    kafka = kafka.model_copy(update={"schema_ids": ids})
    await create_topics(kafka, PLAN)
    outbox = MemoryOutbox()
    events = EVENTS.model_copy(update={"format": form})
    async with publishing(outbox, kafka, events) as publisher:
        await outbox.put(list(sessions(30, of=3)))
        await until(lambda: publisher.stats().published == 30)
        reads = read_topics(kafka, kafka.topics.names, follow=True)
        seen: list[Read] = []
        async for each in reads:
            if isinstance(each, CaughtUp):
                break
            if isinstance(each, Read):
                seen.append(each)
        assert sorted(read.data.ids.sequence for read in seen if read.data) == list(range(1, 31))
        await outbox.put([a_violation()])
        async for each in reads:
            assert isinstance(each, Read)
            assert each.data is not None
            assert each.data.ids.sequence == 31
            break
        await reads.aclose()  # type: ignore[attr-defined] # it is a generator
    (first, *_) = await read_all(broker.address, (kafka.topics.violations,))
    assert first.value is not None
    assert first.value.startswith(b"\0\0\0\0\x07")


@pytest.mark.parametrize("form", ["json", "protobuf"])
async def test_labels_are_produced_to_their_topic_and_read_from_it(form: Any, kafka: KafkaSettings, broker: Broker):
    with pytest.raises(MissingTopicsError, match=kafka.topics.labels):
        await send_labels(a_hundred_labels(), kafka, form=form)
    await create_topics(kafka, PLAN)
    labels = a_hundred_labels()
    await send_labels(labels, kafka, form=form)
    read = [each async for each in read_topics(kafka, [kafka.topics.labels]) if isinstance(each, Read)]
    assert {each.data.ids.event for each in read if each.data} == {each.event.id for each in labels}
    assert {each.data.verdict for each in read if isinstance(each.data, Label)} == {Verdict.TRUE_POSITIVE}
    assert len({each.lane for each in read}) > 1, "they are spread by the event that they are about"
    audit = Audit()
    for each in read:
        audit.add(each)
    assert audit.report().is_fine


def a_hundred_labels() -> list[Numbered]:
    rows = [checked({"event": uuid7(NOW + number), "verdict": "true_positive"}) for number in range(100)]
    return numbered_labels(rows, by="ann", now=NOW)


async def test_the_command_produces_labels_with_the_settings_at_hand(kafka: KafkaSettings, broker: Broker):
    await create_topics(kafka, PLAN)
    names = kafka.topics.model_dump().items()
    environment = {f"TIDEGATE_KAFKA__TOPICS__{kind.upper()}": name for kind, name in names}
    environment |= {"TIDEGATE_KAFKA__IDEMPOTENCE": "false", "TIDEGATE_KAFKA__BOOTSTRAP_SERVERS": broker.address}
    arguments = ["label", uuid7(NOW), "--verdict", "false_positive", "--by", "ann"]
    done = await asyncio.to_thread(CliRunner().invoke, events_command, arguments, env=environment)
    assert (done.exit_code, done.stderr) == (0, f"1 label written to {kafka.topics.labels}\n")
    (record,) = await read_all(broker.address, [kafka.topics.labels])
    assert dict(record.headers)["ce_type"] == b"dev.tidegate.label.v1"
