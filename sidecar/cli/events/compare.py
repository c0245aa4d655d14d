"""`tidegate events compare`: two prompt versions, models or sides of a canary, by what became of their streams."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from sidecar.cli.ending import WRONG
from sidecar.cli.events.filters import filter_options
from sidecar.cli.events.printing import print_json
from sidecar.cli.events.source import JSON, Source, run, source_options
from sidecar.outbox.comparison import DEFAULT, FIELDS, MEANS, SHARES, Compared, Comparison
from sidecar.outbox.intervals import Interval
from sidecar.outbox.selection import Selection

_KNOWN = ", ".join((*SHARES, *MEANS))


@click.command()
@source_options
@filter_options
@click.option(
    "--by",
    default="prompt_version",
    show_default=True,
    metavar="FIELD",
    help=f"What tells the groups apart: {', '.join(FIELDS)}, or a path such as app.labels.team.",
)
@click.option(
    "--of",
    "measures",
    default=",".join(DEFAULT),
    show_default=True,
    metavar="MEASURE,...",
    help=f"What to compare: {_KNOWN}, or the path of a number.",
)
@click.option("--baseline", metavar="VALUE", help="The group that the others are held against (default: the largest).")
@click.option("--confidence", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True)
@click.option("--check", is_flag=True, help="Exit with status 1 when anything differs.")
@JSON
def compare(
    source: Source,
    *,
    wanted: Selection,
    by: str,
    measures: str,
    baseline: str | None,
    confidence: float,
    check: bool,
    as_json: bool,
) -> None:
    """Compare groups of streams by their decision events, with intervals.

    Intervals of differences hold together: by chance alone, none of a table excludes 0, with the stated confidence.
    Requests and answers count alike; --field direction=output leaves the former out.

    Example: tidegate events compare --by prompt_version --of faithfulness,refusals --app shop --since 7d
    """
    names = [each.strip() for each in measures.split(",") if each.strip()]
    if not names:
        raise click.UsageError("--of names nothing to compare")
    comparison = Comparison(by, names)
    run(_read(source, wanted, comparison))
    rows = [*comparison.rows(baseline, confidence)]
    if as_json:
        print_json({"by": by, "confidence": confidence, "without": comparison.without, "rows": [*map(_told, rows)]})
    else:
        _print(by, rows, confidence, comparison.without)
    if check and any(each.differs for each in rows):
        sys.exit(WRONG)


async def _read(source: Source, wanted: Selection, comparison: Comparison) -> None:
    async for read in source.read():
        if read.data is not None and wanted.accepts(read.data):
            comparison.add(read.data)


def _told(row: Compared) -> dict[str, Any]:
    return {
        "measure": row.measure,
        "group": row.group,
        "streams": row.streams,
        "value": row.value,
        "interval": row.interval,
        "difference": row.difference,
        "differs": row.differs,
    }


def _print(by: str, rows: Iterable[Compared], confidence: float, without: int) -> None:
    table = Table(
        "measure", by, "streams", "value", f"{confidence:.0%} interval", "less the baseline, all together", ""
    )
    for row in rows:
        is_share = row.measure in SHARES
        value = "" if row.value is None else _number(row.value, is_share=is_share)
        interval, difference = (_said(each, is_share=is_share) for each in (row.interval, row.difference))
        mark = "differs" if row.differs else ""
        table.add_row(row.measure, row.group, str(row.streams), value, interval, difference, mark)
    Console().print(table)
    if without:
        click.echo(f"{without} streams say nothing of {by}, and are left out", err=True)


def _said(interval: Interval | None, *, is_share: bool) -> str:
    if interval is None:
        return ""
    return " to ".join(_number(each, is_share=is_share) for each in interval)


def _number(value: float, *, is_share: bool) -> str:
    return f"{value:.1%}" if is_share else f"{value:.4g}"
