"""Exemplars: known attacks and known false alarms, which act by nearness and without training.

1. A segment is near an **attack** by meaning (the cosine of the encoder's embeddings), or by wording: how many of the
   attack's n-grams stand in it, however much stands around them. The higher counts, as the score of `known_attack`.
2. A segment is a **false alarm** when it is near one by meaning and says nothing new: at most `_MOST_NEW` of its
   n-grams are not in the known text. Nearness alone is not enough: an attack behind a long harmless text stays near to
   it. Without a text nobody can tell what is new, so a bare vector must be all but the same.

What these numbers rest on is measured by `benchmarks/exemplars`. The sets themselves are of `exemplar_sets`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from pydantic import Field

from detectors.base import KNOWN_ATTACK, KNOWN_FALSE_ALARM, UNCHECKED, BatchItem, DetectorError, DetectorType, Params
from detectors.models.encoded import ReadingParams, encoder_of, is_read, readings
from detectors.models.encoder import Encoder, Encoding, Floats
from detectors.models.exemplar_sets import Exemplar, Exemplars, kept, unpacked
from detectors.parts import Member
from detectors.text.normalise import without_bytes
from detectors.types import Finding

EMBEDDING = "embedding"
KNOWN_ATTACK_FROM = 0.88
"""The recommended threshold: of 2,000 harmless texts none is as near to one of 120 attacks."""
FALSE_ALARM_FROM = 0.9
"""From which cosine on a text may be a known false alarm."""
_BARE_FROM = 0.98
"""The same without a text to compare the wording with."""

_GRAM = 4
_MOST_NEW = 16
"""About two other words, or thirteen characters more."""
_HELD_WEIGHT = 0.3
"""Of wording: an attack of which 60 % stands in a segment is as near as one with a cosine of 0.88."""
_DIGITS = 4
"""Of a score: the last ones of a cosine depend on what else was in the batch."""
_NO_WORDS = re.compile(r"\W+")


class Near(msgspec.Struct, frozen=True, gc=False):
    """How near (0 to 1) the nearest exemplar is, and its id; empty where there is none."""

    score: float = 0.0
    id: str = ""


NOTHING_NEAR = Near()


def embedded(encoder: Encoder, texts: Sequence[str]) -> list[Floats]:
    """The embedding of each text; nothing but zeros of one that the vocabulary cannot read."""
    return [embedding_of(each) for each in encoder.encode(texts, [EMBEDDING])]


def embedding_of(encoding: Encoding) -> Floats:
    """What a text means, as a direction; none where it was not read, which would be near to all that is not."""
    embedding = encoding.scores[EMBEDDING]
    return embedding if is_read(encoding) else np.zeros_like(embedding)


# --- Nearness ---------------------------------------------------------------------------------------------------------


class Matcher:
    """Compares segments with exemplars. Immutable; what it says of a segment depends on that alone."""

    def __init__(self, encoder: Encoder, exemplars: Exemplars, false_alarms_from: float = FALSE_ALARM_FROM) -> None:
        """Encodes the texts, which takes some milliseconds each. Raises `DetectorError` for vectors of other models."""
        if EMBEDDING not in encoder.card.heads:
            raise DetectorError(f"model {encoder.card.identity} has no {EMBEDDING}: it knows no exemplars")
        self.false_alarms_from = false_alarms_from
        self._attacks = _Side(encoder, [each for each in exemplars.items if each.is_attack])
        self._false_alarms = _Side(encoder, [each for each in exemplars.items if not each.is_attack])

    def attack(self, texts: Iterable[str], embedding: Floats) -> Near:
        """The nearest known attack, by the segment's embedding or by the wording of one of its readings."""
        side = self._attacks
        if not side.items:
            return NOTHING_NEAR
        scores = np.maximum(side.vectors @ embedding, 0.0)
        for text in texts:
            scores = np.maximum(scores, 1.0 - _HELD_WEIGHT * (1.0 - side.held(grams(text))))
        return _best(side, np.clip(scores, 0.0, 1.0))

    def false_alarm(self, text: str, embedding: Floats, label: str) -> Near:
        """The nearest known false alarm of a label that a segment says nothing beyond; nothing where there is none."""
        side = self._false_alarms
        if not side.items:
            return NOTHING_NEAR
        own = grams(text)
        scores = np.clip(side.vectors @ embedding, 0.0, 1.0)
        new = len(own) - side.shared(own)
        fits = np.where(side.sizes > 0, new <= _MOST_NEW, scores >= _BARE_FROM)
        of_label = np.asarray([each.label in ("", label) for each in side.items])
        return _best(side, np.where(fits & of_label, scores, 0.0))


class _Side:
    """The attacks, or the false alarms: their vectors (rows), and in which of them each n-gram stands."""

    def __init__(self, encoder: Encoder, items: Sequence[Exemplar]) -> None:
        self.items = items
        self.vectors = _vectors(encoder, items)
        texts = [grams(each.text) if each.text else frozenset() for each in items]
        self.sizes = np.asarray([len(each) for each in texts], dtype=np.int64)
        places: defaultdict[str, list[int]] = defaultdict(list)
        for number, own in enumerate(texts):
            for each in own:
                places[each].append(number)
        self._places = {each: np.asarray(numbers, dtype=np.int32) for each, numbers in places.items()}

    def shared(self, own: frozenset[str]) -> Floats:
        """How many of a segment's n-grams each of them has."""
        found = [self._places[each] for each in own if each in self._places]
        places = np.concatenate(found) if found else np.zeros(0, dtype=np.int32)
        return np.bincount(places, minlength=len(self.items)).astype(np.float32)

    def held(self, own: frozenset[str]) -> Floats:
        """Which share of each of them stands in a segment; of bare vectors none."""
        return np.divide(self.shared(own), np.maximum(self.sizes, 1), dtype=np.float32)


def grams(text: str) -> frozenset[str]:
    """The n-grams of a text's words, whatever their case and what stands between them."""
    plain = f" {_NO_WORDS.sub(' ', text.casefold()).strip()} "
    return frozenset(plain[at : at + _GRAM] for at in range(max(1, len(plain) - _GRAM + 1)))


def _vectors(encoder: Encoder, items: Sequence[Exemplar]) -> Floats:
    texts = [each.text for each in items if each.text]
    made = iter(embedded(encoder, texts))
    rows = [next(made) if each.text else _bare(encoder, each) for each in items]
    if len({len(row) for row in rows}) > 1:
        raise DetectorError("its vectors are of several lengths", path=("exemplars",))
    return np.stack(rows) if rows else np.zeros((0, 1), dtype=np.float32)


def _bare(encoder: Encoder, exemplar: Exemplar) -> Floats:
    if exemplar.model != encoder.card.identity:
        raise DetectorError(
            f"the vector of exemplar {exemplar.id} is of the model {exemplar.model}, and {encoder.card.identity} reads"
            " the text; give its text, or make the vector anew",
            path=("exemplars",),
        )
    return unpacked(exemplar.vector)


def _best(side: _Side, scores: Floats) -> Near:
    """The highest score; of equal ones the first."""
    number = int(np.argmax(scores))
    score = round(float(scores[number]), _DIGITS)
    return Near(score, side.items[number].id) if score > 0 else NOTHING_NEAR


# --- In detectors -----------------------------------------------------------------------------------------------------


class ExemplarParams(ReadingParams):
    """Which exemplars a detector goes by, too."""

    exemplars: str = Field(
        "",
        description="Known attacks and known false alarms that act by nearness: NAME, of the file NAME.jsonl in the"
        " folder `exemplars` beside the policy's file, or of a store that the settings name.",
    )
    false_alarms_from: float = Field(
        FALSE_ALARM_FROM,
        ge=0.5,
        le=1,
        description="How near (cosine) a text must be to a known false alarm to be spared.",
    )

    def matcher(self) -> Matcher | None:
        """What compares with them, where there are any. Raises `DetectorError`."""
        return Matcher(encoder_of(self), kept(self.exemplars), self.false_alarms_from) if self.exemplars else None

    def known_labels(self) -> dict[str, float]:
        """The labels of what is known, where the rule goes by exemplars."""
        return {KNOWN_ATTACK: KNOWN_ATTACK_FROM, KNOWN_FALSE_ALARM: self.false_alarms_from} if self.exemplars else {}


def exemplar_params(params: Params) -> ExemplarParams:
    """The parameters, which are these."""
    assert isinstance(params, ExemplarParams)
    return params


def known_labels(matcher: Matcher | None) -> frozenset[str]:
    """What a detector can find by exemplars."""
    return frozenset() if matcher is None else frozenset({KNOWN_ATTACK, KNOWN_FALSE_ALARM})


def parts_with_exemplars(kind: type[DetectorType], params: Params) -> Sequence[Member]:
    """The parts of a detector that goes by exemplars: that a text was spared is read by rules that name the label."""
    labels = kind.labels_of(params)
    own = Member(frozenset(labels) - {KNOWN_FALSE_ALARM}, lambda: kind.build(params))
    if KNOWN_FALSE_ALARM not in labels:
        return [own]
    return [own, Member(frozenset({KNOWN_FALSE_ALARM}), lambda: kind.build(params), is_default=False)]


def own_text(item: BatchItem) -> str:
    """The segment without what stands before it: what exemplars are compared with."""
    return without_bytes(item.text[item.begin :])


def with_known(
    item: BatchItem, findings: list[Finding], matcher: Matcher, encodings: Sequence[Encoding]
) -> list[Finding]:
    """A detector's findings in a segment, by what is known of texts like it; `encodings` end with the segment's own.

    A known attack is a finding more. Where the segment is a known false alarm, findings of its label go, and one in
    their place tells which exemplar it was, and what the highest was.
    """
    embedding = embedding_of(encodings[-1])
    text = own_text(item)
    near = {each: _near(each, text, embedding, matcher) for each in findings}
    said = [each for each in findings if near[each] is NOTHING_NEAR]
    if spared := max((each for each in findings if each not in said), key=lambda each: each.score, default=None):
        reason = f"spared as the known false alarm {near[spared].id}: {spared.label} of {spared.score:.2f}"
        said.append(Finding(item.begin, len(item.text), KNOWN_FALSE_ALARM, near[spared].score, reason))
    attack = matcher.attack((*readings(item)[1:], text), embedding)
    if attack.id:
        reason = f"near the known attack {attack.id}"
        said.append(Finding(item.begin, len(item.text), KNOWN_ATTACK, attack.score, reason))
    return said


def _near(finding: Finding, text: str, embedding: Floats, matcher: Matcher) -> Near:
    """The false alarm that a finding is; nothing where it is none."""
    near = NOTHING_NEAR if finding.label == UNCHECKED else matcher.false_alarm(text, embedding, finding.label)
    return near if near.score >= matcher.false_alarms_from else NOTHING_NEAR
