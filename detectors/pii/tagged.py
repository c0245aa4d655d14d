"""The part of `pii` that reads: persons, places, organisations and the like, by the tag head of the shared encoder.

1. The encoder reads a segment with its left context, once for every detector that names the same model.
2. `TagRecognizer`, an `EntityRecognizer` of Presidio's, turns the tags into results; it is given them as Presidio gives
   a recognizer what its NLP engine made of a text.
3. From there on, results go the way of all others: context words change a score (`detectors.pii.context`), and what
   lies inside a better finding gives way to it (`undominated`), the name in an e-mail address to the address.

A finding lies within its segment: of a name that began before it, the rest is found here. The segmenter does not cut
inside a run of capitalised words, so that is rare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from detectors.base import BatchItem
from detectors.models.card import Card
from detectors.models.encoded import detect_together, is_read, unread
from detectors.models.encoder import Encoder, Encoding, Tags, entity_scores
from detectors.pii import presidio
from detectors.pii.catalogue import FLOOR, TAGGED, THRESHOLD
from detectors.pii.context import ContextWords, words_before
from detectors.pii.displaced import without_displaced
from detectors.pii.finders import reason_of
from detectors.pii.tags import TagSet
from detectors.types import Finding

HEAD = "pii"
RECOGNIZER = "TagRecognizer"
REASON = "tagged by the model"

Rivals = Callable[[str], Iterable[Finding]]
"""What else was found in a text, beyond doubt."""
Choice = Callable[[Iterable[Finding]], list[Finding]]
"""Leaves the findings that no better one contains."""


def tag_labels(card: Card) -> Mapping[str, float]:
    """The labels of a card's tag head with their recommended thresholds; none without one."""
    head = card.heads.get(HEAD)
    if head is None:
        return {}
    return {label: head.thresholds.get(label, THRESHOLD) for label in TagSet(head.labels).labels}


class TaggedPii:
    """The batch detector. Immutable; its findings are read off the encoder's tag head."""

    look_behind = 160
    heads: tuple[str, ...] = (HEAD,)

    def __init__(self, name: str, encoder: Encoder, rivals: Rivals, choose: Choice) -> None:
        head = encoder.head(HEAD)
        self.name = name
        self.encoder = encoder
        self.model = encoder.card.identity
        self._tags = head.labels
        self._tag_set = TagSet(head.labels)
        self._recognizer = _recognizer_class()(head.labels)
        self.labels = frozenset(self._recognizer.supported_entities)
        self._context = {label: ContextWords(TAGGED.get(label, ())) for label in self.labels}
        self._rivals = rivals
        self._choose = choose

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        """Findings per segment."""
        return detect_together([(self, item) for item in items])

    def texts(self, item: BatchItem) -> Sequence[str]:
        """The segment with its left context."""
        return (item.text,)

    def read(self, item: BatchItem, encodings: Sequence[Encoding]) -> list[Finding]:
        """The names in the segment, by start; of one that is read early, what its words could be."""
        if item.is_early:
            return self._possible(item, encodings[0])
        artifacts = Tagged(encodings[0].tags[HEAD], item.begin)
        found = [self._judged(item.text, each) for each in self._recognizer.analyze(item.text, [], artifacts)]
        if not found:
            return []
        rivals = list(self._rivals(item.text))
        own = frozenset(without_displaced(item.text, found, rivals))
        return [each for each in self._choose([*own, *rivals]) if each in own and each.score >= FLOOR]

    def _possible(self, item: BatchItem, encoding: Encoding) -> list[Finding]:
        """For each label the highest probability of a word: less than it takes to be a name may become one."""
        if not is_read(encoding):
            return unread(item)
        own = self._tag_set.possible(item.text, encoding.tags[HEAD], begin=item.begin)
        return [
            Finding(item.begin, len(item.text), label, score, REASON)
            for label, score in entity_scores(self._tags, own).items()
        ]

    def _judged(self, text: str, result: Any) -> Finding:
        """A result with its final score: better after a context word."""
        label: str = result.entity_type
        context, words = self._context[label], words_before(text, result.start)
        score = context.boost(result.score, words) or result.score
        return Finding(result.start, result.end, label, score, reason_of(REASON, "", context, words))


class Tagged:
    """What the recognizer is given beside the text: its tags, and where the segment begins."""

    __slots__ = ("begin", "tags")

    def __init__(self, tags: Tags, begin: int) -> None:
        self.tags = tags
        self.begin = begin


@cache
def _recognizer_class() -> Any:
    """`TagRecognizer`, made on Presidio's base class when it is first needed (`detectors.pii.presidio` says why)."""
    result_class = presidio.base_class("RecognizerResult")

    class TagRecognizer(presidio.base_class("EntityRecognizer")):  # type: ignore[misc]  # loaded at run time
        """Names by the tags of a model."""

        def __init__(self, tags: Sequence[str]) -> None:
            self._tag_set = TagSet(tags)
            super().__init__(supported_entities=list(self._tag_set.labels), name=RECOGNIZER)

        def load(self) -> None:
            """Nothing to load: the encoder is shared."""

        def analyze(self, text: str, entities: list[str], nlp_artifacts: Tagged) -> list[Any]:
            """The names of the kinds `entities` (all, when there are none) in the segment."""
            return [
                result_class(entity_type=each.label, start=each.start, end=each.end, score=each.score)
                for each in self._tag_set.spans(text, nlp_artifacts.tags, begin=nlp_artifacts.begin)
                if not entities or each.label in entities
            ]

    return TagRecognizer
