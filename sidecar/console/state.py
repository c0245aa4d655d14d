"""What the page shows, as JSON: each section is read from its owner when the page asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import msgspec

from sidecar.bundles.delivery import Delivery
from sidecar.canaries import Progress
from sidecar.console.recent import BOUNDS_MS, LATEST, WINDOW_SECONDS, Recent
from sidecar.outbox.event import PolicyChange
from sidecar.outbox.outbox import OutboxStats
from sidecar.outbox.publisher import PublisherStats
from sidecar.readiness import Readiness
from sidecar.reload import PolicyReloader

State = dict[str, Any]
Section = Callable[[], State | list[State]]

_ADDED = ("recent", "streams", "queue", "outbox")
"""Sections of numbers, which several workers' pages add."""


def scale() -> State:
    """What the counts and bars of `recent` refer to."""
    return {"window_seconds": WINDOW_SECONDS, "bounds_ms": list(BOUNDS_MS)}


def counts_of(recent: Recent) -> State:
    """The counts of the last minutes."""
    counts: State = msgspec.to_builtins(recent.counts())
    return counts


def latest_of(recent: Recent) -> list[State]:
    """The latest violations, newest first."""
    latest: list[State] = msgspec.to_builtins(recent.latest())
    return latest


def readiness_of(readiness: Readiness) -> State:
    """Ready or not, and why."""
    return {"ready": readiness.is_ready, "parts": dict(readiness.parts), "notes": dict(readiness.notes)}


def policies_of(reloader: PolicyReloader) -> State:
    """The policies in force, their models, and what was wrong with the files when they were last read."""
    plans = sorted(reloader.plans, key=lambda plan: plan.name)
    return {
        "loaded": [
            {
                "name": plan.name,
                "version": plan.version,
                "digest": plan.digest,
                "rules": len(plan.rules),
                "since": reloader.since(plan),
                "source": reloader.source(plan),
                "replaces": plan.replaces,
            }
            for plan in plans
        ],
        "canaries": [canary_of(progress) for progress in reloader.canaries.progress()],
        "models": sorted({batch.detector.model for plan in plans for batch in plan.batches}),
        "read": reloader.last_read,
        "errors": list(reloader.errors),
        "bundle": bundle_of(reloader.delivery) if reloader.delivery is not None else None,
        "told_by": "the kernel" if reloader.is_told else "looking",
        "latest": [_told(change) for change in reversed(reloader.told)],
    }


def canary_of(progress: Progress) -> State:
    """What is tried on which streams, and how it goes."""
    canary, trial = progress.canary, progress.canary.trial
    return {
        "policy": canary.policy,
        "version": canary.version,
        "rule": canary.rule,
        "percent": trial.percent,
        "by": f"label {trial.label}" if trial.by == "label" else trial.by,
        "streams": progress.streams,
        "rates": dict(progress.rates),
        "band": dict(trial.band),
        "stopped": progress.said,
    }


def bundle_of(delivery: Delivery) -> State:
    """The bundle in force, and how its source is."""
    bundle = delivery.in_force
    own = (
        {}
        if bundle is None
        else {
            "name": bundle.manifest.name,
            "version": bundle.manifest.version,
            "digest": bundle.manifest.digest,
            "signed_by": bundle.signed_by,
        }
    )
    return own | {
        "source": delivery.source,
        "kept": delivery.is_kept,
        "refused": delivery.refused,
        "away": delivery.away,
    }


def _told(change: PolicyChange) -> State:
    """What became of a policy lately."""
    policy = change.policy or change.former
    return {
        "time": change.time.occurred,
        "step": change.step,
        "what": change.what,
        "version": policy.version if policy else "",
        "former": change.former.version if change.former and change.policy else "",
        "source": change.source,
        "reason": change.reason,
    }


def agreed(states: Sequence[State]) -> State:
    """What several workers say of their policies: what the first says, and which say otherwise."""
    first = _in_force(states[0])
    others = [number for number, state in enumerate(states) if _in_force(state) != first]
    joined = [reduce(_joined, each) for each in zip(*(state["canaries"] for state in states), strict=False)]
    return states[0] | {"workers": len(states), "differing": others, "canaries": joined}


def _joined(one: State, other: State) -> State:
    """How a canary goes in two processes, each of which judges by itself."""
    streams = one["streams"] + other["streams"]
    rates = {
        rate: round((share * one["streams"] + other["rates"][rate] * other["streams"]) / streams, 4) if streams else 0.0
        for rate, share in one["rates"].items()
    }
    return one | {"streams": streams, "rates": rates, "stopped": one["stopped"] or other["stopped"]}


def _in_force(state: State) -> list[tuple[str, str]]:
    return [(each["name"], each["digest"]) for each in state["loaded"]]


def outbox_of(stats: OutboxStats, published: Mapping[str, PublisherStats], note: str) -> State:
    """What waits, and how publishing goes, all together and by sink; without a sink nothing is published."""
    own: State = {
        "waiting": stats.waiting_events,
        "bytes": stats.waiting_bytes,
        "in_memory": stats.in_memory,
        "failing": stats.is_failing,
        "lost": sum(stats.lost.values()),
    }
    if not published:
        return own
    each = published.values()
    return own | {
        "published": sum(one.published for one in each),
        "last_published": max((one.last_published for one in each if one.last_published), default=None),
        "refused": sum(one.refused for one in each),
        "note": note,
        "sinks": [_sink_of(name, stats, one) for name, one in published.items()],
    }


def _sink_of(name: str, stats: OutboxStats, published: PublisherStats) -> State:
    """What one sink is owed, has lost and has; numbers, but for its name and why it fails."""
    return {
        "name": name,
        "waiting": stats.owed.get(name, 0),
        "lost": sum(stats.lost_by.get(name, {}).values()),
        "published": published.published,
        "failures": published.failures,
        "refused": published.refused,
        "last_published": published.last_published,
        "note": published.note,
    }


def merged(states: Sequence[State]) -> State:
    """What several workers say as one: numbers are added, violations joined; the rest is the first one's."""
    latest = [seen for state in states for seen in state["latest"]]
    return states[0] | {
        **{section: reduce(_added, (state[section] for state in states)) for section in _ADDED},
        "latest": sorted(latest, key=lambda seen: str(seen["time"]), reverse=True)[:LATEST],
    }


def _added_at(key: str, first: Any, second: Any) -> Any:
    """What stands under a key in both; of two times, the later."""
    if key.startswith("last_") and first and second:
        return max(first, second)
    return second if first is None else _added(first, second)


def _added(first: Any, second: Any) -> Any:
    """Numbers added, through mappings and lists; of a truth or a text the one that says something."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first | {key: _added_at(key, first.get(key), value) for key, value in second.items()}
    if isinstance(first, list) and isinstance(second, list):
        return [_added(one, other) for one, other in zip(first, second, strict=True)]
    if isinstance(first, bool | str) or first is None or second is None:
        return first or second
    return first + second
