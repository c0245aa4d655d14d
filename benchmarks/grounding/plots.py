"""The curves of the benchmark as a picture, where matplotlib is installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.results import RESULTS


def draw(figures: Mapping[str, Any]) -> str:
    """Write `results/grounding.png`; returns a line that says so, or why not."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return "not drawn: matplotlib is not installed (the extra `report`)"
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    quality, cost = figure.subplots(1, 2)
    for name, each in figures["buried"].items():
        points = each["points"]
        quality.plot([point["documents"] for point in points], [point["auc"] for point in points], "o-", label=name)
    sizes = [each["documents"] for each in figures["cost"]]
    ours = [each["choose_ms"] + each["checks_ms"] + each["model_ms"] for each in figures["cost"]]
    cost.plot(sizes, ours, "o-", label="evidence chosen")
    cost.plot(sizes, [each["whole_ms"] for each in figures["cost"]], "o-", label="whole context")
    for axes, title, unit in (
        (quality, "Evidence among unrelated documents", "AUC"),
        (cost, "One sentence", "processor ms"),
    ):
        axes.set(xscale="log", xlabel="documents", ylabel=unit, title=title)
        axes.grid(alpha=0.3)
        axes.legend()
    cost.set_yscale("log")
    FigureCanvasAgg(figure)
    figure.savefig(RESULTS / "grounding.png", dpi=110)
    return "written: benchmarks/results/grounding.png"
