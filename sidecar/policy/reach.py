"""Whether any policy can take what a door serves: a policy that matches on what nobody there says takes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sidecar.policy.facts import StreamFacts
from sidecar.policy.plan import Plan


@dataclass(frozen=True, slots=True)
class Nearest:
    """The policy that comes nearest to taking what a door serves, and its conditions that cannot hold there."""

    name: str
    unmet: tuple[str, ...]


def nearest(plans: Iterable[Plan], facts: StreamFacts, told: Collection[str]) -> Nearest | None:
    """The policy that comes nearest to taking streams of a door; None where one can take them, or there is none.

    `facts` are those that are the same for all its streams. `told` are the conditions, as `Match.unmet` names them,
    that each stream may meet by what is told of it.
    """
    found = [Nearest(plan.name, _unmet(plan, facts, told)) for plan in plans]
    if not found or any(not each.unmet for each in found):
        return None
    return min(found, key=lambda each: len(each.unmet))


def _unmet(plan: Plan, facts: StreamFacts, told: Collection[str]) -> tuple[str, ...]:
    return tuple(condition for condition in plan.match.unmet(facts) if condition not in told)
