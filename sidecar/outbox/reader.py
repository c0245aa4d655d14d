"""Reading events back, for the command line: from an outbox's file, from JSON lines, or from Kafka.

Reading an outbox is read-only and in short steps, so it never holds up the process that owns the file. What that
process publishes is deleted, so a reader that follows an outbox may miss events; one that follows the topics does not.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError
from msgspec.structs import replace

from sidecar.errors import TidegateError
from sidecar.outbox.encode import EventError, decode, decode_line
from sidecar.outbox.event import Data
from sidecar.outbox.kafka import MissingTopicsError, client_options
from sidecar.outbox.settings import KafkaSettings
from sidecar.outbox.store import is_outbox, to_event
from sidecar.values import Severity

_STEP = 500
_POLL_S = 0.25
_FETCH_MS = 500


class ReadError(TidegateError):
    """Events cannot be read from there."""


class Read(msgspec.Struct, frozen=True):
    """One thing that was read: an event, or why it is none. `place` says where it lies.

    An event that still waits in an outbox has the sequence number 0.
    """

    place: str
    data: Data | None
    error: str = ""


class OutboxFacts(msgspec.Struct, frozen=True):
    """What an outbox's file says beside its events. `lost` counts by severity, over the file's whole life."""

    producer: str
    next_sequence: int
    lost: Mapping[Severity, int]


async def read_outbox(path: Path, *, last: int | None = None, follow: bool = False) -> AsyncIterator[Read]:
    """The events in an outbox, or the last so many, oldest first; with `follow`, those to come as well.

    Raises `ReadError`.
    """
    position = 0 if last is None else await asyncio.to_thread(_position_before, path, last)
    while True:
        rows = await asyncio.to_thread(_rows_after, path, position)
        for position, read in rows:  # noqa: B007 - the last position is where the next step begins
            yield read
        if rows:
            continue
        if not follow:
            return
        await asyncio.sleep(_POLL_S)


async def read_lines(path: Path, *, last: int | None = None) -> AsyncIterator[Read]:
    """The events in a file of JSON lines, or the last so many; `-` is standard input. Raises `ReadError`."""
    try:
        with sys.stdin.buffer if str(path) == "-" else path.open("rb") as file:
            for number, line in deque(enumerate(file, 1), last) if last is not None else enumerate(file, 1):
                yield _read(f"{path}:{number}", lambda line=line: decode_line(line).data)
    except OSError as error:
        raise ReadError(f"cannot read {path}: {error.strerror or error}") from None


async def read_topics(
    settings: KafkaSettings, topics: Sequence[str], *, last: int | None = None, follow: bool = False
) -> AsyncIterator[Read]:
    """The events in Kafka topics, each partition in its order, up to what is there now, or on and on with `follow`.

    `last` begins so many records before each partition's end. Raises `ConfigError`, or `ReadError`.
    """
    consumer = AIOKafkaConsumer(**client_options(settings), enable_auto_commit=False, group_id=None)
    try:
        await consumer.start()
        ends = await _assign(consumer, topics, last)
        async for read in _records(consumer, None if follow else ends):
            yield read
    except KafkaConnectionError:
        raise ReadError(f"no Kafka broker answers at {settings.bootstrap_servers}") from None
    except (KafkaError, OSError, TimeoutError) as error:
        raise ReadError(f"cannot read from Kafka: {error or type(error).__name__}") from None
    finally:
        await consumer.stop()


def outbox_facts(path: Path) -> OutboxFacts:
    """What an outbox's file says of itself. Raises `ReadError`."""
    with closing(_open(path)) as db:
        meta = dict(db.execute("SELECT name, value FROM meta"))
        lost = {Severity(severity): total for severity, total in db.execute("SELECT severity, total FROM losses")}
    return OutboxFacts(meta["producer"], meta["next_sequence"], lost)


# --- Outbox -----------------------------------------------------------------------------------------------------------


def _position_before(path: Path, last: int) -> int:
    """The position after which the last so many events begin."""
    with closing(_open(path)) as db:
        found = db.execute("SELECT position FROM events ORDER BY position DESC LIMIT 1 OFFSET ?", (last,)).fetchone()
    return found[0] if found else 0


def _rows_after(path: Path, position: int) -> list[tuple[int, Read]]:
    try:
        with closing(_open(path)) as db:
            (producer,) = db.execute("SELECT value FROM meta WHERE name = 'producer'").fetchone()
            rows = db.execute(
                "SELECT position, body, coalesce(sequence, 0) FROM events LEFT JOIN numbers USING (position)"
                " WHERE position > ? ORDER BY position LIMIT ?",
                (position, _STEP),
            ).fetchall()
    except sqlite3.Error as error:
        raise ReadError(f"cannot read the outbox {path}: {error}") from None
    return [(at, _row(f"{path}#{at}", body, producer, sequence)) for at, body, sequence in rows]


def _row(place: str, body: bytes, producer: str, sequence: int) -> Read:
    def data() -> Data:
        stored = to_event(body).data
        return replace(stored, ids=replace(stored.ids, producer=producer, sequence=sequence))

    return _read(place, data)


def _open(path: Path) -> sqlite3.Connection:
    """Open an outbox for reading only; on a read-only disk that works for a file that was closed properly."""
    if not path.exists():
        raise ReadError(f"there is no outbox at {path}")
    address = path.resolve().as_uri()
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        db = sqlite3.connect(f"{address}?{mode}", uri=True, isolation_level=None)
        with suppress(sqlite3.Error):
            if is_outbox(db):
                return db
        db.close()
    raise ReadError(f"{path} is not an outbox, or cannot be read")


# --- Kafka ------------------------------------------------------------------------------------------------------------


async def _assign(consumer: AIOKafkaConsumer, topics: Sequence[str], last: int | None) -> dict[TopicPartition, int]:
    """Set where reading begins in each partition; returns where each ends now."""
    cluster = await consumer._client.fetch_all_metadata()  # asking for a topic by name might make it
    if missing := [topic for topic in topics if topic not in cluster.topics()]:
        raise MissingTopicsError(missing)
    places = [TopicPartition(topic, number) for topic in topics for number in cluster.partitions_for_topic(topic)]
    consumer.assign(places)
    begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    for place in places:
        consumer.seek(place, begins[place] if last is None else max(begins[place], ends[place] - last))
    return dict(ends)


async def _records(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int] | None) -> AsyncIterator[Read]:
    """All records up to the ends, and what came along. An end may point into the last batch, as with Tansu."""
    while ends is None or await _is_before(consumer, ends):
        for batch in (await consumer.getmany(timeout_ms=_FETCH_MS)).values():
            for record in batch:
                yield _record(record)


async def _is_before(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    for place, end in ends.items():
        if await consumer.position(place) < end:
            return True
    return False


def _record(record: Any) -> Read:
    place = f"{record.topic}/{record.partition}@{record.offset}"
    return _read(place, lambda: decode(record.headers, record.value).data)


def _read(place: str, data: Any) -> Read:
    try:
        return Read(place, data())
    except (EventError, msgspec.DecodeError) as error:
        return Read(place, None, str(error))
