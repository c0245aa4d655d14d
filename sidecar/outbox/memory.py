"""An outbox in memory: what the one on disk turns to while the disk fails, and the tests' double of it.

`MemoryStore` is the synchronous part, with the same work as `Store`; it ends with the process.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from sidecar.outbox.builders import fault_event
from sidecar.outbox.chain import Head, Signer
from sidecar.outbox.event import Event, FaultKind
from sidecar.outbox.outbox import Admission, Numbered, OutboxError, OutboxStats, Outlet
from sidecar.outbox.outlets import Bells, SinkOutlet
from sidecar.outbox.room import Rooms, Share, make_room
from sidecar.outbox.rows import Claimed, Link, Row, link_to, to_event, to_row
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.subscriptions import Subscriptions
from sidecar.values import Severity


class MemoryStore:
    """Rows by position, oldest first; `_owed` has what each sink is owed, with the number that it was given there.

    All methods are for one thread.
    """

    def __init__(
        self,
        *,
        producer: str,
        max_events: int,
        max_bytes: int,
        first: int = 1,
        subscriptions: Subscriptions | None = None,
        signer: Signer | None = None,
    ) -> None:
        self.producer = producer
        self._signer = signer
        self._heads: defaultdict[int, Head] = defaultdict(Head)
        self._links: dict[tuple[int, int], Link] = {}
        """By sink and position, of those that have a number."""
        self._replaced: defaultdict[int, set[int]] = defaultdict(set)
        self.size = 0
        self.put = 0
        self.lost: Counter[tuple[int, Severity]] = Counter()
        self.untold: Counter[tuple[int, Severity]] = Counter()
        self._telling: dict[int, tuple[int, Mapping[Severity, int]]] = {}
        """Of each sink, where the row stands that told it of losses last, and of which."""
        self.rooms = Rooms()
        self._subscriptions = subscriptions or Subscriptions()
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._position = first
        self._rows: dict[int, Row] = {}
        self._owed: defaultdict[int, dict[int, int]] = defaultdict(dict)
        """Of each sink, sequence numbers by position; 0 while there is none."""
        self._next: defaultdict[int, int] = defaultdict(lambda: 1)

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

    def owed(self, sink: int) -> int:
        """How many events a sink is owed."""
        return len(self._owed[sink])

    def next_sequence(self, sink: int) -> int:
        """The number that a sink's next event gets."""
        return self._next[sink]

    def append(self, rows: Iterable[Row]) -> None:
        """Add rows, making room by severity. What finds no room is lost."""
        for row in rows:
            if sinks := make_room(self, row, self._max_bytes):
                self.insert(row, sinks)
                self.put += 1

    def insert(self, row: Row, sinks: Iterable[int]) -> None:
        """Add a row for which there is room."""
        self._rows[self._position] = row
        for sink in sinks:
            self._owed[sink][self._position] = 0
            self.rooms.add(sink, row.tenant, row.severity)
        self._position += 1
        self.size += len(row.body)

    def has_room(self, size: int) -> bool:
        """Whether a row of this size fits as it is."""
        return len(self._rows) < self._max_events and self.size + size <= self._max_bytes

    def claim(self, limit: int, admission: Admission | None, after: int = 0, *, sink: int = 0) -> list[Claimed]:
        """A sink's oldest rows that are admitted, at most `limit`, each with its number; it gets one if it has none."""
        producer = self._producer_of(sink)
        claimed: list[Claimed] = []
        for position in self._owed[sink]:
            if len(claimed) == limit:
                break
            row = self._rows[position]
            if position > after and (admission is None or admission.admits(position, row.kind, row.key or producer)):
                number = self._owed[sink][position] or self._next[sink]
                claimed.append(self._placed(sink, Claimed(producer, number, row.body, position)))
        return claimed

    def acknowledge(self, positions: Iterable[int], *, sink: int = 0) -> None:
        """A sink has claimed rows; those that no other is owed are deleted."""
        for position in positions:
            if self._owed[sink].get(position):
                del self._owed[sink][position]
                del self._links[sink, position]
                self._forget(position)

    def replace(self, sink: int, sequence: int) -> None:
        """Note that another event goes under this number; the sink's next checkpoint lists it."""
        self._replaced[sink].add(sequence)

    @property
    def waiting(self) -> Sequence[Row]:
        """The rows that have no number somewhere, oldest first, for the sinks where they have none."""
        found = ((row, self._waiting_for(position)) for position, row in self._rows.items())
        return [replace(row, sinks=sinks) for row, sinks in found if sinks]

    def forget_waiting(self) -> None:
        """Take out all that has no number."""
        for position in list(self._rows):
            for sink in self._waiting_for(position):
                self._drop(sink, position)

    def _waiting_for(self, position: int) -> tuple[int, ...]:
        return tuple(sink for sink, owed in self._owed.items() if owed.get(position) == 0)

    def _producer_of(self, sink: int) -> str:
        """The first sink's is the outbox itself."""
        name = next((name for name, number in self._subscriptions.numbers.items() if number == sink), "")
        return self.producer if sink == self._subscriptions.all[0] else f"{self.producer}-{name}"

    def _placed(self, sink: int, row: Claimed) -> Claimed:
        """The row in its place in the chain: at its end, if it has none yet."""
        if not self._owed[sink][row.position]:
            link = link_to(self._heads[sink], row, self._signer, lambda: self._take_replaced(sink))
            self._links[sink, row.position] = link
            self._heads[sink] = Head(link.hash)
            self._owed[sink][row.position] = row.sequence
            self._next[sink] += 1
            stored = self._rows[row.position]
            self.rooms.add(sink, stored.tenant, stored.severity, -1)
        return replace(row, link=self._links[sink, row.position])

    def _take_replaced(self, sink: int) -> Sequence[int]:
        return sorted(self._replaced.pop(sink, ()))

    def tell(self, sink: int, row: Row, counts: Mapping[Severity, int]) -> bool:
        """Add a row that tells a sink of losses, if there is room and none waits already. Whether it did."""
        told, _ = self._telling.get(sink, (0, {}))
        if not self.has_room(len(row.body)) or self._owed[sink].get(told) == 0:
            return False
        self._telling[sink] = self._position, counts
        self.insert(row, (sink,))
        return True

    def drop(self, sink: int, share: Share) -> None:
        """Lose a tenant's oldest event of a severity that has no number yet, for one sink."""
        position = next(
            position
            for position, number in self._owed[sink].items()
            if not number and (self._rows[position].tenant, self._rows[position].severity) == share
        )
        told, counts = self._telling.get(sink, (0, {}))
        if position == told:
            self.untold.update({(sink, severity): count for severity, count in counts.items()})
        else:
            self.lose(share[1], sinks=[sink])
        self._drop(sink, position)

    def lose(self, severity: Severity, count: int = 1, *, sinks: Collection[int] = ()) -> None:
        """Count events as lost, for all sinks if none is named."""
        for sink in sinks or self._subscriptions.all:
            self.lost[sink, severity] += count
            self.untold[sink, severity] += count

    def _drop(self, sink: int, position: int) -> None:
        row = self._rows[position]
        del self._owed[sink][position]
        self.rooms.add(sink, row.tenant, row.severity, -1)
        self._forget(position)

    def _forget(self, position: int) -> None:
        """Delete a row that no sink is owed any more."""
        if not any(position in owed for owed in self._owed.values()):
            self.size -= len(self._rows.pop(position).body)


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
        subscriptions: Subscriptions | None = None,
        signer: Signer | None = None,
    ) -> None:
        settings = settings or OutboxSettings()
        self._subscriptions = subscriptions or Subscriptions()
        self._store = MemoryStore(
            producer=producer,
            max_events=settings.max_events,
            max_bytes=settings.max_bytes,
            subscriptions=self._subscriptions,
            signer=signer,
        )
        self._now = now
        self._is_open = False
        self._bells = Bells()

    async def start(self) -> None:
        """Open it."""
        self._is_open = True
        self._bells.ring()

    async def stop(self) -> None:
        """Close it; what it holds stays until the process ends."""
        self._is_open = False

    async def put(self, events: Sequence[Event]) -> None:
        """Record events, or count them as lost."""
        rows = [row for row in (to_row(event, self._subscriptions.of(event)) for event in events) if row.sinks]
        if self._is_open:
            self._store.append(rows)
        else:
            for row in rows:
                self._store.lose(row.severity, sinks=row.sinks)
        self._commit()
        self._bells.ring()

    def outlet(self, name: str) -> Outlet:
        """A sink's. Raises `KeyError` when there is none of that name."""
        return SinkOutlet(self, name, self._subscriptions)

    async def claim(self, limit: int, admission: Admission | None = None, *, sink: int = 0) -> list[Numbered]:
        """A sink's oldest events that are admitted, at most `limit`, numbered."""
        self._require_open()
        self._bells.hush(sink)
        if admission is not None:
            admission.restart()
        after = admission.after if admission else 0
        return [claimed.numbered(self._now()) for claimed in self._store.claim(limit, admission, after, sink=sink)]

    async def acknowledge(self, taken: Sequence[Numbered], *, sink: int = 0) -> None:
        """A sink has claimed events."""
        self._require_open()
        self._store.acknowledge((numbered.position for numbered in taken), sink=sink)
        self._commit()

    async def lose(self, severity: Severity, instead_of: Numbered | None = None, *, sink: int = 0) -> None:
        """Count an event as lost that another one tells of."""
        if instead_of is not None:
            self._store.replace(sink, instead_of.sequence)
        self._store.lost[sink, severity] += 1

    async def wait(self, *, sink: int = 0) -> None:
        """Return when there may be events to claim."""
        await self._bells.of(sink).wait()

    def stats(self) -> OutboxStats:
        """How it stands."""
        numbers = self._subscriptions.numbers
        lost_by = {name: self._lost_by(number) for name, number in numbers.items()}
        return OutboxStats(
            producer=self._store.producer,
            waiting_events=len(self._store),
            waiting_bytes=self._store.size,
            next_sequence=self._store.next_sequence(self._subscriptions.all[0]),
            put=self._store.put,
            lost=sum((Counter(counts) for counts in lost_by.values()), Counter()),
            is_failing=False,
            owed={name: self._store.owed(number) for name, number in numbers.items()},
            lost_by=lost_by,
        )

    @property
    def events(self) -> list[Event]:
        """All that lies in it, oldest first."""
        return [to_event(row.body) for row in self._store.rows]

    def _lost_by(self, sink: int) -> dict[Severity, int]:
        return {severity: count for (number, severity), count in self._store.lost.items() if number == sink}

    def _require_open(self) -> None:
        if not self._is_open:
            raise OutboxError("the outbox is closed")

    def _commit(self) -> None:
        """Tell each sink of what it lost, if there is room."""
        untold = +self._store.untold
        for sink in sorted({sink for sink, _ in untold}):
            counts = {severity: count for (number, severity), count in untold.items() if number == sink}
            if self._store.tell(sink, to_row(loss_event(counts, self._now()), (sink,)), counts):
                self._store.untold.subtract({(sink, severity): count for severity, count in counts.items()})
