"""Opens ONNX Runtime sessions the way a sidecar needs them.

* Threads come from the container's CPU limit (`cpu_limit`), not from the host.
* Spinning is off: a thread that spins for work burns the application's share of a small quota.
* One inter-op thread: the models are chains, there is nothing to run side by side.
* Providers are tried in the caller's order among those that this ONNX Runtime build has; the CPU is always the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnxruntime as ort

from detectors.base import DetectorError
from detectors.onnx.threads import cpu_limit

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}


@dataclass(frozen=True, slots=True)
class Runtime:
    """How models run. `threads` 0 means the container's CPU limit."""

    threads: int = 0
    providers: tuple[str, ...] = ("cpu",)


def open_session(path: Path, runtime: Runtime | None = None) -> ort.InferenceSession:
    """Load a model file. Raises `DetectorError` when it is no model, or no stated provider is there."""
    chosen = runtime or Runtime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = chosen.threads or cpu_limit()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(path), options, providers=_available(chosen.providers))
    except Exception as error:
        raise DetectorError(f"{path.parent.name}: {path.name} cannot be loaded as an ONNX model") from error


def _available(names: Sequence[str]) -> list[str]:
    unknown = [name for name in names if name not in _PROVIDERS]
    if unknown:
        raise DetectorError(f"unknown provider {unknown[0]!r}: use one of {', '.join(_PROVIDERS)}")
    present = ort.get_available_providers()
    usable = [_PROVIDERS[name] for name in names if _PROVIDERS[name] in present]
    if not usable:
        raise DetectorError(f"none of the providers {', '.join(names)} is in this build of ONNX Runtime")
    return usable if "CPUExecutionProvider" in usable else [*usable, "CPUExecutionProvider"]
