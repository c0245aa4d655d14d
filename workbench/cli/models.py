"""`tidegate models ...`: which models there are, whether they are whole, and taking over one of your own."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from detectors.models.places import places, use_places
from sidecar.cli.ending import WRONG, Group
from workbench.models.labels import HEADS
from workbench.models.presets import PRESETS, Preset

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def _use_directory(_: click.Context, __: click.Parameter, directory: Path | None) -> Path | None:
    if directory is not None:
        use_places(replace(places(), directories=(directory,)))
    return directory


_DIRECTORY = click.option(
    "--models-dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    callback=_use_directory,
    is_eager=True,
    expose_value=False,
    help="The folder of your models (default: the settings', models).",
)


@click.group(cls=Group)
def models() -> None:
    """List and check models, and take over one of your own.

    Example: tidegate models list
    """


@models.command(name="list")
@_DIRECTORY
@_JSON
def list_models(as_json: bool) -> None:
    """List the models that policies can name, with what they are for.

    Example: tidegate models list --json
    """
    from workbench.models.checking import listed

    rows = []
    for each in listed():
        row: dict[str, Any] = {"name": each.folder.name, "shipped": each.is_shipped, "megabytes": each.size / 1e6}
        if each.card is None:
            rows.append(row | {"problem": each.problem})
            continue
        rows.append(row | {"version": each.card.metadata.version, "heads": sorted(each.card.heads)})
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        what = f"{row['version']}: {', '.join(row['heads'])}" if "version" in row else row["problem"]
        whose = "shipped" if row["shipped"] else "yours"
        click.echo(f"{row['name']:<28} {row['megabytes']:>7.1f} MB  {whose:<7}  {what}")


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@_DIRECTORY
@_JSON
def verify(names: tuple[str, ...], as_json: bool) -> None:
    """Check models: the sha256 of each file, and the golden inputs. Without NAME: all of them.

    Exit status 1 when one of them is not as its card says.

    Example: tidegate models verify my-model
    """
    from workbench.models.checking import find, problem_of

    folders = [find(name) for name in names] or places().all()
    problems = {folder.name: problem_of(folder) for folder in folders}
    if as_json:
        click.echo(json.dumps({name: {"ok": not problem, "problem": problem} for name, problem in problems.items()}))
    else:
        for name, problem in problems.items():
            click.echo(f"{name}: {problem or 'ok'}", err=bool(problem))
    sys.exit(WRONG if any(problems.values()) else 0)


@models.command()
@click.argument("name")
@_DIRECTORY
def card(name: str) -> None:
    """Print a model's card: what it is for, its labels and thresholds, its licence.

    Example: tidegate models card tidegate-encoder
    """
    from workbench.models.checking import card_text

    click.echo(card_text(name), nl=False)


def _pairs(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    parts = [value.partition("=") for value in values]
    if wrong := [value for value, (name, _, meaning) in zip(values, parts, strict=True) if not (name and meaning)]:
        raise click.BadParameter(f"{wrong[0]!r} is not NAME=VALUE")
    return {name: meaning for name, _, meaning in parts}


def _scores(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, float]:
    try:
        scores = {name: float(value) for name, value in _pairs(context, option, values).items()}
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if any(not 0 <= score <= 1 for score in scores.values()):
        raise click.BadParameter("a threshold is a number from 0 to 1")
    return scores


@models.command()
@click.argument("source", required=False, metavar="FOLDER|ID")
@click.option("--detector", type=click.Choice(sorted(HEADS)), help="Who reads it.")
@click.option("--preset", type=click.Choice(sorted(PRESETS)), help="A well-known model: where it is, its labels.")
@click.option("--name", default="", help="What policies call it (default: the folder's name).")
@click.option(
    "--label",
    "labels",
    multiple=True,
    callback=_pairs,
    metavar="NAME=MEANING",
    help="What a label of the model is here; those left out mean nothing found. May be repeated.",
)
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    callback=_scores,
    metavar="LABEL=SCORE",
    help="A recommended threshold (default: 0.5). May be repeated.",
)
@click.option("--quantise", is_flag=True, help="Store int8: a quarter of the size; scores change a little.")
@click.option("--multi-label", is_flag=True, help="The model's labels are independent of each other.")
@click.option(
    "--max-tokens", type=click.IntRange(8, 8192), help="Read in windows of so many tokens (default: its own)."
)
@click.option("--licence", default="", help="The model's licence, for its card.")
@click.option("--replace", "replaces", is_flag=True, help="Replace a model of that name.")
@_DIRECTORY
@_JSON
def add(
    source: str | None,
    detector: str | None,
    preset: str | None,
    name: str,
    labels: Mapping[str, str],
    thresholds: Mapping[str, float],
    quantise: bool,
    multi_label: bool,
    max_tokens: int | None,
    licence: str,
    replaces: bool,
    as_json: bool,
) -> None:
    """Take over a Hugging Face model that classifies texts, or (for pii) tags words: from a folder or the hub.

    It is exported to ONNX, compared with the original, and from then on any policy may say `model: NAME`.
    It needs PyTorch and Transformers: pip install 'tidegate-sidecar[models]'.

    Example: tidegate models add ./my-classifier --detector injection --name my-model --quantise
    """
    from workbench.models.adding import Addition
    from workbench.models.adding import add as take_over

    known = PRESETS.get(preset or "")
    request = Addition(
        source=source or (known.hub if known else ""),
        detector=_detector(detector, known),
        name=name or preset or "",
        labels=labels or (known.labels if known else {}),
        thresholds={**(known.thresholds if known else {}), **thresholds},
        licence=licence or (known.licence if known else ""),
        max_tokens=max_tokens,
        is_multi_label=multi_label or (known is not None and known.is_multi_label),
        is_quantised=quantise,
        replaces=replaces,
    )
    if not request.source:
        raise click.UsageError("name a folder, a hub's id (owner/model), or a --preset")
    added = take_over(request, places().directories[0], lambda step: click.echo(f"{step} ...", err=True))
    if as_json:
        difference = {"largest_difference": added.largest_difference, "mean_difference": added.mean_difference}
        click.echo(json.dumps({"name": added.card.metadata.name, "folder": str(added.folder), **difference}))
        return
    click.echo(
        f"{added.folder}: scores within {added.largest_difference:.4f} of the original "
        f"({added.mean_difference:.4f} on average); a policy names it with  model: {added.card.metadata.name}"
    )


def _detector(stated: str | None, preset: Preset | None) -> str:
    if stated is None and preset is None:
        raise click.UsageError("say who reads the model: --detector, or a --preset")
    if stated is not None and preset is not None and stated != preset.detector:
        raise click.UsageError(f"the preset is for {preset.detector}, not for {stated}")
    return stated or (preset.detector if preset else "")
