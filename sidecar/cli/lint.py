"""`tidegate policy lint`: what is wrong with policies, and what is hardly meant, in the form that its reader wants."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from sidecar.cli import reports
from sidecar.cli.ending import WRONG, Failure
from sidecar.cli.reports import Checked, Form
from sidecar.errors import PolicyError
from sidecar.policy.codes import ABOUT, Code, level_of
from sidecar.policy.compile.whole import named_rules
from sidecar.policy.lint.policies import warnings
from sidecar.policy.loader import files_of_tests, policy_files
from sidecar.suite import Loaded, Suite


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="FILES|DIRS...")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--format", "form", type=click.Choice(reports.FORMS), default="text", help="How to print what was found.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--explain", "asked", metavar="CODE", help="Say what a code means, with an example, and check nothing.")
def lint(paths: tuple[Path, ...], strict: bool, form: Form, as_json: bool, asked: str | None) -> None:
    """Check policy files: every error and warning, with its line, its code and what to do.

    Ends with 0 when nothing is wrong, 1 when something is (with --strict: when there is a warning, too), 2 for misuse.
    docs/policy-codes.md has all codes. Redaction keys are not asked for: `hash` and `pseudonym` are checked as if there
    were one.

    Example: tidegate policy lint policies/ my-policy.yaml
    """
    if asked is not None:
        click.echo(explained(asked), nl=False)
        return
    if not paths:
        raise click.UsageError("name files or directories, or a code with --explain")
    files = [*policy_files(paths), *files_of_tests(paths)]
    if not files:
        raise Failure(f"there is no *.yaml or *.yml file in {', '.join(map(str, paths))}")
    loaded = Suite(paths).load()
    errors = loaded.errors
    found = _warnings(loaded, set(map(str, files)))
    _print(files, loaded, found, "json" if as_json else form)
    sys.exit(WRONG if errors or (strict and found) else 0)


def explained(asked: str) -> str:
    """What there is to know of a code. Raises `UsageError` when there is none of that name."""
    try:
        code = Code(asked.upper())
    except ValueError:
        known = ", ".join(each for each in Code if each[:3] == asked[:3].upper()) or f"{min(Code)} to {max(Code)}"
        raise click.UsageError(f"there is no code {asked}; there are {known}") from None
    about = ABOUT[code]
    parts = [f"{code} ({level_of(code)}): {about.title}", about.why, about.remedy]
    if about.example:
        parts.append("For example:\n\n" + "".join(f"    {line}\n" for line in about.example.splitlines()).rstrip())
    return "\n\n".join(parts) + "\n"


def _warnings(loaded: Loaded, files: Collection[str]) -> list[PolicyError]:
    """The warnings about these files; of policies that tests beside them mean nothing is said."""
    tested = frozenset(
        (plan.name, rule)
        for work in loaded.work
        for plan in work.plans
        for _, rule in named_rules(work.spec)
        if work.policy in ("", plan.name)
    )
    return [each for each in warnings(loaded.policies, datetime.now(UTC).date(), tested) if each.file in files]


def _print(files: Sequence[Path], loaded: Loaded, found: Sequence[PolicyError], form: Form) -> None:
    if form == "text":
        _print_text(loaded, found)
    elif form == "json":
        click.echo(json.dumps(_as_json(loaded, found), indent=2, ensure_ascii=False))
    else:
        click.echo(reports.rendered(_checked(files, [*loaded.errors, *found]), form), nl=False)


def _print_text(loaded: Loaded, found: Sequence[PolicyError]) -> None:
    for problem in (*loaded.errors, *found):
        click.echo(reports.line(problem), err=True)
    policies, files = reports.counted(len(loaded.policies), "policy", "policies"), reports.counted(loaded.files, "file")
    if not loaded.errors:
        ending = f", {reports.counted(len(found), 'warning')}" if found else ""
        click.echo(f"{policies} in {files}: no errors{ending}")


def _as_json(loaded: Loaded, found: Sequence[PolicyError]) -> dict[str, Any]:
    plans = [plan for _, plan in loaded.policies]
    return {
        "files": loaded.files,
        "policies": [{"name": plan.name, "version": plan.version, "digest": plan.digest} for plan in plans],
        "errors": [reports.described(each) for each in loaded.errors],
        "warnings": [reports.described(each) for each in found],
    }


def _checked(files: Sequence[Path], problems: Sequence[PolicyError]) -> list[Checked]:
    wrong = {each.file for each in problems}
    clean = [Checked(str(file), "no errors") for file in files if str(file) not in wrong]
    return [*map(reports.checked, problems), *clean]
