"""Reading events back, for the command line: from an outbox's file or from JSON lines. Kafka is in `topic_reader.py`.

Reading an outbox is read-only and in short steps, so it never holds up the process that owns the file. What that
process publishes is deleted, so a reader that follows an outbox may miss events; one that follows the topics does not.
"""

from __future__ import annotations

import asyncio
import os
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
from sidecar.outbox.reads import CaughtUp, Read, ReadError, read_one
from sidecar.outbox.rows import Claimed
from sidecar.values import Severity

_STEP = 500
_POLL_S = 0.25
_READ_BYTES = 16 * 1024 * 1024
"""How much of a file that is followed is read at once; no line is as long."""


class OutboxFacts(msgspec.Struct, frozen=True):
    """What an outbox's file says beside its events. `lost` counts by severity, over the file's whole life."""

    producer: str
    next_sequence: int
    lost: Mapping[Severity, int]


async def read_outbox(path: Path, *, last: int | None = None) -> AsyncIterator[Read]:
    """The events in an outbox, or the last so many, oldest first. Raises `ReadError`."""
    position = 0 if last is None else await asyncio.to_thread(_position_before, path, last)
    while rows := await asyncio.to_thread(_rows_after, path, position):
        for position, read in rows:  # noqa: B007 - the last position is where the next step begins
            yield read


async def follow_outbox(path: Path, *, last: int | None = None) -> AsyncIterator[Read | CaughtUp]:
    """The same, that it has caught up, and those to come. Raises `ReadError`."""
    position = 0 if last is None else await asyncio.to_thread(_position_before, path, last)
    is_caught_up = False
    while True:
        rows = await asyncio.to_thread(_rows_after, path, position)
        for position, read in rows:  # noqa: B007 - the last position is where the next step begins
            yield read
        if not rows and not is_caught_up:
            yield CaughtUp()
            is_caught_up = True
        if not rows:
            await asyncio.sleep(_POLL_S)


async def follow_file(path: Path) -> AsyncIterator[Read | CaughtUp]:
    """The events in a file of JSON lines, that it has caught up, and those to come. Raises `ReadError`.

    A file may be rotated meanwhile, by renaming or by cutting it. A line is read once it is whole.
    """
    try:
        tail = await asyncio.to_thread(_Tail, path)
    except OSError as error:
        raise ReadError(f"cannot read {path}: {error.strerror or error}") from None
    is_caught_up = False
    with closing(tail):
        while True:
            for place, line in await asyncio.to_thread(tail.lines):
                yield read_one(place, partial(decode_line, line))
            if not is_caught_up:
                yield CaughtUp()
                is_caught_up = True
            await asyncio.sleep(_POLL_S)


class _Tail:
    """Where a reader stands in a file that grows. It stays open, so that a file that was renamed is read to its end."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises `OSError`."""
        self._path = path
        self._file = path.open("rb")
        self._number = 0

    def lines(self) -> list[tuple[str, bytes]]:
        """The whole lines that came since, and where each stands. Raises `OSError`."""
        lines = self._read()
        if not lines and self._begins_anew():
            lines = self._read()
        return lines

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self) -> list[tuple[str, bytes]]:
        begin = self._file.tell()
        lines = self._file.read(_READ_BYTES).splitlines(keepends=True)
        whole = [line for line in lines if line.endswith(b"\n")]
        self._file.seek(begin + sum(map(len, whole)))
        first, self._number = self._number + 1, self._number + len(whole)
        return [(f"{self._path}:{number}", line) for number, line in enumerate(whole, first)]

    def _begins_anew(self) -> bool:
        """Whether there is another file under that name, or it was cut: then that is read from its beginning."""
        here = os.fstat(self._file.fileno())
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        if there.st_ino != here.st_ino:
            self._file.close()
            self._file = self._path.open("rb")
        elif here.st_size < self._file.tell():
            self._file.seek(0)
        else:
            return False
        self._number = 0
        return True


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
        raise ReadError(f"there is no outbox at {path}; `outbox.path` of the settings (--config) says where it is")
    address = path.resolve().as_uri()
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        db = sqlite3.connect(f"{address}?{mode}", uri=True, isolation_level=None)
        with suppress(sqlite3.Error):
            if is_outbox(db):
                return db
        db.close()
    raise ReadError(f"{path} is not an outbox, or cannot be read")
