"""One text of a stream: what its detectors are asked, what they answer, and how far all is known.

Text comes in by `feed`; scanners read it at once, or when their answer lets text out; segments go out as requests for
the batch detectors. What is found becomes a violation by the policy's rules and goes to the lane's gate. The
**watermark** is the position up to which every scanner, and every batch detector that a blocking or redacting rule
reads (strict mode), has cleared the text: up to there the gate lets it out, but not behind `limit`, where text begins
whose turn it is not (`core.order`).

`leave` judges a lane where text of another one comes, as if its text ended there; `close` ends it. A block that is
found so ends the lane: what stands before it leaves as judged, and no text is taken any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum, auto
from functools import partial

import msgspec

from sidecar.core.answer import Remark, Sentences
from sidecar.core.asking import Asking, Request
from sidecar.core.buffer import SLACK_CHARS, TextBuffer
from sidecar.core.cuts import way_of
from sidecar.core.early import behind
from sidecar.core.gaps import Gaps
from sidecar.core.gate import Gate
from sidecar.core.graphemes import LOOK_BACK_CHARS
from sidecar.core.items import Item, Known, Settled, Source
from sidecar.core.judgement import Judgement, Notes
from sidecar.core.kept import Kept, recorded
from sidecar.core.scanning import Broken, Marked, Scanning, Seen, Sighting
from sidecar.core.segmenter import CHARS_PER_PIECE, Patience
from sidecar.core.shared import Shared
from sidecar.core.trace import WHOLE, Holder
from sidecar.policy.cel import ConditionError
from sidecar.policy.conditions import Candidate
from sidecar.policy.decide import Violation, decide
from sidecar.policy.plan import BatchPlan, RulePlan
from sidecar.policy.stand_ins import scanner
from sidecar.values import Action, Channel, Failed, FailMode, FailureKind, Found, Lane, Outcome, Segment

_EXCERPT_CHARS = 256
NOT_READ = "not read by any rule"
"""Why a text was not looked at that the policy has nobody look at."""
NOT_TOLD = "its `when` could not be told; ask `has` first where the stream may not have it"
"""Why a finding was decided on by its rule's fail mode, although it was found."""
MOST_UNREAD_CHARS = 1024
"""How much text scanners may leave for later while a segment's verdict is waited for anyhow."""


class Condition(Enum):
    """Whether a lane takes text: it does; no text follows; a block stopped it."""

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
    is_known: bool = False
    """Whether nobody looked at it again, as all was known of it."""


class LaneState:
    """See the module's text. Owned by its `Stream`; `run`, `limit` and `closed_in` are its order's to write."""

    __slots__ = (
        "_buffer",
        "_call",
        "_gaps",
        "_is_history",
        "_is_known",
        "_kept",
        "_put_off",
        "_readers",
        "_scanning",
        "_shared",
        "_stand_ins",
        "_told",
        "asking",
        "closed_in",
        "condition",
        "gate",
        "lane",
        "limit",
        "notes",
        "run",
    )

    def __init__(self, lane: Lane, shared: Shared, notes: Notes | None = None) -> None:
        """`notes` are taken of what is found, for `judgement`."""
        self.lane = lane
        self.condition = Condition.OPEN
        self._shared = shared
        self._buffer = TextBuffer()
        self.gate = Gate(lane, self._buffer, shared)
        self._readers = shared.plan.readers(lane)
        self._stand_ins = shared.known_stand_ins()
        marks = scanner() if self._stand_ins is not None else None
        self._call = shared.call_of(lane)
        self._told = None if shared.trace is None else partial(shared.trace.judged, lane)
        self._scanning = Scanning(self._readers.scanners, self._buffer, marks=marks, told=self._told, call=self._call)
        self.asking = Asking(lane, self._buffer, shared)
        self._gaps = Gaps()
        self._is_history = shared.is_history(lane)
        self._kept = Kept() if shared.keeps(lane) else None
        """What it lets out, where a rule may yet have all of it withheld."""
        if self._kept is not None:
            self.gate.keep_whole(self._kept)
        self._is_known = False
        self._put_off: list[tuple[Segment, Source, Violation | Remark]] = []
        """What no text waits for, found where a block may begin yet: who answers first must not matter."""
        self.notes = notes
        self.run = 0
        """The run of text that it is in, or was in last."""
        self.limit: int | None = None
        """Where text of it begins whose turn it is not."""
        self.closed_in: int | None = None
        """The run of text in which it was closed by who feeds it."""

    @property
    def end(self) -> int:
        """The lane offset after the last character that arrived."""
        return self._buffer.end

    @property
    def held_chars(self) -> int:
        """Characters that arrived and neither left, nor were replaced or dropped."""
        return 0 if self.condition is Condition.STOPPED else self._buffer.end - self.gate.left

    @property
    def unjudged_chars(self) -> int:
        """Characters that arrived and are neither let out, nor withheld for the rest of a call."""
        return 0 if self.condition is Condition.STOPPED else self._buffer.end - self.gate.released

    @property
    def is_through(self) -> bool:
        """Whether it was closed, and all of it is judged."""
        return self.condition is Condition.CLOSED and self.gate.released >= self._buffer.end

    @property
    def is_done(self) -> bool:
        """Whether nothing more can come out, nor is owed about what came out, or was stopped."""
        return not self.asking.opened and (self.condition is Condition.STOPPED or self.is_through)

    @property
    def coverage(self) -> LaneCoverage:
        """What was looked at."""
        chars, reasons = self._unscanned
        return LaneCoverage(self.lane, self._buffer.end, self.gate.left, chars, reasons, self._is_known)

    @property
    def _unscanned(self) -> tuple[int, tuple[str, ...]]:
        if self._readers.is_nobody and self.gate.left:
            return self.gate.left, (NOT_READ,)
        return self._gaps.chars, self._gaps.reasons

    def holders(self) -> Iterator[Holder]:
        """What keeps its text back, and from where on."""
        if self.gate.left < self.gate.released:
            yield Holder(WHOLE, self.gate.left)
        yield from self._scanning.holders()
        yield from self.asking.holders(is_final=self.condition is Condition.CLOSED)

    def sentences(self) -> Sentences:
        """What became of its sentences, up to where it was stopped."""
        return self.asking.sentences(self.gate.released if self.condition is Condition.STOPPED else None)

    # -- text -----------------------------------------------------------------------------------------------------

    def feed(self, text: str, arrived_ms: float, turn: int) -> list[Request]:
        """Add text; returns the requests that it completed."""
        if self.notes is not None and not self._buffer.end:
            self.notes.before = self._shared.segments_made
        self._buffer.append(text)
        self.gate.journal.arrived(self._buffer.end, arrived_ms)
        requests = self.asking.advance(self.run, is_final=False)
        if requests or not self._may_scan_later():
            self._scan()
            self.settle(turn)
        return requests

    def recall(self, text: str, judgement: Judgement, arrived_ms: float) -> None:
        """Add all of its text, of which this is known. Nobody looks at it."""
        self._is_known = True
        self._scanning.finish()
        self.asking.finish()
        self._buffer.append(text)
        self.gate.journal.arrived(self._buffer.end, arrived_ms)
        if not self._readers.is_nobody:
            self._gaps.recall(judgement.unscanned_chars, judgement.reasons)
        if self._stand_ins is not None:
            for found in scanner().start().advance(text, 0, is_final=True):
                self._know(Marked(found.start, found.end, found.label))
        shared, before = self._shared, self._shared.skip_segments(judgement.segments)
        for each in judgement.noted:
            segment = shared.number_of(before + each.segment) if each.segment else None
            source = Source(self.run, segment, each.model, is_known=True)
            self._violate(Violation(shared.plan.rules[each.rule], each.finding), source)

    @property
    def judgement(self) -> Judgement | None:
        """What is known of its text; None unless all of it was looked at, or all before a block."""
        notes = self.notes
        if notes is None or notes.is_spoilt or self.asking.opened or self.asking.answers:
            return None
        is_final = self.gate.block is not None or self.gate.released == notes.chars
        return notes.judgement(*self._unscanned) if is_final else None

    @property
    def patience(self) -> Patience:
        """How long text that comes may wait for what follows."""
        if self.condition is not Condition.OPEN or not self._may_scan_later():
            return Patience(-1, -1)
        unread = (MOST_UNREAD_CHARS - 1 - (self._buffer.end - self._scanning.seen)) // CHARS_PER_PIECE
        pieces, calm = self.asking.patience
        return Patience(min(pieces, unread), min(calm, unread))

    def leave(self) -> list[Request]:
        """Have it judged as if its text ended here: text of another lane comes. Returns the requests for that."""
        requests = self.asking.part(self.run)
        if self._scanning.seen < self._buffer.end:
            self._scan()
        supposed, broken = self._scanning.probe()
        self._see_all(broken)
        self._see_all(each for each in supposed if isinstance(each, Marked))
        if self.gate.first_block is not None or any(map(self._is_block, supposed)):
            return requests + self.close()
        self._scanning.seal()
        self._see_all(each for each in supposed if not isinstance(each, Marked))
        self.gate.seal(self._scanning.cleared)
        return requests

    def close(self) -> list[Request]:
        """Say that no text follows; returns the last requests."""
        self.condition = Condition.CLOSED
        if self._call is not None:
            self._call.is_over = True
        self.gate.finish()
        requests = self.asking.advance(self.run, is_final=True)
        if self.notes is not None:
            self.notes.close(self._buffer.end, self._shared.segments_made)
        self._scan()
        if self._call is not None and self._call.unjudged and not self._is_history:
            self._gaps.add(self._buffer.end, self._call.unjudged)
        return requests

    def end_at(self, position: int, run: int) -> None:
        """Have it end where it ended before `run`, judged as it was there."""
        self.condition = Condition.CLOSED
        self.gate.end_at(position, run)
        self._scanning.finish()
        self.asking.drop_behind(self._buffer.end)
        self._put_off = [each for each in self._put_off if each[0].end <= self._buffer.end]

    def stop(self) -> None:
        """Drop all that is held, but for what is still owed about text up to where it was stopped."""
        self.condition = Condition.STOPPED
        if self._kept is not None:
            self._shared.outputs.extend(recorded(self._kept.outputs, Action.BLOCK))
            self._kept = None
        self.gate.shut()
        way, put_off = self.gate.blocked_way, self._put_off
        self.asking.stop(self.gate.stopped_at, way)
        self._put_off = []
        for each in put_off:
            if way_of(each[0].number, self._shared.plan) is way:
                self._take(*each)

    def let_go(self) -> None:
        """Keep no more than the end of a stream tells of it, and what is owed: nothing more can come out."""
        self._scanning.finish()
        self.asking.finish()

    def _action(self, rule: RulePlan) -> Action:
        """What a rule does here: withholding is for a request's history, where a rule that blocks withholds, too."""
        action = self._shared.action_of(rule, self.lane)
        if action < Action.WITHHOLD:
            return action
        return Action.WITHHOLD if self._is_history and self._shared.is_withholding(rule) else Action.BLOCK

    def _is_block(self, seen: Seen) -> bool:
        """Whether it is a violation that blocks."""
        if not isinstance(seen, Sighting):
            return False
        rule, finding = seen.violation.rule, seen.violation.finding
        is_blocking = not rule.is_conditional and rule.is_enforced and self._action(rule) is Action.BLOCK
        if not is_blocking or self.gate.knows(finding.start, finding.end):
            return False
        met = self._meets(seen.violation, lambda: self._buffer.slice(finding.start, finding.end))
        return rule.on_error is FailMode.FAIL_CLOSED if met is None else met

    def _meets(self, violation: Violation, text: Callable[[], str]) -> bool | None:
        """Whether a violation meets the terms of its rule; None where that cannot be told."""
        rule = violation.rule
        if rule.terms is None:
            return True
        found = Candidate(violation.finding, self.lane, rule.detector, self._shared.tool_of(self.lane))
        try:
            return self._shared.circumstances.admit(rule.terms, found, text)
        except ConditionError:
            return None

    def _admits(self, violation: Violation, source: Source, text: Callable[[], str], start: int) -> bool:
        """Whether a violation meets its rule's terms. Where that cannot be told, its fail mode acts from `start` on."""
        met = self._meets(violation, text)
        if met is None:
            failed = Failed(FailureKind.ERROR, "its condition could not be told")
            self._act_on(failed, NOT_TOLD, (violation.rule,), (start, violation.finding.end), source)
        return met is True

    def _may_scan_later(self) -> bool:
        """Whether nothing could leave before a segment is complete, whatever the scanners say.

        Then they read its text in one go: token by token, their calls cost more than their reading.
        """
        begun = self.asking.begun
        if begun is None or self._buffer.end - self._scanning.seen >= MOST_UNREAD_CHARS:
            return False
        if self.gate.released < begun and not self.asking.awaited:
            return False
        return self._scanning.has_cleared(begun)

    def _scan(self) -> None:
        self._see_all(self._scanning.advance(is_final=self.condition is Condition.CLOSED))

    def _see_all(self, found: Iterable[Seen]) -> None:
        for seen in found:
            self._see(seen)

    def _see(self, seen: Seen) -> None:
        if isinstance(seen, Marked):
            self._know(seen)
            return
        if isinstance(seen, Broken):
            failed = Failed(FailureKind.ERROR, seen.error)
            place, source = (seen.start, seen.end), Source(self.run)
            self._fail(seen.scanner.detector.name, seen.scanner.rules, place, failed, source)
            return
        if self.notes is not None:
            self.notes.add(seen.violation, None, "")
        self._violate(seen.violation, Source(self.run), is_rest=seen.is_rest)

    def _violate(self, violation: Violation, source: Source, *, is_rest: bool = False) -> None:
        """Take a violation, the text of which is at hand."""
        start, end, rule = violation.finding.start, violation.finding.end, violation.rule
        if not self._admits(violation, source, lambda: self._buffer.slice(start, end), start):
            return
        excerpt = self._buffer.slice(start, min(end, start + _EXCERPT_CHARS))
        item = Item(violation, self._action(rule), start, end, excerpt, source, is_rest=is_rest)
        if item.is_active or not is_rest:
            self.gate.add(item)

    def _know(self, marked: Marked) -> None:
        """Have a stand-in stay what it is, or give way to what it stands for.

        In what a tool is handed, one that stands for nothing any more is a failure of the rule that made it.
        """
        assert self._stand_ins is not None
        place = marked.start, marked.end
        entry = self._stand_ins.find(marked.form, self._buffer.slice(*place))
        if entry is None or self.gate.knows(*place):
            return
        is_answer, rules = not self._shared.is_request, self._shared.plan.stand_in_rules[:1]
        comes_back = is_answer and self.lane.channel in entry.restore
        self.gate.know(Known(*place, entry.value if comes_back else None))
        if is_answer and entry.value is None and self.lane.channel is Channel.TOOL_ARGUMENTS and rules:
            self._fail("stand_ins", rules, place, Failed(FailureKind.ERROR, "nobody knows its value"), Source(self.run))

    # -- outcomes -------------------------------------------------------------------------------------------------

    def resolve(self, segment: int, batch: int, outcome: Outcome) -> None:
        """Take a batch detector's outcome; one that nothing waits for is ignored."""
        for asked, its_outcome in self.asking.take(segment, batch, outcome):
            self._answer(self._readers.batch(batch), asked, its_outcome)

    def _take_put_off(self) -> None:
        """Take what is found of segments, once it is known that no other block begins in them."""
        put_off, self._put_off = self._put_off, []
        for each in put_off:
            if self._may_be_stopped_in(each[0]):
                self._put_off.append(each)
            else:
                self._take(*each)

    def _may_be_stopped_in(self, segment: Segment) -> bool:
        """Whether a block may begin in a segment's text of which no model's verdict on such a segment tells."""
        if self._scanning.cleared < segment.end:
            return True
        way, is_final = way_of(segment.number, self._shared.plan), self.condition is Condition.CLOSED
        return self.gate.blocks_before(segment.end, way) or not self.asking.is_cleared_besides(
            segment, is_final=is_final
        )

    def _answer(self, batch: BatchPlan, segment: Segment, outcome: Outcome) -> None:
        """Take what a batch detector says of a segment."""
        answer = self.asking.answers.get(batch.index)
        if answer is None and isinstance(outcome, Found) and not outcome.findings:
            return
        source = Source(segment.run, segment.number, batch.detector.model)
        if isinstance(outcome, Failed):
            if answer is not None:
                answer.note_failure(segment, outcome)
            place = max(segment.start, segment.cleared), segment.end
            self._fail(batch.detector.name, batch.rules, place, outcome, source)
            return
        self._gaps.read(batch, outcome.findings)
        judged = outcome.judged
        if judged is not None and judged.failure is not None and self.notes is not None:
            self.notes.is_spoilt = True  # asked again, there may be a verdict
        found = (
            decide(batch.rules, outcome.findings, judged=judged) if answer is None else [*answer.read(outcome.findings)]
        )
        if self._told is not None:
            decided = [each for each in found if isinstance(each, Violation) and behind(segment, each) is not None]
            self._told(batch, segment, outcome.findings, decided)
        for each in found:
            if self.condition is Condition.STOPPED or (isinstance(each, Violation) and each.rule.is_awaited):
                self._take(segment, source, each)
            else:
                self._put_off.append((segment, source, each))

    def _take(self, segment: Segment, source: Source, what: Violation | Remark) -> None:
        is_remark = isinstance(what, Remark)
        whole = what.violation if isinstance(what, Remark) else what
        violation = whole if is_remark else behind(segment, whole)
        if violation is None:
            return
        found, end, base = whole.finding.start, whole.finding.end, segment.start - segment.begin
        start = violation.finding.start
        excerpt = segment.text[start - base : min(end, start + _EXCERPT_CHARS) - base]
        action = Action.ANNOTATE if is_remark else self._action(violation.rule)
        if self.notes is not None:
            self.notes.add(violation, self._shared.place_of(segment.number), source.model)
        if self._admits(whole, source, lambda: segment.text[found - base : end - base], start):
            self.gate.add(Item(violation, action, start, end, excerpt, source, is_remark=is_remark))

    def _fail(
        self, detector: str, rules: Sequence[RulePlan], place: tuple[int, int], failed: Failed, source: Source
    ) -> None:
        """Let each rule's fail mode act on text that was not looked at."""
        self._gaps.add(place[1] - place[0], f"{detector}: {failed.kind}")
        if self.notes is not None:
            self.notes.is_spoilt = True
        self._act_on(failed, f"{detector}: {failed.kind}", rules, place, source)

    def _act_on(
        self, failed: Failed, why: str, rules: Sequence[RulePlan], place: tuple[int, int], source: Source
    ) -> None:
        for item in self._shared.failures(why, rules, place, failed, source):
            if item.action is Action.BLOCK:
                self.gate.add(item)
            else:
                self.gate.tell(Settled(self.gate.released, item, Action.ALLOW, 0))

    # -- letting out ----------------------------------------------------------------------------------------------

    def settle(self, turn: int) -> None:
        """Let out what the watermark has passed, when it is the turn of the run of text `turn`."""
        if self.gate.is_shut:
            return
        known = self._watermark()
        if self._put_off:
            self.gate.ripen(known)
            self._take_put_off()
        self.gate.settle(known, turn)
        if self._kept is not None and self.is_through:
            kept, self._kept = self._kept, None
            self.gate.let_go(kept.outputs)
        needed = self.gate.released - LOOK_BACK_CHARS
        if needed - self._buffer.offset >= SLACK_CHARS:
            self._buffer.drop_before(min(needed, self._scanning.needed, self.asking.needed))

    def _watermark(self) -> int:
        """Every finding that starts before this lane offset is known, and its turn has come."""
        mark = self.gate.reach(self._scanning.cleared)
        mark = min(mark, self.asking.cleared(is_final=self.condition is Condition.CLOSED))
        return mark if self.limit is None else min(mark, self.limit)
