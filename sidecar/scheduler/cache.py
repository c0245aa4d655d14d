"""Findings of segments that were looked at before: greetings, boilerplate, repeated passages.

An entry is found by a keyed digest of the item (text, left context, part, direction, supplied context, and whether it
is later in its text), for one tenant and one detector; the key is drawn anew in each process. Neither text nor word
pieces are kept, only labels, scores and places. Tenants have entries of their own, so that none can tell from an
answer's speed what another one wrote. Bounded: what was used least lately goes first.

What it relies on: the contract of `BatchDetector`, that an item's findings depend on nothing but the item.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from hashlib import blake2b

import msgspec

from detectors.base import BatchDetector, BatchItem
from detectors.types import Finding

_DIGEST_BYTES = 16


class FindingsCache:
    """See the module's text. One owner. `max_entries` 0 keeps nothing."""

    def __init__(self, *, max_entries: int, max_chars: int) -> None:
        self._max_entries = max_entries
        self._max_chars = max_chars
        self._key = os.urandom(32)
        self._entries: OrderedDict[tuple[int, bytes], tuple[BatchDetector, tuple[Finding, ...]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_on(self) -> bool:
        """Whether anything is kept."""
        return self._max_entries > 0

    def get(self, detector: BatchDetector, tenant: str, item: BatchItem) -> tuple[Finding, ...] | None:
        """What the detector found in the same item before, or None."""
        if not self._takes(item):
            return None
        key = self._digest(detector, tenant, item)
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, detector: BatchDetector, tenant: str, item: BatchItem, findings: list[Finding]) -> None:
        """Keep what the detector found."""
        if not self._takes(item):
            return
        # The detector is kept with its entry, so that its id is not given to another one.
        self._entries[self._digest(detector, tenant, item)] = (detector, tuple(findings))
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def _takes(self, item: BatchItem) -> bool:
        return self.is_on and len(item.text) <= self._max_chars

    def _digest(self, detector: BatchDetector, tenant: str, item: BatchItem) -> tuple[int, bytes]:
        place = (item.text, item.begin, item.part, item.direction, item.context.digest if item.context else b"")
        words = msgspec.msgpack.encode((detector.model, tenant, place, item.is_early, item.is_later))
        return id(detector), blake2b(words, key=self._key, digest_size=_DIGEST_BYTES).digest()
