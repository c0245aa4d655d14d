"""Three brokers of Apache Kafka, some of which are away: calm, no other partition waits, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.partitioner import murmur2
from aiokafka.protocol.admin import CreateTopicsRequest
from msgspec.structs import replace

from sidecar.outbox.cluster import Cluster
from sidecar.outbox.event import Event
from sidecar.outbox.memory import MemoryOutbox
from sidecar.outbox.settings import KafkaSettings
from tests.chaos.outages import OUTAGES
from tests.chaos.run import live_through
from tests.integration.kafka_cluster import KafkaCluster
from tests.integration.kafka_tools import judge, publishing, settings_of, until, with_topics
from tests.outbox.samples import INFO, a_violation

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def spread(kafka: KafkaSettings) -> KafkaSettings:
    """Topics with one partition on each of the three brokers, without copies."""
    cluster = Cluster(kafka)
    await cluster.look_up([])
    topics: list[Any] = [
        (name, -1, -1, [(number, [number + 1]) for number in range(3)], []) for name in kafka.topics.names
    ]
    answer = await cluster.ask_controller(CreateTopicsRequest(topics, 10_000, validate_only=False))
    await cluster.close()
    assert {code for _, code, *_ in answer.topic_errors} == {0}
    return kafka


def violations(count: int, of: int = 12) -> Iterator[Event]:
    for number in range(count):
        yield a_violation(replace(INFO, session_id=f"session-{number % of}"))


@pytest.fixture
def whole(trio: KafkaCluster) -> Iterator[KafkaCluster]:
    """The three brokers, brought back after the test."""
    yield trio
    for broker in trio.brokers:
        if broker.is_running:
            broker.thaw()
        else:
            broker.start()
    asyncio.run(trio.wait_ready())


async def test_partition_without_a_leader_holds_up_no_other_and_is_looked_for_calmly(
    whole: KafkaCluster, caplog: pytest.LogCaptureFixture
):
    kafka = await spread(settings_of(whole))
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka) as publisher:
        await outbox.put(list(violations(60)))
        await until(lambda: publisher.stats().published == 60)
        whole.brokers[2].kill()
        await outbox.put(list(violations(300)))
        away = f"{kafka.topics.violations}/2"
        await until(lambda: "has no leader" in publisher.stats().failing.get(away, ""))
        caplog.clear()
        lookups, failures = publisher._sink.cluster.lookups, publisher.stats().failures  # type: ignore[attr-defined]
        healthy = await _count_of_others(kafka, outbox)
        await until(lambda: publisher.stats().published >= 60 + healthy)
        for _ in range(30):
            await outbox.put(list(violations(1, of=1)))
            await asyncio.sleep(0.1)
        assert publisher._sink.cluster.lookups - lookups <= 10  # type: ignore[attr-defined]
        assert publisher.stats().failures - failures <= 3, "what has no leader is not tried"
        assert len([record for record in caplog.records if record.levelno > logging.DEBUG]) <= 4
        whole.brokers[2].start()
        await until(lambda: outbox.events == [])
        assert publisher.stats().error == ""
    judged = await asyncio.to_thread(judge, whole.address, kafka.topics.names)
    assert (judged.events, judged.missing, judged.repeats, judged.disordered) == (390, 0, 0, 0)


async def _count_of_others(kafka: KafkaSettings, outbox: MemoryOutbox) -> int:
    """How many of the events that wait belong to partitions that work."""
    return sum((murmur2(event.key.encode()) & 0x7FFFFFFF) % 3 != 2 for event in outbox.events)


async def test_broker_that_is_frozen_holds_up_no_other_for_longer_than_a_second(whole: KafkaCluster):
    """It takes connections and says nothing: what it leads waits, the rest goes on, before any request times out."""
    kafka = await spread(settings_of(whole, request_timeout_ms=8000))
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka) as publisher:
        await outbox.put(list(violations(60)))
        await until(lambda: publisher.stats().published == 60)
        whole.brokers[2].freeze()
        await outbox.put(list(violations(2000)))
        healthy = await _count_of_others(kafka, outbox)
        await until(lambda: publisher.stats().published >= 60 + healthy)
        whole.brokers[2].thaw()
        await until(lambda: outbox.events == [])
    judged = await asyncio.to_thread(judge, whole.address, kafka.topics.names)
    assert (judged.events, judged.missing, judged.repeats, judged.disordered) == (2060, 0, 0, 0)


async def test_too_few_replicas_in_sync_are_named_and_waited_for(whole: KafkaCluster):
    kafka = await with_topics(settings_of(whole), min_insync_replicas="3")
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka) as publisher:
        await outbox.put(list(violations(30)))
        await until(lambda: publisher.stats().published == 30)
        whole.brokers[1].kill()
        await outbox.put(list(violations(30)))
        await until(lambda: any("min.insync.replicas" in why for why in publisher.stats().failing.values()))
        whole.brokers[1].start()
        await until(lambda: outbox.events == [])
    judged = await asyncio.to_thread(judge, whole.address, kafka.topics.names)
    assert (judged.events, judged.missing, judged.repeats, judged.disordered) == (60, 0, 0, 0)


@pytest.mark.parametrize("name", ["all brokers frozen", "topics deleted, made again", "partitions added", "logs cut"])
async def test_short_outage_of_make_chaos_costs_no_event(name: str, whole: KafkaCluster, tmp_path: Path):
    (outage,) = (each for each in OUTAGES if each.name == name)
    came = await live_through(whole, outage, tmp_path / "driver", seconds=2, per_second=20)
    assert (came.missing, came.repeats, came.disordered, came.lost) == (0, 0, 0, 0)
    assert came.lookups_per_second <= 20
    assert came.lines_per_second * came.seconds <= came.seconds + 2, "one a second, and one at each end"
