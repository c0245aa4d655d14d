"""The figures of merit, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.evaluation.metrics import (
    at_threshold,
    auc,
    auprc,
    calibration_error,
    interval,
    macro_f1,
    recall_at_fpr,
    reliability,
    resampled,
)


def arrays(*pairs: tuple[float, int]) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray([score for score, _ in pairs]), np.asarray([bool(label) for _, label in pairs])


MIXED = arrays((0.9, 1), (0.8, 0), (0.7, 1), (0.7, 0), (0.2, 0))


def test_auc_counts_pairs_and_ties_half() -> None:
    assert auc(*MIXED) == pytest.approx((3 + 1.5) / 6)


def test_average_precision_weights_by_recall() -> None:
    assert auprc(*MIXED) == pytest.approx(0.5 * 1.0 + 0.5 * (2 / 4))


def test_recall_at_a_false_positive_rate() -> None:
    assert recall_at_fpr(*MIXED, 0.0) == 0.5
    assert recall_at_fpr(*MIXED, 0.7) == 1.0
    assert recall_at_fpr(*arrays((0.9, 0), (0.1, 1)), 0.01) == 0.0


def test_figures_at_a_threshold() -> None:
    assert at_threshold(*MIXED, 0.7) == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "fpr": 2 / 3}


def test_one_class_defines_less() -> None:
    assert auc(*arrays((0.1, 1))) is None
    assert at_threshold(*arrays((0.9, 1), (0.1, 1)), 0.5)["fpr"] is None
    assert at_threshold(*arrays((0.1, 0)), 0.5) == {"precision": None, "recall": None, "f1": None, "fpr": 0.0}


def test_macro_f1_is_over_the_answers() -> None:
    assert macro_f1(["a", "a", "b", "c"], ["a", "b", "b", "b"]) == pytest.approx((2 / 3 + 2 / 4) / 2)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_auc_equals_its_definition(rows: list[tuple[int, bool]]) -> None:
    scores, truth = np.asarray([float(score) for score, _ in rows]), np.asarray([label for _, label in rows])
    wins = [(float(a > b) + float(a == b) / 2) for a in scores[truth] for b in scores[~truth]]
    assert auc(scores, truth) == (pytest.approx(np.mean(wins)) if wins else None)


def test_calibration_compares_scores_with_what_came_true() -> None:
    scores, truth = arrays((0.25, 0), (0.25, 0), (0.25, 0), (0.25, 1), (0.9, 1), (0.9, 0))
    assert reliability(scores, truth, bins=10) == [(0.25, 0.25, 4), (pytest.approx(0.9), 0.5, 2)]
    assert calibration_error(scores, truth, bins=10) == pytest.approx(0.4 * 2 / 6)
    assert calibration_error(*arrays((1.0, 1))) == 0.0


def test_an_interval_holds_its_figure_and_is_the_same_every_time() -> None:
    source = np.random.default_rng(1)
    truth = source.random(300) < 0.4
    scores = np.where(truth, 0.6, 0.4) + source.normal(0, 0.2, 300)
    low, high = interval(auc, scores, truth) or (1.0, 0.0)
    assert low < (auc(scores, truth) or 0.0) < high < low + 0.15
    assert interval(auc, scores, truth) == [low, high]
    assert interval(auc, scores, np.ones(300, dtype=bool)) is None


def test_resampled_counts_have_the_mean_of_the_rows() -> None:
    counts = np.asarray([[1.0, 0.0], [3.0, 1.0], [2.0, 5.0]])
    assert resampled(counts).mean(axis=0) == pytest.approx(counts.sum(axis=0), rel=0.1)
