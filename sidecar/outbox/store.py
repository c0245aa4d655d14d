"""The outbox's file: SQLite with a write-ahead log, used by one thread of one process. Synchronous.

| table     | holds |
| --- | --- |
| `meta`    | the producer's id and the next sequence number |
| `events`  | what is waiting or claimed, by `position`: the order of commits |
| `numbers` | the sequence numbers of the claimed events, which are the oldest |
| `losses`  | per severity, how many events were lost: ever, and not yet told of by a fault event |

A number is committed before its event is sent, and events without one are the only ones that are dropped, so the
numbers that leave have no gap, whenever the process dies. (Numbers given at the first commit would have a gap for each
event that a full outbox drops.)
"""

from __future__ import annotations

import fcntl
import hashlib
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal

import msgspec
from msgspec import field
from msgspec.structs import replace

from sidecar.outbox.event import Event, FaultKind, fault_event, uuid7
from sidecar.outbox.outbox import Numbered, OutboxError, OutboxStats
from sidecar.values import Severity

FORMAT_VERSION = 1
_APPLICATION_ID = 0x54474F42
"""Marks the file as an outbox ("TGOB"), so that another database is never taken for one."""
_BUSY_MS = 5_000
_LOG_LIMIT_BYTES = 16 * 1024 * 1024
_FILE_MODE = 0o640
"""Whose sessions there were is nobody else's business; SQLite gives its log the same mode."""

_SCHEMA = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    "CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT,"
    " severity INTEGER NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL)",
    "CREATE INDEX events_by_severity ON events (severity, position)",
    "CREATE TABLE numbers (position INTEGER PRIMARY KEY, sequence INTEGER NOT NULL)",
    "CREATE TABLE losses (severity INTEGER PRIMARY KEY, total INTEGER NOT NULL, untold INTEGER NOT NULL)",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT_VERSION}",
)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


class Row(msgspec.Struct, frozen=True, gc=False):
    """An event as it is stored."""

    severity: Severity
    body: bytes


def to_row(event: Event) -> Row:
    """Encode an event. Raises `ValueError` or `TypeError` when it holds what JSON cannot carry."""
    return Row(event.severity, _encoder.encode(event))


def to_event(body: bytes) -> Event:
    """The event in a stored row. Raises `msgspec.DecodeError` when a fault of the disk has changed it."""
    return _decoder.decode(body)


class Claimed(msgspec.Struct, frozen=True, gc=False):
    """A stored row with its number."""

    producer: str
    sequence: int
    body: bytes

    def numbered(self, now: float) -> Numbered:
        """The event; for a row that cannot be read, the event of its loss, so that it holds up no other."""
        try:
            event = to_event(self.body)
        except msgspec.DecodeError:
            event = self._unreadable(now)
        return Numbered(self.producer, self.sequence, event)

    def _unreadable(self, now: float) -> Event:
        """Under an id that is the same at the next try."""
        event = fault_event(FaultKind.EVENTS_LOST, "outbox", now, reason="a stored event cannot be read")
        name = f"{self.producer}/{self.sequence}".encode()
        ids = replace(event.data.ids, event=uuid7(0, hashlib.sha256(name).digest()[:10]))
        return replace(event, data=replace(event.data, ids=ids))


class _Totals(msgspec.Struct, frozen=True):
    """What was counted, as of the open transaction. `unsaved` losses are not in the file yet."""

    events: int = 0
    size: int = 0
    next_sequence: int = 1
    put: int = 0
    lost: Mapping[Severity, int] = field(default_factory=dict)
    unsaved: Mapping[Severity, int] = field(default_factory=dict)


class Store:
    """The file of one outbox. All methods but `stats` belong inside `transaction()`."""

    def __init__(
        self,
        path: Path,
        *,
        max_events: int,
        max_bytes: int,
        durability: Literal["full", "normal"],
        now: Callable[[], float],
    ) -> None:
        self._path = path
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._durability = durability
        self._now = now
        self._lock: IO[bytes] | None = None
        self._db: sqlite3.Connection | None = None
        self._totals = _Totals()
        self._producer = ""
        self._commits = 0
        self._is_failing = False

    # --- Life ---------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Take the lock and open the file, making it if there is none. Raises `OutboxError`."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _take_lock(self._path)
            self._path.touch(_FILE_MODE)
            self._connect()
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise OutboxError(f"the outbox {self._path} cannot be opened: {error}") from None
        except OutboxError:
            self.close()
            raise

    def close(self) -> None:
        """Close the file and give up the lock."""
        self._disconnect()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, on disk when the block has ended. Raises `sqlite3.Error`; then nothing happened."""
        totals = self._totals
        try:
            db = self._db or self._connect()
            db.execute("BEGIN IMMEDIATE")
            yield
            self._save_losses()
            db.execute("COMMIT")
        except BaseException:
            self._totals = totals
            self._roll_back()
            self._is_failing = True
            raise
        self._commits += 1
        self._is_failing = False

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, timeout=_BUSY_MS / 1000)
        try:
            _prepare(db, self._path, self._durability)
            self._producer = _read_meta(db, "producer")
            events, size = db.execute("SELECT count(*), coalesce(sum(size), 0) FROM events").fetchone()
            sequence = _read_meta(db, "next_sequence")
            self._totals = replace(self._totals, events=events, size=size, next_sequence=sequence)
        except BaseException:
            db.close()
            raise
        self._db = db
        return db

    def _disconnect(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def _roll_back(self) -> None:
        """Leave the transaction; a connection that cannot even do that is opened anew at the next one."""
        if self._db is None:
            return
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except sqlite3.Error:
            self._disconnect()

    # --- Work ---------------------------------------------------------------------------------------------------------

    def append(self, rows: Sequence[Row]) -> None:
        """Add events, making room by severity. What finds no room is lost."""
        for row in rows:
            if self._make_room(row):
                self._insert(row)
                self._totals = replace(self._totals, put=self._totals.put + 1)
            else:
                self.lose(row.severity)

    def lose(self, severity: Severity, count: int = 1) -> None:
        """Count events as lost; saved, and told of, with the next commit that succeeds."""
        self._totals = replace(
            self._totals,
            lost=_plus(self._totals.lost, severity, count),
            unsaved=_plus(self._totals.unsaved, severity, count),
        )

    def claim(self, limit: int) -> list[Claimed]:
        """The oldest rows, each with its number, which it gets now if it has none."""
        db = self._connection
        (numbered,) = db.execute("SELECT count(*) FROM numbers").fetchone()
        if numbered < min(limit, self._totals.events):
            self._number(limit - numbered)
        rows = db.execute(
            "SELECT sequence, body FROM numbers JOIN events USING (position) ORDER BY position LIMIT ?", (limit,)
        )
        return [Claimed(self._producer, sequence, body) for sequence, body in rows]

    def acknowledge(self, sequence: int) -> None:
        """Delete the claimed events up to this number."""
        db = self._connection
        last, events, size = db.execute(
            "SELECT max(position), count(*), coalesce(sum(size), 0) FROM numbers JOIN events USING (position)"
            " WHERE sequence <= ?",
            (sequence,),
        ).fetchone()
        if not events:
            return
        db.execute("DELETE FROM events WHERE position <= ?", (last,))
        db.execute("DELETE FROM numbers WHERE position <= ?", (last,))
        self._grow(-events, -size)

    def stats(self) -> OutboxStats:
        """How it stands after the last commit."""
        return OutboxStats(
            producer=self._producer,
            waiting_events=self._totals.events,
            waiting_bytes=self._totals.size,
            next_sequence=self._totals.next_sequence,
            put=self._totals.put,
            commits=self._commits,
            lost=self._totals.lost,
            is_failing=self._is_failing,
        )

    @property
    def _connection(self) -> sqlite3.Connection:
        assert self._db is not None, "inside transaction()"
        return self._db

    def _number(self, count: int) -> None:
        db = self._connection
        sequence = self._totals.next_sequence
        positions = db.execute(
            "SELECT position FROM events WHERE position > (SELECT coalesce(max(position), 0) FROM numbers)"
            " ORDER BY position LIMIT ?",
            (count,),
        ).fetchall()
        db.executemany(
            "INSERT INTO numbers (position, sequence) VALUES (?, ?)",
            [(position, number) for number, (position,) in enumerate(positions, sequence)],
        )
        sequence += len(positions)
        db.execute("UPDATE meta SET value = ? WHERE name = 'next_sequence'", (sequence,))
        self._totals = replace(self._totals, next_sequence=sequence)

    def _make_room(self, row: Row) -> bool:
        """Drop waiting events that matter no more than this one until it fits. Whether it does."""
        size = len(row.body)
        if size > self._max_bytes:
            return False
        while not self._has_room(size):
            if not self._drop_one(row.severity):
                return False
        return True

    def _has_room(self, size: int) -> bool:
        return self._totals.events < self._max_events and self._totals.size + size <= self._max_bytes

    def _drop_one(self, most: Severity) -> bool:
        """Lose the oldest of the lowest severity that has no number yet, if it matters no more than `most`."""
        db = self._connection
        victim = db.execute(
            "SELECT position, severity, size FROM events INDEXED BY events_by_severity"
            " WHERE severity <= ? AND position > (SELECT coalesce(max(position), 0) FROM numbers)"
            " ORDER BY severity, position LIMIT 1",
            (most,),
        ).fetchone()
        if victim is None:
            return False
        position, severity, size = victim
        db.execute("DELETE FROM events WHERE position = ?", (position,))
        self._grow(-1, -size)
        self.lose(Severity(severity))
        return True

    def _insert(self, row: Row) -> None:
        self._connection.execute(
            "INSERT INTO events (severity, size, body) VALUES (?, ?, ?)", (row.severity, len(row.body), row.body)
        )
        self._grow(1, len(row.body))

    def _grow(self, events: int, size: int) -> None:
        totals = self._totals
        self._totals = replace(totals, events=totals.events + events, size=totals.size + size)

    # --- Losses -------------------------------------------------------------------------------------------------------

    def _save_losses(self) -> None:
        """Write down what was lost, and tell of it if there is room."""
        self._connection.executemany(
            "INSERT INTO losses (severity, total, untold) VALUES (?1, ?2, ?2)"
            " ON CONFLICT (severity) DO UPDATE SET total = total + ?2, untold = untold + ?2",
            list(self._totals.unsaved.items()),
        )
        self._totals = replace(self._totals, unsaved={})
        self._tell_losses()

    def _tell_losses(self) -> None:
        untold = {
            Severity(severity): count
            for severity, count in self._connection.execute("SELECT severity, untold FROM losses WHERE untold > 0")
        }
        if not untold:
            return
        row = to_row(loss_event(untold, self._now()))
        if self._has_room(len(row.body)):
            self._insert(row)
            self._connection.execute("UPDATE losses SET untold = 0")


def _plus(counts: Mapping[Severity, int], severity: Severity, count: int) -> dict[Severity, int]:
    return {**counts, severity: counts.get(severity, 0) + count}


def loss_event(lost: Mapping[Severity, int], now: float) -> Event:
    """The event that tells how many events were lost."""
    return fault_event(
        FaultKind.EVENTS_LOST, "outbox", now, reason="no room, or no disk", count=sum(lost.values()), lost=lost
    )


def is_outbox(db: sqlite3.Connection) -> bool:
    """Whether a database is an outbox."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    return bool(application == _APPLICATION_ID)


def _take_lock(path: Path) -> IO[bytes]:
    """Hold the outbox for this process; the system lets go when the process ends, however it ends."""
    lock = Path(f"{path}.lock").open("ab")  # noqa: SIM115 - open as long as the outbox is
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise OutboxError(f"the outbox {path} is in use by another process; give each its own `outbox.path`") from None
    return lock


def _prepare(db: sqlite3.Connection, path: Path, durability: str) -> None:
    """Check that the file is an outbox, or make it one, and set how it is written."""
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and not is_outbox(db):
        raise OutboxError(f"{path} is another kind of database; give the outbox a path of its own")
    (journal,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    if journal != "wal":
        raise OutboxError(f"the outbox {path} cannot keep a write-ahead log there; use a local disk")
    db.execute(f"PRAGMA synchronous = {durability.upper()}")
    db.execute(f"PRAGMA journal_size_limit = {_LOG_LIMIT_BYTES}")
    if not tables:
        _create(db)
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version != FORMAT_VERSION:
        raise OutboxError(f"the outbox {path} has format {version}; this version of Tidegate writes {FORMAT_VERSION}")


def _create(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA:
        db.execute(statement)
    meta = [("producer", f"tidegate-{secrets.token_hex(8)}"), ("next_sequence", 1)]
    db.executemany("INSERT INTO meta (name, value) VALUES (?, ?)", meta)
    db.execute("COMMIT")


def _read_meta(db: sqlite3.Connection, name: str) -> Any:
    (value,) = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return value
