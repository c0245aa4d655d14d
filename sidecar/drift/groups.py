"""One group of streams: an app, a tenant, a prompt version, a direction. It has a reference, and a window.

1. The first streams of a group are its **reference**, unless one was pinned.
2. Those after it fill a **window**. A full window is held against the reference, signal by signal, and is then the
   `last` one; the next begins empty: windows share no stream, so that false alarms can be counted.
3. The false alarms that a window is allowed are shared out: half to the embedding, which costs most, the other half
   evenly to the counted signals (Bonferroni), so that the sum is what the settings say, however signals hang together.
4. A signal that differs has **moved**, once; it has **settled** after some windows in a row that do not differ.

No clock and no I/O; chance is handed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from sidecar.drift.samples import Sample, Shares, aligned
from sidecar.drift.settings import DriftSettings
from sidecar.drift.statistics import centroid_distance, centroids_differ, counts_differ, stability_index
from sidecar.outbox.event import Movement, ShareRef
from sidecar.values import Direction

EMBEDDING = "embedding"
_LEAST = 30
"""A signal is tested where the window, and the reference, have as many streams that show it."""
_TOLD_CHANGES = 5
_SHARE_DIGITS = 4


class GroupKey(msgspec.Struct, frozen=True, order=True):
    """Whose streams, and which half of the exchange."""

    app: str
    tenant: str
    prompt_version: str
    direction: Direction


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A signal that moved or settled. `distance` is its last window's; `changes` are the greatest first."""

    signal: str
    movement: Movement
    distance: float
    changes: tuple[ShareRef, ...] = ()


class Group(msgspec.Struct, kw_only=True):
    """See the module's text. `quiet` has each signal that moved, and its windows since that did not differ.

    `distances` are those of the last full window.
    """

    reference: Sample = msgspec.field(default_factory=Sample)
    window: Sample = msgspec.field(default_factory=Sample)
    last: Sample = msgspec.field(default_factory=Sample)
    quiet: dict[str, int] = msgspec.field(default_factory=dict)
    distances: dict[str, float] = msgspec.field(default_factory=dict)
    windows: int = 0
    is_pinned: bool = False
    seen_unix: float = 0.0

    def add(
        self, shares: Shares, vector: bytes | None, *, settings: DriftSettings, rng: np.random.Generator
    ) -> Sample | None:
        """Count one stream. Returns the window when that filled it, to be tested: it is `last` from then on."""
        if not self.is_pinned and self.reference.streams < settings.reference_streams:
            self.reference.add(shares, vector, room=settings.vectors, rng=rng)
            return None
        self.window.add(shares, vector, room=settings.window_streams, rng=rng)
        if self.window.streams < settings.window_streams:
            return None
        self.last, self.window = self.window, Sample()
        self.windows += 1
        return self.last

    def pin(self, reference: Sample) -> None:
        """Hold windows against this one from now on; what moved before is forgotten."""
        self.reference, self.window, self.is_pinned = reference, Sample(), True
        self.quiet, self.distances = {}, {}

    def judge(self, tested: Sequence[SignalTest], *, quiet_windows: int) -> list[Moved]:
        """What moved or settled with a window's tests."""
        self.distances = {each.signal: each.distance for each in tested}
        told = [self._moved(each, quiet_windows) for each in tested]
        return [each for each in told if each is not None]

    def _moved(self, tested: SignalTest, quiet_windows: int) -> Moved | None:
        was_moved = tested.signal in self.quiet
        if tested.differs:
            self.quiet[tested.signal] = 0
            return None if was_moved else tested.told(Movement.MOVED)
        if not was_moved:
            return None
        self.quiet[tested.signal] += 1
        if self.quiet[tested.signal] < quiet_windows:
            return None
        del self.quiet[tested.signal]
        return tested.told(Movement.SETTLED)


class SignalTest(msgspec.Struct, frozen=True, kw_only=True):
    """A signal of a window: how far it is from the reference's, and whether that is further than by chance."""

    signal: str
    distance: float
    differs: bool
    changes: tuple[ShareRef, ...] = ()

    def told(self, movement: Movement) -> Moved:
        """The same, as what became of the signal."""
        return Moved(signal=self.signal, movement=movement, distance=self.distance, changes=self.changes)


def compared(reference: Sample, window: Sample, *, chance: float, rng: np.random.Generator) -> Iterator[SignalTest]:
    """Each signal of a window that both have enough streams of. `chance` is of a false alarm in any of them.

    Takes a millisecond or two where nothing changed and up to some seconds where much did: for a thread of its own.
    """
    counted = [signal for signal in sorted(window.counts) if _has_enough(reference, window, signal)]
    has_vectors = reference.width == window.width and min(len(reference.vectors), len(window.vectors)) >= _LEAST
    for_counts = chance / 2 if has_vectors else chance
    for signal in counted:
        yield _counted(signal, reference, window, for_counts / len(counted), rng)
    if has_vectors:
        yield _placed(reference, window, chance / 2 if counted else chance, rng)


def _has_enough(reference: Sample, window: Sample, signal: str) -> bool:
    return all(sum(each.counts.get(signal, {}).values()) >= _LEAST for each in (reference, window))


def _counted(signal: str, reference: Sample, window: Sample, chance: float, rng: np.random.Generator) -> SignalTest:
    names, before, now = aligned(reference.counts[signal], window.counts[signal])
    return SignalTest(
        signal=signal,
        distance=float(stability_index(before, now)),
        differs=counts_differ(before, now, chance=chance, rng=rng),
        changes=tuple(_changes(names, before / before.sum(), now / now.sum())),
    )


def _placed(reference: Sample, window: Sample, chance: float, rng: np.random.Generator) -> SignalTest:
    before, now = reference.embeddings, window.embeddings
    return SignalTest(
        signal=EMBEDDING,
        distance=centroid_distance(before, now),
        differs=centroids_differ(before, now, chance=chance, rng=rng),
    )


def _changes(names: Sequence[str], before: np.ndarray, now: np.ndarray) -> Iterator[ShareRef]:
    for place in np.argsort(-np.abs(now - before), kind="stable")[:_TOLD_CHANGES]:
        if now[place] != before[place]:
            shares = round(float(before[place]), _SHARE_DIGITS), round(float(now[place]), _SHARE_DIGITS)
            yield ShareRef(name=names[place], reference=shares[0], window=shares[1])
