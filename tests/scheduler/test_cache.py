"""Findings that are kept: found again for the same item only, bounded, and without the text."""

from __future__ import annotations

import gc
import pickle

from detectors.base import BatchItem
from detectors.types import Finding
from sidecar.scheduler.cache import FindingsCache
from tests.fakes import SegmentFlagger

DETECTOR = SegmentFlagger("bad", label="FLAG")
FOUND = [Finding(0, 3, "FLAG", 0.5)]
ITEM = BatchItem("bad words", 0)


def cache_of(*items: BatchItem, max_entries: int = 4, max_chars: int = 100) -> FindingsCache:
    cache = FindingsCache(max_entries=max_entries, max_chars=max_chars)
    for item in items:
        cache.put(DETECTOR, "", item, FOUND)
    return cache


def test_the_same_item_is_found_again_and_nothing_else():
    cache = cache_of(ITEM)
    assert cache.get(DETECTOR, "", BatchItem("bad words", 0)) == tuple(FOUND)
    others = [
        (SegmentFlagger("bad", label="FLAG"), "", ITEM),
        (DETECTOR, "tenant", ITEM),
        (DETECTOR, "", BatchItem("bad words", 1)),
        (DETECTOR, "", BatchItem("bad words", 0, "user")),
        (DETECTOR, "", BatchItem("bad words", 0, "model", "input")),
        (DETECTOR, "", BatchItem("bad word", 0)),
        (DETECTOR, "", BatchItem("bad words", 0, is_early=True)),
        (DETECTOR, "", BatchItem("bad words", 0, is_later=True)),
    ]
    assert [cache.get(*each) for each in others] == [None] * len(others)


def test_what_was_used_least_lately_goes_first():
    items = [BatchItem(text, 0) for text in "abcde"]
    cache = cache_of(*items[:4])
    cache.get(DETECTOR, "", items[0])
    cache.put(DETECTOR, "", items[4], FOUND)
    assert [cache.get(DETECTOR, "", each) is not None for each in items] == [True, False, True, True, True]
    assert len(cache) == 4


def test_long_texts_are_not_kept_and_zero_entries_keep_nothing():
    assert len(cache_of(BatchItem("a" * 101, 0))) == 0
    assert len(cache_of(ITEM, max_entries=0)) == 0


def test_the_text_is_not_kept():
    cache = cache_of(BatchItem("a very secret passage", 0))
    gc.collect()
    assert b"secret" not in pickle.dumps([*cache._entries.values()])
    assert b"secret" not in b"".join(digest for _, digest in cache._entries)
    assert not [each for each in gc.get_referents(*cache._entries.values()) if isinstance(each, BatchItem)]
