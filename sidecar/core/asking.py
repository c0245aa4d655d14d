"""What the batch detectors are asked about one lane: segments go out, and outcomes come back in any order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from sidecar.core.answer import Answer, Sentences
from sidecar.core.buffer import TextBuffer
from sidecar.core.cuts import Cut, OpenSegment, Stretch, Way, cuts_of, way_of
from sidecar.core.early import Ahead, early_tokens, is_plain
from sidecar.core.shared import Shared
from sidecar.core.trace import SEGMENT, VERDICT, Holder
from sidecar.policy.plan import BatchPlan
from sidecar.values import Lane, Outcome, Segment

Request: TypeAlias = tuple[BatchPlan, Segment]
"""A batch detector's work: answer with `Stream.resolve(segment.number, batch.index, outcome, now_ms)`."""
Answered: TypeAlias = tuple[int, int, Outcome]
"""The outcome of a segment, by its number, for a batch detector, by its index."""


class Asking:
    """See the module's text. `opened` are the segments that still wait for an outcome, by number."""

    __slots__ = ("_buffer", "_cuts", "_gating", "_lane", "_put_off", "_shared", "answers", "opened")

    def __init__(self, lane: Lane, buffer: TextBuffer, shared: Shared) -> None:
        self._lane = lane
        self._buffer = buffer
        self._shared = shared
        early = early_tokens(lane, shared.plan, is_request=shared.is_request)
        self._cuts = cuts_of(lane, shared.plan, shared.gating(lane), early)
        self._gating = [cut for cut in self._cuts if cut.gating]
        self.opened: dict[int, OpenSegment] = {}
        self._put_off: list[Answered] = []
        """Outcomes of segments whose beginnings are not answered yet."""
        self.answers = {
            batch.index: Answer(batch) for cut in self._cuts for batch in cut.batches if batch.is_pair_checker
        }
        """By pair checker."""

    @property
    def begun(self) -> int | None:
        """Where the first segment begins that is not complete and whose verdict will be waited for; None: no such.

        What was cleared of it early stands before that.
        """
        begun = None
        for cut in self._gating:
            start = max(cut.segmenter.start, cut.ahead.cleared)
            begun = start if begun is None or start < begun else begun
        return begun

    @property
    def awaited(self) -> int:
        """How many segments' outcomes text waits for."""
        return sum([bool(each.gating) for each in self.opened.values()]) if self.opened else 0

    @property
    def needed(self) -> int:
        """The cuts need no text before this lane offset."""
        return min([cut.segmenter.start - cut.look_behind for cut in self._cuts], default=self._buffer.end)

    def cleared(self, *, is_final: bool) -> int:
        """Every verdict that text before this lane offset waits for is there."""
        if not self._gating:
            return self._buffer.end
        begun = None if is_final else self.begun
        mark = self._buffer.end if begun is None else begun
        for each in self.opened.values():
            if each.gating and not each.segment.is_early:
                mark = min(mark, each.ahead.cleared)
        return mark

    def holders(self, *, is_final: bool) -> Iterator[Holder]:
        """The verdicts that text waits for, and from where on: of segments that are due, and of one under way."""
        if (begun := self.begun) is not None and not is_final and begun < self._buffer.end:
            yield Holder(SEGMENT, begun)
        for each in self.opened.values():
            if each.gating and not each.segment.is_early:
                yield Holder(VERDICT, each.ahead.cleared)

    @property
    def patience(self) -> tuple[int, int]:
        """How many word pieces may come before a segment may end in them (`Segmenter.patience`)."""
        pieces, calm = zip(*[cut.segmenter.patience for cut in self._cuts], strict=True)
        return min(pieces), min(calm)

    def advance(self, run: int, *, is_final: bool) -> list[Request]:
        """The requests that the text which arrived completes."""
        requests: list[Request] = []
        for cut in self._cuts:
            for each in cut.advance(self._buffer, is_final=is_final):
                requests += self._open(cut, each, run)
        return requests

    def part(self, run: int) -> list[Request]:
        """Have the verdicts that text waits for be due where the text ends now."""
        requests: list[Request] = []
        for cut in self._gating:
            for each in cut.part():
                requests += self._open(cut, each, run)
        return requests

    def finish(self) -> None:
        """Ask nobody about the text: all is known of it."""
        self._cuts, self._gating = [], []

    def drop_behind(self, end: int) -> None:
        """Forget the segments that reach behind `end`: nobody waits for their outcomes."""
        self.opened = {number: each for number, each in self.opened.items() if each.segment.end <= end}

    def stop(self, end: int, way: Way | None) -> None:
        """Forget the segments that are not sure to have been asked for, however the text behind `end` is cut.

        Those complete by then were; so was any of the way of cutting by which a model found what stops it.
        """
        self.opened = {
            number: each
            for number, each in self.opened.items()
            if (each.segment.start if way_of(number, self._shared.plan) is way else each.segment.end) <= end
        }

    def is_cleared_besides(self, segment: Segment, *, is_final: bool) -> bool:
        """Whether no verdict is due on a segment's text but those on segments cut as it is."""
        way, plan = way_of(segment.number, self._shared.plan), self._shared.plan
        begun = () if is_final else [cut.segmenter.start for cut in self._gating if cut.way is not way]
        due = [
            each.segment.start
            for each in self.opened.values()
            if each.gating and way_of(each.segment.number, plan) is not way
        ]
        return all(start >= segment.end for start in (*begun, *due))

    def take(self, number: int, batch: int, outcome: Outcome) -> Iterator[tuple[Segment, Outcome]]:
        """The outcomes whose turn it is now that this one has come; nothing when it is not waited for."""
        opened = self.opened.get(number)
        if opened is None or batch not in opened.waiting:
            return
        if opened.segment.is_early:
            self._clear(opened, batch, outcome)
            return
        if opened.ahead.asked:
            self._put_off.append((number, batch, outcome))
            return
        opened.waiting.discard(batch)
        opened.gating.discard(batch)
        if not opened.waiting:
            del self.opened[number]
        answer = self.answers.get(batch)
        if answer is None:
            yield opened.judged, outcome
        else:
            yield from answer.take(opened.segment, outcome)

    def due(self) -> list[Answered]:
        """The outcomes that came before those of their segments' beginnings, now that these are there."""
        is_early = {number for number, each in self.opened.items() if each.ahead.asked}
        due = [each for each in self._put_off if each[0] not in is_early]
        self._put_off = [each for each in self._put_off if each[0] in is_early]
        return due

    def _clear(self, opened: OpenSegment, batch: int, outcome: Outcome) -> None:
        """Take what a detector says of a beginning: it is cleared once all of them find it plain."""
        number = opened.segment.number
        opened.waiting.discard(batch)
        is_cleared = is_plain(self._shared.plan.readers(self._lane).batch(batch), outcome)
        if is_cleared and opened.waiting:
            return
        del self.opened[number]
        opened.ahead.asked.discard(number)
        opened.ahead.take(opened.segment.end, is_plain=is_cleared)

    def sentences(self, end: int | None) -> Sentences:
        """What became of the sentences up to `end`; all without one."""
        whole = Sentences()
        for answer in self.answers.values():
            whole.add(answer.sentences(end))
        return whole

    def _open(self, cut: Cut, stretch: Stretch, run: int) -> list[Request]:
        """Ask the cut's detectors for a segment, or those that text waits for for the beginning of one."""
        ahead = cut.ahead
        if stretch.is_try and ahead.is_tried:
            return []
        if not stretch.is_early:
            cut.ahead = Ahead(stretch.end)
        segment = self._segment(cut, stretch, run)
        if segment is None:
            return []
        waiting, gating = set(cut.waiting), set(cut.gating)
        if stretch.is_early:
            waiting = gating
            ahead.asked.add(segment.number)
        if stretch.is_try:
            ahead.tries[stretch.end] = None
        deadline_ms = self._shared.now_ms + self._shared.plan.stream.max_hold_ms
        self.opened[segment.number] = OpenSegment(segment, waiting, gating, deadline_ms, ahead)
        for batch in waiting.intersection(self.answers):
            self.answers[batch].expect(segment)
        return [(batch, segment) for batch in cut.batches if batch.index in waiting]

    def _segment(self, cut: Cut, stretch: Stretch, run: int) -> Segment | None:
        """A segment with its left context; None for white space, which needs no one."""
        start, end, shared = stretch.start, stretch.end, self._shared
        left = max(self._buffer.offset, start - cut.context_chars(self._buffer, start, end))
        text = self._buffer.slice(left, end)
        if text[start - left :].isspace():
            return None
        number = next(shared.beginnings) if stretch.is_early else shared.next_segment(cut.way, self._lane)
        context = shared.context if cut.way else None
        _, is_code = cut.segmenter.stretch(start)
        return Segment(number, self._lane, start, end, text, start - left, context, run, is_code)
