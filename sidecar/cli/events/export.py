"""`tidegate events export`: all events that are wanted, in a file."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from sidecar.cli.events.filters import filter_options
from sidecar.cli.events.source import Source, run, source_options
from sidecar.outbox.selection import Selection


@click.command()
@source_options
@filter_options
@click.option(
    "--output", type=click.Path(path_type=Path), default=Path("-"), help="The file to write (default: stdout)."
)
def export(source: Source, *, wanted: Selection, output: Path) -> None:
    """Write all events as JSON lines, oldest first.

    Example: tidegate events export --kind violation --output violations.jsonl
    """
    count = run(_export(source, wanted, output))
    click.echo(f"{count} events", err=True)


async def _export(source: Source, wanted: Selection, output: Path) -> int:
    """Write the data of the events that are wanted; how many."""
    count = 0
    with click.open_file(str(output), "wb") as file:
        async for read in source.read():
            if read.data is not None and wanted.accepts(read.data):
                file.write(msgspec.json.encode(read.data) + b"\n")
                count += 1
    return count
