"""Bounds on what messages hold before a service reads them, by connection and by process.

1. A message that fits into a call's window may arrive at once. While it is not whole it is noted here; when such notes
   come to too many bytes, the call whose message was begun first is refused.
2. A larger one is let in when there is room for all of it, in the order in which they were begun. So those that were
   let in can always end, and the others wait at their callers', who are not given a window.

How long a message may take is `Call`'s to mind.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, Protocol

MOST_ANSWER_BYTES: Final = 8 << 20
"""Of answers that wait, in the process."""
STALE_SECONDS: Final = 0.5
"""An answer of which nothing was taken for so long may be cut."""


class Holder(Protocol):
    """A call, as this sees it."""

    @property
    def owner(self) -> object:
        """Its connection."""
        ...

    def admit(self) -> None:
        """There is room for its message now."""
        ...

    def evict(self) -> None:
        """It holds bytes that others need."""
        ...


@dataclass(frozen=True, slots=True)
class HoldingLimits:
    """Bytes of large messages, and of notes; by process, and by connection. One message is let in whatever its size."""

    large: int = 16 << 20
    large_of_one: int = 12 << 20
    noted: int = 4 << 20
    noted_of_one: int = 2 << 20


class Holdings:
    """See the module's text."""

    def __init__(self, limits: HoldingLimits | None = None) -> None:
        self._limits = limits or HoldingLimits()
        self._noted: dict[Holder, int] = {}
        self._admitted: dict[Holder, int] = {}
        self._waiting: dict[Holder, int] = {}
        self._noted_bytes = _Sum()
        self._admitted_bytes = _Sum()

    @property
    def held_bytes(self) -> int:
        """What may be held at present."""
        return self._noted_bytes.total + self._admitted_bytes.total

    def note(self, holder: Holder, size: int) -> None:
        """So many bytes of an unfinished message are here."""
        self._noted_bytes.add(holder.owner, size - self._noted.get(holder, 0))
        self._noted[holder] = size
        while self._noted_bytes.total > self._limits.noted:
            self._evict(next(iter(self._noted)))
        while self._noted_bytes.of[holder.owner] > self._limits.noted_of_one:
            self._evict(next(each for each in self._noted if each.owner is holder.owner))

    def ask(self, holder: Holder, size: int) -> None:
        """Have `holder` admitted when there is room for so many bytes; perhaps at once."""
        if holder not in self._admitted:
            self._waiting[holder] = size
            self._admit()

    def release(self, holder: Holder) -> None:
        """Its message is whole and read, or its call is over."""
        self._forget(holder)
        if self._waiting:
            self._admit()

    def settle(self, holder: Holder) -> None:
        """Its message is whole: what was noted of it is no longer unfinished."""
        size = self._noted.pop(holder, 0)
        if size:
            self._noted_bytes.add(holder.owner, -size)

    def _forget(self, holder: Holder) -> None:
        self.settle(holder)
        self._waiting.pop(holder, None)
        admitted = self._admitted.pop(holder, 0)
        if admitted:
            self._admitted_bytes.add(holder.owner, -admitted)

    def _evict(self, holder: Holder) -> None:
        self._forget(holder)
        holder.evict()

    def _admit(self) -> None:
        for holder, size in [*self._waiting.items()]:
            if holder in self._waiting and self._has_room(holder, size):
                del self._waiting[holder]
                self._admitted[holder] = size
                self._admitted_bytes.add(holder.owner, size)
                holder.admit()

    def _has_room(self, holder: Holder, size: int) -> bool:
        of_one, total = self._admitted_bytes.of[holder.owner], self._admitted_bytes.total
        limits = self._limits
        return (not of_one or of_one + size <= limits.large_of_one) and (not total or total + size <= limits.large)


class _Sum:
    """Bytes, all together and by owner."""

    def __init__(self) -> None:
        self.total = 0
        self.of: Counter[object] = Counter()

    def add(self, owner: object, size: int) -> None:
        self.total += size
        self.of[owner] += size
        if not self.of[owner]:
            del self.of[owner]


class Waiter(Protocol):
    """A call with an answer that its client does not take, as `Answers` sees it."""

    def cut(self) -> None:
        """Its answer holds bytes that others need."""
        ...


class Answers:
    """Bounds the answers that wait because their clients do not take them: beyond, the longest waiting is cut.

    One that was taken from within the last half second is never cut: then there may be more for a while.
    """

    def __init__(self, limit: int = MOST_ANSWER_BYTES) -> None:
        self._limit = limit
        self._waiting: dict[Waiter, tuple[int, float]] = {}
        self.total = 0

    def wait(self, waiter: Waiter, size: int, now: float) -> None:
        """So much of an answer waits; some of it was taken just now, or it is new."""
        self.leave(waiter)
        self._waiting[waiter] = (size, now)
        self.total += size
        while self.total > self._limit:
            first, (_, since) = next(iter(self._waiting.items()))
            if now - since < STALE_SECONDS:
                return
            self.leave(first)
            first.cut()

    def leave(self, waiter: Waiter) -> None:
        """Nothing of its answer waits any more."""
        size, _ = self._waiting.pop(waiter, (0, 0.0))
        self.total -= size
