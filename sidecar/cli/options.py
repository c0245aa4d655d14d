"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    envvar="TIDEGATE_CONFIG",
    help="The settings, as YAML. Every one is also an environment variable TIDEGATE_...",
)
POLICIES = click.option(
    "--policies",
    "directories",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="A policy file or a directory of them; may be repeated (default: the settings').",
)


def _pairs(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> Mapping[str, str]:
    pairs = {}
    for value in values:
        name, equals, of = value.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{value!r} is no pair: write NAME=VALUE")
        if name in pairs:
            raise click.BadParameter(f"{name!r} is given twice")
        pairs[name] = of
    return pairs


LABELS = click.option(
    "--label",
    "labels",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_pairs,
    help="A label of the stream, by which policies match; may be repeated.",
)
TENANT = click.option("--tenant", default="", help="The stream's tenant, by which policies match.")
