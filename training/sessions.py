"""ONNX Runtime sessions for training and its tests: on the CPU, with the int8 products that the service has."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from detectors.models.processor import EXACT, adds_exactly


def cpu_session(model: Path | bytes, *, threads: int = 0) -> onnxruntime.InferenceSession:
    """What runs a model file, or a serialised model, on `threads` (0: as many as there are cores)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry(EXACT, "0" if adds_exactly() else "1")
    source = str(model) if isinstance(model, Path) else model
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
