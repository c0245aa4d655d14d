"""Canaries as they run: which side a stream is on, how each goes, and the end of those that leave their band.

1. A stream's side follows from its facts and the policy alone (`policy.trial`), so it needs no memory, and another
   process says the same. A canary that has stopped takes nobody any more.
2. The last `window` streams of a canary's side are remembered, three flags each: whether it blocked, redacted, or got
   no answer from a detector. When `min_streams` have ended and a share of them is outside its band, the canary stops:
   streams that begin from then on are on the stable side, and those under way keep their plan.
3. What is known of a canary is of one content of its policy: one that is changed begins anew. A process judges what it
   saw itself, since its start.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from sidecar.outbox.event import CanaryRates
from sidecar.policy.canary import on_sides
from sidecar.policy.plan import Plan
from sidecar.policy.trial import RATES, Rate, Trial
from sidecar.start import StreamStart
from sidecar.values import Action, CanarySide


class Canary(msgspec.Struct, frozen=True):
    """One of them: a rule of a policy, or with an empty `rule` the whole version. `of` is the policy's digest."""

    of: str
    policy: str
    version: str
    trial: Trial
    rule: str = ""

    @property
    def called(self) -> str:
        """What its shares go by: the same for each version, so that the same units are on its side."""
        return f"{self.policy}/{self.rule}" if self.rule else self.policy


class Went(msgspec.Struct, frozen=True):
    """How a stream went for one canary: what was done by it, and whether it missed an answer."""

    done: frozenset[Action] = frozenset()
    has_failed: bool = False

    @property
    def rates(self) -> tuple[Rate, ...]:
        """What it counts towards."""
        found: list[Rate] = []
        if Action.BLOCK in self.done:
            found.append("block")
        if self.done & {Action.REDACT, Action.WITHHOLD}:
            found.append("redact")
        if self.has_failed:
            found.append("error")
        return tuple(found)


class Progress(msgspec.Struct, frozen=True):
    """How a canary stands: its last `streams` streams, shares of them, and in which rate it left its band."""

    canary: Canary
    streams: int
    rates: Mapping[Rate, float]
    stopped_by: Rate | None = None

    @property
    def said(self) -> str:
        """Why it stopped, in a sentence; empty while it runs."""
        if self.stopped_by is None:
            return ""
        least, most = self.canary.trial.band[self.stopped_by]
        share = self.rates[self.stopped_by]
        of = f"of the last {self.streams} streams"
        return f"the {self.stopped_by} rate is {share:g} {of}, outside {least:g} to {most:g}"


def rates_of(progress: Progress) -> CanaryRates:
    """How it went, for an event."""
    return CanaryRates(
        streams=progress.streams,
        rates={str(rate): share for rate, share in progress.rates.items()},
        rule=progress.canary.rule,
        percent=progress.canary.trial.percent,
    )


class _Run:
    """One canary's memory."""

    __slots__ = ("_counts", "_last", "canary", "stopped_by")

    def __init__(self, canary: Canary) -> None:
        self.canary = canary
        self.stopped_by: Rate | None = None
        self._last: deque[tuple[Rate, ...]] = deque()
        self._counts: Counter[Rate] = Counter()

    def add(self, went: Went) -> bool:
        """Count a stream; whether the canary stops by it."""
        if len(self._last) == self.canary.trial.window:
            self._counts.subtract(self._last.popleft())
        self._last.append(went.rates)
        self._counts.update(went.rates)
        if self.stopped_by is not None or len(self._last) < self.canary.trial.min_streams:
            return False
        self.stopped_by = self.canary.trial.breach(self._rates())
        return self.stopped_by is not None

    def progress(self) -> Progress:
        """How it stands."""
        rates = {rate: round(share, 4) for rate, share in self._rates().items()}
        return Progress(self.canary, len(self._last), rates, self.stopped_by)

    def _rates(self) -> dict[Rate, float]:
        streams = len(self._last)
        return {rate: self._counts[rate] / streams if streams else 0.0 for rate in RATES}


class Canaries:
    """See the module's text. One owner: the event loop's thread."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], _Run] = {}

    def side_of(self, plan: Plan, start: StreamStart, stream_id: str) -> Plan:
        """The plan that a stream is held to: `plan`, with what is tried carried out or in shadow."""
        if plan.successor is None and not plan.canaries:
            return plan
        own: Plan = plan
        other: Plan | None = None
        side: CanarySide | None = None
        if (successor := plan.successor) is not None and not self._has_stopped(successor, ""):
            assert successor.rollout is not None
            is_on = self._is_on(_whole(successor), start, stream_id)
            own, other = (successor, plan) if is_on else (plan, successor)
            side = "canary" if is_on else "stable"
        enforced = frozenset(index for index in own.canaries if self._is_on(_of_rule(own, index), start, stream_id))
        return on_sides(own, enforced, other, side)

    def ended(self, plan: Plan, went: Mapping[str, Went]) -> list[Progress]:
        """Count a stream for the canaries on whose side it was; those that stop by it, as they stand.

        `went` is by rule; under an empty name it is the whole stream's.
        """
        stopped = []
        for canary in _of_stream(plan):
            run = self._runs.get((canary.of, canary.rule))
            if run is not None and run.add(went.get(canary.rule, Went())):
                stopped.append(run.progress())
        return stopped

    def keep(self, plans: Iterable[Plan]) -> None:
        """Remember the canaries of these policies, which are in force, and forget those of others."""
        known, self._runs = self._runs, {}
        for plan in plans:
            for canary in _all(plan):
                key = (canary.of, canary.rule)
                self._runs[key] = known.get(key) or _Run(canary)

    def progress(self) -> list[Progress]:
        """How all of them stand."""
        return [run.progress() for run in self._runs.values()]

    def _is_on(self, canary: Canary, start: StreamStart, stream_id: str) -> bool:
        run = self._runs.get((canary.of, canary.rule))
        if run is not None and run.stopped_by is not None:
            return False
        unit = _unit(canary.trial, start, stream_id)
        return unit is not None and canary.trial.takes(canary.called, unit)

    def _has_stopped(self, plan: Plan, rule: str) -> bool:
        run = self._runs.get((plan.digest, rule))
        return run is not None and run.stopped_by is not None


def _unit(trial: Trial, start: StreamStart, stream_id: str) -> str | None:
    """What of a stream is on one side as a whole; None where it has no such thing."""
    if trial.by == "session":
        return f"{start.tenant}\0{start.session_id or start.request_id or stream_id}"
    if trial.by == "stream":
        return stream_id
    return (start.tenant or None) if trial.by == "tenant" else start.labels.get(trial.label)


def _all(plan: Plan) -> Iterator[Canary]:
    if plan.rollout is not None:
        yield _whole(plan)
    for index in plan.canaries:
        yield _of_rule(plan, index)


def _of_stream(plan: Plan) -> Iterator[Canary]:
    """The canaries that are carried out on a stream with this plan."""
    if plan.side == "canary":
        yield _whole(plan)
    for index in plan.canaries:
        if plan.rules[index].side == "canary":
            yield _of_rule(plan, index)


def _whole(plan: Plan) -> Canary:
    assert plan.rollout is not None
    return Canary(plan.digest, plan.name, plan.version, plan.rollout)


def _of_rule(plan: Plan, index: int) -> Canary:
    rule = plan.rules[index]
    assert rule.canary is not None
    return Canary(plan.digest, plan.name, plan.version, rule.canary, rule.id)
