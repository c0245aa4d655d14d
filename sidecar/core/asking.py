"""What the batch detectors are asked about one lane: segments go out, and outcomes come back in any order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from sidecar.core.answer import Answer, Sentences
from sidecar.core.buffer import TextBuffer
from sidecar.core.cuts import Cut, OpenSegment, cuts_of
from sidecar.core.shared import Shared
from sidecar.core.trace import SEGMENT, VERDICT, Holder
from sidecar.policy.plan import BatchPlan
from sidecar.values import Lane, Outcome, Segment

Request: TypeAlias = tuple[BatchPlan, Segment]
"""A batch detector's work: answer with `Stream.resolve(segment.number, batch.index, outcome, now_ms)`."""


class Asking:
    """See the module's text. `opened` are the segments that still wait for an outcome, by number."""

    __slots__ = ("_buffer", "_cuts", "_gating", "_lane", "_shared", "answers", "opened")

    def __init__(self, lane: Lane, buffer: TextBuffer, shared: Shared) -> None:
        self._lane = lane
        self._buffer = buffer
        self._shared = shared
        self._cuts = cuts_of(lane, shared.plan, shared.gating(lane))
        self._gating = [cut for cut in self._cuts if cut.gating]
        self.opened: dict[int, OpenSegment] = {}
        self.answers = {
            batch.index: Answer(batch) for cut in self._cuts for batch in cut.batches if batch.is_pair_checker
        }
        """By pair checker."""

    @property
    def begun(self) -> int | None:
        """Where the first segment begins that is not complete and whose verdict will be waited for; None: no such."""
        begun = None
        for cut in self._gating:
            start = cut.segmenter.start
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
            if each.gating:
                mark = min(mark, each.segment.start)
        return mark

    def holders(self, *, is_final: bool) -> Iterator[Holder]:
        """The verdicts that text waits for, and from where on: of segments that are due, and of one under way."""
        if (begun := self.begun) is not None and not is_final and begun < self._buffer.end:
            yield Holder(SEGMENT, begun)
        yield from (Holder(VERDICT, each.segment.start) for each in self.opened.values() if each.gating)

    @property
    def patience(self) -> tuple[int, int]:
        """How many word pieces may come before a segment may end in them (`Segmenter.patience`)."""
        pieces, calm = zip(*[cut.segmenter.patience for cut in self._cuts], strict=True)
        return min(pieces), min(calm)

    def advance(self, run: int, *, is_final: bool) -> list[Request]:
        """The requests that the text which arrived completes."""
        requests: list[Request] = []
        for cut in self._cuts:
            for start, end in cut.advance(self._buffer, is_final=is_final):
                requests += self._open(cut, start, end, run)
        return requests

    def part(self, run: int) -> list[Request]:
        """Have the verdicts that text waits for be due where the text ends now."""
        requests: list[Request] = []
        for cut in self._gating:
            for start, end in cut.part():
                requests += self._open(cut, start, end, run)
        return requests

    def finish(self) -> None:
        """Ask nobody about the text: all is known of it."""
        self._cuts, self._gating = [], []

    def drop_behind(self, end: int) -> None:
        """Forget the segments that reach behind `end`: nobody waits for their outcomes."""
        self.opened = {number: each for number, each in self.opened.items() if each.segment.end <= end}

    def take(self, number: int, batch: int, outcome: Outcome) -> Iterator[tuple[Segment, Outcome]]:
        """The outcomes whose turn it is now that this one has come; nothing when it is not waited for."""
        opened = self.opened.get(number)
        if opened is None or batch not in opened.waiting:
            return
        opened.waiting.discard(batch)
        opened.gating.discard(batch)
        if not opened.waiting:
            del self.opened[number]
        answer = self.answers.get(batch)
        if answer is None:
            yield opened.segment, outcome
        else:
            yield from answer.take(opened.segment, outcome)

    def sentences(self, end: int | None) -> Sentences:
        """What became of the sentences up to `end`; all without one."""
        whole = Sentences()
        for answer in self.answers.values():
            whole.add(answer.sentences(end))
        return whole

    def _open(self, cut: Cut, start: int, end: int, run: int) -> list[Request]:
        """Make a segment of `[start, end)` and ask the cut's detectors for it; white space needs no one."""
        left = max(self._buffer.offset, start - cut.context_chars(self._buffer, start, end))
        text = self._buffer.slice(left, end)
        if text[start - left :].isspace():
            return []
        shared = self._shared
        context = shared.context if cut.way else None
        _, is_code = cut.segmenter.stretch(start)
        number = shared.next_segment(cut.way)
        segment = Segment(number, self._lane, start, end, text, start - left, context, run, is_code)
        deadline_ms = shared.now_ms + shared.plan.stream.max_hold_ms
        self.opened[segment.number] = OpenSegment(segment, set(cut.waiting), set(cut.gating), deadline_ms)
        for batch in cut.waiting.intersection(self.answers):
            self.answers[batch].expect(segment)
        return [(batch, segment) for batch in cut.batches]
