"""What must be remembered when the disk has no room: a small file beside the outbox whose room was taken at its making.

It holds whether the outbox was closed properly, and per severity how many events are lost, or kept in memory only, and
not counted in the outbox itself yet. Two slots are written in turn, each with a checksum, so that a write that was cut
short leaves the other. `number` rises with each write: the outbox notes the last one that it has counted. A third slot
says what waits for a disk that does not answer: it is written without asking the disk, so it survives the process only.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from sidecar.values import Severity

_SLOT = 4096
_OVERDUE = 2
"""The third slot's place."""
_FILE_MODE = 0o640


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One state of the ledger. `kept` events are in memory: lost if the process ends without saying more."""

    number: int = 0
    is_open: bool = False
    lost: Mapping[int, int] = {}
    kept: Mapping[int, int] = {}

    @property
    def at_risk(self) -> dict[Severity, int]:
        """What is to be counted as lost when this is all that is left of a process."""
        levels = sorted({*self.lost, *self.kept})
        return {Severity(level): self.lost.get(level, 0) + self.kept.get(level, 0) for level in levels}


class Ledger:
    """The file. Opened by the outbox's owner; a write that fails is only told, as there is nowhere left to write it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entry = Entry()
        self._file: int | None = None
        self.overdue: Mapping[Severity, int] = {}
        """What a process that ended left in the third slot."""

    @property
    def entry(self) -> Entry:
        """The last state that was read or written."""
        return self._entry

    def exists(self) -> bool:
        """Whether there was one before: so there was an outbox beside it."""
        return self._path.exists()

    def open(self) -> Entry:
        """Take its room and read it; a new one, or one that cannot be read, is empty. Raises `OSError`."""
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, _FILE_MODE)
        if os.fstat(self._file).st_size < 2 * _SLOT:
            os.pwrite(self._file, b"\0" * 2 * _SLOT, 0)
        *slots, overdue = (_read(os.pread(self._file, _SLOT, place * _SLOT)) for place in range(_OVERDUE + 1))
        self._entry = max(slots, key=lambda entry: entry.number)
        self.overdue = overdue.at_risk
        return self._entry

    def write(self, *, is_open: bool, lost: Mapping[Severity, int], kept: Mapping[Severity, int]) -> bool:
        """Note how it stands, if that is news. Whether it is on disk."""
        entry = Entry(number=self._entry.number, is_open=is_open, lost=_plain(lost), kept=_plain(kept))
        if self._file is None or entry == self._entry:
            return self._file is not None
        entry = msgspec.structs.replace(entry, number=entry.number + 1)
        try:
            os.pwrite(self._file, _written(entry), (entry.number % 2) * _SLOT)
            os.fsync(self._file)
        except OSError:
            return False
        self._entry = entry
        return True

    def write_overdue(self, counts: Mapping[Severity, int]) -> None:
        """Note what waits for a disk that does not answer, by severity; from any one thread."""
        if self._file is not None:
            with suppress(OSError):
                os.pwrite(self._file, _written(Entry(kept=_plain(counts))), _OVERDUE * _SLOT)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _plain(counts: Mapping[Severity, int]) -> dict[int, int]:
    return {int(severity): count for severity, count in counts.items() if count}


def _written(entry: Entry) -> bytes:
    text = msgspec.json.encode(entry)
    return (b"%08x " % zlib.crc32(text) + text + b"\n").ljust(_SLOT, b"\0")


def _read(slot: bytes) -> Entry:
    """What a slot holds; an empty or torn one holds nothing."""
    checksum, _, text = slot.partition(b"\n")[0].partition(b" ")
    try:
        if int(checksum, 16) == zlib.crc32(text):
            return msgspec.json.decode(text, type=Entry)
    except (ValueError, msgspec.DecodeError):
        pass
    return Entry()
