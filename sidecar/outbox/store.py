"""The outbox's file: SQLite with a write-ahead log, used by one thread of one process. Synchronous.

An event stands there once, with a row in `owed` for each sink that wants it and has it not (`format.py`). A number is
committed before its event is sent, and what has none yet is all that is dropped, so the numbers that leave for a sink
have no gap, whenever the process dies. (Numbers given at the first commit would have a gap for each event that a full
outbox drops; numbers that sinks share would have one for each that a filter leaves out.)

Beside the file lie `.lock`, `.ledger` (what is remembered when the disk is full) and `.reserve` (room for making room).
A file that is damaged is set aside, what can be read of it is taken over, and the outbox goes on as a new producer.
"""

from __future__ import annotations

import fcntl
import json
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from sidecar.outbox.chain import Signer
from sidecar.outbox.damage import (
    DamagedError,
    require_sound,
    require_whole,
    salvage,
    set_aside,
    was_outbox,
)
from sidecar.outbox.event import Event
from sidecar.outbox.format import (
    SinkRow,
    enter_sink,
    prepare,
    read_meta,
    row_of,
    settle_sinks,
    sinks_in,
    top_position,
)
from sidecar.outbox.ledger import Ledger
from sidecar.outbox.memory import loss_event
from sidecar.outbox.outbox import OutboxError, OutboxStats
from sidecar.outbox.reserve import Reserve, room_on_volume, share_out
from sidecar.outbox.room import Rooms, Share
from sidecar.outbox.rows import Row, to_row
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.subscriptions import Subscriptions
from sidecar.outbox.tables import Tables
from sidecar.values import Severity

_log = logging.getLogger(__name__)

_BUSY_MS = 200
"""How long another process's lock on the file is waited for; then events are kept in memory."""
_PAGE_BYTES = 4096
_LOG_PAGES = 1000
"""SQLite writes its log into the file after so many pages; fewer where the volume is small."""
_FILE_MODE = 0o640
"""Whose sessions there were is nobody else's business; SQLite gives its log the same mode."""


class Store:
    """The file of one outbox. What is done with its `tables`, but for their counts, belongs inside `transaction()`."""

    def __init__(
        self,
        settings: OutboxSettings,
        *,
        now: Callable[[], float],
        subscriptions: Subscriptions | None = None,
        signer: Signer | None = None,
    ) -> None:
        self._settings = settings
        self._subscriptions = subscriptions or Subscriptions()
        self._path = settings.path
        self._now = now
        self._lock: IO[bytes] | None = None
        self.ledger = Ledger(Path(f"{settings.path}.ledger"))
        self._reserve = Reserve(Path(f"{settings.path}.reserve"), 0)
        self.tables = Tables(settings, now=now, subscriptions=self._subscriptions, signer=signer, ledger=self.ledger)
        """What stands in the file."""
        self._known: Sequence[SinkRow] = ()
        self._is_failing = False
        self._counted_entry = 0
        self._inode = 0

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
            self.tables.lose(severity, count)
        if self.tables.db is not None and self.tables.totals.unsaved:
            with suppress(sqlite3.Error), self.transaction():
                pass
        if self.tables.sinks:
            self.ledger.write(is_open=False, lost=self._unsaved, kept={})
        self._disconnect()
        self.ledger.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, on disk when the block has ended. Raises `sqlite3.Error`; then nothing happened."""
        totals, taken = self.tables.totals.copy(), frozenset(self.tables.taken)
        self.tables.undo = []
        try:
            db = self.tables.db or self._connect()
            self._require_present()
            db.execute("BEGIN IMMEDIATE")
            yield
            taken = self.tables.delete_taken()
            self.tables.save_losses()
            db.execute("COMMIT")
        except BaseException:
            self.tables.totals = totals
            self._roll_back()
            self._is_failing = True
            raise
        self.tables.taken -= taken
        self._is_failing = False

    def note(self, kept: Mapping[Severity, int]) -> None:
        """Write down, in room that is there, what the file itself does not hold: losses, and what is kept in memory."""
        self.ledger.write(is_open=True, lost=self._unsaved, kept=kept)

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
        self.tables.taken.clear()
        aside = set_aside(self._path, self._now())
        _log.error(
            "the outbox is damaged and set aside; it goes on as a new producer",
            extra={"path": str(self._path), "reason": reason, "aside": str(aside or "")},
        )
        self._path.touch(_FILE_MODE)
        self._connect().execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (self.tables.top,))
        self._take_over(rows or ([self._row(event) for event in salvage(aside)] if aside else []), reason)

    def _row(self, event: Event) -> Row:
        """A row of a salvaged event: nobody knows who had it, so it is owed to all who want it."""
        return to_row(event, self._subscriptions.of(event))

    def _readable(self) -> list[Row]:
        """What the open connection still reads, as of a file that was removed under it; nothing when it reads badly."""
        if self.tables.db is None:
            return []
        with suppress(sqlite3.Error):
            rows = self.tables.db.execute(
                "SELECT body, (SELECT json_group_array(sink) FROM owed WHERE owed.position = events.position)"
                " FROM events ORDER BY position"
            )
            return [row_of(body, tuple(json.loads(sinks))) for body, sinks in rows]
        return []

    def _take_over(self, rows: Sequence[Row], reason: str) -> None:
        """What can be read goes on; what cannot is lost, nobody knows how much."""
        told = to_row(
            loss_event({}, self._now(), f"the outbox was damaged: {reason}; how many are lost is not known"),
            self._subscriptions.all,
        )
        with self.transaction():
            self.tables.append(rows)
            self.tables.insert(told, told.sinks)
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
            self.tables.lose(severity, count)
        with suppress(sqlite3.Error), self.transaction():
            if self._settings.worker is not None:
                self.tables.set_meta("worker", self._settings.worker)
        self.note({})
        self.ledger.write_overdue({})

    def _take_room(self) -> None:
        """Reserve room, and accept no more events than the volume can hold."""
        room = room_on_volume(self._path)
        self.tables.max_bytes, size = share_out(room, self._settings.max_bytes)
        self._reserve = Reserve(Path(f"{self._path}.reserve"), size)
        self._reserve.take()
        if self.tables.max_bytes < self._settings.max_bytes:
            _log.warning(
                "the volume has no room for outbox.max_bytes; fewer events are kept",
                extra={"path": str(self._path), "room": room, "max_bytes": self.tables.max_bytes},
            )

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, timeout=_BUSY_MS / 1000)
        try:
            prepare(db, self._path, self._settings.durability, min(_LOG_PAGES, self._reserve.size // 4 // _PAGE_BYTES))
            self._counted_entry = read_meta(db, "ledger") or 0
            self._settle(db)
            self._count_all(db)
            self.tables.top = max(self.tables.top, top_position(db))
            self._inode = self._path.stat().st_ino
        except BaseException:
            db.close()
            raise
        self.tables.db = db
        return db

    def _settle(self, db: sqlite3.Connection) -> None:
        """Find out what the file calls the sinks, and enter those that it does not know."""
        db.execute("BEGIN IMMEDIATE")
        for sink in self._known:  # a file that was made anew keeps the numbers by which they are called here
            enter_sink(db, sink.name, sink.number)
        for name in self._settings.forget_sinks:
            _forget(db, name)
        sinks = settle_sinks(db, self._subscriptions.names)
        db.execute("COMMIT")
        self._known = sinks_in(db)
        self.tables.sinks = {sink.number: sink for sink in sinks}
        self.tables.gone = {sink.number: sink.name for sink in self._known if sink.number not in self.tables.sinks}
        self._subscriptions.settle({sink.name: sink.number for sink in sinks})

    def _count_all(self, db: sqlite3.Connection) -> None:
        totals = self.tables.totals
        totals.events, totals.size = db.execute("SELECT count(*), coalesce(sum(size), 0) FROM events").fetchone()
        totals.next = {number: sink.next_sequence for number, sink in self.tables.sinks.items()}
        totals.heads = {number: sink.head for number, sink in self.tables.sinks.items()}
        totals.owed = Counter(dict(db.execute("SELECT sink, count(*) FROM owed GROUP BY sink")))
        self.tables.rooms = Rooms(_waiting_shares(db), self.tables.gone)
        for number, name in self.tables.gone.items():
            if totals.owed[number]:
                _log.warning(
                    "events wait for a sink that the settings do not name; name it again, or in outbox.forget_sinks",
                    extra={"sink": name, "events": totals.owed[number]},
                )

    @property
    def _unsaved(self) -> dict[Severity, int]:
        """Losses that are not in the file, by severity: an event that several sinks lost is one."""
        counts: dict[Severity, int] = {}
        for (_, severity), count in self.tables.totals.unsaved.items():
            counts[severity] = max(count, counts.get(severity, 0))
        return counts

    def _require_present(self) -> None:
        """See that the file under its name is the one that is open. Raises `DamagedError`."""
        try:
            is_present = self._path.stat().st_ino == self._inode
        except FileNotFoundError:
            is_present = False
        if not is_present:
            raise DamagedError("the file was removed while it was used")

    def _disconnect(self) -> None:
        if self.tables.db is not None:
            with suppress(sqlite3.Error):
                self.tables.db.close()
            self.tables.db = None

    def _roll_back(self) -> None:
        """Leave the transaction; a connection that cannot even do that is opened anew at the next one."""
        for sink, tenant, severity, count in reversed(self.tables.undo):
            self.tables.rooms.add(sink, tenant, severity, -count)
        self.tables.undo = []
        if self.tables.db is None:
            return
        try:
            if self.tables.db.in_transaction:
                self.tables.db.execute("ROLLBACK")
        except sqlite3.Error:
            self._disconnect()

    def stats(self) -> OutboxStats:
        """How it stands after the last commit."""
        return self.tables.stats(is_failing=self._is_failing)


def _forget(db: sqlite3.Connection, name: str) -> None:
    """Delete what a sink is owed that is no more. Its numbers are kept: they are never given again."""
    which = "(SELECT number FROM sinks WHERE name = ?)"
    db.execute(f"DELETE FROM owed WHERE sink IN {which}", (name,))  # noqa: S608 - a constant
    db.execute("DELETE FROM events WHERE position NOT IN (SELECT position FROM owed)")


def _take_lock(path: Path) -> IO[bytes]:
    """Hold the outbox for this process; the system lets go when the process ends, however it ends."""
    lock = Path(f"{path}.lock").open("ab")  # noqa: SIM115 - open as long as the outbox is
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise OutboxError(f"the outbox {path} is in use by another process; give each its own `outbox.path`") from None
    return lock


def _waiting_shares(db: sqlite3.Connection) -> list[tuple[int, Share, int]]:
    rows = db.execute(
        "SELECT sink, tenant, severity, count(*) FROM owed WHERE sequence IS NULL GROUP BY sink, tenant, severity"
    )
    return [(sink, (tenant, Severity(severity)), count) for sink, tenant, severity, count in rows]
