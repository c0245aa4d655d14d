"""Figures of merit for scores against labels. Plain definitions, on numpy arrays; ties in scores are handled exactly.

`scores` are floats of shape (rows,), higher means more likely positive; `truth` is bool of that shape. A figure that a
set does not define (one class only) is None.
"""

from __future__ import annotations

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
