"""`tidegate drift ...`: looks at the samples that a service keeps, and pins one of them as the reference."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from sidecar.cli.ending import WRONG, Failure, Group
from sidecar.cli.options import CONFIG
from sidecar.config import load_settings
from sidecar.drift import kept
from sidecar.drift.groups import Group as Streams
from sidecar.drift.groups import GroupKey
from sidecar.drift.samples import Sample

_LEAST_STREAMS = 50
_SAMPLES = click.option(
    "--samples", type=click.Path(path_type=Path), help="The file that a service keeps (default: the settings')."
)


@click.group(cls=Group)
def drift() -> None:
    """See whether streams are what they were, and pin what they are compared with.

    Example: tidegate drift show --config tidegate.yaml
    """


@drift.command()
@CONFIG
@_SAMPLES
@click.option("--json", "as_json", is_flag=True, help="Print the groups as JSON.")
def show(config: Path | None, samples: Path | None, as_json: bool) -> None:
    """Say of each app, tenant and prompt version how its last window stands to its reference.

    Exit status 1 when something has moved. The file is as old as the service's last writing (drift.save_seconds).

    Example: tidegate drift show --samples tidegate-drift.json
    """
    groups = kept.read(samples or load_settings(config).drift.path)
    if as_json:
        click.echo(json.dumps([_row(key, group) for key, group in sorted(groups.items())], indent=2))
    else:
        Console().print(_table(groups))
    if any(group.quiet for group in groups.values()):
        sys.exit(WRONG)


@drift.command()
@CONFIG
@_SAMPLES
@click.option("--to", "target", type=click.Path(path_type=Path), required=True, help="The file for drift.reference.")
@click.option("--what", type=click.Choice(["reference", "last"]), default="reference", help="Which sample to pin.")
@click.option("--app", help="Only of this app.")
@click.option("--tenant", help="Only of this tenant.")
@click.option("--prompt-version", help="Only of this prompt version.")
def pin(config: Path | None, samples: Path | None, target: Path, what: str, **only: str | None) -> None:
    """Write samples to a file that services hold their windows against from then on, by `drift.reference`.

    `--what reference` pins what a service compares with now, so that every instance, and every later start, does;
    `--what last` its last full window: what moved is then the new normal. A file that is there is replaced; running
    services take it within drift.save_seconds.

    Example: tidegate drift pin --samples tidegate-drift.json --what last --to reference.json
    """
    groups = kept.read(samples or load_settings(config).drift.path)
    wanted = {name: value for name, value in only.items() if value is not None}
    chosen = {
        key: Streams(reference=sample, is_pinned=True)
        for key, group in groups.items()
        if all(getattr(key, name) == value for name, value in wanted.items())
        and (sample := _sample(group, what)).streams >= _LEAST_STREAMS
    }
    if not chosen:
        raise Failure(f"there is no group with a {what} of {_LEAST_STREAMS} streams or more to pin")
    kept.write(target, kept.written(chosen.items()))
    click.echo(f"pinned {len(chosen)} groups in {target}: set drift.reference to it", err=True)


def _sample(group: Streams, what: str) -> Sample:
    return group.last if what == "last" else group.reference


def _row(key: GroupKey, group: Streams) -> dict[str, Any]:
    return {
        "app": key.app,
        "tenant": key.tenant,
        "prompt_version": key.prompt_version,
        "direction": key.direction.value,
        "reference_streams": group.reference.streams,
        "is_pinned": group.is_pinned,
        "window_streams": group.window.streams,
        "windows": group.windows,
        "moved": sorted(group.quiet),
        "distances": {signal: round(distance, 4) for signal, distance in sorted(group.distances.items())},
    }


def _table(groups: Mapping[GroupKey, Streams]) -> Table:
    table = Table("app", "tenant", "prompt", "of", "reference", "windows", "signals")
    for key, group in sorted(groups.items()):
        pinned = " pinned" if group.is_pinned else ""
        signals = "\n".join(_signals(group)) or "no full window yet"
        names = key.app or "-", key.tenant or "-", key.prompt_version or "-", key.direction.value
        table.add_row(*names, f"{group.reference.streams}{pinned}", str(group.windows), signals)
    return table


def _signals(group: Streams) -> Iterator[str]:
    for signal, distance in sorted(group.distances.items()):
        yield f"{signal} {distance:.3f}{'  moved' if signal in group.quiet else ''}"
