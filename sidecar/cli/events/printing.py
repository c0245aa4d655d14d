"""Events and counts as a person reads them, and as a program does. Nothing that is printed can steer a terminal."""

from __future__ import annotations

from collections import Counter

import click
import msgspec
from rich.console import Console
from rich.table import Table

from sidecar.outbox.event import (
    Checkpoint,
    Data,
    Drift,
    Fault,
    Label,
    PolicyChange,
    StreamDecision,
    Violation,
    severity_of,
)
from sidecar.outbox.reads import Read

_COLOURS = {"info": "white", "low": "cyan", "medium": "yellow", "high": "red", "critical": "bright_red"}


def print_data(read: Read) -> None:
    """One event as one line of JSON."""
    if read.data is None:
        click.echo(f"{read.place}: not an event: {read.error}", err=True)
    else:
        click.echo(msgspec.json.encode(read.data))


def print_line(read: Read) -> None:
    """One event as one line for a person."""
    if read.data is None:
        click.secho(f"{read.place}: not an event: {read.error}", err=True, fg="red")
        return
    data = read.data
    number = f"{data.ids.sequence:>8}" if data.ids.sequence else " waiting"
    severity = severity_of(data).word
    coloured = click.style(f"{severity:<8}", fg=_COLOURS[severity])
    click.echo(f"{data.time.occurred}  {number}  {coloured}  {plain(_say(data))}{plain(_whose(data))}")


def print_json(value: object) -> None:
    """One value as one line of JSON."""
    click.echo(msgspec.json.encode(value))


def print_counts(title: str, counts: Counter[str]) -> None:
    """Counts as a table, the greatest first."""
    if not counts:
        return
    table = Table(title, "events")
    for name, count in counts.most_common():
        table.add_row(plain(name), str(count))
    Console().print(table)


def plain(text: str) -> str:
    """Text that cannot steer the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _say(data: Data) -> str:
    """What happened, in a few words."""
    match data:
        case Violation():
            return _say_violation(data)
        case StreamDecision():
            total = sum(data.violations.values())
            repeated = f", {sum(data.repeated.values())} repeated" if data.repeated else ""
            held = f"held up to {data.max_held_ms:g} ms"
            return f"{data.policy.name}  stream {data.ended}, {data.done}, {total} violations{repeated}, {held}"
        case Fault():
            lost = f"  lost: {', '.join(f'{count} {name}' for name, count in data.lost.items())}" if data.lost else ""
            return f"{data.fault}  {data.what}  {data.reason}{lost}"
        case Drift():
            app = " ".join([*data.app.labels.values(), data.app.prompt_version]) if data.app else ""
            return f"{data.movement}  {data.signal} of {data.direction}s  distance {data.distance:g}  {app}".rstrip()
        case PolicyChange():
            version = f" {data.policy.version}" if data.policy else ""
            former = f" (before: {data.former.version})" if data.former else ""
            return f"{data.step}  {data.what}{version}{former}  {data.source}  {data.reason}".rstrip()
        case Checkpoint():
            signed = f"signed by {data.key_id}" if data.signature else "not signed"
            return f"checkpoint  {signed}{', the last of its process' if data.final else ''}"
        case Label():
            of = "/".join(filter(None, (data.rule, data.label)))
            return f"{data.verdict}  {data.event}  {of}  by {data.by}  {data.note}".rstrip()


def _say_violation(data: Violation) -> str:
    where = f"{data.where.direction}[{data.where.choice}].{data.where.channel}"
    span = f"{data.where.span.start}-{data.where.span.end}"
    done = data.done if data.done == data.decided else f"{data.done} (rule: {data.decided})"
    found = data.detector.label or (data.failure.kind if data.failure else "")
    leaked = f"  leaked {data.exposure.leaked_chars}" if data.exposure.leaked_chars else ""
    rule = f"{data.policy.name}/{data.policy.rule}"
    return f"{rule}  {done}  {found} {data.evidence.shape!r} {where} {span}{leaked}"


def _whose(data: Data) -> str:
    ids = data.ids
    named = {"tenant": ids.tenant, "session": ids.session, "request": ids.request, "stream": ids.stream}
    said = [f"{name}={value}" for name, value in named.items() if value]
    return "  " + " ".join(said) if said else ""
