"""Says when something changed in folders: at once by the kernel's word (inotify), where it gives one.

A folder's own entries are watched, so a save by renaming is seen, and how Kubernetes swaps a ConfigMap: one rename of
the link `..data`. What comes close together is told once.

What it does not promise: that all is seen. Some network file systems tell nothing, and the kernel has a limit for
watches; whoever needs to know looks by itself, too, every now and then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from watchfiles import awatch

_log = logging.getLogger(__name__)

_QUIET_MS = 50
"""Changes are told when nothing more has come for so long: an editor takes several steps to save a file."""
_LONGEST_MS = 500
"""And after so long whatever comes."""
_TURN_MS = 500
"""How long the kernel is listened to at a time."""
_MOST_FOLDERS = 1000
"""The kernel's watches are for all programs of a user."""


class Watch:
    """Sets an event when something changes in the folders that are or hold some paths."""

    def __init__(self, changed: asyncio.Event) -> None:
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self._folders: frozenset[Path] = frozenset()
        self.is_told = False
        """Whether the kernel tells of changes."""

    async def follow(self, paths: Iterable[Path], *, anew: bool = False) -> None:
        """Watch these from now on. `anew`: also when they are the same, since a folder may be another one by now."""
        folders = await asyncio.to_thread(_folders, tuple(paths))
        if folders == self._folders and not anew:
            return
        await self.stop()
        self._folders = folders
        if folders:
            self._task = asyncio.create_task(self._run(folders), name="watch")

    async def stop(self) -> None:
        """Watch nothing any more."""
        self._folders, self.is_told = frozenset(), False
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self, folders: frozenset[Path]) -> None:
        telling = awatch(
            *folders,
            watch_filter=None,
            debounce=_LONGEST_MS,
            step=_QUIET_MS,
            rust_timeout=_TURN_MS,
            yield_on_timeout=True,
            recursive=False,
        )
        try:
            async for changes in telling:
                if changes or not self.is_told:  # at first for what changed before there was a watch
                    self._changed.set()
                self.is_told = True
        except OSError as error:  # among them: no watches left
            self.is_told = False
            _log.warning("changes are not told by the kernel; they are looked for", extra={"error": str(error)})


def _folders(paths: Iterable[Path]) -> frozenset[Path]:
    """The folders among paths with those below, and the folders of the files; none when they are very many."""
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found.add(path)
            found.update(each for each in path.rglob("*/") if each.is_dir() and not _is_hidden(each, path))
        elif path.parent.is_dir():
            found.add(path.parent)
        if len(found) > _MOST_FOLDERS:
            return frozenset()
    return frozenset(found)


def _is_hidden(path: Path, base: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(base).parts)
