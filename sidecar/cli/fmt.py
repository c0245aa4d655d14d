"""`tidegate policy fmt`: policy files in one layout."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from difflib import unified_diff
from pathlib import Path

import click

from sidecar.cli import reports
from sidecar.cli.ending import WRONG, Failure
from sidecar.errors import PolicyError
from sidecar.policy.layout import laid_out
from sidecar.policy.loader import files_of_tests, policy_files, read_text

_STDIN = Path("-")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILES|DIRS|-...")
@click.option("--check", is_flag=True, help="Write nothing, and fail when a file is laid out otherwise.")
@click.option("--diff", is_flag=True, help="Write nothing, and print what would change.")
def fmt(paths: tuple[Path, ...], check: bool, diff: bool) -> None:
    """Lay policy files out in one way; comments, quotes and what they say stay as they are.

    `-` reads stdin and writes to stdout. A file that cannot be laid out is left alone, and the command ends with 1.

    Example: tidegate policy fmt --check policies/
    """
    if _STDIN in paths:
        _through(paths)
        return
    files = [*policy_files(paths), *files_of_tests(paths)]
    if not files:
        raise Failure(f"there is no *.yaml or *.yml file in {', '.join(map(str, paths))}")
    outcomes = [_laid_out(file, check=check, diff=diff) for file in files]
    changed, refused = outcomes.count("changed"), outcomes.count("refused")
    told = "would be laid out otherwise" if check or diff else "laid out"
    click.echo(
        f"{reports.counted(changed, 'file')} {told}, {len(files) - changed - refused} left as they are", err=True
    )
    sys.exit(WRONG if refused or (check and changed) else 0)


def _through(paths: Sequence[Path]) -> None:
    if len(paths) > 1:
        raise click.UsageError("`-` stands alone")
    try:
        click.echo(laid_out(sys.stdin.read(), "<stdin>"), nl=False)
    except PolicyError as error:
        click.echo(reports.line(error), err=True)
        sys.exit(WRONG)


def _laid_out(file: Path, *, check: bool, diff: bool) -> str:
    """Lay a file out, or say what would change: whether it is `changed`, `same` or `refused`."""
    before = read_text(file)
    if isinstance(before, PolicyError):
        click.echo(reports.line(before), err=True)
        return "refused"
    try:
        after = laid_out(before, str(file))
    except PolicyError as error:
        click.echo(reports.line(error), err=True)
        return "refused"
    if after == before:
        return "same"
    if diff:
        lines = unified_diff(before.splitlines(), after.splitlines(), str(file), str(file), lineterm="")
        click.echo("\n".join(lines))
    elif check:
        click.echo(str(file))
    if not (check or diff):
        _replace(file, after)
    return "changed"


def _replace(file: Path, text: str) -> None:
    """Write a file as a whole: whoever watches it sees the old text or the new one."""
    target = file.resolve()
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=target.parent, prefix=".", suffix=".new", delete=False
    ) as new:
        new.write(text)
    os.chmod(new.name, target.stat().st_mode)
    os.replace(new.name, target)
