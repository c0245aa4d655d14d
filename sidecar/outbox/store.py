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
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

from msgspec.structs import replace

from sidecar.outbox.chain import Head, Signer
from sidecar.outbox.damage import (
    DamagedError,
    require_sound,
    require_whole,
    salvage,
    set_aside,
    was_outbox,
)
from sidecar.outbox.event import Event, Kind
from sidecar.outbox.format import (
    SinkRow,
    enter_sink,
    of_link,
    prepare,
    read_meta,
    row_of,
    settle_sinks,
    sinks_in,
    to_link,
    top_position,
)
from sidecar.outbox.ledger import Ledger
from sidecar.outbox.memory import loss_event
from sidecar.outbox.outbox import Admission, OutboxError, OutboxStats
from sidecar.outbox.reserve import Reserve, room_on_volume, share_out
from sidecar.outbox.room import Rooms, Share, make_room
from sidecar.outbox.rows import Claimed, Row, link_to, to_row
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.subscriptions import Subscriptions
from sidecar.values import Severity

_log = logging.getLogger(__name__)

_BUSY_MS = 200
"""How long another process's lock on the file is waited for; then events are kept in memory."""
_PAGE_BYTES = 4096
_LOG_PAGES = 1000
"""SQLite writes its log into the file after so many pages; fewer where the volume is small."""
_LOOK_AHEAD = 2000
"""How many events a claim looks at, at most, so that commits do not wait for it."""
_FILE_MODE = 0o640
"""Whose sessions there were is nobody else's business; SQLite gives its log the same mode."""
_LISTED = 1000
"""The most numbers that one checkpoint lists."""
_OF_THESE = "(SELECT value FROM json_each(?))"


class _Totals:
    """What was counted, as of the open transaction: by sink, and losses by sink and severity.

    `unsaved` losses are not in the file yet.
    """

    def __init__(self) -> None:
        self.events = 0
        self.size = 0
        self.put = 0
        self.next: dict[int, int] = {}
        self.heads: dict[int, Head] = {}
        self.owed: Counter[int] = Counter()
        self.lost: Counter[tuple[int, Severity]] = Counter()
        self.unsaved: Counter[tuple[int, Severity]] = Counter()

    def copy(self) -> _Totals:
        """As it is now."""
        other = _Totals()
        other.events, other.size, other.put, other.next = self.events, self.size, self.put, dict(self.next)
        other.heads = dict(self.heads)
        other.owed, other.lost, other.unsaved = self.owed.copy(), self.lost.copy(), self.unsaved.copy()
        return other


class Store:
    """The file of one outbox. All methods but `stats` belong inside `transaction()`."""

    def __init__(
        self,
        settings: OutboxSettings,
        *,
        now: Callable[[], float],
        subscriptions: Subscriptions | None = None,
        signer: Signer | None = None,
    ) -> None:
        self._settings = settings
        self._signer = signer
        self._subscriptions = subscriptions or Subscriptions()
        self._path = settings.path
        self._max_bytes = settings.max_bytes
        self._now = now
        self._lock: IO[bytes] | None = None
        self.ledger = Ledger(Path(f"{settings.path}.ledger"))
        self._reserve = Reserve(Path(f"{settings.path}.reserve"), 0)
        self._db: sqlite3.Connection | None = None
        self._totals = _Totals()
        self.rooms = Rooms()
        self._undo: list[tuple[int, str, Severity, int]] = []
        self._taken: set[tuple[int, int]] = set()
        """Of each sink, the positions that are acknowledged and not deleted yet."""
        self._sinks: Mapping[int, SinkRow] = {}
        self._gone: Mapping[int, str] = {}
        self._known: Sequence[SinkRow] = ()
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
        if self._sinks:
            self.ledger.write(is_open=False, lost=self._unsaved, kept={})
        self._disconnect()
        self.ledger.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, on disk when the block has ended. Raises `sqlite3.Error`; then nothing happened."""
        totals, taken = self._totals.copy(), frozenset(self._taken)
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
        self._taken.clear()
        aside = set_aside(self._path, self._now())
        _log.error(
            "the outbox is damaged and set aside; it goes on as a new producer",
            extra={"path": str(self._path), "reason": reason, "aside": str(aside or "")},
        )
        self._path.touch(_FILE_MODE)
        self._connect().execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (self._top,))
        self._take_over(rows or ([self._row(event) for event in salvage(aside)] if aside else []), reason)

    def _row(self, event: Event) -> Row:
        """A row of a salvaged event: nobody knows who had it, so it is owed to all who want it."""
        return to_row(event, self._subscriptions.of(event))

    def _readable(self) -> list[Row]:
        """What the open connection still reads, as of a file that was removed under it; nothing when it reads badly."""
        if self._db is None:
            return []
        with suppress(sqlite3.Error):
            rows = self._db.execute(
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
            self.append(rows)
            self._insert(told, told.sinks)
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
            prepare(db, self._path, self._settings.durability, min(_LOG_PAGES, self._reserve.size // 4 // _PAGE_BYTES))
            self._counted_entry = read_meta(db, "ledger") or 0
            self._settle(db)
            self._count_all(db)
            self._top = max(self._top, top_position(db))
            self._inode = self._path.stat().st_ino
        except BaseException:
            db.close()
            raise
        self._db = db
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
        self._sinks = {sink.number: sink for sink in sinks}
        self._gone = {sink.number: sink.name for sink in self._known if sink.number not in self._sinks}
        self._subscriptions.settle({sink.name: sink.number for sink in sinks})

    def _count_all(self, db: sqlite3.Connection) -> None:
        totals = self._totals
        totals.events, totals.size = db.execute("SELECT count(*), coalesce(sum(size), 0) FROM events").fetchone()
        totals.next = {number: sink.next_sequence for number, sink in self._sinks.items()}
        totals.heads = {number: sink.head for number, sink in self._sinks.items()}
        totals.owed = Counter(dict(db.execute("SELECT sink, count(*) FROM owed GROUP BY sink")))
        self.rooms = Rooms(_waiting_shares(db), self._gone)
        for number, name in self._gone.items():
            if totals.owed[number]:
                _log.warning(
                    "events wait for a sink that the settings do not name; name it again, or in outbox.forget_sinks",
                    extra={"sink": name, "events": totals.owed[number]},
                )

    @property
    def _unsaved(self) -> dict[Severity, int]:
        """Losses that are not in the file, by severity: an event that several sinks lost is one."""
        counts: dict[Severity, int] = {}
        for (_, severity), count in self._totals.unsaved.items():
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
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def _roll_back(self) -> None:
        """Leave the transaction; a connection that cannot even do that is opened anew at the next one."""
        for sink, tenant, severity, count in reversed(self._undo):
            self.rooms.add(sink, tenant, severity, -count)
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
            if sinks := make_room(self, row, self._max_bytes):
                self._insert(row, sinks)
                self._totals.put += 1

    def lose(self, severity: Severity, count: int = 1, *, sinks: Collection[int] = ()) -> None:
        """Count events as lost, for all sinks if none is named; saved, and told of, with the next commit that succeeds.

        While the file was never opened, they count for the first sink.
        """
        for sink in sinks or self._subscriptions.all:
            self._totals.lost[sink, severity] += count
            self._totals.unsaved[sink, severity] += count

    def lose_told(self, severity: Severity, sink: int, sequence: int = 0) -> None:
        """Count an event as lost for a sink that another one tells it of already, under its number if it has one."""
        if sequence:
            self._connection.execute("INSERT OR IGNORE INTO replaced VALUES (?, ?)", (sink, sequence))
        self._totals.lost[sink, severity] += 1
        self._connection.execute(
            "INSERT INTO losses (sink, severity, total, untold) VALUES (?, ?, 1, 0)"
            " ON CONFLICT (sink, severity) DO UPDATE SET total = total + 1",
            (sink, severity),
        )

    def claim(self, limit: int, admission: Admission | None = None, *, sink: int = 0) -> list[Claimed]:
        """The oldest rows of a sink that are admitted, each with its number, which it gets now if it has none."""
        producer = self._sinks[sink].producer
        chosen: list[Claimed] = []
        shares: list[Share] = []
        for row in self._rows_after(sink, admission.after if admission else 0):
            position, sequence, link, kind, key, tenant, severity = row
            if len(chosen) == limit:
                break
            if (sink, position) not in self._taken and (
                admission is None or admission.admits(position, Kind(kind), key or producer)
            ):
                chosen.append(Claimed(producer, sequence or 0, self._body(position), position, to_link(link)))
                shares.append((tenant, Severity(severity)))
        return self._number(sink, chosen, shares)

    def acknowledge(self, positions: Sequence[int], *, sink: int = 0) -> None:
        """A sink has claimed events: noted with this commit, or the next one that succeeds; not claimed again."""
        self._taken.update((sink, position) for position in positions)

    def stats(self) -> OutboxStats:
        """How it stands after the last commit."""
        totals = self._totals
        lost_by = {name: _of_sink(totals.lost, number) for name, number in self._subscriptions.numbers.items()}
        return OutboxStats(
            producer=self._first.producer if self._sinks else "",
            waiting_events=totals.events,
            waiting_bytes=totals.size,
            next_sequence=totals.next.get(self._first.number, 1) if self._sinks else 1,
            put=totals.put,
            lost=sum((Counter(counts) for counts in lost_by.values()), Counter()),
            is_failing=self._is_failing,
            owed={name: totals.owed[number] for name, number in self._subscriptions.numbers.items()},
            lost_by=lost_by,
            gone={name: totals.owed[number] for number, name in self._gone.items() if totals.owed[number]},
        )

    @property
    def _first(self) -> SinkRow:
        return self._sinks[self._subscriptions.all[0]]

    @property
    def _connection(self) -> sqlite3.Connection:
        assert self._db is not None, "inside transaction()"
        return self._db

    def _rows_after(self, sink: int, position: int) -> list[Any]:
        return self._connection.execute(
            "SELECT position, sequence, link, kind, key, owed.tenant, owed.severity"
            " FROM owed JOIN events USING (position)"
            " WHERE sink = ? AND position > ? ORDER BY position LIMIT ?",
            (sink, position, _LOOK_AHEAD),
        ).fetchall()

    def _body(self, position: int) -> bytes:
        (body,) = self._connection.execute("SELECT body FROM events WHERE position = ?", (position,)).fetchone()
        return bytes(body)

    def _number(self, sink: int, claimed: Sequence[Claimed], shares: Sequence[Share]) -> list[Claimed]:
        """Give those numbers that have none, in the order of positions, and with each its place in the chain."""
        totals, numbered = self._totals, list[Claimed]()
        first = totals.next[sink]
        for row, (tenant, severity) in zip(claimed, shares, strict=True):
            numbered.append(row if row.sequence else self._place(sink, row))
            if not row.sequence:
                self._count(sink, tenant, severity, -1)
        if totals.next[sink] > first:
            self._connection.execute(
                "UPDATE sinks SET next_sequence = ?, head = ? WHERE number = ?",
                (totals.next[sink], totals.heads[sink].hash, sink),
            )
        return numbered

    def _place(self, sink: int, row: Claimed) -> Claimed:
        """The row with the sink's next number, at the end of its chain."""
        totals = self._totals
        row = replace(row, sequence=totals.next[sink])
        row = replace(row, link=link_to(totals.heads[sink], row, self._signer, partial(self._take_replaced, sink)))
        totals.next[sink] += 1
        totals.heads[sink] = replace(totals.heads[sink], hash=row.link.hash)
        self._connection.execute(
            "UPDATE owed SET sequence = ?, link = ? WHERE sink = ? AND position = ?",
            (row.sequence, of_link(row.link), sink, row.position),
        )
        return row

    def _take_replaced(self, sink: int) -> Sequence[int]:
        """The numbers that a sink's next checkpoint lists; later ones do not."""
        db = self._connection
        rows = db.execute("SELECT sequence FROM replaced WHERE sink = ? ORDER BY sequence LIMIT ?", (sink, _LISTED))
        numbers = [number for (number,) in rows.fetchall()]
        db.executemany("DELETE FROM replaced WHERE sink = ? AND sequence = ?", [(sink, each) for each in numbers])
        return numbers

    def _delete_taken(self) -> frozenset[tuple[int, int]]:
        """Delete what was acknowledged, now or when that could not be written."""
        taken = frozenset(self._taken)
        for sink in {sink for sink, _ in taken}:
            self._delete_of(sink, [position for each, position in sorted(taken) if each == sink])
        return taken

    def _delete_of(self, sink: int, positions: Sequence[int]) -> None:
        which = json.dumps(positions)
        done = self._connection.execute(
            f"DELETE FROM owed WHERE sink = ? AND sequence IS NOT NULL AND position IN {_OF_THESE}",  # noqa: S608 - a constant
            (sink, which),
        )
        self._totals.owed[sink] -= done.rowcount
        self._delete_unowed(which)

    def _delete_unowed(self, which: str) -> None:
        """Delete those of a JSON list of positions that no sink is owed any more."""
        sinks = json.dumps([*self._sinks, *self._gone])
        gone = self._connection.execute(
            f"DELETE FROM events WHERE position IN {_OF_THESE} AND NOT EXISTS (SELECT 1 FROM owed"  # noqa: S608 - as above
            f" WHERE sink IN {_OF_THESE} AND owed.position = events.position) RETURNING size",
            (which, sinks),
        ).fetchall()
        self._grow(-len(gone), -sum(size for (size,) in gone))

    def has_room(self, size: int) -> bool:
        """Whether an event of this size fits as it is."""
        return self._totals.events < self._settings.max_events and self._totals.size + size <= self._max_bytes

    def drop(self, sink: int, share: Share) -> None:
        """Lose a tenant's oldest event of a severity that has no number yet, for one sink."""
        tenant, severity = share
        position, told = self._connection.execute(
            "SELECT position, told FROM owed JOIN sinks ON number = sink"
            " WHERE sink = ? AND owed.severity = ? AND tenant = ? AND sequence IS NULL ORDER BY position LIMIT 1",
            (sink, severity, tenant),
        ).fetchone()
        self._connection.execute("DELETE FROM owed WHERE sink = ? AND position = ?", (sink, position))
        self._totals.owed[sink] -= 1
        self._count(sink, tenant, severity, -1)
        self._delete_unowed(json.dumps([position]))
        if position == told:
            self._untell(sink)
        else:
            self.lose(severity, sinks=[sink])

    def _insert(self, row: Row, sinks: Sequence[int]) -> None:
        done = self._connection.execute(
            "INSERT INTO events (severity, size, body, kind, key, tenant) VALUES (?, ?, ?, ?, ?, ?)",
            (row.severity, len(row.body), row.body, row.kind, row.key, row.tenant),
        )
        position = done.lastrowid or 0
        self._top = max(self._top, position)
        for sink in sinks:
            self._connection.execute(
                "INSERT INTO owed (sink, position, severity, tenant) VALUES (?, ?, ?, ?)",
                (sink, position, row.severity, row.tenant),
            )
            self._totals.owed[sink] += 1
            self._count(sink, row.tenant, row.severity, 1)
        self._grow(1, len(row.body))

    def _grow(self, events: int, size: int) -> None:
        self._totals.events += events
        self._totals.size += size

    def _count(self, sink: int, tenant: str, severity: Severity, count: int) -> None:
        """Note who has how much waiting, until the transaction is rolled back."""
        self.rooms.add(sink, tenant, severity, count)
        self._undo.append((sink, tenant, severity, count))

    def _set_meta(self, name: str, value: object) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))

    # --- Losses -------------------------------------------------------------------------------------------------------

    def _save_losses(self) -> None:
        """Write down what was lost, and tell of it if there is room."""
        if self._totals.unsaved:
            self._connection.executemany(
                "INSERT INTO losses (sink, severity, total, untold) VALUES (?1, ?2, ?3, ?3)"
                " ON CONFLICT (sink, severity) DO UPDATE SET total = total + ?3, untold = untold + ?3",
                [(sink, severity, count) for (sink, severity), count in self._totals.unsaved.items()],
            )
            self._set_meta("ledger", self.ledger.entry.number)
            self._totals.unsaved = Counter()
        self._tell_losses()

    def _tell_losses(self) -> None:
        """Tell each sink of its own losses, whatever else it wants, unless such an event waits for it already."""
        untold: dict[int, dict[Severity, int]] = {}
        for sink, severity, count in self._connection.execute(
            "SELECT sink, severity, untold FROM losses WHERE untold > 0"
        ):
            untold.setdefault(sink, {})[Severity(severity)] = count
        for sink, counts in untold.items():
            row = to_row(loss_event(counts, self._now()), (sink,))
            if sink in self._sinks and self.has_room(len(row.body)) and not self._is_telling(sink):
                self._insert(row, row.sinks)
                self._connection.execute("UPDATE losses SET telling = untold, untold = 0 WHERE sink = ?", (sink,))
                self._connection.execute("UPDATE sinks SET told = ? WHERE number = ?", (self._top, sink))

    def _is_telling(self, sink: int) -> bool:
        """Whether an event that tells of losses waits: a full outbox should not fill up with them."""
        waits = self._connection.execute(
            "SELECT 1 FROM owed JOIN sinks ON number = sink WHERE sink = ? AND position = told AND sequence IS NULL",
            (sink,),
        )
        return waits.fetchone() is not None

    def _untell(self, sink: int) -> None:
        """The event that tells of losses gives way: they are untold again."""
        self._connection.execute("UPDATE losses SET untold = untold + telling, telling = 0 WHERE sink = ?", (sink,))


def _of_sink(lost: Mapping[tuple[int, Severity], int], sink: int) -> dict[Severity, int]:
    return {severity: count for (number, severity), count in lost.items() if number == sink}


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
