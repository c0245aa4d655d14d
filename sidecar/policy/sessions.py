"""What a policy makes of sessions: what counts, what rules insist on, and when one is stopped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from sidecar.policy.session_facts import SessionFacts
from sidecar.values import Part, SessionMark, Severity

MOST_COUNTED = 100
"""How many violations of a session are remembered one by one; of more, the latest."""
HALF_LIFE_MS = 30 * 60_000.0


class Counted(msgspec.Struct, frozen=True, gc=False):
    """A violation that counted: when, in milliseconds of a clock that only goes forward, and how much."""

    at_ms: float
    rule: str
    severity: Severity
    risk: float


@dataclass(frozen=True, slots=True)
class SessionCondition:
    """On what a rule insists before it acts: all of it."""

    has: frozenset[SessionMark] = frozenset()
    risk: float = 0.0
    violations: int = 0

    def holds(self, facts: SessionFacts) -> bool:
        """Whether a session with these facts is one that the rule is for."""
        return (
            facts.risk >= self.risk
            and facts.violations >= self.violations
            and all(getattr(facts, mark.value) for mark in self.has)
        )

    def __str__(self) -> str:
        """For people: `that has sends and with a risk of 3`."""
        asked = [f"that has {mark}" for mark in sorted(self.has)]
        asked += [f"with a risk of {self.risk:g}"] if self.risk else []
        asked += [f"with {self.violations} violations"] if self.violations else []
        return " and ".join(asked)


@dataclass(frozen=True, slots=True)
class Escalation:
    """When a session is stopped, and for how long. `rule` is the number of the stopper among all of the plan's rules.

    After so many `violations` of at least a `severity` within `within_ms`, or once the risk reaches `risk`.
    """

    rule: int
    for_ms: float
    violations: int | None = None
    risk: float | None = None
    severity: Severity = Severity.INFO
    within_ms: float = 0.0

    def until(self, counted: Sequence[Counted], half_life_ms: float) -> float | None:
        """Until when, in milliseconds of the same clock, the session is stopped; it may be over. None: it never was."""
        met = self._last_met(counted, half_life_ms)
        return None if met is None else met + self.for_ms

    def _last_met(self, counted: Sequence[Counted], half_life_ms: float) -> float | None:
        """When a violation met the condition last."""
        last: float | None = None
        risk, before_ms = 0.0, 0.0
        times: list[float] = []
        for each in counted:
            risk = _decayed(risk, each.at_ms - before_ms, half_life_ms) + each.risk
            before_ms = each.at_ms
            if each.severity >= self.severity:
                times.append(each.at_ms)
            is_risky = self.risk is not None and risk >= self.risk
            if is_risky or self._is_third(times, each.at_ms):
                last = each.at_ms
        return last

    def _is_third(self, times: Sequence[float], now_ms: float) -> bool:
        """Whether the last violations, of which one is now, are as many as it takes, and near enough."""
        if self.violations is None or len(times) < self.violations or times[-1] != now_ms:
            return False
        return now_ms - times[-self.violations] <= self.within_ms


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """The policy's `session:` section. What stands in a request's parts of `untrusted` may be strangers' words."""

    half_life_ms: float = HALF_LIFE_MS
    untrusted: frozenset[Part] = frozenset()
    escalations: tuple[Escalation, ...] = ()


def risk_of(counted: Sequence[Counted], now_ms: float, half_life_ms: float) -> float:
    """The sum of what counted, each worth half as much after each half-life."""
    return sum(_decayed(each.risk, now_ms - each.at_ms, half_life_ms) for each in counted)


def _decayed(risk: float, age_ms: float, half_life_ms: float) -> float:
    return risk * math.exp2(-max(0.0, age_ms) / half_life_ms)
