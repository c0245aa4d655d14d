"""`tidegate events stats`: how many events there are, by any field, over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table

from sidecar.cli.ending import Failure
from sidecar.cli.events.filters import filter_options, length, shows
from sidecar.cli.events.printing import plain, print_counts, print_json
from sidecar.cli.events.source import JSON, Source, run, source_options
from sidecar.outbox.columns import COLUMNS
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
from sidecar.outbox.selection import Selection
from sidecar.outbox.tally import OTHERS, Tally, with_others

_MOST_STRETCHES = 2_000
"""How many stretches of time are shown."""


@click.command(epilog=f"Columns that may be counted by: {', '.join(name for name in COLUMNS if name != 'data')}.")
@source_options
@filter_options
@click.option("--by", "field", metavar="FIELD", help="Count by this column (see below), or field, as app.labels.team.")
@click.option("--every", metavar="TIME", callback=length, help="Count for each 10m, 1h, 1d by itself, too.")
@click.option("--most", type=click.IntRange(1, 50), default=8, show_default=True, help="Values that are shown apart.")
@click.option("--png", type=click.Path(path_type=Path, dir_okay=False), help="Draw it into this file.")
@JSON
def stats(
    source: Source,
    *,
    wanted: Selection,
    field: str | None,
    every: float | None,
    most: int,
    png: Path | None,
    as_json: bool,
) -> None:
    """Count events: by kind, severity, rule, fault and what was done, or by any one field, over time if you like.

    Drawing needs the package extra plots.

    Example: tidegate events stats --by rule --every 1h --since 1d --png rules.png
    """
    if field is None and (every is not None or png is not None):
        raise click.UsageError("say what to count by, as in --by rule")
    if field is None:
        _show_facets(source, wanted, as_json=as_json)
        return
    tally = run(_tally(source, wanted, Tally(field, every=every)))
    stretches = _bounded(tally.over_time())
    names = [name for name, _ in tally.totals().most_common(most) if name != OTHERS]
    if png is not None:
        _draw(tally, stretches, names, png)
    if as_json:
        print_json(_as_json(tally, stretches))
    else:
        _print(tally, stretches, names, is_over_time=every is not None)


async def _tally(source: Source, wanted: Selection, tally: Tally) -> Tally:
    async for read in source.read():
        if read.data is not None and wanted.accepts(read.data):
            tally.add(read.data)
    return tally


def _bounded(stretches: dict[str, Mapping[str, int]]) -> dict[str, Mapping[str, int]]:
    if len(stretches) > _MOST_STRETCHES:
        raise Failure(f"these are {len(stretches)} stretches of time: say a longer --every, or a later --since")
    return stretches


def _as_json(tally: Tally, stretches: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    over_time = [{"from": begin, "counts": counts} for begin, counts in stretches.items() if begin]
    return {"by": tally.field, "counts": tally.totals()} | ({"over_time": over_time} if over_time else {})


def _print(tally: Tally, stretches: Mapping[str, Mapping[str, int]], names: list[str], *, is_over_time: bool) -> None:
    if not is_over_time:
        print_counts(tally.field, Counter(with_others(tally.totals(), names)))
        return
    shown = list(with_others(tally.totals(), names))
    table = Table(Column("from", no_wrap=True), *map(plain, shown))
    for begin, counts in stretches.items():
        chosen = with_others(counts, names)
        table.add_row(f"{begin[:19]}Z", *(str(chosen.get(name) or "") for name in shown))
    Console().print(table)


def _draw(tally: Tally, stretches: Mapping[str, Mapping[str, int]], names: list[str], png: Path) -> None:
    """Draw it: bars by value, or stacked bars over time. Raises `Failure`."""
    try:
        from sidecar.cli.events.picture import draw
    except ImportError:
        raise Failure("a picture needs a package: pip install 'tidegate-sidecar[plots]'") from None
    shown = list(with_others(tally.totals(), names))
    rows = {begin: with_others(counts, names) for begin, counts in stretches.items()}
    try:
        draw(tally.field, shown, rows, png)
    except OSError as error:
        raise Failure(f"{png} cannot be written: {error.strerror or error}") from None


# --- Without a field --------------------------------------------------------------------------------------------------


def _show_facets(source: Source, wanted: Selection, *, as_json: bool) -> None:
    counts = run(_count(source, wanted))
    facts = outbox_facts(source.outbox) if source.is_outbox else None
    if as_json:
        print_json({**counts, **({"outbox": _facts(facts)} if facts else {})})
        return
    for title, numbers in counts.items():
        print_counts(title, numbers)
    if facts is not None:
        click.echo(f"outbox of {facts.producer}, next number {facts.next_sequence}, lost {sum(facts.lost.values())}")


async def _count(source: Source, wanted: Selection) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("kind", "severity", "rule", "done", "fault")}
    async for read in source.read():
        if not shows(wanted, read):
            continue
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
