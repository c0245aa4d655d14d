"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import click

from sidecar.policy.facts import StreamFacts
from sidecar.tracking import Run, TrackingError, flat, log_run, place_of
from sidecar.values import Direction, Part

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
PART = click.option(
    "--part",
    type=click.Choice([each.value for each in Part]),
    default=None,
    help="Whose words the text is (default: the model's for an output, the user's for an input).",
)
CONTEXTS = click.option(
    "--context",
    "contexts",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="A file that an answer should rest on; may be repeated. Its name without the ending is its id.",
)


def _target(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Where runs are logged, refused before anything runs. Raises `click.BadParameter`."""
    try:
        return value if value is None else place_of(value)
    except TrackingError as error:
        raise click.BadParameter(str(error)) from None


LOG = click.option(
    "--log",
    callback=_target,
    metavar="mlflow:URL[#EXPERIMENT]",
    help="Log the run to this MLflow server: parameters and figures (experiment: tidegate).",
)


def logged(to: str | None, name: str, params: Mapping[str, object], figures: Mapping[str, Any]) -> None:
    """Log a run where `--log` says, if it does; where it can be seen goes to stderr. Raises `TrackingError`."""
    if to is not None:
        given = {key: value for key, value in params.items() if value is not None}
        click.echo(f"logged: {log_run(to, Run(name, given, dict(flat(figures))))}", err=True)


def pairs(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> Mapping[str, str]:
    """What an option of pairs says. Raises `click.BadParameter`."""
    found = {}
    for value in values:
        name, equals, of = value.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{value!r} is no pair: write NAME=VALUE")
        if name in found:
            raise click.BadParameter(f"{name!r} is given twice")
        found[name] = of
    return found


FACTS = ("labels", "attributes", "tenant", "model", "route", "prompt_version", "language")
"""The options of `facts_options`, beside the direction."""


def facts_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what policies match on, and hand the command its `direction` and `facts`."""

    @click.option(
        "--direction",
        type=click.Choice([each.value for each in Direction]),
        default=Direction.OUTPUT.value,
        show_default=True,
        help="Which half of an exchange the text belongs to.",
    )
    @click.option(
        "--label",
        "labels",
        metavar="NAME=VALUE",
        multiple=True,
        callback=pairs,
        help="A label of the stream, by which policies match; may be repeated. `mesh.identity` is who calls.",
    )
    @click.option(
        "--attribute",
        "attributes",
        metavar="NAME=VALUE",
        multiple=True,
        callback=pairs,
        help="An attribute of the stream; may be repeated.",
    )
    @click.option("--tenant", default="", help="The stream's tenant.")
    @click.option("--model", default="", help="The model that the application asks.")
    @click.option("--route", default="", help="The route that the exchange took.")
    @click.option("--prompt-version", default="", help="The version of the application's prompt.")
    @click.option("--language", default="", help="The reader's language, as `stream.language` has it: `de`.")
    @wraps(command)
    def wrapped(*args: Any, direction: str, **kwargs: Any) -> None:
        facts = StreamFacts(Direction(direction), **{name: kwargs.pop(name) for name in FACTS})
        command(*args, direction=facts.direction, facts=facts, **kwargs)

    return wrapped
