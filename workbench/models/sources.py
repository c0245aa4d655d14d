"""Where a model comes from: a folder, or the Hugging Face hub. A hub that does not answer is an error, never a wait."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sidecar.errors import ModelError

_T = TypeVar("_T")

_ANSWER_SECONDS = 20.0
"""How long the hub may take to say what files a model has. A name server that is silent knows no other limit."""
_READ_SECONDS = "20"

INSTALL = "pip install 'tidegate-sidecar[models]'"


class Missing(ModelError):  # noqa: N818 - it is what it says
    """A package is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"taking a model over needs {package}, which is not installed: {INSTALL} "
            "(or `make models-env` in a checkout); running models needs none of it"
        )


def folder_of(source: str) -> Path:
    """The folder with the model's files: `source` itself, or what the hub has under that id, in the hub's cache.

    Raises `ModelError`: there is no such folder and it is no id either; the hub does not answer, does not know the
    model, or does not give it to you.
    """
    path = Path(source)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(f"{source} holds no Hugging Face model: config.json is not there")
        return path
    if source.count("/") != 1 or source.startswith(("/", ".", "~")):
        raise ModelError(f"there is no folder {source}, and it is no id of a hub such as owner/model")
    return _from_hub(source)


def _from_hub(source: str) -> Path:
    os.environ.setdefault("HF_HUB_DOWNLOAD_TIMEOUT", _READ_SECONDS)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import huggingface_hub as hub
        from huggingface_hub import constants
    except ImportError:
        raise Missing("huggingface_hub") from None
    try:
        cached = hub.snapshot_download(source, local_files_only=True, allow_patterns=["config.json"])
        if constants.HF_HUB_OFFLINE:
            return Path(cached)
    except Exception as error:
        if constants.HF_HUB_OFFLINE:
            raise ModelError(f"{source} is not in the hub's cache, and HF_HUB_OFFLINE is set") from error
    try:
        info = _within(_ANSWER_SECONDS, lambda: hub.HfApi().model_info(source, timeout=_ANSWER_SECONDS))
        return Path(hub.snapshot_download(source, revision=info.sha, allow_patterns=_wanted(info)))
    except Exception as error:
        raise ModelError(f"{source}: {_reason(error)}") from error


def _wanted(info: Any) -> list[str]:
    """The files to fetch: weights once, as safetensors where there are such."""
    names = [each.rfilename for each in info.siblings]
    is_safe = any(name.endswith(".safetensors") and "/" not in name for name in names)
    return ["*.json", "*.txt", "*.model", "*.safetensors" if is_safe else "*.bin"]


def _within(seconds: float, ask: Callable[[], _T]) -> _T:
    """The answer, or `TimeoutError`; the thread that still waits does not keep the process."""
    answers: list[_T] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            answers.append(ask())
        except Exception as error:  # noqa: BLE001 - it is raised in the caller's thread
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not answers:
        raise TimeoutError
    return answers[0]


def _reason(error: Exception) -> str:
    """Why the hub gave nothing, by the name of its error: its classes move from version to version."""
    kinds = {each.__name__ for each in type(error).__mro__}
    if "GatedRepoError" in kinds:
        return "the hub gives this model to those only who asked for it: ask on its page, and set HF_TOKEN"
    if "RepositoryNotFoundError" in kinds:
        return "the hub knows no such model, or it is private (set HF_TOKEN)"
    if kinds & {"TimeoutError", "ConnectError", "ConnectTimeout", "ReadTimeout", "ConnectionError", "NetworkError"}:
        return "the hub cannot be reached; give a folder with the model's files instead"
    return f"the hub did not give it ({type(error).__name__})"
