"""The command `tidegate guard`: a text, or many, through the service's own engine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import msgspec

from sidecar.cli.ending import Failure, in_full
from sidecar.cli.options import CONFIG, CONTEXTS, PART, POLICIES, facts_options
from sidecar.config import load_settings
from sidecar.policy.facts import StreamFacts
from sidecar.values import Direction, Part


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), default="-")
@CONFIG
@POLICIES
@click.option("--policy", "name", default="", help="The policy by name (default: the first that takes the text).")
@facts_options
@PART
@click.option(
    "--history", is_flag=True, help="The text stands in a request's history, as the proxy and Envoy tell; with input."
)
@click.option("--chunk-chars", type=click.IntRange(1), help="Feed so many characters at a time (default: all at once).")
@CONTEXTS
@click.option("--json", "as_json", is_flag=True, help="Print what came of the text as JSON, not only the text.")
@click.option(
    "--jsonl", is_flag=True, help='Read rows {"id", "text", "context"?: [...]} and print one row for each, in order.'
)
def guard(
    file: Path,
    config: Path | None,
    directories: tuple[Path, ...],
    name: str,
    direction: Direction,
    facts: StreamFacts,
    part: str | None,
    history: bool,
    chunk_chars: int | None,
    contexts: tuple[Path, ...],
    as_json: bool,
    jsonl: bool,
) -> None:
    """Guard a text through the service's own engine, without a server, and print what would be let out.

    Nothing is published. Without FILE, or with -, the text is read from standard input.

    Example: tidegate guard answer.txt --policies policies/ --policy pii-redact
    """
    from sidecar.guarding import Guarding  # as in serve

    if history and direction is not Direction.INPUT:
        raise Failure("only a request has a history: say --direction input")
    guarding = Guarding.load(
        load_settings(config),
        directories,
        policy=name,
        facts=facts,
        part=None if part is None else Part(part),
        is_history=history,
    )
    context = [(path.stem, _text_of(path)) for path in contexts]
    if jsonl:
        for row in _with_progress(_rows(file)):
            result = guarding.guard(row.text, chunk_chars, context=[*context, *map(_named, row.context)])
            _print_json({"id": row.id, **result.row()})
        return
    result = guarding.guard(_text_of(file), chunk_chars, context=context)
    if as_json:
        _print_json(result.row())
        return
    click.echo(result.released, nl=False)
    if result.blocked_by:
        click.echo(f"blocked by rule {result.blocked_by}", err=True)


class _Passage(msgspec.Struct):
    """A text that an answer should rest on, with an id."""

    id: str
    text: str


class _Row(msgspec.Struct):
    """A line of `guard --jsonl`; other keys are passed over."""

    text: str
    id: str | int | None = None
    context: tuple[str | _Passage, ...] = ()


def _named(passage: str | _Passage) -> str | tuple[str, str]:
    return passage if isinstance(passage, str) else (passage.id, passage.text)


def _rows(file: Path) -> list[_Row]:
    """The rows of a file of JSON lines. Raises `Failure`, which tells of all lines that are none."""
    rows, wrong = [], []
    for number, line in enumerate(_read(file).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            rows.append(msgspec.json.decode(line, type=_Row))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            wrong.append(f"{file}:{number}: {error}")
    if wrong:
        raise Failure(in_full(wrong))
    return rows


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise Failure(f"cannot read {file}: {error.strerror}") from None


def _text_of(file: Path) -> str:
    try:
        return _read(file).decode()
    except UnicodeDecodeError as error:
        name = "standard input" if str(file) == "-" else file
        raise Failure(f"{name} is not UTF-8: {error.reason} at byte {error.start}") from None


def _with_progress(rows: Sequence[_Row]) -> Iterable[_Row]:
    """The rows, with a progress bar on a terminal."""
    if not sys.stderr.isatty():
        return rows
    from rich.console import Console  # only where it is seen
    from rich.progress import track

    return track(rows, "Guarding", console=Console(stderr=True))


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))
