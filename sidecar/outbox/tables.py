"""What stands in the outbox's file: events, which sinks are owed them, numbers, and losses. Synchronous, one owner.

All but the counts belongs inside a transaction of `store`, which opens the file, and makes it anew where it must.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from sidecar.outbox.chain import Head, Signer
from sidecar.outbox.event import Kind
from sidecar.outbox.format import SinkRow, of_link, to_link
from sidecar.outbox.ledger import Ledger
from sidecar.outbox.memory import loss_event
from sidecar.outbox.outbox import Admission, OutboxStats
from sidecar.outbox.room import Rooms, Share, make_room
from sidecar.outbox.rows import Claimed, Row, link_to, to_row
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.subscriptions import Subscriptions
from sidecar.values import Severity

_LOOK_AHEAD = 2000
"""How many events a claim looks at, at most, so that commits do not wait for it."""
_LISTED = 1000
"""The most numbers that one checkpoint lists."""
_OF_THESE = "(SELECT value FROM json_each(?))"


class Totals:
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

    def copy(self) -> Totals:
        """As it is now."""
        other = Totals()
        other.events, other.size, other.put, other.next = self.events, self.size, self.put, dict(self.next)
        other.heads = dict(self.heads)
        other.owed, other.lost, other.unsaved = self.owed.copy(), self.lost.copy(), self.unsaved.copy()
        return other


class Tables:
    """See the module's text. What is public beside its methods is its store's to set."""

    def __init__(
        self,
        settings: OutboxSettings,
        *,
        now: Callable[[], float],
        subscriptions: Subscriptions,
        signer: Signer | None,
        ledger: Ledger,
    ) -> None:
        self._settings = settings
        self._now = now
        self._subscriptions = subscriptions
        self._signer = signer
        self._ledger = ledger
        self.max_bytes = settings.max_bytes
        self.db: sqlite3.Connection | None = None
        self.totals = Totals()
        self.rooms = Rooms()
        self.undo: list[tuple[int, str, Severity, int]] = []
        self.taken: set[tuple[int, int]] = set()
        """Of each sink, the positions that are acknowledged and not deleted yet."""
        self.sinks: Mapping[int, SinkRow] = {}
        self.gone: Mapping[int, str] = {}
        self.top = 0

    def append(self, rows: Sequence[Row]) -> None:
        """Add events, making room by severity. What finds no room is lost."""
        for row in rows:
            if sinks := make_room(self, row, self.max_bytes):
                self.insert(row, sinks)
                self.totals.put += 1

    def lose(self, severity: Severity, count: int = 1, *, sinks: Collection[int] = ()) -> None:
        """Count events as lost, for all sinks if none is named; saved, and told of, with the next commit that succeeds.

        While the file was never opened, they count for the first sink.
        """
        for sink in sinks or self._subscriptions.all:
            self.totals.lost[sink, severity] += count
            self.totals.unsaved[sink, severity] += count

    def lose_told(self, severity: Severity, sink: int, sequence: int = 0) -> None:
        """Count an event as lost for a sink that another one tells it of already, under its number if it has one."""
        if sequence:
            self._connection.execute("INSERT OR IGNORE INTO replaced VALUES (?, ?)", (sink, sequence))
        self.totals.lost[sink, severity] += 1
        self._connection.execute(
            "INSERT INTO losses (sink, severity, total, untold) VALUES (?, ?, 1, 0)"
            " ON CONFLICT (sink, severity) DO UPDATE SET total = total + 1",
            (sink, severity),
        )

    def claim(self, limit: int, admission: Admission | None = None, *, sink: int = 0) -> list[Claimed]:
        """The oldest rows of a sink that are admitted, each with its number, which it gets now if it has none."""
        producer = self.sinks[sink].producer
        chosen: list[Claimed] = []
        shares: list[Share] = []
        for row in self._rows_after(sink, admission.after if admission else 0):
            position, sequence, link, kind, key, tenant, severity = row
            if len(chosen) == limit:
                break
            if (sink, position) not in self.taken and (
                admission is None or admission.admits(position, Kind(kind), key or producer)
            ):
                chosen.append(Claimed(producer, sequence or 0, self._body(position), position, to_link(link)))
                shares.append((tenant, Severity(severity)))
        return self._number(sink, chosen, shares)

    def acknowledge(self, positions: Sequence[int], *, sink: int = 0) -> None:
        """A sink has claimed events: noted with this commit, or the next one that succeeds; not claimed again."""
        self.taken.update((sink, position) for position in positions)

    def stats(self, *, is_failing: bool) -> OutboxStats:
        """How it stands after the last commit."""
        totals = self.totals
        lost_by = {name: _of_sink(totals.lost, number) for name, number in self._subscriptions.numbers.items()}
        return OutboxStats(
            producer=self._first.producer if self.sinks else "",
            waiting_events=totals.events,
            waiting_bytes=totals.size,
            next_sequence=totals.next.get(self._first.number, 1) if self.sinks else 1,
            put=totals.put,
            lost=sum((Counter(counts) for counts in lost_by.values()), Counter()),
            is_failing=is_failing,
            owed={name: totals.owed[number] for name, number in self._subscriptions.numbers.items()},
            lost_by=lost_by,
            gone={name: totals.owed[number] for number, name in self.gone.items() if totals.owed[number]},
        )

    @property
    def _first(self) -> SinkRow:
        return self.sinks[self._subscriptions.all[0]]

    @property
    def _connection(self) -> sqlite3.Connection:
        assert self.db is not None, "inside transaction()"
        return self.db

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
        totals, numbered = self.totals, list[Claimed]()
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
        totals = self.totals
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

    def delete_taken(self) -> frozenset[tuple[int, int]]:
        """Delete what was acknowledged, now or when that could not be written."""
        taken = frozenset(self.taken)
        for sink in {sink for sink, _ in taken}:
            self._delete_of(sink, [position for each, position in sorted(taken) if each == sink])
        return taken

    def _delete_of(self, sink: int, positions: Sequence[int]) -> None:
        which = json.dumps(positions)
        done = self._connection.execute(
            f"DELETE FROM owed WHERE sink = ? AND sequence IS NOT NULL AND position IN {_OF_THESE}",  # noqa: S608 - a constant
            (sink, which),
        )
        self.totals.owed[sink] -= done.rowcount
        self._delete_unowed(which)

    def _delete_unowed(self, which: str) -> None:
        """Delete those of a JSON list of positions that no sink is owed any more."""
        sinks = json.dumps([*self.sinks, *self.gone])
        gone = self._connection.execute(
            f"DELETE FROM events WHERE position IN {_OF_THESE} AND NOT EXISTS (SELECT 1 FROM owed"  # noqa: S608 - as above
            f" WHERE sink IN {_OF_THESE} AND owed.position = events.position) RETURNING size",
            (which, sinks),
        ).fetchall()
        self._grow(-len(gone), -sum(size for (size,) in gone))

    def has_room(self, size: int) -> bool:
        """Whether an event of this size fits as it is."""
        return self.totals.events < self._settings.max_events and self.totals.size + size <= self.max_bytes

    def drop(self, sink: int, share: Share) -> None:
        """Lose a tenant's oldest event of a severity that has no number yet, for one sink."""
        tenant, severity = share
        position, told = self._connection.execute(
            "SELECT position, told FROM owed JOIN sinks ON number = sink"
            " WHERE sink = ? AND owed.severity = ? AND tenant = ? AND sequence IS NULL ORDER BY position LIMIT 1",
            (sink, severity, tenant),
        ).fetchone()
        self._connection.execute("DELETE FROM owed WHERE sink = ? AND position = ?", (sink, position))
        self.totals.owed[sink] -= 1
        self._count(sink, tenant, severity, -1)
        self._delete_unowed(json.dumps([position]))
        if position == told:
            self._untell(sink)
        else:
            self.lose(severity, sinks=[sink])

    def insert(self, row: Row, sinks: Sequence[int]) -> None:
        """Add an event that there is room for, owed to sinks."""
        done = self._connection.execute(
            "INSERT INTO events (severity, size, body, kind, key, tenant) VALUES (?, ?, ?, ?, ?, ?)",
            (row.severity, len(row.body), row.body, row.kind, row.key, row.tenant),
        )
        position = done.lastrowid or 0
        self.top = max(self.top, position)
        for sink in sinks:
            self._connection.execute(
                "INSERT INTO owed (sink, position, severity, tenant) VALUES (?, ?, ?, ?)",
                (sink, position, row.severity, row.tenant),
            )
            self.totals.owed[sink] += 1
            self._count(sink, row.tenant, row.severity, 1)
        self._grow(1, len(row.body))

    def _grow(self, events: int, size: int) -> None:
        self.totals.events += events
        self.totals.size += size

    def _count(self, sink: int, tenant: str, severity: Severity, count: int) -> None:
        """Note who has how much waiting, until the transaction is rolled back."""
        self.rooms.add(sink, tenant, severity, count)
        self.undo.append((sink, tenant, severity, count))

    def set_meta(self, name: str, value: object) -> None:
        """Note something about the file."""
        self._connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))

    # --- Losses -------------------------------------------------------------------------------------------------------

    def save_losses(self) -> None:
        """Write down what was lost, and tell of it if there is room."""
        if self.totals.unsaved:
            self._connection.executemany(
                "INSERT INTO losses (sink, severity, total, untold) VALUES (?1, ?2, ?3, ?3)"
                " ON CONFLICT (sink, severity) DO UPDATE SET total = total + ?3, untold = untold + ?3",
                [(sink, severity, count) for (sink, severity), count in self.totals.unsaved.items()],
            )
            self.set_meta("ledger", self._ledger.entry.number)
            self.totals.unsaved = Counter()
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
            if sink in self.sinks and self.has_room(len(row.body)) and not self._is_telling(sink):
                self.insert(row, row.sinks)
                self._connection.execute("UPDATE losses SET telling = untold, untold = 0 WHERE sink = ?", (sink,))
                self._connection.execute("UPDATE sinks SET told = ? WHERE number = ?", (self.top, sink))

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
