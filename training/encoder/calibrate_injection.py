"""Fits how the encoder, its head of harmless text and the n-grams make the two scores of injection, and the thresholds.

1. rows are the first data's dev, own rows of another seed, and the sources that trained nothing (`unseen.py`);
2. each row is read as its kind is served: as a user's words, or as foreign text. Its score is that of its strongest
   segment: logit = scale * (encoder - veto * harmless + share * n-grams) + offset. Veto and share are those that find
   most attacks of the unseen sources at few false positives; scale and offset are fitted by maximum likelihood;
3. a threshold is chosen for a stated cost (`COSTS`): the share of harmless text that fires, over all of it, in each
   kind, and in long texts, on the unseen sources only. Of those thresholds the highest is taken.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from sidecar.values import Part
from training.encoder.cuts import PARTS
from training.encoder.labels import INJECTION
from training.encoder.places import placed_labels
from training.encoder.prepare import without_test_text
from training.encoder.rows import Example, injection_examples, second_examples
from training.encoder.serve import Scored, ServedModel, sigmoid
from training.encoder.synthetic.injection_pairs import injection_pairs
from training.encoder.synthetic.languages import foreign_pairs
from training.encoder.synthetic.roles import role_pairs
from training.encoder.unseen import is_unseen
from training.encoder.wide import WideBranch, wide_logits

Array = NDArray[np.float64]
VETOES = (0.0, -0.15, -0.3, -0.5)
WIDE_SHARES = (0.0, 0.25, 0.4, 0.6)
"""How much the output of harmless text and the n-grams may count beside the encoder's output for the label."""
LOW_RATES = (0.005, 0.01, 0.02)
COSTS = {
    "injection": {"all": 0.03, "kind": 0.06, "long": 0.06},
    "indirect_injection": {"all": 0.01, "kind": 0.012, "long": 0.015},
}
"""The share of harmless texts that may fire: of all, of each kind with `LEAST_ROWS`, and of those over `LONG`."""
LONG, LEAST_ROWS, LEAST_THRESHOLD = 600, 100, 0.05


@dataclass(frozen=True)
class Row:
    """A text, which of the two labels it is judged by, whether that holds, and what each segment got.

    `parts` has a row for each segment: the encoder's logit of that label, the one of harmless text, the n-grams'.
    """

    example: Example
    column: int
    label: int
    parts: Array

    def strongest(self, numbers: Array) -> Array:
        """The parts of the segment that scores highest."""
        return np.asarray(self.parts[(self.parts @ numbers[:3]).argmax()])


def rows_of(model: ServedModel, wide: WideBranch, examples: Sequence[Example]) -> list[Row]:
    """The examples that are labelled for the place that their kind is read in, scored."""
    judged = [(each, *_judged(each)) for each in examples]
    known = [(each, column, label) for each, column, label in judged if label is not None]
    parts = [Part.USER if column == 0 else Part.CONTEXT for _, column, _ in known]
    scored = model.score([each.text for each, _, _ in known], parts)
    return [
        Row(each, column, label, _parts(answer, wide, column))
        for (each, column, label), answer in zip(known, scored, strict=True)
        if len(answer.injection)
    ]


def _judged(example: Example) -> tuple[int, int | None]:
    """Which label the example is judged by, and whether it holds; None when nothing is known of it."""
    column = 0 if PARTS[example.kind] is Part.USER else 1
    known = (example.injection, example.foreign)[column]
    return column, None if known is None else int(known[0])


def _parts(answer: Scored, wide: WideBranch, column: int) -> Array:
    thin = wide_logits(wide, answer.pieces)[:, column]
    return np.stack([answer.injection[:, column], answer.harmless, thin], axis=1).astype(np.float64)


def dev_examples(data: Path, *, every: int) -> list[Example]:
    """What is calibrated on; every n-th row of it."""
    rng = random.Random(991)
    own = [
        *injection_pairs(rng, attacks=100, harmless=200),
        *foreign_pairs(rng, each=10),
        *role_pairs(rng, short=40, long=20),
    ]
    unseen = [each for each in second_examples(data) if is_unseen(each)]
    seen = injection_examples(data, "dev")
    return [placed_labels(each) for each in [*seen[::every], *without_test_text(own, data), *unseen[::every]]]


def calibrated(rows: Sequence[Row]) -> tuple[dict[str, list[float]], dict[str, float]]:
    """The numbers of both labels and their recommended thresholds."""
    numbers, thresholds = {}, {}
    for column, name in enumerate(INJECTION):
        own = [row for row in rows if row.column == column]
        found = fit(own)
        numbers[name] = [round(float(each), 5) for each in found]
        thresholds[name] = threshold([row for row in own if _is_harmless(row)], found, name)
    return numbers, thresholds


def _is_harmless(row: Row) -> bool:
    """Whether the row decides a threshold. System prompts do not: they are an application's own words."""
    return not row.label and is_unseen(row.example) and row.example.kind != "system_prompt"


def fit(rows: Sequence[Row]) -> Array:
    """The four numbers: the shares that find most of the unseen sources' attacks, then a scale and an offset."""
    unseen = [row for row in rows if is_unseen(row.example)]
    shares = max((np.asarray([1.0, *pair, 0.0]) for pair in itertools.product(VETOES, WIDE_SHARES)), key=_found(unseen))
    logits = np.asarray([row.strongest(shares) @ shares[:3] for row in rows])
    scale, offset = _fit(logits, np.asarray([row.label for row in rows]))
    return np.asarray([*(scale * shares[:3]), offset])


def _found(rows: Sequence[Row]) -> Callable[[Array], float]:
    """The recall of attacks at low shares of false positives, on average, for given shares."""
    labels = np.asarray([row.label for row in rows])

    def found(shares: Array) -> float:
        logits = np.asarray([row.strongest(shares) @ shares[:3] for row in rows])
        bars = np.quantile(logits[labels == 0], [1 - rate for rate in LOW_RATES])
        return float(np.mean([(logits[labels == 1] >= bar).mean() for bar in bars]))

    return found


def _fit(logits: Array, labels: NDArray[np.int64]) -> Array:
    """Scale and offset by maximum likelihood."""
    sign = 2.0 * labels - 1.0

    def loss(numbers: Array) -> float:
        return float(np.logaddexp(0.0, -sign * (numbers[0] * logits + numbers[1])).sum())

    return np.asarray(minimize(loss, [0.5, 0.0], bounds=[(0.05, 4.0), (-8.0, 8.0)], method="L-BFGS-B").x)


def scores_of(rows: Sequence[Row], numbers: Array) -> Array:
    """The score of each text: that of its strongest segment."""
    return np.asarray([float(sigmoid(row.strongest(numbers) @ numbers[:3] + numbers[3])) for row in rows])


def threshold(harmless: Sequence[Row], numbers: Array, name: str) -> float:
    """The lowest threshold at which harmless text of unseen sources costs no more than `COSTS`."""
    scores, costs = scores_of(harmless, numbers), COSTS[name]
    kinds = np.asarray([row.example.kind for row in harmless])
    long = np.asarray([len(row.example.text) > LONG for row in harmless])
    groups: list[tuple[Any, str]] = [(np.ones(len(scores), dtype=bool), "all"), (long, "long")]
    groups += [(kinds == kind, "kind") for kind in np.unique(kinds)]
    found = [np.quantile(scores[own], 1.0 - costs[cost]) for own, cost in groups if own.sum() >= LEAST_ROWS]
    return float(min(max(np.ceil(max(found) * 100) / 100, LEAST_THRESHOLD), 0.98))
