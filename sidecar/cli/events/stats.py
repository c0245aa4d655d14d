"""`tidegate events stats`: how many events there are."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from sidecar.cli.events.printing import print_counts, print_json
from sidecar.cli.events.source import JSON, Source, run, source_options
from sidecar.outbox.event import (
    Checkpoint,
    Data,
    Drift,
    Fault,
    Label,
    PolicyChange,
    StreamDecision,
    Violation,
    kind_of,
    severity_of,
)
from sidecar.outbox.reader import OutboxFacts, outbox_facts


@click.command()
@source_options
@JSON
def stats(source: Source, *, as_json: bool) -> None:
    """Count events by kind, severity, rule and what was done.

    Example: tidegate events stats --outbox tidegate-outbox.db --json
    """
    counts = run(_count(source))
    facts = outbox_facts(source.outbox) if source.is_outbox else None
    if as_json:
        print_json({**counts, **({"outbox": _facts(facts)} if facts else {})})
        return
    for title, numbers in counts.items():
        print_counts(title, numbers)
    if facts is not None:
        click.echo(f"outbox of {facts.producer}, next number {facts.next_sequence}, lost {sum(facts.lost.values())}")


async def _count(source: Source) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("kind", "severity", "rule", "done", "fault")}
    async for read in source.read():
        for name, value in _facets(read.data, is_foreign=read.is_foreign):
            counts.setdefault(name, Counter())[value] += 1
    return counts


def _facets(data: Data | None, *, is_foreign: bool) -> list[tuple[str, str]]:
    """What an event counts towards."""
    if data is None:
        return [("kind", "foreign" if is_foreign else "not an event")]
    facets = [("kind", kind_of(data).value), ("severity", severity_of(data).word)]
    match data:
        case Violation():
            facets += [("rule", f"{data.policy.name}/{data.policy.rule}"), ("done", data.done)]
        case Fault():
            facets.append(("fault", data.fault.value))
        case Drift():
            facets.append(("signal", f"{data.signal} {data.movement}"))
        case PolicyChange():
            facets.append(("step", data.step.value))
        case Label():
            facets.append(("verdict", data.verdict.value))
        case StreamDecision() | Checkpoint():
            pass
    return facets


def _facts(facts: OutboxFacts) -> dict[str, Any]:
    lost = {severity.word: count for severity, count in facts.lost.items()}
    return {"producer": facts.producer, "next_sequence": facts.next_sequence, "lost": lost}
