"""`tidegate events export`: the events that are wanted, in a file, as the program that reads it wants them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol

import click
import msgspec

from sidecar.cli.ending import Failure
from sidecar.cli.events.filters import filter_options
from sidecar.cli.events.source import Source, run, source_options
from sidecar.outbox.columns import COLUMNS, row_of
from sidecar.outbox.event import Data
from sidecar.outbox.selection import Selection
from sidecar.outbox.views import FOREIGN, View

_FORMATS = ("jsonl", "csv", "parquet", *FOREIGN)
_STDOUT = Path("-")
_ROWS = 10_000
"""How many rows of a Parquet file are written at once."""
_STEERS = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would run."""


class Writer(Protocol):
    """Writes events, one after another."""

    def write(self, data: Data) -> bool:
        """Write one; whether the format has anything for it."""
        ...

    def close(self) -> None:
        """Write what is left."""
        ...


@click.command()
@source_options
@filter_options
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="JSON lines, CSV, Parquet, OCSF or ECS (default: by the file's ending, else JSON lines).",
)
@click.option("--output", type=click.Path(path_type=Path), default=_STDOUT, help="The file to write (default: stdout).")
def export(source: Source, *, wanted: Selection, form: str | None, output: Path) -> None:
    """Write all events that are wanted, oldest first: as they are, as rows of a table, or in another standard.

    CSV and Parquet have a column for what is asked most and one, data, with the whole event; in CSV, a text that a
    spreadsheet would take for a formula has an apostrophe in front. Parquet needs the package extra parquet.

    Example: tidegate events export --since 1d --kind violation --output violations.parquet
    """
    form = form or _by_ending(output)
    if form == "parquet" and output == _STDOUT:
        raise click.UsageError("a Parquet file cannot be written to stdout: say --output FILE")
    with _open(output) as file:
        count = run(_export(source, wanted, _WRITERS[form](file)))
    click.echo(f"{count} events", err=True)


async def _export(source: Source, wanted: Selection, writer: Writer) -> int:
    """Write the events that are wanted; how many."""
    count = 0
    async for read in source.read():
        if read.data is not None and wanted.accepts(read.data):
            count += writer.write(read.data)
    writer.close()
    return count


def _by_ending(output: Path) -> str:
    ending = output.suffix.removeprefix(".").lower()
    return ending if ending in {"csv", "parquet"} else "jsonl"


@contextmanager
def _open(output: Path) -> Iterator[IO[bytes]]:
    """The file to write. Raises `Failure` where it cannot be opened, or be written to the end."""
    try:
        with click.open_file(str(output), "wb") as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Failure(f"{output} cannot be written: {error.strerror or error}") from None


class _Lines:
    """JSON lines: the events themselves, or a view of them."""

    def __init__(self, file: IO[bytes], view: View | None = None) -> None:
        self._file = file
        self._view = view

    def write(self, data: Data) -> bool:
        value = data if self._view is None else self._view(data)
        if value is None:
            return False
        self._file.write(msgspec.json.encode(value) + b"\n")
        return True

    def close(self) -> None:
        """Nothing is kept back."""


class _Csv:
    """Rows with their names in the first line, as RFC 4180 has them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._line(list(COLUMNS))

    def write(self, data: Data) -> bool:
        self._line([_harmless(cell) for cell in row_of(data).values()])
        return True

    def close(self) -> None:
        """Nothing is kept back."""

    def _line(self, cells: Sequence[Any]) -> None:
        text = io.StringIO()
        csv.writer(text).writerow(cells)
        self._file.write(text.getvalue().encode())


def _harmless(cell: Any) -> Any:
    """A text that no spreadsheet runs."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_STEERS) else cell


class _Parquet:
    """A Parquet file, written so many rows at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError:
            raise Failure("Parquet needs a package: pip install 'tidegate-sidecar[parquet]'") from None
        types = {
            "text": pyarrow.string(),
            "integer": pyarrow.int64(),
            "number": pyarrow.float64(),
            "time": pyarrow.timestamp("ms", tz="UTC"),
        }
        self._schema = pyarrow.schema([(column.name, types[column.type]) for column in COLUMNS.values()])
        self._table = pyarrow.Table.from_pylist
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[Mapping[str, Any]] = []

    def write(self, data: Data) -> bool:
        self._rows.append(_timed(row_of(data)))
        if len(self._rows) >= _ROWS:
            self._flush()
        return True

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(self._table(self._rows, schema=self._schema))
        self._rows = []


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its times as such."""
    times = {name for name, column in COLUMNS.items() if column.type == "time"}
    return {name: datetime.fromisoformat(cell) if cell and name in times else cell for name, cell in row.items()}


def _lines_of(view: View) -> Callable[[IO[bytes]], Writer]:
    return lambda file: _Lines(file, view)


_WRITERS: Mapping[str, Callable[[IO[bytes]], Writer]] = {
    "jsonl": _Lines,
    "csv": _Csv,
    "parquet": _Parquet,
    **{name: _lines_of(view) for name, view in FOREIGN.items()},
}
