"""`tidegate events reveal` and `lookup`: who may, reads what was matched, or finds it again by its hash."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TextIO

import click
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sidecar.cli.ending import WRONG, Failure
from sidecar.cli.events.printing import plain, print_json, print_line
from sidecar.cli.events.source import JSON, Source, run, source_options
from sidecar.outbox.event import Violation
from sidecar.outbox.evidence import EvidenceError, EvidenceKey, private_key_in, reveal
from sidecar.outbox.reads import Read


@click.command("reveal")
@source_options
@click.option(
    "--key",
    "path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="The private key that matched texts are encrypted for.",
)
@click.option("--event", "wanted", multiple=True, metavar="ID", help="Only this event; may be repeated.")
@JSON
def reveal_command(source: Source, *, path: Path, wanted: tuple[str, ...], as_json: bool) -> None:
    """Print what was matched, of events whose rule keeps it encrypted (`evidence: {level: encrypted}`).

    One line for each: the event's id, its rule, the text. Exit status 1 when one of them cannot be read with this key.

    Example: tidegate events reveal --key evidence.key --event 01a18f0c-2f8a-7d53-9a3e-5b1c7d0e4f21
    """
    try:
        key = private_key_in(path)
    except EvidenceError as error:
        raise Failure(str(error)) from None
    if not run(_reveal(source, key, wanted, as_json)):
        sys.exit(WRONG)


@click.command()
@source_options
@click.option(
    "--hash-key",
    "paths",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    required=True,
    help="A file with a key of `keys.hash`, today's or a former one; may be repeated.",
)
@click.option(
    "--value", "value_from", type=click.File("r"), default="-", help="The file that the value is in; - is stdin."
)
@JSON
def lookup(source: Source, *, paths: tuple[Path, ...], value_from: TextIO, as_json: bool) -> None:
    """Find the violations whose matched text is this value, by its keyed hash, under whichever of the keys it was made.

    The value is read from a file or from stdin, so that it stands in no shell's history. Exit status 1 when none is
    found.

    Example: tidegate events lookup --hash-key /run/secrets/evidence --hash-key /run/secrets/evidence.former < value.txt
    """
    value = value_from.read().removesuffix("\n")
    keys = [EvidenceKey(path.read_bytes().strip()) for path in paths]
    if not run(_lookup(source, {key.hash(value) for key in keys}, as_json)):
        sys.exit(WRONG)


async def _reveal(source: Source, key: X25519PrivateKey, wanted: Sequence[str], as_json: bool) -> bool:
    """Whether all that was asked for could be read."""
    is_fine, seen = True, set[str]()
    async for _, data in _violations(source):
        event = data.ids.event
        if event in seen or not data.evidence.sealed or (wanted and event not in wanted):
            continue
        seen.add(event)
        try:
            text = reveal(data.evidence, event, key)
        except EvidenceError as error:
            click.secho(f"{event}: {error}", err=True, fg="red")
            is_fine = False
            continue
        rule = f"{data.policy.name}/{data.policy.rule}"
        if as_json:
            print_json({"event": event, "rule": rule, "text": text})
        else:
            click.echo(f"{event}  {rule}  {plain(text)}")
    for missing in sorted({*wanted} - seen):
        click.secho(f"{missing}: there is no such event, or it keeps nothing encrypted", err=True, fg="red")
        is_fine = False
    return is_fine


async def _lookup(source: Source, hashes: set[str], as_json: bool) -> bool:
    """Whether any was found."""
    seen = set[str]()
    async for read, data in _violations(source):
        if data.evidence.hash in hashes and data.ids.event not in seen:
            seen.add(data.ids.event)
            if as_json:
                print_json(data)
            else:
                print_line(read)
    return bool(seen)


async def _violations(source: Source) -> AsyncIterator[tuple[Read, Violation]]:
    async for read in source.read():
        if isinstance(read.data, Violation):
            yield read, read.data
