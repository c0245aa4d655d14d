"""Rules against each other, and against what they read and do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.document import Place
from sidecar.policy.loader import LoadedPolicy
from sidecar.policy.plan import Plan, RulePlan
from sidecar.values import Action, Direction, Part

_OF_REQUESTS = (Part.USER, Part.SYSTEM)
"""Whose words stand in requests alone."""
_APART = frozenset({"id", "description", "detect", "action", "severity", "tags"})
"""What of a rule may differ where one leaves another nothing to do."""


SOON = timedelta(days=30)
"""How long before an exception ends its owner is told."""


def warnings(loaded: LoadedPolicy, plan: Plan, today: date) -> Iterator[PolicyError]:
    """What is hardly meant by a policy's rules."""
    yield from _ending_exceptions(loaded, plan, today)
    yield from _silent_blocks(loaded, plan)
    yield from _needless_notice(loaded, plan)
    yield from _unread_parts(loaded, plan)
    yield from _idle_rules(loaded, plan)


def _ending_exceptions(loaded: LoadedPolicy, plan: Plan, today: date) -> Iterator[PolicyError]:
    for rule in plan.rules:
        for number, each in enumerate(rule.terms.exemptions if rule.terms else ()):
            if each.last_day is None or each.last_day - SOON > today:
                continue
            ends = "ended with" if each.is_over(today) else "ends with"
            message = f"this exception of rule `{rule.id}` {ends} {each.last_day}; {each.owner} answers for it"
            place = ("rules", rule.index, "except", number, "expires")
            yield loaded.source.error(place, Code.EXCEPTION_ENDS, message, "remove it, or have it approved anew")


def _silent_blocks(loaded: LoadedPolicy, plan: Plan) -> Iterator[PolicyError]:
    for rule in plan.rules:
        if rule.is_enforced and rule.action is Action.BLOCK and rule.message is None and not rule.translations:
            message = f"rule `{rule.id}` blocks without a message: people read a default text"
            place, remedy = ("rules", rule.index, "action"), "write `action: {block: {message: ...}}`"
            yield loaded.source.error(place, Code.BLOCKS_WITHOUT_MESSAGE, message, remedy)


def _needless_notice(loaded: LoadedPolicy, plan: Plan) -> Iterator[PolicyError]:
    if plan.stream.notice is not None and not plan.redacts:
        message, remedy = "`notice` tells of redactions, and no rule redacts", "remove it, or let a rule redact"
        yield loaded.source.error(("stream", "notice"), Code.NOTICE_OF_NOTHING, message, remedy)


def _unread_parts(loaded: LoadedPolicy, plan: Plan) -> Iterator[PolicyError]:
    if plan.match.directions != {Direction.OUTPUT}:
        return
    for number, rule in enumerate(loaded.spec.rules):
        for position, part in enumerate(rule.detect.parts or ()):
            if part in _OF_REQUESTS:
                place = ("rules", number, "detect", "parts", position)
                message = f"the policy takes outputs only, and the part `{part}` stands in requests"
                remedy = f"remove `{part}`, or add `input` to `match.directions`"
                yield loaded.source.error(place, Code.UNREAD_PART, message, remedy)


def _idle_rules(loaded: LoadedPolicy, plan: Plan) -> Iterator[PolicyError]:
    for rule in plan.rules:
        others = (other for other in plan.rules if other is not rule and _leaves_nothing(loaded, other, rule))
        other = next(others, None)
        if other is None or (rule.is_counted and rule.requires is None):
            continue
        place: Place = ("rules", rule.index, "id")
        if _content(loaded, rule) == _content(loaded, other):
            message, remedy = f"rule `{other.id}` says the same: each finding is told twice", "remove one of the two"
            yield loaded.source.error(place, Code.TWICE_THE_SAME, message, remedy)
        else:
            message = f"rule `{other.id}` finds all that it finds, and does as much or more"
            remedy = "remove it, or change what one of the two reads, finds or does"
            yield loaded.source.error(place, Code.DOMINATED_RULE, message, remedy)


def _leaves_nothing(loaded: LoadedPolicy, one: RulePlan, other: RulePlan) -> bool:
    """Whether `one` finds all that `other` does in the same texts, and does as much or more."""
    is_before = one.index < other.index
    return (
        one.is_enforced
        and other.is_enforced
        and one.severity >= other.severity
        and (one.action > other.action or (one.action is other.action and is_before))
        and one.reads.parts >= other.reads.parts
        and one.reads.channels >= other.reads.channels
        and all(one.thresholds.get(label, 2.0) <= least for label, least in other.thresholds.items())
        and _conditions(loaded, one) == _conditions(loaded, other)
    )


def _conditions(loaded: LoadedPolicy, rule: RulePlan) -> Mapping[str, Any]:
    """When a rule acts beyond what it reads and finds: its detector, with parameters, and all its other keys."""
    spec = loaded.spec.rules[rule.index]
    stated = spec.model_dump(exclude=set(_APART), exclude_none=True)
    return {**stated, "detector": spec.detect.detector, "params": spec.detect.params}


def _content(loaded: LoadedPolicy, rule: RulePlan) -> Mapping[str, Any]:
    """What a rule is, but for what it is called."""
    stated = loaded.spec.rules[rule.index].model_dump(exclude={"id", "description", "detect"}, exclude_none=True)
    return {**stated, **_conditions(loaded, rule), "thresholds": rule.thresholds, "reads": rule.reads}
