"""The publisher: in order, deleted only after delivery, patient with a sink that fails, soon done when it stops."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sidecar.errors import ConfigError
from sidecar.outbox.event import Event, Kind
from sidecar.outbox.kafka import KafkaSink
from sidecar.outbox.lanes import Lanes
from sidecar.outbox.memory import MemoryOutbox
from sidecar.outbox.outbox import Admission, Numbered, Outbox, OutboxError
from sidecar.outbox.publisher import Publisher
from sidecar.outbox.publishing import make_publisher, sink_name
from sidecar.outbox.settings import EventSettings, KafkaSettings, OutboxSettings
from sidecar.outbox.sinks import Delivery, FileSink, OneLane, Sink, SinkError, StdoutSink
from sidecar.values import Severity
from tests.outbox.samples import INFO, a_fault, a_violation

SETTINGS = EventSettings(linger_ms=0, max_backoff_ms=1, batch_events=3)


class ListSink:
    """Takes events into a list, or raises what it is told to, once each."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.batches: list[list[int]] = []
        self.tries = 0
        self.tried = asyncio.Condition()
        self.is_stopped = False

    async def publish(self, batch: Sequence[Numbered]) -> Delivery:
        async with self.tried:
            self.tries += 1
            self.tried.notify_all()
        if self.errors:
            raise self.errors.pop(0)
        self.batches.append([numbered.sequence for numbered in batch])
        return Delivery(done=len(batch))

    async def stop(self) -> None:
        self.is_stopped = True

    async def wait_tries(self, count: int) -> None:
        async with self.tried:
            await self.tried.wait_for(lambda: self.tries >= count)

    @property
    def taken(self) -> list[int]:
        return [sequence for batch in self.batches for sequence in batch]


class LaneSink(OneLane):
    """A lane for each session, a route for each lane. What is told of a lane happens there."""

    def __init__(self) -> None:
        super().__init__(ListSink())
        self.taken: defaultdict[str, list[int]] = defaultdict(list)
        self.told: dict[str, Delivery] = {}
        self.known: dict[Hashable, str] = {}
        self.hanging: set[str] = set()
        self.names: dict[int, str] = {}

    def router(self) -> Callable[[Kind, str], Hashable]:
        return lambda kind, key: "faults" if kind is Kind.FAULT else key

    def troubles(self) -> Mapping[Hashable, str]:
        return self.known

    def route_of(self, lane: Hashable, *, is_ill: bool) -> Hashable:
        return lane, is_ill

    async def send(self, route: Hashable, batches: Mapping[Any, Sequence[Numbered]]) -> Mapping[Any, Delivery]:
        ((lane, batch),) = batches.items()
        if lane in self.hanging:
            await asyncio.Event().wait()
        delivery = self.told.get(lane, Delivery(done=len(batch)))
        done = batch[: delivery.done]
        self.taken[lane] += [each.sequence for each in done if each.sequence not in delivery.refused]
        self.names |= {each.sequence: each.event.subject for each in done}
        return {lane: delivery}


def of_session(name: str, count: int = 1) -> list[Event]:
    info = replace(INFO, tenant="t", session_id=name)
    return [a_violation(info) for _ in range(count)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


@asynccontextmanager
async def running(
    outbox: Outbox, sink: ListSink | Sink, settings: EventSettings = SETTINGS
) -> AsyncIterator[Publisher]:
    await outbox.start()
    lanes = OneLane(sink) if isinstance(sink, ListSink) else sink
    publisher = Publisher(outbox, lanes, settings, chance=random.Random(7))
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


async def test_lane_that_fails_holds_up_no_other_and_keeps_its_order():
    outbox, sink = MemoryOutbox(), LaneSink()
    sink.told["t|ill"] = Delivery(error="no leader")
    async with running(outbox, sink) as publisher:
        for _ in range(10):
            await outbox.put([*of_session("ill"), *of_session("well")])
        await until(lambda: len(sink.taken["t|well"]) == 10)
        assert publisher.stats().failing == {"t|ill": "no leader"}
        assert publisher.stats().failing_topics == {("t|ill", "refused")}
        assert len(outbox.events) == 10
        del sink.told["t|ill"]
        await until(lambda: len(sink.taken["t|ill"]) == 10)
        assert publisher.stats().failing == {}
    assert sink.taken["t|ill"] == sorted(sink.taken["t|ill"])
    assert sorted(sink.taken["t|ill"] + sink.taken["t|well"]) == list(range(1, 21))


async def test_lane_that_does_not_answer_holds_up_no_other():
    outbox, sink = MemoryOutbox(), LaneSink()
    sink.hanging = {"t|slow"}
    time = 0.0
    await outbox.start()
    publisher = Publisher(outbox, sink, SETTINGS, clock=lambda: time)
    await publisher.start()
    await outbox.put(of_session("slow", 200))
    await until(lambda: publisher._lanes.is_full(time))
    time += 10
    await outbox.put(of_session("well", 50))
    publisher._changed.set()
    await until(lambda: len(sink.taken["t|well"]) == 50)
    await publisher.stop(grace_s=0)
    assert len(outbox.events) == 200


async def test_full_outbox_loses_what_cannot_leave_and_the_rest_goes_on():
    """The events of a lane that fails have no number, so they give way to those that can be published."""
    outbox, sink = MemoryOutbox(OutboxSettings(max_events=60)), LaneSink()
    sink.told["t|ill"] = Delivery(error="no leader")
    async with running(outbox, sink):
        await outbox.put(of_session("ill", 100))
        for number in range(100):
            await outbox.put(of_session("well"))
            await until(lambda number=number: len(sink.taken["t|well"]) == number + 1)  # type: ignore[misc]
        assert sum(outbox.stats().lost.values()) >= 40


async def test_what_is_known_not_to_work_is_not_tried_until_it_does():
    outbox, sink = MemoryOutbox(), LaneSink()
    sink.known = {"t|away": "it has no leader"}
    async with running(outbox, sink) as publisher:
        await outbox.put([*of_session("away", 5), *of_session("well")])
        await until(lambda: len(sink.taken["t|well"]) == 1)
        assert (publisher.stats().failures, publisher.stats().failing) == (0, {"t|away": "it has no leader"})
        sink.known = {}
        publisher._changed.set()
        await until(lambda: len(sink.taken["t|away"]) == 5)
        assert publisher.stats().error == ""


def test_events_of_a_lane_that_is_no_more_take_their_place_by_age_but_never_before_what_was_tried():
    lanes = Lanes(limit=2, longest_backoff_s=1, chance=lambda: 1.0)

    def event(position: int) -> Numbered:
        return Numbered("p", position, a_fault(), position)

    for position in (5, 7, 9):
        lanes.add("a", event(position), 0)
    assert [each.position for each in lanes.next_of("a")] == [5, 7]
    lanes.sent("a", 1, "down", 0)
    for position in (8, 3):
        lanes.add("a", event(position), 0)
    seen: list[int] = []
    while lanes.ready(10):
        batch = lanes.next_of("a")
        seen += [each.position for each in batch]
        lanes.sent("a", len(batch), "", 10)
    assert seen == [7, 3, 8, 9]


async def test_event_that_is_refused_for_good_becomes_a_counted_loss_under_its_number():
    outbox, sink = MemoryOutbox(), LaneSink()
    sink.told["t|big"] = Delivery(done=1, refused={1: "too large for the topic"})
    async with running(outbox, sink) as publisher:
        await outbox.put(of_session("big"))
        await until(lambda: sink.taken["faults"] == [1])
        await until(lambda: outbox.events == [])
        assert publisher.stats().refused == 1
    assert sink.names[1] == "outbox"
    assert outbox.stats().lost == {Severity.HIGH: 1}


@settings(max_examples=40)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["put", "put 9", "fail", "mend", "close", "open"])),
        max_size=30,
    )
)
def test_whatever_happens_to_lanes_each_event_leaves_once_in_its_lanes_order(steps: list[tuple[str, str]]):
    asyncio.run(live_through(steps))


async def live_through(steps: list[tuple[str, str]]) -> None:
    outbox, sink, put = MemoryOutbox(), LaneSink(), Counter[str]()
    async with running(outbox, sink) as publisher:
        for name, step in steps:
            lane = f"t|{name}"
            match step:
                case "put" | "put 9":
                    count = 9 if step == "put 9" else 1
                    put[lane] += count
                    await outbox.put(of_session(name, count))
                case "fail":
                    sink.told[lane] = Delivery(error="down")
                case "mend":
                    sink.told.pop(lane, None)
                case "close":
                    sink.known = {**sink.known, lane: "away"}
                case "open":
                    sink.known = {key: why for key, why in sink.known.items() if key != lane}
            for _ in range(20):
                await asyncio.sleep(0)
        sink.told, sink.known = {}, {}
        publisher._changed.set()
        await until(lambda: outbox.events == [])
    for lane, count in put.items():
        assert len(sink.taken[lane]) == count
        assert sink.taken[lane] == sorted(sink.taken[lane])
    assert sorted(each for lane in put for each in sink.taken[lane]) == list(range(1, put.total() + 1))


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
        async def publish(self, batch: Sequence[Numbered]) -> Delivery:
            await super().publish(batch)
            await asyncio.Event().wait()
            raise AssertionError

    outbox, sink = MemoryOutbox(), HangingSink()
    await outbox.start()
    publisher = Publisher(outbox, OneLane(sink), SETTINGS)
    await publisher.start()
    await outbox.put([a_fault()])
    await sink.wait_tries(1)
    await publisher.stop(grace_s=0.01)
    assert sink.is_stopped
    assert len(outbox.events) == 1


async def test_outbox_that_cannot_be_read_is_tried_again():
    class FlakyOutbox(MemoryOutbox):
        fails = 2

        async def claim(self, limit: int, admission: Admission | None = None, *, sink: int = 0) -> list[Numbered]:
            if self.fails:
                self.fails -= 1
                raise OutboxError("no disk")
            return await super().claim(limit, admission, sink=sink)

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
    found = None if publisher is None else publisher._sink
    assert (type(found.sink) if isinstance(found, OneLane) else None if found is None else type(found)) is sink
    assert (sink_name(event_settings, kafka_settings) == "none") == (sink is None)


def test_kafka_without_brokers_is_refused():
    with pytest.raises(ConfigError, match=r"kafka\.bootstrap_servers"):
        make_publisher(MemoryOutbox(), EventSettings(sink="kafka"), KafkaSettings())
