"""The outbox in memory: the tests' double of the one on disk, held to the same tests. It ends with the process."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence

from sidecar.outbox.event import Event
from sidecar.outbox.outbox import Numbered, OutboxError, OutboxStats
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.store import Row, loss_event, to_event, to_row
from sidecar.values import Severity


class MemoryOutbox:
    """An `Outbox` in a list. Oldest first; the first `_numbered` rows have their numbers, which end before `_next`."""

    def __init__(
        self,
        settings: OutboxSettings | None = None,
        *,
        producer: str = "tidegate-memory",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings or OutboxSettings()
        self._producer = producer
        self._now = now
        self._rows: list[Row] = []
        self._numbered = 0
        self._next = 1
        self._put = 0
        self._commits = 0
        self._lost: Counter[Severity] = Counter()
        self._untold: Counter[Severity] = Counter()
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
        for row in map(to_row, events):
            if self._is_open and self._make_room(row):
                self._rows.append(row)
                self._put += 1
            else:
                self._lose(row)
        self._commit()
        self._has_put.set()

    async def claim(self, limit: int) -> list[Numbered]:
        """The oldest events, at most `limit`, numbered."""
        self._require_open()
        self._has_put.clear()
        added = max(0, min(limit, len(self._rows)) - self._numbered)
        self._numbered += added
        self._next += added
        first = self._next - self._numbered
        rows = self._rows[: min(limit, self._numbered)]
        return [Numbered(self._producer, first + index, to_event(row.body)) for index, row in enumerate(rows)]

    async def acknowledge(self, sequence: int) -> None:
        """Delete the claimed events up to this number."""
        self._require_open()
        first = self._next - self._numbered
        gone = min(max(0, sequence - first + 1), self._numbered)
        del self._rows[:gone]
        self._numbered -= gone
        self._commit()

    async def wait(self) -> None:
        """Return when there may be events to claim."""
        await self._has_put.wait()

    def stats(self) -> OutboxStats:
        """How it stands."""
        return OutboxStats(
            producer=self._producer,
            waiting_events=len(self._rows),
            waiting_bytes=self._size,
            next_sequence=self._next,
            put=self._put,
            commits=self._commits,
            lost=dict(self._lost),
            is_failing=False,
        )

    @property
    def events(self) -> list[Event]:
        """All that lies in it, oldest first."""
        return [to_event(row.body) for row in self._rows]

    @property
    def _size(self) -> int:
        return sum(len(row.body) for row in self._rows)

    def _require_open(self) -> None:
        if not self._is_open:
            raise OutboxError("the outbox is closed")

    def _make_room(self, row: Row) -> bool:
        if len(row.body) > self._settings.max_bytes:
            return False
        while not self._has_room(row):
            waiting = self._rows[self._numbered :]
            victim = min(waiting, key=lambda other: other.severity, default=None)
            if victim is None or victim.severity > row.severity:
                return False
            del self._rows[self._numbered + waiting.index(victim)]
            self._lose(victim)
        return True

    def _has_room(self, row: Row) -> bool:
        return len(self._rows) < self._settings.max_events and self._size + len(row.body) <= self._settings.max_bytes

    def _lose(self, row: Row) -> None:
        self._lost[row.severity] += 1
        self._untold[row.severity] += 1

    def _commit(self) -> None:
        self._commits += 1
        if not self._untold:
            return
        row = to_row(loss_event(self._untold, self._now()))
        if self._has_room(row):
            self._rows.append(row)
            self._untold.clear()
