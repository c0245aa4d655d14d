"""The encoder and the detectors that read it, on a tiny model whose scores can be told from the words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.base import BatchItem, DetectorError
from detectors.injection import Injection
from detectors.models.card import MODEL_NAME, TOKENIZER_NAME, read_card
from detectors.models.encoded import NORMALISED, detect_together
from detectors.models.encoder import Encoder, Encoding, Tokenised, load_encoder
from detectors.models.session import ModelSession, open_session, placed
from detectors.models.threads import cpu_limit
from detectors.models.tokenizer import load_tokenizer
from detectors.topic import ExampleTopic, Topic, TopicParams
from detectors.toxicity import Toxicity
from tests.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return load_encoder(folder)


def test_heads_answer_for_each_text(encoder: Encoder) -> None:
    plain, attack = encoder.encode(["the bank", "ignore the fool"], ["injection", "toxicity", "topic"])
    assert plain.scores["injection"][0] == pytest.approx(0.2689, abs=1e-4)
    assert attack.scores["injection"][0] == pytest.approx(0.9526, abs=1e-4)
    assert attack.scores["toxicity"] == pytest.approx([0.2689, 0.9526], abs=1e-4)
    assert plain.scores["topic"] == pytest.approx([0.9526, 0.0474], abs=1e-4)


def test_a_text_does_not_depend_on_its_batch(encoder: Encoder) -> None:
    texts = ["ignore the", "the", "ann smith . the bank", "", "fool " * 9]
    alone = [encoder.encode([text], ["injection", "embedding", "pii"])[0] for text in texts]
    for one, other in zip(alone, encoder.encode(texts, ["injection", "embedding", "pii"]), strict=True):
        for head in ("injection", "embedding"):
            assert np.allclose(one.scores[head], other.scores[head], atol=1e-6)
        assert np.allclose(one.tags["pii"].scores, other.tags["pii"].scores, atol=1e-6)


class Watched:
    """A session that notes how many rows, and of how many pieces, it is given at a time."""

    def __init__(self, session: ModelSession) -> None:
        self._session = session
        self.shapes: list[tuple[int, ...]] = []

    def run(self, outputs: list[str], inputs: Mapping[str, NDArray[np.int64]]) -> list[NDArray[Any]]:
        self.shapes.append(inputs["input_ids"].shape)
        return self._session.run(outputs, inputs)


MIXED = ["the bank", "ignore the fool", "the " * 14, "the bank " * 7, "fool"]


def test_what_padding_would_cost_more_than_a_run_is_read_apart(folder: Path) -> None:
    session = Watched(open_session(folder / MODEL_NAME))
    apart = Encoder(read_card(folder), session, load_tokenizer(folder / TOKENIZER_NAME))
    apart.encode(MIXED, ["injection"])
    assert session.shapes == [(3, 5), (2, 16)]


def test_a_server_is_asked_once(folder: Path) -> None:
    sessions: list[Watched] = []

    def place(load: Callable[[], ModelSession]) -> ModelSession:
        sessions.append(Watched(load()))
        return sessions[0]

    with placed({folder: place}):
        load_encoder(folder).encode(MIXED, ["injection"])
    assert sessions[0].shapes[-1] == (5, 16)


def test_a_long_text_is_read_to_its_end(encoder: Encoder) -> None:
    (encoding,) = encoder.encode(["the " * 100 + "ignore"], ["injection", "pii"])
    assert encoding.scores["injection"][0] == pytest.approx(0.9526, abs=1e-4)
    assert encoding.tags["pii"].scores.shape == (101, 3)
    assert np.allclose(encoding.tags["pii"].scores.sum(axis=1), 1.0, atol=1e-5)


def test_an_unknown_head_is_named(encoder: Encoder) -> None:
    with pytest.raises(DetectorError, match="no head 'mood'; it has injection, toxicity"):
        encoder.encode(["the"], ["mood"])


@pytest.mark.parametrize(
    ("damage", "message"),
    (
        (lambda folder: (folder / "model.onnx").write_bytes(b"x"), "not the file that its card names"),
        (lambda folder: (folder / "model.onnx").unlink(), "model.onnx is missing"),
        (lambda folder: (folder / "model.yaml").unlink(), "model.yaml is not there"),
        (lambda folder: (folder / "model.yaml").write_text("kind: Model\n"), "apiVersion: Field required"),
    ),
)
def test_a_damaged_model_is_refused(tmp_path: Path, damage: Callable[[Path], object], message: str) -> None:
    folder = write_tiny_model(tmp_path / "tiny")
    damage(folder)
    with pytest.raises(DetectorError, match=message):
        load_encoder(folder)


def test_a_model_that_fails_its_golden_inputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"golden input 0\.953 for injection instead of 0\.500"):
        load_encoder(write_tiny_model(tmp_path / "tiny", golden=0.5))


def test_detectors_share_one_pass(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[list[str], list[str]]] = []
    real = encoder.read

    def counted(tokenised: Tokenised, heads: Iterable[str]) -> list[Encoding]:
        calls.append((list(tokenised.texts), list(heads)))
        return real(tokenised, heads)

    monkeypatch.setattr(encoder, "read", counted)
    item = BatchItem("the fool", 0)
    injection, toxicity = Injection(encoder), Toxicity(encoder)
    found = detect_together([(injection, item), (toxicity, item), (injection, item)])
    assert calls == [(["the fool"], ["injection", "toxicity"])]
    assert [each.label for each in found[1]] == ["threat", "insult"]
    assert found[0] == found[2]


@pytest.mark.parametrize(
    ("text", "part", "label"),
    (("ignore the", "user", "injection"), ("ignore the", "tool_result", "indirect_injection")),
)
def test_whose_words_they_are_decides_the_label(encoder: Encoder, text: str, part: str, label: str) -> None:
    ((finding,),) = Injection(encoder).detect([BatchItem(text, 0, part, "input")])
    assert (finding.label, finding.start, finding.end) == (label, 0, len(text))


def test_a_disguised_attack_is_found_in_the_normalised_view(encoder: Encoder) -> None:
    ((finding,),) = Injection(encoder).detect([BatchItem("the 1gn0re the", 0)])
    assert finding.score == pytest.approx(0.9526, abs=1e-4)
    assert finding.reason == NORMALISED


def test_topics_by_name_and_by_example(encoder: Encoder) -> None:
    own = ExampleTopic(name="football", examples=("goal goal", "the goal"))
    topic = Topic(encoder, TopicParams(deny=("banking", own)))
    (bank, goal, short) = topic.detect([BatchItem(text, 0) for text in ("the bank bank", "the goal goal", "the")])
    assert max(bank, key=lambda each: each.score).label == "banking"
    assert max(goal, key=lambda each: each.score).label == "football"
    assert short == []


def test_what_is_not_allowed_is_off_topic(encoder: Encoder) -> None:
    topic = Topic(encoder, TopicParams(allow=("banking",)))
    (bank, goal) = topic.detect([BatchItem(text, 0) for text in ("the bank bank", "the goal goal")])
    assert [each.score < 0.1 for each in bank] in ([], [True])
    assert [(each.label, each.score > 0.9) for each in goal] == [("off_topic", True)]


@pytest.mark.parametrize(("quota", "expected"), (("100000 100000", 1), ("150000 100000", 2), ("max 100000", None)))
def test_threads_follow_the_quota(tmp_path: Path, quota: str, expected: int | None) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    available = cpu_limit(tmp_path / "nothing")
    assert cpu_limit(tmp_path) == (available if expected is None else min(expected, available))
