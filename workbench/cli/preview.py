"""The command `tidegate policy diff`: what a change of policies would do to recorded conversations."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from sidecar.cli.ending import WRONG, Failure
from sidecar.cli.events.source import source_of
from sidecar.cli.options import CONFIG
from sidecar.config import load_settings
from sidecar.outbox.settings import KafkaSettings
from workbench.preview.limits import Limits, Most, broken, read_most
from workbench.preview.page import page
from workbench.preview.replay import Asked
from workbench.preview.report import described, text
from workbench.preview.spread import replay
from workbench.preview.topic import read_topic
from workbench.preview.traffic import Placed, Row, numbered, read_file

_TOPIC = "kafka:"
_POLICIES = click.Path(path_type=Path, exists=True)


def _most(name: str, what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """An option that says how many, or which share, there may be at most."""
    return click.option(name, metavar="N|PERCENT%", callback=read_most, help=what)


@click.command(name="diff")
@click.argument("old", type=_POLICIES)
@click.argument("new", type=_POLICIES)
@click.option(
    "--traffic",
    "traffic",
    multiple=True,
    required=True,
    metavar="FILE|kafka:TOPIC",
    help="Recorded conversations, as JSON lines or Parquet, or messages of a topic; may be repeated.",
)
@click.option("--brokers", metavar="HOST:PORT", help="Where topics are (default: the settings' brokers).")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Of each topic only the latest so many messages.")
@CONFIG
@click.option("--policy", "name", default="", help="Guard all by this policy (default: each by the one that takes it).")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes that replay.")
@click.option("--examples", type=click.IntRange(0, 1000), default=5, show_default=True, help="How many of each change.")
@click.option("--show-text", is_flag=True, help="Show texts as they are, sensitive ones too.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page that stands by itself.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
@_most("--max-new-blocks", "Fail when more are newly blocked: 12, or 0.5% of the requests and answers.")
@_most("--max-lost-blocks", "Fail when more are no longer blocked.")
@_most("--max-changes", "Fail when more change at all.")
@click.option("--min-precision", type=click.FloatRange(0, 100), help="Fail when the new version's is less, in percent.")
@click.option("--min-recall", type=click.FloatRange(0, 100), help="Fail when the new version's is less, in percent.")
def diff(
    old: Path,
    new: Path,
    traffic: tuple[str, ...],
    brokers: str | None,
    limit: int | None,
    config: Path | None,
    name: str,
    workers: int,
    examples: int,
    show_text: bool,
    html: Path | None,
    as_json: bool,
    max_new_blocks: Most | None,
    max_lost_blocks: Most | None,
    max_changes: Most | None,
    min_precision: float | None,
    min_recall: float | None,
) -> None:
    """Replay recorded conversations through two versions of policies, and say what would change.

    OLD and NEW are policy files or folders of them. What is shown of texts is redacted. A topic is read up to where it
    ends when reading begins. Exit status 1 when more changes than the limits allow.

    Example: tidegate policy diff policies/ new/ --traffic monday.jsonl --max-new-blocks 0.5%
    """
    limits = Limits(
        new_blocks=max_new_blocks,
        lost_blocks=max_lost_blocks,
        changes=max_changes,
        min_precision=min_precision,
        min_recall=min_recall,
    )
    asked = Asked((str(old),), (str(new),), policy=name, shows_text=show_text, examples=examples)
    sources = _sources(traffic, brokers, limit, config)
    with _progress() as told:
        tally = replay(asked, numbered(sources), workers=workers, told=told)
    if not tally.conversations:
        raise Failure(f"there is no conversation with a text in {', '.join(traffic)}")
    past = [*broken(limits, tally)]
    if html is not None:
        html.write_text(page(tally, past, title=f"{old} → {new}"), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(described(tally, past), indent=2, ensure_ascii=False))
    else:
        click.echo(text(tally))
    for each in past:
        click.echo(f"past a limit: {each}", err=True)
    sys.exit(WRONG if past else 0)


def _sources(
    traffic: Sequence[str], brokers: str | None, limit: int | None, config: Path | None
) -> list[Iterator[Placed]]:
    """What is read, in this order; nothing is yet. Raises `Failure` for a file that is not there, or `UsageError`."""
    topics = [each for each in traffic if each.startswith(_TOPIC)]
    if not topics and (brokers is not None or limit is not None):
        raise click.UsageError(f"--brokers and --limit are for topics: --traffic {_TOPIC}TOPIC")
    if _TOPIC in topics:
        raise click.UsageError(f"name the topic: --traffic {_TOPIC}TOPIC")
    kafka = _kafka(brokers, config) if topics else KafkaSettings()

    def source(name: str) -> Iterator[Placed]:
        if name not in topics:
            return _conversations(name)
        return read_topic(kafka, name.removeprefix(_TOPIC), limit=limit, told=partial(click.echo, err=True))

    return [*map(source, traffic)]


def _kafka(brokers: str | None, config: Path | None) -> KafkaSettings:
    source = source_of(load_settings(config), outbox=None, file=None, bootstrap=brokers)
    if not source.is_kafka:
        raise click.UsageError(
            "say where topics are: --brokers HOST:PORT, or `kafka.bootstrap_servers` in the settings"
        )
    return source.kafka


def _conversations(name: str) -> Iterator[Placed]:
    path = Path(name)
    if not path.exists():
        raise Failure(f"there is no file {name}")
    return read_file(path)


@contextmanager
def _progress() -> Iterator[Callable[[Row], None]]:
    """A bar on stderr, if that is a terminal: by bytes, as nobody knows how many rows there are."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # only where it is seen
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("replaying"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} conversations"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("replaying", total=None, rows=0)
        yield lambda row: bar.update(task, rows=row.number + 1)
