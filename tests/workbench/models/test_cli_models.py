"""`tidegate models` without PyTorch: what there is, whether it is whole, and what is said when it cannot be had."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from detectors.models.encoded import model_folder, shared_encoder
from detectors.models.places import Places, places, use_places
from sidecar.cli.main import main
from sidecar.errors import ModelError
from tests.tiny_model import write_tiny_model
from workbench.models import sources
from workbench.models.labels import HEADS, map_labels
from workbench.models.presets import PRESETS


@pytest.fixture(autouse=True)
def _places_are_put_back() -> Iterator[None]:
    before = places()
    yield
    use_places(before)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    write_tiny_model(tmp_path / "tiny")
    return tmp_path


def _run(models: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["models", *arguments, "--models-dir", str(models)])


def test_the_list_names_your_models_and_those_shipped(models: Path) -> None:
    done = _run(models, "list", "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["tiny"]["heads"] == ["embedding", "injection", "pii", "topic", "toxicity"]
    assert (rows["tiny"]["shipped"], rows["tidegate-encoder"]["shipped"]) == (False, True)
    assert "tiny " in _run(models, "list").stdout


def test_a_card_that_cannot_be_read_is_listed_with_its_problem(models: Path) -> None:
    (models / "tiny" / "model.yaml").write_text("kind: Model\n")
    done = _run(models, "list")
    assert (done.exit_code, "apiVersion: Field required" in done.stdout) == (0, True)


def test_a_whole_model_is_fine(models: Path) -> None:
    done = _run(models, "verify", "tiny")
    assert (done.exit_code, done.stdout) == (0, "tiny: ok\n")


@pytest.mark.slow
def test_the_shipped_models_are_fine(tmp_path: Path) -> None:
    done = _run(tmp_path / "none", "verify", "--json")
    assert done.exit_code == 0, done.output
    assert set(json.loads(done.stdout)) == {"tidegate-encoder", "tidegate-grounding"}


@pytest.mark.parametrize(
    ("damage", "message"),
    (
        (lambda folder: (folder / "model.onnx").write_bytes(b"x"), "model.onnx is not the file that its card names"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json is missing; install the model again"),
        (lambda folder: write_tiny_model(folder, golden=0.5), "gives a golden input 0.953 for injection instead of"),
    ),
)
def test_a_damaged_model_is_told_with_exit_status_1(
    models: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(models / "tiny")
    done = _run(models, "verify", "tiny")
    assert done.exit_code == 1
    assert message in done.stderr


def test_a_model_that_is_not_there_is_told_with_those_that_are(models: Path) -> None:
    for command in ("verify", "card"):
        done = _run(models, command, "mine")
        assert done.exit_code == 2
        assert "no model named 'mine'; there are: tidegate-encoder, tidegate-grounding, tiny" in done.stderr


def test_the_card_is_printed_as_it_is(models: Path) -> None:
    assert _run(models, "card", "tiny").stdout == (models / "tiny" / "model.yaml").read_text()


def test_a_model_replaced_on_the_disk_is_loaded_anew(models: Path) -> None:
    use_places(Places((models,)))
    assert model_folder("tiny") == models / "tiny"
    first = shared_encoder("tiny")
    assert shared_encoder("tiny") is first
    write_tiny_model(models / "tiny", max_tokens=12)
    assert shared_encoder("tiny").card.max_tokens == 12
    assert first.card.max_tokens == 16


def test_your_model_is_found_before_one_that_is_shipped(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "tidegate-encoder")
    use_places(Places((tmp_path,)))
    assert shared_encoder("tidegate-encoder").card.metadata.name == "tiny"


@pytest.mark.parametrize(
    ("arguments", "message"),
    (
        ([], "say who reads the model"),
        (["--detector", "injection"], "name a folder"),
        (["--preset", "toxic-bert", "--detector", "injection"], "the preset is for toxicity, not for injection"),
        (["x", "--detector", "injection", "--label", "SAFE"], "'SAFE' is not NAME=VALUE"),
        (["x", "--detector", "injection", "--threshold", "injection=2"], "a threshold is a number from 0 to 1"),
    ),
)
def test_misuse_is_told(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = _run(tmp_path, "add", *arguments)
    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr


def test_without_pytorch_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    folder = tmp_path / "original"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    done = _run(tmp_path / "models", "add", str(folder), "--detector", "injection")
    assert done.exit_code == 2
    assert "needs torch, which is not installed: pip install 'tidegate-sidecar[models]'" in done.stderr


@pytest.mark.parametrize(
    ("source", "message"),
    (("./nowhere", "there is no folder ./nowhere"), ("a/b/c", "no id of a hub"), ("word", "no id of a hub")),
)
def test_a_source_that_is_none_is_told(source: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        sources.folder_of(source)


def test_a_silent_hub_is_an_error_and_no_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(sources, "_ANSWER_SECONDS", 0.2)
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        with pytest.raises(ModelError, match="owner/model: the hub cannot be reached; give a folder"):
            sources.folder_of("owner/model")


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_maps_labels_that_its_detector_can_read(name: str) -> None:
    preset = PRESETS[name]
    found = [f"I-{label}" if preset.detector == "pii" else label for label in preset.labels]
    head = map_labels(
        preset.detector,
        [*found, "O" if preset.detector == "pii" else "nothing"],
        chosen=preset.labels,
        thresholds=preset.thresholds,
        is_multi_label=preset.is_multi_label,
    )
    assert preset.detector in HEADS
    assert set(head.head.thresholds) == set(preset.labels.values())


@pytest.mark.parametrize(
    ("detector", "labels", "names", "groups"),
    (
        ("injection", ["SAFE", "INJECTION"], ("injection",), ((1,),)),
        ("injection", ["LABEL_0", "LABEL_1"], ("injection",), ((1,),)),
        ("injection", ["BENIGN", "INJECTION", "JAILBREAK"], ("injection",), ((1, 2),)),
        ("toxicity", ["neutral", "toxic"], ("toxicity",), ((1,),)),
        ("topic", ["World News", "Sports"], ("world_news", "sports"), ((0,), (1,))),
        ("pii", ["O", "B-PER", "I-PER"], ("O", "B-PERSON", "I-PERSON"), ((0,), (1,), (2,))),
        ("pii", ["GIVENNAME", "SURNAME", "O"], ("I-PERSON", "O"), ((0, 1), (2,))),
    ),
)
def test_labels_are_understood_by_their_names(
    detector: str, labels: list[str], names: tuple[str, ...], groups: tuple[tuple[int, ...], ...]
) -> None:
    head = map_labels(detector, labels, chosen={}, thresholds={}, is_multi_label=False)
    assert (head.head.labels, head.groups) == (names, groups)


@pytest.mark.parametrize(
    ("detector", "labels", "message"),
    (
        ("injection", ["A", "B", "C"], "say what the labels mean, with --label NAME=MEANING; the model has A, B, C"),
        ("injection", ["YES", "DOES"], "no label says that nothing was found"),
        ("pii", ["B-PER", "I-PER"], "needs the label 'O'"),
    ),
)
def test_labels_that_say_nothing_are_told(detector: str, labels: list[str], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        map_labels(detector, labels, chosen={}, thresholds={}, is_multi_label=False)
