"""The experiment on early layers: its bars lose what they may, and its network learns."""

from __future__ import annotations

import random

import numpy as np
import pytest

from benchmarks.depth.__main__ import _bar, fitted, inputs_of, segments_in
from benchmarks.depth.early import KINDS, LAYERS, Read
from training.encoder.rows import Example


@pytest.mark.parametrize("lost", (0.0, 0.001, 0.01, 0.25))
def test_a_bar_loses_no_more_than_it_may(lost: float) -> None:
    found = np.random.default_rng(1).normal(size=990).astype(np.float32)
    bar = _bar(found, lost)
    assert (found < bar).mean() <= lost
    assert (found <= bar).mean() > lost


def test_nothing_is_cleared_where_nothing_was_found() -> None:
    assert _bar(np.zeros(0, dtype=np.float32), 0.001) == -np.inf


def test_the_network_learns_what_its_inputs_tell() -> None:
    x = np.random.default_rng(2).normal(size=(3000, 6)).astype(np.float32)
    wanted = (x[:, : len(KINDS)] > 0).astype(np.float32)
    assert ((fitted(x, wanted)(x) > 0) == (wanted > 0)).mean() > 0.97


def test_no_layer_leaves_the_n_grams() -> None:
    read = Read(
        pools=np.ones((2, LAYERS, 5), dtype=np.float16),
        known=np.zeros((2, 3), dtype=np.float32),
        margins=np.zeros((2, len(KINDS)), dtype=np.float32),
        pieces=np.ones(2, dtype=np.int64),
        sources=np.asarray(["a", "b"]),
    )
    assert inputs_of(read, 0).shape == (2, 3)
    assert inputs_of(read, 2).shape == (2, 8)


def test_every_kind_of_text_has_its_turn() -> None:
    many = [Example(f"number {each} of many", "a", "document") for each in range(20)]
    few = [Example(f"number {each} of few", "b", "benign") for each in range(2)]
    first = [each.source for each, _ in zip(segments_in([*many, *few], random.Random(1)), range(4), strict=False)]
    assert sorted(first) == ["benign", "benign", "document", "document"]
