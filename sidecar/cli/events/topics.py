"""`tidegate events create-topics`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from sidecar.cli.events.printing import print_json
from sidecar.cli.events.source import CONFIG, JSON, kafka_at, run
from sidecar.config import load_settings
from sidecar.outbox.topics import TopicPlan, create_topics


@click.command("create-topics")
@CONFIG
@click.option("--bootstrap", metavar="HOST:PORT", help="The brokers (default: the settings').")
@click.option("--partitions", type=click.IntRange(1, 10_000), default=6, show_default=True, help="Of each topic.")
@click.option(
    "--replication-factor",
    type=click.IntRange(1, 32_767),
    help="Copies of each (default: 3, or as many as there are brokers).",
)
@click.option(
    "--set", "pairs", multiple=True, metavar="NAME=VALUE", help="A topic setting, such as retention.ms=604800000."
)
@JSON
def create_topics_command(
    config: Path | None,
    bootstrap: str | None,
    partitions: int,
    replication_factor: int | None,
    pairs: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make the topics that are not there yet. The service itself never makes one.

    Example: tidegate events create-topics --bootstrap localhost:9092 --partitions 12 --set min.insync.replicas=2
    """
    plan = TopicPlan(partitions=partitions, replication_factor=replication_factor, configs=_pairs(pairs))
    kafka = kafka_at(load_settings(config).kafka, bootstrap)
    made = run(create_topics(kafka, plan))
    if as_json:
        print_json(msgspec.to_builtins(made))
        return
    for name in made.created:
        click.echo(f"created  {name}")
    for name in made.existing:
        click.echo(f"existing {name}")


def _pairs(pairs: tuple[str, ...]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair:
            raise click.UsageError(f"--set {pair}: expected NAME=VALUE")
    return dict(pair.split("=", 1) for pair in pairs)
