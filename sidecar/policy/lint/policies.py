"""Policies against each other, and all warnings together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import TypeAlias

from detectors import registry
from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.compile.detection import Catalog
from sidecar.policy.facts import Match
from sidecar.policy.lint import cases, patterns, rules, thresholds
from sidecar.policy.loader import LoadedPolicy
from sidecar.policy.plan import Plan, in_order
from sidecar.policy.schema.base import DEFAULT_POLICY
from sidecar.values import Direction

Policies: TypeAlias = Sequence[tuple[LoadedPolicy, Plan]]
"""Policies that are loaded together, each as it is written and as it is compiled."""


def warnings(
    policies: Policies,
    today: date,
    tested: frozenset[tuple[str, str]] = frozenset(),
    *,
    catalog: Catalog = registry,
) -> list[PolicyError]:
    """What is hardly meant in policies that are loaded together, by file and line.

    `tested` are the rules, each with its policy's name, of which files of tests speak that stand beside the policies.
    """
    found = list(_shadowed(policies))
    for loaded, plan in policies:
        found += rules.warnings(loaded, plan, today)
        found += thresholds.warnings(loaded, plan, catalog)
        found += patterns.warnings(loaded)
        found += cases.warnings(loaded, {rule for policy, rule in tested if policy == plan.name})
    return sorted(found, key=lambda each: (each.file, each.line, each.column))


def _shadowed(policies: Policies) -> Iterator[PolicyError]:
    """The policies that no stream takes which names none, since those before them take all of theirs."""
    written = {plan.name: loaded for loaded, plan in policies}
    ordered = in_order(plan for _, plan in policies)
    for number, plan in enumerate(ordered):
        loaded, before = written[plan.name], ordered[:number]
        taking = [_first_covering(before, match) for match in _by_direction(plan.match)]
        if all(taking):
            names = ", ".join(dict.fromkeys(f"`{name}`" for name in taking))
            message = f"no stream takes it that does not name it: {names} is tried first, and takes all of its streams"
            remedy = "give it a lower `metadata.order`, or the other one a narrower `match`"
            if plan.name == DEFAULT_POLICY:
                remedy = "give the other one a `match`, or remove `default`"
            yield loaded.source.error(("metadata", "name"), Code.SHADOWED_POLICY, message, remedy)


def _by_direction(match: Match) -> Iterator[Match]:
    for direction in match.directions or Direction:
        yield replace(match, directions=frozenset({direction}))


def _first_covering(plans: Sequence[Plan], match: Match) -> str:
    return next((plan.name for plan in plans if plan.match.covers(match)), "")
