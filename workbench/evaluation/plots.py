"""Plots of an evaluation as PNG: ROC, precision and recall, reliability; a line for each label.

Needs matplotlib, which the service does not: the extra `plots`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sidecar.errors import TidegateError
from workbench.evaluation.metrics import Scores, Truth, auc, auprc, reliability

Curves = Mapping[str, tuple[Scores, Truth]]

MISSING = "plots need matplotlib: install tidegate-sidecar[plots], or leave --report out"


def write_plots(folder: Path, name: str, curves: Curves) -> list[Path]:
    """Write `NAME-roc.png`, `NAME-pr.png` and `NAME-reliability.png`; nothing for labels that have only one class.

    Raises `TidegateError` when matplotlib is not installed and there is something to plot.
    """
    both = {label: (scores, truth) for label, (scores, truth) in curves.items() if truth.any() and not truth.all()}
    if not both:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder / f"{name}-{kind}.png", draw, both) for kind, draw in _KINDS.items()]


def _write(path: Path, draw: Callable[[Any, Curves], None], curves: Curves) -> Path:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise TidegateError(MISSING) from error
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.add_subplot(xlim=(0, 1), ylim=(0, 1.01), title=path.stem)
    draw(axes, curves)
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize="small")
    FigureCanvasAgg(figure).print_figure(path, dpi=100, metadata={"Software": None})
    return path


def _roc(axes: Any, curves: Curves) -> None:
    axes.set(xlabel="false positive rate", ylabel="recall")
    for label, (scores, truth) in curves.items():
        right, wrong = _taken(scores, truth)
        axes.plot([0, *wrong / (~truth).sum()], [0, *right / truth.sum()], label=f"{label} ({auc(scores, truth):.3f})")


def _precision_recall(axes: Any, curves: Curves) -> None:
    axes.set(xlabel="recall", ylabel="precision")
    for label, (scores, truth) in curves.items():
        right, wrong = _taken(scores, truth)
        axes.plot(right / truth.sum(), right / (right + wrong), label=f"{label} ({auprc(scores, truth):.3f})")


def _reliability(axes: Any, curves: Curves) -> None:
    axes.set(xlabel="score", ylabel="share of positives")
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    for label, (scores, truth) in curves.items():
        mean, share, _ = zip(*reliability(scores, truth), strict=True)
        axes.plot(mean, share, marker="o", markersize=3, label=label)


def _taken(scores: Scores, truth: Truth) -> tuple[Scores, Scores]:
    """Positives and negatives at each distinct score or above, from the highest down."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    right = np.cumsum(truth[order])[last].astype(np.float64)
    return right, last + 1.0 - right


_KINDS: Mapping[str, Callable[[Any, Curves], None]] = {
    "roc": _roc,
    "pr": _precision_recall,
    "reliability": _reliability,
}
