"""What the hashes and signatures of one producer's events prove: that none was changed, put in or taken out.

Pure. Events come in any order; of each number eight bytes are kept. A hash is known again by a digest under a key that
only this reading has, so that nobody can make another one that passes for it.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sidecar.outbox.chain import is_signed_by, link_of
from sidecar.outbox.event import Checkpoint, Data, Ids

_NAMED = 100
"""How many problems of each sort are named; all are counted."""
_PAGE = 4096

Keys = Mapping[str, Ed25519PublicKey]


class ChainReport(msgspec.Struct, frozen=True, kw_only=True):
    """One producer's chain: events with a hash, from number `since` on. Each of the problems is a number.

    `changed` are not what they were when they were recorded; between each of `broken` and the next number the chain
    does not hold: one of the two was changed with its hash, or comes from elsewhere. `stripped` should have a hash.
    `replaced` tell of an event that was lost under their number, `unvouched` are those that no checkpoint lists.
    `signed_to` is the last number that a trusted key vouches for; `bad_signatures` are checkpoints that are not signed
    by the key they name, `unknown_keys` name keys that are not among those that were given.
    """

    chained: int = 0
    since: int = 0
    changed: tuple[int, ...] = ()
    broken: tuple[int, ...] = ()
    stripped: tuple[int, ...] = ()
    replaced: tuple[int, ...] = ()
    unvouched: tuple[int, ...] = ()
    checkpoints: int = 0
    signed_to: int = 0
    bad_signatures: tuple[int, ...] = ()
    unknown_keys: tuple[str, ...] = ()
    is_unsigned: bool = False
    """Keys were given, and none of them vouches for anything of this producer."""
    places: Mapping[int, str] = {}
    """Where the events lie that problems name."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong, as far as it can be told with the keys that were given."""
        wrong = (self.changed, self.broken, self.stripped, self.unvouched, self.bad_signatures, self.unknown_keys)
        return not any(wrong) and not self.is_unsigned


class ChainAudit:
    """Takes in one producer's events. Without keys, signatures are counted only."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._key = os.urandom(16)
        self._links = Digests()
        self._broken: set[int] = set()
        self._changed: dict[int, str] = {}
        self._bare: list[int] = []
        self._replaced: dict[int, str] = {}
        self._vouched: set[int] = set()
        self._since = 0
        self._chained = 0
        self._checkpoints: set[int] = set()
        self._signed_to = 0
        self._bad: dict[int, str] = {}
        self._unknown: set[str] = set()

    def add(self, data: Data, found_hash: str, place: str) -> None:
        """Take in an event, which has this hash by its content. A repeat adds nothing, unless it is another one."""
        ids = data.ids
        if not ids.hash:
            self._bare.append(ids.sequence)
            return
        self._chained += 1
        begins = ids.sequence - bool(ids.previous)  # what is named has a hash, too
        self._since = min(self._since or begins, begins)
        if found_hash != ids.hash:
            self._changed[ids.sequence] = place
        if ids.replaces:
            self._replaced[ids.sequence] = place
        self._join(ids)
        if isinstance(data, Checkpoint):
            self._checkpoint(data, place)

    def report(self, numbers: Digests, last: int) -> ChainReport:
        """What came out. `numbers` are those that were read, up to `last`."""
        stripped = [number for number in self._bare if self._since and number >= self._since]
        unvouched = [number for number in self._replaced if number < self._signed_to and number not in self._vouched]
        broken = sorted(number for number in self._broken if number in numbers and number + 1 in numbers)
        return ChainReport(
            chained=self._chained,
            since=self._since,
            changed=_first(self._changed),
            broken=tuple(broken[:_NAMED]),
            stripped=_first(stripped),
            replaced=_first(self._replaced),
            unvouched=_first(unvouched),
            checkpoints=len(self._checkpoints),
            signed_to=min(self._signed_to, last),
            bad_signatures=_first(self._bad),
            unknown_keys=tuple(sorted(self._unknown))[:_NAMED],
            is_unsigned=bool(self._keys) and not self._signed_to,
            places=self._changed | self._bad,
        )

    def _join(self, ids: Ids) -> None:
        """Compare what an event says of the one before, and the one behind of it."""
        for number, digest in ((ids.sequence, link_of(ids)), (ids.sequence - 1, ids.previous)):
            mine = self._digest(digest)
            if number and self._links.get(number) not in {0, mine}:
                self._broken.add(number)
            elif number:
                self._links.set(number, mine)

    def _checkpoint(self, data: Checkpoint, place: str) -> None:
        self._checkpoints.add(data.ids.sequence)
        is_signed = is_signed_by(data, self._keys)
        if is_signed:
            self._signed_to = max(self._signed_to, data.ids.sequence)
            self._vouched.update(data.replaced)
        elif is_signed is False:
            self._bad[data.ids.sequence] = place
        elif self._keys:
            self._unknown.add(data.key_id)

    def _digest(self, text: str) -> int:
        return int.from_bytes(blake2b(text.encode(), digest_size=8, key=self._key).digest(), "big") or 1


class Digests:
    """Which number has which digest, eight bytes each; 0 is none. Numbers are dense, so they lie in pages."""

    def __init__(self) -> None:
        self._pages: dict[int, array[int]] = {}

    def __contains__(self, number: int) -> bool:
        return self.get(number) != 0

    def __iter__(self) -> Iterator[int]:
        """The numbers that have one, in order."""
        for index in sorted(self._pages):
            yield from (index * _PAGE + place for place, digest in enumerate(self._pages[index]) if digest)

    def get(self, number: int) -> int:
        """The number's digest."""
        page = self._pages.get(number // _PAGE)
        return page[number % _PAGE] if page else 0

    def set(self, number: int, digest: int) -> None:
        """Note it."""
        page = self._pages.get(number // _PAGE)
        if page is None:
            page = self._pages[number // _PAGE] = array("Q", bytes(8 * _PAGE))
        page[number % _PAGE] = digest


def _first(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(numbers))[:_NAMED]
