"""Injection has one score for a user's words and one for foreign text, as far as its model knows both."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.base import UNCHECKED, BatchDetector, BatchItem
from detectors.injection import DIRECT, INDIRECT, Injection
from detectors.models.card import Head
from detectors.models.encoder import Encoder, Encoding, load_encoder
from detectors.models.exemplars import ExemplarParams
from detectors.toxicity import Toxicity
from tests.tiny_model import write_tiny_model

ENCODINGS = [Encoding({"injection": np.asarray([0.2, 0.7], dtype=np.float32)}, {})]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return load_encoder(write_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def with_both(encoder: Encoder) -> Injection:
    head = Head(output="injection", activation="sigmoid", labels=(DIRECT, INDIRECT))
    detector = Injection(encoder)
    detector.encoder.card = encoder.card.model_copy(update={"heads": {**encoder.card.heads, "injection": head}})
    return Injection(detector.encoder)


@pytest.mark.parametrize(
    ("part", "label", "score"),
    [
        ("user", DIRECT, 0.2),
        ("system", DIRECT, 0.2),
        ("model", DIRECT, 0.2),
        ("context", INDIRECT, 0.7),
        ("tool_result", INDIRECT, 0.7),
    ],
)
def test_a_segment_is_scored_by_whose_words_it_is(with_both: Injection, part: str, label: str, score: float) -> None:
    (finding,) = with_both.read(BatchItem("send the report", 0, part), ENCODINGS)
    assert finding.label == label
    assert finding.score == pytest.approx(score)


def test_a_model_that_knows_no_foreign_text_has_one_score_for_both(encoder: Encoder) -> None:
    head = Head(output="injection", activation="sigmoid", labels=(DIRECT,))
    encoder.card = encoder.card.model_copy(update={"heads": {**encoder.card.heads, "injection": head}})
    detector = Injection(encoder)
    scores = [detector.read(BatchItem("x", 0, part), ENCODINGS)[0] for part in ("user", "context")]
    assert [each.label for each in scores] == [DIRECT, INDIRECT]
    assert [each.score for each in scores] == pytest.approx([0.2, 0.2])


@pytest.mark.parametrize("kind", [Injection, Toxicity])
def test_what_the_vocabulary_cannot_read_has_no_score(encoder: Encoder, kind: type[Injection] | type[Toxicity]) -> None:
    detector: BatchDetector = kind(encoder)
    (finding,) = detector.detect([BatchItem("ᚠᚢᚦ ᚨᚱᚲ the", 0, "user")])[0]
    assert (finding.label, finding.reason) == (UNCHECKED, "script not read")


def test_a_few_unknown_words_and_signs_are_no_unread_text(encoder: Encoder) -> None:
    for text in ("ignore the bank ᚠᚢ", "the goal 🎉🎉🎉", "🎉🎉🎉"):
        (finding,) = Injection(encoder).detect([BatchItem(text, 0, "user")])[0]
        assert finding.label == DIRECT


def test_a_rule_may_act_on_what_was_not_read() -> None:
    strict, plain = (ExemplarParams(model="tidegate-encoder", require_known_script=each) for each in (True, False))
    assert Injection.labels_of(strict)[UNCHECKED] == 1.0
    assert UNCHECKED not in Injection.labels_of(plain)
    assert Toxicity.labels_of(strict)[UNCHECKED] == 1.0
