"""The outbox on disk: one thread owns the file; whatever waits for it is committed in one group.

`put` costs its stream one commit at most (about 0.3 ms with `durability: full`), and puts that come meanwhile share the
next one. The event loop never waits for the disk.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Generic, TypeVar

from sidecar.outbox.event import Event
from sidecar.outbox.outbox import Numbered, OutboxError, OutboxStats
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.store import Claimed, Row, Store, to_row

_log = logging.getLogger(__name__)

_GROUP_LIMIT = 256
"""The most jobs in one commit."""

T = TypeVar("T")


class _Job(Generic[T]):
    """A piece of work for the owner of the file, and where its result goes."""

    __slots__ = ("result", "rows", "work")

    def __init__(self, work: Callable[[Store], T], rows: Sequence[Row] = ()) -> None:
        self.work = work
        self.rows = rows
        self.result: Future[T] = Future()


class SqliteOutbox:
    """An `Outbox` in an SQLite file. See `sidecar.outbox.outbox` for what it promises."""

    def __init__(self, settings: OutboxSettings, *, now: Callable[[], float] = time.time) -> None:
        self._path = settings.path
        self._now = now
        self._store = Store(
            settings.path,
            max_events=settings.max_events,
            max_bytes=settings.max_bytes,
            durability=settings.durability,
            now=now,
        )
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._is_open = False
        self._has_put = asyncio.Event()
        self._stats = self._store.stats()

    async def start(self) -> None:
        """Open the file. Raises `OutboxError` when it is another process's, damaged, or cannot be written."""
        opened: Future[None] = Future()
        self._thread = Thread(target=self._run, args=(opened,), name="outbox", daemon=True)
        self._thread.start()
        await asyncio.wrap_future(opened)
        self._is_open = True
        self._has_put.set()

    async def stop(self) -> None:
        """Commit what is waiting and close the file."""
        self._is_open = False
        if self._thread is None:
            return
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        self._thread = None

    async def put(self, events: Sequence[Event]) -> None:
        """Record events. Returns when they are committed or counted as lost; raises nothing."""
        rows = [row for row in map(self._row, events) if row is not None]
        if not rows:
            return
        if not self._is_open:
            self._count_lost(rows, "the outbox is closed")
            return
        job = _Job(lambda store: store.append(rows), rows)
        self._jobs.put(job)
        try:
            await asyncio.wrap_future(job.result)
        finally:
            self._has_put.set()

    async def claim(self, limit: int) -> list[Numbered]:
        """The oldest events, at most `limit`, numbered. Raises `OutboxError`."""
        self._has_put.clear()
        rows = await self._ask(lambda store: store.claim(limit))
        return await asyncio.to_thread(self._decode, rows)

    async def acknowledge(self, sequence: int) -> None:
        """Delete the claimed events up to this number. Raises `OutboxError`."""
        await self._ask(lambda store: store.acknowledge(sequence))

    async def wait(self) -> None:
        """Return when there may be events to claim."""
        await self._has_put.wait()

    def stats(self) -> OutboxStats:
        """How it stands after the last commit."""
        return self._stats

    async def _ask(self, work: Callable[[Store], T]) -> T:
        if not self._is_open:
            raise OutboxError("the outbox is closed")
        job = _Job(work)
        self._jobs.put(job)
        return await asyncio.wrap_future(job.result)

    def _decode(self, rows: Sequence[Claimed]) -> list[Numbered]:
        return [row.numbered(self._now()) for row in rows]

    def _row(self, event: Event) -> Row | None:
        try:
            return to_row(event)
        except (ValueError, TypeError) as error:  # what JSON cannot carry: our fault, but never the stream's
            self._count_lost([Row(event.severity, b"")], f"an event cannot be encoded ({type(error).__name__})")
            return None

    def _count_lost(self, rows: Sequence[Row], why: str) -> None:
        _log.error("events lost", extra={"reason": why, "events": len(rows)})
        if self._is_open:
            self._jobs.put(_Job(lambda store: _lose(store, rows), rows))
        else:
            _lose(self._store, rows)
            self._stats = self._store.stats()

    # --- The owner's thread -------------------------------------------------------------------------------------------

    def _run(self, opened: Future[None]) -> None:
        try:
            self._store.open()
        except OutboxError as error:
            opened.set_exception(error)
            return
        self._stats = self._store.stats()
        opened.set_result(None)
        is_last = False
        while not is_last:
            group, is_last = self._take_group()
            if group:
                self._commit(group)
        self._store.close()

    def _take_group(self) -> tuple[list[_Job[Any]], bool]:
        """What is waiting, after waiting for the first of it; and whether the end was asked for."""
        job = self._jobs.get()
        group: list[_Job[Any]] = []
        while job is not None:
            group.append(job)
            if len(group) == _GROUP_LIMIT:
                return group, False
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return group, False
        return group, True

    def _commit(self, group: Sequence[_Job[Any]]) -> None:
        was_failing = self._stats.is_failing
        try:
            with self._store.transaction():
                results = [job.work(self._store) for job in group]
        except Exception as error:  # noqa: BLE001 - a stream must never wait for a dead thread
            self._fail(group, error, is_news=not was_failing)
            return
        self._stats = self._store.stats()
        if was_failing:
            _log.warning("the outbox can be written again", extra={"path": str(self._path)})
        for job, result in zip(group, results, strict=True):
            _answer(job, result)

    def _fail(self, group: Sequence[_Job[Any]], error: Exception, *, is_news: bool) -> None:
        """Nothing of the group was done: puts are lost, others hear why."""
        for job in group:
            _lose(self._store, job.rows)
        self._stats = self._store.stats()
        if is_news:
            _log.error(
                "the outbox cannot be written; events are being lost",
                extra={"path": str(self._path), "error": str(error)},
            )
        for job in group:
            if job.rows:
                _answer(job, None)
            elif job.result.set_running_or_notify_cancel():
                job.result.set_exception(OutboxError(f"the outbox {self._path} cannot be used just now: {error}"))


def _answer(job: _Job[Any], result: object) -> None:
    """Hand over a result, unless nobody waits for it any more."""
    if job.result.set_running_or_notify_cancel():
        job.result.set_result(result)


def _lose(store: Store, rows: Sequence[Row]) -> None:
    for row in rows:
        store.lose(row.severity)
