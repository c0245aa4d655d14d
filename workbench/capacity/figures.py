"""The measured figures that a plan rests on: each with its unit, its spread and where it comes from.

`figures.json` beside this module is written by `python -m benchmarks.capacity --figures` from `benchmarks/results`. A
caller may put another value in a figure's place, which then has no spread.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

FIGURES = Path(__file__).with_name("figures.json")

MOST = 1e12
"""What no figure is above in its unit: larger ones are slips, and leave no number to plan with."""
DIVISORS = frozenset(("partition_events", "segment_tokens"))


class FigureError(ValueError):
    """A figure that there is not, or a value that it cannot have. The text says what can be done."""


class Figure(msgspec.Struct, frozen=True):
    """One measured number. `low` and `high` are the least and the most that were measured; `low <= value <= high`."""

    value: float
    low: float
    high: float
    unit: str
    meaning: str
    source: str
    """A file of results and what was read of it, with the commit that was measured."""

    def at(self, end: str) -> float:
        """The value at one end of the spread: "low", "value" or "high"."""
        return {"low": self.low, "value": self.value, "high": self.high}[end]


Figures = Mapping[str, Figure]
"""By name."""


def measured(path: Path = FIGURES) -> dict[str, Figure]:
    """The figures that are shipped."""
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Figure])


def replaced(figures: Figures, name: str, value: float, *, source: str) -> dict[str, Figure]:
    """The same with another value, and no spread, in one place. Raises `FigureError`."""
    if name not in figures:
        raise FigureError(f"there is no figure {name!r}; those that there are: {', '.join(sorted(figures))}")
    if not 0 <= value <= MOST:
        raise FigureError(f"{name} is {value:g}, but it is a number of {figures[name].unit}: state 0 to {MOST:g}")
    if name in DIVISORS and value < 1:
        raise FigureError(f"{name} is {value:g}, but others are divided by it: state 1 to {MOST:g}")
    changed = msgspec.structs.replace(figures[name], value=value, low=value, high=value, source=source)
    return {**figures, name: changed}


def stated(figures: Figures, assignment: str) -> dict[str, Figure]:
    """The same with what `NAME=NUMBER` states. Raises `FigureError`."""
    name, _, number = assignment.partition("=")
    try:
        value = float(number)
    except ValueError:
        raise FigureError(f"{assignment!r} is not NAME=NUMBER, such as pass_us=150") from None
    return replaced(figures, name.strip(), value, source="stated with --figure")
