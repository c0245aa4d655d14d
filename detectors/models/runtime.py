"""How models run: a plain value that settings can speak of without loading ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
"""ONNX Runtime's names of what models run on."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """How models run. `threads` 0: the container's CPU limit. Of the providers, the first that is there is used."""

    threads: int = 1
    providers: tuple[str, ...] = ("cpu",)
