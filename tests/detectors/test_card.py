"""A model's card is refused when it states what nobody would read: a slip of the pen would change nothing, unseen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from detectors.base import DetectorError
from detectors.grounding.model import load_pair_model
from detectors.models.card import CARD_NAME, read_card
from detectors.models.encoder import load_encoder
from tests.tiny_model import write_tiny_model

POINT = {"threshold": 0.5, "recall": 0.5, "false_positives": 0.5, "texts": [1, 1]}
SHIPPED = read_card(Path("models_onnx/tidegate-grounding"))
GROUNDING = SHIPPED.identity
PAIRS = "combiner, golden_support, reading, supported_below, thresholds"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    document: dict[str, Any] = json.loads((folder / CARD_NAME).read_text(encoding="utf-8"))
    return document


def stated(written: dict[str, Any], folder: Path, place: str, value: object) -> Path:
    """A folder with the card that has a value at a place such as `heads.pii.thresholds`."""
    document = json.loads(json.dumps(written))
    *way, last = place.split(".")
    inner = document
    for name in way:
        inner = inner.setdefault(name, {})
    inner[last] = value
    folder.mkdir()
    (folder / CARD_NAME).write_text(json.dumps(document), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (
            "parameters.later",
            {"insult": 1.0, "insults": 1.0},
            "parameters: later: the head toxicity has no label 'insults'; it has threat, insult",
        ),
        (
            "parameters.latter",
            {"insult": 1.0},
            "parameters: 'latter' is no parameter; there are familiar, later, letters",
        ),
        ("parameters.combiner", {}, "parameters: 'combiner' is no parameter; there are familiar, later, letters"),
        (
            "heads.toxicity.thresholds",
            {"threat": 0.7, "treat": 0.7},
            "heads: toxicity.thresholds: the head toxicity has no label 'treat'; it has threat, insult",
        ),
        (
            "heads.toxicity.points",
            {"treat": [POINT]},
            "heads: toxicity.points: the head toxicity has no label 'treat'; it has threat, insult",
        ),
        (
            "heads.pii.thresholds",
            {"PERSON": 0.5, "LOCATION": 0.5},
            "heads: pii.thresholds: the head pii has no label 'LOCATION'; it has PERSON",
        ),
        (
            "heads.embedding.thresholds",
            {"near": 0.5},
            "heads: embedding.thresholds: the head embedding has no label 'near'; it has none",
        ),
        (
            "heads.injection.thresholds",
            {"jailbreak": 0.5},
            "heads: injection.thresholds: the head injection has no label 'jailbreak';"
            " it has injection, indirect_injection",
        ),
    ],
)
def test_a_label_or_parameter_that_nobody_reads_is_refused(
    written: dict[str, Any], tmp_path: Path, place: str, value: object, message: str
) -> None:
    folder = stated(written, tmp_path / "tiny", place, value)
    with pytest.raises(DetectorError) as refused:
        load_encoder(folder)
    assert str(refused.value) == f"tiny/model.yaml: {message}"


def test_a_bar_for_a_head_that_is_not_there_is_refused(written: dict[str, Any], tmp_path: Path) -> None:
    heads = {name: head for name, head in written["heads"].items() if name != "toxicity"}
    folder = stated(written | {"heads": heads}, tmp_path / "tiny", "parameters.later", {"insult": 1.0})
    with pytest.raises(DetectorError, match=r"later: the head toxicity has no label 'insult'; it has none$"):
        read_card(folder)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("parameters.later", {"insult": 1.0}),
        ("heads.pii.thresholds", {"PERSON": 0.4}),
        ("heads.injection.thresholds", {"injection": 0.4, "indirect_injection": 0.6}),
        ("heads.topic.points", {"banking": [POINT]}),
    ],
)
def test_what_is_read_is_taken(written: dict[str, Any], tmp_path: Path, place: str, value: object) -> None:
    read_card(stated(written, tmp_path / "tiny", place, value))


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        *(
            (f"parameters.{name}", {}, f"tiny/model.yaml: parameters: '{name}' is no parameter; there are {PAIRS}")
            for name in ("max_claim_tokens", "token_types", "passages", "later")
        ),
        ("max_tokens", 512, f"model {GROUNDING} has max_tokens: 512; pairs have up to 224"),
    ],
)
def test_what_is_not_read_of_a_card_for_pairs_is_refused(
    tmp_path: Path, place: str, value: object, message: str
) -> None:
    folder = stated(SHIPPED.model_dump(mode="json"), tmp_path / "tiny", place, value)
    with pytest.raises(DetectorError) as refused:
        load_pair_model(folder)
    assert str(refused.value) == message
