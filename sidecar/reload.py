"""Reads the policies again, when that is asked for (SIGHUP) or their files changed on the disk.

Directories are looked at every few seconds: that works on every file system, and with how Kubernetes swaps a ConfigMap.
What is wrong is logged, counted and published, and the last good policies stay in force.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from sidecar.clock import Clock
from sidecar.config import Policies
from sidecar.errors import PolicyError
from sidecar.outbox.builders import fault_event
from sidecar.outbox.event import Event, FaultKind
from sidecar.outbox.outbox import Inlet
from sidecar.policy.loader import policy_files
from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore
from sidecar.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)

_Fingerprint = frozenset[tuple[Path, int, int, int]]


class PolicyReloader:
    """Keeps a store up to date. `start` expects that the store was loaded."""

    def __init__(
        self,
        store: PolicyStore,
        settings: Policies,
        *,
        outbox: Inlet,
        clock: Clock,
        metrics: Metrics,
        taken: Callable[[Iterable[Plan]], Awaitable[None]],
    ) -> None:
        """`taken` is told of policies that are new in force, and may take its time."""
        self._store = store
        self._settings = settings
        self._outbox = outbox
        self._clock = clock
        self._metrics = metrics
        self._taken = taken
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._seen: _Fingerprint = frozenset()
        self._since: dict[str, float] = {}
        self.last_read: float | None = None
        """Unix time in seconds at which the files were read last."""

    @property
    def plans(self) -> Collection[Plan]:
        """The policies in force."""
        return self._store.plans.values()

    @property
    def errors(self) -> Sequence[PolicyError]:
        """What was wrong with the files when they were last read."""
        return self._store.errors

    def since(self, plan: Plan) -> float | None:
        """Unix time in seconds from which on this content has been in force."""
        return self._since.get(plan.digest)

    async def start(self) -> None:
        """Begin to look."""
        self._note()
        self._seen = await asyncio.to_thread(_fingerprint, self._settings.directories)
        self._task = asyncio.create_task(self._run(), name="policies")

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def ask(self) -> None:
        """Have the policies read again, soon, changed or not."""
        self._asked.set()

    async def _run(self) -> None:
        while True:
            is_asked = await self._wait()
            try:
                await self._look(is_asked=is_asked)
            except Exception as error:  # noqa: BLE001 - the next look may go well
                _log.error("the policies could not be read again", exc_info=error)

    async def _wait(self) -> bool:
        """Wait until it is time to look; whether that was asked for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.poll_seconds if self._settings.reload else None):
                await self._asked.wait()
        is_asked = self._asked.is_set()
        self._asked.clear()
        return is_asked

    async def _look(self, *, is_asked: bool) -> None:
        found = await asyncio.to_thread(_fingerprint, self._settings.directories)
        if is_asked or found != self._seen:
            self._seen = found
            await self._read()

    async def _read(self) -> None:
        is_fine = await asyncio.to_thread(self._store.reload)
        self._note()
        if is_fine:
            self._metrics.policy_reloads.inc()
            _log.info("policies reloaded", extra={"policies": [*self._store.plans]})
            await self._taken(self._store.plans.values())
            return
        self._metrics.policy_reload_failures.inc()
        for error in self._store.errors:
            _log.error("policy refused; the last good one stays", extra={"error": str(error)})
        await self._outbox.put([self._refusal(error) for error in self._store.errors])

    def _note(self) -> None:
        """What is in force now, for metrics and for whoever asks."""
        self.last_read = self._clock.unix_seconds()
        self._since = {plan.digest: self._since.get(plan.digest, self.last_read) for plan in self.plans}
        self._metrics.policies_loaded.set(len(self._store.plans))
        self._metrics.expect(self._store.plans.values())

    def _refusal(self, error: PolicyError) -> Event:
        return fault_event(
            FaultKind.POLICY_REFUSED,
            Path(error.file).name,
            self._clock.unix_seconds(),
            reason=f"line {error.line}, {error.path}: {error.message}",
        )


def _fingerprint(directories: Iterable[Path]) -> _Fingerprint:
    """What tells one state of the policy files from another."""
    found = set()
    with suppress(OSError, PolicyError):
        for file in policy_files(directories):
            state = file.stat()
            found.add((file, state.st_mtime_ns, state.st_size, state.st_ino))
    return frozenset(found)
