"""Reading events back, for the command line: from an outbox's file or from JSON lines. Kafka is in `topic_reader.py`.

Reading an outbox is read-only and in short steps, so it never holds up the process that owns the file. What that
process publishes is deleted, so a reader that follows an outbox may miss events; one that follows the topics does not.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import msgspec

from sidecar.outbox.damage import is_database, salvage
from sidecar.outbox.encode import Delivered, decode_line
from sidecar.outbox.format import is_outbox, sinks_in, stored_after
from sidecar.outbox.reads import Read, ReadError, read_one
from sidecar.outbox.rows import Claimed
from sidecar.values import Severity

_STEP = 500
_POLL_S = 0.25


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


async def read_file(path: Path, *, last: int | None = None) -> AsyncIterator[Read]:
    """The events in a file of JSON lines, or the last so many; `-` is standard input. Raises `ReadError`.

    Of an outbox's file, such as one that was set aside as damaged, whatever can still be read, without numbers.
    """
    reads = _read_salvaged(path, last) if _is_outbox_file(path) else _read_lines(path, last)
    async for read in reads:
        yield read


def _is_outbox_file(path: Path) -> bool:
    """Whether a file is SQLite's, or was it before it was damaged, by its name."""
    return str(path) != "-" and (is_database(path) or ".damaged-" in path.name)


async def _read_salvaged(path: Path, last: int | None) -> AsyncIterator[Read]:
    """Whatever events can be read. Raises `ReadError`."""
    if not is_database(path) and not await asyncio.to_thread(path.exists):
        raise ReadError(f"cannot read {path}: there is no such file")
    for number, event in deque(enumerate(salvage(path), 1), last):
        yield Read(f"{path}#{number}", event.data)


async def _read_lines(path: Path, last: int | None) -> AsyncIterator[Read]:
    try:
        with sys.stdin.buffer if str(path) == "-" else path.open("rb") as file:
            for number, line in deque(enumerate(file, 1), last) if last is not None else enumerate(file, 1):
                yield read_one(f"{path}:{number}", partial(decode_line, line))
    except OSError as error:
        raise ReadError(f"cannot read {path}: {error.strerror or error}") from None


def outbox_facts(path: Path) -> OutboxFacts:
    """What an outbox's file says of itself. Raises `ReadError`."""
    with closing(_open(path)) as db:
        first = sinks_in(db)[0]
        rows = db.execute("SELECT severity, sum(total) FROM losses GROUP BY severity")
        lost = {Severity(severity): total for severity, total in rows}
    return OutboxFacts(first.producer, first.next_sequence, lost)


# --- Outbox -----------------------------------------------------------------------------------------------------------


def _position_before(path: Path, last: int) -> int:
    """The position after which the last so many events begin."""
    with closing(_open(path)) as db:
        found = db.execute("SELECT position FROM events ORDER BY position DESC LIMIT 1 OFFSET ?", (last,)).fetchone()
    return found[0] if found else 0


def _rows_after(path: Path, position: int) -> list[tuple[int, Read]]:
    try:
        with closing(_open(path)) as db:
            rows = stored_after(db, position, _STEP)
    except sqlite3.Error as error:
        raise ReadError(f"cannot read the outbox {path}: {error}") from None
    return [(at, _row(f"{path}#{at}", row)) for at, row in rows]


def _row(place: str, row: Claimed) -> Read:
    return read_one(place, lambda: Delivered({}, row.placed().data))


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
