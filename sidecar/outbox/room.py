"""Who gives way when the outbox is full: of the sink that has the most waiting, the lowest severity first, its oldest.

1. An event that is recorded competes by severity with what waits for the same sinks. It pushes out nothing that another
   sink waits for, unless that sink has more waiting than those that want the event: a sink that is ill makes room for
   those that are well. What waits for a sink that the settings name no more goes first of all.
2. Within a sink it is the tenant's that holds the most. A tenant that holds more than half of what may give way finds
   room among its own events only, so that nobody's flood pushes out what others have waiting. (What belongs to no
   tenant is no flood.)

An event that gives way for one sink is still there for the others. Pure; the outbox on disk and the one in memory share
it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Protocol, TypeVar

from sidecar.outbox.rows import Row
from sidecar.values import Severity

K = TypeVar("K")
Share = tuple[str, Severity]
"""A tenant's events of one severity."""


class Room:
    """Counts the events of one sink that may give way: those that wait and have no number yet."""

    def __init__(self, counts: Iterable[tuple[Share, int]] = ()) -> None:
        self._counts: Counter[Share] = Counter()
        self._tenants: Counter[str] = Counter()
        self.total = 0
        for (tenant, severity), count in counts:
            self.add(tenant, severity, count)

    def add(self, tenant: str, severity: Severity, count: int = 1) -> None:
        """More wait; with a negative count, fewer."""
        _add(self._counts, (tenant, severity), count)
        _add(self._tenants, tenant, count)
        self.total += count

    def victim(self, tenant: str, most: Severity) -> Share | None:
        """Whose event, and of which severity, gives way to one of this tenant; None when none matters as little."""
        is_flood = bool(tenant) and 2 * self._tenants[tenant] > self.total
        able = [share for share in self._counts if share[1] <= most and (share[0] == tenant or not is_flood)]
        return min(able, key=lambda share: (share[1], -self._tenants[share[0]]), default=None)


class Rooms:
    """A room for each sink, by its number. `gone` are those that the settings name no more."""

    def __init__(self, counts: Iterable[tuple[int, Share, int]] = (), gone: Collection[int] = ()) -> None:
        self._rooms: dict[int, Room] = {}
        self._gone = frozenset(gone)
        for sink, (tenant, severity), count in counts:
            self.add(sink, tenant, severity, count)

    def add(self, sink: int, tenant: str, severity: Severity, count: int = 1) -> None:
        """More wait for a sink; with a negative count, fewer."""
        self._rooms.setdefault(sink, Room()).add(tenant, severity, count)

    def waiting(self, sink: int) -> int:
        """How many events of a sink may give way."""
        return self._rooms[sink].total if sink in self._rooms else 0

    def who_gives_way(self, wanted_by: Collection[int]) -> int:
        """The sink that makes room for an event: the fullest of those that want it, or another that is fuller still."""
        fullest = max(wanted_by, key=self._fullness)
        other = max(self._rooms, key=self._fullness, default=fullest)
        return other if self._fullness(other)[:2] > self._fullness(fullest)[:2] else fullest

    def victim(self, sink: int, tenant: str, most: Severity) -> Share | None:
        """What of a sink's gives way; None when nothing does."""
        room = self._rooms.get(sink)
        return room.victim(tenant, most) if room is not None else None

    def _fullness(self, sink: int) -> tuple[bool, int, int]:
        """Of two as full as each other, the one that was named last gives way."""
        waiting = self.waiting(sink)
        return sink in self._gone and waiting > 0, waiting, sink


class Keeper(Protocol):
    """Keeps events, within bounds."""

    rooms: Rooms

    def has_room(self, size: int) -> bool:
        """Whether a row of this size fits as it is."""
        ...

    def drop(self, sink: int, share: Share) -> None:
        """Lose a sink's oldest event of a share that has no number yet, and count it."""
        ...

    def lose(self, severity: Severity, count: int = 1, *, sinks: Collection[int] = ()) -> None:
        """Count events as lost for sinks."""
        ...


def make_room(keeper: Keeper, row: Row, max_bytes: int) -> tuple[int, ...]:
    """Have events give way until a row fits. For which sinks it is to be kept; for the others it is lost, counted."""
    sinks = list(row.sinks)
    if len(row.body) > max_bytes:
        keeper.lose(row.severity, sinks=sinks)
        return ()
    while sinks and not keeper.has_room(len(row.body)):
        sink = keeper.rooms.who_gives_way(sinks)
        tenant, most = (row.tenant, row.severity) if sink in sinks else ("", Severity.CRITICAL)
        share = keeper.rooms.victim(sink, tenant, most)
        if share is not None:
            keeper.drop(sink, share)
        else:
            sinks.remove(sink)
            keeper.lose(row.severity, sinks=[sink])
    return tuple(sinks)


def _add(counts: Counter[K], key: K, count: int) -> None:
    counts[key] += count
    if not counts[key]:
        del counts[key]
