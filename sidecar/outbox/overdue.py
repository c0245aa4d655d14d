"""Events whose streams went on before the disk had answered: lost if the process ends before it does, and noted so.

They stand in the ledger, in room that needs no commit, written by a thread of its own: the outbox's own thread is the
one that waits. How many bytes of them there may be is bounded.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

from sidecar.outbox.ledger import Ledger
from sidecar.outbox.rows import Row
from sidecar.values import Severity


class Overdue:
    """How many there are just now, by severity. Added on the event loop, settled on whichever thread has the result."""

    def __init__(self, ledger: Ledger, max_bytes: int) -> None:
        self._ledger = ledger
        self._max_bytes = max_bytes
        self._counts: Counter[Severity] = Counter()
        self._noted: Counter[Severity] = Counter()
        self._size = 0
        self._lock = Lock()
        self._notes = ThreadPoolExecutor(1, "outbox-overdue")

    def __len__(self) -> int:
        return self._counts.total()

    def has_room(self, rows: Sequence[Row]) -> bool:
        """Whether so much more may wait for the disk; the first may always."""
        return not self._size or self._size + _size(rows) <= self._max_bytes

    def add(self, result: Future[Any], rows: Sequence[Row], *, held: bool = True) -> asyncio.Future[None]:
        """Count rows until a result is there; done when they are noted. `held` says that they take up memory."""
        counts, size = Counter(row.severity for row in rows), _size(rows) if held else 0
        self._change(counts, size)
        result.add_done_callback(lambda _: self._settle(counts, size))
        return asyncio.wrap_future(self._notes.submit(self._note))

    def finish(self) -> None:
        """Return when what was settled is noted."""
        self._notes.submit(self._note).result()

    def _settle(self, counts: Counter[Severity], size: int) -> None:
        self._change(Counter({severity: -count for severity, count in counts.items()}), -size)
        self._notes.submit(self._note)

    def _change(self, counts: Counter[Severity], size: int) -> None:
        with self._lock:
            self._counts.update(counts)
            self._size += size

    def _note(self) -> None:
        with self._lock:
            counts = +self._counts
        if counts != self._noted:
            self._ledger.write_overdue(counts)
            self._noted = counts


def _size(rows: Sequence[Row]) -> int:
    return sum(len(row.body) for row in rows)
