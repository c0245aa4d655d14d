"""What a consumer can prove of the events it has read: that none is missing, doubled under another id, or out of order.

Pure. Feed it what was read, each partition in its order; then ask for the report.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from sidecar.outbox.event import Data, Ids, Kind, kind_of
from sidecar.outbox.reader import Read

_NAMED = 100
"""How many problems of each sort are named; all are counted."""


class Gap(msgspec.Struct, frozen=True):
    """Numbers that are missing between others, both ends included."""

    first: int
    last: int


class ProducerReport(msgspec.Struct, frozen=True, kw_only=True):
    """One producer's events: numbers `first` to `last` without those in `gaps`. `repeats` have a known id: harmless."""

    producer: str
    events: int
    first: int
    last: int
    repeats: int
    missing: int
    gaps: tuple[Gap, ...]
    conflicts: tuple[int, ...]
    """Numbers that two different events claim."""
    disordered: tuple[int, ...]
    """Numbers that came after a greater one of the same session."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing, doubled or out of order."""
        return not (self.missing or self.conflicts or self.disordered)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it. `waiting` events have no number yet; `invalid` ones are no events at all, with the reason."""

    producers: tuple[ProducerReport, ...]
    events: int
    waiting: int
    invalid_count: int
    invalid: tuple[str, ...]

    @property
    def is_fine(self) -> bool:
        """Whether every producer's events are complete and all that was read is valid."""
        return not self.invalid_count and all(producer.is_complete for producer in self.producers)


class Audit:
    """Takes in what was read, in order."""

    def __init__(self) -> None:
        self._producers: defaultdict[str, _Producer] = defaultdict(_Producer)
        self._waiting = 0
        self._invalid: list[str] = []
        self._invalid_count = 0

    def add(self, read: Read) -> None:
        """Take in one thing that was read."""
        if read.data is None:
            self._invalid_count += 1
            if len(self._invalid) < _NAMED:
                self._invalid.append(f"{read.place}: {read.error}")
        elif read.data.ids.sequence == 0:
            self._waiting += 1
        else:
            self._producers[read.data.ids.producer].add(read.data)

    def report(self) -> Report:
        """What came out."""
        producers = tuple(self._producers[name].report(name) for name in sorted(self._producers))
        return Report(
            producers=producers,
            events=sum(producer.events for producer in producers),
            waiting=self._waiting,
            invalid_count=self._invalid_count,
            invalid=tuple(self._invalid),
        )


class _Producer:
    """What was seen of one producer."""

    def __init__(self) -> None:
        self._ids: dict[int, str] = {}
        self._repeats = 0
        self._conflicts: set[int] = set()
        self._latest: dict[tuple[Kind, str, str], int] = {}
        self._disordered: list[int] = []

    def add(self, data: Data) -> None:
        ids = data.ids
        if ids.sequence in self._ids:
            self._add_again(ids)
            return
        self._ids[ids.sequence] = ids.event
        session = (kind_of(data), ids.tenant, ids.session or ids.request or ids.stream)
        latest = self._latest.get(session, 0)
        if ids.sequence < latest:
            self._disordered.append(ids.sequence)
        self._latest[session] = max(ids.sequence, latest)

    def report(self, name: str) -> ProducerReport:
        gaps = list(_gaps(sorted(self._ids)))
        return ProducerReport(
            producer=name,
            events=len(self._ids),
            first=min(self._ids),
            last=max(self._ids),
            repeats=self._repeats,
            missing=sum(gap.last - gap.first + 1 for gap in gaps),
            gaps=tuple(gaps[:_NAMED]),
            conflicts=tuple(sorted(self._conflicts)[:_NAMED]),
            disordered=tuple(self._disordered[:_NAMED]),
        )

    def _add_again(self, ids: Ids) -> None:
        if self._ids[ids.sequence] == ids.event:
            self._repeats += 1
        else:
            self._conflicts.add(ids.sequence)


def _gaps(numbers: Iterable[int]) -> Iterator[Gap]:
    before: int | None = None
    for number in numbers:
        if before is not None and number > before + 1:
            yield Gap(before + 1, number - 1)
        before = number
