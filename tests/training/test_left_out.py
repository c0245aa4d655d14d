"""Weights are judged on a source by rows that are not its own."""

from __future__ import annotations

import numpy as np
import pytest

from training.grounding.left_out import COLUMNS, Judged, combinations, groups_of, logits
from training.grounding.rows import Row

TRUTH = np.array([True, True, False, False] * 2)
GROUPS = {"first": np.arange(8) < 4, "second": np.arange(8) >= 4}


def test_a_source_that_is_left_out_has_no_say() -> None:
    good, bad = [0.9, 0.8, 0.2, 0.1], [0.1, 0.2, 0.8, 0.9]
    judged = Judged(np.array(good + bad), TRUTH, GROUPS)
    assert judged.of == {"first": 1.0, "second": 0.0}
    assert judged.score("second") == 1.0
    assert judged.score("first") == 0.0
    assert judged.score() == pytest.approx(0.5)


def test_choices_replace_a_cards_weights_and_its_others_stay() -> None:
    every = list(combinations({"support_max": 0.25, "best_recall": 0.3}))
    assert {weights["support_max"] for weights in every} == {0.25}
    assert {weights["best_recall"] for weights in every} == {0.347, 0.0}


def test_weights_are_read_by_the_names_of_the_columns() -> None:
    x = np.zeros((1, len(COLUMNS)))
    x[0, COLUMNS.index("length")] = 0.5
    assert logits(x, {"length": 2.0, "support_max": 9.0}) == pytest.approx([1.0])


def test_a_source_counts_with_enough_rows_of_both_kinds() -> None:
    rows = [Row(("a",), "b", "supported", None, source) for source in ["snli_dev"] * 40 + ["rte"] * 40 + ["fm2"] * 39]
    truth = np.arange(len(rows)) % 2 == 0
    truth[40:80] = True
    assert list(groups_of(rows, truth)) == ["snli"]
