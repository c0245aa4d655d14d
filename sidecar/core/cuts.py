"""How a lane's text is cut for its batch detectors, and the segments that wait for their outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import msgspec

from sidecar.core.buffer import TextBuffer
from sidecar.core.early import Ahead
from sidecar.core.segmenter import SENTENCE_ENDS, Segmenter
from sidecar.policy.plan import BatchPlan, Plan, StreamSettings
from sidecar.values import Channel, Lane, Part, Segment

_READING_CHARS = 128
"""A segment that is shorter than this is filled up with left context (ADR 0008 has what that costs and brings)."""
GATHERED_WHEN_WHOLE = 2
"""How much longer the least segment is in text that comes as a whole: nobody waits for the first words of a prompt."""


class Way(IntEnum):
    """A way of cutting: into segments, or into whole sentences for pair checkers."""

    SEGMENTS = 0
    SENTENCES = 1


def way_of(segment: int, plan: Plan) -> Way:
    """By which way a segment with this number was cut."""
    return Way.SEGMENTS if plan.reads_one_way or segment < 0 else Way((segment + 1) % len(Way))


class OpenSegment(msgspec.Struct):
    """A segment with the batch detectors that still owe an outcome; for those in `gating` text waits.

    `ahead` is how far its beginning is cleared; of a beginning that is read early, how far that of its segment is.
    """

    segment: Segment
    waiting: set[int]
    gating: set[int]
    deadline_ms: float
    ahead: Ahead

    @property
    def judged(self) -> Segment:
        """The segment, with how far its beginning was cleared."""
        cleared, segment = self.ahead.cleared, self.segment
        return msgspec.structs.replace(segment, cleared=cleared) if cleared > segment.start else segment


class Stretch(NamedTuple):
    """A segment, or the beginning of one that is read early (lane offsets)."""

    end: int
    start: int
    is_early: bool
    is_try: bool = False
    """Whether it is read only where none before it was plain."""


class Cut:
    """A way of cutting one lane's text, and the batch detectors that read what it gives."""

    __slots__ = ("ahead", "batches", "gating", "look_behind", "segmenter", "waiting", "way")

    def __init__(self, way: Way, segmenter: Segmenter, batches: tuple[BatchPlan, ...], gating: frozenset[int]) -> None:
        self.way = way
        self.segmenter = segmenter
        self.batches = batches
        self.waiting = frozenset(batch.index for batch in batches)
        self.gating = gating & self.waiting
        self.look_behind = max(batch.detector.look_behind for batch in batches)
        self.ahead = Ahead(0)
        """Of the segment that is not complete."""

    def advance(self, buffer: TextBuffer, *, is_final: bool) -> list[Stretch]:
        """The segments that the text which arrived completes, and the beginnings to be read early; by their ends."""
        start = self.segmenter.start
        offset = max(buffer.offset, start - self.look_behind)
        ends = self.segmenter.advance(buffer.tail(offset), offset)
        if is_final and (last := self.segmenter.finish()) is not None:
            ends.append(last)
        places = self.segmenter.take_early()
        early = [Stretch(each.end, each.start, is_early=True, is_try=each.is_try) for each in places]
        whole = [Stretch(end, begin, is_early=False) for begin, end in zip([start, *ends], ends, strict=False)]
        return sorted([*early, *whole]) if early else whole

    def part(self) -> list[Stretch]:
        """The segment that ends where the text does, when something of it is there: its verdict is due here."""
        start = self.segmenter.start
        end = self.segmenter.part()
        return [] if end is None else [Stretch(end, start, is_early=False)]

    def context_chars(self, buffer: TextBuffer, start: int, end: int) -> int:
        """How much left context the segment `[start, end)` is read with: less, the more it says by itself.

        Reading context costs as much as reading the segment. A segment that is long enough and begins with a sentence
        has none; one that begins inside a sentence, or is short, is read with what stands before it. Code is read apart
        from what is said about it.
        """
        begin, _ = self.segmenter.stretch(start)
        if not self.look_behind or start == begin:
            return 0
        least = 0 if buffer.slice(start - 1, start) in SENTENCE_ENDS else self.look_behind // 2
        return min(self.look_behind, start - begin, max(least, _READING_CHARS - (end - start)))


def cuts_of(lane: Lane, plan: Plan, gating: frozenset[int], early: Sequence[int] = ()) -> list[Cut]:
    """How a lane is cut: into segments, and what a model answers into whole sentences for its pair checkers.

    `early`: where the beginnings of its segments are read early.
    """
    batches = plan.readers(lane).batches
    segments = tuple(batch for batch in batches if not batch.is_pair_checker)
    cuts = []
    if segments:
        segmenter = _segmenter(lane, plan.stream, early if gating else ())
        cuts.append(Cut(Way.SEGMENTS, segmenter, segments, gating))
    sentences = tuple(batch for batch in batches if batch.is_pair_checker)
    if sentences:
        longest = min(batch.sentence_tokens for batch in sentences)
        cuts.append(Cut(Way.SENTENCES, Segmenter(longest, first_tokens=longest), sentences, gating))
    return cuts


def _segmenter(lane: Lane, settings: StreamSettings, early: Sequence[int]) -> Segmenter:
    """Short segments first where a model writes; elsewhere longer ones: a prompt or a document comes as a whole."""
    longest, least = settings.max_segment_tokens, settings.min_segment_tokens
    if lane.part is Part.MODEL:
        return Segmenter(longest, least_tokens=least, early_tokens=early)
    least *= GATHERED_WHEN_WHOLE
    return Segmenter(
        longest,
        first_tokens=longest,
        least_tokens=least,
        first_least_tokens=least,
        knows_code=lane.part is Part.USER and lane.channel is Channel.CONTENT,
    )
