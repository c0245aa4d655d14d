"""Prompt injection, prompt extraction and jailbreaks, by the encoder's injection head.

A segment is scored as it stands and, when it is disguised, in its normalised view too; the higher score counts. What is
found in the user's, the system's or the model's words is `injection`; in retrieved context or a tool's result, where no
instruction belongs, it is `indirect_injection`, and a rule may set it another threshold. A document is scored segment
by segment, so an attack in one sentence of it is not diluted by the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from detectors.base import BatchItem, Params
from detectors.encoded import ModelParams, detect_together, encoder_of, head_of, readings
from detectors.encoder import Encoder, Encoding
from detectors.types import Finding

HEAD = "injection"
DIRECT, INDIRECT = "injection", "indirect_injection"

_FOREIGN_PARTS = frozenset({"context", "tool_result"})


class Injection:
    """A segment classifier: one finding over the segment, with the score as the model gives it."""

    name: ClassVar[str] = "injection"
    params: ClassVar[type[Params]] = ModelParams
    summary: ClassVar[str] = "prompt injection, prompt extraction and jailbreaks, also hidden in documents"

    labels = frozenset({DIRECT, INDIRECT})
    look_behind = 160
    heads: tuple[str, ...] = (HEAD,)

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.model = encoder.card.identity

    @classmethod
    def labels_of(cls, params: Params) -> Mapping[str, float]:
        """Both labels, at the threshold that the model's card recommends."""
        thresholds = head_of(params, HEAD).thresholds
        direct = thresholds.get(DIRECT, 0.5)
        return {DIRECT: direct, INDIRECT: thresholds.get(INDIRECT, direct)}

    @classmethod
    def build(cls, params: Params) -> Injection:
        """Load the model, if no other detector did. Raises `DetectorError`."""
        return cls(encoder_of(params))

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        """One finding a segment."""
        return detect_together([(self, item) for item in items])

    def texts(self, item: BatchItem) -> Sequence[str]:
        """The segment with its context, and its normalised view when it is disguised."""
        return readings(item)

    def read(self, item: BatchItem, encodings: Sequence[Encoding]) -> list[Finding]:
        """The highest score of the segment's readings."""
        scores = [float(each.scores[HEAD][0]) for each in encodings]
        score = max(scores)
        label = INDIRECT if item.part in _FOREIGN_PARTS else DIRECT
        reason = "normalised view" if len(scores) > 1 and score > scores[0] else ""
        return [Finding(item.begin, len(item.text), label, score, reason)]
