"""What may happen to a cluster of three brokers, and how it is mended."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import TopicPartition
from confluent_kafka.admin import NewPartitions  # type: ignore[attr-defined]  # its stubs leave it out

from sidecar.outbox.settings import KafkaSettings
from sidecar.outbox.topics import TopicPlan, create_topics
from tests.integration.kafka_cluster import KafkaCluster
from tests.integration.kafka_tools import administer

Step = Callable[[KafkaCluster, KafkaSettings], Awaitable[None]]


class Outage(NamedTuple):
    """One of them. `replicas` and `in_sync` are the topics'; `forgets` says that what was published before is gone."""

    name: str
    begin: Step
    end: Step
    replicas: int = 3
    in_sync: int = 1
    forgets: bool = False


async def _restart(cluster: KafkaCluster, _kafka: KafkaSettings) -> None:
    for broker in cluster.brokers:
        if not broker.is_running:
            broker.start()
    await cluster.wait_ready()


async def _thaw(cluster: KafkaCluster, _kafka: KafkaSettings) -> None:
    for broker in cluster.brokers:
        broker.thaw()


async def _nothing(_cluster: KafkaCluster, _kafka: KafkaSettings) -> None:
    """It was over when it had begun."""


async def _stop_one(cluster: KafkaCluster, _kafka: KafkaSettings) -> None:
    await asyncio.to_thread(cluster.brokers[0].stop)


async def _kill_one(cluster: KafkaCluster, _kafka: KafkaSettings) -> None:
    cluster.brokers[1].kill()


async def _kill_all(cluster: KafkaCluster, _kafka: KafkaSettings) -> None:
    for broker in cluster.brokers:
        broker.kill()


async def _freeze_one(cluster: KafkaCluster, _kafka: KafkaSettings) -> None:
    cluster.brokers[2].freeze()


async def _freeze_all(cluster: KafkaCluster, _kafka: KafkaSettings) -> None:
    for broker in cluster.brokers:
        broker.freeze()


async def _roll(cluster: KafkaCluster, _kafka: KafkaSettings) -> None:
    for broker in cluster.brokers:
        await asyncio.to_thread(broker.stop)
        broker.start()
        await cluster.wait_ready()


async def _delete_topics(cluster: KafkaCluster, kafka: KafkaSettings) -> None:
    await asyncio.to_thread(administer, cluster, lambda admin: admin.delete_topics(list(kafka.topics.names)))


async def make_topics(_cluster: KafkaCluster, kafka: KafkaSettings, *, replicas: int = 3, in_sync: int = 1) -> None:
    """Make the topics, however long a cluster that has just come back takes for it."""
    plan = TopicPlan(replication_factor=replicas, configs={"min.insync.replicas": str(in_sync)})
    async with asyncio.timeout(60):
        while len((await create_topics(kafka, plan)).existing) < len(kafka.topics.names):
            await asyncio.sleep(0.5)


async def _wipe(cluster: KafkaCluster, _kafka: KafkaSettings) -> None:
    await _kill_all(cluster, _kafka)
    for broker in cluster.brokers:
        await asyncio.to_thread(shutil.rmtree, Path(broker.properties["log.dirs"]))


async def _make_anew(cluster: KafkaCluster, kafka: KafkaSettings) -> None:
    for broker in cluster.brokers:
        await asyncio.to_thread(broker.format)
        broker.start()
    await cluster.wait_ready()
    await make_topics(cluster, kafka)


async def _add_partitions(cluster: KafkaCluster, kafka: KafkaSettings) -> None:
    more = [NewPartitions(name, 9) for name in kafka.topics.names]
    await asyncio.to_thread(administer, cluster, lambda admin: admin.create_partitions(more))


async def _cut_logs(cluster: KafkaCluster, kafka: KafkaSettings) -> None:
    ends = [TopicPartition(name, number, -1) for name in kafka.topics.names for number in range(6)]
    await asyncio.to_thread(administer, cluster, lambda admin: admin.delete_records(ends))


OUTAGES = (
    Outage("nothing", _nothing, _nothing),
    Outage("a broker stopped in order", _stop_one, _restart),
    Outage("a broker killed", _kill_one, _restart),
    Outage("a broker frozen", _freeze_one, _thaw),
    Outage("all brokers killed", _kill_all, _restart),
    Outage("all brokers frozen", _freeze_all, _thaw),
    Outage("partitions without a leader", _kill_one, _restart, replicas=1),
    Outage("fewer replicas than min.insync.replicas", _kill_one, _restart, in_sync=3),
    Outage("rolling restart", _roll, _nothing),
    Outage("topics deleted, made again", _delete_topics, make_topics, forgets=True),
    Outage("cluster wiped, made anew", _wipe, _make_anew, forgets=True),
    Outage("partitions added", _add_partitions, _nothing),
    Outage("logs cut", _cut_logs, _nothing, forgets=True),
)
