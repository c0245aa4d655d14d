"""Whether what comes in at a door, the proxy's or Envoy's, can be taken by any policy; said at the start, if not.

Callers of gRPC may name a policy, a tenant and labels themselves, so nothing can be said of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from detectors.suggestion import closest
from sidecar.config import Facts
from sidecar.policy.facts import StreamFacts
from sidecar.policy.plan import Plan
from sidecar.policy.reach import Nearest, nearest
from sidecar.transport.identity import mesh_label_names
from sidecar.values import Direction


class Door(NamedTuple):
    """Where streams come in: its name in the settings, and what is told of them there."""

    name: str
    facts: Facts
    is_envoy: bool = False

    def told(self) -> frozenset[str]:
        """The conditions of policies that a stream may meet by what is told of it: its model, its way, a header."""
        sources = (self.facts.headers, self.facts.attributes) if self.is_envoy else (self.facts.headers,)
        words = {"tenants": "tenant", "prompt_versions": "prompt_version"}
        named = {condition for condition, fact in words.items() if any(getattr(each, fact) for each in sources)}
        labels = {label for each in sources for label in each.labels}
        if self.is_envoy or self.facts.identity.xfcc_peers:
            named.add("identities")
            labels |= {*mesh_label_names()}
        return frozenset({"models", "routes", *named, *(f"labels.{label}" for label in labels)})

    @property
    def names_policies(self) -> bool:
        """Whether a stream may name its policy."""
        return bool(self.facts.headers.policy or (self.is_envoy and self.facts.attributes.policy))


def warnings(door: Door, plans: Mapping[str, Plan]) -> list[dict[str, str]]:
    """What is wrong with a door, as fields for a log: which half no policy can take, which one nearly does, and why."""
    facts = door.facts
    if door.names_policies:
        return []
    if facts.policy:
        return [] if facts.policy in plans else [_unknown(door, plans)]
    missed = {each: _nearest(door, each, plans) for each in (Direction.INPUT, Direction.OUTPUT)}
    halves: dict[Nearest, list[str]] = {}
    for direction, near in missed.items():
        if near is not None:
            halves.setdefault(near, []).append(direction.value)
    return [_missed(door, near, directions, plans[near.name]) for near, directions in halves.items()]


def _nearest(door: Door, direction: Direction, plans: Mapping[str, Plan]) -> Nearest | None:
    fixed = StreamFacts(direction, door.facts.tenant, labels=door.facts.labels)
    return nearest(plans.values(), fixed, door.told())


def _unknown(door: Door, plans: Mapping[str, Plan]) -> dict[str, str]:
    near = closest(door.facts.policy, plans)
    meant = f"Did you mean {near!r}?" if near else f"There are: {', '.join(plans)}."
    why = f"{door.name}.facts.policy is {door.facts.policy!r}, and no policy is called so"
    return {"door": door.name, "why": why, "do": meant}


def _missed(door: Door, near: Nearest, directions: list[str], plan: Plan) -> dict[str, str]:
    why = ", ".join(_condition(each, door, plan) for each in near.unmet)
    return {
        "door": door.name,
        "direction": ", ".join(directions),
        "nearest": near.name,
        "why": why,
        "do": f"{_remedy(near, plan)}set {door.name}.facts.policy (tidegate proxy --policy {near.name}),"
        " or add a policy named default.",
    }


def _condition(condition: str, door: Door, plan: Plan) -> str:
    """A condition that cannot hold, with what it asks for and what there is."""
    key, _, name = condition.partition(".")
    asked = plan.match.described()[key]
    if isinstance(asked, dict):
        there = door.facts.labels.get(name) if key == "labels" else None
        return f"match.{key} asks for {name}={asked[name]}, which is {there or 'not told'}"
    if key == "directions":
        return f"match.directions asks for {' or '.join(asked)} alone"
    there = door.facts.tenant if key == "tenants" else ""
    return f"match.{key} asks for {' or '.join(asked)}, which is {there or 'not told'}"


def _remedy(near: Nearest, plan: Plan) -> str:
    """How the labels that are missed are given, where labels alone are missed and have one value."""
    labels = plan.match.described()["labels"]
    missed = [each.removeprefix("labels.") for each in near.unmet if each.startswith("labels.")]
    if len(missed) < len(near.unmet) or not isinstance(labels, dict) or any("*" in labels[each] for each in missed):
        return ""
    return "Give it " + " ".join(f"--label {each}={labels[each]}" for each in missed) + ", "
