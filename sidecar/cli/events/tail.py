"""`tidegate events tail`: the latest events, one a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from sidecar.cli.events.filters import filter_options, shows
from sidecar.cli.events.portions import portions
from sidecar.cli.events.printing import print_data, print_line
from sidecar.cli.events.source import JSON, Source, run, source_options
from sidecar.outbox.reads import CaughtUp, Read
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

    With --follow, what comes is sorted too, a second at a time; a file may be rotated meanwhile.
    An event that still waits in an outbox has no number yet. To follow a service that publishes, follow its topics: its
    outbox is soon empty.

    Example: tidegate events tail --bootstrap localhost:9092 --min-severity high --follow
    """
    run(_tail(source, wanted, last, follow, print_data if as_json else print_line))


async def _tail(source: Source, wanted: Selection, last: int, follow: bool, show: Callable[[Read], None]) -> None:
    """Show the last events, by time, or with `follow` as they come."""
    if not follow:
        latest, _ = await _latest(source, wanted, last)
        _show(latest, show)
        return
    look_back = await _depth(source, wanted, last)
    reads = source.read_all(last=look_back, follow=True)
    kept: list[Read] = []
    async for each in reads:
        if isinstance(each, CaughtUp):
            break
        if isinstance(each, Read) and shows(wanted, each):
            kept = _with_latest(kept, each, last)
    _show(_last(kept, last), show)
    async for portion in portions(reads):
        _show([read for read in portion if shows(wanted, read)], show)


async def _depth(source: Source, wanted: Selection, last: int) -> int | None:
    """How far to look back for the last so many; None for to the beginning. A file is read whole in any case."""
    if source.file is not None or not last:
        return None if last else 0
    _, look_back = await _latest(source, wanted, last)
    return look_back


async def _latest(source: Source, wanted: Selection, last: int) -> tuple[list[Read], int | None]:
    """The last so many that are wanted, by time, and how far back they lie.

    Where few are wanted, it looks further and further back for them. A file is read once: it may be a pipe.
    """
    look_back, before = (None if source.file is not None else max(last, 1)), -1
    while True:
        count, kept = 0, list[Read]()
        async for read in source.read(last=look_back):
            count += 1
            if shows(wanted, read):
                kept = _with_latest(kept, read, last)
        if look_back is None or len(kept) >= last or count == before:
            return _last(kept, last), look_back
        look_back, before = look_back * 8, count


def _show(reads: Sequence[Read], show: Callable[[Read], None]) -> None:
    for read in sorted(reads, key=_time):
        show(read)


def _last(kept: list[Read], last: int) -> list[Read]:
    return sorted(kept, key=_time)[len(kept) - min(last, len(kept)) :]


def _with_latest(kept: list[Read], read: Read, last: int) -> list[Read]:
    """Keep about as many as are shown, whatever is read."""
    kept.append(read)
    return sorted(kept, key=_time)[-last:] if len(kept) > 2 * last + 100 else kept


def _time(read: Read) -> str:
    return read.data.time.occurred if read.data else ""
