"""`tidegate events label`: what a person says of an event, as an event of its own."""

from __future__ import annotations

import asyncio
import getpass
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TextIO

import click
import msgspec

from sidecar.cli.ending import Failure
from sidecar.cli.options import CONFIG
from sidecar.config import load_settings
from sidecar.outbox.event import Verdict
from sidecar.outbox.labels import Row, checked, numbered_labels, read_rows, send_labels, write_labels
from sidecar.outbox.outbox import Numbered

_KINDS: Mapping[Verdict, Literal["attack", "false_alarm"]] = {
    Verdict.TRUE_POSITIVE: "attack",
    Verdict.MISSED: "attack",
    Verdict.FALSE_POSITIVE: "false_alarm",
}
"""What the text of a labelled event is as an exemplar."""


@click.command()
@click.argument("event", required=False, metavar="[EVENT_ID]")
@click.option("--verdict", type=click.Choice([each.value for each in Verdict]), help="What you say of it.")
@click.option("--note", default="", help="Your own words. They are kept as they are: put no checked text into them.")
@click.option("--by", default="", help="Who says so (default: the user who is logged in).")
@click.option("--rule", default="", metavar="RULE|POLICY/RULE", help="Of missed and clean: the rule.")
@click.option("--label", default="", help="Of missed: the label that it should have found.")
@click.option(
    "--from",
    "table",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    help="Many at once, in CSV or JSON lines: event, verdict, any of by, note, rule, label; - is stdin (JSON lines).",
)
@click.option(
    "--to", type=click.Path(path_type=Path, dir_okay=False), help="Append to this file of JSON lines, not to Kafka."
)
@click.option("--bootstrap", metavar="HOST:PORT", help="The brokers (default: the settings').")
@click.option(
    "--exemplar",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Add the text to these exemplars, by the event's id.",
)
@click.option("--text-file", type=click.File("r", encoding="utf-8"), help="The text, for --exemplar; - is stdin.")
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print the labels as JSON, one a line.")
def label(
    event: str | None,
    verdict: str | None,
    note: str,
    by: str,
    rule: str,
    label: str,
    table: Path | None,
    to: Path | None,
    bootstrap: str | None,
    exemplar: Path | None,
    text_file: TextIO | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Say of an event whether it was right: a true_positive, a false_positive, or, of a stream, what was missed.

    `missed` and `clean` are said of a rule's silence, by the event of a stream's decision. The last label of an author
    on an event stands; `unsure` takes back what was said. What `policy tune` and `eval` make of labels is in
    docs/feedback.md.

    Example: tidegate events label 01a18f0c-2f8a-7d53-9a3e-5b1c7d0e4f21 --verdict false_positive --note "a test card"
    """
    if (exemplar is None) != (text_file is None) or (exemplar is not None and table is not None):
        raise click.UsageError("--exemplar adds the text of one event: give it with --text-file")
    rows = _rows(event, verdict, table, {"note": note, "rule": rule, "label": label})
    if exemplar is not None and rows[0].verdict not in _KINDS:
        raise click.UsageError(f"{rows[0].verdict} makes no exemplar: {', '.join(_KINDS)} do")
    labels = numbered_labels(rows, by=by or _user(), now=time.time())
    where = _write(labels, to, bootstrap, config)
    if exemplar is not None and text_file is not None:
        _keep(rows[0], text_file.read(), exemplar)
    if as_json:
        for each in labels:
            click.echo(msgspec.json.encode(each.event.data))
    click.echo(f"{len(labels)} label{'s' * (len(labels) != 1)} written to {where}", err=True)


def _keep(row: Row, text: str, file: Path) -> None:
    """Add a labelled text to exemplars. Raises `ExemplarError`."""
    from detectors.models.exemplar_sets import Exemplar  # with the models' libraries, which labels alone do not need
    from sidecar.exemplars.files import add

    exemplar = Exemplar(id=row.event, kind=_KINDS[row.verdict], text=text.strip(), note=row.note, event=row.event)
    found = add(file, exemplar)
    click.echo(f"added {row.event} to {file}: {len(found.items)} exemplars", err=True)


def _user() -> str:
    """Who is logged in. Raises `UsageError` where nobody is, as in most containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise click.UsageError("nobody is logged in here: say who says so with --by") from None


def _rows(event: str | None, verdict: str | None, table: Path | None, more: dict[str, str]) -> list[Row]:
    """The labels that were asked for. Raises `UsageError` or `LabelError`."""
    if table is None:
        if event is None or verdict is None:
            raise click.UsageError("name an event and its --verdict, or a table of labels with --from")
        return [checked({"event": event, "verdict": verdict, **more})]
    if event or verdict or any(more.values()):
        raise click.UsageError("--from has all that is said: leave out the event and what is said of it")
    with click.open_file(str(table), encoding="utf-8") as file:
        return read_rows(table, file)


def _write(labels: list[Numbered], to: Path | None, bootstrap: str | None, config: Path | None) -> str:
    """Hand the labels over; where they are now."""
    if to is not None and bootstrap is not None:
        raise click.UsageError("say one place to write labels to: a file, or brokers")
    if to is not None:
        asyncio.run(write_labels(labels, to))
        return str(to)
    settings = load_settings(config)
    kafka = settings.kafka if bootstrap is None else settings.kafka.model_copy(update={"bootstrap_servers": bootstrap})
    if not kafka.bootstrap_servers:
        raise Failure("there is nowhere to write labels to: name a file with --to, or brokers with --bootstrap")
    asyncio.run(send_labels(labels, kafka, form=settings.events.format))
    return kafka.topics.labels
