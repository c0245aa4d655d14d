"""Samples of streams: counts by category of each signal, and a random sample of embeddings. No text, no ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from sidecar.drift.statistics import Counts, Vectors

MOST_SIGNALS = 24
"""Signals of a group: each policy's detectors add theirs, and policies come and go."""
MOST_CATEGORIES = 64
"""Categories of a signal; others are counted as one."""
OTHER = "other"

Shares = Mapping[str, str]
"""What is known of one stream: by signal the category that it falls into."""


class Sample(msgspec.Struct, kw_only=True):
    """So many streams: counts by signal and category, and the embeddings of at most so many, each by equal chance.

    `vectors` are rows of `width` numbers of 16 bits; `seen` is of how many they are a sample.
    """

    streams: int = 0
    counts: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    width: int = 0
    seen: int = 0
    vectors: list[bytes] = msgspec.field(default_factory=list)

    def add(self, shares: Shares, vector: bytes | None, *, room: int, rng: np.random.Generator) -> None:
        """Count one stream. Of more than `room` embeddings a random sample stays."""
        self.streams += 1
        for signal, category in shares.items():
            if signal in self.counts or len(self.counts) < MOST_SIGNALS:
                _count(self.counts.setdefault(signal, {}), category)
        if vector is not None:
            self._keep(vector, room, rng)

    def _keep(self, vector: bytes, room: int, rng: np.random.Generator) -> None:
        if self.width != len(vector) // 2:  # another model: what was kept cannot be compared with it
            self.width, self.seen, self.vectors = len(vector) // 2, 0, []
        self.seen += 1
        if len(self.vectors) < room:
            self.vectors.append(vector)
        elif (place := int(rng.integers(self.seen))) < room:
            self.vectors[place] = vector

    @property
    def embeddings(self) -> Vectors:
        """The embeddings, a row each."""
        rows = np.frombuffer(b"".join(self.vectors), dtype=np.float16)
        return rows.reshape(len(self.vectors), self.width).astype(np.float32)


def packed(vector: Vectors) -> bytes:
    """An embedding as it is kept."""
    return vector.astype(np.float16).tobytes()


def aligned(reference: Mapping[str, int], window: Mapping[str, int]) -> tuple[Sequence[str], Counts, Counts]:
    """The categories of either, and the counts of both."""
    names = sorted({*reference, *window})
    first = np.asarray([reference.get(name, 0) for name in names], dtype=np.int64)
    second = np.asarray([window.get(name, 0) for name in names], dtype=np.int64)
    return names, first, second


def _count(counts: dict[str, int], category: str) -> None:
    name = category if category in counts or len(counts) < MOST_CATEGORIES else OTHER
    counts[name] = counts.get(name, 0) + 1
