"""Prompt injection, prompt extraction and jailbreaks, by the encoder's injection head.

A segment is scored as it stands and, when it is disguised, in its normalised view too; the higher score counts. What is
found in the user's, the system's or the model's words is `injection`; in retrieved context, a tool's result or its
definition, where no instruction belongs, it is `indirect_injection`, which has an output and a threshold of its own: a
task that a user gives is harmless, and the same task in a document is foreign to it. A document is scored segment by
segment, so an attack in one sentence of it is not diluted by the rest.

A user's words that the vocabulary has whole, English prose, are judged by a lower bar (`models.familiar`).
A script that the vocabulary has no pieces for is read by its letters where the model comes with a branch for them
(`models.letters`), and what stands between them by the encoder; in no other case is there a score for what is unread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import ClassVar

from detectors.base import THIRD_PARTIES, UNCHECKED, BatchItem, Params, Reads
from detectors.models.encoded import (
    BETWEEN_LETTERS,
    BY_LETTERS,
    detect_together,
    encoder_of,
    head_of,
    is_read,
    looks,
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
from detectors.models.familiar import familiar_of
from detectors.models.letters import Letters
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

    look_behind = 160

    def __init__(self, encoder: Encoder, matcher: Matcher | None = None) -> None:
        self.encoder = encoder
        self._matcher = matcher
        self.labels = frozenset({DIRECT, INDIRECT, UNCHECKED}) | known_labels(matcher)
        self.heads: tuple[str, ...] = (HEAD,) if matcher is None else (HEAD, EMBEDDING)
        self.model = encoder.card.identity
        self._labels = encoder.card.heads[HEAD].labels if HEAD in encoder.card.heads else ()
        self._familiar = familiar_of(encoder.card)

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
        """The segment with its context, its normalised view when it is disguised, and what stands between letters.

        And the segment alone, where it is compared with exemplars.
        """
        letters = self._letters_for(item)
        rest = letters.script.without(item.text) if letters else ""
        own = (own_text(item),) if self._matcher is not None else ()
        return (*readings(item), *((rest,) if rest else ()), *own)

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
        label = INDIRECT if item.part in _FOREIGN_PARTS else DIRECT
        column, letters = self._column(label), self._letters_for(item)
        reasons = [reading_of(encodings[0], each) for each in encodings]
        if letters is not None and letters.script.without(item.text):
            reasons[-1] = BETWEEN_LETTERS
        scored = [
            (self._score(each, label, column), reason)
            for each, reason in zip(encodings, reasons, strict=True)
            if is_read(each)
        ]
        if letters is not None:
            scored.append((letters.score(item.text, label), BY_LETTERS))
        if not scored:
            return unread(item)
        score, reason = max(scored, key=itemgetter(0))
        return [Finding(item.begin, len(item.text), label, score, reason)]

    def _score(self, encoding: Encoding, label: str, column: int) -> float:
        """The head's score of a text; where no document is read, of familiar words, by the bar that the card says."""
        score = float(encoding.scores[HEAD][column])
        if label != DIRECT or self._familiar is None or encoding.piece_chars < self._familiar.least_chars:
            return score
        return self._familiar.shifted(score)

    def _letters_for(self, item: BatchItem) -> Letters | None:
        """What reads a segment that is mostly of letters which the vocabulary lacks."""
        letters = self.encoder.letters
        return letters if letters is not None and letters.script.is_most_of(item.text) else None
