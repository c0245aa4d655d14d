"""Labelled rows from JSON lines, plain or gzipped. Wrong rows are told with file and line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sidecar.errors import TidegateError


class DataError(TidegateError):
    """A data file cannot be read as what it should hold."""


def read_rows(path: Path, *, needs: tuple[str, ...], limit: int | None = None) -> list[dict[str, Any]]:
    """The rows of a file, at most `limit`. Raises `DataError` for a row without the keys `needs`, or an empty file."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(_lines(path), start=1):
        if limit is not None and len(rows) >= limit:
            break
        if line.strip():
            rows.append(_row(path, number, line, needs))
    if not rows:
        raise DataError(f"{path}: there are no rows in it")
    return rows


def _lines(path: Path) -> Iterator[str]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            yield from file
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _row(path: Path, number: int, line: str, needs: tuple[str, ...]) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{number}: not valid JSON: {error.msg}") from None
    if not isinstance(row, dict):
        raise DataError(f"{path}:{number}: a row is a JSON object, with the keys {', '.join(needs)}")
    missing = [key for key in needs if key not in row]
    if missing:
        raise DataError(f"{path}:{number}: the key {missing[0]!r} is missing; a row has {', '.join(needs)}")
    return row
