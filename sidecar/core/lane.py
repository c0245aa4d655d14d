"""One text of a stream: what its detectors are asked, what they answer, and how far all is known.

Text comes in by `feed`; scanners read it at once, or when their answer lets text out; segments go out as requests for
the batch detectors. What is found becomes a violation by the policy's rules and goes to the lane's gate. The
**watermark** is the position up to which every scanner, and every batch detector that a blocking or redacting rule
reads (strict mode), has cleared the text: up to there the gate lets it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import TypeAlias

import msgspec

from detectors.base import UNCHECKED
from detectors.types import Finding
from sidecar.core.answer import Answer, Remark, Sentences
from sidecar.core.buffer import SLACK_CHARS, TextBuffer
from sidecar.core.cuts import Cut, OpenSegment, cuts_of
from sidecar.core.gate import Gate
from sidecar.core.graphemes import LOOK_BACK_CHARS
from sidecar.core.items import Item, Settled
from sidecar.core.scanning import Broken, Scanning, Seen
from sidecar.core.shared import Shared
from sidecar.policy.decide import Violation, decide
from sidecar.policy.plan import BatchPlan, RulePlan
from sidecar.values import Action, Blocked, Failed, FailMode, FailureKind, Lane, Outcome, Segment

Request: TypeAlias = tuple[BatchPlan, Segment]
"""A batch detector's work: answer with `Stream.resolve(segment.number, batch.index, outcome, now_ms)`."""

_EXCERPT_CHARS = 256
MOST_UNREAD_CHARS = 1024
"""How much text scanners may leave for later while a segment's verdict is waited for anyhow."""


class Condition(Enum):
    """Whether a lane takes text: it does; it is over; a block stopped it."""

    OPEN = auto()
    CLOSED = auto()
    STOPPED = auto()


class LaneCoverage(msgspec.Struct, frozen=True, gc=False):
    """How much of a lane was looked at: characters received, accounted for in releases, and missed by some detector."""

    lane: Lane
    received_chars: int
    released_chars: int
    unscanned_chars: int
    reasons: tuple[str, ...]


class LaneState:
    """See the module's text. Owned by its `Stream`."""

    __slots__ = (
        "_answers",
        "_buffer",
        "_cuts",
        "_gate",
        "_gating_cuts",
        "_reasons",
        "_scanning",
        "_shared",
        "_unscanned",
        "condition",
        "lane",
        "open_segments",
    )

    def __init__(self, lane: Lane, shared: Shared) -> None:
        self.lane = lane
        self.condition = Condition.OPEN
        self.open_segments: dict[int, OpenSegment] = {}
        self._shared = shared
        self._buffer = TextBuffer()
        self._gate = Gate(lane, self._buffer, shared)
        self._scanning = Scanning(shared.plan.scanners, self._buffer)
        self._cuts = cuts_of(lane, shared.plan, shared.gating)
        self._gating_cuts = [cut for cut in self._cuts if cut.gating]
        self._answers = {
            batch.index: Answer(batch) for cut in self._cuts for batch in cut.batches if batch.is_pair_checker
        }
        """By pair checker."""
        self._unscanned = 0
        self._reasons: list[str] = []

    @property
    def held_chars(self) -> int:
        """Characters that arrived and were neither released, replaced nor dropped."""
        return 0 if self.condition is Condition.STOPPED else self._buffer.end - self._gate.released

    @property
    def is_done(self) -> bool:
        """Whether nothing more can come out."""
        if self.condition is Condition.CLOSED:
            return self._gate.released >= self._buffer.end and not self.open_segments
        return self.condition is Condition.STOPPED

    @property
    def block(self) -> Blocked | None:
        """The block that takes effect in it."""
        return self._gate.block

    @property
    def coverage(self) -> LaneCoverage:
        """What was looked at."""
        return LaneCoverage(self.lane, self._buffer.end, self._gate.released, self._unscanned, tuple(self._reasons))

    def sentences(self) -> Sentences:
        """What became of its sentences, up to where it was stopped."""
        whole = Sentences()
        for answer in self._answers.values():
            whole.add(answer.sentences(self._gate.released if self.condition is Condition.STOPPED else None))
        return whole

    # -- text -----------------------------------------------------------------------------------------------------

    def feed(self, text: str, arrived_ms: float) -> list[Request]:
        """Add text; returns the requests that it completed."""
        self._buffer.append(text)
        self._gate.arrived(arrived_ms)
        requests = self._cut()
        if not requests and self._may_scan_later(0):
            return requests
        self._scan()
        self.settle()
        return requests

    def may_wait(self, text: str, chars: int) -> bool:
        """Whether `text`, the last of `chars` characters that came since the last step, may wait for what follows."""
        if self.condition is Condition.STOPPED or not self._may_scan_later(chars):
            return False
        return not any(cut.segmenter.may_cut(text, chars) for cut in self._cuts)

    def close(self) -> list[Request]:
        """Say that no text follows; returns the last requests."""
        self.condition = Condition.CLOSED
        self._gate.is_final = True
        requests = self._cut()
        self._scan()
        self.settle()
        return requests

    def stop(self) -> None:
        """Drop all that is held, but for what is still owed about text that has left."""
        self.condition = Condition.STOPPED
        self._gate.shut()
        for number, opened in list(self.open_segments.items()):
            if opened.segment.end > self._gate.released:
                del self.open_segments[number]

    def _may_scan_later(self, more: int) -> bool:
        """Whether nothing could leave before a segment is complete, whatever the scanners say.

        Then they read its text, and `more` characters, in one go: token by token, their calls cost more than their
        reading.
        """
        if not self._gating_cuts or self.condition is Condition.CLOSED:
            return False
        if self._buffer.end + more - self._scanning.seen >= MOST_UNREAD_CHARS:
            return False
        begun = self._begun
        if self._gate.released < begun and not any(opened.gating for opened in self.open_segments.values()):
            return False
        return self._scanning.has_cleared(begun)

    @property
    def _begun(self) -> int:
        """Where the first segment begins that is not complete and whose verdict will be waited for."""
        return min(cut.segmenter.start for cut in self._gating_cuts)

    def _scan(self) -> None:
        for seen in self._scanning.advance(is_final=self.condition is Condition.CLOSED):
            self._see(seen)

    def _see(self, seen: Seen) -> None:
        if isinstance(seen, Broken):
            failed = Failed(FailureKind.ERROR, seen.error)
            self._fail(seen.scanner.detector.name, seen.scanner.rules, (seen.start, seen.end), failed)
            return
        finding = seen.finding
        excerpt = self._buffer.slice(finding.start, min(finding.end, finding.start + _EXCERPT_CHARS))
        self._gate.add(Item(seen, seen.rule.action, finding.start, finding.end, excerpt))

    def _cut(self) -> list[Request]:
        is_final = self.condition is Condition.CLOSED
        return [
            request
            for cut in self._cuts
            for start, end in cut.advance(self._buffer, is_final=is_final)
            for request in self._open(cut, start, end)
        ]

    def _open(self, cut: Cut, start: int, end: int) -> list[Request]:
        """Make a segment of `[start, end)` and ask the cut's detectors for it; white space needs no one."""
        left = max(self._buffer.offset, start - cut.context_chars(self._buffer, start, end))
        text = self._buffer.slice(left, end)
        if text[start - left :].isspace():
            return []
        shared = self._shared
        context = shared.context if cut.way else None
        segment = Segment(shared.next_segment(cut.way), self.lane, start, end, text, start - left, context)
        deadline_ms = shared.now_ms + shared.plan.stream.max_hold_ms
        self.open_segments[segment.number] = OpenSegment(segment, set(cut.waiting), set(cut.gating), deadline_ms)
        for batch in cut.waiting.intersection(self._answers):
            self._answers[batch].expect(segment)
        return [(batch, segment) for batch in cut.batches]

    # -- outcomes -------------------------------------------------------------------------------------------------

    def resolve(self, segment: int, batch: int, outcome: Outcome) -> None:
        """Take a batch detector's outcome; one that nothing waits for is ignored."""
        opened = self.open_segments.get(segment)
        if opened is None or batch not in opened.waiting:
            return
        opened.waiting.discard(batch)
        opened.gating.discard(batch)
        answer = self._answers.get(batch)
        if answer is None:
            self._answer(batch, opened.segment, outcome)
        else:
            for earlier, its_outcome in answer.take(opened.segment, outcome):
                self._answer(batch, earlier, its_outcome)
        if not opened.waiting:
            self.open_segments.pop(segment, None)
        self.settle()

    def _answer(self, number: int, segment: Segment, outcome: Outcome) -> None:
        """Take what a batch detector says of a segment."""
        batch, answer = self._shared.plan.batches[number], self._answers.get(number)
        if isinstance(outcome, Failed):
            if answer is not None:
                answer.note_failure(segment, outcome)
            source = (segment.number, batch.detector.model)
            self._fail(batch.detector.name, batch.rules, (segment.start, segment.end), outcome, source)
        elif answer is None:
            for violation in decide(batch.rules, outcome.findings):
                self._take(batch, segment, violation)
        else:
            self._note_gaps(batch, outcome.findings)
            for each in answer.read(outcome.findings):
                self._take(batch, segment, each)

    def _take(self, batch: BatchPlan, segment: Segment, what: Violation | Remark) -> None:
        is_remark = isinstance(what, Remark)
        violation = what.violation if isinstance(what, Remark) else what
        start, end, base = violation.finding.start, violation.finding.end, segment.start - segment.begin
        excerpt = segment.text[start - base : min(end, start + _EXCERPT_CHARS) - base]
        action = Action.ANNOTATE if is_remark else violation.rule.action
        model = batch.detector.model
        self._gate.add(Item(violation, action, start, end, excerpt, segment.number, model, is_remark=is_remark))

    def _note_gaps(self, batch: BatchPlan, findings: Sequence[Finding]) -> None:
        """Have the coverage say what a pair checker could not look at, or not at all of."""
        for each in findings:
            if each.label == UNCHECKED:
                self._unscanned += each.end - each.start
                self._note(f"{batch.detector.name}: {each.reason}")
            elif each.grounding is not None and each.grounding.is_cut:
                self._note(f"{batch.detector.name}: longer than the model reads")

    def _fail(
        self,
        detector: str,
        rules: Sequence[RulePlan],
        place: tuple[int, int],
        failed: Failed,
        source: tuple[int | None, str] = (None, ""),
    ) -> None:
        """Let each rule's fail mode act on text that was not looked at. `source` names a segment and its model."""
        start, end = place
        self._unscanned += end - start
        reason = f"{detector}: {failed.kind}"
        self._note(reason)
        finding = Finding(start, end, "", 0.0, reason)
        for rule in rules:
            mode = rule.on_timeout if failed.kind is FailureKind.TIMEOUT else rule.on_error
            is_closed = mode is FailMode.FAIL_CLOSED and rule.is_gating
            action = Action.BLOCK if is_closed else Action.ALLOW
            item = Item(Violation(rule, finding), action, start, end, "", *source, failed)
            if is_closed:
                self._gate.add(item)
            elif self._shared.is_news(rule.index, failed.kind):
                self._gate.tell(Settled(self._gate.released, item, Action.ALLOW, 0))

    def _note(self, reason: str) -> None:
        if reason not in self._reasons:
            self._reasons.append(reason)

    # -- letting out ----------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Let out what the watermark has passed."""
        if not self._gate.is_shut:
            self._gate.settle(self._watermark())
            self._forget()

    def _watermark(self) -> int:
        """Every finding that starts before this lane offset is known."""
        mark = min(self._buffer.end, self._scanning.cleared)
        if not self._gating_cuts:
            return mark
        if self.condition is not Condition.CLOSED:
            mark = min(mark, self._begun)
        for opened in self.open_segments.values():
            if opened.gating:
                mark = min(mark, opened.segment.start)
        return mark

    def _forget(self) -> None:
        """Drop the text that nothing needs any more."""
        needed = self._gate.released - LOOK_BACK_CHARS
        if needed - self._buffer.offset < SLACK_CHARS:
            return
        needed = min(needed, self._scanning.needed)
        for cut in self._cuts:
            needed = min(needed, cut.segmenter.start - cut.look_behind)
        self._buffer.drop_before(needed)
