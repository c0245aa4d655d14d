"""`tidegate events tail`: the latest events, one a line."""

from __future__ import annotations

from collections.abc import Callable

import click

from sidecar.cli.events.filters import filter_options, shows
from sidecar.cli.events.printing import print_data, print_line
from sidecar.cli.events.source import JSON, Source, run, source_options
from sidecar.outbox.reads import Read
from sidecar.outbox.selection import Selection


@click.command()
@source_options
@filter_options
@click.option(
    "-n",
    "--last",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="Begin with the last so many.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@JSON
def tail(source: Source, *, wanted: Selection, last: int, follow: bool, as_json: bool) -> None:
    """Show the latest events, one a line.

    An event that still waits in an outbox has no number yet. To follow a service that publishes, follow its topics: its
    outbox is soon empty.

    Example: tidegate events tail --bootstrap localhost:9092 --min-severity high --follow
    """
    run(_tail(source, wanted, last, follow, print_data if as_json else print_line))


async def _tail(source: Source, wanted: Selection, last: int, follow: bool, show: Callable[[Read], None]) -> None:
    """Show the last events, by time, or with `follow` as they come."""
    if follow:
        async for read in source.read(last=last, follow=True):
            if shows(wanted, read):
                show(read)
        return
    for read in await _latest(source, wanted, last):
        show(read)


async def _latest(source: Source, wanted: Selection, last: int) -> list[Read]:
    """The last so many that are wanted, by time. Where few are wanted, it looks further and further back for them."""
    look_back, before = max(last, 1), -1
    while True:
        count, kept = 0, list[Read]()
        async for read in source.read(last=look_back):
            count += 1
            if shows(wanted, read):
                kept = _with_latest(kept, read, last)
        if len(kept) >= last or count == before:
            return sorted(kept, key=_time)[len(kept) - min(last, len(kept)) :]
        look_back, before = look_back * 8, count


def _with_latest(kept: list[Read], read: Read, last: int) -> list[Read]:
    """Keep about as many as are shown, whatever is read."""
    kept.append(read)
    return sorted(kept, key=_time)[-last:] if len(kept) > 2 * last + 100 else kept


def _time(read: Read) -> str:
    return read.data.time.occurred if read.data else ""
