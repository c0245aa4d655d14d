"""A plan as one side of a canary sees it. Pure.

What is not carried out on a stream's side is there all the same, in shadow, so that both verdicts are known:

- a rule that is a canary is enforced on its side, and in shadow on the other;
- a whole version that is a canary is beside the one that it replaces: the stream is held to one of them, and the rules
  of the other stand behind its own, all in shadow (`is_others`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sidecar.policy.plan import Plan, RulePlan, ScannerPlan
from sidecar.policy.sessions import SessionSettings
from sidecar.values import Action, CanarySide, Decision, Enforcement


def on_sides(plan: Plan, enforced: frozenset[int], other: Plan | None = None, side: CanarySide | None = None) -> Plan:
    """The plan with the canaries `enforced` (rules' indices) carried out, and the others in shadow.

    `other` is the version that stands beside it in shadow, `side` which of the two this one is. Made once for each.
    """
    key = (enforced, other.digest if other is not None else "")
    found = plan.sides.get(key)
    if found is None:
        found = plan.sides[key] = _made(plan, enforced, other, side)
    return found


def would(rule: RulePlan, decision: Decision) -> Action:
    """What would have been done on the other side of the rule, if it is a canary."""
    if rule.side is None:
        return decision.done
    return Action.ALLOW if rule.side == "canary" else decision.decided


def _made(plan: Plan, enforced: frozenset[int], other: Plan | None, side: CanarySide | None) -> Plan:
    def sided(rule: RulePlan) -> RulePlan:
        if rule.canary is None:
            return rule
        is_on = rule.index in enforced
        how = Enforcement.ENFORCE if is_on else Enforcement.SHADOW
        return replace(rule, enforcement=how, side="canary" if is_on else "stable")

    own = with_rules(plan, sided)
    if other is None:
        return replace(own, side=side)
    first, batches = len(plan.rules), len(plan.batches)

    def behind(rule: RulePlan) -> RulePlan:
        return replace(
            rule,
            index=first + rule.index,
            enforcement=Enforcement.SHADOW,
            is_others=True,
            risk=0.0,
            marks=frozenset(),
            requires=None if rule.requires is None else rule.requires.moved(first),
        )

    beside = with_rules(other, behind)
    more = len(beside.rules)
    return replace(
        own,
        rules=own.rules + beside.rules,
        stoppers=tuple(replace(rule, index=rule.index + more) for rule in own.stoppers),
        session=_moved(own.session, more),
        scanners=own.scanners + beside.scanners,
        batches=own.batches + tuple(replace(each, index=batches + each.index) for each in beside.batches),
        side=side,
        other=other,
    )


def with_rules(plan: Plan, changed: Callable[[RulePlan], RulePlan]) -> Plan:
    """The plan with each rule changed, wherever it stands."""
    rules = tuple(map(changed, plan.rules))

    def of(readers: tuple[RulePlan, ...]) -> tuple[RulePlan, ...]:
        return tuple(rules[rule.index] for rule in readers)

    return replace(
        plan,
        rules=rules,
        scanners=tuple(ScannerPlan(each.detector, of(each.rules)) for each in plan.scanners),
        batches=tuple(replace(each, rules=of(each.rules)) for each in plan.batches),
    )


def _moved(settings: SessionSettings, by: int) -> SessionSettings:
    """The same where the rules that stop sessions are numbered so much higher."""
    return replace(settings, escalations=tuple(replace(each, rule=each.rule + by) for each in settings.escalations))
