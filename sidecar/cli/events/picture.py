"""Counts of events as a picture; needs matplotlib, the package extra `plots`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_WIDTH, _HEIGHT, _DPI = 10.0, 5.0, 120
_LONGEST = 40
"""How much of a value stands beside its bar."""


def draw(title: str, names: Sequence[str], stretches: Mapping[str, Mapping[str, int]], path: Path) -> None:
    """Draw counts: a bar for each name, or, where stretches of time are given, stacked bars over time."""
    figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    if "" in stretches or not stretches:
        _bars(axes, names, stretches.get("", {}))
    else:
        _over_time(axes, names, stretches)
    axes.set_title(f"Events by {title}".replace("$", r"\$"))
    figure.savefig(path, format="png")


def _bars(axes: Axes, names: Sequence[str], counts: Mapping[str, int]) -> None:
    axes.barh(range(len(names)), [counts.get(name, 0) for name in names])
    axes.set_yticks(range(len(names)), [_label(name) for name in names])
    axes.invert_yaxis()
    axes.set_xlabel("events")


def _over_time(axes: Axes, names: Sequence[str], stretches: Mapping[str, Mapping[str, int]]) -> None:
    times = [datetime.fromisoformat(begin).timestamp() / 86_400 for begin in stretches]  # matplotlib counts days
    width = times[1] - times[0] if len(times) > 1 else 1 / 24
    base = [0] * len(times)
    for name in names:
        heights = [each.get(name, 0) for each in stretches.values()]
        axes.bar(times, heights, width, bottom=base, align="edge", label=_label(name))
        base = [below + height for below, height in zip(base, heights, strict=True)]
    axes.xaxis_date()
    axes.set_ylabel("events")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small")


def _label(name: str) -> str:
    """A value beside its bar: not too long, and no formula."""
    short = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}\u2026"
    return short.replace("$", r"\$")
