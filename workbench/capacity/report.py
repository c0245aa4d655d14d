"""A plan as a table, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from workbench.capacity.figures import Figure, Figures
from workbench.capacity.model import Capacity, Demand, capacity

ENDS = ("low", "value", "high")
_HEAD = ("streams", "form", "replicas", "processes", "model servers", "cores", "least to most", "memory GiB",
         "events/s", "partitions")  # fmt: skip
_FIGURES_HEAD = ("figure", "value", "least to most", "unit", "what", "source")
_EXACT = 100
"""Below it a number is shown with a decimal."""


def as_text(demands: Sequence[Demand], figures: Figures) -> str:
    """What was asked, what it needs, and the figures behind it, as Markdown."""
    rows = [row for demand in demands for row in _rows(demand, figures)]
    return "\n\n".join([_asked(demands[0]), table(_HEAD, rows), table(_FIGURES_HEAD, _figure_rows(figures))])


def as_json(demands: Sequence[Demand], figures: Figures) -> dict[str, Any]:
    """The same for a program: for each demand the plan at each end of the figures' spread."""
    plans = [{end: msgspec.to_builtins(capacity(demand, figures, end)) for end in ENDS} for demand in demands]
    for plan in plans:
        demand = plan["value"]["demand"]
        for end in ENDS:
            del plan[end]["demand"]
        plan["demand"] = demand
    return {"plans": plans, "figures": {name: msgspec.to_builtins(each) for name, each in figures.items()}}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))


def _asked(demand: Demand) -> str:
    return "; ".join(
        [
            f"Profile {demand.profile}: {demand.tokens_per_second:g} tokens/s a stream",
            f"{demand.tokens_per_message} a message",
            f"answers of {demand.answer_tokens} tokens, {demand.violating:.0%} violate",
            f"{demand.headroom:.0%} of each core left idle",
            f"{demand.app_streams} streams a replica of the application",
            f"{demand.replica_cores} cores a replica of the shared service and a model server.",
        ]
    )


def _rows(demand: Demand, figures: Figures) -> list[list[str]]:
    plans = {end: capacity(demand, figures, end) for end in ENDS}
    return [_row(demand, plans, number) for number in range(len(plans["value"].needs))]


def _row(demand: Demand, plans: dict[str, Capacity], number: int) -> list[str]:
    least, likely, most = (plans[end].needs[number] for end in ENDS)
    return [
        f"{demand.streams:,}",
        likely.form,
        f"{likely.replicas:,}",
        f"{likely.processes:,}",
        f"{likely.model_replicas:,}" if likely.model_replicas else "-",
        shown(likely.cores),
        f"{shown(least.cores)} to {shown(most.cores)}",
        shown(likely.memory_gib),
        shown(plans["value"].events_per_second),
        f"{plans['value'].partitions:,}",
    ]


def _figure_rows(figures: Figures) -> list[list[str]]:
    return [
        [name, _number(each.value), _spread(each), each.unit, each.meaning, each.source]
        for name, each in figures.items()
    ]


def _spread(figure: Figure) -> str:
    return "-" if figure.low == figure.high else f"{_number(figure.low)} to {_number(figure.high)}"


def _number(value: float) -> str:
    return f"{value:.4g}"


def shown(value: float) -> str:
    """A number for people: two digits where it is small, none behind the point where it is large."""
    return f"{value:,.0f}" if value >= _EXACT else f"{value:.1f}"
