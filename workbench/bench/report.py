"""From samples to figures. Pure, but for what it says of the machine."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from detectors.models.threads import cpu_limit
from sidecar.version import tidegate_version
from workbench.bench.load import Samples
from workbench.bench.server import Counters, CpuSeconds

_PERCENTILES = (50, 95, 99)
_RESULTS = "benchmarks/results"
"""What one benchmark writes must not make the next one's commit look changed."""
_PACKAGES = ("grpcio", "protobuf", "onnxruntime", "tokenizers", "numpy", "uvloop")


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile: the smallest value that so many percent are not above; None of no values."""
    if not values:
        return None
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(0, int(rank) - 1)]


def spread(values: Sequence[float]) -> dict[str, float | None]:
    """How values are spread, and how many there are."""
    found = {f"p{percent}": _rounded(percentile(values, percent)) for percent in _PERCENTILES}
    return {**found, "count": len(values)}


def phase_figures(samples: Samples, cpu: CpuSeconds | None, memory_mib: float | None) -> dict[str, Any]:
    """What one phase of the load showed."""
    return {
        "seconds": round(samples.seconds, 2),
        "tokens": samples.tokens_sent,
        "tokens_per_second": round(samples.tokens_sent / samples.seconds, 1) if samples.seconds else None,
        "streams": dict(samples.outcomes),
        "time_to_first_token_ms": spread(samples.first_token_ms),
        "hold_ms": spread(samples.hold_ms),
        "stall_between_tokens_ms": spread(samples.stall_ms),
        "generator_lag_ms": spread(samples.lag_ms),
        "cpu_seconds_per_1000_tokens": cpu_figures(cpu, samples.tokens_sent),
        "memory_mib": _rounded(memory_mib),
    }


def cpu_figures(cpu: CpuSeconds | None, tokens: int) -> dict[str, float] | None:
    """The service's processor time for a thousand tokens, whole and by kind of thread."""
    if cpu is None or not tokens:
        return None
    kinds = {"total": cpu.total, "event_loop": cpu.event_loop, "grpc_threads": cpu.grpc, "worker_threads": cpu.workers}
    return {name: round(seconds * 1000 / tokens, 4) for name, seconds in kinds.items()}


def scheduler_figures(before: Counters, after: Counters) -> dict[str, Any]:
    """What the scheduler counted meanwhile."""
    grown = {key: value - before.get(key, 0.0) for key, value in after.items()}

    def total(name: str, **labels: str) -> float:
        return sum(
            value
            for (sample, own), value in grown.items()
            if sample == name and all((key, word) in own for key, word in labels.items())
        )

    batches = total("tidegate_scheduler_batch_items_count")
    segments = total("tidegate_scheduler_batch_items_sum")
    return {
        "batches": int(batches),
        "segments": int(segments),
        "segments_per_batch": _ratio(segments, batches),
        "tokens_per_batch": _ratio(total("tidegate_scheduler_batch_tokens_sum"), batches),
        "queue_ms_per_segment": _ratio(total("tidegate_scheduler_queue_seconds_sum") * 1000, segments),
        "tokenise_ms_per_batch": _ratio(total("tidegate_tokenise_seconds_sum") * 1000, batches),
        "inference_ms_per_batch": _ratio(total("tidegate_inference_seconds_sum") * 1000, batches),
        "cache_hits": int(total("tidegate_scheduler_cache_total", result="hit")),
        "shed": int(total("tidegate_detector_outcomes_total", outcome="shed")),
        "failed": int(total("tidegate_detector_outcomes_total", outcome="error")),
    }


def machine() -> dict[str, Any]:
    """Where this ran. The load says how busy the machine was with other things."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cpus": cpu_limit(),
        "load_average_1m": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """What ran."""
    found = {"python": platform.python_version(), "tidegate": tidegate_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """The checkout's commit, with `+` when files other than kept results differ from it; None outside of a checkout."""
    try:
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", f":!/{_RESULTS}")
        return _git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*words: str) -> str:
    told = subprocess.run(  # noqa: S603 - our own words
        ["git", *words],  # noqa: S607 - git, if any
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    return told.stdout.strip()


def ratios(guarded: Mapping[str, Any], passed: Mapping[str, Any]) -> dict[str, float | None]:
    """The guarded phase against the pass-through one, of the same run."""
    return {
        "added_time_to_first_token_p50_ms": _difference(guarded, passed, "time_to_first_token_ms", "p50"),
        "added_time_to_first_token_p99_ms": _difference(guarded, passed, "time_to_first_token_ms", "p99"),
        "added_delay_between_tokens_p50_ms": _difference(guarded, passed, "stall_between_tokens_ms", "p50"),
        "added_delay_between_tokens_p99_ms": _difference(guarded, passed, "stall_between_tokens_ms", "p99"),
        "added_hold_p99_ms": _difference(guarded, passed, "hold_ms", "p99"),
        "cpu_ratio": _ratio(_cpu(guarded), _cpu(passed)),
    }


def _difference(one: Mapping[str, Any], other: Mapping[str, Any], figure: str, percent: str) -> float | None:
    values = one[figure][percent], other[figure][percent]
    return None if None in values else round(values[0] - values[1], 2)


def _cpu(phase: Mapping[str, Any]) -> float | None:
    figures = phase["cpu_seconds_per_1000_tokens"]
    return None if figures is None else figures["total"]


def _ratio(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else round(one / other, 3)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
