"""Watches the streams of a service for drift, beside them: no stream waits for anything that is done here.

A stream's end is a few additions on the event loop. Full windows are tested one after the other on a thread; what
moved is an event, and a metric. While tests are behind, `_MOST_WAITING` windows wait; what comes then is counted and
not tested. Samples are written to a file now and then, and at the stop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

import numpy as np

from detectors.base import DetectorError
from detectors.models.encoded import shared_encoder
from sidecar.clock import Clock
from sidecar.drift import kept
from sidecar.drift.groups import Group, GroupKey, Moved, SignalTest, compared
from sidecar.drift.kept import DriftError
from sidecar.drift.reading import READS, Aside, NoReading, StreamReading, TextReader
from sidecar.drift.samples import Sample, Shares
from sidecar.drift.settings import DriftSettings
from sidecar.outbox.builders import StreamInfo, drift_event
from sidecar.outbox.event import App, Event
from sidecar.outbox.outbox import Inlet
from sidecar.policy.plan import Plan
from sidecar.scheduler.scheduler import Request
from sidecar.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)
_MOST_WAITING = 64
_DAY_SECONDS = 86_400.0


class DriftWatch:
    """See the module's text. One owner: the event loop. `start` and `stop` are called by the service."""

    def __init__(
        self,
        settings: DriftSettings,
        *,
        outbox: Inlet,
        clock: Clock,
        metrics: Metrics,
        submit: Callable[[Request], None],
        rng: np.random.Generator | None = None,
    ) -> None:
        """`submit` is the scheduler's."""
        self._settings = settings
        self._outbox = outbox
        self._clock = clock
        self._metrics = metrics
        self.submit = submit
        self.now_ms = clock.now_ms
        self._rng = rng or np.random.default_rng()
        (self._splits,) = self._rng.spawn(1)  # the tests run on another thread
        self.groups: dict[GroupKey, Group] = {}
        self._pinned: Mapping[GroupKey, Sample] = {}
        self._pinned_at: float | None = None
        self._waiting: asyncio.Queue[tuple[GroupKey, Sample]] = asyncio.Queue(_MOST_WAITING)
        self._tasks: list[asyncio.Task[None]] = []
        self._reader: TextReader | None = None
        self._aside: Aside | None = None

    @property
    def reader(self) -> TextReader:
        """What reads texts; there from the start on."""
        assert self._reader is not None
        return self._reader

    @property
    def aside(self) -> Aside:
        """The same, as a stream's detector."""
        assert self._aside is not None
        return self._aside

    async def start(self) -> None:
        """Load the model and what was kept. Raises `DriftError` when either cannot be used."""
        self._reader = await asyncio.to_thread(_reader, self._settings.model)
        self._aside = Aside(READS, self._reader, ())
        if await asyncio.to_thread(self._settings.path.exists):
            self.groups = await asyncio.to_thread(kept.read, self._settings.path)
        self._take_pinned(await asyncio.to_thread(self._read_pinned))
        for key, group in self.groups.items():
            self._show(key, group)
        self._tasks = [
            asyncio.create_task(self._test_all(), name="drift-tests"),
            asyncio.create_task(self._save_all(), name="drift-file"),
        ]

    async def stop(self) -> None:
        """Write the samples; windows that wait for their tests stay untested."""
        if not self._tasks:
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._save()

    async def settled(self) -> None:
        """Return when every window that is full is tested."""
        await self._waiting.join()

    # -- streams --------------------------------------------------------------------------------------------------

    def reading(self, info: StreamInfo, plan: Plan) -> NoReading:
        """What takes of a stream that begins what is watched."""
        app = info.labels.get(self._settings.app_label, "")
        key = GroupKey(app, info.tenant, info.prompt_version, info.direction)
        return StreamReading(self, key, plan, keeps_text=self._settings.encode == "all")

    def observe(self, key: GroupKey, shares: Shares, vector: bytes | None) -> None:
        """Count a stream that ended; a window that it fills is tested soon."""
        group = self._group(key)
        if group is None:
            self._metrics.drift_unwatched.inc()
            return
        group.seen_unix = self._clock.unix_seconds()
        window = group.add(shares, vector, settings=self._settings, rng=self._rng)
        if window is None:
            return
        try:
            self._waiting.put_nowait((key, window))
        except asyncio.QueueFull:
            self._metrics.drift_windows["skipped"].inc()

    def _group(self, key: GroupKey) -> Group | None:
        """The group, made where there is room for it, or another one is forgotten for it."""
        group = self.groups.get(key)
        if group is not None:
            return group
        if len(self.groups) >= self._settings.max_groups:
            oldest = min(self.groups, key=lambda each: self.groups[each].seen_unix)
            if self.groups[oldest].seen_unix > self._clock.unix_seconds() - self._settings.forget_days * _DAY_SECONDS:
                return None
            self._metrics.forget_drift(_labels(oldest), self.groups.pop(oldest).distances)
        group = self.groups[key] = Group()
        if key in self._pinned:
            group.pin(self._pinned[key])
        return group

    # -- tests ----------------------------------------------------------------------------------------------------

    async def _test_all(self) -> None:
        while True:
            key, window = await self._waiting.get()
            try:
                await self._test(key, window)
            finally:
                self._waiting.task_done()

    async def _test(self, key: GroupKey, window: Sample) -> None:
        group, settings = self.groups.get(key), self._settings
        if group is None:
            return
        reference = group.reference
        found = await asyncio.to_thread(self._compared, reference, window)
        self._metrics.drift_windows["tested"].inc()
        if group.reference is not reference:  # it was pinned meanwhile
            return
        moved = group.judge(found, quiet_windows=settings.quiet_windows)
        self._show(key, group)
        await self._outbox.put([self._event(key, group, window, each) for each in moved])

    def _compared(self, reference: Sample, window: Sample) -> list[SignalTest]:
        return [*compared(reference, window, chance=self._settings.false_alarms, rng=self._splits)]

    def _event(self, key: GroupKey, group: Group, window: Sample, moved: Moved) -> Event:
        labels = {self._settings.app_label: key.app} if key.app else {}
        return drift_event(
            moved.movement,
            moved.signal,
            self._clock.unix_seconds(),
            direction=key.direction,
            tenant=key.tenant,
            app=App(prompt_version=key.prompt_version, labels=labels),
            distance=moved.distance,
            chance=self._settings.false_alarms,
            sizes=(group.reference.streams, window.streams),
            is_pinned=group.is_pinned,
            changes=moved.changes,
        )

    def _show(self, key: GroupKey, group: Group) -> None:
        for signal, distance in group.distances.items():
            self._metrics.show_drift((*_labels(key), signal), distance, has_moved=signal in group.quiet)

    # -- files ----------------------------------------------------------------------------------------------------

    async def _save_all(self) -> None:
        while True:
            await asyncio.sleep(self._settings.save_seconds)
            await self._save()
            try:
                self._take_pinned(await asyncio.to_thread(self._read_pinned))
            except DriftError as error:  # the references before still stand
                _log.warning("pinned references are not taken", extra={"error": str(error)})

    async def _save(self) -> None:
        groups = list(self.groups.items())
        try:
            await asyncio.to_thread(lambda: kept.write(self._settings.path, kept.written(groups)))
        except DriftError as error:
            _log.warning("samples for drift are not written", extra={"error": str(error)})

    def _read_pinned(self) -> Mapping[GroupKey, Sample]:
        """The pinned references, where the file is another one than before. Raises `DriftError`."""
        path = self._settings.reference
        if path is None:
            return {}
        with suppress(OSError):
            changed = path.stat().st_mtime
            if changed == self._pinned_at:
                return self._pinned
            self._pinned_at = changed
        return {key: group.reference for key, group in kept.read(path).items()}

    def _take_pinned(self, pinned: Mapping[GroupKey, Sample]) -> None:
        self._pinned = pinned
        for key, group in self._pinned_groups():
            if not group.is_pinned or group.reference != self._pinned[key]:
                self._metrics.forget_drift(_labels(key), group.distances)
                group.pin(self._pinned[key])

    def _pinned_groups(self) -> Iterator[tuple[GroupKey, Group]]:
        return ((key, self.groups[key]) for key in self._pinned if key in self.groups)


def _labels(key: GroupKey) -> tuple[str, str, str, str]:
    return key.app, key.tenant, key.prompt_version, key.direction.value


def _reader(model: str) -> TextReader:
    try:
        return TextReader(shared_encoder(model))
    except DetectorError as error:
        raise DriftError(f"drift.model cannot be used: {error}") from None
