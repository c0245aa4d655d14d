"""Weights that were read back from an exported int8 model are those that it was made of, but for the rounding."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest

from training.graph import Feed, Floats, Ranges, input_ranges
from training.grounding.graph import INPUTS, Weights, build
from training.grounding.restore import restored
from training.sessions import cpu_session

VOCABULARY, WIDTH, INNER, LAYERS = 60, 32, 64, 2


def random_weights() -> dict[str, Floats]:
    rng = np.random.default_rng(3)
    found: dict[str, Floats] = {}

    def linear(name: str, out: int, size: int) -> None:
        found[f"{name}.weight"] = rng.normal(0, size**-0.5, (out, size)).astype(np.float32)
        found[f"{name}.bias"] = rng.normal(0, 0.1, out).astype(np.float32)

    def norm(name: str) -> None:
        found[f"{name}.weight"] = rng.normal(1, 0.1, WIDTH).astype(np.float32)
        found[f"{name}.bias"] = rng.normal(0, 0.1, WIDTH).astype(np.float32)

    for kind, rows in (("word", VOCABULARY), ("position", 20), ("token_type", 4)):
        table = rng.normal(0, 1, (rows, WIDTH)).astype(np.float32)
        found[f"encoder.embeddings.{kind}_embeddings.weight"] = table
    norm("encoder.embeddings.LayerNorm")
    for layer in (f"encoder.encoder.layer.{number}" for number in range(LAYERS)):
        for part in ("query", "key", "value"):
            linear(f"{layer}.attention.self.{part}", WIDTH, WIDTH)
        linear(f"{layer}.attention.output.dense", WIDTH, WIDTH)
        norm(f"{layer}.attention.output.LayerNorm")
        linear(f"{layer}.intermediate.dense", INNER, WIDTH)
        linear(f"{layer}.output.dense", WIDTH, INNER)
        norm(f"{layer}.output.LayerNorm")
        found[f"{layer}.intermediate.dense.bias"][5] += 9.0  # a neuron that the export writes as several
    linear("hidden", WIDTH, 2 * WIDTH)
    linear("labels", 3, WIDTH)
    linear("tokens", 1, WIDTH)
    return found


def feed(seed: int) -> Feed:
    ids = np.random.default_rng(seed).integers(1, VOCABULARY, (3, 12))
    return dict(zip(INPUTS, (ids, np.ones_like(ids), np.arange(12)[None].repeat(3, 0) // 3), strict=True))


def labels_of(model: onnx.ModelProto) -> Floats:
    session = cpu_session(model.SerializeToString())
    return np.asarray(session.run(["label_logits"], dict(feed(99)))[0])


def graph_of(weights: Weights, ranges: Ranges | None = None) -> tuple[onnx.ModelProto, Mapping[str, str]]:
    return build(weights, heads=4, layers=LAYERS, epsilon=1e-12, ranges=ranges)


@pytest.fixture
def exported(tmp_path: Path) -> tuple[Weights, Path]:
    weights = random_weights()
    plain, watched = graph_of(weights)
    ranges = input_ranges(plain, watched, [feed(seed) for seed in range(6)])
    path = tmp_path / "model.onnx"
    onnx.save(graph_of(weights, ranges)[0], path)
    return weights, path


def test_what_is_restored_has_the_names_and_shapes_of_what_was_exported(exported: tuple[Weights, Path]) -> None:
    weights, path = exported
    assert {name: value.shape for name, value in restored(path).items()} == {
        name: value.shape for name, value in weights.items()
    }


def test_restored_weights_answer_as_the_exported_ones(exported: tuple[Weights, Path]) -> None:
    weights, path = exported
    before = labels_of(graph_of(weights)[0])
    after = labels_of(graph_of(restored(path))[0])
    assert np.abs(after - before).max() < 0.02
    assert np.abs(before - before.mean(0)).max() > 0.1, "the answers do not differ from one another"


def test_matrices_are_within_the_steps_of_int8(exported: tuple[Weights, Path]) -> None:
    weights, path = exported
    back = restored(path)
    for part in ("attention.self.query", "intermediate.dense", "output.dense"):
        name = f"encoder.encoder.layer.1.{part}.weight"
        assert np.abs(back[name] - weights[name]).max() < 0.03 * np.abs(weights[name]).max(), part
