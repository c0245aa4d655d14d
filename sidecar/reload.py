"""Keeps the policies up to date: reads them again when their files changed, or when that is asked for (SIGHUP).

1. The kernel tells of changes (`Watch`); besides, the files are looked at every few seconds, which works everywhere.
2. What is new in force, what is gone and what was refused is logged, counted, recorded as events, and remembered for
   whoever asks (`told`). The last good policies stay in force where others were refused.
3. Where policies come as a bundle, its source is asked instead, and a bundle is in force as a whole or not at all.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from sidecar.bundles.delivery import Delivery, Offer
from sidecar.bundles.sources import Away
from sidecar.canaries import Canaries
from sidecar.clock import Clock
from sidecar.config import Policies
from sidecar.errors import BundleError, ConfigError, PolicyError
from sidecar.outbox.builders import fault_event, policy_event
from sidecar.outbox.event import BundleRef, Event, FaultKind, PolicyChange, PolicyStep
from sidecar.outbox.outbox import Inlet
from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore, State
from sidecar.telemetry.metrics import Metrics
from sidecar.version import is_older
from sidecar.watching import Watch

_log = logging.getLogger(__name__)

_Role = tuple[str, bool]
"""A policy's name, and whether this is a version that is tried."""

_TOLD = 20
"""How many of the latest changes are remembered."""


class PolicyReloader:
    """Keeps a store up to date: `load` fills it, `start` begins to look for changes."""

    def __init__(
        self,
        store: PolicyStore,
        settings: Policies,
        *,
        outbox: Inlet,
        clock: Clock,
        metrics: Metrics,
        taken: Callable[[Iterable[Plan]], Awaitable[None]],
        canaries: Canaries | None = None,
    ) -> None:
        """`taken` is told of policies that are new in force, and may take its time.

        Raises `ConfigError` when a key that bundles are verified with cannot be read.
        """
        self._store = store
        self._settings = settings
        self._outbox = outbox
        self._clock = clock
        self._metrics = metrics
        self._taken = taken
        self.canaries = canaries or Canaries()
        """How those of the policies in force go; others are forgotten."""
        self.delivery = Delivery(settings, count=metrics.count_bundle) if settings.bundle else None
        self._asked = asyncio.Event()
        self._stirred = asyncio.Event()
        """Something happened: it was asked for, or the kernel told of a change."""
        self._watch = Watch(self._stirred)
        self._task: asyncio.Task[None] | None = None
        self._seen: State = frozenset()
        self._since: dict[str, float] = {}
        self._known: Mapping[_Role, Plan] = {}
        self.told: deque[PolicyChange] = deque(maxlen=_TOLD)
        """What happened lately, oldest first."""
        self.last_read: float | None = None
        """Unix time in seconds at which the files were read last."""

    @property
    def plans(self) -> Collection[Plan]:
        """The policies in force, and the versions that are tried beside them."""
        return (*self._store.plans.values(), *self._store.tried.values())

    @property
    def errors(self) -> Sequence[str]:
        """What was wrong with the files, or the bundle, when they were last read."""
        if self.delivery is not None:
            return [self.delivery.refused] if self.delivery.refused else []
        return [str(error) for error in self._store.errors]

    @property
    def is_told(self) -> bool:
        """Whether the kernel tells of changes; else they are looked for only."""
        return self._watch.is_told

    def since(self, plan: Plan) -> float | None:
        """Unix time in seconds from which on this content has been in force."""
        return self._since.get(plan.digest)

    def source(self, plan: Plan) -> str:
        """The file that a policy in force came from; of one in a bundle, its path there."""
        file = self._store.sources.get(plan.digest, "")
        return file if self.delivery is None else os.path.relpath(file, self.delivery.folder)

    async def load(self) -> None:
        """Read the policies for the first time. Raises `PolicyErrors`, or `ConfigError` when there is no bundle."""
        if self.delivery is None:
            await asyncio.to_thread(self._store.load)
        else:
            await self._load_bundle(self.delivery)

    async def start(self) -> None:
        """Begin to look."""
        self._seen = await asyncio.to_thread(self._store.state)
        await self._record(self._note())
        if self._settings.reload:
            await self._watch.follow(self._watched)
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
            async with asyncio.timeout(self._pause_seconds() if self._settings.reload else None):
                await self._stirred.wait()
        was_told = self._stirred.is_set()
        self._stirred.clear()
        return was_told

    def _pause_seconds(self) -> float:
        return self._settings.poll_seconds if self.delivery is None else self.delivery.pause_seconds()

    @property
    def _watched(self) -> Sequence[Path]:
        return self._settings.directories if self.delivery is None else self.delivery.paths

    async def _look(self, *, was_told: bool) -> None:
        if self.delivery is not None:
            await self._look_for_bundle(self.delivery)
            await self._watch.follow(self._watched if self._settings.reload else ())
            return
        is_asked = self._asked.is_set()
        self._asked.clear()
        seen = self._seen
        self._seen, is_fine = await asyncio.to_thread(self._read, seen, is_asked=is_asked)
        has_changed = self._seen != seen
        if is_fine is not None:
            await self._tell(is_fine=is_fine)
        if has_changed and self._settings.reload:
            # Folders may be new, or others under their old names, of which nothing was told.
            await self._watch.follow(self._watched, anew=not was_told)

    def _read(self, seen: State, *, is_asked: bool) -> tuple[State, bool | None]:
        """The files' state, and, where they were read again, whether they are fine.

        One piece of work for a thread: between two of them, all streams of the loop have their turn.
        """
        found = self._store.state()
        return found, self._store.reload() if is_asked or found != seen else None

    async def _tell(self, *, is_fine: bool) -> None:
        """Make known what was read, and have it used."""
        events = self._note()
        if is_fine:
            self._metrics.policy_reloads.inc()
            _log.info("policies reloaded", extra={"policies": [*self._store.plans]})
            await self._record(events)
            await self._taken(self.plans)
            return
        self._metrics.policy_reload_failures.inc()
        for error in self._store.errors:
            _log.error("policy refused; the last good one stays", extra={"error": str(error)})
        await self._record([*events, *(event for error in self._store.errors for event in self._refusal(error))])

    async def _load_bundle(self, delivery: Delivery) -> None:
        """Have the source's bundle in force, or else the one that was kept. Raises `ConfigError` without either."""
        kept = await delivery.kept()
        offer = None
        try:
            offer = await delivery.look()
        except Away as error:
            _log.warning("the source of the bundle is away", extra={"error": str(error)})
        except BundleError as error:
            await self._refuse_bundle(delivery.source, str(error))
        if offer is not None and await self._take(delivery, offer):
            return
        if kept is not None and await asyncio.to_thread(self._store.move, [kept.folder]):
            delivery.accept(kept, is_kept=True)
            _log.warning("the bundle that was kept is in force", extra={"bundle": kept.bundle.called})
            return
        reason = delivery.refused or delivery.away or "what was kept cannot be used either"
        raise ConfigError(f"there is no bundle that can be in force: {reason}", path="policies.bundle")

    async def _look_for_bundle(self, delivery: Delivery) -> None:
        was_away = bool(delivery.away)
        try:
            offer = await delivery.look()
        except Away as error:
            if not was_away:
                _log.warning("the source of the bundle is away", extra={"error": str(error)})
            return
        except BundleError as error:
            await self._refuse_bundle(delivery.source, str(error))
            return
        if offer is None or not await self._take(delivery, offer):
            return
        events = self._note()
        self._metrics.policy_reloads.inc()
        _log.info("another bundle is in force", extra={"bundle": offer.bundle.called})
        await self._record(events)
        await self._taken(self.plans)

    async def _take(self, delivery: Delivery, offer: Offer) -> bool:
        """Put a bundle's policies in force; whether they could be."""
        if await asyncio.to_thread(self._store.move, [offer.folder]):
            delivery.accept(offer)
            return True
        errors = self._store.errors
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        reason = f"{offer.bundle.called}: {_inside(errors[0], offer.folder)}{more}"
        delivery.refuse(reason)
        await self._refuse_bundle(offer.bundle.called, reason)
        return False

    async def _refuse_bundle(self, what: str, reason: str) -> None:
        source = self.delivery.source if self.delivery else ""
        self._metrics.policy_reload_failures.inc()
        _log.error("bundle refused; the last good one stays", extra={"bundle": what, "error": reason})
        now = self._clock.unix_seconds()
        await self._record([policy_event(PolicyStep.REFUSED, what, now, source=source, reason=reason)])

    def _note(self) -> list[Event]:
        """What is in force now, for metrics and for whoever asks; returns what is new of it."""
        self.last_read = now = self._clock.unix_seconds()
        known, self._known = self._known, {(plan.name, plan.rollout is not None): plan for plan in self.plans}
        self.canaries.keep(self.plans)
        self._since = {plan.digest: self._since.get(plan.digest, now) for plan in self.plans}
        self._metrics.policies_loaded.set(len(self.plans))
        self._metrics.expect(self.plans)
        bundle = self._bundle()
        return [
            policy_event(
                step, name, now, plan=plan, former=former, source=self.source(plan) if plan else "", bundle=bundle
            )
            for step, name, plan, former in _changes(known, self._known)
        ]

    def _bundle(self) -> BundleRef | None:
        in_force = self.delivery.in_force if self.delivery else None
        if in_force is None:
            return None
        manifest = in_force.manifest
        return BundleRef(name=manifest.name, version=manifest.version, digest=manifest.digest)

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


def _inside(error: PolicyError, folder: Path) -> str:
    """An error of a file, as it is called in its bundle."""
    return str(error).replace(f"{folder}{os.sep}", "")


def _changes(
    before: Mapping[_Role, Plan], after: Mapping[_Role, Plan]
) -> Iterable[tuple[PolicyStep, str, Plan | None, Plan | None]]:
    """What became of which policy: the one in force now, and that of before."""
    for role, plan in after.items():
        former = before.get(role)
        if former is None or former.digest != plan.digest:
            is_back = former is not None and is_older(plan.version, former.version)
            yield PolicyStep.ROLLED_BACK if is_back else PolicyStep.LOADED, plan.name, plan, former
    for role, former in before.items():
        if role not in after:
            yield PolicyStep.REMOVED, former.name, None, former
