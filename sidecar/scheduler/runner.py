"""Runs a batch through its detectors, on whatever thread calls it. Every ask gets its outcomes, whatever happens.

1. `prepare` tokenises, when the detectors share an encoder; it may be called while another batch runs.
2. `run` asks the detectors: one shared pass for all segments and detectors of an encoder.
3. When that fails, each segment is tried alone, and then each of its detectors, so that one poisonous text does not
   fail its neighbours. Not when the model itself cannot be had: then all fail at once.

What a detector raises is third-party text, and may quote what was checked: only the exception's type is logged.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import cast

import msgspec

from detectors.base import BatchDetector, BatchItem, ModelUnavailable
from detectors.models.encoded import EncodedDetector, SharedPass
from detectors.types import Finding
from sidecar.urgency import wanted_within
from sidecar.values import Failed, FailureKind

_log = logging.getLogger(__name__)

Reply = list[Finding] | Failed
"""Findings with offsets in the item's text, or how the detector failed."""


class Question(msgspec.Struct, frozen=True):
    """One segment and the detectors that are asked about it: one, or several of the same encoder."""

    item: BatchItem
    detectors: tuple[BatchDetector, ...]


class Job:
    """A batch on its way. Used by one thread at a time."""

    def __init__(self, questions: Sequence[Question], seconds: Callable[[], float] = time.perf_counter) -> None:
        """`seconds` is the time that the work is measured by."""
        self._questions = questions
        self._seconds = seconds
        self._work = [(detector, each.item) for each in questions for detector in each.detectors]
        self._pass: SharedPass | None = None
        self._failure: Exception | None = None
        self._is_prepared = False
        self.tokens = 0
        """Word pieces to encode, once that is known."""
        self.tokenise_seconds = 0.0
        self.inference_seconds = 0.0

    @property
    def took_ms(self) -> float:
        """How long its work took so far; the waits for a thread, and for the event loop, are not in it."""
        return (self.tokenise_seconds + self.inference_seconds) * 1000

    def prepare(self) -> None:
        """Tokenise. Raises nothing: what fails here counts as a failure of the run."""
        self._is_prepared = True
        began = self._seconds()
        try:
            if isinstance(self._work[0][0], EncodedDetector):  # then all are: they share its encoder
                self._pass = SharedPass(cast("list[tuple[EncodedDetector, BatchItem]]", self._work))
                self.tokens = self._pass.tokens
        except Exception as error:  # noqa: BLE001 - a detector is third-party code: its failure is an outcome
            self._failure = error
        self.tokenise_seconds = self._seconds() - began

    def run(self, wanted_seconds: float = math.inf) -> list[list[Reply]]:
        """An answer for each detector of each question, in order; nobody wants it later. Raises nothing."""
        if not self._is_prepared:
            self.prepare()
        began = self._seconds()
        with wanted_within(wanted_seconds):
            answers = self._answers()
        self.inference_seconds = self._seconds() - began
        return answers

    def _answers(self) -> list[list[Reply]]:
        try:
            found = iter(self._found())
        except ModelUnavailable as error:
            failed = self._failed(self._work[0][0], error)
            return [[failed for _ in each.detectors] for each in self._questions]
        except Exception as error:  # noqa: BLE001 - a detector is third-party code: its failure is an outcome
            return self._answers_apart(error)
        return [[next(found) for _ in each.detectors] for each in self._questions]

    def _answers_apart(self, error: Exception) -> list[list[Reply]]:
        """The answers when the batch failed as a whole: of each segment alone, or of each of its detectors alone."""
        if len(self._questions) > 1:
            return [Job([each]).run()[0] for each in self._questions]
        [question] = self._questions
        if len(question.detectors) > 1:
            return [[Job([Question(question.item, (each,))]).run()[0][0] for each in question.detectors]]
        return [[self._failed(question.detectors[0], error)]]

    @staticmethod
    def _failed(detector: BatchDetector, error: Exception) -> Failed:
        reason = type(error).__name__
        _log.warning("detector failed", extra={"detector": detector.name, "error": reason})
        return Failed(FailureKind.ERROR, reason)

    def _found(self) -> list[list[Finding]]:
        if self._failure is not None:
            raise self._failure
        if self._pass is not None:
            return self._pass.findings()
        found = self._work[0][0].detect([item for _, item in self._work])
        if len(found) != len(self._work):
            raise ValueError(f"{len(found)} answers for {len(self._work)} items")
        if not all(isinstance(each, Finding) for findings in found for each in findings):
            raise TypeError("not a finding")
        return found
