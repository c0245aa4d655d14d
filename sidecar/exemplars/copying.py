"""Copies collections of vector stores into files, again and again, while the service runs.

1. Each store that the settings name is copied to `FOLDER/NAME.jsonl`, where policies find it by its name.
2. A copy replaces the former one at once and only if it is right: what cannot be read, or is wrong, is logged and told,
   and the last good copy stays, also over a restart.
3. That a copy is another one is seen as any change of a policy's files is: policies are compiled anew, with another
   digest, and streams that run keep what they began with.

No stream waits for a store. A start waits for the first try of each, for as long as its client does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from detectors.models.exemplar_sets import MOST
from sidecar.config import ExemplarSettings, StoreSettings
from sidecar.errors import TidegateError
from sidecar.exemplars import files, stores

_log = logging.getLogger(__name__)


class Copies:
    """The copies of all stores. `changed` is called when one was replaced."""

    def __init__(self, settings: ExemplarSettings, changed: Callable[[], None]) -> None:
        self._settings = settings
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self.failing: dict[str, str] = {}
        """The stores that could not be copied when that was tried last, and why."""

    @property
    def note(self) -> str:
        """What is wrong, in words; empty where nothing is."""
        return "; ".join(f"{name}: {why}" for name, why in sorted(self.failing.items()))

    async def start(self) -> None:
        """Copy each store for the first time, and go on."""
        if not self._settings.stores:
            return
        await self._copy_all()
        self._task = asyncio.create_task(self._run(), name="exemplars")

    async def stop(self) -> None:
        """Copy no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._settings.refresh_s)
            if await self._copy_all():
                self._changed()

    async def _copy_all(self) -> bool:
        """Copy all; whether one of them is another one now."""
        tried = [await self._copy(name, store) for name, store in self._settings.stores.items()]
        return any(tried)

    async def _copy(self, name: str, store: StoreSettings) -> bool:
        """Copy one; whether it is another one now. What goes wrong is told once, until it goes well again."""
        try:
            is_new = await asyncio.to_thread(copy, name, store, self._settings.folder)
        except (TidegateError, OSError) as error:
            if name not in self.failing:
                _log.warning("exemplars were not copied", extra={"store": name, "error": str(error)})
            self.failing[name] = str(error)
            return False
        if self.failing.pop(name, None):
            _log.info("exemplars are copied again", extra={"store": name})
        return is_new


def copy(name: str, store: StoreSettings, folder: Path) -> bool:
    """Copy a store's collection to its file; whether that is another one now. Raises `TidegateError` or `OSError`."""
    rows = stores.read(store, key=store.key, most=MOST)
    return files.put(folder / f"{name}.jsonl", rows, is_bare=store.vectors_only)
