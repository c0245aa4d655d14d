"""Where published events go: the seam `Sink`, and the two sinks that need no broker. Kafka is in `kafka.py`."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from sidecar.errors import TidegateError
from sidecar.outbox.encode import encode_line
from sidecar.outbox.outbox import Numbered


class SinkError(TidegateError):
    """The sink did not take a whole batch. Another try is worth it; what it took already may come again."""


class Sink(Protocol):
    """Takes events for good. Used by the publisher's task only."""

    async def publish(self, batch: Sequence[Numbered]) -> None:
        """Deliver all, in order for each key; returns when all are safe. Raises `SinkError`."""
        ...

    async def stop(self) -> None:
        """Close what is open, without waiting for what was not delivered."""
        ...


class FileSink:
    """JSON lines in a file (CloudEvents, structured mode), on disk when `publish` returns.

    The file is opened for each batch, so it may be renamed away at any time. A line that a crash cut short is removed
    before the next batch: its event is still in the outbox and comes again.
    """

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now

    async def publish(self, batch: Sequence[Numbered]) -> None:
        """Append a batch. Raises `SinkError` when the file cannot be written."""
        try:
            await asyncio.to_thread(self._append, batch)
        except OSError as error:
            raise SinkError(f"cannot write {self._path}: {error.strerror or error}") from None

    async def stop(self) -> None:
        """Nothing is open between batches."""

    def _append(self, batch: Sequence[Numbered]) -> None:
        published = self._now()
        lines = b"".join(encode_line(numbered, published) for numbered in batch)
        with self._path.open("ab+") as file:
            _cut_torn_line(file)
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())


class StdoutSink:
    """JSON lines on standard output (CloudEvents, structured mode), for a log collector to pick up."""

    def __init__(self, stream: BinaryIO | None = None, *, now: Callable[[], float] = time.time) -> None:
        self._stream = stream or sys.stdout.buffer
        self._now = now

    async def publish(self, batch: Sequence[Numbered]) -> None:
        """Write a batch. Raises `SinkError` when nobody reads any more."""
        try:
            await asyncio.to_thread(self._write, batch)
        except (OSError, ValueError) as error:
            raise SinkError(f"cannot write to standard output: {error}") from None

    async def stop(self) -> None:
        """Standard output is not ours to close."""

    def _write(self, batch: Sequence[Numbered]) -> None:
        published = self._now()
        self._stream.write(b"".join(encode_line(numbered, published) for numbered in batch))
        self._stream.flush()


_BLOCK = 4096


def _cut_torn_line(file: BinaryIO) -> None:
    """Cut the file after its last newline."""
    end = file.seek(0, os.SEEK_END)
    position = end
    while position > 0:
        start = max(0, position - _BLOCK)
        file.seek(start)
        newline = file.read(position - start).rfind(b"\n")
        if newline >= 0:
            position = start + newline + 1
            break
        position = start
    if position < end:
        file.truncate(position)
