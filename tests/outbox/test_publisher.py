"""The publisher: in order, deleted only after delivery, patient with a sink that fails, soon done when it stops."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from sidecar.errors import ConfigError
from sidecar.outbox.kafka import KafkaSink, MissingTopicsError
from sidecar.outbox.memory import MemoryOutbox
from sidecar.outbox.outbox import Numbered, OutboxError
from sidecar.outbox.publisher import Publisher, make_publisher, sink_name
from sidecar.outbox.settings import EventSettings, KafkaSettings
from sidecar.outbox.sinks import FileSink, SinkError, StdoutSink
from tests.outbox.samples import a_fault

SETTINGS = EventSettings(linger_ms=0, max_backoff_ms=1, batch_events=3)


class ListSink:
    """Takes events into a list, or raises what it is told to, once each."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.batches: list[list[int]] = []
        self.tries = 0
        self.tried = asyncio.Condition()
        self.is_stopped = False

    async def publish(self, batch: Sequence[Numbered]) -> None:
        async with self.tried:
            self.tries += 1
            self.tried.notify_all()
        if self.errors:
            raise self.errors.pop(0)
        self.batches.append([numbered.sequence for numbered in batch])

    async def stop(self) -> None:
        self.is_stopped = True

    async def wait_tries(self, count: int) -> None:
        async with self.tried:
            await self.tried.wait_for(lambda: self.tries >= count)

    @property
    def taken(self) -> list[int]:
        return [sequence for batch in self.batches for sequence in batch]


@asynccontextmanager
async def running(outbox: MemoryOutbox, sink: ListSink) -> AsyncIterator[Publisher]:
    await outbox.start()
    publisher = Publisher(outbox, sink, SETTINGS, chance=random.Random(7))
    await publisher.start()
    try:
        yield publisher
    finally:
        await publisher.stop()


async def test_events_leave_in_order_and_are_deleted_after_that():
    outbox, sink = MemoryOutbox(), ListSink()
    async with running(outbox, sink) as publisher:
        await outbox.put([a_fault() for _ in range(7)])
    assert sink.batches == [[1, 2, 3], [4, 5, 6], [7]]
    assert outbox.events == []
    assert sink.is_stopped
    assert (publisher.stats().published, publisher.stats().batches, publisher.stats().failures) == (7, 3, 0)


async def test_what_was_waiting_before_the_start_is_published():
    outbox, sink = MemoryOutbox(), ListSink()
    await outbox.start()
    await outbox.put([a_fault()])
    async with running(outbox, sink):
        await sink.wait_tries(1)
    assert sink.taken == [1]


async def test_failing_sink_gets_the_same_events_again_and_none_later_before_them():
    outbox, sink = MemoryOutbox(), ListSink(SinkError("down"), SinkError("down"), ValueError("a bug"))
    async with running(outbox, sink) as publisher:
        await outbox.put([a_fault() for _ in range(5)])
        await sink.wait_tries(5)
    assert sink.batches == [[1, 2, 3], [4, 5]]
    assert publisher.stats().failures == 3
    assert publisher.stats().error == ""


async def test_stats_say_why_it_fails_and_name_missing_topics():
    outbox, sink = MemoryOutbox(), ListSink(*(MissingTopicsError(["tidegate.faults"]) for _ in range(1000)))
    async with running(outbox, sink) as publisher:
        await outbox.put([a_fault()])
        await sink.wait_tries(2)
        assert publisher.stats().missing_topics == ("tidegate.faults",)
        assert "create-topics" in publisher.stats().error
    assert len(outbox.events) == 1


async def test_unexpected_error_is_named_without_its_words():
    outbox, sink = MemoryOutbox(), ListSink(*(ValueError("secret words") for _ in range(1000)))
    async with running(outbox, sink) as publisher:
        await outbox.put([a_fault()])
        await sink.wait_tries(2)
        assert publisher.stats().error == "unexpected ValueError"


async def test_stopping_gives_up_on_a_sink_that_fails_and_keeps_the_events():
    outbox, sink = MemoryOutbox(), ListSink(*(SinkError("down") for _ in range(1000)))
    async with running(outbox, sink):
        await outbox.put([a_fault()])
        await sink.wait_tries(1)
    assert sink.taken == []
    assert len(outbox.events) == 1


async def test_stopping_does_not_wait_for_a_sink_that_hangs():
    class HangingSink(ListSink):
        async def publish(self, batch: Sequence[Numbered]) -> None:
            await super().publish(batch)
            await asyncio.Event().wait()

    outbox, sink = MemoryOutbox(), HangingSink()
    await outbox.start()
    publisher = Publisher(outbox, sink, SETTINGS)
    await publisher.start()
    await outbox.put([a_fault()])
    await sink.wait_tries(1)
    await publisher.stop(grace_s=0.01)
    assert sink.is_stopped
    assert len(outbox.events) == 1


async def test_outbox_that_cannot_be_read_is_tried_again():
    class FlakyOutbox(MemoryOutbox):
        fails = 2

        async def claim(self, limit: int) -> list[Numbered]:
            if self.fails:
                self.fails -= 1
                raise OutboxError("no disk")
            return await super().claim(limit)

    outbox, sink = FlakyOutbox(), ListSink()
    async with running(outbox, sink) as publisher:
        await outbox.put([a_fault()])
        await sink.wait_tries(1)
    assert sink.taken == [1]
    assert publisher.stats().failures == 2


@pytest.mark.parametrize(
    ("events", "kafka", "sink"),
    [
        ({}, {}, None),
        ({}, {"bootstrap_servers": "localhost:9092"}, KafkaSink),
        ({"sink": "none"}, {"bootstrap_servers": "localhost:9092"}, None),
        ({"sink": "file"}, {}, FileSink),
        ({"sink": "stdout"}, {}, StdoutSink),
    ],
)
async def test_sink_is_what_the_settings_say(events: dict[str, str], kafka: dict[str, str], sink: type | None):
    event_settings, kafka_settings = EventSettings.model_validate(events), KafkaSettings.model_validate(kafka)
    publisher = make_publisher(MemoryOutbox(), event_settings, kafka_settings)
    assert (None if publisher is None else type(publisher._sink)) is sink
    assert (sink_name(event_settings, kafka_settings) == "none") == (sink is None)


def test_kafka_without_brokers_is_refused():
    with pytest.raises(ConfigError, match=r"kafka\.bootstrap_servers"):
        make_publisher(MemoryOutbox(), EventSettings(sink="kafka"), KafkaSettings())
