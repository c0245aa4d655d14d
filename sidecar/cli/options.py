"""Options that several commands have."""

from __future__ import annotations

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
