"""Prompt injection, prompt extraction and jailbreaks, by the encoder's injection head.

A segment is scored as it stands and, when it is disguised, in its normalised view too; the higher score counts. What is
found in the user's, the system's or the model's words is `injection`; in retrieved context, a tool's result or its
definition, where no instruction belongs, it is `indirect_injection`, which has an output and a threshold of its own: a
task that a user gives is harmless, and the same task in a document is foreign to it. A document is scored segment by
segment, so an attack in one sentence of it is not diluted by the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from detectors.base import KNOWN_ATTACK, KNOWN_FALSE_ALARM, THIRD_PARTIES, UNCHECKED, BatchItem, Params, Reads
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
    own_text,
    parts_with_exemplars,
    with_known,
)
from detectors.parts import Member
from detectors.scores import BELOW_ONE, Point
from detectors.types import Finding, Look

HEAD = "injection"
DIRECT, INDIRECT = "injection", "indirect_injection"

_FOREIGN_PARTS = frozenset({"context", "tool_result", "tool_definition"})


class Injection:
    """A segment classifier: one finding over the segment, with the score as the model gives it."""

    name: ClassVar[str] = "injection"
    params: ClassVar[type[Params]] = ExemplarParams
    reads: ClassVar[Reads] = Reads(THIRD_PARTIES, frozenset({"content", "other"}))
    """Not the operator's instructions, nor what the model says, thinks and hands to tools: they attack nobody."""
    summary: ClassVar[str] = "prompt injection, prompt extraction and jailbreaks, also hidden in documents"

    labels = frozenset({DIRECT, INDIRECT, UNCHECKED, KNOWN_ATTACK, KNOWN_FALSE_ALARM})
    look_behind = 160

    def __init__(self, encoder: Encoder, matcher: Matcher | None = None) -> None:
        self.encoder = encoder
        self._matcher = matcher
        self.heads: tuple[str, ...] = (HEAD,) if matcher is None else (HEAD, EMBEDDING)
        self.model = encoder.card.identity
        self._labels = encoder.card.heads[HEAD].labels if HEAD in encoder.card.heads else ()

    def _column(self, label: str) -> int:
        """Where the head has a label; one that knows no foreign text says the same of it as of a user's words."""
        return self._labels.index(label) if label in self._labels else 0

    @classmethod
    def labels_of(cls, params: Params) -> Mapping[str, float]:
        """Both labels, at the thresholds that the model's card recommends, and unread text if the rule acts on it."""
        thresholds = head_of(params, HEAD).thresholds
        direct = thresholds.get(DIRECT, 0.5)
        return {
            DIRECT: direct,
            INDIRECT: thresholds.get(INDIRECT, direct),
            **unread_labels(params),
            **exemplar_params(params).known_labels(),
        }

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
    def build(cls, params: Params) -> Injection:
        """Load the model, if no other detector did. Raises `DetectorError`."""
        return cls(encoder_of(params), exemplar_params(params).matcher())

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        """One finding a segment."""
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
        """The highest score of the segment's readings, by the label that belongs to where it stands."""
        whole, encodings = encodings[0], read_only(encodings)
        if not encodings:
            return unread(item)
        label = INDIRECT if item.part in _FOREIGN_PARTS else DIRECT
        column = self._column(label)
        best = max(encodings, key=lambda each: float(each.scores[HEAD][column]))
        score = float(best.scores[HEAD][column])
        return [Finding(item.begin, len(item.text), label, score, reading_of(whole, best))]
