"""What works and is hardly meant: warnings about policies that are right.

A warning has the form of an error; its code says that it is one. Nothing here is asked while a service loads policies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.loader import LoadedPolicy
from sidecar.policy.plan import Plan
from sidecar.values import Action

Policies = Sequence[tuple[LoadedPolicy, Plan]]
"""Policies that are loaded together, each as it is written and as it is compiled."""


def warnings(policies: Policies) -> list[PolicyError]:
    """What is hardly meant in policies that are loaded together, by file and line."""
    found = [warning for loaded, plan in policies for warning in _of_one(loaded, plan)]
    return sorted(found, key=lambda each: (each.file, each.line, each.column))


def _of_one(loaded: LoadedPolicy, plan: Plan) -> Iterator[PolicyError]:
    yield from _silent_blocks(loaded, plan)
    if plan.stream.notice is not None and not plan.redacts:
        message = "`notice` tells of redactions, and no rule redacts"
        yield loaded.source.error(
            ("stream", "notice"), Code.NOTICE_OF_NOTHING, message, "remove it, or let a rule redact"
        )


def _silent_blocks(loaded: LoadedPolicy, plan: Plan) -> Iterator[PolicyError]:
    for rule in plan.rules:
        if rule.is_enforced and rule.action is Action.BLOCK and rule.message is None:
            message = f"rule `{rule.id}` blocks without a message: people read a default text"
            place = ("rules", rule.index, "action")
            yield loaded.source.error(
                place, Code.BLOCKS_WITHOUT_MESSAGE, message, "write `action: {block: {message: ...}}`"
            )
