"""The outbox: events are committed here before what they record is shown, and stay until they are acknowledged.

    put ──> waiting ──claim──> numbered ──acknowledge──> gone
                └──(full)──> lost, counted

1. `put` hands events over and returns when they are committed, a group of puts at a time, or counted as lost.
2. The publisher **claims** events, the oldest first, but only those that can go somewhere. A claim gives them their
   sequence numbers, without a gap, and commits the numbers before anything is sent. From then on an event is never
   dropped: a number is a promise to publish. What cannot go anywhere just now keeps waiting, without a number.
3. Claimed events stay until they are **acknowledged**, each by itself; then they are deleted.
4. When the outbox is full, events without a number are lost, the lowest severity first (`room.py`).
   Losses are counted by severity, and published as a fault event as soon as there is room again.

What it does not promise: that an event is published once. A repeat has the same id and the same number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from sidecar.errors import TidegateError
from sidecar.outbox.event import Event, Kind
from sidecar.values import Severity


class OutboxError(TidegateError):
    """The outbox cannot be used: its file is another process's, is damaged, or cannot be written."""


class Numbered(msgspec.Struct, frozen=True, gc=False):
    """An event that was claimed: `sequence` counts the events of `producer` from 1; `position` is its place here."""

    producer: str
    sequence: int
    event: Event
    position: int = 0


class Admission(Protocol):
    """What a claim looks at, and which of it may be claimed. Called on the outbox's own thread, one claim at a time."""

    @property
    def after(self) -> int:
        """Only what lies beyond this position is looked at."""
        ...

    @property
    def after_memory(self) -> int:
        """The same for what is kept in memory while the disk fails."""
        ...

    def restart(self) -> None:
        """A claim begins, perhaps anew: forget what was asked before."""
        ...

    def admits(self, position: int, kind: Kind, key: str) -> bool:
        """Whether to claim this one. Asked in the order of positions, once each."""
        ...


class OutboxStats(msgspec.Struct, frozen=True, kw_only=True):
    """How the outbox stands. `put` and `lost` (by severity) count since it was started.

    `is_failing` says that the last commit failed (disk full, I/O error): new events are kept in memory, `in_memory` of
    them just now.
    """

    producer: str
    waiting_events: int
    waiting_bytes: int
    next_sequence: int
    put: int
    lost: Mapping[Severity, int]
    is_failing: bool
    in_memory: int = 0


class Inlet(Protocol):
    """What streams see of an outbox."""

    async def put(self, events: Sequence[Event]) -> None:
        """Record events, in this order. Returns when they are committed, or counted as lost; raises nothing."""
        ...


class Outbox(Inlet, Protocol):
    """What the publisher sees of it, too."""

    async def start(self) -> None:
        """Open it. Raises `OutboxError` when it cannot be used."""
        ...

    async def stop(self) -> None:
        """Commit what is waiting and close. A later `put` counts as lost."""
        ...

    async def claim(self, limit: int, admission: Admission | None = None) -> list[Numbered]:
        """The oldest events that are admitted, at most `limit`, numbered; without an admission, simply the oldest.

        What was claimed before and is not acknowledged has its number already, and is claimed again under it.
        Raises `OutboxError` when it cannot be read or written just now.
        """
        ...

    async def acknowledge(self, taken: Sequence[Numbered]) -> None:
        """Delete claimed events. What cannot be deleted just now is remembered and not claimed again."""
        ...

    async def lose(self, severity: Severity, instead_of: Numbered | None = None) -> None:
        """Count an event as lost that was claimed, and under whose number another one goes, which tells of it."""
        ...

    async def wait(self) -> None:
        """Return when there may be events to claim; at once if something was put since the last claim."""
        ...

    def stats(self) -> OutboxStats:
        """How it stands after the last commit. Costs nothing."""
        ...
