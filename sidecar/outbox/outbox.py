"""The outbox: events are committed here before what they record is shown, and stay until they are acknowledged.

    put ──> waiting ──claim──> numbered ──acknowledge──> gone
                └──(full)──> lost, counted

1. `put` hands events over and returns when they are committed, a group of puts at a time, or counted as lost.
2. The publisher **claims** the oldest events. A claim gives them their sequence numbers, without a gap, and commits the
   numbers before anything is sent. From then on an event is never dropped: a number is a promise to publish.
3. Claimed events are claimed again, under the same numbers, until they are **acknowledged**; then they are deleted.
4. When the outbox is full, events without a number are lost, the lowest severity first and of those the oldest.
   Losses are counted by severity, and published as a fault event as soon as there is room again.

What it does not promise: that an event is published once. A repeat has the same id and the same number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from sidecar.errors import TidegateError
from sidecar.outbox.event import Event
from sidecar.values import Severity


class OutboxError(TidegateError):
    """The outbox cannot be used: its file is another process's, is damaged, or cannot be written."""


class Numbered(msgspec.Struct, frozen=True, gc=False):
    """An event that was claimed: `sequence` counts the events of `producer` from 1."""

    producer: str
    sequence: int
    event: Event


class OutboxStats(msgspec.Struct, frozen=True, kw_only=True):
    """How the outbox stands. `put`, `commits` and `lost` (by severity) count since it was started.

    `is_failing` says that the last commit failed (disk full, I/O error): new events are being lost.
    """

    producer: str
    waiting_events: int
    waiting_bytes: int
    next_sequence: int
    put: int
    commits: int
    lost: Mapping[Severity, int]
    is_failing: bool


class Outbox(Protocol):
    """What streams and the publisher see of an outbox."""

    async def start(self) -> None:
        """Open it. Raises `OutboxError` when it cannot be used."""
        ...

    async def stop(self) -> None:
        """Commit what is waiting and close. A later `put` counts as lost."""
        ...

    async def put(self, events: Sequence[Event]) -> None:
        """Record events, in this order. Returns when they are committed, or counted as lost; raises nothing."""
        ...

    async def claim(self, limit: int) -> list[Numbered]:
        """The oldest events, at most `limit`, numbered; the same ones until they are acknowledged.

        Raises `OutboxError` when it cannot be read or written just now.
        """
        ...

    async def acknowledge(self, sequence: int) -> None:
        """Delete the claimed events up to this number. Raises `OutboxError` when it cannot be written just now."""
        ...

    async def wait(self) -> None:
        """Return when there may be events to claim; at once if something was put since the last claim."""
        ...

    def stats(self) -> OutboxStats:
        """How it stands after the last commit. Costs nothing."""
        ...
