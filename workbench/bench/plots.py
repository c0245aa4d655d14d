"""The figures of a run as pictures: how delays are spread, and where the processor time goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.bench.load import Samples
from workbench.bench.run import Measured

_DELAYS: dict[str, Callable[[Samples], Sequence[float]]] = {
    "time to first token": lambda samples: samples.first_token_ms,
    "hold of a token": lambda samples: samples.hold_ms,
    "stall between tokens": lambda samples: samples.stall_ms,
}
_LEAST_MS = 0.1


def write_plots(folder: Path, measured: Measured) -> list[Path]:
    """Write `delays.png` and, where the processor time is known, `costs.png`; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [_save(_delays(measured), folder / "delays.png")]
    if measured.result["cpu_split_seconds_per_1000_tokens"] is not None:
        written.append(_save(_costs(measured), folder / "costs.png"))
    return written


def _delays(measured: Measured) -> Figure:
    figure = Figure(figsize=(12, 4), layout="constrained")
    for axes, (name, values_of) in zip(figure.subplots(1, len(_DELAYS)), _DELAYS.items(), strict=True):
        for phase, samples in measured.samples.items():
            _cumulative(axes, sorted(max(_LEAST_MS, each) for each in values_of(samples)), phase.replace("_", " "))
        axes.set(title=name, xlabel="ms", xscale="log", ylim=(0, 1))
        axes.grid(visible=True, alpha=0.3)
        axes.legend(loc="lower right")
    return figure


def _cumulative(axes: Axes, values: Sequence[float], label: str) -> None:
    """The share of values up to each one."""
    axes.plot(values, [(rank + 1) / len(values) for rank in range(len(values))], label=label)


def _costs(measured: Measured) -> Figure:
    """The parts of a guarded token's cost, stacked, beside the bare pass and the pass-through policy."""
    result = measured.result
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    left = 0.0
    for part, seconds in result["cpu_split_seconds_per_1000_tokens"].items():
        axes.barh("guarded", seconds, left=left, label=part.replace("_", " "))
        left += seconds
    through = result["pass_through"]["cpu_seconds_per_1000_tokens"]["total"]
    axes.barh("pass-through", through, color="lightgrey")
    axes.barh("bare encoder", result["bare_encoder_cpu_seconds_per_1000_tokens"] or 0.0, color="grey")
    axes.set(xlabel="CPU seconds for 1,000 tokens")
    axes.legend(loc="lower right", fontsize="small")
    return figure


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path, dpi=110)
    return path
