"""Versions of policies that are tried beside those that they replace, and whether the two belong together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.compiler import CompiledFile
from sidecar.policy.document import Source
from sidecar.policy.loader import LoadedPolicy
from sidecar.policy.plan import Plan

Pair = tuple[LoadedPolicy, Plan]


def errors_together(files: Iterable[CompiledFile]) -> list[PolicyError]:
    """What is wrong with policies beside each other: names that repeat, and versions that replace nothing."""
    policies = [pair for file in files for pair in file.policies]
    return [*_repeated(policies), *_unfounded(policies)]


def in_force(plans: Iterable[Plan]) -> tuple[Mapping[str, Plan], Mapping[str, Plan]]:
    """The policies by name, each with the version that is tried on a part of its streams; and those versions."""
    plans = tuple(plans)
    tried = {plan.name: plan for plan in plans if plan.rollout is not None}
    return {plan.name: _with(plan, tried.get(plan.name)) for plan in plans if plan.rollout is None}, tried


def _with(plan: Plan, successor: Plan | None) -> Plan:
    return plan if successor is None else replace(plan, successor=successor)


def _repeated(policies: Sequence[Pair]) -> Iterator[PolicyError]:
    """An error for each policy whose name one of an earlier file has already, in the same role."""
    owners: dict[tuple[str, bool], Source] = {}
    for loaded, plan in policies:
        first = owners.setdefault((plan.name, plan.rollout is None), loaded.source)
        if first.file != loaded.source.file:
            message = f"{first.file} has a policy named `{plan.name}` already"
            if plan.rollout is not None:
                message = f"{first.file} has a version of `{plan.name}` that is tried already"
            remedy = "give each policy its own name"
            if plan.rollout is None:
                remedy += ", or try this version beside the other with `rollout`"
            yield loaded.source.error(("metadata", "name"), Code.REPEATED_POLICY, message, remedy)


def _unfounded(policies: Sequence[Pair]) -> Iterator[PolicyError]:
    stable = {plan.name: plan for _, plan in policies if plan.rollout is None}
    for loaded, plan in policies:
        if plan.rollout is None:
            continue
        place, former = ("rollout", "replaces"), stable.get(plan.name)
        if former is None or former.version != plan.replaces:
            there = f"; there is {former.version}" if former is not None else ""
            message = f"there is no version `{plan.replaces}` of `{plan.name}` beside it{there}"
            remedy = "name the version that the other streams keep, or remove `rollout` to have this one take all"
            yield loaded.source.error(place, Code.NOTHING_TO_REPLACE, message, remedy)
        elif former.match != plan.match:
            message = f"version `{plan.replaces}` takes other streams: a part of the same ones can be tried"
            remedy = "write the `match` of the version that it replaces"
            yield loaded.source.error(("match",), Code.NOTHING_TO_REPLACE, message, remedy)
