"""What comes later in a text is judged by a higher bar for its toxicity, however the text came."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.base import FIRST_CHARS, BatchItem, DetectorError
from detectors.models.card import Card
from detectors.models.encoder import Encoding
from detectors.models.later import Later, later_in
from detectors.toxicity import HEAD, Toxicity
from sidecar.core.stream import Stream
from sidecar.policy.plan import Plan
from sidecar.values import Action, Direction, Lane
from tests.fakes import SegmentFlagger, plan, rule
from tests.streams import NASTY, cut_at


@pytest.fixture
def detector() -> Toxicity:
    return Toxicity.build(Toxicity.params())


def logit(score: float) -> float:
    return math.log(score / (1 - score))


def test_a_shift_is_taken_off_the_logit_of_its_label() -> None:
    lowered = Later([1.5, 0.0]).lowered(np.asarray([0.93, 0.93], dtype=np.float32))
    assert logit(lowered[0]) == pytest.approx(logit(0.93) - 1.5, abs=1e-5)
    assert lowered[1] == pytest.approx(0.93)


def test_no_score_rises_and_all_keep_their_order() -> None:
    before = np.asarray([0.0, 1e-6, 0.05, 0.5, 0.93, 0.9999, 1.0], dtype=np.float32)
    lowered = Later([1.5] * len(before)).lowered(before)
    assert (lowered <= before).all()
    assert [*lowered] == sorted(lowered)


def with_shifts(card: Card, shifts: object) -> Card:
    return card.model_copy(update={"parameters": {"later": shifts}})


def test_only_what_is_later_is_lowered_and_only_of_labels_with_a_shift(detector: Toxicity) -> None:
    detector._later = later_in(with_shifts(detector.encoder.card, {"insult": 1.5}), detector._names)
    encoding = Encoding({HEAD: np.full(len(detector._names), 0.9, dtype=np.float32)}, {})
    for is_later, insult in ((False, logit(0.9)), (True, logit(0.9) - 1.5)):
        found = detector.read(BatchItem("words", 0, is_later=is_later), [encoding])
        wanted = dict.fromkeys(detector._names, logit(0.9)) | {"insult": insult}
        assert {each.label: logit(each.score) for each in found} == pytest.approx(wanted, abs=1e-5)


def test_a_card_that_tells_nothing_changes_nothing(detector: Toxicity) -> None:
    assert later_in(detector.encoder.card.model_copy(update={"parameters": {}}), detector._names) is None


@pytest.mark.parametrize("shifts", [{"insult": "far"}, {"insult": -0.5}, {"insult": 99}, ["insult"]])
def test_shifts_that_are_none_are_refused(detector: Toxicity, shifts: object) -> None:
    with pytest.raises(DetectorError, match=r"later: .*; install the model again"):
        later_in(with_shifts(detector.encoder.card, shifts), detector._names)


def places_of(guarded: Plan, pieces: Sequence[str]) -> list[tuple[int, bool]]:
    stream = Stream(guarded)
    requests = [*(each for piece in pieces for each in stream.feed(Lane(), piece)), *stream.close()]
    return [(each.start, each.item(Direction.OUTPUT).is_later) for _, each in requests if not each.is_early]


@given(
    text=st.text(NASTY, max_size=40).map(lambda text: (text + " word") * 20),
    places=st.lists(st.integers(0, 500), max_size=8),
)
def test_whether_a_segment_is_later_depends_on_the_text_alone(text: str, places: list[int]) -> None:
    guarded = plan((SegmentFlagger("flagged"), [rule(Action.BLOCK, "FLAG")]), max_segment_tokens=16)
    whole = places_of(guarded, [text])
    assert whole == places_of(guarded, cut_at(text, [min(each, len(text)) for each in places]))
    assert whole == [(start, start >= FIRST_CHARS) for start, _ in whole]
