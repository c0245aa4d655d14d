"""Where published events go: the seam `Sink`, and the two sinks that need no broker. Kafka is in `kafka.py`."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import msgspec

from sidecar.errors import TidegateError
from sidecar.outbox.event import Kind
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.sink_settings import View
from sidecar.outbox.views import line


class SinkError(TidegateError):
    """The sink did not take events. Another try is worth it; what it took already may come again."""


class Why(str):
    """A reason in words, with a short name for it that is one of a few, for metrics."""

    __slots__ = ("name",)
    name: str

    def __new__(cls, words: str, name: str) -> Why:
        """The words, which know their name."""
        why = super().__new__(cls, words)
        why.name = name
        return why


class Delivery(msgspec.Struct, frozen=True):
    """How a lane's events fared: the first `done` of them need no further try, of the rest `error` says why not.

    `refused` are those of the done ones that will never be taken, by number, with the reason; `rejected` counts those
    of which nobody says which they are. `retry_s` is how long it wants to be left alone.
    """

    done: int = 0
    error: str = ""
    refused: Mapping[int, str] = {}
    rejected: int = 0
    retry_s: float = 0.0


class Sink(Protocol):
    """Takes events for good. Used by the publisher only.

    A **lane** is what keeps events in order; a **route** can carry several lanes at once, and one batch at a time.
    """

    async def prepare(self) -> None:
        """Find out where events can go, unless that is known. Raises `SinkError` when nothing can be sent."""
        ...

    def router(self) -> Callable[[Kind, str], Hashable]:
        """What says to which lane an event belongs, by kind and key, as far as is known now; for any thread."""
        ...

    def exists(self, lane: Hashable) -> bool:
        """Whether there is such a lane still."""
        ...

    def troubles(self) -> Mapping[Hashable, str]:
        """The lanes that are known not to work, and why."""
        ...

    def missing_topics(self) -> tuple[str, ...]:
        """What somebody has to make first."""
        ...

    def route_of(self, lane: Hashable, *, is_ill: bool) -> Hashable:
        """What carries a lane; for one that failed, not what carries those that work."""
        ...

    async def send(self, route: Hashable, batches: Mapping[Any, Sequence[Numbered]]) -> Mapping[Any, Delivery]:
        """Deliver, in order for each lane. Raises `SinkError` when nothing was taken."""
        ...

    async def stop(self) -> None:
        """Close what is open, without waiting for what was not delivered."""
        ...


class BatchSink(Protocol):
    """Takes whole batches."""

    async def publish(self, batch: Sequence[Numbered]) -> Delivery:
        """Deliver all, or the first of them, in order; returns when they are safe. Raises `SinkError`."""
        ...

    async def stop(self) -> None:
        """Close what is open."""
        ...


class OneLane:
    """A sink in which all events stand in one order."""

    def __init__(self, sink: BatchSink) -> None:
        self.sink = sink

    async def prepare(self) -> None:
        """It is always ready."""

    def router(self) -> Callable[[Kind, str], Hashable]:
        """All events are in one lane."""
        return lambda _kind, _key: ""

    def exists(self, lane: Hashable) -> bool:
        """The one lane stays."""
        return True

    def troubles(self) -> Mapping[Hashable, str]:
        """None are known before it is tried."""
        return {}

    def missing_topics(self) -> tuple[str, ...]:
        """It has no topics."""
        return ()

    def route_of(self, lane: Hashable, *, is_ill: bool) -> Hashable:
        """There is one way."""
        return ""

    async def send(self, route: Hashable, batches: Mapping[Any, Sequence[Numbered]]) -> Mapping[Any, Delivery]:
        """Deliver the one batch. Raises `SinkError`."""
        ((lane, batch),) = batches.items()
        return {lane: await self.sink.publish(batch)}

    async def stop(self) -> None:
        """Close the sink."""
        await self.sink.stop()


class FileSink:
    """JSON lines in a file (CloudEvents in structured mode, or another view), on disk when `publish` returns.

    The file is opened for each batch, so it may be renamed away at any time. A line that a crash cut short is removed
    before the next batch: its event is still in the outbox and comes again.
    """

    def __init__(self, path: Path, *, view: View = "cloudevents", now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._view: View = view
        self._now = now

    async def publish(self, batch: Sequence[Numbered]) -> Delivery:
        """Append a batch. Raises `SinkError` when the file cannot be written."""
        try:
            await asyncio.to_thread(self._append, batch)
        except OSError as error:
            raise SinkError(f"cannot write {self._path}: {error.strerror or error}") from None
        return Delivery(done=len(batch))

    async def stop(self) -> None:
        """Nothing is open between batches."""

    def _append(self, batch: Sequence[Numbered]) -> None:
        lines = _lines(self._view, batch, self._now())
        with open(self._path, "ab+", opener=_for_us_only) as file:
            _cut_torn_line(file)
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())


class StdoutSink:
    """JSON lines on standard output (CloudEvents in structured mode, or another view), for a log collector."""

    def __init__(
        self, stream: BinaryIO | None = None, *, view: View = "cloudevents", now: Callable[[], float] = time.time
    ) -> None:
        self._stream = stream or sys.stdout.buffer
        self._view: View = view
        self._now = now

    async def publish(self, batch: Sequence[Numbered]) -> Delivery:
        """Write a batch. Raises `SinkError` when nobody reads any more."""
        try:
            await asyncio.to_thread(self._write, batch)
        except (OSError, ValueError) as error:
            raise SinkError(f"cannot write to standard output: {error}") from None
        return Delivery(done=len(batch))

    async def stop(self) -> None:
        """Standard output is not ours to close."""

    def _write(self, batch: Sequence[Numbered]) -> None:
        self._stream.write(_lines(self._view, batch, self._now()))
        self._stream.flush()


def _lines(view: View, batch: Sequence[Numbered], published: float) -> bytes:
    """A batch as JSON lines; a view leaves out what it has no class for."""
    return b"".join(filter(None, (line(view, numbered, published) for numbered in batch)))


_BLOCK = 4096
_FILE_MODE = 0o640
"""Whose sessions there were is nobody else's business."""


def _for_us_only(path: str, flags: int) -> int:
    return os.open(path, flags, _FILE_MODE)


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
