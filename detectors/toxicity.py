"""Toxic language by the encoder's toxicity head: nine labels, each with its own calibrated score.

A segment is scored as it stands and, when it is disguised, in its normalised view too; per label the higher counts.
What comes later in a text is judged by a higher bar (`models.later`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from detectors.base import UNCHECKED, BatchItem, Params
from detectors.models.encoded import (
    detect_together,
    encoder_of,
    head_of,
    looks,
    read_only,
    reading_of,
    readings,
    unread,
    unread_labels,
)
from detectors.models.encoder import Encoder, Encoding
from detectors.models.exemplars import (
    EMBEDDING,
    ExemplarParams,
    Matcher,
    exemplar_params,
    known_labels,
    own_text,
    parts_with_exemplars,
    with_known,
)
from detectors.models.later import later_in
from detectors.parts import Member
from detectors.scores import BELOW_ONE, Point
from detectors.types import Finding, Look

HEAD = "toxicity"

_LEAST_SCORE = 0.01
"""Scores below this are not reported: no rule has such a threshold, and nine findings a segment would be noise."""


class Toxicity:
    """A segment classifier: one finding a label over the segment."""

    name: ClassVar[str] = "toxicity"
    params: ClassVar[type[Params]] = ExemplarParams
    summary: ClassVar[str] = "insults, threats, hate, obscenity, sexual content, self-harm and violence"

    look_behind = 160

    def __init__(self, encoder: Encoder, matcher: Matcher | None = None) -> None:
        self.encoder = encoder
        self._matcher = matcher
        self.heads: tuple[str, ...] = (HEAD,) if matcher is None else (HEAD, EMBEDDING)
        self.model = encoder.card.identity
        self._names = encoder.head(HEAD).labels
        self._later = later_in(encoder.card, self._names)
        self.labels = frozenset({*self._names, UNCHECKED}) | known_labels(matcher)

    @classmethod
    def labels_of(cls, params: Params) -> Mapping[str, float]:
        """The model's labels at the thresholds that its card recommends."""
        head = head_of(params, HEAD)
        return {label: head.thresholds.get(label, 0.5) for label in head.labels} | (
            unread_labels(params) | exemplar_params(params).known_labels()
        )

    @classmethod
    def highest(cls, params: Params) -> Mapping[str, float]:
        """Below 1, as every sigmoid is; text that was not read is certain."""
        return dict.fromkeys(cls.labels_of(params), BELOW_ONE) | unread_labels(params)

    @classmethod
    def points(cls, params: Params) -> Mapping[str, Sequence[Point]]:
        """What the model's card says of other thresholds."""
        return head_of(params, HEAD).points

    @classmethod
    def parts(cls, params: Params) -> Sequence[Member]:
        """Itself; the label of what was spared is another part, which no rule reads that does not name it."""
        return parts_with_exemplars(cls, params)

    @classmethod
    def build(cls, params: Params) -> Toxicity:
        """Load the model, if no other detector did. Raises `DetectorError`."""
        return cls(encoder_of(params), exemplar_params(params).matcher())

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        """Findings per segment, one for each label with a score worth telling."""
        return detect_together([(self, item) for item in items])

    def texts(self, item: BatchItem) -> Sequence[str]:
        """The segment with its context, its normalised view when it is disguised; alone, to compare with exemplars."""
        return readings(item) if self._matcher is None else (*readings(item), own_text(item))

    def looks(self, text: str) -> Sequence[Look]:
        """How it reads a segment beside as it is written."""
        return looks(text)

    def read(self, item: BatchItem, encodings: Sequence[Encoding]) -> list[Finding]:
        """What its head says of a segment, and what exemplars do."""
        if self._matcher is None:
            return self._scored(item, encodings)
        return with_known(item, self._scored(item, encodings[:-1]), self._matcher, encodings)

    def _scored(self, item: BatchItem, encodings: Sequence[Encoding]) -> list[Finding]:
        """Per label, the highest score of the segment's readings, by the bar for where it stands."""
        whole, encodings = encodings[0], read_only(encodings)
        if not encodings:
            return unread(item)
        each_reading = np.asarray([each.scores[HEAD] for each in encodings])
        best = each_reading.argmax(axis=0)
        scores = each_reading.max(axis=0)
        if item.is_later and self._later is not None:
            scores = self._later.lowered(scores)
        return [
            Finding(item.begin, len(item.text), label, float(score), reading_of(whole, encodings[number]))
            for label, score, number in zip(self._names, scores, best, strict=True)
            if score >= _LEAST_SCORE
        ]
