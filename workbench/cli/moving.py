"""The command `tidegate policy import`: a policy of what another product's users have."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from sidecar.cli.ending import WRONG, Failure
from sidecar.cli.reports import counted
from workbench.moving import guardrails_ai, llm_guard, nemo
from workbench.moving.draft import Draft
from workbench.moving.writing import Written, written

_PRODUCTS: Mapping[str, tuple[str, Callable[[Path], Draft]]] = {
    "llm-guard": ("LLM Guard", llm_guard.drafted),
    "guardrails-ai": ("Guardrails AI", guardrails_ai.drafted),
    "nemo": ("NeMo Guardrails", nemo.drafted),
}
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@click.command(name="import")
@click.argument("product", type=click.Choice(list(_PRODUCTS)))
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.option("--name", help="The policy's name (default: the product's).")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file, which is not there yet."
)
@click.option("--strict", is_flag=True, help="End with 1, and write nothing, where something was not carried over.")
@click.option("--json", "as_json", is_flag=True, help="Print the policy and all notes as JSON on stdout.")
def import_policy(product: str, file: Path, name: str | None, output: Path | None, strict: bool, as_json: bool) -> None:
    """Write a policy from what another product's users have, and say what of it could not be carried over.

    FILE is of llm-guard: the API server's scanners.yml; of guardrails-ai: a .rail, a guard as JSON (`guard.to_dict()`)
    or the server's config.py, which is read and not run; of nemo: config.yml or its folder. docs/moving.md has tables.

    Exit status 0 when a policy was written, 1 when nothing could be carried over.

    Example: tidegate policy import llm-guard scanners.yml --output policies/from-llm-guard.yaml
    """
    title, drafted = _PRODUCTS[product]
    chosen = f"from-{product}" if name is None else name
    if not _NAME.fullmatch(chosen):
        raise click.UsageError("--name is 1 to 64 letters, digits, `.`, `_` and `-`")
    result = written(drafted(file), name=chosen, version="1", product=title, file=file.name)
    is_kept = bool(result.text) and not (strict and result.lost)
    if is_kept and output is not None:
        _write(output, result.text)
    if as_json:
        click.echo(json.dumps(_described(result, is_kept=is_kept), indent=2, ensure_ascii=False))
    else:
        if is_kept and output is None:
            click.echo(result.text, nl=False)
        _tell(result, output if is_kept else None)
    sys.exit(0 if is_kept else WRONG)


def _described(result: Written, *, is_kept: bool) -> dict[str, Any]:
    notes = [
        {"kind": each.kind, **{key: value for key, value in asdict(each).items() if key != "is_lost"}}
        for each in result.notes
    ]
    rules = [{"id": each.id, "from": each.source} for each in result.rules]
    return {"policy": result.text if is_kept else None, "rules": rules, "notes": notes}


def _tell(result: Written, output: Path | None) -> None:
    for note in result.notes:
        click.echo(str(note), err=True)
    lost = len(result.lost)
    rules = counted(len(result.rules), "rule")
    where = f"written: {output}, {rules}" if output is not None else rules
    left = f"{counted(lost, 'thing')} not carried over" if lost else "nothing was left out"
    click.echo(f"{where}; {left}", err=True)
    if not result.rules:
        click.echo("no policy was written: it would have no rule", err=True)


def _write(output: Path, text: str) -> None:
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Failure(f"{output} is there already: name another file, or remove it") from None
