"""Outboxes of workers that are no more: what they hold is published all the same, until they are empty.

With several workers each has a file of its own (`outbox_of`), so that no file has two writers and each producer's
numbers stay gapless. Fewer workers at the next start would leave the others' events behind.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from sidecar.config import Settings
from sidecar.outbox.chain import Signer
from sidecar.outbox.checkpoints import checkpoint_event
from sidecar.outbox.format import worker_of
from sidecar.outbox.outbox import OutboxError
from sidecar.outbox.publishing import Publishing, of_worker
from sidecar.outbox.settings import OutboxSettings

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0

Section = TypeVar("Section", bound=BaseModel)


def of_service(outbox: OutboxSettings) -> OutboxSettings:
    """The settings of a service's own outbox, which says in its file that it is no worker's that is no more."""
    return outbox if outbox.worker is not None else outbox.model_copy(update={"worker": 0})


def left_over(path: Path, workers: int) -> list[int]:
    """The numbers of the workers whose outboxes lie beside this one, and who are not among so many."""
    name = re.compile(re.escape(path.stem) + r"-([1-9]\d*)" + re.escape(path.suffix))
    found = (name.fullmatch(each.name) for each in path.parent.glob(f"{path.stem}-*"))
    return sorted(number for each in found if each is not None and (number := int(each[1])) >= workers)


class LeftOver:
    """Publishes them, one after the other. `start` and `stop` are called by its owner."""

    def __init__(self, settings: Settings, *, workers: int, signer: Signer | None = None) -> None:
        self._settings = settings
        self._workers = workers
        self._signer = signer
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin, if there are any and they are to be taken over. Does not wait."""
        outbox = self._settings.outbox
        numbers = left_over(outbox.path, self._workers) if outbox.take_over else []
        if numbers:
            self._task = asyncio.create_task(self._publish_all(numbers), name="left-over")

    async def stop(self) -> None:
        """Stop; what is not published yet stays where it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _publish_all(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            try:
                await self._publish(number)
            except OutboxError as error:  # another process's, or damaged
                _log.warning("an outbox is not taken over", extra={"worker": number, "error": str(error)})

    async def _publish(self, number: int) -> None:
        mine = self._settings.outbox
        path = of_worker(mine.path, number)
        if await asyncio.to_thread(worker_of, path) not in {number, None}:
            _log.warning(
                "an outbox is not taken over", extra={"worker": number, "error": f"{path} is another service's"}
            )
            return
        events = _owned(self._settings.events, "file", number)  # as the worker itself: no file has two writers
        publishing = Publishing(
            mine.model_copy(update={"path": path, "worker": number}), events, self._settings.kafka, signer=self._signer
        )
        if not publishing.publishers:
            return
        try:
            await publishing.outbox.start()
            if count := publishing.outbox.stats().waiting_events:
                _log.info("an outbox is taken over", extra={"worker": number, "events": count})
                if self._signer is not None:
                    await publishing.outbox.put([checkpoint_event(time.time(), final=True)])
                await publishing.begin()
            while any(publishing.outbox.stats().owed.values()):  # noqa: ASYNC110 - nobody tells that none is left
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            await publishing.stop()


def _owned(section: Section, key: str, number: int) -> Section:
    """The section with a worker's own file."""
    return section.model_copy(update={key: of_worker(getattr(section, key), number)})
