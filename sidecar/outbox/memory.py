"""An outbox in memory: what the one on disk turns to while the disk fails, and the tests' double of it.

`MemoryStore` is the synchronous part, with the same work as `Store`; it ends with the process.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec.structs import replace

from sidecar.outbox.builders import fault_event
from sidecar.outbox.chain import Head, Signer
from sidecar.outbox.event import Event, FaultKind
from sidecar.outbox.outbox import Admission, Numbered, OutboxError, OutboxStats
from sidecar.outbox.room import Room
from sidecar.outbox.rows import Claimed, Link, Row, Vouching, place_in_chain, to_event, to_row
from sidecar.outbox.settings import OutboxSettings
from sidecar.values import Severity


class MemoryStore:
    """Rows by position, oldest first; `_numbers` has those that are claimed. All methods are for one thread."""

    def __init__(
        self,
        *,
        producer: str,
        max_events: int,
        max_bytes: int,
        first: int = 1,
        signer: Signer | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.producer = producer
        self.size = 0
        self.put = 0
        self.next_sequence = 1
        self.lost: Counter[Severity] = Counter()
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._next = first
        self._rows: dict[int, Row] = {}
        self._links: dict[int, Link] = {}
        self._head = Head()
        self._replaced: set[int] = set()
        self._vouching = Vouching(signer, self._take_replaced)
        self._now = now
        self._room = Room()

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> Sequence[Row]:
        """All rows, oldest first."""
        return list(self._rows.values())

    @property
    def severities(self) -> Mapping[Severity, int]:
        """How many rows there are of each severity."""
        return Counter(row.severity for row in self._rows.values())

    def append(self, rows: Iterable[Row]) -> None:
        """Add rows, making room by severity. What finds no room is lost."""
        for row in rows:
            if self._make_room(row):
                self.insert(row)
                self.put += 1
            else:
                self.lost[row.severity] += 1

    def insert(self, row: Row) -> None:
        """Add a row for which there is room."""
        self._rows[self._next] = row
        self._next += 1
        self.size += len(row.body)
        self._room.add(row.tenant, row.severity)

    def has_room(self, size: int) -> bool:
        """Whether a row of this size fits as it is."""
        return len(self._rows) < self._max_events and self.size + size <= self._max_bytes

    def claim(self, limit: int, admission: Admission | None, after: int = 0) -> list[Claimed]:
        """The oldest rows that are admitted, at most `limit`, each with its number; it gets one if it has none."""
        claimed: list[Claimed] = []
        for position, row in self._rows.items():
            if len(claimed) == limit:
                break
            if position > after and (
                admission is None or admission.admits(position, row.kind, row.key or self.producer)
            ):
                place = self._place(position, row)
                claimed.append(Claimed(self.producer, place, self._rows[position].body, position))
        return claimed

    def acknowledge(self, positions: Iterable[int]) -> None:
        """Delete claimed rows."""
        for position in positions:
            if self._links.pop(position, None) is not None:
                self.size -= len(self._rows.pop(position).body)

    @property
    def waiting(self) -> Sequence[Row]:
        """The rows that have no number, oldest first."""
        return [row for position, row in self._rows.items() if position not in self._links]

    def forget_waiting(self) -> None:
        """Take out all rows that have no number."""
        for position in [position for position in self._rows if position not in self._links]:
            self._drop(position)

    def replace(self, sequence: int) -> None:
        """Note that another event goes under this number; the next checkpoint lists it."""
        self._replaced.add(sequence)

    def _take_replaced(self) -> Sequence[int]:
        numbers, self._replaced = sorted(self._replaced), set()
        return numbers

    def _place(self, position: int, row: Row) -> Link:
        """The row's number and place in the chain, which it gets now if it has none."""
        if position not in self._links:
            place = place_in_chain(row.body, self.producer, self.next_sequence, self._head, self._now(), self._vouching)
            self._links[position] = place
            self._head = Head(place.hash)
            self.next_sequence += 1
            self._room.add(row.tenant, row.severity, -1)
            self._rows[position] = replace(row, body=place.body or row.body)
            self.size += len(self._rows[position].body) - len(row.body)
        return self._links[position]

    def _make_room(self, row: Row) -> bool:
        if len(row.body) > self._max_bytes:
            return False
        while not self.has_room(len(row.body)):
            share = self._room.victim(row.tenant, row.severity)
            if share is None:
                return False
            self.lost[self._drop(self._oldest(*share)).severity] += 1
        return True

    def _oldest(self, tenant: str, severity: Severity) -> int:
        return next(
            position
            for position, row in self._rows.items()
            if (row.tenant, row.severity) == (tenant, severity) and position not in self._links
        )

    def _drop(self, position: int) -> Row:
        row = self._rows.pop(position)
        self.size -= len(row.body)
        self._room.add(row.tenant, row.severity, -1)
        return row


def loss_event(lost: Mapping[Severity, int], now: float, reason: str = "no room, or no disk") -> Event:
    """The event that tells how many events were lost."""
    return fault_event(FaultKind.EVENTS_LOST, "outbox", now, reason=reason, count=sum(lost.values()), lost=lost)


class MemoryOutbox:
    """An `Outbox` that ends with the process."""

    def __init__(
        self,
        settings: OutboxSettings | None = None,
        *,
        producer: str = "tidegate-memory",
        now: Callable[[], float] = time.time,
        signer: Signer | None = None,
    ) -> None:
        settings = settings or OutboxSettings()
        self._store = MemoryStore(
            producer=producer, max_events=settings.max_events, max_bytes=settings.max_bytes, signer=signer, now=now
        )
        self._now = now
        self._told: Counter[Severity] = Counter()
        self._is_open = False
        self._has_put = asyncio.Event()

    async def start(self) -> None:
        """Open it."""
        self._is_open = True
        self._has_put.set()

    async def stop(self) -> None:
        """Close it; what it holds stays until the process ends."""
        self._is_open = False

    async def put(self, events: Sequence[Event]) -> None:
        """Record events, or count them as lost."""
        rows = [to_row(event) for event in events]
        if self._is_open:
            self._store.append(rows)
        else:
            self._store.lost.update(row.severity for row in rows)
        self._commit()
        self._has_put.set()

    async def claim(self, limit: int, admission: Admission | None = None) -> list[Numbered]:
        """The oldest events that are admitted, at most `limit`, numbered."""
        self._require_open()
        self._has_put.clear()
        if admission is not None:
            admission.restart()
        after = admission.after if admission else 0
        return [claimed.numbered(self._now()) for claimed in self._store.claim(limit, admission, after)]

    async def acknowledge(self, taken: Sequence[Numbered]) -> None:
        """Delete claimed events."""
        self._require_open()
        self._store.acknowledge(numbered.position for numbered in taken)
        self._commit()

    async def lose(self, severity: Severity, instead_of: Numbered | None = None) -> None:
        """Count an event as lost that another one tells of."""
        if instead_of is not None:
            self._store.replace(instead_of.sequence)
        self._store.lost[severity] += 1
        self._told[severity] += 1

    async def wait(self) -> None:
        """Return when there may be events to claim."""
        await self._has_put.wait()

    def stats(self) -> OutboxStats:
        """How it stands."""
        return OutboxStats(
            producer=self._store.producer,
            waiting_events=len(self._store),
            waiting_bytes=self._store.size,
            next_sequence=self._store.next_sequence,
            put=self._store.put,
            lost=dict(self._store.lost),
            is_failing=False,
        )

    @property
    def events(self) -> list[Event]:
        """All that lies in it, oldest first."""
        return [to_event(row.body) for row in self._store.rows]

    def _require_open(self) -> None:
        if not self._is_open:
            raise OutboxError("the outbox is closed")

    def _commit(self) -> None:
        untold = self._store.lost - self._told
        if not untold:
            return
        row = to_row(loss_event(untold, self._now()))
        if self._store.has_room(len(row.body)):
            self._store.insert(row)
            self._told.update(untold)
