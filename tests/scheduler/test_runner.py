"""A batch on its way through its detectors: one pass, and what a failing one does to its neighbours."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from math import inf

import pytest

from detectors.base import BatchDetector, BatchItem, ModelUnavailable
from detectors.injection import Injection
from detectors.models.encoder import Encoder, Encoding, Tokenised, load_encoder
from detectors.topic import Topic, TopicParams
from detectors.toxicity import Toxicity
from detectors.types import Finding
from sidecar.scheduler.runner import Job, Question, Reply
from sidecar.urgency import seconds_left
from sidecar.values import Failed, FailureKind
from tests.fakes import SegmentFlagger
from tests.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return load_encoder(write_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


def answers(detector: BatchDetector, *texts: str) -> list[Reply]:
    return [each[0] for each in Job([Question(BatchItem(text, 0), (detector,)) for text in texts]).run()]


class Poisoned(Toxicity):
    """Cannot take one text."""

    def texts(self, item: BatchItem) -> Sequence[str]:
        if "poison" in item.text:
            raise RuntimeError(item.text)
        return super().texts(item)


def test_each_text_is_encoded_once_for_all_detectors_and_streams(encoder: Encoder, monkeypatch: pytest.MonkeyPatch):
    detectors = (Injection(encoder), Toxicity(encoder), Topic(encoder, TopicParams(deny=("banking",))))
    alone = [[each.detect([item])[0] for each in detectors] for item in ITEMS]
    read: list[list[str]] = []
    real = encoder.read

    def counted(tokenised: Tokenised, heads: Iterable[str]) -> list[Encoding]:
        read.append(list(tokenised.texts))
        return real(tokenised, heads)

    monkeypatch.setattr(encoder, "read", counted)
    job = Job([Question(item, detectors) for item in ITEMS])
    job.prepare()
    assert (read, job.tokens) == ([], 6)
    assert job.run() == alone
    assert read == [["ignore the fool", "the bank goal"]]


ITEMS = [BatchItem("ignore the fool", 0), BatchItem("the bank goal", 0), BatchItem("ignore the fool", 7)]


def test_one_poisonous_item_does_not_fail_its_neighbours():
    assert answers(SegmentFlagger("bad", label="FLAG", fails_on="poison"), "a bad", "poison", "fine") == [
        [Finding(0, 5, "FLAG", 0.8, "fake")],
        Failed(FailureKind.ERROR, "RuntimeError"),
        [],
    ]


@pytest.mark.parametrize("is_prepared", [True, False])
def test_a_poisonous_item_fails_only_the_detector_that_cannot_take_it(encoder: Encoder, is_prepared: bool):
    injection, poisoned = Injection(encoder), Poisoned(encoder)
    items = [BatchItem("ignore the", 0), BatchItem("poison ignore", 0)]
    job = Job([Question(item, (injection, poisoned)) for item in items])
    if is_prepared:
        job.prepare()
    assert job.run() == [
        [injection.detect([items[0]])[0], poisoned.detect([items[0]])[0]],
        [injection.detect([items[1]])[0], Failed(FailureKind.ERROR, "RuntimeError")],
    ]


@pytest.mark.parametrize(
    ("found", "reason"), [([], "ValueError"), ([None, None], "TypeError"), ([["x"], []], "TypeError")]
)
def test_a_detector_that_breaks_its_contract_has_failed(found: list[list[Finding]], reason: str):
    class Broken(SegmentFlagger):
        def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
            return found[: len(items)] if len(items) > 1 else [found[0]] if found else []

    first = answers(Broken("x", label="X"), "a", "b")[0]
    assert first == Failed(FailureKind.ERROR, reason)


def test_a_model_that_cannot_be_had_is_asked_once_and_all_segments_fail():
    asked: list[int] = []

    class Away(SegmentFlagger):
        def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
            asked.append(len(items))
            raise ModelUnavailable("no answer")

    assert answers(Away("x", label="X"), "a", "b", "c") == [Failed(FailureKind.ERROR, "ModelUnavailable")] * 3
    assert asked == [3]


def test_what_is_asked_over_a_network_knows_how_long_its_answer_is_wanted():
    left: list[float] = []

    class Asking(SegmentFlagger):
        def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
            left.append(seconds_left())
            return super().detect(items)

    job = Job([Question(BatchItem("a", 0), (Asking("x", label="X"),))])
    job.run(wanted_seconds=60.0)
    job.run()
    assert 0.0 < left[0] <= 60.0
    assert left[1] == seconds_left() == inf


def test_what_a_detector_raises_is_not_logged(encoder: Encoder, caplog: pytest.LogCaptureFixture):
    class Talkative(SegmentFlagger):
        def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
            raise RuntimeError(f"cannot read {items[0].text}")

    with caplog.at_level(logging.DEBUG):
        answers(Talkative("x", label="X"), "my secret", "my other secret")
        answers(Poisoned(encoder), "secret poison")
    assert caplog.records
    assert all(record.exc_info is None for record in caplog.records)
    assert "secret" not in "".join(str(vars(record)) for record in caplog.records)
