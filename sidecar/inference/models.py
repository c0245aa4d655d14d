"""The models that run on the inference server: looked for at the start, then placed where the detectors load models."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from detectors.base import DetectorError
from detectors.models.card import Card, read_card
from detectors.models.encoded import model_folder
from detectors.models.session import ModelSession, Placement, placed
from sidecar.config import Inference
from sidecar.errors import ConfigError, ModelError
from sidecar.inference.client import InferenceClient, connect
from sidecar.inference.session import RemoteModel, ServerUnreachable
from sidecar.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)

_CHECK_SECONDS = 5.0
_RETRY_SECONDS = 1.0


class RemoteModels:
    """One connection, one `RemoteModel` for each model of the settings. `start` and `stop` are called by its owner."""

    def __init__(self, settings: Inference, *, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._client: InferenceClient | None = None
        self._models: dict[Path, RemoteModel] = {}

    async def start(self, report: Callable[[str], None]) -> None:
        """Return when every model was found on the server and is what its card says; until then, `report` why not.

        A server that cannot be reached is not waited for where the local models may stand in. Raises `ConfigError`
        when the settings cannot be used.
        """
        self._client = connect(self._settings)
        for local, remote in self._settings.models.items():
            folder, card = _model(local)
            self._models[folder] = RemoteModel(
                card, remote, client=self._client, settings=self._settings, metrics=self._metrics
            )
        for model in self._models.values():
            await self._find(model, report)

    async def stop(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()

    @contextmanager
    def placed(self) -> Iterator[None]:
        """Have the detectors' models run on the server while the context lasts."""
        with placed({folder: self._placement(model) for folder, model in self._models.items()}):
            yield

    async def _find(self, model: RemoteModel, report: Callable[[str], None]) -> None:
        told = ""
        while True:
            try:
                return await asyncio.to_thread(model.check, _CHECK_SECONDS)
            except ServerUnreachable as error:
                if self._settings.fallback == "local":
                    _log.warning("begin without the inference server", extra={"error": str(error)})
                    return model.give_up()
                problem = str(error)
            except ModelError as error:
                problem = str(error)
            report(problem)
            if problem != told:
                _log.warning("waiting for the inference server", extra={"error": problem})
            told = problem
            await asyncio.sleep(_RETRY_SECONDS)

    def _placement(self, model: RemoteModel) -> Placement:
        def place(load: Callable[[], ModelSession]) -> ModelSession:
            if self._settings.fallback == "local":
                model.local = load()
            return model

        return place


def _model(name: str) -> tuple[Path, Card]:
    """The model's folder and its card, from the name that policies use."""
    try:
        folder = model_folder(name)
        return folder, read_card(folder)
    except DetectorError as error:
        raise ConfigError(str(error), path="inference.models") from None
