"""An outbox's file that is not what it was: how that is noticed, set aside, and what can still be read out of it."""

from __future__ import annotations

import json
import logging
import mmap
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from sidecar.outbox.event import Event
from sidecar.outbox.ledger import Entry
from sidecar.outbox.rows import to_event

_log = logging.getLogger(__name__)

APPLICATION_ID = 0x54474F42
"""Marks the file as an outbox ("TGOB"), so that another database is never taken for one."""
_MAGIC = b"SQLite format 3\0"
_APPLICATION_AT = 68
_BODY = re.compile(rb'\{"severity":[0-9]+,"key":')
"""How the body of each stored event begins."""
_LONGEST_BODY = 8192
"""Pages are shorter, and what goes beyond one is not in one piece."""


class DamagedError(Exception):
    """The file is an outbox that lost something; the message says what."""


def is_database(path: Path) -> bool:
    """Whether a file begins as SQLite's do."""
    return _head(path).startswith(_MAGIC)


def was_outbox(path: Path) -> bool:
    """Whether a file says in its first bytes that it is an outbox, be the rest as it may."""
    head = _head(path)
    return head.startswith(_MAGIC) and head[_APPLICATION_AT : _APPLICATION_AT + 4] == APPLICATION_ID.to_bytes(4, "big")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(100)
    except OSError:
        return b""


def require_whole(path: Path, last: Entry) -> None:
    """Look at the files before they are opened. Raises `DamagedError` when what the ledger knows of is not there."""
    if not last.number:
        return
    if not path.exists():
        raise DamagedError("the file is gone")
    if path.stat().st_size == 0:
        raise DamagedError("the file is empty")
    if last.is_open and not Path(f"{path}-wal").exists():
        raise DamagedError("its write-ahead log is gone")


def require_sound(db: sqlite3.Connection) -> None:
    """Have SQLite look through the file. Raises `DamagedError`."""
    (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise DamagedError("its pages are damaged")


def set_aside(path: Path, now: float) -> Path | None:
    """Rename the files; the new name has the date. None when there was nothing left to rename."""
    date = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = _free_name(path, date)
    moved = False
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
            moved = True
    return aside if moved else None


def _free_name(path: Path, date: str) -> Path:
    """Two in the same second do not overwrite each other."""
    names = (Path(f"{path}.damaged-{date}{number}") for number in ("", *(f"-{count}" for count in range(1, 1000))))
    return next(name for name in names if not name.exists())


def salvage(path: Path) -> Iterator[Event]:
    """The events that can still be read, each once: by SQLite as far as it goes, then from the bytes of the files.

    The file is left as it is. Published events may be among them, from pages that were not used again: consumers know
    them by their ids.
    """
    seen: set[str] = set()
    for body in _bodies(path):
        with suppress(msgspec.DecodeError, ValueError):
            event = to_event(body)
            if event.id not in seen:
                seen.add(event.id)
                yield event


def _bodies(path: Path) -> Iterator[bytes]:
    try:
        yield from _bodies_by_sqlite(path)
    except sqlite3.Error:
        for file in (path, Path(f"{path}-wal")):
            yield from _bodies_in(file)


def _bodies_by_sqlite(path: Path) -> Iterator[bytes]:
    """The rows in their order, from a connection that changes nothing. Raises `sqlite3.Error` where it cannot go on."""
    if not is_database(path):
        raise sqlite3.DatabaseError("not a database")
    mode = "mode=ro" if Path(f"{path}-wal").exists() else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True)) as db:
        for (body,) in db.execute("SELECT body FROM events ORDER BY position"):
            yield body


def _bodies_in(file: Path) -> Iterator[bytes]:
    """What looks like the body of an event, wherever it lies in a file."""
    with (
        suppress(OSError, ValueError),  # an empty file cannot be mapped
        file.open("rb") as opened,
        mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        for found in _BODY.finditer(data):
            yield _object_at(data[found.start() : found.start() + _LONGEST_BODY])


def _object_at(data: bytes) -> bytes:
    """The JSON object that data begins with; empty when it is torn."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return b""
    return text[:end].encode("utf-8", "surrogateescape")
