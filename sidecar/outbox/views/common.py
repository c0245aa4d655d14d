"""What the views say alike: in words, and of which kind a detector is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.outbox.event import Checkpoint, Data, Drift, Fault, Label, PolicyChange, StreamDecision, TagsRef, Violation
from sidecar.policy.taxonomy import SCHEMES

PRODUCT = "Tidegate"


def title(data: Data) -> str:
    """The event in a few words."""
    match data:
        case Violation():
            found = data.detector.label or (f"{data.detector.name} {data.failure.kind}" if data.failure else "")
            return f"{data.policy.name}/{data.policy.rule}: {found or data.detector.name} in {data.where.direction}"
        case StreamDecision():
            return f"{data.policy.name}: {data.direction} {data.ended}, {data.done}"
        case Fault():
            return f"{data.fault.value}: {data.what}"
        case PolicyChange():
            return f"policy {data.step.value}: {data.what}"
        case Label():
            named = f" of {data.rule}" if data.rule else ""
            return f"{data.verdict.value}{named}, says {data.by}"
        case Checkpoint():
            return f"checkpoint of {data.ids.producer}"
        case Drift():
            return f"{data.signal} of {data.direction}s {data.movement.value}"


def sentence(data: Data) -> str:
    """The event with what became of the text, or why."""
    match data:
        case Violation():
            shadow = f" (in shadow; the rule says {data.decided})" if data.policy.enforcement != "enforce" else ""
            return f"{title(data)}, {data.done}{shadow}"
        case StreamDecision():
            return f"{title(data)}, {sum(data.violations.values())} violations"
        case Fault() | PolicyChange():
            return f"{title(data)}: {data.reason}" if data.reason else title(data)
        case Label() | Checkpoint():
            return title(data)
        case Drift():
            sizes = f"{data.window_streams} streams against {data.reference_streams}"
            return f"{title(data)}: distance {data.distance:g}, {sizes}"


def names_of(scheme: str, entries: tuple[str, ...]) -> list[str]:
    """How entries of a published list are called; an unknown one by its id."""
    return [SCHEMES[scheme].get(entry, entry) for entry in entries]


def listed(tags: TagsRef | None) -> list[str]:
    """All entries of published lists, in one list."""
    return [*tags.owasp, *tags.atlas, *tags.nist] if tags else []


def filled(**values: Any) -> dict[str, Any]:
    """What is known of the values: neither None nor empty."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {}, ())}


def without(tree: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The tree less some of its fields."""
    return {name: value for name, value in tree.items() if name not in names}
