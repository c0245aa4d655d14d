"""What a consumer can prove of the events it has read: that none is missing, doubled, out of order, or changed.

What hashes and signatures prove is in `chain_audit.py`.

Pure. Feed it what was read, each partition in its order; then ask for the report.

Retention removes the oldest records of each partition. A number that is missing may have been among them as long as it
is not greater than some number that the partition still has, so it is **unproved** then, and missing otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b

import msgspec

from sidecar.outbox.chain import hash_of, hash_of_json
from sidecar.outbox.chain_audit import ChainAudit, ChainReport, Digests, Keys
from sidecar.outbox.encode import disagreement
from sidecar.outbox.event import Data, Ids
from sidecar.outbox.reads import LogStart, Read

_NAMED = 100
"""How many problems of each sort are named; all are counted."""


class Gap(msgspec.Struct, frozen=True):
    """Numbers that are missing between others, both ends included."""

    first: int
    last: int


class ProducerReport(msgspec.Struct, frozen=True, kw_only=True):
    """One producer's events: numbers `first` to `last` without those in `gaps`. `repeats` have a known id: harmless.

    Nothing is said of the numbers below `proved_from`, of which `unproved` are not there: retention has worked.
    """

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
    """Numbers that came after a greater one of the same session in the same partition."""
    proved_from: int = 1
    unproved: int = 0
    chain: ChainReport = ChainReport()

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing, doubled or out of order, as far as that can be proved."""
        return not (self.missing or self.conflicts or self.disordered)

    @property
    def is_fine(self) -> bool:
        """Whether nothing is missing, and nothing was changed."""
        return self.is_complete and self.chain.is_sound


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it. `waiting` events have no number yet; `invalid` ones are no events at all, with the reason.

    `foreign` records are somebody else's; `holes` were removed before they could be read; `logs_begin` are partitions
    whose beginning retention has removed.
    """

    producers: tuple[ProducerReport, ...]
    events: int
    waiting: int
    invalid_count: int
    invalid: tuple[str, ...]
    foreign: int = 0
    holes: tuple[str, ...] = ()
    logs_begin: tuple[LogStart, ...] = ()

    @property
    def is_fine(self) -> bool:
        """Whether every producer's events are complete and unchanged, and all that was read is valid."""
        return not (self.invalid_count or self.holes) and all(producer.is_fine for producer in self.producers)


class Audit:
    """Takes in what was read, in order. With public keys, by their ids, checkpoints must be signed by one of them."""

    def __init__(self, keys: Keys | None = None) -> None:
        self._keys = keys or {}
        self._producers: dict[str, _Producer] = {}
        self._starts: list[LogStart] = []
        self._waiting = 0
        self._foreign = 0
        self._holes: list[str] = []
        self._invalid: list[str] = []
        self._invalid_count = 0

    def add(self, read: Read | LogStart) -> None:
        """Take in one thing that was read."""
        if isinstance(read, LogStart):
            self._starts.append(read)
        elif read.data is None:
            self._add_other(read)
        elif read.data.ids.sequence == 0:
            self._waiting += 1
        else:
            self._add_event(read, read.data)

    def report(self) -> Report:
        """What came out."""
        cut = tuple(start for start in self._starts if start.offset)
        lanes = [start.lane for start in cut] if self._starts else None
        producers = tuple(self._producers[name].report(name, lanes) for name in sorted(self._producers))
        return Report(
            producers=producers,
            events=sum(producer.events for producer in producers),
            waiting=self._waiting,
            invalid_count=self._invalid_count,
            invalid=tuple(self._invalid),
            foreign=self._foreign,
            holes=tuple(self._holes),
            logs_begin=cut,
        )

    def _add_event(self, read: Read, data: Data) -> None:
        producer = self._producers.get(data.ids.producer)
        if producer is None:
            producer = self._producers[data.ids.producer] = _Producer(self._keys)
        producer.add(data, read)
        if said := disagreement(read.attributes, data):
            self._add_invalid(f"{read.place}: {said}")

    def _add_invalid(self, said: str) -> None:
        self._invalid_count += 1
        if len(self._invalid) < _NAMED:
            self._invalid.append(said)

    def _add_other(self, read: Read) -> None:
        """Count what is no event."""
        said = f"{read.place}: {read.error}"
        if read.is_foreign:
            self._foreign += 1
        elif read.is_hole:
            self._holes.append(said)
        else:
            self._add_invalid(said)


class _Producer:
    """What was seen of one producer."""

    def __init__(self, keys: Keys) -> None:
        self._chain = ChainAudit(keys)
        self._ids = Digests()
        self._repeats = 0
        self._conflicts: set[int] = set()
        self._latest: dict[int, int] = {}
        self._first_of: dict[str, int] = {}
        self._disordered: list[int] = []

    def add(self, data: Data, read: Read) -> None:
        ids, lane = data.ids, read.lane
        self._chain.add(data, _hash_of(read, data) if ids.hash else "", read.place)
        known, digest = self._ids.get(ids.sequence), _digest(ids.event)
        if known:
            self._add_again(ids, known == digest)
            return
        self._ids.set(ids.sequence, digest)
        self._first_of[lane] = min(ids.sequence, self._first_of.get(lane, ids.sequence))
        session = _digest(
            "\0".join((lane or data.__class__.__name__, ids.tenant, ids.session or ids.request or ids.stream))
        )
        latest = self._latest.get(session, 0)
        if ids.sequence < latest:
            self._disordered.append(ids.sequence)
        self._latest[session] = max(ids.sequence, latest)

    def report(self, name: str, cut_lanes: Iterable[str] | None) -> ProducerReport:
        """What came out. Without a word on where logs begin, nothing is proved of what lies before the first number."""
        numbers = list(self._ids)
        proved_from = numbers[0] if cut_lanes is None else self._proved_from(cut_lanes, numbers[-1])
        before = sum(1 for number in numbers if number < proved_from)
        gaps = list(_gaps([proved_from - 1, *numbers[before:]]))
        return ProducerReport(
            producer=name,
            events=len(numbers),
            first=numbers[0],
            last=numbers[-1],
            repeats=self._repeats,
            missing=sum(gap.last - gap.first + 1 for gap in gaps),
            gaps=tuple(gaps[:_NAMED]),
            conflicts=tuple(sorted(self._conflicts)[:_NAMED]),
            disordered=tuple(self._disordered[:_NAMED]),
            proved_from=proved_from,
            unproved=proved_from - 1 - before,
            chain=self._chain.report(self._ids, numbers[-1]),
        )

    def _proved_from(self, cut_lanes: Iterable[str], last: int) -> int:
        """The least number from which on nothing can have been removed with the beginning of a log."""
        return max((self._first_of.get(lane, last) for lane in cut_lanes), default=1)

    def _add_again(self, ids: Ids, is_same: bool) -> None:
        if is_same:
            self._repeats += 1
        else:
            self._conflicts.add(ids.sequence)


def _hash_of(read: Read, data: Data) -> str:
    """The hash of what was read: of all its fields, where it was read as JSON."""
    return hash_of_json(read.content) if read.content else hash_of(data)


def _digest(text: str) -> int:
    """Eight bytes that stand for a text; never 0."""
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big") or 1


def _gaps(numbers: Iterable[int]) -> Iterator[Gap]:
    before: int | None = None
    for number in numbers:
        if before is not None and number > before + 1:
            yield Gap(before + 1, number - 1)
        before = number
