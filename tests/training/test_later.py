"""The bar for what comes later in a text: what it may lose, where posts are put, and what the card is told."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality.harmless import SUBJECTS
from detectors.models.card import CARD_NAME, read_card
from training.encoder.card_file import write_parameter
from training.encoder.labels import TOXICITY
from training.encoder.later import LEAST_FOUND, MOST_CHARS, Draft, Text, joined, shifts_of
from training.encoder.synthetic.passages import KINDS

BARS = np.zeros(len(TOXICITY))
INSULT, THREAT = TOXICITY.index("insult"), TOXICITY.index("threat")


def post(label: int, logit: float, *, is_later: bool = True) -> Text:
    """A post of one label whose only segment has that logit for it."""
    logits = np.full((1, len(TOXICITY)), -4.0)
    logits[0, label] = logit
    labels = tuple(number == label for number in range(len(TOXICITY)))
    return Text(Draft("x", "post", (0, 1), labels), logits, np.asarray([is_later]))


def test_a_tenth_of_what_is_found_is_lost() -> None:
    posts = [*(post(INSULT, each / 10) for each in range(100)), *(post(INSULT, -1.0) for _ in range(50))]
    shifts = shifts_of(posts, BARS, 0.1)
    found = [sum(each.fires(BARS, bar) for each in posts) for bar in (0 * shifts, shifts)]
    assert found == [100, 90]


def test_labels_with_few_posts_keep_their_bar() -> None:
    many, few = [post(INSULT, 2.0)] * LEAST_FOUND, [post(THREAT, 2.0)] * (LEAST_FOUND - 1)
    shifts = shifts_of([*many, *few], BARS, 0.1)
    assert dict(zip(TOXICITY, shifts, strict=True)) == dict.fromkeys(TOXICITY, 0.0) | {"insult": pytest.approx(2.0)}


def test_the_beginning_of_a_text_keeps_its_bar() -> None:
    shifts = np.full(len(TOXICITY), 3.0)
    assert [post(INSULT, 2.0, is_later=each).fires(BARS, shifts) for each in (False, True)] == [True, False]


def test_texts_are_of_all_lengths() -> None:
    lengths = [len(text) for text in joined(["a word or two."] * 9, random.Random(1), 200)]
    assert min(lengths) < 200
    assert max(lengths) <= MOST_CHARS
    assert sum(each > 1000 for each in lengths) > 40


def test_no_sentence_of_the_benchmark_is_fitted_on() -> None:
    own = {sentence for kind in KINDS.values() for sentence in kind}
    assert not own.intersection(sentence for subject in SUBJECTS.values() for sentence in subject)


def test_the_card_is_told_and_nothing_else_changes(tmp_path: Path) -> None:
    shipped = Path("models_onnx/tidegate-encoder") / CARD_NAME
    shutil.copy(shipped, tmp_path)
    write_parameter(tmp_path, "later", {"insult": 1.25})
    before, after = read_card(shipped.parent), read_card(tmp_path)
    assert after.parameters["later"] == {"insult": 1.25}
    without = {key: value for key, value in after.parameters.items() if key != "later"}
    assert without == {key: value for key, value in before.parameters.items() if key != "later"}
    assert after.model_copy(update={"parameters": {}}) == before.model_copy(update={"parameters": {}})
