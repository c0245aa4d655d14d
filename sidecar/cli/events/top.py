"""`tidegate events top`: what there is most of just now."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime, timedelta

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from sidecar.cli.events.filters import filter_options, length
from sidecar.cli.events.portions import portions
from sidecar.cli.events.printing import plain, print_json
from sidecar.cli.events.source import JSON, Source, run, source_options
from sidecar.outbox.columns import values_of
from sidecar.outbox.event import Data
from sidecar.outbox.reads import CaughtUp, Read
from sidecar.outbox.selection import Selection

_FIELDS = ("kind", "severity", "policy", "rule", "label", "done", "tenant", "app")
_MOST_EVENTS = 100_000
"""How many events of the window are kept; of more, the oldest go first."""


class Ranking:
    """Which values events have most often, over a window of time; of each event only its values are kept."""

    def __init__(self, fields: Iterable[str], window_s: float) -> None:
        self._fields = tuple(fields)
        self._window_s = window_s
        self._events: deque[tuple[float, tuple[tuple[str, ...], ...]]] = deque(maxlen=_MOST_EVENTS)

    def add(self, data: Data) -> None:
        """Count an event, by when it happened."""
        at = datetime.fromisoformat(data.time.occurred).timestamp()
        self._events.append((at, tuple(values_of(data, field) for field in self._fields)))

    def counts(self, now: float) -> dict[str, Counter[str]]:
        """By field, how many events of the window have each value. `now` is Unix time in seconds."""
        kept = [event for event in self._events if event[0] > now - self._window_s]
        self._events = deque(kept, maxlen=_MOST_EVENTS)
        return {
            field: Counter(value for _, values in kept for value in values[at]) for at, field in enumerate(self._fields)
        }

    def __len__(self) -> int:
        return len(self._events)


@click.command()
@source_options
@filter_options
@click.option("--by", "fields", multiple=True, metavar="FIELD", help=f"Rank by this (default: {', '.join(_FIELDS)}).")
@click.option("--window", metavar="TIME", callback=length, default="5m", show_default=True, help="Of the last 5m, 1h.")
@click.option("--most", type=click.IntRange(1, 50), default=5, show_default=True, help="Values of each field.")
@click.option("--once", is_flag=True, help="Show it once, and end.")
@JSON
def top(
    source: Source,
    *,
    wanted: Selection,
    fields: tuple[str, ...],
    window: float,
    most: int,
    once: bool,
    as_json: bool,
) -> None:
    """Show what there is most of just now, anew each second: rules, labels, tenants, applications.

    With --json, one object a second, or with --once a single one. Ctrl-C ends it.

    Example: tidegate events top --bootstrap localhost:9092 --window 15m --by rule --by tenant
    """
    ranking = Ranking(fields or _FIELDS, window)
    if once:
        run(_fill(source, wanted, ranking))
        counts = ranking.counts(time.time())
        if as_json:
            print_json(_as_json(ranking, counts, most))
        else:
            Console().print(_table(ranking, counts, most, window))
        return
    run(_watch(source, wanted, ranking, most, window, as_json=as_json))


async def _fill(source: Source, wanted: Selection, ranking: Ranking) -> None:
    async for read in source.read():
        if read.data is not None and wanted.accepts(read.data):
            ranking.add(read.data)


async def _watch(
    source: Source, wanted: Selection, ranking: Ranking, most: int, window: float, *, as_json: bool
) -> None:
    """Show it each second, once all is read that was there."""
    reads = source.read_all(follow=True)
    async for each in reads:
        if isinstance(each, CaughtUp):
            break
        if isinstance(each, Read) and each.data is not None and wanted.accepts(each.data):
            ranking.add(each.data)
    with Live(console=Console(quiet=as_json), auto_refresh=False) as live:
        live.update(_table(ranking, ranking.counts(time.time()), most, window), refresh=True)
        async for portion in portions(reads, is_empty_told=True):
            for read in portion:
                if read.data is not None and wanted.accepts(read.data):
                    ranking.add(read.data)
            counts = ranking.counts(time.time())
            if as_json:
                print_json(_as_json(ranking, counts, most))
            else:
                live.update(_table(ranking, counts, most, window), refresh=True)


def _as_json(ranking: Ranking, counts: dict[str, Counter[str]], most: int) -> dict[str, object]:
    return {"events": len(ranking), "top": {field: dict(each.most_common(most)) for field, each in counts.items()}}


def _table(ranking: Ranking, counts: dict[str, Counter[str]], most: int, window: float) -> Table:
    table = Table(
        "field", "value", "events", "a minute", title=f"{len(ranking)} events of the last {timedelta(seconds=window)}"
    )
    for field, values in counts.items():
        for place, (value, count) in enumerate(values.most_common(most)):
            table.add_row("" if place else field, plain(value), str(count), f"{count * 60 / window:.1f}")
    return table
