"""Tidegate on a disk that can be made slow: `python -m tests.chaos.slow_disk serve --config FOLDER/tidegate.yaml`.

While FOLDER/slow is there, nothing is forced to disk before it has gone, or before the seconds that stand in it are
over: neither a commit of SQLite nor a file of ours. What is only written is not slowed, as with a page cache.
"""

from __future__ import annotations

import functools
import os
import sqlite3
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sidecar.cli.main import main

_POLL_S = 0.01


class Disk:
    """Slow while a file is there."""

    def __init__(self, sign: Path) -> None:
        self._sign = sign

    def wait(self) -> None:
        """Take the time that a slow disk takes."""
        began = time.monotonic()
        with suppress(FileNotFoundError):
            while time.monotonic() - began < float(self._sign.read_text() or "inf"):
                time.sleep(_POLL_S)


class _Connection(sqlite3.Connection):
    """Its commits wait for the disk."""

    disk: Disk

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if sql == "COMMIT":
            self.disk.wait()
        return super().execute(sql, *values)


def _synced(disk: Disk, force: Any, file: Any) -> None:
    disk.wait()
    force(file)


if __name__ == "__main__":
    _Connection.disk = Disk(Path(sys.argv[-1]).parent / "slow")
    sqlite3.connect = functools.partial(sqlite3.connect, factory=_Connection)  # type: ignore[assignment]
    os.fsync = functools.partial(_synced, _Connection.disk, os.fsync)
    main()
