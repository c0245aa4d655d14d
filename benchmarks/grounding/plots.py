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
    for key, label in (("sentence_ms", "as served"), ("all_ms", "all evidence"), ("whole_ms", "whole context")):
        points = [(each["documents"], each[key]) for each in figures["cost"] if each[key] is not None]
        cost.plot(*zip(*points, strict=True), "o-", label=label)
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
