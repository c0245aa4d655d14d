"""Kafka beside other sinks: a broker that does not answer holds up none of them, and has everything once it does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sidecar.outbox.encode import decode
from sidecar.outbox.publishing import Publishing
from sidecar.outbox.settings import EventSettings, KafkaSettings, OutboxSettings
from sidecar.outbox.topics import TopicPlan, create_topics
from tests.integration.broker import Broker, proxied, read_all
from tests.integration.kafka_tools import own_topics, sessions, until
from tests.outbox.receivers import Receiver, listening

pytestmark = pytest.mark.broker

SECRET = "whsec_" + "c2VjcmV0IGZvciB0ZXN0cywgbm90aGluZyBlbHNl"


async def test_broker_that_is_away_holds_up_no_other_sink(broker: Broker, tmp_path: Path):
    await broker.wait_ready()
    events = list(sessions(120, of=7))
    async with proxied(broker.address) as proxy, listening(Receiver()) as receiver:
        kafka = KafkaSettings(
            bootstrap_servers=broker.address, idempotence=False, request_timeout_ms=1000, topics=own_topics()
        )
        await create_topics(kafka, TopicPlan(partitions=3, replication_factor=1))
        await proxy.cut()
        settings = EventSettings.model_validate(
            {
                "linger_ms": 0,
                "max_backoff_ms": 50,
                "sinks": [
                    {"kafka": {"view": "ecs"}},
                    {"file": {"path": tmp_path / "all.jsonl"}},
                    {"webhook": {"url": receiver.url, "secret": SECRET, "filter": {"kinds": ["violation"]}}},
                ],
            }
        )
        away = kafka.model_copy(update={"bootstrap_servers": proxy.address})
        publishing = Publishing(OutboxSettings(path=tmp_path / "o.db", durability="normal"), settings, away)
        await publishing.start()
        for event in events:
            await publishing.outbox.put([event])
        await until(lambda: publishing.outbox.stats().owed == {"kafka": 120, "file": 0, "webhook": 0})
        assert publishing.note.startswith("kafka: failing")
        await proxy.mend()
        await until(lambda: publishing.outbox.stats().waiting_events == 0)
        await publishing.stop()
    records = await read_all(broker.address, kafka.topics.names)
    assert sorted(json.loads(record.value)["event"]["sequence"] for record in records) == list(range(1, 121))
    headers = dict(records[0].headers)
    assert headers["content-type"] == b"application/json"
    assert "ce_dataschema" not in headers
    lines = (tmp_path / "all.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [event.id for event in events]
    assert [each["id"] for each in receiver.taken] == [event.id for event in events if event.kind == "violation"]


async def test_kafka_sink_may_have_topics_of_its_own(broker: Broker, tmp_path: Path):
    await broker.wait_ready()
    kafka = KafkaSettings(bootstrap_servers=broker.address, idempotence=False, topics=own_topics())
    other = own_topics().violations
    await create_topics(kafka, TopicPlan(partitions=1, replication_factor=1))
    own = kafka.topics.model_copy(update={"violations": other})
    await create_topics(kafka.model_copy(update={"topics": own}), TopicPlan(partitions=1, replication_factor=1))
    grave = {"name": "grave", "topics": {"violations": other}, "filter": {"kinds": ["violation"]}}
    settings = EventSettings.model_validate({"linger_ms": 0, "sinks": ["kafka", {"kafka": grave}]})
    publishing = Publishing(OutboxSettings(path=tmp_path / "o.db", durability="normal"), settings, kafka)
    await publishing.start()
    await publishing.outbox.put(list(sessions(9, of=3)))
    await until(lambda: publishing.outbox.stats().waiting_events == 0)
    await publishing.stop()
    for topics, numbers in ((kafka.topics.names, range(1, 10)), ((other,), range(1, 4))):
        records = await read_all(broker.address, topics)
        assert sorted(decode(each.headers, each.value).data.ids.sequence for each in records) == list(numbers)
