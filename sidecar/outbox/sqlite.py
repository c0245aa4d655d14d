"""The outbox on disk: one thread owns the file; whatever waits for it is committed in one group.

`put` costs its stream one commit at most (about 0.3 ms with `durability: full`), and puts that come meanwhile share the
next one. The event loop never waits for the disk, and a stream no longer than `outbox.patience_ms`: what the disk has
not answered by then is noted as at risk, and so is all that comes before it answers, whose streams need not wait again.

While the file cannot be written (the disk is full, another process holds the file, an I/O error), events are kept in
memory, within a bound: they go to the file as soon as it can be written, before any that come later, and are published
from memory until then, under a producer of their own, whose numbers need no disk. How many they are stands in the
ledger, so that they are counted as lost if the process ends before.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Generic, TypeVar

from msgspec.structs import replace

from sidecar.outbox.chain import Signer
from sidecar.outbox.damage import DamagedError
from sidecar.outbox.event import Event
from sidecar.outbox.memory import MemoryStore
from sidecar.outbox.outbox import Admission, Numbered, OutboxError, OutboxStats, Outlet
from sidecar.outbox.outlets import Bells, SinkOutlet
from sidecar.outbox.overdue import Overdue
from sidecar.outbox.rows import Claimed, Row, to_row
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.store import Store
from sidecar.outbox.subscriptions import Subscriptions
from sidecar.outbox.tables import Tables
from sidecar.values import Severity

_log = logging.getLogger(__name__)

_GROUP_LIMIT = 256
"""The most jobs in one commit."""
_NOTING = 0.1
"""The part of a stream's patience that is kept for noting that the disk has not answered."""
_RETRY_SECONDS = 1.0
"""How often the file is tried again while nothing else happens."""
MEMORY = 2**62
"""Where the positions of events in memory begin: beyond all of the file's."""
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

T = TypeVar("T")


class _Job(Generic[T]):
    """A piece of work for the owner of the file, and where its result goes.

    `rows` are what it puts in; `otherwise` is what to do when the file cannot be used.
    """

    __slots__ = ("otherwise", "result", "rows", "work")

    def __init__(
        self, work: Callable[[Tables], T], rows: Sequence[Row] = (), *, otherwise: Callable[[], T] | None = None
    ) -> None:
        self.work = work
        self.rows = rows
        self.otherwise = otherwise
        self.result: Future[T] = Future()


class SqliteOutbox:
    """An `Outbox` in an SQLite file. See `sidecar.outbox.outbox` for what it promises."""

    def __init__(
        self,
        settings: OutboxSettings,
        *,
        now: Callable[[], float] = time.time,
        subscriptions: Subscriptions | None = None,
        signer: Signer | None = None,
    ) -> None:
        self._subscriptions = subscriptions or Subscriptions()
        self._path = settings.path
        self._patience = settings.patience_ms / 1000
        self._now = now
        self._store = Store(settings, now=now, subscriptions=self._subscriptions, signer=signer)
        self._memory = MemoryStore(
            producer=f"tidegate-{secrets.token_hex(8)}-memory",
            max_events=settings.max_events,
            max_bytes=settings.memory_bytes,
            first=MEMORY,
            subscriptions=self._subscriptions,
            signer=signer,
        )
        self._overdue = Overdue(self._store.ledger, settings.memory_bytes)
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._try_at = 0.0
        self._is_open = False
        self._bells = Bells()
        self._stats = self._store.stats()

    async def start(self) -> None:
        """Open the file. Raises `OutboxError` when it is another process's or cannot be written."""
        opened: Future[None] = Future()
        self._thread = Thread(target=self._run, args=(opened,), name="outbox", daemon=True)
        self._thread.start()
        await asyncio.wrap_future(opened)
        self._is_open = True
        self._bells.ring()

    async def stop(self) -> None:
        """Commit what is waiting and close the file."""
        self._is_open = False
        if self._thread is None:
            return
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        self._thread = None

    async def put(self, events: Sequence[Event]) -> None:
        """Record events. Returns when they are committed, kept in memory or counted as lost; raises nothing.

        It waits no longer than `outbox.patience_ms`: a disk that answers later still gets them, and until then they are
        noted as lost if the process should end.
        """
        rows = [row for row in map(self._row, events) if row is not None]
        if not rows:
            return
        if not self._is_open:
            self._count_lost(rows, "the outbox is closed")
            return
        fits = self._overdue.has_room(rows)
        job = _Job(lambda tables: tables.append(rows), rows) if fits else self._loss(rows)
        self._jobs.put(job)
        try:
            await self._answered(job, rows)
        finally:
            self._bells.ring()

    async def _answered(self, job: _Job[None], rows: Sequence[Row]) -> None:
        """Return when the disk has answered, or when it is noted that it has not."""
        done: asyncio.Future[None] = asyncio.wrap_future(job.result)
        if not self._overdue:
            await asyncio.wait({done}, timeout=self._patience * (1 - _NOTING))
        if job.result.done():
            return
        if not self._overdue:
            _log.warning("the disk of the outbox does not answer; streams go on", extra={"path": str(self._path)})
        noted = self._overdue.add(job.result, rows, held=bool(job.rows))
        await asyncio.wait({done, noted}, timeout=self._patience * _NOTING, return_when=asyncio.FIRST_COMPLETED)

    def outlet(self, name: str) -> Outlet:
        """A sink's. Raises `KeyError` when there is none of that name."""
        return SinkOutlet(self, name, self._subscriptions)

    async def claim(self, limit: int, admission: Admission | None = None, *, sink: int = 0) -> list[Numbered]:
        """A sink's oldest events that are admitted, at most `limit`, numbered. Raises `OutboxError`."""
        self._bells.hush(sink)
        rows = await self._ask(
            lambda tables: self._claim(tables, limit, admission, sink),
            lambda: self._claim_from_memory(limit, admission, sink),
        )
        return await asyncio.to_thread(self._decode, rows)

    async def acknowledge(self, taken: Sequence[Numbered], *, sink: int = 0) -> None:
        """A sink has claimed events: noted at once, or once that can be written. Raises `OutboxError` when closed."""
        positions = [numbered.position for numbered in taken]
        await self._ask(lambda tables: self._acknowledge(tables, positions, sink), lambda: None)

    async def lose(self, severity: Severity, instead_of: Numbered | None = None, *, sink: int = 0) -> None:
        """Count an event as lost for a sink that another one tells it of. Raises `OutboxError` when closed."""
        await self._ask(lambda tables: self._lose_told(tables, severity, instead_of, sink), lambda: None)

    async def wait(self, *, sink: int = 0) -> None:
        """Return when there may be events to claim."""
        await self._bells.of(sink).wait()

    def stats(self) -> OutboxStats:
        """How it stands after the last commit; what waits for a disk that does not answer is in memory."""
        overdue = len(self._overdue)
        return replace(self._stats, in_memory=self._stats.in_memory + overdue) if overdue else self._stats

    async def _ask(self, work: Callable[[Tables], T], otherwise: Callable[[], T] | None = None) -> T:
        if not self._is_open:
            raise OutboxError("the outbox is closed")
        job = _Job(work, otherwise=otherwise)
        self._jobs.put(job)
        return await asyncio.wrap_future(job.result)

    def _decode(self, rows: Sequence[Claimed]) -> list[Numbered]:
        return [row.numbered(self._now()) for row in rows]

    def _row(self, event: Event) -> Row | None:
        """How it is stored; None when no sink wants it, or when it cannot be encoded."""
        sinks = self._subscriptions.of(event)
        if not sinks:
            return None
        try:
            return to_row(event, sinks)
        except (ValueError, TypeError) as error:  # what JSON cannot carry: our fault, but never the stream's
            self._count_lost(
                [Row(event.severity, b"", sinks=sinks)], f"an event cannot be encoded ({type(error).__name__})"
            )
            return None

    def _count_lost(self, rows: Sequence[Row], why: str) -> None:
        _log.error("events lost", extra={"reason": why, "events": len(rows)})
        if self._is_open:
            self._jobs.put(self._loss(rows))
        else:
            _lose(self._store.tables, _losses(rows))
            self._stats = self._store.stats()

    def _loss(self, rows: Sequence[Row]) -> _Job[None]:
        """The work of counting rows as lost, which holds none of them; when the file fails, the ledger has them."""
        counts = _losses(rows)

        def note() -> None:
            _lose(self._store.tables, counts)
            self._store.note(self._memory.severities)

        return _Job(lambda tables: _lose(tables, counts), otherwise=note)

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
            self._commit(group)
        self._overdue.finish()
        self._store.close(self._memory.severities)

    def _take_group(self) -> tuple[list[_Job[Any]], bool]:
        """What is waiting, after waiting for the first of it; and whether the end was asked for.

        While there are events in memory, an empty group comes now and then: time to try the file again.
        """
        try:
            job = self._jobs.get(timeout=_RETRY_SECONDS if self._is_in_need else None)
        except Empty:
            return [], False
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

    @property
    def _is_in_need(self) -> bool:
        """Whether there is something to do that nobody will ask for."""
        return bool(len(self._memory)) or self._stats.is_failing

    def _commit(self, group: Sequence[_Job[Any]]) -> None:
        """Do the work in one commit: first what makes room, then what needs it."""
        puts = [job for job in group if job.rows]
        others = [job for job in group if not job.rows]
        if not self._is_in_need:
            self._transact([*others, *puts])
        else:
            self._keep(puts)
            if others or time.monotonic() >= self._try_at:
                self._transact([*others, _Job(self._restore)])
        self._update_stats()

    def _transact(self, jobs: Sequence[_Job[Any]]) -> None:
        if not jobs:
            return
        try:
            with self._store.transaction():
                results = [job.work(self._store.tables) for job in jobs]
        except Exception as error:  # noqa: BLE001 - a stream must never wait for a dead thread
            self._fail(jobs, error)
            return
        if len(self._memory):
            self._memory.forget_waiting()
            self._store.note(self._memory.severities)
        self._update_stats()
        for job, result in zip(jobs, results, strict=True):
            _answer(job, result)

    def _fail(self, jobs: Sequence[_Job[Any]], error: Exception) -> None:
        """Nothing was done: puts are kept in memory; the rest is tried alone, with the room that was kept for it."""
        self._try_at = time.monotonic() + _RETRY_SECONDS
        self._report(error)
        if isinstance(error, DamagedError) or getattr(error, "sqlite_errorcode", 0) in _DAMAGED:
            self._recover(error)
        self._keep([job for job in jobs if job.rows])
        asked = [job for job in jobs if not job.rows and job.work != self._restore]
        if asked:
            self._store.give_up_reserve()
        for job in asked:
            self._try_alone(job, error)

    def _try_alone(self, job: _Job[Any], first: Exception) -> None:
        try:
            with self._store.transaction():
                result = job.work(self._store.tables)
        except Exception:  # noqa: BLE001 - as above
            if job.otherwise is not None:
                _answer(job, job.otherwise())
            elif job.result.set_running_or_notify_cancel():
                job.result.set_exception(OutboxError(f"the outbox {self._path} cannot be used just now: {first}"))
        else:
            self._update_stats()
            _answer(job, result)

    def _keep(self, puts: Sequence[_Job[Any]]) -> None:
        """Keep what is put in memory; its streams go on."""
        if not puts:
            return
        lost = self._memory.lost.copy()
        for job in puts:
            self._memory.append(job.rows)
        _lose(self._store.tables, self._memory.lost - lost)
        self._store.note(self._memory.severities)
        self._update_stats()
        for job in puts:
            _answer(job, None)

    def _restore(self, tables: Tables) -> None:
        """Move what waits in memory to the file, before anything that comes later."""
        tables.append(self._memory.waiting)

    def _recover(self, error: Exception) -> None:
        try:
            self._store.recover(str(error))
        except (OSError, sqlite3.Error, OutboxError) as failure:
            _log.error("the outbox cannot be made anew", extra={"path": str(self._path), "error": str(failure)})

    def _report(self, error: Exception) -> None:
        if not self._stats.is_failing:
            _log.error(
                "the outbox cannot be written; events are kept in memory",
                extra={"path": str(self._path), "error": str(error)},
            )

    def _update_stats(self) -> None:
        was_failing, stats = self._stats.is_failing, self._store.stats()
        if was_failing and not stats.is_failing:
            self._store.take_reserve()
            _log.warning("the outbox can be written again", extra={"path": str(self._path)})
        self._stats = replace(
            stats,
            waiting_events=stats.waiting_events + len(self._memory),
            waiting_bytes=stats.waiting_bytes + self._memory.size,
            in_memory=len(self._memory),
            owed={
                name: stats.owed[name] + self._memory.owed(number)
                for name, number in self._subscriptions.numbers.items()
            },
        )

    def _claim(self, tables: Tables, limit: int, admission: Admission | None, sink: int) -> list[Claimed]:
        """What the file has, then what is in memory."""
        if admission is not None:
            admission.restart()
        claimed = tables.claim(limit, admission, sink=sink)
        return claimed + self._claim_from_memory(limit - len(claimed), admission, sink)

    def _claim_from_memory(self, limit: int, admission: Admission | None, sink: int) -> list[Claimed]:
        """What is in memory, when the file has no more, or cannot be used."""
        return self._memory.claim(limit, admission, admission.after_memory if admission else 0, sink=sink)

    def _lose_told(self, tables: Tables, severity: Severity, instead_of: Numbered | None, sink: int) -> None:
        sequence = instead_of.sequence if instead_of is not None else 0
        is_in_memory = instead_of is not None and instead_of.position >= MEMORY
        if is_in_memory:
            self._memory.replace(sink, sequence)
        tables.lose_told(severity, sink, 0 if is_in_memory else sequence)

    def _acknowledge(self, tables: Tables, positions: Sequence[int], sink: int) -> None:
        self._memory.acknowledge([position for position in positions if position >= MEMORY], sink=sink)
        tables.acknowledge([position for position in positions if position < MEMORY], sink=sink)


def _answer(job: _Job[Any], result: object) -> None:
    """Hand over a result, unless nobody waits for it any more."""
    if job.result.set_running_or_notify_cancel():
        job.result.set_result(result)


def _losses(rows: Sequence[Row]) -> Mapping[tuple[int, Severity], int]:
    """How many events are lost with these rows, by sink and severity."""
    return Counter((sink, row.severity) for row in rows for sink in row.sinks)


def _lose(tables: Tables, counts: Mapping[tuple[int, Severity], int]) -> None:
    for (sink, severity), count in counts.items():
        tables.lose(severity, count, sinks=[sink])
