"""`tidegate events verify`: the proof that nothing is missing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from sidecar.bundles.keys import trusted_keys
from sidecar.cli.ending import WRONG, Failure
from sidecar.cli.events.printing import plain, print_json
from sidecar.cli.events.source import JSON, Source, run, source_options
from sidecar.outbox.audit import Audit, ProducerReport, Report
from sidecar.outbox.chain_audit import Keys
from sidecar.outbox.reads import CaughtUp


@click.command()
@source_options
@click.option(
    "--key",
    "keys",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A public key by which checkpoints must be signed; may be repeated.",
)
@JSON
def verify(source: Source, *, keys: tuple[Path, ...], as_json: bool) -> None:
    """Prove that nothing is missing, and nothing was changed since it was recorded.

    Numbers must be without a gap, repeats have the same id, each session be in order, each event have its hash and
    name that of the one before. With --key, each producer's checkpoints must be signed by one of these keys; what
    comes after the last one is proved by its hashes only.

    Also checks that all that is there is a valid event. Exit status 1 when anything is wrong. Where retention has
    removed the beginning of a log, it says from which number on it can prove anything. A reading of less than all
    topics proves nothing, and exits with 2.

    Example: tidegate events verify --bootstrap localhost:9092 --key events.pub
    """
    if source.is_partial:
        raise Failure(
            f"a producer's numbers are spread over {', '.join(source.kafka.topics.names)}:"
            " a reading of less than all of them proves nothing; leave out --topic"
        )
    report = run(_audit(source, trusted_keys(keys)))
    if as_json:
        print_json({"is_fine": report.is_fine} | msgspec.to_builtins(report))
    else:
        _print_report(report)
    if not report.is_fine:
        sys.exit(WRONG)


async def _audit(source: Source, keys: Keys) -> Report:
    audit = Audit(keys)
    async for read in source.read_all():
        if not isinstance(read, CaughtUp):
            audit.add(read)
    return audit.report()


def _print_report(report: Report) -> None:
    for producer in report.producers:
        click.echo(_describe(producer))
        for line in _describe_chain(producer):
            click.echo(f"  {line}")
    if report.waiting:
        click.echo(f"{report.waiting} events wait in the outbox without a number")
    for line in report.invalid:
        click.secho(f"not an event: {plain(line)}", fg="red", err=True)
    for hole in report.holes:
        click.secho(f"not read: {plain(hole)}", fg="red", err=True)
    if report.foreign:
        click.echo(f"{report.foreign} records are somebody else's")
    if report.logs_begin:
        begins = ", ".join(f"{start.lane} at {start.offset}" for start in report.logs_begin[:10])
        click.echo(f"{len(report.logs_begin)} logs were cut by retention: {begins}")
    if report.is_fine:
        click.secho(f"complete: {report.events} events, {report.waiting} waiting", fg="green")
    else:
        is_complete = all(producer.is_complete for producer in report.producers)
        click.secho("changed" if is_complete else "incomplete", fg="red", err=True)


def _describe(producer: ProducerReport) -> str:
    said = [f"{plain(producer.producer)}: {producer.events} events, numbers {producer.first} to {producer.last}"]
    if producer.proved_from > 1:
        said.append(f"begins at {producer.proved_from}: nothing is proved of the numbers below")
    if producer.repeats:
        said.append(f"{producer.repeats} repeats")
    if producer.missing:
        gaps = ", ".join(f"{gap.first}-{gap.last}" if gap.last > gap.first else str(gap.first) for gap in producer.gaps)
        said.append(f"{producer.missing} MISSING ({gaps})")
    if producer.conflicts:
        said.append(f"{len(producer.conflicts)} numbers with TWO EVENTS ({_list(producer.conflicts)})")
    if producer.disordered:
        said.append(f"{len(producer.disordered)} OUT OF ORDER ({_list(producer.disordered)})")
    return "; ".join(said)


def _describe_chain(producer: ProducerReport) -> Iterator[str]:
    """What the hashes and signatures say, a line for each thing."""
    chain = producer.chain
    if not chain.chained:
        yield "no event has a hash: nothing proves that they are as they were recorded"
    for number in chain.changed:
        yield f"number {number} was CHANGED since it was recorded ({plain(chain.places[number])})"
    for number in chain.broken:
        yield f"the chain is BROKEN between {number} and {number + 1}: one of them is not what was recorded there"
    if chain.stripped:
        yield f"{len(chain.stripped)} numbers have NO HASH, and those before them have ({_list(chain.stripped)})"
    if chain.unvouched:
        yield f"events tell that these were LOST, and no checkpoint does: {_list(chain.unvouched)}"
    elif chain.replaced:
        yield f"{len(chain.replaced)} were lost, and are told of under their numbers ({_list(chain.replaced)})"
    for number in chain.bad_signatures:
        yield f"checkpoint {number} is NOT SIGNED by the key that it names ({plain(chain.places[number])})"
    if chain.unknown_keys:
        yield f"checkpoints are signed by keys that were not given: {plain(', '.join(chain.unknown_keys))}"
    yield from _describe_signatures(producer)


def _describe_signatures(producer: ProducerReport) -> Iterator[str]:
    chain = producer.chain
    if chain.is_unsigned:
        yield "NO CHECKPOINT of a given key vouches for these events"
    elif chain.signed_to:
        after = producer.last - chain.signed_to
        yield f"signed up to number {chain.signed_to}" + (f"; {after} after it have their hashes only" if after else "")
    elif chain.checkpoints:
        yield f"{chain.checkpoints} checkpoints, whose signatures were not checked: give --key"


def _list(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))
