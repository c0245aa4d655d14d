"""Opens ONNX Runtime sessions the way a sidecar needs them.

* A pass takes one thread, or as many as are stated; "all" is the container's CPU limit (`cpu_limit`), not the host's.
* Spinning is off: a thread that spins for work burns the application's share of a small quota.
* One inter-op thread: the models are chains, there is nothing to run side by side.
* The products of int8 models are exact on every processor (`processor`), at full speed where weights are bounded.
* Providers are tried in the caller's order among those that this ONNX Runtime build has; the CPU is always the last.

A model may run elsewhere: whoever starts the process says so (`placed`) before models are loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from detectors.base import DetectorError
from detectors.models.processor import EXACT, adds_exactly
from detectors.models.runtime import PROVIDERS, Runtime
from detectors.models.threads import cpu_limit


class ModelSession(Protocol):
    """What runs a model. Thread-safe."""

    def run(self, outputs: list[str], inputs: Mapping[str, NDArray[np.int64]]) -> list[NDArray[Any]]:
        """The outputs of that name for a batch; inputs have shape (rows, tokens). Raises `ModelUnavailable`."""
        ...


Placement = Callable[[Callable[[], ModelSession]], ModelSession]
"""Where a model runs: is given how to load it here, and returns what runs it."""

_placements: dict[Path, Placement] = {}
"""By the model's folder. Set once in the life of a process, by `placed`."""


@contextmanager
def placed(placements: Mapping[Path, Placement]) -> Iterator[None]:
    """Have the models of these folders run where their placements say, as long as the context lasts."""
    _placements.update(placements)
    try:
        yield
    finally:
        for folder in placements:
            del _placements[folder]


def placement_of(folder: Path) -> Placement | None:
    """Where the model of that folder runs; None: here."""
    return _placements.get(folder)


def open_session(path: Path, runtime: Runtime | None = None, *, is_bounded: bool = False) -> ModelSession:
    """What runs a model file; `is_bounded` as its card says. Raises `DetectorError` when it is no model.

    Raises it also when none of the stated providers is there.
    """
    placement = placement_of(path.parent)
    if placement is None:
        return _load(path, runtime, is_bounded=is_bounded)
    return placement(lambda: _load(path, runtime, is_bounded=is_bounded))


def _load(path: Path, runtime: Runtime | None, *, is_bounded: bool) -> ModelSession:
    chosen = runtime or Runtime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = chosen.threads or cpu_limit()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry(EXACT, "0" if is_bounded or adds_exactly() else "1")
    options.log_severity_level = 3
    try:
        session: ModelSession = ort.InferenceSession(str(path), options, providers=_available(chosen.providers))
    except Exception as error:
        raise DetectorError(f"{path.parent.name}: {path.name} cannot be loaded as an ONNX model") from error
    return session


def _available(names: Sequence[str]) -> list[str]:
    unknown = [name for name in names if name not in PROVIDERS]
    if unknown:
        raise DetectorError(f"unknown provider {unknown[0]!r}: use one of {', '.join(PROVIDERS)}")
    present = ort.get_available_providers()
    usable = [PROVIDERS[name] for name in names if PROVIDERS[name] in present]
    if not usable:
        raise DetectorError(f"none of the providers {', '.join(names)} is in this build of ONNX Runtime")
    return usable if "CPUExecutionProvider" in usable else [*usable, "CPUExecutionProvider"]
