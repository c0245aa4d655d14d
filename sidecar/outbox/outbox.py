"""The outbox: events are committed here before what they record is shown, and stay until all who want them have them.

    put ──> waiting ──claim──> numbered ──acknowledge──> had ──(by all sinks that want it)──> gone
                └──(full)──> lost, counted

1. `put` hands events over and returns when they are committed, a group of puts at a time, or counted as lost. What each
   sink is **owed** is settled there: each event that its filter wants.
2. Each sink has an **outlet** and a publisher. It claims what its sink is owed, the oldest first, but only what can go
   somewhere. A claim gives events their sequence numbers, without a gap, and commits the numbers before anything is
   sent. From then on an event is never dropped: a number is a promise to publish. What cannot go anywhere just now
   keeps waiting, without a number. Numbers are a sink's own: to each, it is as if it were the only one.
3. Claimed events stay until they are **acknowledged**, each by itself. What no sink is owed any more is deleted.
4. When the outbox is full, events without a number are lost, the lowest severity first, of the sink that has the most
   waiting (`room.py`). Losses are counted by sink and severity, and the sink is told by a fault event as soon as there
   is room again.

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

    An event that several sinks lost counts for each. `next_sequence` is the first sink's; `owed` says how many events
    each sink is owed, `lost_by` how many it has lost. `gone` are sinks that the settings name no
    more, and what they are owed.

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
    owed: Mapping[str, int] = {}
    lost_by: Mapping[str, Mapping[Severity, int]] = {}
    gone: Mapping[str, int] = {}


class Inlet(Protocol):
    """What streams see of an outbox."""

    async def put(self, events: Sequence[Event]) -> None:
        """Record events, in this order. Returns when they are committed, or counted as lost; raises nothing."""
        ...


class Outlet(Protocol):
    """What a publisher sees of it: what one sink is owed."""

    async def claim(self, limit: int, admission: Admission | None = None) -> list[Numbered]:
        """The oldest events that are admitted, at most `limit`, numbered; without an admission, simply the oldest.

        What was claimed before and is not acknowledged has its number already, and is claimed again under it.
        Raises `OutboxError` when it cannot be read or written just now.
        """
        ...

    async def acknowledge(self, taken: Sequence[Numbered]) -> None:
        """The sink has claimed events. What cannot be noted just now is remembered and not claimed again."""
        ...

    async def lose(self, severity: Severity, instead_of: Numbered | None = None) -> None:
        """Count an event as lost that was claimed, and under whose number another one goes, which tells of it."""
        ...

    async def wait(self) -> None:
        """Return when there may be events to claim; at once if something was put since the last claim."""
        ...


class Outbox(Inlet, Outlet, Protocol):
    """The whole of it. As an outlet it is that of the sink of number 0, the only one where one is named."""

    async def start(self) -> None:
        """Open it. Raises `OutboxError` when it cannot be used."""
        ...

    async def stop(self) -> None:
        """Commit what is waiting and close. A later `put` counts as lost."""
        ...

    def outlet(self, name: str) -> Outlet:
        """A sink's. Raises `KeyError` when it has none of that name."""
        ...

    def stats(self) -> OutboxStats:
        """How it stands after the last commit. Costs nothing."""
        ...
