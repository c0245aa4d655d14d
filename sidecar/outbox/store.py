"""The outbox's file: SQLite with a write-ahead log, used by one thread of one process. Synchronous.

| table     | holds |
| --- | --- |
| `meta`    | the producer's id, its next number, its chain's beginning and end; the worker; the ledger's last entry |
| `events`  | what is waiting or claimed, by `position`: the order of commits |
| `numbers` | the sequence numbers of the claimed events, and their places in the chain |
| `replaced` | numbers whose events are lost, for the next checkpoint |
| `losses`  | per severity, how many events were lost: ever, and not yet told of by a fault event |

A number is committed before its event is sent, and events without one are the only ones that are dropped, so the
numbers that leave have no gap, whenever the process dies. (Numbers given at the first commit would have a gap for each
event that a full outbox drops.)

Beside the file lie `.lock`, `.ledger` (what is remembered when the disk is full) and `.reserve` (room for making room).
A file that is damaged is set aside, what can be read of it is taken over, and the outbox goes on as a new producer.
"""

from __future__ import annotations

import fcntl
import json
import logging
import secrets
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import field
from msgspec.structs import replace

from sidecar.outbox.chain import Head, Signer
from sidecar.outbox.damage import (
    APPLICATION_ID,
    DamagedError,
    require_sound,
    require_whole,
    salvage,
    set_aside,
    was_outbox,
)
from sidecar.outbox.event import Kind
from sidecar.outbox.ledger import Ledger
from sidecar.outbox.memory import loss_event
from sidecar.outbox.outbox import Admission, OutboxError, OutboxStats
from sidecar.outbox.reserve import Reserve, room_on_volume, share_out
from sidecar.outbox.room import Room, Share
from sidecar.outbox.rows import Claimed, Link, Row, Vouching, place_in_chain, to_event, to_row
from sidecar.outbox.settings import OutboxSettings
from sidecar.values import Severity

_log = logging.getLogger(__name__)

FORMAT_VERSION = 3
_FIRST_FORMAT = 1
"""Without the columns `kind`, `key` and `tenant`, which are added when such a file is opened."""
_UNCHAINED_FORMAT = 2
"""Without the columns `previous` and `hash`, and the table `replaced`: its chain begins when such a file is opened."""
_BUSY_MS = 200
"""How long another process's lock on the file is waited for; then events are kept in memory."""
_LOG_LIMIT_BYTES = 16 * 1024 * 1024
_PAGE_BYTES = 4096
_LOG_PAGES = 1000
"""SQLite writes its log into the file after so many pages; fewer where the volume is small."""
_LOOK_AHEAD = 2000
"""How many events a claim looks at, at most, so that commits do not wait for it."""
_LISTED = 1000
"""The most numbers that one checkpoint lists."""
_FILE_MODE = 0o640
"""Whose sessions there were is nobody else's business; SQLite gives its log the same mode."""

_SCHEMA = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    "CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT,"
    " severity INTEGER NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL,"
    " kind TEXT NOT NULL DEFAULT '', key TEXT NOT NULL DEFAULT '', tenant TEXT NOT NULL DEFAULT '')",
    "CREATE INDEX events_by_severity ON events (severity, tenant, position)",
    "CREATE TABLE numbers (position INTEGER PRIMARY KEY, sequence INTEGER NOT NULL,"
    " previous TEXT NOT NULL DEFAULT '', hash TEXT NOT NULL DEFAULT '')",
    "CREATE TABLE replaced (sequence INTEGER PRIMARY KEY)",
    "CREATE TABLE losses (severity INTEGER PRIMARY KEY, total INTEGER NOT NULL, untold INTEGER NOT NULL)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT_VERSION}",
)
_TO_SECOND = (
    *(f"ALTER TABLE events ADD COLUMN {name} TEXT NOT NULL DEFAULT ''" for name in ("kind", "key", "tenant")),
    "DROP INDEX events_by_severity",
    "CREATE INDEX events_by_severity ON events (severity, tenant, position)",
)
_TO_THIRD = (
    *(f"ALTER TABLE numbers ADD COLUMN {name} TEXT NOT NULL DEFAULT ''" for name in ("previous", "hash")),
    "CREATE TABLE replaced (sequence INTEGER PRIMARY KEY)",
    "INSERT INTO meta (name, value) SELECT 'chain_since', value FROM meta WHERE name = 'next_sequence'",
    f"PRAGMA user_version = {FORMAT_VERSION}",
)


class _Totals(msgspec.Struct, frozen=True):
    """What was counted, as of the open transaction. `unsaved` losses are not in the file yet."""

    events: int = 0
    size: int = 0
    next_sequence: int = 1
    head: Head = Head()
    put: int = 0
    lost: Mapping[Severity, int] = field(default_factory=dict)
    unsaved: Mapping[Severity, int] = field(default_factory=dict)


class Store:
    """The file of one outbox. All methods but `stats` belong inside `transaction()`."""

    def __init__(self, settings: OutboxSettings, *, now: Callable[[], float], signer: Signer | None = None) -> None:
        self._settings = settings
        self._vouching = Vouching(signer, self._take_replaced)
        self._path = settings.path
        self._max_bytes = settings.max_bytes
        self._now = now
        self._lock: IO[bytes] | None = None
        self.ledger = Ledger(Path(f"{settings.path}.ledger"))
        self._reserve = Reserve(Path(f"{settings.path}.reserve"), 0)
        self._db: sqlite3.Connection | None = None
        self._totals = _Totals()
        self._room = Room()
        self._undo: list[tuple[str, Severity, int]] = []
        self._taken: set[int] = set()
        self._producer = ""
        self._is_failing = False
        self._counted_entry = 0
        self._top = 0
        self._inode = 0

    # --- Life ---------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Take the lock and open the file, making it if there is none. Raises `OutboxError`."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _take_lock(self._path)
            self._take_room()
            self._open_file()
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise OutboxError(f"the outbox {self._path} cannot be opened: {error}") from None
        except OutboxError:
            self.close()
            raise

    def close(self, kept: Mapping[Severity, int] | None = None) -> None:
        """Close the file and give up the lock. `kept` events were in memory only, and are lost with it."""
        for severity, count in (kept or {}).items():
            self.lose(severity, count)
        if self._db is not None and self._totals.unsaved:
            with suppress(sqlite3.Error), self.transaction():
                pass
        if self._producer:
            self.ledger.write(is_open=False, lost=self._totals.unsaved, kept={})
        self._disconnect()
        self.ledger.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, on disk when the block has ended. Raises `sqlite3.Error`; then nothing happened."""
        totals, taken = self._totals, frozenset(self._taken)
        self._undo = []
        try:
            db = self._db or self._connect()
            self._require_present()
            db.execute("BEGIN IMMEDIATE")
            yield
            taken = self._delete_taken()
            self._save_losses()
            db.execute("COMMIT")
        except BaseException:
            self._totals = totals
            self._roll_back()
            self._is_failing = True
            raise
        self._taken -= taken
        self._is_failing = False

    def note(self, kept: Mapping[Severity, int]) -> None:
        """Write down, in room that is there, what the file itself does not hold: losses, and what is kept in memory."""
        self.ledger.write(is_open=True, lost=self._totals.unsaved, kept=kept)

    def give_up_reserve(self) -> bool:
        """Free the reserved room, so that what makes room can be written; whether there was any."""
        return self._reserve.release()

    def take_reserve(self) -> None:
        """Reserve room, if there is any."""
        self._reserve.take()

    def recover(self, reason: str) -> None:
        """Set the damaged file aside, go on with a new one, and take over what can be read of the old one.

        Positions go on where they were: the publisher still holds events by theirs.
        """
        rows = self._readable()
        self._disconnect()
        self._taken.clear()
        aside = set_aside(self._path, self._now())
        _log.error(
            "the outbox is damaged and set aside; it goes on as a new producer",
            extra={"path": str(self._path), "reason": reason, "aside": str(aside or "")},
        )
        self._path.touch(_FILE_MODE)
        self._connect().execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (self._top,))
        self._take_over(rows or ([to_row(event) for event in salvage(aside)] if aside else []), reason)

    def _readable(self) -> list[Row]:
        """What the open connection still reads, as of a file that was removed under it; nothing when it reads badly."""
        if self._db is None:
            return []
        with suppress(sqlite3.Error):
            return [_row_of(body) for (body,) in self._db.execute("SELECT body FROM events ORDER BY position")]
        return []

    def _take_over(self, rows: Sequence[Row], reason: str) -> None:
        """What can be read goes on; what cannot is lost, nobody knows how much."""
        told = to_row(loss_event({}, self._now(), f"the outbox was damaged: {reason}; how many are lost is not known"))
        with self.transaction():
            self.append(rows)
            self._insert(told)
        _log.warning("events of the damaged outbox are taken over", extra={"events": len(rows)})

    def _open_file(self) -> None:
        last, was_here = self._open_ledger()
        is_ours = was_here or was_outbox(self._path)
        try:
            require_whole(self._path, last)
            self._path.touch(_FILE_MODE)
            require_sound(self._connect())
        except DamagedError as error:
            self.recover(str(error))
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) or not is_ours:
                raise
            self.recover(str(error))
        self._count_from_ledger()

    def _open_ledger(self) -> tuple[Any, bool]:
        """Its last entry, and whether there was a ledger. Where it finds no room, the outbox does without."""
        was_here = self.ledger.exists()
        with suppress(OSError):
            self.ledger.open()
        return self.ledger.entry, was_here and self.ledger.entry.number > 0

    def _count_from_ledger(self) -> None:
        """Count what the last process could not, unless the file says that it has."""
        entry = self.ledger.entry
        at_risk = Counter(entry.at_risk if entry.number > self._counted_entry else {})
        for severity, count in (at_risk + Counter(self.ledger.overdue)).items():
            self.lose(severity, count)
        with suppress(sqlite3.Error), self.transaction():
            if self._settings.worker is not None:
                self._set_meta("worker", self._settings.worker)
        self.note({})
        self.ledger.write_overdue({})

    def _take_room(self) -> None:
        """Reserve room, and accept no more events than the volume can hold."""
        room = room_on_volume(self._path)
        self._max_bytes, size = share_out(room, self._settings.max_bytes)
        self._reserve = Reserve(Path(f"{self._path}.reserve"), size)
        self._reserve.take()
        if self._max_bytes < self._settings.max_bytes:
            _log.warning(
                "the volume has no room for outbox.max_bytes; fewer events are kept",
                extra={"path": str(self._path), "room": room, "max_bytes": self._max_bytes},
            )

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, timeout=_BUSY_MS / 1000)
        try:
            _prepare(db, self._path, self._settings.durability, min(_LOG_PAGES, self._reserve.size // 4 // _PAGE_BYTES))
            self._producer = _read_meta(db, "producer")
            self._counted_entry = _read_meta(db, "ledger") or 0
            events, size = db.execute("SELECT count(*), coalesce(sum(size), 0) FROM events").fetchone()
            sequence = _read_meta(db, "next_sequence")
            head = Head(_read_meta(db, "chain_head") or "", _read_meta(db, "chain_since") or 1)
            self._totals = replace(self._totals, events=events, size=size, next_sequence=sequence, head=head)
            self._room = Room(_waiting_shares(db))
            self._top = max(self._top, _top_position(db))
            self._inode = self._path.stat().st_ino
        except BaseException:
            db.close()
            raise
        self._db = db
        return db

    def _require_present(self) -> None:
        """See that the file under its name is the one that is open. Raises `DamagedError`."""
        try:
            is_present = self._path.stat().st_ino == self._inode
        except FileNotFoundError:
            is_present = False
        if not is_present:
            raise DamagedError("the file was removed while it was used")

    def _disconnect(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def _roll_back(self) -> None:
        """Leave the transaction; a connection that cannot even do that is opened anew at the next one."""
        for tenant, severity, count in reversed(self._undo):
            self._room.add(tenant, severity, -count)
        self._undo = []
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

    def lose_told(self, severity: Severity, sequence: int = 0) -> None:
        """Count an event as lost that another one tells of already, under its number if it has one."""
        if sequence:
            self._connection.execute("INSERT OR IGNORE INTO replaced (sequence) VALUES (?)", (sequence,))
        self._totals = replace(self._totals, lost=_plus(self._totals.lost, severity, 1))
        self._connection.execute(
            "INSERT INTO losses (severity, total, untold) VALUES (?, 1, 0)"
            " ON CONFLICT (severity) DO UPDATE SET total = total + 1",
            (severity,),
        )

    def claim(self, limit: int, admission: Admission | None = None) -> list[Claimed]:
        """The oldest rows that are admitted, each with its number, which it gets now if it has none."""
        chosen: list[tuple[int, Link | None, Share]] = []
        for position, link, kind, key, tenant, severity in self._rows_after(admission.after if admission else 0):
            if len(chosen) == limit:
                break
            if position not in self._taken and (
                admission is None or admission.admits(position, Kind(kind), key or self._producer)
            ):
                chosen.append((position, link, (tenant, Severity(severity))))
        bodies = {position: self._body(position) for position, _, _ in chosen}
        given = self._number([(position, bodies[position], share) for position, link, share in chosen if link is None])
        return [
            Claimed(self._producer, place, place.body or bodies[position], position)
            for position, link, _ in chosen
            for place in [link or given[position]]
        ]

    def acknowledge(self, positions: Sequence[int]) -> None:
        """Delete claimed events with this commit, or the next one that succeeds. They are not claimed again."""
        self._taken.update(positions)

    def stats(self) -> OutboxStats:
        """How it stands after the last commit."""
        return OutboxStats(
            producer=self._producer,
            waiting_events=self._totals.events,
            waiting_bytes=self._totals.size,
            next_sequence=self._totals.next_sequence,
            put=self._totals.put,
            lost=self._totals.lost,
            is_failing=self._is_failing,
        )

    @property
    def _connection(self) -> sqlite3.Connection:
        assert self._db is not None, "inside transaction()"
        return self._db

    def _rows_after(self, position: int) -> list[tuple[int, Link | None, str, str, str, int]]:
        rows = self._connection.execute(
            "SELECT position, sequence, previous, hash, kind, key, tenant, severity"
            " FROM events LEFT JOIN numbers USING (position) WHERE position > ? ORDER BY position LIMIT ?",
            (position, _LOOK_AHEAD),
        )
        return [
            (position, None if sequence is None else Link(sequence, previous, digest), *rest)
            for position, sequence, previous, digest, *rest in rows
        ]

    def _body(self, position: int) -> bytes:
        (body,) = self._connection.execute("SELECT body FROM events WHERE position = ?", (position,)).fetchone()
        return bytes(body)

    def _number(self, waiting: Sequence[tuple[int, bytes, Share]]) -> dict[int, Link]:
        """Give numbers, in the order of positions, and with each its place in the chain."""
        given: dict[int, Link] = {}
        for number, (position, body, (tenant, severity)) in enumerate(waiting, self._totals.next_sequence):
            given[position] = place = place_in_chain(
                body, self._producer, number, self._totals.head, self._now(), self._vouching
            )
            self._totals = replace(self._totals, head=replace(self._totals.head, hash=place.hash))
            self._count(tenant, severity, -1)
            if place.body is not None:
                self._rewrite(position, place.body, len(body))
        if given:
            self._save_numbers(given)
        return given

    def _save_numbers(self, given: Mapping[int, Link]) -> None:
        self._connection.executemany(
            "INSERT INTO numbers (position, sequence, previous, hash) VALUES (?, ?, ?, ?)",
            [(position, place.sequence, place.previous, place.hash) for position, place in given.items()],
        )
        self._totals = replace(self._totals, next_sequence=self._totals.next_sequence + len(given))
        self._set_meta("next_sequence", self._totals.next_sequence)
        self._set_meta("chain_head", self._totals.head.hash)

    def _rewrite(self, position: int, body: bytes, former_size: int) -> None:
        """Store what a row became when it got its number."""
        self._connection.execute("UPDATE events SET body = ?, size = ? WHERE position = ?", (body, len(body), position))
        self._grow(0, len(body) - former_size)

    def _take_replaced(self) -> Sequence[int]:
        """The numbers that the next checkpoint lists; later ones do not."""
        db = self._connection
        numbers = [
            number for (number,) in db.execute("SELECT sequence FROM replaced ORDER BY sequence LIMIT ?", (_LISTED,))
        ]
        db.executemany("DELETE FROM replaced WHERE sequence = ?", [(number,) for number in numbers])
        return numbers

    def _delete_taken(self) -> frozenset[int]:
        """Delete what was acknowledged, now or when that could not be written."""
        taken = frozenset(self._taken)
        if not taken:
            return taken
        which = (json.dumps(sorted(taken)),)
        db = self._connection
        events, size = db.execute(
            "SELECT count(*), coalesce(sum(size), 0) FROM events JOIN numbers USING (position)"
            " WHERE position IN (SELECT value FROM json_each(?))",
            which,
        ).fetchone()
        db.execute(
            "DELETE FROM events WHERE position IN (SELECT value FROM json_each(?))"
            " AND position IN (SELECT position FROM numbers)",
            which,
        )
        db.execute("DELETE FROM numbers WHERE position IN (SELECT value FROM json_each(?))", which)
        self._grow(-events, -size)
        return taken

    def _make_room(self, row: Row) -> bool:
        """Drop waiting events that matter no more than this one until it fits. Whether it does."""
        size = len(row.body)
        if size > self._max_bytes:
            return False
        while not self._has_room(size):
            share = self._room.victim(row.tenant, row.severity)
            if share is None:
                return False
            self._drop_one(*share)
        return True

    def _has_room(self, size: int) -> bool:
        return self._totals.events < self._settings.max_events and self._totals.size + size <= self._max_bytes

    def _drop_one(self, tenant: str, severity: Severity) -> None:
        """Lose a tenant's oldest event of a severity that has no number yet."""
        db = self._connection
        position, size = db.execute(
            "SELECT position, size FROM events LEFT JOIN numbers USING (position)"
            " WHERE severity = ? AND tenant = ? AND sequence IS NULL ORDER BY position LIMIT 1",
            (severity, tenant),
        ).fetchone()
        db.execute("DELETE FROM events WHERE position = ?", (position,))
        self._count(tenant, severity, -1)
        self._grow(-1, -size)
        self.lose(severity)

    def _insert(self, row: Row) -> None:
        done = self._connection.execute(
            "INSERT INTO events (severity, size, body, kind, key, tenant) VALUES (?, ?, ?, ?, ?, ?)",
            (row.severity, len(row.body), row.body, row.kind, row.key, row.tenant),
        )
        self._top = max(self._top, done.lastrowid or 0)
        self._count(row.tenant, row.severity, 1)
        self._grow(1, len(row.body))

    def _grow(self, events: int, size: int) -> None:
        totals = self._totals
        self._totals = replace(totals, events=totals.events + events, size=totals.size + size)

    def _count(self, tenant: str, severity: Severity, count: int) -> None:
        """Note who has how much waiting, until the transaction is rolled back."""
        self._room.add(tenant, severity, count)
        self._undo.append((tenant, severity, count))

    def _set_meta(self, name: str, value: object) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))

    # --- Losses -------------------------------------------------------------------------------------------------------

    def _save_losses(self) -> None:
        """Write down what was lost, and tell of it if there is room."""
        if self._totals.unsaved:
            self._connection.executemany(
                "INSERT INTO losses (severity, total, untold) VALUES (?1, ?2, ?2)"
                " ON CONFLICT (severity) DO UPDATE SET total = total + ?2, untold = untold + ?2",
                list(self._totals.unsaved.items()),
            )
            self._set_meta("ledger", self.ledger.entry.number)
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


def is_outbox(db: sqlite3.Connection) -> bool:
    """Whether a database is an outbox."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    return bool(application == APPLICATION_ID)


def _take_lock(path: Path) -> IO[bytes]:
    """Hold the outbox for this process; the system lets go when the process ends, however it ends."""
    lock = Path(f"{path}.lock").open("ab")  # noqa: SIM115 - open as long as the outbox is
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise OutboxError(f"the outbox {path} is in use by another process; give each its own `outbox.path`") from None
    return lock


def _prepare(db: sqlite3.Connection, path: Path, durability: str, log_pages: int) -> None:
    """Check that the file is an outbox, or make it one, and set how it is written."""
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and not is_outbox(db):
        raise OutboxError(f"{path} is another kind of database; give the outbox a path of its own")
    (journal,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    if journal != "wal":
        raise OutboxError(f"the outbox {path} cannot keep a write-ahead log there; use a local disk")
    db.execute(f"PRAGMA synchronous = {durability.upper()}")
    db.execute(f"PRAGMA journal_size_limit = {_LOG_LIMIT_BYTES}")
    db.execute(f"PRAGMA wal_autocheckpoint = {max(16, log_pages)}")
    if not tables:
        _create(db)
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version in {_FIRST_FORMAT, _UNCHAINED_FORMAT}:
        _bring_up_to_date(db, version)
    elif version != FORMAT_VERSION:
        raise OutboxError(f"the outbox {path} has format {version}; this version of Tidegate writes {FORMAT_VERSION}")


def _create(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA:
        db.execute(statement)
    meta = [("producer", f"tidegate-{secrets.token_hex(8)}"), ("next_sequence", 1)]
    db.executemany("INSERT INTO meta (name, value) VALUES (?, ?)", meta)
    db.execute("COMMIT")


def _bring_up_to_date(db: sqlite3.Connection, version: int) -> None:
    """Add what a file of a former format lacks."""
    db.execute("BEGIN IMMEDIATE")
    if version == _FIRST_FORMAT:
        _add_columns(db)
    for statement in _TO_THIRD:
        db.execute(statement)
    db.execute("COMMIT")


def _add_columns(db: sqlite3.Connection) -> None:
    """Add the columns that a file of the first format lacks."""
    for statement in _TO_SECOND:
        db.execute(statement)
    for position, body in db.execute("SELECT position, body FROM events").fetchall():
        row = _row_of(body)
        db.execute(
            "UPDATE events SET kind = ?, key = ?, tenant = ? WHERE position = ?",
            (row.kind, row.key, row.tenant, position),
        )


def _row_of(body: bytes) -> Row:
    """What a stored body says; one that cannot be read will be told of as a fault."""
    try:
        return to_row(to_event(body))
    except msgspec.DecodeError:
        return Row(Severity.CRITICAL, body)


def _waiting_shares(db: sqlite3.Connection) -> list[tuple[Share, int]]:
    rows = db.execute(
        "SELECT tenant, severity, count(*) FROM events"
        " WHERE position NOT IN (SELECT position FROM numbers) GROUP BY tenant, severity"
    )
    return [((tenant, Severity(severity)), count) for tenant, severity, count in rows]


def _top_position(db: sqlite3.Connection) -> int:
    """The last position that was given."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return int(row[0]) if row else 0


def _read_meta(db: sqlite3.Connection, name: str) -> Any:
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def worker_of(path: Path) -> int | None:
    """Which worker's an outbox is, by its own word; None when it says nothing."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            worker = _read_meta(db, "worker") if is_outbox(db) else None
    except sqlite3.Error:
        return None
    return None if worker is None else int(worker)
