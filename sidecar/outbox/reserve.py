"""Room on the outbox's volume that is kept free for what makes room: claims and acknowledgements need a little.

A file beside the outbox holds the room. When the volume is full it is given up, so that the outbox can be emptied, and
taken again when there is room.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_MOST = 16 * 1024 * 1024
_LEAST = 256 * 1024
_SHARE = 16
"""Of the outbox's own bound."""
_PART_OF_THE_VOLUME = 4
_FILE_MODE = 0o640


class Reserve:
    """The room. `size` is what it should be; `take` and `release` are harmless when repeated."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self.size = size

    def take(self) -> bool:
        """Hold the room; whether that worked."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, _FILE_MODE)
        except OSError:
            return False
        held = os.fstat(file).st_size
        try:
            if held < self.size:
                os.posix_fallocate(file, 0, self.size)
        except OSError:
            os.truncate(file, held)
            return False
        finally:
            os.close(file)
        return True

    def release(self) -> bool:
        """Give the room up; whether there was any."""
        try:
            held = self._path.stat().st_size
            os.truncate(self._path, 0)
        except OSError:
            return False
        return held > 0


def room_on_volume(outbox: Path) -> int:
    """How much the outbox's files may come to on their volume: what is free, and what they have already."""
    present = sum(Path(f"{outbox}{suffix}").stat().st_size for suffix in SUFFIXES if Path(f"{outbox}{suffix}").exists())
    return shutil.disk_usage(outbox.parent).free + present


SUFFIXES = ("", "-wal", "-shm", ".reserve")
"""What the outbox's files are called, after its path. (`.lock` and `.ledger` are too small to count.)"""


def share_out(room: int, max_bytes: int) -> tuple[int, int]:
    """The bound of events and the size of the reserve for so much room: a file may be twice as large as its events."""
    reserve = max(min(_MOST, max(_LEAST, max_bytes // _SHARE), room // _PART_OF_THE_VOLUME), 0)
    return max(1024, min(max_bytes, (room - reserve) // 2)), reserve
