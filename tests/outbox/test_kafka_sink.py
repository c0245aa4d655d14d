"""How the Kafka sink deals with a batch that fails in part, with a producer that does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from msgspec.structs import replace

from sidecar.outbox.kafka import KafkaSink
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.settings import KafkaSettings
from sidecar.outbox.sinks import SinkError
from tests.outbox.samples import INFO, NOW, a_fault, numbered

TOPICS = dict.fromkeys(("violations", "decisions", "faults"), "events")
SETTINGS = KafkaSettings.model_validate({"bootstrap_servers": "b:1", "compression": "none", "topics": TOPICS})


class FakeProducer:
    """Takes record batches. `failing` names the partitions that refuse them."""

    def __init__(self, failing: set[int]) -> None:
        self.failing = failing
        self.taken: list[tuple[int, int]] = []

    async def partitions_for(self, topic: str) -> set[int]:
        return {0, 1, 2}

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(SETTINGS.max_batch_bytes, 0)

    async def send_batch(self, builder: BatchBuilder, topic: str, *, partition: int) -> asyncio.Future[None]:
        delivery: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if partition in self.failing:
            delivery.set_exception(KafkaError("refused"))
        else:
            self.taken.append((partition, builder.record_count()))
            delivery.set_result(None)
        return delivery


class FakeSink(KafkaSink):
    """The sink, connected to a fake."""

    def __init__(self, producer: FakeProducer, settings: KafkaSettings = SETTINGS) -> None:
        super().__init__(settings, now=lambda: NOW)
        self.fake = producer

    async def _connect(self) -> Any:
        return self.fake

    async def _require_topics(self, producer: object, messages: Sequence[object]) -> None:
        """They are there."""


def batch(count: int) -> list[Numbered]:
    """Events of as many sessions."""
    return [numbered(a_fault(replace(INFO, session_id=f"s-{each}")), each + 1) for each in range(count)]


async def test_what_was_acknowledged_is_not_sent_again_with_the_rest():
    producer = FakeProducer(failing={1})
    sink = FakeSink(producer)
    with pytest.raises(SinkError, match="refused"):
        await sink.publish(batch(30))
    first, producer.taken, producer.failing = producer.taken, [], set()
    await sink.publish(batch(30))
    assert {partition for partition, _ in first} == {0, 2}
    assert {partition for partition, _ in producer.taken} == {1}
    assert sum(count for _, count in first + producer.taken) == 30


async def test_next_batch_is_sent_whole():
    producer = FakeProducer(failing=set())
    sink = FakeSink(producer)
    await sink.publish(batch(30))
    producer.taken = []
    await sink.publish(batch(30))
    assert sum(count for _, count in producer.taken) == 30


async def test_more_than_one_record_batch_for_a_partition_goes_one_after_the_other():
    producer = FakeProducer(failing=set())
    sink = FakeSink(producer)
    producer.create_batch = lambda: BatchBuilder(16_384, 0)  # type: ignore[method-assign]
    await sink.publish([numbered(a_fault(INFO), each + 1) for each in range(100)])
    assert len(producer.taken) > 1
    assert sum(count for _, count in producer.taken) == 100
    assert len({partition for partition, _ in producer.taken}) == 1


async def test_later_batch_of_a_partition_does_not_overtake_a_failed_one():
    producer = FakeProducer(failing={0, 1, 2})
    sink = FakeSink(producer)
    producer.create_batch = lambda: BatchBuilder(16_384, 0)  # type: ignore[method-assign]
    with pytest.raises(SinkError):
        await sink.publish([numbered(a_fault(INFO), each + 1) for each in range(100)])
    assert producer.taken == []
