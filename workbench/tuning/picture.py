"""A tuning as a picture: what labels say of each threshold, with intervals. Needs matplotlib: the extra `plots`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sidecar.errors import TidegateError
from workbench.preview.confusion import Share
from workbench.tuning.points import Point

_CURVES: dict[str, Callable[[Point], Share]] = {
    "precision": lambda point: point.precision,
    "known recall": lambda point: point.known_recall,
    "streams with a false alarm": lambda point: point.false_alarms,
}


def write_picture(path: Path, told: Sequence[Point], *, title: str, current: float, proposed: float | None) -> None:
    """Write a PNG. Raises `TidegateError` when matplotlib is not installed."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise TidegateError("pictures need matplotlib: install tidegate-sidecar[plots], or leave --png out") from error
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot(xlim=(0, 1), ylim=(0, 1.01), title=title, xlabel="threshold", ylabel="share")
    for name, share_of in _CURVES.items():
        _curve(axes, name, [(point.threshold, share) for point in told if (share := share_of(point)).value is not None])
    axes.axvspan(0, told[0].threshold if told else 0, color="grey", alpha=0.15, label="not recorded")
    axes.axvline(current, color="grey", linestyle="--", label=f"now: {current:g}")
    if proposed is not None:
        axes.axvline(proposed, color="black", label=f"proposed: {proposed:g}")
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize="small")
    FigureCanvasAgg(figure).print_figure(path, format="png", dpi=100, metadata={"Software": None})


def _curve(axes: Any, name: str, told: Sequence[tuple[float, Share]]) -> None:
    if not told:
        return
    thresholds = [threshold for threshold, _ in told]
    (line,) = axes.step(thresholds, [share.value for _, share in told], where="post", label=name)
    low, high = [share.low for _, share in told], [share.high for _, share in told]
    axes.fill_between(thresholds, low, high, step="post", alpha=0.15, color=line.get_color())
