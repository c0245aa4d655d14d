"""Fits how the encoder, its head of harmless text and the n-grams make the two scores of injection, and the thresholds.

1. rows are the first data's dev, own rows of another seed, and the sources that trained nothing (`unseen.py`);
2. each row is read as its kind is served: as a user's words, or as foreign text. On its strongest segment four numbers
   are fitted by maximum likelihood: logit = own * encoder - veto * harmless + wide * n-grams + offset;
3. a threshold is chosen for a stated cost (`COSTS`): the share of harmless text that fires, over all of it, in each
   kind, and in long texts, on the unseen sources only. Of those thresholds the highest is taken.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
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
PRIOR = np.asarray([1.0, -0.2, 0.3, 0.0])
PRIOR_STRENGTH = np.asarray([2.0, 2.0, 2.0, 0.05])
WIDEST_SHARE = 0.5
"""The n-grams know the dev set's templates better than the world's: their factor is at most this share of the other."""
COSTS = {
    "injection": {"all": 0.02, "kind": 0.05, "long": 0.05},
    "indirect_injection": {"all": 0.007, "kind": 0.01, "long": 0.015},
}
"""The share of harmless texts that may fire: of all, of each kind with `LEAST_ROWS`, and of those over `LONG`."""
LONG, LEAST_ROWS, LEAST_THRESHOLD = 600, 100, 0.1


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
        *injection_pairs(rng, attacks=300, harmless=700),
        *foreign_pairs(rng, each=30),
        *role_pairs(rng, short=100, long=60),
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
        thresholds[name] = threshold([row for row in own if is_unseen(row.example) and not row.label], found, name)
    return numbers, thresholds


def fit(rows: Sequence[Row]) -> Array:
    """The four numbers, fitted twice: the strongest segment depends on them."""
    numbers = PRIOR
    for _ in range(2):
        x = np.asarray([[*row.strongest(numbers), 1.0] for row in rows])
        numbers = _fit(x, np.asarray([row.label for row in rows]))
    return numbers


def _fit(x: Array, labels: NDArray[np.int64]) -> Array:
    sign = 2.0 * labels - 1.0

    def loss(numbers: Array) -> float:
        likelihood = np.logaddexp(0.0, -sign * (x @ numbers)).sum()
        return float(likelihood + (PRIOR_STRENGTH * (numbers - PRIOR) ** 2).sum())

    bounds = [(0.1, 4.0), (-2.0, 0.0), (0.0, 2.0), (-8.0, 8.0)]
    found = minimize(loss, PRIOR, bounds=bounds, method="L-BFGS-B").x
    most = WIDEST_SHARE * (found[0] - found[1])
    if found[2] > most:
        bounds[2] = (most, most)
        found = minimize(loss, np.clip(found, *np.transpose(bounds)), bounds=bounds, method="L-BFGS-B").x
    return np.asarray(found)


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
