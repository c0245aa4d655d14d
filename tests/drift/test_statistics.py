"""The two tests: their distances by hand, their false alarms as stated, and that they find what changed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sidecar.drift.statistics import (
    centroid_distance,
    centroids_differ,
    counts_differ,
    stability_index,
)


def counts(*numbers: int) -> np.ndarray:
    return np.asarray(numbers, dtype=np.int64)


def test_the_index_is_that_of_the_books():
    # Half a count is added to each: shares of (1/6, 5/6) and (5/6, 1/6).
    assert stability_index(counts(0, 2), counts(2, 0)) == pytest.approx(2 * (4 / 6) * math.log(5))
    assert stability_index(counts(10, 20), counts(10, 20)) == 0.0


def test_the_distance_is_that_of_the_means():
    reference = np.asarray([[1, 0], [-1, 0]], dtype=np.float32)
    window = np.asarray([[3, 4], [3, 4]], dtype=np.float32)
    assert centroid_distance(reference, window) == pytest.approx(5.0)


def test_one_category_tells_nothing():
    assert not counts_differ(counts(100), counts(50), chance=0.5, rng=np.random.default_rng(1))


@pytest.mark.parametrize("chance", [0.1, 0.02])
def test_false_alarms_of_counts_are_as_stated(chance: float):
    rng = np.random.default_rng(7)
    shares, runs = rng.dirichlet(np.ones(20)), 600
    alarms = sum(
        counts_differ(rng.multinomial(400, shares), rng.multinomial(100, shares), chance=chance, rng=rng)
        for _ in range(runs)
    )
    assert alarms <= runs * chance + 4 * math.sqrt(runs * chance)


@pytest.mark.parametrize("chance", [0.1, 0.02])
def test_false_alarms_of_vectors_are_as_stated_and_happen(chance: float):
    rng, runs = np.random.default_rng(7), 600
    alarms = sum(centroids_differ(_vectors(rng, 60), _vectors(rng, 30), chance=chance, rng=rng) for _ in range(runs))
    expected, spread = runs * chance, 4 * math.sqrt(runs * chance)
    assert expected - spread <= alarms <= expected + spread


def _vectors(rng: np.random.Generator, rows: int, moved: float = 0.0) -> np.ndarray:
    """Of a skewed distribution: the tests ask for none in particular."""
    return (rng.exponential(size=(rows, 8)) + moved).astype(np.float32)


def test_a_change_is_found_at_one_false_alarm_in_ten_thousand():
    rng = np.random.default_rng(7)
    shares = np.full(10, 0.1)
    moved = np.asarray([0.02] * 5 + [0.18] * 5)
    reference = rng.multinomial(1000, shares)
    assert counts_differ(reference, rng.multinomial(250, moved), chance=1e-4, rng=rng)
    assert not counts_differ(reference, rng.multinomial(250, shares), chance=1e-4, rng=rng)
    assert centroids_differ(_vectors(rng, 500), _vectors(rng, 250, moved=0.5), chance=1e-4, rng=rng)
    assert not centroids_differ(_vectors(rng, 500), _vectors(rng, 250), chance=1e-4, rng=rng)
