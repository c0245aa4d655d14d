"""Runs a model on an inference server. To the encoder it is a session like ONNX Runtime's.

1. A call that the circuit breaker admits is sent, for at most `timeout_ms`, and no longer than its answer is of use.
2. A model that the server was not asked about yet, because it could not be reached at the start, is asked about first.
3. Without an answer the local model reads the batch, if it is to; else the batch fails, and each rule's `on_error` says
   what follows.

A call that was given much less time than `timeout_ms` and ran out of it says nothing of the server: it is not counted.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from threading import Lock

import grpc
import numpy as np
from numpy.typing import NDArray

from detectors.base import ModelUnavailable
from detectors.models.card import Card
from detectors.models.session import ModelSession
from sidecar.config import Inference
from sidecar.errors import ModelError
from sidecar.inference.breaker import Breaker, BreakerState
from sidecar.inference.client import BadAnswer, InferenceClient, Tensor
from sidecar.inference.contract import mismatch
from sidecar.telemetry.metrics import Metrics
from sidecar.urgency import seconds_left

_log = logging.getLogger(__name__)

_TELLING = 0.25
"""A call that had this part of `timeout_ms` and got no answer counts as a failure of the server."""
_KEPT_FOR_LOCAL = 0.5
"""The part of the time that is left which the local model may need."""


class RemoteModel:
    """One model of the server. `check` and `run` block; both may be called from several threads."""

    def __init__(
        self, card: Card, name: str, *, client: InferenceClient, settings: Inference, metrics: Metrics
    ) -> None:
        self._card = card
        self._name = name
        self._client = client
        self._seconds = settings.timeout_ms / 1000
        self._target = settings.target
        self._breaker = Breaker(failures=settings.breaker.failures, open_seconds=settings.breaker.open_seconds)
        self._lock = Lock()
        self._metrics = metrics.remote(card.metadata.name, is_open=lambda: self.state is not BreakerState.CLOSED)
        self._is_checked = False
        self.local: ModelSession | None = None
        """What runs a batch that the server did not answer."""

    @property
    def state(self) -> BreakerState:
        """How its circuit breaker stands."""
        return self._breaker.state(time.monotonic())

    def check(self, seconds: float) -> None:
        """Ask the server about the model. Raises `ModelError` when it is not there, not ready or another one.

        Raises `ServerUnreachable` when the server does not answer.
        """
        try:
            if not self._client.is_ready(self._name, seconds=seconds):
                raise self._wrong("is not ready")
            metadata = self._client.metadata(self._name, seconds=seconds)
        except grpc.RpcError as error:
            if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise ServerUnreachable(f"the inference server {self._target} does not answer") from None
            raise self._wrong(f"cannot be asked about ({error.code().name})") from None
        if difference := mismatch(self._card, metadata):
            raise self._wrong(f"is not what its card says: {difference}")
        self._is_checked = True

    def give_up(self) -> None:
        """Begin without the server: it is tried again when the breaker lets a call through."""
        self._breaker.open(time.monotonic())

    def run(self, outputs: list[str], inputs: Mapping[str, NDArray[np.int64]]) -> list[Tensor]:
        """The outputs for a batch, from the server or from the local model. Raises `ModelUnavailable`."""
        try:
            answer = self._ask(outputs, inputs)
        except ModelUnavailable:
            if self.local is None:
                self._metrics.failed.inc()
                raise
            self._metrics.local.inc()
            return self.local.run(outputs, inputs)
        self._metrics.answered.inc()
        return answer

    def _ask(self, outputs: list[str], inputs: Mapping[str, NDArray[np.int64]]) -> list[Tensor]:
        left = seconds_left() * (1.0 if self.local is None else _KEPT_FOR_LOCAL)
        seconds = min(self._seconds, left)
        if seconds <= 0 or not self._admits():
            raise ModelUnavailable(f"the inference server {self._target} is not asked just now")
        try:
            if not self._is_checked:
                self.check(seconds)
            answer = self._client.infer(self._name, inputs, outputs, seconds=seconds)
        except (grpc.RpcError, BadAnswer, ModelError) as error:
            self._failed(error, is_telling=seconds >= self._seconds * _TELLING)
            raise ModelUnavailable(f"the inference server {self._target} gave no answer") from None
        except BaseException:
            self._abandon()
            raise
        self._succeeded()
        return answer

    def _admits(self) -> bool:
        with self._lock:
            return self._breaker.admits(time.monotonic())

    def _abandon(self) -> None:
        with self._lock:
            self._breaker.abandoned()

    def _succeeded(self) -> None:
        with self._lock:
            was = self.state
            self._breaker.succeeded()
        if was is not BreakerState.CLOSED:
            _log.info("the inference server answers again", extra={"model": self._card.identity})

    def _failed(self, error: Exception, *, is_telling: bool) -> None:
        if not is_telling and isinstance(error, grpc.RpcError) and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            self._abandon()
            return
        with self._lock:
            was = self.state
            self._breaker.failed(time.monotonic())
            now = self.state
        if was is BreakerState.CLOSED and now is BreakerState.OPEN:
            _log.warning(
                "the inference server is left alone for a while",
                extra={"model": self._card.identity, "server": self._target, "error": _reason(error)},
            )

    def _wrong(self, what: str) -> ModelError:
        return ModelError(f"model {self._name} on the inference server {self._target} {what}")


class ServerUnreachable(ModelError):  # noqa: N818 - it is what it says
    """The inference server does not answer."""


def _reason(error: Exception) -> str:
    """What is wrong, without words of the server: they may quote what was checked."""
    return error.code().name if isinstance(error, grpc.RpcError) else str(error)
