"""Join the pair model with the exact checks: a logistic regression whose numbers stand in the model card.

The pair model answers once per piece of evidence; `model_features` turns these answers into a few numbers,
`grounding_features.lexical_features` gives the exact ones, and `Combiner.support` is the calibrated probability that
the claim is supported. Pure Python.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detectors.grounding.features import FEATURES

LOGIT_LIMIT = 8.0
MODEL_FEATURES = ("support_max", "support_first", "support_gathered", "contradiction_max", "token_worst", "token_mean")
OVERLAPS = ("best_recall", "context_recall", "sentence_recall", "bigram_recall", "trigram_recall")
"""Counted once more for long contexts: there words in common mean more than in a pair of single sentences."""
ALL_FEATURES = (*MODEL_FEATURES, *FEATURES, *(f"{name}:long" for name in OVERLAPS))

_OVERLAP_PLACES = tuple(FEATURES.index(name) for name in OVERLAPS)
_IS_LONG = FEATURES.index("is_long")


@dataclass(frozen=True, slots=True)
class PairAnswer:
    """What the pair model said of one piece of evidence.

    `labels` are the logits of supported, unsupported, contradicted; `tokens` the logits of "unsupported" of the
    claim's tokens; `is_gathered` is that of the evidence.
    """

    labels: tuple[float, float, float]
    tokens: Sequence[float]
    is_gathered: bool

    @property
    def support(self) -> float:
        """Log odds of supported against the rest, within ±LOGIT_LIMIT."""
        return _limited(self.labels[0] - _log_sum(self.labels[1], self.labels[2]))

    @property
    def contradiction(self) -> float:
        """Log odds of contradicted against the rest, within ±LOGIT_LIMIT."""
        return _limited(self.labels[2] - _log_sum(self.labels[0], self.labels[1]))


COPIED = PairAnswer((4.0, 0.0, 0.0), (-4.0,), is_gathered=True)
"""What stands for the model's answer where the evidence has the claim word for word: about what it says of such."""


def model_features(answers: Sequence[PairAnswer]) -> list[float]:
    """Return the values of `MODEL_FEATURES` from the answers for one claim, best single passage first; at least one."""
    best = max(answers, key=lambda answer: answer.support)
    gathered = next((answer.support for answer in answers if answer.is_gathered), best.support)
    tokens = best.tokens or [0.0]
    return [
        best.support,
        answers[0].support,
        gathered,
        max(answer.contradiction for answer in answers),
        _limited(max(tokens)),
        _limited(sum(tokens) / len(tokens)),
    ]


@dataclass(frozen=True, slots=True)
class Combiner:
    """The fitted numbers: a weight for each of `ALL_FEATURES` (zero where the fit left it out), and a bias."""

    weights: tuple[float, ...]
    bias: float

    @classmethod
    def from_card(cls, card: Mapping[str, Mapping[str, float] | float]) -> Combiner:
        """Read the `combiner` section of a model card; raises `ValueError` for a feature that does not exist."""
        weights, bias = card["weights"], card["bias"]
        if not isinstance(weights, Mapping) or isinstance(bias, Mapping):
            raise TypeError("combiner: weights must be a mapping of feature to number, bias a number")
        unknown = sorted(set(weights) - set(ALL_FEATURES))
        if unknown:
            raise ValueError(f"combiner: unknown features {unknown}")
        return cls(tuple(float(weights.get(name, 0.0)) for name in ALL_FEATURES), float(bias))

    def support(self, model: Sequence[float], lexical: Sequence[float]) -> float:
        """Return the probability that the claim is supported, from `model_features` and `lexical_features`."""
        values = expand(model, lexical)
        logit = self.bias + sum(weight * value for weight, value in zip(self.weights, values, strict=True))
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


def expand(model: Sequence[float], lexical: Sequence[float]) -> list[float]:
    """Return the values of `ALL_FEATURES`: both lists, and the overlaps again where the context is long."""
    is_long = lexical[_IS_LONG]
    return [*model, *lexical, *(lexical[place] * is_long for place in _OVERLAP_PLACES)]


def _log_sum(a: float, b: float) -> float:
    top = max(a, b)
    return top + math.log(math.exp(a - top) + math.exp(b - top))


def _limited(value: float) -> float:
    return max(-LOGIT_LIMIT, min(LOGIT_LIMIT, value))
