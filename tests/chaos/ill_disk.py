"""Tidegate on a disk that can fall ill: `python -m tests.chaos.ill_disk serve --config FOLDER/tidegate.yaml`.

FOLDER/ill says how it is. A number: what is forced to disk, a commit of SQLite or a file of ours, takes so many
seconds, or until the file is gone (`inf`: until then). `full`: no commit finds room. What is only written is not
slowed, as with a page cache.
"""

from __future__ import annotations

import functools
import os
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

from sidecar.cli.main import main

_POLL_S = 0.01


class Disk:
    """Ill while a file is there."""

    def __init__(self, sign: Path) -> None:
        self._sign = sign

    def wait(self) -> None:
        """Take the time that a slow disk takes."""
        began = time.monotonic()
        while time.monotonic() - began < (0 if self.is_full else float(self._state or 0)):
            time.sleep(_POLL_S)

    @property
    def is_full(self) -> bool:
        """Whether it has no room."""
        return self._state == "full"

    @property
    def _state(self) -> str:
        try:
            return self._sign.read_text()
        except FileNotFoundError:
            return ""


class _Connection(sqlite3.Connection):
    """Its commits need the disk."""

    disk: Disk

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if sql == "COMMIT":
            self.disk.wait()
            if self.disk.is_full:
                raise sqlite3.OperationalError("database or disk is full")
        return super().execute(sql, *values)


def _synced(disk: Disk, force: Any, file: Any) -> None:
    disk.wait()
    force(file)


if __name__ == "__main__":
    _Connection.disk = Disk(Path(sys.argv[-1]).parent / "ill")
    sqlite3.connect = functools.partial(sqlite3.connect, factory=_Connection)  # type: ignore[assignment]
    os.fsync = functools.partial(_synced, _Connection.disk, os.fsync)
    main()
