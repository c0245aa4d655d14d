"""Whether a window differs from a reference, with a false-alarm rate that is stated and kept.

Both tests are permutation tests. If nothing changed, the streams of the window and of the reference are exchangeable,
so every split of both together into parts of these sizes was as likely as the one that is there. The window is said to
differ when its distance from the reference is greater than those of `1/chance - 1` random splits: of all `1/chance`
distances, each is the greatest with the same probability, so that happens by chance at most once in `1/chance` windows,
whatever the distributions are (Phipson and Smyth 2010; the early stop is Besag and Clifford 1991).

One greater split settles it, so a window that has not changed costs some ten splits, not ten thousand.

What it does not promise: anything about streams that depend on each other. A client that sends one question a hundred
times is a hundred streams, and is a change.

Pure: chance is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]
Vectors = NDArray[np.float32]

_PRIOR = 0.5
"""Added to each count: a category that one side has not seen yet is rare there, not impossible."""
_FIRST_BATCH, _MOST_BATCH = 32, 1024
"""Splits that are drawn at a time: few at first, as one settles it."""


def stability_index(reference: Counts, window: Counts) -> Numbers:
    """The population stability index of counts by category, along the last axis: sum of (q - p) ln(q / p).

    0 where shares are the same; 0.1 is usually called a small change, 0.25 a large one.
    """
    p, q = _shares(reference), _shares(window)
    index: Numbers = ((q - p) * np.log(q / p)).sum(axis=-1)
    return index


def counts_differ(reference: Counts, window: Counts, *, chance: float, rng: np.random.Generator) -> bool:
    """Whether a window's counts by category differ from the reference's. `chance` is of a false alarm, 0 to 1."""
    pooled = reference + window
    seen = pooled > 0
    reference, window, pooled = reference[seen], window[seen], pooled[seen]
    size, observed = int(window.sum()), float(stability_index(reference, window))

    def is_beaten(splits: int) -> bool:
        drawn = rng.multivariate_hypergeometric(pooled, size, size=splits, method="marginals")
        return bool((stability_index(pooled - drawn, drawn) >= observed - _ROUNDING).any())

    return bool(seen.sum() > 1) and _is_rare(is_beaten, chance)


def centroid_distance(reference: Vectors, window: Vectors) -> float:
    """How far apart the means of two sets of vectors (rows) are."""
    return float(np.linalg.norm(reference.mean(axis=0) - window.mean(axis=0)))


def centroids_differ(reference: Vectors, window: Vectors, *, chance: float, rng: np.random.Generator) -> bool:
    """Whether the means of two sets of vectors (rows) are further apart than by chance, 0 to 1."""
    both = np.concatenate([window, reference]).astype(np.float32)
    both -= both.mean(axis=0)
    size, total = len(window), len(both)
    # With the mean of all at 0, the distance of the means is proportional to the length of the window's sum.
    observed = float((both[:size].sum(axis=0, dtype=np.float64) ** 2).sum())

    def is_beaten(splits: int) -> bool:
        chosen = np.argpartition(rng.random((splits, total), dtype=np.float32), size - 1, axis=1)[:, :size]
        member = np.zeros((splits, total), dtype=np.float32)
        np.put_along_axis(member, chosen, 1.0, axis=1)
        return bool((((member @ both) ** 2).sum(axis=1) >= observed * (1 - _ROUNDING)).any())

    return _is_rare(is_beaten, chance)


_ROUNDING = 1e-6
"""Two sums of the same numbers in another order are the same."""


def _is_rare(is_beaten: Callable[[int], bool], chance: float) -> bool:
    return not any(is_beaten(splits) for splits in _batches(ceil(1 / chance) - 1))


def _batches(total: int) -> Iterator[int]:
    size = _FIRST_BATCH
    while total > 0:
        yield min(size, total)
        total -= size
        size = min(2 * size, _MOST_BATCH)


def _shares(counts: Counts) -> Numbers:
    raised = counts + _PRIOR
    shares: Numbers = raised / raised.sum(axis=-1, keepdims=True)
    return shares
