"""Keeps the policies up to date: reads them again when their files changed, or when that is asked for (SIGHUP).

1. The kernel tells of changes (`Watch`); besides, the files are looked at every few seconds, which works everywhere.
2. What is new in force, what is gone and what was refused is logged, counted, recorded as events, and remembered for
   whoever asks (`told`). The last good policies stay in force where others were refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from sidecar.clock import Clock
from sidecar.config import Policies
from sidecar.errors import PolicyError
from sidecar.outbox.builders import fault_event, policy_event
from sidecar.outbox.event import Event, FaultKind, PolicyChange, PolicyStep
from sidecar.outbox.outbox import Inlet
from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore, State
from sidecar.telemetry.metrics import Metrics
from sidecar.version import is_older
from sidecar.watching import Watch

_log = logging.getLogger(__name__)

_TOLD = 20
"""How many of the latest changes are remembered."""


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
        self._stirred = asyncio.Event()
        """Something happened: it was asked for, or the kernel told of a change."""
        self._watch = Watch(self._stirred)
        self._task: asyncio.Task[None] | None = None
        self._seen: State = frozenset()
        self._since: dict[str, float] = {}
        self._known: Mapping[str, Plan] = {}
        self.told: deque[PolicyChange] = deque(maxlen=_TOLD)
        """What happened lately, oldest first."""
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

    @property
    def is_told(self) -> bool:
        """Whether the kernel tells of changes; else they are looked for only."""
        return self._watch.is_told

    def since(self, plan: Plan) -> float | None:
        """Unix time in seconds from which on this content has been in force."""
        return self._since.get(plan.digest)

    def source(self, plan: Plan) -> str:
        """The file that a policy in force came from."""
        return self._store.sources.get(plan.name, "")

    async def start(self) -> None:
        """Begin to look."""
        self._seen = await asyncio.to_thread(self._store.state)
        await self._record(self._note())
        if self._settings.reload:
            await self._watch.follow(self._settings.directories)
        self._task = asyncio.create_task(self._run(), name="policies")

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._watch.stop()

    def ask(self) -> None:
        """Have the policies read again, soon, changed or not."""
        self._asked.set()
        self._stirred.set()

    async def _run(self) -> None:
        while True:
            was_told = await self._wait()
            try:
                await self._look(was_told=was_told)
            except Exception as error:  # noqa: BLE001 - the next look may go well
                _log.error("the policies could not be read again", exc_info=error)

    async def _wait(self) -> bool:
        """Wait until it is time to look; whether anybody said so."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.poll_seconds if self._settings.reload else None):
                await self._stirred.wait()
        was_told = self._stirred.is_set()
        self._stirred.clear()
        return was_told

    async def _look(self, *, was_told: bool) -> None:
        is_asked = self._asked.is_set()
        self._asked.clear()
        found = await asyncio.to_thread(self._store.state)
        has_changed = found != self._seen
        self._seen = found
        if is_asked or has_changed:
            await self._read()
        if has_changed and self._settings.reload:
            # Folders may be new, or others under their old names, of which nothing was told.
            await self._watch.follow(self._settings.directories, anew=not was_told)

    async def _read(self) -> None:
        is_fine = await asyncio.to_thread(self._store.reload)
        events = self._note()
        if is_fine:
            self._metrics.policy_reloads.inc()
            _log.info("policies reloaded", extra={"policies": [*self._store.plans]})
            await self._record(events)
            await self._taken(self._store.plans.values())
            return
        self._metrics.policy_reload_failures.inc()
        for error in self._store.errors:
            _log.error("policy refused; the last good one stays", extra={"error": str(error)})
        await self._record([*events, *(event for error in self._store.errors for event in self._refusal(error))])

    def _note(self) -> list[Event]:
        """What is in force now, for metrics and for whoever asks; returns what is new of it."""
        self.last_read = now = self._clock.unix_seconds()
        known, self._known = self._known, dict(self._store.plans)
        self._since = {plan.digest: self._since.get(plan.digest, now) for plan in self.plans}
        self._metrics.policies_loaded.set(len(self._store.plans))
        self._metrics.expect(self._store.plans.values())
        return [
            policy_event(step, name, now, plan=plan, former=former, source=self.source(plan) if plan else "")
            for step, name, plan, former in _changes(known, self._known)
        ]

    def _refusal(self, error: PolicyError) -> Iterable[Event]:
        """A refusal as the fault that it always was, and as what became of a policy."""
        now, file = self._clock.unix_seconds(), Path(error.file).name
        reason = f"line {error.line}, {error.path}: {error.message}"
        yield fault_event(FaultKind.POLICY_REFUSED, file, now, reason=reason)
        yield policy_event(PolicyStep.REFUSED, file, now, source=error.file, reason=reason)

    async def _record(self, events: Sequence[Event]) -> None:
        self.told.extend(event.data for event in events if isinstance(event.data, PolicyChange))
        if events:
            await self._outbox.put(events)


def _changes(
    before: Mapping[str, Plan], after: Mapping[str, Plan]
) -> Iterable[tuple[PolicyStep, str, Plan | None, Plan | None]]:
    """What became of which policy: the one in force now, and that of before."""
    for name, plan in after.items():
        former = before.get(name)
        if former is None or former.digest != plan.digest:
            is_back = former is not None and is_older(plan.version, former.version)
            yield PolicyStep.ROLLED_BACK if is_back else PolicyStep.LOADED, name, plan, former
    for name, former in before.items():
        if name not in after:
            yield PolicyStep.REMOVED, name, None, former
