"""Reading topics of Kafka back, events or other records, for the command line: in bounded memory, never without an end.

1. The topics are looked up first, so that what is wrong is said in words. Where each partition's log begins is part of
   what is read: retention may have removed what lay before.
2. Records are fetched in small portions. Of transactions only what was committed is read.
3. Retention may overtake a reader, and brokers may go away: the one is told as a hole, the other is an error.
4. With `follow`, topics are looked up again and again: partitions that were added are read from their beginning.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord

from sidecar.outbox.cluster import Cluster, TopicFacts, UnreachableError
from sidecar.outbox.credentials import Credentials
from sidecar.outbox.encode import decode
from sidecar.outbox.kafka import MissingTopicsError
from sidecar.outbox.reads import CaughtUp, LogStart, Read, ReadError, read_one
from sidecar.outbox.settings import KafkaSettings

_FETCH_MS = 500
_RECORDS = 500
_FETCH_BYTES = 1024 * 1024
_PARTITION_BYTES = 64 * 1024
"""What one answer of a broker may hold, of all partitions and of each; compressed, so it is some ten times that."""
_LOOK_S = 2.0
"""How often a reader that follows looks for new partitions."""
_CLOSE_S = 2.0
_PATIENCE = 3
"""How many request timeouts without anything new are a broker that does not answer."""

Record: TypeAlias = "ConsumerRecord[Any, Any]"
Ends = Mapping[TopicPartition, int]
Progress = Callable[[int, int], None]
"""Told how many records were read, of how many."""


class Value(msgspec.Struct, frozen=True):
    """What one record holds, and where it lies."""

    place: str
    data: bytes


def no_progress(_done: int, _total: int) -> None:
    """Tells nobody."""


async def read_topics(
    settings: KafkaSettings,
    topics: Sequence[str],
    *,
    last: int | None = None,
    follow: bool = False,
    progress: Progress = no_progress,
) -> AsyncIterator[Read | LogStart | CaughtUp]:
    """The events in topics, each partition in its order, up to what is there now, or on and on with `follow`.

    `last` begins so many records before each partition's end. First comes where each log begins; with `follow`, after
    what was there, that it has caught up. Raises `ConfigError`, `MissingTopicsError` or `ReadError`.
    """
    partitions = await _partitions(settings, topics)
    async with _consumer(settings) as consumer:
        reading = _Reading(settings, topics, consumer, progress)
        for start in await reading.begin(partitions, last=last):
            yield start
        async for each in reading.follow() if follow else reading.read():
            yield each if isinstance(each, Read | CaughtUp) else _read(each)


async def read_values(settings: KafkaSettings, topic: str, *, most: int | None = None) -> AsyncGenerator[Value | Read]:
    """What the records of a topic hold, whatever it is, up to what is there now; a hole comes as a `Read`.

    `most` are the latest so many, of all partitions alike. Records without a value are passed over. Raises as
    `read_topics` does.
    """
    partitions = await _partitions(settings, [topic])
    async with _consumer(settings) as consumer:
        reading = _Reading(settings, [topic], consumer, no_progress)
        await reading.begin(partitions, most=most)
        async for each in reading.read():
            if isinstance(each, Read):
                yield each
            elif each.value is not None and reading.is_due(each):
                yield Value(f"{each.topic}/{each.partition}@{each.offset}", each.value)


def shares(held: Mapping[TopicPartition, int], most: int | None) -> Mapping[TopicPartition, int]:
    """How many of `most` records each partition gives: as many as the others, where it has them."""
    if most is None:
        return held
    given: dict[TopicPartition, int] = {}
    for place in sorted(held, key=held.__getitem__):
        fair = (most - sum(given.values())) // (len(held) - len(given))
        given[place] = min(held[place], fair)
    return given


async def _partitions(settings: KafkaSettings, topics: Sequence[str]) -> list[TopicPartition]:
    """All partitions of the topics. Raises `MissingTopicsError` or `ReadError`, with the true reason."""
    cluster = Cluster(settings)
    try:
        facts = await cluster.look_up(topics)
    except UnreachableError as error:
        raise ReadError(f"cannot read from Kafka: {error}") from None
    finally:
        await cluster.close()
    _require_readable(facts)
    return [TopicPartition(topic, number) for topic in topics for number in facts[topic].leaders]


def _require_readable(facts: Mapping[str, TopicFacts]) -> None:
    if forbidden := [topic for topic, each in facts.items() if each.is_forbidden]:
        raise ReadError(f"no right to read {', '.join(forbidden)}: give this user Describe and Read on it")
    if missing := [topic for topic, each in facts.items() if not each.leaders]:
        raise MissingTopicsError(missing)


@asynccontextmanager
async def _consumer(settings: KafkaSettings) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of no group that says when it does not know where to read on, instead of jumping."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it has to say is raised, or found out by waiting
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers,
        **Credentials(settings).options(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        fetch_max_bytes=_FETCH_BYTES,
        max_partition_fetch_bytes=_PARTITION_BYTES,
    )
    try:
        await consumer.start()
        yield consumer
    except (KafkaError, OSError, TimeoutError) as error:
        raise ReadError(f"cannot read from Kafka: {error or type(error).__name__}") from None
    finally:
        await _stop(consumer)


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Close it. With a broker away, aiokafka passes on the cancellation of its own tasks: not to us."""
    stopping = asyncio.ensure_future(consumer.stop())
    await asyncio.wait({stopping}, timeout=_CLOSE_S)
    if stopping.done() and not stopping.cancelled():
        stopping.exception()


class _Reading:
    """One reading: where it stands in each partition."""

    def __init__(
        self, settings: KafkaSettings, topics: Sequence[str], consumer: AIOKafkaConsumer, progress: Progress
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._consumer = consumer
        self._progress = progress
        self._next: dict[TopicPartition, int] = {}
        self._ends: Ends = {}
        self._total = 0
        self._done = 0
        self._patience_s = _PATIENCE * settings.request_timeout_ms / 1000

    async def begin(
        self, places: Sequence[TopicPartition], *, last: int | None = None, most: int | None = None
    ) -> list[LogStart]:
        """Set where reading begins: `last` of each partition, `most` of all. Where the logs begin."""
        self._consumer.assign(places)
        begins, self._ends = await self._bounds(places)
        wanted = shares({place: self._ends[place] - begins[place] for place in places}, most)
        for place in places:
            self._next[place] = max(begins[place], self._ends[place] - (wanted[place] if last is None else last))
            self._consumer.seek(place, self._next[place])
        self._total = sum(self._ends[place] - self._next[place] for place in places)
        return [LogStart(f"{place.topic}/{place.partition}", begins[place]) for place in places]

    async def read(self) -> AsyncIterator[Record | Read]:
        """All up to the ends. Raises `ReadError` when nothing comes any more."""
        heard_at = time.monotonic()
        while waits := [place for place, end in self._ends.items() if self._next[place] < end]:
            stood = dict(self._next)
            async for read in self._portion():
                yield read
            await self._move_on(waits)
            if stood != self._next:
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > self._patience_s:
                raise ReadError(self._why_silent(waits))
            self._progress(self._done, self._total)

    def is_due(self, record: Record) -> bool:
        """Whether it was there when reading began."""
        return bool(record.offset < self._ends[TopicPartition(record.topic, record.partition)])

    async def follow(self) -> AsyncIterator[Record | Read | CaughtUp]:
        """All, that it has caught up, and what comes, of partitions too that are added."""
        looked_at = time.monotonic()
        is_caught_up = False
        while True:
            async for read in self._portion():
                yield read
            if not is_caught_up and await self._is_at_the_ends():
                yield CaughtUp()
                is_caught_up = True
            if time.monotonic() - looked_at > _LOOK_S:
                await self._add_partitions()
                looked_at = time.monotonic()

    async def _is_at_the_ends(self) -> bool:
        """Whether all is read that was there at the beginning."""
        await self._move_on(list(self._ends))
        return all(self._next[place] >= end for place, end in self._ends.items())

    async def _portion(self) -> AsyncIterator[Record | Read]:
        """The records of one fetch. What retention removed before it was read is one thing that could not be read."""
        try:
            portion = await self._consumer.getmany(timeout_ms=_FETCH_MS, max_records=_RECORDS)
        except OffsetOutOfRangeError:
            for hole in await self._skip_removed():
                yield hole
            return
        for place, records in portion.items():
            for record in records:
                yield record
            self._next[place] = records[-1].offset + 1
            self._done += len(records)

    async def _move_on(self, places: Sequence[TopicPartition]) -> None:
        """Take over the consumer's own position: beyond markers and aborted records there is nothing to hand out."""
        for place in places:
            self._next[place] = max(self._next[place], await self._consumer.position(place))

    async def _skip_removed(self) -> list[Read]:
        """Read on where the logs begin now; what was removed meanwhile."""
        begins, _ = await self._bounds(list(self._next))
        holes = []
        for place, position in self._next.items():
            if position < begins[place]:
                holes.append(_hole(place, position, begins[place]))
                self._next[place] = begins[place]
            self._consumer.seek(place, self._next[place])
        return holes

    async def _add_partitions(self) -> None:
        """Read partitions that were added from their beginning. A cluster that does not answer is asked again later."""
        try:
            found = await _partitions(self._settings, self._topics)
        except (ReadError, MissingTopicsError):
            return
        added = [place for place in found if place not in self._next]
        if not added:
            return
        self._consumer.assign([*self._next, *added])
        begins, _ = await self._bounds(added)
        self._next |= begins
        for place, position in self._next.items():
            self._consumer.seek(place, position)

    async def _bounds(self, places: Sequence[TopicPartition]) -> tuple[dict[TopicPartition, int], Ends]:
        """Where logs begin and end. Raises `TimeoutError` when nobody says."""
        async with asyncio.timeout(self._patience_s):
            return await self._consumer.beginning_offsets(places), await self._consumer.end_offsets(places)

    def _why_silent(self, places: Sequence[TopicPartition]) -> str:
        names = ", ".join(f"{place.topic}/{place.partition}" for place in places[:5])
        return f"nothing came for {self._patience_s:g} s, and {names} were not read to the end; are their brokers up?"


def _hole(place: TopicPartition, begin: int, end: int) -> Read:
    where = f"{place.topic}/{place.partition}"
    error = f"{end - begin} records were removed by retention before they were read"
    return Read(place=f"{where}@{begin}", data=None, error=error, lane=where, is_hole=True)


def _read(record: Record) -> Read:
    where = f"{record.topic}/{record.partition}"
    return read_one(f"{where}@{record.offset}", lambda: decode(record.headers, record.value), lane=where)
