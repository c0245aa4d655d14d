"""The idempotent producer, on librdkafka's mock cluster, as the embedded broker knows no producer ids."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from sidecar.outbox.audit import Audit, Report
from sidecar.outbox.encode import decode
from sidecar.outbox.memory import MemoryOutbox
from sidecar.outbox.publisher import Publisher
from sidecar.outbox.publishing import make_publisher
from sidecar.outbox.reads import Read
from sidecar.outbox.settings import EventSettings, KafkaSettings, Topics
from tests.integration.broker import read_all
from tests.outbox.samples import a_fault

pytestmark = pytest.mark.slow

CLUSTER = """
import sys
from confluent_kafka import Producer

owner = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": "3", "log_level": 0})
brokers = owner.list_topics(timeout=10).brokers.values()
for topic in sys.argv[1:]:
    owner.list_topics(topic, timeout=10)  # which makes it, in a mock cluster
print(",".join(f"{each.host}:{each.port}" for each in brokers), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def cluster() -> Iterator[subprocess.Popen[str]]:
    """A mock cluster of three brokers, with Tidegate's topics, in a process that can be frozen."""
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER, *Topics().names], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


@pytest.fixture
def kafka(cluster: subprocess.Popen[str]) -> KafkaSettings:
    assert cluster.stdout is not None
    addresses = cluster.stdout.readline().strip()
    return KafkaSettings(bootstrap_servers=addresses, idempotence=True, request_timeout_ms=1000)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def publisher_of(outbox: MemoryOutbox, kafka: KafkaSettings) -> Publisher:
    await outbox.start()
    publisher = make_publisher(outbox, EventSettings(linger_ms=0, batch_events=100, max_backoff_ms=100), kafka)
    assert publisher is not None
    await publisher.start()
    return publisher


async def audited(kafka: KafkaSettings) -> Report:
    audit = Audit()
    for record in await read_all(kafka.bootstrap_servers, kafka.topics.names):
        audit.add(Read("", decode(record.headers, record.value).data))
    return audit.report()


async def test_idempotent_producer_publishes_all_in_order(kafka: KafkaSettings):
    outbox = MemoryOutbox()
    publisher = await publisher_of(outbox, kafka)
    await outbox.put([a_fault(what=f"part-{number}") for number in range(500)])
    await until(lambda: publisher.stats().published == 500)
    await publisher.stop()
    report = await audited(kafka)
    assert report.is_fine
    assert report.events == 500


async def test_cluster_that_does_not_answer_is_noticed_and_nothing_is_lost(
    kafka: KafkaSettings, cluster: subprocess.Popen[str]
):
    """An idempotent producer tries for ever by itself; the publisher says that it fails."""
    outbox = MemoryOutbox()
    publisher = await publisher_of(outbox, kafka)
    await outbox.put([a_fault(what="before")])
    await until(lambda: publisher.stats().published == 1)
    cluster.send_signal(signal.SIGSTOP)
    await outbox.put([a_fault(what=f"part-{number}") for number in range(200)])
    await until(lambda: publisher.stats().error != "")
    cluster.send_signal(signal.SIGCONT)
    await until(lambda: publisher.stats().published == 201)
    await publisher.stop()
    report = await audited(kafka)
    assert report.is_fine
    assert report.events == 201
