"""The command `tidegate policy packs`: the policies that come with Tidegate, to look at and to begin with."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from sidecar.cli.ending import Failure
from sidecar.library import Pack, folder, pack, packs
from sidecar.policy.schema.rules import RuleSpec

_SCHEMA = "# yaml-language-server: $schema="


@click.command(name="packs")
@click.argument("name", required=False)
@click.option(
    "--copy",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Copy the pack's file there, to make it yours.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
def packs_command(name: str | None, target: Path | None, as_json: bool) -> None:
    """List the policies that come with Tidegate; with NAME show one: what it does, its rules, what it does not do.

    Any of them is taken by its name: tidegate proxy --policy NAME.

    Example: tidegate policy packs gdpr --copy policies/
    """
    if target is not None and name is None:
        raise click.UsageError("say which pack to copy: tidegate policy packs NAME --copy DIR")
    chosen = [*packs().values()] if name is None else [pack(name)]
    if target is not None:
        click.echo(_copied(chosen[0], target))
    elif as_json:
        click.echo(json.dumps([_described(each) for each in chosen], indent=2, ensure_ascii=False))
    elif name is None:
        width = max(map(len, packs()))
        click.echo("\n".join(f"{each.name:<{width}}  {each.title}" for each in chosen))
    else:
        click.echo("\n".join(_shown(chosen[0])))


def action_word(rule: RuleSpec) -> str:
    """What a rule does, in a word."""
    return rule.action if isinstance(rule.action, str) else next(iter(rule.action.model_dump()))


def _described(each: Pack) -> dict[str, Any]:
    rules = [{"id": rule.id, "detector": rule.detect.detector, "action": action_word(rule)} for rule in each.spec.rules]
    own = {"name": each.name, "version": each.spec.metadata.version, "title": each.title, "limits": each.limits}
    return {**own, "rules": rules, "file": str(each.file)}


def _shown(each: Pack) -> Iterator[str]:
    yield f"{each.name} {each.spec.metadata.version}"
    for text in (each.title, each.limits):
        yield from textwrap.wrap(text, 100, initial_indent="  ", subsequent_indent="  ")
    yield "  rules:"
    width = max(len(rule.id) for rule in each.spec.rules)
    yield from (f"    {rule.id:<{width}}  {rule.detect.detector}: {action_word(rule)}" for rule in each.spec.rules)
    yield f"  take it:  tidegate proxy --policy {each.name}"
    yield f"  own it:   tidegate policy packs {each.name} --copy DIR"


def _copied(chosen: Pack, target: Path) -> str:
    """Copy a pack's file, and the schema that its first line leads editors to; a line that says so."""
    file = target / chosen.file.name
    try:
        target.mkdir(parents=True, exist_ok=True)
        _written(file, _beside(chosen.file.read_text(encoding="utf-8")))
        schema = target / "schema.json"
        if not schema.exists():
            _written(schema, (folder() / "schema.json").read_text(encoding="utf-8"))
    except FileExistsError as error:
        raise Failure(f"{error.filename} is there already; copy into another folder, or move it away") from None
    except OSError as error:
        raise Failure(f"cannot write {error.filename}: {error.strerror}") from None
    return f"{file}: a policy of yours now; give it a name of its own where both are loaded"


def _written(file: Path, text: str) -> None:
    with file.open("x", encoding="utf-8") as opened:
        opened.write(text)


def _beside(text: str) -> str:
    """The file's text, with a first line that leads to a schema beside it."""
    first, end, rest = text.partition("\n")
    return f"{_SCHEMA}schema.json{end}{rest}" if first.startswith(_SCHEMA) else text
