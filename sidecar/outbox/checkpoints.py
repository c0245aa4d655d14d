"""Checkpoints: events that sign what came before them, put after so many events, after so long, and at the end.

They go through the outbox like any other event, which completes them when they get their numbers (`chain.py`): so the
chain is covered up to there, and of what a killed process left behind the next process's checkpoint speaks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from sidecar.outbox.builders import timestamp, uuid7
from sidecar.outbox.event import Checkpoint, Event, Ids, Times
from sidecar.outbox.outbox import Inlet
from sidecar.values import Severity


def checkpoint_event(occurred: float, *, final: bool = False) -> Event:
    """A checkpoint as it is put, without what the outbox fills in. `occurred` is Unix time in seconds."""
    ids = Ids(event=uuid7(occurred), producer="", sequence=0)
    data = Checkpoint(ids=ids, time=Times(occurred=timestamp(occurred)), since=1, final=final)
    return Event(severity=Severity.INFO, key="", subject="checkpoint", data=data)


class Checkpoints:
    """Hands events on to an outbox, with a checkpoint now and then. `start` and `stop` are called by its owner."""

    def __init__(self, outbox: Inlet, *, every_events: int, every_seconds: float, now: Callable[[], float]) -> None:
        self._outbox = outbox
        self._every_events = every_events
        self._every_seconds = every_seconds
        self._now = now
        self._uncovered = 0
        self._has_uncovered = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look at the time."""
        self._task = asyncio.create_task(self._run(), name="checkpoints")

    async def stop(self) -> None:
        """Put the last checkpoint of this process."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
            await self._put_checkpoint(final=True)

    async def put(self, events: Sequence[Event]) -> None:
        """As the outbox does it."""
        self._uncovered += len(events)
        if self._uncovered >= self._every_events:
            self._uncovered = 0
            events = [*events, checkpoint_event(self._now())]
        elif events:
            self._has_uncovered.set()
        await self._outbox.put(events)

    async def _run(self) -> None:
        while True:
            await self._has_uncovered.wait()
            self._has_uncovered.clear()
            await asyncio.sleep(self._every_seconds)
            if self._uncovered:
                await self._put_checkpoint()

    async def _put_checkpoint(self, *, final: bool = False) -> None:
        self._uncovered = 0
        await self._outbox.put([checkpoint_event(self._now(), final=final)])
