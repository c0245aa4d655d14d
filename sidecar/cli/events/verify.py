"""`tidegate events verify`: the proof that nothing is missing."""

from __future__ import annotations

import sys

import click
import msgspec

from sidecar.cli.ending import WRONG, Failure
from sidecar.cli.events.printing import plain, print_json
from sidecar.cli.events.source import JSON, Source, run, source_options
from sidecar.outbox.audit import Audit, ProducerReport, Report


@click.command()
@source_options
@JSON
def verify(source: Source, *, as_json: bool) -> None:
    """Prove that nothing is missing: numbers without a gap, repeats only with the same id, each session in order.

    Also checks that all that is there is a valid event. Exit status 1 when anything is wrong. Where retention has
    removed the beginning of a log, it says from which number on it can prove anything. A reading of less than all
    topics proves nothing, and exits with 2.

    Example: tidegate events verify --bootstrap localhost:9092
    """
    if source.is_partial:
        raise Failure(
            f"a producer's numbers are spread over {', '.join(source.kafka.topics.names)}:"
            " a reading of less than all of them proves nothing; leave out --topic"
        )
    report = run(_audit(source))
    if as_json:
        print_json({"is_fine": report.is_fine} | msgspec.to_builtins(report))
    else:
        _print_report(report)
    if not report.is_fine:
        sys.exit(WRONG)


async def _audit(source: Source) -> Report:
    audit = Audit()
    async for read in source.read_all():
        audit.add(read)
    return audit.report()


def _print_report(report: Report) -> None:
    for producer in report.producers:
        click.echo(_describe(producer))
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
        click.secho("incomplete", fg="red", err=True)


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


def _list(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))
