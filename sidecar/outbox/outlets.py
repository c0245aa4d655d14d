"""What one sink's publisher sees of an outbox, and how it learns that there is something for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from sidecar.outbox.outbox import Admission, Numbered
from sidecar.outbox.subscriptions import Subscriptions
from sidecar.values import Severity


class Bells:
    """A bell for each sink: rung when something was put, silent from each claim on."""

    def __init__(self) -> None:
        self._bells: dict[int, asyncio.Event] = {}
        self._is_rung = False

    def of(self, sink: int) -> asyncio.Event:
        """A sink's; it rings at once if something was put before anybody asked."""
        if sink not in self._bells:
            bell = self._bells[sink] = asyncio.Event()
            if self._is_rung:
                bell.set()
        return self._bells[sink]

    def ring(self) -> None:
        """Something was put: let all look."""
        self._is_rung = True
        for bell in self._bells.values():
            bell.set()

    def hush(self, sink: int) -> None:
        """A sink looks now."""
        self.of(sink).clear()


class Shared(Protocol):
    """An outbox that is asked for each of its sinks, by number."""

    async def claim(self, limit: int, admission: Admission | None = None, *, sink: int = 0) -> list[Numbered]:
        """As `Outlet.claim`, for a sink."""
        ...

    async def acknowledge(self, taken: Sequence[Numbered], *, sink: int = 0) -> None:
        """As `Outlet.acknowledge`, for a sink."""
        ...

    async def lose(self, severity: Severity, instead_of: Numbered | None = None, *, sink: int = 0) -> None:
        """As `Outlet.lose`, for a sink."""
        ...

    async def wait(self, *, sink: int = 0) -> None:
        """As `Outlet.wait`, for a sink."""
        ...


class SinkOutlet:
    """An `Outlet`: what an outbox keeps for the sink of a name. Its number is known once the outbox is open."""

    def __init__(self, outbox: Shared, name: str, subscriptions: Subscriptions) -> None:
        self._outbox = outbox
        self._name = name
        self._subscriptions = subscriptions
        self._number()

    async def claim(self, limit: int, admission: Admission | None = None) -> list[Numbered]:
        """The sink's oldest events that are admitted, at most `limit`, numbered. Raises `OutboxError`."""
        return await self._outbox.claim(limit, admission, sink=self._number())

    async def acknowledge(self, taken: Sequence[Numbered]) -> None:
        """The sink has them. Raises `OutboxError` when closed."""
        await self._outbox.acknowledge(taken, sink=self._number())

    async def lose(self, severity: Severity, instead_of: Numbered | None = None) -> None:
        """Count an event as lost for the sink that another one tells it of. Raises `OutboxError` when closed."""
        await self._outbox.lose(severity, instead_of, sink=self._number())

    async def wait(self) -> None:
        """Return when there may be something for it."""
        await self._outbox.wait(sink=self._number())

    def _number(self) -> int:
        return self._subscriptions.numbers[self._name]
