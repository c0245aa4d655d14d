"""Figures of merit for scores against labels. Plain definitions, on numpy arrays; ties in scores are handled exactly.

`scores` are floats of shape (rows,), higher means more likely positive; `truth` is bool of that shape. A figure that a
set does not define (one class only) is None.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Truth = NDArray[np.bool_]


def auc(scores: Scores, truth: Truth) -> float | None:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting half."""
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2.0)[inverse]
    return float((ranks[truth].sum() - positives * (positives + 1) / 2.0) / (positives * negatives))


def auprc(scores: Scores, truth: Truth) -> float | None:
    """Average precision: precision at each distinct score, weighted by the recall that it adds."""
    if not truth.any():
        return None
    found, taken = _curve(scores, truth)
    recall = found / truth.sum()
    return float(np.sum(np.diff(recall, prepend=0.0) * found / taken))


def recall_at_fpr(scores: Scores, truth: Truth, most: float) -> float | None:
    """The highest recall of a threshold that flags at most the share `most` of the negatives."""
    negatives = int((~truth).sum())
    if not truth.any() or not negatives:
        return None
    found, taken = _curve(scores, truth)
    allowed = (taken - found) / negatives <= most
    return float(found[allowed].max() / truth.sum()) if allowed.any() else 0.0


def balanced_accuracy(scores: Scores, truth: Truth, threshold: float) -> float | None:
    """The mean of the shares of positives and of negatives on whose right side `score >= threshold` is."""
    if truth.all() or not truth.any():
        return None
    flagged = scores >= threshold
    return float((flagged[truth].mean() + (~flagged)[~truth].mean()) / 2)


def at_threshold(scores: Scores, truth: Truth, threshold: float) -> dict[str, float | None]:
    """Precision, recall, F1 and the false positive rate of `score >= threshold`."""
    flagged = scores >= threshold
    hits, false = int((flagged & truth).sum()), int((flagged & ~truth).sum())
    positives, negatives = int(truth.sum()), int((~truth).sum())
    return {
        "precision": hits / (hits + false) if hits + false else None,
        "recall": hits / positives if positives else None,
        "f1": 2 * hits / (2 * hits + false + positives - hits) if positives or false else None,
        "fpr": false / negatives if negatives else None,
    }


def macro_f1(guesses: list[str], answers: list[str]) -> float:
    """The mean over the answers' classes of each class's F1."""
    scores = []
    for name in sorted(set(answers)):
        hits = sum(guess == answer == name for guess, answer in zip(guesses, answers, strict=True))
        scores.append(2 * hits / (guesses.count(name) + answers.count(name)))
    return float(np.mean(scores))


def _curve(scores: Scores, truth: Truth) -> tuple[Scores, Scores]:
    """Positives found, and rows taken, at each distinct score from the highest down."""
    order = np.argsort(-scores, kind="stable")
    sorted_scores = scores[order]
    ends = np.append(np.flatnonzero(np.diff(sorted_scores)), len(scores) - 1)
    found = np.cumsum(truth[order])[ends].astype(np.float64)
    return found, (ends + 1).astype(np.float64)


def calibration_error(scores: Scores, truth: Truth, bins: int = 15) -> float | None:
    """Expected calibration error: how far scores are from the share of positives among rows that score alike."""
    if not len(scores):
        return None
    return float(
        sum(abs(mean - share) * count for mean, share, count in reliability(scores, truth, bins)) / len(scores)
    )


def reliability(scores: Scores, truth: Truth, bins: int = 15) -> list[tuple[float, float, int]]:
    """Mean score, share of positives and number of the rows in each of `bins` equal parts of 0 to 1; no empty ones."""
    place = np.minimum((scores * bins).astype(np.int64), bins - 1)
    used = [place == number for number in np.unique(place)]
    return [(float(scores[rows].mean()), float(truth[rows].mean()), int(rows.sum())) for rows in used]


RESAMPLES = 500


def resampled(counts: Scores, seed: int = 7) -> Scores:
    """Sums of per-row counts, shape (rows, columns), over rows drawn anew with replacement: (RESAMPLES, columns)."""
    rows = len(counts)
    draws = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1.0 / rows), size=RESAMPLES)
    sums: Scores = draws.astype(np.float64) @ counts
    return sums


def interval(
    figure: Callable[[Scores, Truth], float | None],
    scores: Scores,
    truth: Truth,
    *,
    resamples: int = 200,
    seed: int = 7,
) -> list[float] | None:
    """The 95 % bootstrap interval of a figure: it is worked out on rows drawn anew with replacement."""
    source = np.random.default_rng(seed)
    draws = (source.integers(0, len(scores), len(scores)) for _ in range(resamples))
    values = [value for rows in draws if (value := figure(scores[rows], truth[rows])) is not None]
    return [float(each) for each in np.quantile(values, (0.025, 0.975))] if values else None
