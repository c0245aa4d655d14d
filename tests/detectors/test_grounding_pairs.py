"""What the pair model is given, and how its answers are joined with the exact checks."""

from __future__ import annotations

import math

import pytest

from detectors.grounding.combiner import ALL_FEATURES, MODEL_FEATURES, Combiner, PairAnswer, expand, model_features
from detectors.grounding.features import FEATURES
from detectors.grounding.pairs import CLS, MAX_CLAIM_TOKENS, MAX_TOKENS, SEP, fits, pair_inputs

CONTINUES = [False] * 200 + [True] * 100


def test_whole_words_of_the_other_side_are_marked() -> None:
    """11 and 12+201 are words; 12 alone is another word than 12+201."""
    ids, types = pair_inputs([11, 12, 201, 13], [12, 14, 13, 12, 201], continues=CONTINUES)
    assert ids == [CLS, 11, 12, 201, 13, SEP, 12, 14, 13, 12, 201, SEP]
    assert types == [0, 0, 1, 1, 1, 0, 2, 2, 3, 3, 3, 2]


def test_long_pairs_are_cut_and_say_so() -> None:
    claim, evidence = [11] * 150, [12] * 400
    ids, types = pair_inputs(claim, evidence, continues=CONTINUES)
    assert len(ids) == len(types) == MAX_TOKENS
    assert ids.index(SEP) == MAX_CLAIM_TOKENS + 1
    assert not fits(claim, evidence)
    assert fits(claim[:20], evidence[:100])


def test_an_empty_side_is_no_error() -> None:
    assert pair_inputs([], [], continues=CONTINUES) == ([CLS, SEP, SEP], [0, 0, 2])


def test_the_best_evidence_decides() -> None:
    weak = PairAnswer((0.0, 1.0, 0.0), (3.0, 1.0), is_gathered=False)
    strong = PairAnswer((4.0, 0.0, 0.0), (-2.0, -4.0), is_gathered=True)
    values = dict(zip(MODEL_FEATURES, model_features([weak, strong]), strict=True))
    assert values["support_max"] == values["support_gathered"] == pytest.approx(4.0 - math.log(2.0))
    assert values["support_first"] == pytest.approx(-math.log(math.e + 1.0))
    assert (values["token_worst"], values["token_mean"]) == (-2.0, -3.0)


def test_without_gathered_evidence_the_best_piece_stands_for_it() -> None:
    values = dict(
        zip(MODEL_FEATURES, model_features([PairAnswer((1.0, 0.0, 0.0), (), is_gathered=False)]), strict=True)
    )
    assert values["support_gathered"] == values["support_max"]


def test_the_combiner_is_a_logistic_regression_over_named_features() -> None:
    combiner = Combiner.from_card({"weights": {"support_max": 2.0, "best_recall": 1.0}, "bias": -1.0})
    model = [0.5] + [0.0] * (len(MODEL_FEATURES) - 1)
    lexical = [0.25] + [0.0] * (len(FEATURES) - 1)
    assert combiner.support(model, lexical) == pytest.approx(1.0 / (1.0 + math.exp(-(2.0 * 0.5 + 0.25 - 1.0))))


def test_overlap_counts_again_in_a_long_context() -> None:
    lexical = dict.fromkeys(FEATURES, 0.0) | {"best_recall": 0.6, "is_long": 0.5}
    values = dict(zip(ALL_FEATURES, expand([0.0] * len(MODEL_FEATURES), list(lexical.values())), strict=True))
    assert values["best_recall"] == 0.6
    assert values["best_recall:long"] == pytest.approx(0.3)


def test_a_card_with_an_unknown_feature_is_refused() -> None:
    with pytest.raises(ValueError, match="speed_of_light"):
        Combiner.from_card({"weights": {"speed_of_light": 1.0}, "bias": 0.0})
