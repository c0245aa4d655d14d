"""The idempotent producer, on librdkafka's mock cluster, as the embedded broker knows no producer ids."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from sidecar.outbox.audit import Audit
from sidecar.outbox.encode import decode
from sidecar.outbox.memory import MemoryOutbox
from sidecar.outbox.publisher import make_publisher
from sidecar.outbox.reader import Read
from sidecar.outbox.settings import EventSettings, KafkaSettings
from tests.integration.broker import read_all
from tests.outbox.samples import a_fault


@pytest.fixture
def kafka() -> Iterator[KafkaSettings]:
    """A mock cluster of three brokers, with Tidegate's topics; it lives as long as its producer."""
    owner = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": "3", "log_level": 0})
    addresses = [f"{each.host}:{each.port}" for each in owner.list_topics(timeout=10).brokers.values()]
    settings = KafkaSettings(bootstrap_servers=",".join(addresses), idempotence=True, request_timeout_ms=5000)
    for topic in settings.topics.names:
        owner.list_topics(topic, timeout=10)  # which makes it, in a mock cluster
    yield settings
    owner.flush(1)


async def test_idempotent_producer_publishes_all_in_order(kafka: KafkaSettings):
    outbox = MemoryOutbox()
    await outbox.start()
    publisher = make_publisher(outbox, EventSettings(linger_ms=0, batch_events=100), kafka)
    assert publisher is not None
    await publisher.start()
    await outbox.put([a_fault(what=f"part-{number}") for number in range(500)])
    async with asyncio.timeout(30):
        while publisher.stats().published < 500:
            assert publisher.stats().error == ""
            await asyncio.sleep(0.01)
    await publisher.stop()
    audit = Audit()
    for record in await read_all(kafka.bootstrap_servers, kafka.topics.names):
        audit.add(Read("", decode(record.headers, record.value).data))
    report = audit.report()
    assert report.is_fine
    assert (report.events, report.producers[0].repeats) == (500, 0)
