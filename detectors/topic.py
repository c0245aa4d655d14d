"""What a text is about: the trained taxonomy by name, and topics that an author defines by a few examples.

* `deny`: a segment about one of these topics gets a finding with the topic's name.
* `allow`: a segment that is about none of these gets the finding `off_topic`; small talk is allowed when it is listed.

A trained topic's score is the probability that the topic head gives it. An author's topic is matched by embedding: the
segment's similarity to the topic's nearest examples, less its similarity to the nearest of the author's other topics
(at least `_LEAST_SIMILARITY`), through a logistic curve. No retraining.

Segments of fewer than `_LEAST_LETTERS` letters say too little and get no finding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from detectors.base import BatchItem, DetectorError, Params
from detectors.models.encoded import ModelParams, detect_together, encoder_of
from detectors.models.encoder import Encoder, Encoding, Floats
from detectors.scores import BELOW_ONE
from detectors.suggestion import closest
from detectors.types import Finding

HEAD, EMBEDDING = "topic", "embedding"
OFF_TOPIC = "off_topic"

_LEAST_LETTERS = 8
_LEAST_SCORE = 0.05
_NEAREST = 3
"""How many of a topic's examples speak for it: the nearest ones."""


class ExampleTopic(Params):
    """A topic of the author's own, by a few example sentences."""

    name: str = Field(min_length=1, description="The label of its findings.")
    examples: tuple[str, ...] = Field(min_length=1, description="Sentences that are about it; five are a good number.")


class TopicParams(ModelParams):
    """Which topics are denied or allowed."""

    deny: tuple[str | ExampleTopic, ...] = Field((), description="Topics that are findings: names or own topics.")
    allow: tuple[str | ExampleTopic, ...] = Field((), description="If given, anything else is the finding off_topic.")


class Topic:
    """A segment classifier: the denied topics that a segment is about, or `off_topic`."""

    name: ClassVar[str] = "topic"
    params: ClassVar[type[Params]] = TopicParams
    summary: ClassVar[str] = "what a text is about: trained topics, and topics of your own from a few examples"

    look_behind = 160

    def __init__(self, encoder: Encoder, params: TopicParams) -> None:
        self.encoder = encoder
        self.model = encoder.card.identity
        self._trained = {label: index for index, label in enumerate(encoder.head(HEAD).labels)}
        examples = [each for each in (*params.deny, *params.allow) if not isinstance(each, str)]
        self.heads: tuple[str, ...] = (HEAD, EMBEDDING) if examples else (HEAD,)
        self._denied = [_name(each) for each in params.deny]
        self._allowed = [_name(each) for each in params.allow]
        self._matcher = ExampleMatcher(encoder, examples)
        self.labels = frozenset(self._denied) | ({OFF_TOPIC} if params.allow else frozenset())

    @classmethod
    def labels_of(cls, params: Params) -> Mapping[str, float]:
        """The denied topics, and `off_topic` with an allow-list, each at 0.5."""
        assert isinstance(params, TopicParams)
        _check(params, encoder_of(params))
        labels = [_name(each) for each in params.deny] + ([OFF_TOPIC] if params.allow else [])
        return dict.fromkeys(labels, 0.5)

    @classmethod
    def words(cls) -> Mapping[str, Sequence[str]]:
        """The trained topics."""
        trained = sorted(encoder_of(TopicParams()).head(HEAD).labels)
        return {"deny": trained, "allow": trained}

    @classmethod
    def highest(cls, params: Params) -> Mapping[str, float]:
        """Below 1: no text is about one thing alone."""
        return dict.fromkeys(cls.labels_of(params), BELOW_ONE)

    @classmethod
    def build(cls, params: Params) -> Topic:
        """Load the model and encode the examples. Raises `DetectorError` for an unknown topic."""
        assert isinstance(params, TopicParams)
        encoder = encoder_of(params)
        _check(params, encoder)
        return cls(encoder, params)

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        """Findings per segment: denied topics by score, or `off_topic`."""
        return detect_together([(self, item) for item in items])

    def texts(self, item: BatchItem) -> Sequence[str]:
        """The segment with its left context: a topic goes on from sentence to sentence."""
        return (item.text,)

    def read(self, item: BatchItem, encodings: Sequence[Encoding]) -> list[Finding]:
        """Findings of one segment."""
        if sum(each.isalpha() for each in item.text[item.begin :]) < _LEAST_LETTERS:
            return []
        scores = self.scores(encodings[0])
        found = [(name, scores[name], self._reason(name)) for name in self._denied]
        if self._allowed:
            found.append((OFF_TOPIC, 1.0 - max(scores[name] for name in self._allowed), "about no allowed topic"))
        return [Finding(item.begin, len(item.text), *each) for each in found if each[1] >= _LEAST_SCORE]

    def _reason(self, name: str) -> str:
        """By what a topic is known."""
        return "the model's score of the topic" if name in self._trained else "near the topic's examples"

    def scores(self, encoding: Encoding) -> dict[str, float]:
        """The score of every topic of the policy and of the taxonomy."""
        trained = encoding.scores[HEAD]
        scores = {name: float(trained[index]) for name, index in self._trained.items()}
        return scores | self._matcher.scores(encoding)


class ExampleMatcher:
    """Scores for topics that are given by examples."""

    _SHARPNESS = 14.0
    _LEAST_SIMILARITY = 0.5
    """With five examples a topic, 8 % of texts about other things come nearer than this, and 92 % of its own."""

    def __init__(self, encoder: Encoder, topics: Sequence[ExampleTopic]) -> None:
        self._names = [each.name for each in topics]
        self._examples: list[Floats] = []
        for topic in topics:
            encodings = encoder.encode(topic.examples, [EMBEDDING])
            self._examples.append(np.stack([each.scores[EMBEDDING] for each in encodings]))

    def scores(self, encoding: Encoding) -> dict[str, float]:
        """Each topic's score: how much nearer the text is to its examples than to the others', and near at all."""
        if not self._names:
            return {}
        nearness = [_nearness(examples, encoding.scores[EMBEDDING]) for examples in self._examples]
        scores: dict[str, float] = {}
        for index, name in enumerate(self._names):
            others = [each for number, each in enumerate(nearness) if number != index]
            bar = max([self._LEAST_SIMILARITY, *others])
            scores[name] = float(1.0 / (1.0 + np.exp(-self._SHARPNESS * (nearness[index] - bar))))
        return scores


def _nearness(examples: Floats, embedding: Floats) -> float:
    similar = np.sort(examples @ embedding)[::-1]
    return float(similar[:_NEAREST].mean())


def _name(topic: str | ExampleTopic) -> str:
    return topic if isinstance(topic, str) else topic.name


def _check(params: TopicParams, encoder: Encoder) -> None:
    if not params.deny and not params.allow:
        raise DetectorError("topic needs a list of topics: deny, allow, or both")
    known = encoder.head(HEAD).labels
    if EMBEDDING not in encoder.card.heads and not all(isinstance(each, str) for each in (*params.deny, *params.allow)):
        raise DetectorError(f"model {encoder.card.identity} has no {EMBEDDING}: it knows no topics by examples")
    for key, topics in (("deny", params.deny), ("allow", params.allow)):
        for number, topic in enumerate(topics):
            if isinstance(topic, str) and topic not in known:
                raise DetectorError(_unknown(topic, known), path=(key, number))


def _unknown(topic: str, known: Sequence[str]) -> str:
    meant = closest(topic, known)
    trained = f"did you mean {meant!r}? Or " if meant else f"use one of {', '.join(known)}, or "
    return f"no trained topic {topic!r}; {trained}give it examples: {{name: {topic}, examples: [...]}}"
