"""How the Kafka sink judges what brokers answer, partition by partition, with a cluster that answers as it is told."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatch

from sidecar.outbox.cluster import Seldom, TopicFacts, UnreachableError
from sidecar.outbox.kafka import KafkaSink, Place, Route
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.producer import Acknowledgement, Identity, Producer, RecordBatch
from sidecar.outbox.settings import KafkaSettings
from sidecar.outbox.sinks import Delivery
from tests.outbox.samples import INFO, NOW, a_fault, numbered

TOPICS = dict.fromkeys(("violations", "decisions", "faults"), "events")
SETTINGS = KafkaSettings.model_validate({"bootstrap_servers": "b:1", "compression": "none", "topics": TOPICS})
THERE = Route(1, "")
FINE = Acknowledgement(0, "")


class FakeCluster:
    """Says what it is told of topics."""

    def __init__(self, facts: Mapping[str, TopicFacts]) -> None:
        self.facts = facts
        self.lookups = 0

    async def look_up(self, topics: Collection[str]) -> Mapping[str, TopicFacts]:
        self.lookups += 1
        return self.facts

    async def close(self) -> None:
        """Nothing is open."""


class FakeProducer(Producer):
    """Makes real record batches, and answers each as it is told, by default that it is safe."""

    def __init__(self, settings: KafkaSettings) -> None:
        super().__init__(FakeCluster({}), settings)  # type: ignore[arg-type]
        self.answer: Callable[[Place, RecordBatch], Acknowledgement] = lambda _place, _batch: FINE
        self.sent: list[tuple[Place, RecordBatch]] = []
        self.is_reachable = True
        self.identities = 0

    async def new_identity(self) -> Identity:
        self.identities += 1
        return Identity(self.identities, 0)

    async def send(
        self, node: int, route: str, batches: Mapping[Any, RecordBatch]
    ) -> tuple[Mapping[Any, Acknowledgement], float]:
        self.sent += batches.items()
        if not self.is_reachable:
            raise UnreachableError("b:1 does not answer in time")
        return {place: self.answer(place, batch) for place, batch in batches.items()}, 0.0


class Stage:
    """A sink on a cluster of one topic."""

    def __init__(self, leaders: Mapping[int, int] | None = None, settings: KafkaSettings = SETTINGS) -> None:
        self.time = 0.0
        self.sink = KafkaSink(settings, now=lambda: NOW, clock=lambda: self.time)
        self.cluster = FakeCluster({"events": TopicFacts(leaders or {0: 1, 1: 1, 2: 1})})
        self.producer = FakeProducer(settings)
        self.sink.cluster = self.cluster  # type: ignore[assignment]
        self.sink._producer = self.producer

    async def send(self, partition: int, *batch: Numbered) -> Delivery:
        await self.sink.prepare()
        place = Place("events", partition)
        return (await self.sink.send(THERE, {place: batch}))[place]


def events(count: int, *, first: int = 1) -> list[Numbered]:
    """Events of one session; the same ones under the same numbers."""
    return [_event(first + each) for each in range(count)]


@cache
def _event(sequence: int) -> Numbered:
    return numbered(a_fault(INFO), sequence)


def records(batch: RecordBatch) -> Any:
    return DefaultRecordBatch(batch.data)


async def test_what_is_wrong_with_one_partition_concerns_no_other():
    stage = Stage()
    stage.producer.answer = lambda place, _batch: Acknowledgement(6 if place.partition == 1 else 0, "")
    await stage.sink.prepare()
    batches = {Place("events", partition): events(3, first=10 * partition) for partition in range(3)}
    deliveries = await stage.sink.send(THERE, batches)
    assert [deliveries[place].done for place in batches] == [3, 0, 3]
    assert "events/1" in deliveries[Place("events", 1)].error


@pytest.mark.parametrize("count", [2, 7, 50])
async def test_batch_that_is_too_large_is_halved_until_it_fits(count: int):
    """The topic takes no more than two events at a time; what is learnt is kept for the batches that follow."""
    stage = Stage()
    stage.producer.answer = lambda _place, batch: Acknowledgement(10 if len(batch.sequences) > 2 else 0, "")
    left, taken = events(count), list[int]()
    while left:
        delivery = await stage.send(0, *left)
        assert delivery.error == ""
        taken += [each.sequence for each in left[: delivery.done]]
        left = left[delivery.done :]
    assert taken == list(range(1, count + 1))
    refused = sum(len(batch.sequences) > 2 for _, batch in stage.producer.sent)
    assert refused <= 6


async def test_event_that_is_too_large_alone_is_refused_with_its_size_topic_and_setting():
    stage = Stage()
    stage.producer.answer = lambda _place, _batch: Acknowledgement(10, "")
    delivery = await stage.send(0, *events(1))
    assert delivery.done == 1
    (reason,) = delivery.refused.values()
    size = len(stage.producer.sent[0][1].data)
    assert f"{size} bytes" in reason
    assert "topic events" in reason
    assert "max.message.bytes" in reason


async def test_sequences_of_a_partition_go_on_after_a_refusal():
    stage = Stage()
    refusing = {4}
    stage.producer.answer = lambda _place, batch: Acknowledgement(10 if refusing & {*batch.sequences} else 0, "")
    left = events(8)
    while left:
        delivery = await stage.send(0, *left)
        left = left[delivery.done :]
    taken = [records(batch) for _, batch in stage.producer.sent if not refusing & {*batch.sequences}]
    expected = 0
    for each in taken:
        assert each.base_sequence == expected
        expected += each.last_offset_delta + 1
    assert expected == 7


async def test_batch_of_unknown_fate_is_sent_again_byte_for_byte():
    stage = Stage()
    stage.producer.is_reachable = False
    assert "does not answer in time" in (await stage.send(0, *events(3))).error
    stage.producer.is_reachable = True
    assert (await stage.send(0, *events(5))).done == 3, "what came meanwhile waits for the next batch"
    (_, first), (_, second) = stage.producer.sent
    assert first == second


async def test_batch_that_may_be_in_the_log_stays_the_same_whatever_is_answered_next():
    """Appended, but not on enough replicas; then refused for their number: a batch with more in it would be another."""
    stage = Stage()
    for count, code in enumerate((20, 19, 6, 7), 3):
        stage.producer.answer = lambda _place, _batch, code=code: Acknowledgement(code, "")  # type: ignore[misc]
        assert (await stage.send(0, *events(count))).error
    stage.producer.answer = lambda _place, _batch: FINE
    assert (await stage.send(0, *events(9))).done == 3
    assert len({batch.data for _, batch in stage.producer.sent}) == 1


async def test_other_events_than_those_of_unknown_fate_go_under_an_identity_of_their_own():
    """A topic was away and its events came back in another order: no answer may be taken for another batch's."""
    stage = Stage()
    stage.producer.answer = lambda _place, _batch: Acknowledgement(7, "")
    assert (await stage.send(0, *events(3))).error
    stage.producer.answer = lambda _place, _batch: FINE
    others = events(5, first=100)
    assert (await stage.send(0, *others)).done == 5
    first, second = (records(batch) for _, batch in stage.producer.sent)
    assert (first.producer_id, second.producer_id, second.base_sequence) == (1, 2, 0)


async def test_partition_that_was_away_begins_under_an_identity_of_its_own():
    stage = Stage()
    assert (await stage.send(0, *events(3))).done == 3
    stage.cluster.facts = {"events": TopicFacts(error=3)}
    stage.time += 100
    await stage.sink.prepare()
    stage.cluster.facts = {"events": TopicFacts({0: 1})}
    stage.time += 100
    assert (await stage.send(0, *events(3, first=4))).done == 3
    first, second = (records(batch) for _, batch in stage.producer.sent)
    assert first.producer_id != second.producer_id


async def test_batch_that_the_broker_has_already_is_done():
    stage = Stage()
    stage.producer.answer = lambda _place, _batch: Acknowledgement(46, "")
    assert (await stage.send(0, *events(3))).done == 3


@pytest.mark.parametrize("code", [45, 47, 59])
async def test_broker_that_lost_track_of_us_gets_a_new_identity(code: int):
    stage = Stage()
    stage.producer.answer = lambda _place, _batch: Acknowledgement(code, "")
    assert (await stage.send(0, *events(1))).error
    stage.producer.answer = lambda _place, _batch: FINE
    assert (await stage.send(0, *events(1))).done == 1
    first, second = (records(batch) for _, batch in stage.producer.sent)
    assert (first.producer_id, second.producer_id, second.base_sequence) == (1, 2, 0)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Acknowledgement(29, ""), "no right to write to events: give"),
        (Acknowledgement(19, ""), "min.insync.replicas"),
        (Acknowledgement(32, "Timestamp 5 is out of range"), "clock is wrong"),
        (Acknowledgement(44, "because of the house rules"), "because of the house rules"),
    ],
)
async def test_error_says_what_to_do(answer: Acknowledgement, words: str):
    stage = Stage()
    stage.producer.answer = lambda _place, _batch: answer
    assert words in (await stage.send(0, *events(1))).error


async def test_event_that_will_never_be_taken_is_refused_with_the_brokers_words():
    stage = Stage()
    stage.producer.answer = lambda _place, _batch: Acknowledgement(87, "this topic wants no headers")
    (reason,) = (await stage.send(0, *events(1))).refused.values()
    assert reason == "events: INVALID_RECORD (87): this topic wants no headers"


async def test_partition_without_a_leader_is_known_and_named():
    stage = Stage(leaders={0: 1, 1: -1})
    await stage.sink.prepare()
    assert stage.sink.troubles() == {Place("events", 1): "events/1 has no leader: its brokers are away"}


async def test_topics_are_looked_up_ever_more_seldom_while_something_is_wrong():
    """80 s with a partition without a leader: a look every five seconds in the end, however often anybody asks."""
    stage = Stage(leaders={0: 1, 1: -1})
    for tick in range(8000):
        stage.time = tick / 100
        await stage.sink.prepare()
    assert stage.cluster.lookups <= 25
    stage.cluster.facts = {"events": TopicFacts({0: 1, 1: 1})}
    stage.time += 6
    await stage.sink.prepare()
    assert stage.sink.troubles() == {}
    before = stage.cluster.lookups
    for tick in range(50):
        stage.time += 1 if tick else 0
        await stage.sink.prepare()
    assert stage.cluster.lookups - before <= 1, "and once a minute while all is well"


async def test_events_of_a_topic_that_is_gone_wait_under_its_name():
    stage = Stage()
    stage.cluster.facts = {"events": TopicFacts(error=3)}
    await stage.sink.prepare()
    place = stage.sink.router()(a_fault().kind, "acme|session")
    assert place == Place("events", -1)
    assert "create-topics" in stage.sink.troubles()[place]
    assert stage.sink.missing_topics() == ("events",)


def test_keys_spread_over_partitions_and_each_keeps_its_own():
    sink = KafkaSink(SETTINGS)
    sink._topics = {"events": TopicFacts(dict.fromkeys(range(6), 1))}
    route = sink.router()
    places = Counter(route(a_fault().kind, f"acme|session-{each}") for each in range(600))
    assert len(places) == 6
    assert route(a_fault().kind, "acme|session-1") == route(a_fault().kind, "acme|session-1")


def test_lines_of_the_library_come_once_in_a_while_with_their_count():
    time = 0.0
    seldom = Seldom(lambda: time)
    lines = []
    for tick in range(700):
        time = tick / 10
        record = logging.LogRecord("aiokafka.conn", logging.WARNING, "", 0, "closed", (), None)
        if seldom.filter(record):
            lines.append(record.getMessage())
    assert lines == ["closed", *["closed (and 299 more lines of aiokafka's)"] * 2]
