"""`tidegate bench --plan`: its options, and what it prints."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, TypedDict, TypeVar

import click
import msgspec

from workbench.capacity.figures import FigureError, Figures, measured, stated
from workbench.capacity.model import Demand
from workbench.capacity.report import as_json as plan_as_json
from workbench.capacity.report import as_text

SIZES = (1_000, 100_000, 1_000_000)
"""The numbers of streams that are planned for where none is stated."""
MOST_OFFERED, MOST_PLANNED = 10_000, 1_000_000_000

Command = TypeVar("Command", bound=Callable[..., Any])


class Planned(TypedDict):
    """The values of the options below, as click hands them over."""

    plan: bool
    calibrate: bool
    headroom: float
    replica_cores: int
    app_streams: int
    answer_tokens: int
    sentence_tokens: int
    context_chars: int
    figures: tuple[str, ...]


_OF_PLANS = ("calibrate", "headroom", "replica_cores", "app_streams", "answer_tokens", "sentence_tokens",
             "context_chars", "figures")  # fmt: skip
_DEFAULTS = Demand(1)


def plan_options(command: Command) -> Command:
    """Add them to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


class Number(click.FloatRange):
    """A range of numbers, in which `nan` is not one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number. Fails as click's ranges do."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


_OPTIONS = (
    click.option("--plan", is_flag=True, help="Offer nothing; print cores, memory, replicas, events and partitions."),
    click.option("--calibrate", is_flag=True, help="With --plan: measure this machine's speed first, some seconds."),
    click.option(
        "--headroom",
        type=Number(0, 0.95),
        default=_DEFAULTS.headroom,
        show_default=True,
        help="With --plan: the share of each core left idle at the peak.",
    ),
    click.option(
        "--replica-cores",
        type=click.IntRange(1, 256),
        default=_DEFAULTS.replica_cores,
        show_default=True,
        help="With --plan: cores of a replica of the shared service, and of a model server.",
    ),
    click.option(
        "--app-streams",
        type=click.IntRange(1, 100_000),
        default=_DEFAULTS.app_streams,
        show_default=True,
        help="With --plan: streams of a replica of the application, which has a sidecar.",
    ),
    click.option(
        "--answer-tokens",
        type=click.IntRange(1, 1_000_000),
        default=_DEFAULTS.answer_tokens,
        show_default=True,
        help="With --plan: tokens of a stream from its beginning to its end.",
    ),
    click.option(
        "--sentence-tokens",
        type=click.IntRange(1, 1000),
        default=_DEFAULTS.sentence_tokens,
        show_default=True,
        help="With --plan and grounding: tokens of a sentence.",
    ),
    click.option(
        "--context-chars",
        type=click.IntRange(0, 10_000_000),
        default=_DEFAULTS.context_chars,
        show_default=True,
        help="With --plan and grounding: characters of the documents that a stream brings.",
    ),
    click.option(
        "--figure",
        "figures",
        multiple=True,
        metavar="NAME=NUMBER",
        help="With --plan: put this in the place of a measured figure; may be given again.",
    ),
)


def planned_text(demand: Demand, sizes: Sequence[int], planned: Planned, *, as_json: bool) -> str:
    """What is printed for so many streams each. Raises `UsageError` for a figure that there is not."""
    own = {name: planned[name] for name in _OF_PLANS if name not in ("calibrate", "figures")}  # type: ignore[literal-required]  # the names are those of the TypedDict
    demands = [msgspec.structs.replace(demand, streams=size, **own) for size in sizes]
    figures = _figures(planned)
    return json.dumps(plan_as_json(demands, figures), indent=2) if as_json else as_text(demands, figures)


def refuse_without_plan(planned: Planned, streams: int | None) -> None:
    """Raise `UsageError` for what only a plan can use."""
    context = click.get_current_context()
    given = [name for name in _OF_PLANS if context.get_parameter_source(name) is not _DEFAULT]
    if given:
        option = "figure" if given[0] == "figures" else given[0].replace("_", "-")
        raise click.UsageError(f"--{option} is for a plan: add --plan, or leave it out")
    if streams and streams > MOST_OFFERED:
        raise click.UsageError(
            f"a run offers at most {MOST_OFFERED:,} streams; add --plan to work out what {streams:,} need"
        )


_DEFAULT = click.core.ParameterSource.DEFAULT


def _figures(planned: Planned) -> Figures:
    figures: Figures = measured()
    if planned["calibrate"]:
        from workbench.capacity.calibration import calibrated  # loads ONNX Runtime, which only this option needs

        figures = calibrated(figures)
    try:
        for assignment in planned["figures"]:
            figures = stated(figures, assignment)
    except FigureError as error:
        raise click.UsageError(f"--figure: {error}") from None
    return figures
