"""What works and is hardly meant: warnings about policies that are right.

A warning has the form of an error; its code says that it is one. Nothing here is asked while a service loads policies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.loader import LoadedPolicy
from sidecar.policy.plan import Plan
from sidecar.values import Action

Policies = Sequence[tuple[LoadedPolicy, Plan]]
"""Policies that are loaded together, each as it is written and as it is compiled."""


SOON = timedelta(days=30)
"""How long before an exception ends its owner is told."""


def warnings(policies: Policies, today: date) -> list[PolicyError]:
    """What is hardly meant in policies that are loaded together, by file and line."""
    found = [warning for loaded, plan in policies for warning in _of_one(loaded, plan, today)]
    return sorted(found, key=lambda each: (each.file, each.line, each.column))


def _of_one(loaded: LoadedPolicy, plan: Plan, today: date) -> Iterator[PolicyError]:
    yield from _silent_blocks(loaded, plan)
    yield from _ending_exceptions(loaded, plan, today)
    if plan.stream.notice is not None and not plan.redacts:
        message = "`notice` tells of redactions, and no rule redacts"
        yield loaded.source.error(
            ("stream", "notice"), Code.NOTICE_OF_NOTHING, message, "remove it, or let a rule redact"
        )


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
        if rule.is_enforced and rule.action is Action.BLOCK and rule.message is None:
            message = f"rule `{rule.id}` blocks without a message: people read a default text"
            place = ("rules", rule.index, "action")
            yield loaded.source.error(
                place, Code.BLOCKS_WITHOUT_MESSAGE, message, "write `action: {block: {message: ...}}`"
            )
