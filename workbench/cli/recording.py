"""What `tidegate policy test --record` does: recorded conversations become a file of tests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from sidecar.cli.ending import Failure
from sidecar.policy.loader import policy_files
from sidecar.policy.plan import Plan
from workbench.preview.recording import Recording
from workbench.preview.traffic import read_files, readable


def record(
    traffic: Sequence[Path], plans: Sequence[Plan], paths: Sequence[Path], *, to: Path, policy: str, keeps_text: bool
) -> None:
    """Write a file of tests of the conversations and events in `traffic`. Raises `Failure`."""
    if to.exists():
        raise Failure(f"{to} is there already: name another file in --record-to, or remove it")
    if not to.name.endswith(("_test.yaml", "_test.yml")):
        raise Failure(f"{to} would not be taken for a file of tests: its name must end in _test.yaml")
    recording = Recording(plans, policy=policy, keeps_text=keeps_text)
    for row in readable(read_files(traffic)):
        recording.add(row)
    if not recording.tests:
        remedy = "no policy takes them, or they need their own words: try --policy NAME, or --record-text"
        raise Failure(f"no test could be made of {', '.join(map(str, traffic))}: {remedy}")
    files = [os.path.relpath(path, to.parent) for path in policy_files(paths)]
    to.write_text(recording.yaml(files), encoding="utf-8")
    click.echo(f"written: {to}, {len(recording.tests)} tests", err=True)
    if recording.left_out:
        told = "no policy takes them, or other rules fire on made-up values than on what was recorded"
        click.echo(f"{recording.left_out} left out: {told}; --record-text keeps texts as they are", err=True)
