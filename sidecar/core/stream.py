"""The core: one guarded stream, without I/O, clock or tasks. Text and outcomes go in, cleared text comes out.

How a lane (one text of the stream) moves:

1. `feed` appends text. Pattern scanners look at it inline and say how far everything is decided (`cleared`); the
   segmenter cuts segments, which go out as requests for the batch detectors. Pair checkers are given whole sentences,
   with the context that was there when they were complete, and their outcomes are taken in the order of the text.
2. Findings become violations by the policy's rules (`decide`), and wait in the lane in text order.
3. The **watermark** is the position up to which every scanner, and every batch detector that a blocking or redacting
   rule reads (strict mode), has cleared the text.
4. `_settle` lets text out up to the watermark, in whole graphemes when the policy redacts. A redaction leaves once its
   whole cluster of overlapping spans is cleared. A block takes effect when all before it is cleared: nothing from there
   on leaves.

What this object promises (laws 1 to 5 of the design), whatever the chunks:

* the outputs, joined per lane, and the decisions are the same however a text was cut, in strict mode with timers off;
* without a violation the output is the input; with one, no character of a redacted span or a blocked segment leaves;
* held text is bounded by the detectors' look-ahead, a segment, and what `wants_text` lets in while outcomes are due;
* each character is appended, scanned, segmented and released a bounded number of times.

Scanners gate also for shadow and annotating rules: their hold is a few characters, and the decision is then exact and
arrives with its text. Batch detectors gate only for enforced block and redact rules. What it does not promise: in
optimistic mode, or when a detector is late, what leaked depends on time; the decision says how much.

Times are milliseconds of the caller's monotonic clock.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from detectors.base import UNCHECKED, Scan
from detectors.context import Context
from detectors.types import Finding
from sidecar.core.answer import Answer, Remark, Sentences
from sidecar.core.buffer import SLACK_CHARS, TextBuffer
from sidecar.core.graphemes import LOOK_BACK_CHARS, ceil_boundary, floor_boundary, is_invisible
from sidecar.core.rewrite import ReleaseBuilder
from sidecar.core.segmenter import SENTENCE_ENDS, Segmenter
from sidecar.policy.decide import Violation, decide
from sidecar.policy.plan import BatchPlan, Plan, RulePlan, ScannerPlan, StreamSettings
from sidecar.values import (
    Action,
    Blocked,
    Channel,
    Decision,
    Exposure,
    Failed,
    FailMode,
    FailureKind,
    Lane,
    Mode,
    Outcome,
    Output,
    Part,
    Recorded,
    Release,
    Segment,
)

Request: TypeAlias = tuple[BatchPlan, Segment]
"""A batch detector's work: answer with `Stream.resolve(segment.number, batch.index, outcome, now_ms)`."""

_EXCERPT_CHARS = 256
_READING_CHARS = 128
"""A segment that is shorter than this is filled up with left context (ADR 0008 has what that costs and brings)."""
_KINDS = 2
"""The ways of cutting a lane: segments, sentences."""
_REDACTED_SPANS = 256
MOST_UNREAD_CHARS = 1024
"""How much text scanners may leave for later while a segment's verdict is waited for anyhow."""
MOST_AWAITED = 8
"""How many segments a stream waits for at a time: with a long prompt's all in the queue, it would be late by itself."""
GATHERED_WHEN_WHOLE = 2
"""How much longer the least segment is in text that comes as a whole: nobody waits for the first words of a prompt."""


class LaneCoverage(msgspec.Struct, frozen=True, gc=False):
    """How much of a lane was looked at: characters received, accounted for in releases, and missed by some detector."""

    lane: Lane
    received_chars: int
    released_chars: int
    unscanned_chars: int
    reasons: tuple[str, ...]


class _Item(msgspec.Struct, frozen=True, gc=False):
    """A violation on its way to a decision. `action` is what it asks for: a block, for a failure that fails closed."""

    violation: Violation
    action: Action
    start: int
    end: int
    excerpt: str
    segment: int | None
    model: str
    failed: Failed | None = None
    leaked_chars: int = 0
    """What had left of a redaction that came late."""
    is_rest: bool = False
    """Whether an earlier replacement already stands for its beginning, and its decision was made."""
    is_remark: bool = False
    """Whether it is only shown: evidence for a sentence that passed, of which there is no decision."""

    @property
    def order(self) -> tuple[int, int, int, str, float]:
        """Text order, then the policy's."""
        finding = self.violation.finding
        return (self.start, self.violation.rule.index, self.end, finding.label, -finding.score)

    @property
    def is_active(self) -> bool:
        """Whether it changes the text."""
        return self.violation.rule.is_enforced and self.action >= Action.REDACT and not self.is_remark


class _Settled(msgspec.Struct, frozen=True, gc=False):
    """A violation with what was done about it. `position` is the lane offset at which that was certain."""

    position: int
    item: _Item
    done: Action
    leaked_chars: int


class _Cluster(msgspec.Struct, frozen=True, gc=False):
    """Overlapping redactions: the union of their spans, widened to whole graphemes, is replaced once.

    `end` is None while it is not certain. `blocker` is a block that begins inside: then nothing from `start` on leaves.
    """

    start: int
    end: int | None
    items: list[_Item]
    blocker: _Item | None


class _OpenSegment(msgspec.Struct):
    """A segment with the batch detectors that still owe an outcome."""

    segment: Segment
    waiting: set[int]
    gating: set[int]
    deadline_ms: float


class _Cut:
    """A way of cutting a lane's text, and the batch detectors that read what it gives. `kind` numbers the ways."""

    __slots__ = ("batches", "gating", "kind", "look_behind", "segmenter")

    def __init__(self, kind: int, segmenter: Segmenter, batches: tuple[BatchPlan, ...], gating: frozenset[int]) -> None:
        self.kind = kind
        self.segmenter = segmenter
        self.batches = batches
        self.gating = gating.intersection(batch.index for batch in batches)
        self.look_behind = max(batch.detector.look_behind for batch in batches)

    def context_chars(self, buffer: TextBuffer, start: int, end: int) -> int:
        """How much left context the segment `[start, end)` is read with: less, the more it says by itself.

        Reading context costs as much as reading the segment. A segment that is long enough and begins with a sentence
        has none; one that begins inside a sentence, or is short, is read with what stands before it.
        """
        if not self.look_behind or not start:
            return 0
        least = 0 if buffer.slice(start - 1, start) in SENTENCE_ENDS else self.look_behind // 2
        return min(self.look_behind, max(least, _READING_CHARS - (end - start)))


class _DeadScan:
    """Stands in for a scan that raised: it finds nothing and holds nothing."""

    def __init__(self) -> None:
        self.cleared = 0

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """Clear all text."""
        self.cleared = offset + len(text)
        return ()


class _LaneState:
    """One text of the stream. Owned by its `Stream`."""

    __slots__ = (
        "active",
        "answers",
        "arrivals",
        "buffer",
        "cuts",
        "earlier",
        "is_closed",
        "lane",
        "open_segments",
        "passive",
        "redacted",
        "released",
        "scanned",
        "scans",
        "stopped_at",
        "unscanned",
        "unscanned_reasons",
    )

    def __init__(self, lane: Lane, plan: Plan, gating: frozenset[int]) -> None:
        self.lane = lane
        self.buffer = TextBuffer()
        self.scans: list[tuple[ScannerPlan, Scan]] = [(each, each.detector.start()) for each in plan.scanners]
        self.cuts = _cuts(lane, plan, gating)
        self.answers = {
            batch.index: Answer(batch) for cut in self.cuts for batch in cut.batches if batch.sentence_tokens
        }
        """By pair checker."""
        self.open_segments: dict[int, _OpenSegment] = {}
        self.active: list[_Item] = []
        """Redactions and blocks to come, in text order."""
        self.passive: list[_Item] = []
        """Decisions that change nothing, to be recorded when the text they are about has left; in text order."""
        self.earlier: dict[int, list[Violation]] = {}
        """Per scanner, the violations that reach into text that is still undecided: they may dominate later ones."""
        self.redacted: deque[tuple[int, int]] = deque(maxlen=_REDACTED_SPANS)
        """The spans that were replaced last."""
        self.released = 0
        self.scanned = 0
        """How far the scanners were given the text."""
        self.arrivals: deque[tuple[int, float]] = deque()
        self.is_closed = False
        self.stopped_at: int | None = None
        self.unscanned = 0
        self.unscanned_reasons: list[str] = []

    @property
    def begun(self) -> int | None:
        """Where the first segment begins that is not complete and whose verdict will be waited for; None: no such."""
        return min((cut.segmenter.start for cut in self.cuts if cut.gating), default=None)

    @property
    def held_chars(self) -> int:
        return 0 if self.stopped_at is not None else self.buffer.end - self.released

    @property
    def is_done(self) -> bool:
        """Whether nothing more can come out."""
        if self.stopped_at is not None:
            return True
        return self.is_closed and self.released >= self.buffer.end and not self.open_segments


class Stream:
    """One guarded stream: see the module's text. Not thread-safe; one owner."""

    def __init__(self, plan: Plan, *, session_id: str = "", stops_together: bool = False) -> None:
        """`session_id` keys pseudonyms. `stops_together`: a block stops every lane (input), not only its choice."""
        self._plan = plan
        self._session_id = session_id
        self._stops_together = stops_together
        self._lanes: dict[Lane, _LaneState] = {}
        self._owners: dict[int, _LaneState] = {}
        self._outputs: deque[Output] = deque()
        is_strict = plan.stream.mode is Mode.STRICT
        self._gating = frozenset(
            batch.index for batch in plan.batches if is_strict and any(rule.is_gating for rule in batch.rules)
        )
        self._is_redacting = plan.redacts
        self._context: Context | None = None
        self._segments_made = [0] * _KINDS
        self._decisions_made = 0
        self._failures_told: set[tuple[int, FailureKind]] = set()
        self._stopped_choices: set[int] = set()
        self.max_held_chars = 0
        """The most characters one lane held after a step."""

    # -- what goes in ---------------------------------------------------------------------------------------------

    def ground(self, context: Context) -> None:
        """Have the sentences that are complete from now on compared with this context."""
        self._context = context

    def feed(self, lane: Lane, text: str, now_ms: float = 0.0, *, arrived_ms: float | None = None) -> list[Request]:
        """Add text to a lane; returns the requests that it completed. Text for a stopped choice is ignored.

        `arrived_ms` is when its first character came, if that was earlier (`may_wait`).
        """
        state = self._lane(lane)
        if state.is_closed:
            raise ValueError("text after the lane's end")
        if state.stopped_at is not None or not text:
            return []
        state.buffer.append(text)
        state.arrivals.append((state.buffer.end, now_ms if arrived_ms is None else arrived_ms))
        return self._advance(state, now_ms)

    def may_wait(self, lane: Lane, text: str, chars: int) -> bool:
        """Whether text may be fed later, with what follows, and nothing leaves or is asked the later for it.

        `chars` counts all that came since the last step, `text` included, which is the last of it. It takes a fraction
        of what `feed` takes: most tokens complete nothing.
        """
        state = self._lanes.get(lane)
        if state is None or state.stopped_at is not None or not self._may_scan_later(state, chars):
            return False
        return not any(cut.segmenter.may_cut(text, chars) for cut in state.cuts)

    def close(self, now_ms: float = 0.0) -> list[Request]:
        """End all lanes; returns the last requests. Outcomes may still come."""
        requests: list[Request] = []
        for state in list(self._lanes.values()):
            if not state.is_closed:
                state.is_closed = True
                if state.stopped_at is None:
                    requests += self._advance(state, now_ms)
        return requests

    def resolve(self, segment: int, batch: int, outcome: Outcome, now_ms: float = 0.0) -> None:
        """Take a batch detector's outcome. One that nothing waits for (late, or its choice stopped) is ignored."""
        state = self._owners.get(segment)
        opened = state.open_segments.get(segment) if state is not None else None
        if state is None or opened is None or batch not in opened.waiting:
            return
        opened.waiting.discard(batch)
        opened.gating.discard(batch)
        answer = state.answers.get(batch)
        if answer is None:
            self._answer(state, batch, opened.segment, outcome, now_ms)
        else:
            for earlier, its_outcome in answer.take(opened.segment, outcome):
                self._answer(state, batch, earlier, its_outcome, now_ms)
        if not opened.waiting:
            state.open_segments.pop(segment, None)
            self._owners.pop(segment, None)
        self._settle(state, now_ms)

    def tick(self, now_ms: float) -> None:
        """Let the outcomes that are overdue count as timed out."""
        overdue = [
            (number, batch)
            for state in self._lanes.values()
            for number, opened in state.open_segments.items()
            if opened.deadline_ms <= now_ms
            for batch in sorted(opened.waiting)
        ]
        for number, batch in overdue:
            self.resolve(number, batch, Failed(FailureKind.TIMEOUT, "no outcome within max_hold_ms"), now_ms)

    # -- what comes out -------------------------------------------------------------------------------------------

    def next_output(self) -> Output | None:
        """The next output, or None when more text, an outcome or time is needed."""
        return self._outputs.popleft() if self._outputs else None

    @property
    def next_deadline_ms(self) -> float | None:
        """When `tick` has something to do, if nothing else happens."""
        deadlines = (each.deadline_ms for state in self._lanes.values() for each in state.open_segments.values())
        return min(deadlines, default=None)

    @property
    def awaits_outcomes(self) -> bool:
        """Whether text is held for an outcome that is under way."""
        return any(opened.gating for state in self._lanes.values() for opened in state.open_segments.values())

    @property
    def held_chars(self) -> int:
        """Characters that arrived and were neither released, replaced nor dropped by a block, over all lanes."""
        return sum(state.held_chars for state in self._lanes.values())

    @property
    def wants_text(self) -> bool:
        """Whether more text may be fed now.

        Not while a lane waits for outcomes with `max_held_chars` of text on its hands, nor while `MOST_AWAITED`
        segments are waited for: a segment's time begins when its text is fed, so what has not had its turn is not late.
        """
        limit = self._plan.stream.max_held_chars
        if any(state.open_segments and state.held_chars >= limit for state in self._lanes.values()):
            return False
        awaited = sum(bool(each.gating) for state in self._lanes.values() for each in state.open_segments.values())
        return awaited < MOST_AWAITED

    @property
    def is_done(self) -> bool:
        """Whether every lane has ended and nothing is waited for."""
        return all(state.is_done for state in self._lanes.values())

    @property
    def is_stopped(self) -> bool:
        """Whether every lane that exists was stopped by a block."""
        return bool(self._lanes) and all(state.stopped_at is not None for state in self._lanes.values())

    def sentences(self) -> Sentences | None:
        """What became of the answers' sentences; None where nothing compares them with a context."""
        if not self._plan.reads_context:
            return None
        whole = Sentences()
        for state in self._lanes.values():
            for answer in state.answers.values():
                whole.add(answer.sentences(state.stopped_at))
        return whole

    def coverage(self) -> tuple[LaneCoverage, ...]:
        """What was looked at, per lane."""
        return tuple(
            LaneCoverage(state.lane, state.buffer.end, state.released, state.unscanned, tuple(state.unscanned_reasons))
            for state in self._lanes.values()
        )

    # -- taking text ----------------------------------------------------------------------------------------------

    def _lane(self, lane: Lane) -> _LaneState:
        state = self._lanes.get(lane)
        if state is None:
            state = self._lanes[lane] = _LaneState(lane, self._plan, self._gating)
            if lane.choice in self._stopped_choices or (self._stops_together and self._stopped_choices):
                state.stopped_at = 0
        return state

    def _advance(self, state: _LaneState, now_ms: float) -> list[Request]:
        requests = self._segment(state, now_ms)
        if not requests and self._may_scan_later(state):
            self.max_held_chars = max(self.max_held_chars, state.held_chars)
            return requests
        self._scan(state, now_ms)
        self._settle(state, now_ms)
        return requests if state.stopped_at is None else [each for each in requests if each[1].number in self._owners]

    def _may_scan_later(self, state: _LaneState, more: int = 0) -> bool:
        """Whether nothing could leave before a segment is complete, whatever the scanners say.

        Then they read its text, and `more` characters, in one go: token by token, their calls cost more than their
        reading.
        """
        begun = state.begun
        if begun is None or state.is_closed or state.buffer.end + more - state.scanned >= MOST_UNREAD_CHARS:
            return False
        if state.released < begun and not any(opened.gating for opened in state.open_segments.values()):
            return False
        return all(scan.cleared >= begun for _, scan in state.scans)

    def _scan(self, state: _LaneState, now_ms: float) -> None:
        buffer = state.buffer
        state.scanned = buffer.end
        for index, (scanner, scan) in enumerate(state.scans):
            offset = max(buffer.offset, scan.cleared - scanner.detector.look_behind)
            try:
                findings = scan.advance(buffer.tail(offset), offset, is_final=state.is_closed)
            except Exception as error:  # noqa: BLE001 - scanners may be third-party code: the rules' fail modes apply
                state.scans[index] = (scanner, _DeadScan())
                failed = Failed(FailureKind.ERROR, type(error).__name__)
                place = (scan.cleared, max(buffer.end, scan.cleared + 1))
                self._fail(state, scanner.detector.name, scanner.rules, place, failed, now_ms)
                continue
            if not findings:
                continue
            earlier = state.earlier.get(index, [])
            violations = decide(scanner.rules, findings, earlier)
            state.earlier[index] = [each for each in (*earlier, *violations) if each.finding.end > scan.cleared]
            for violation in violations:
                finding = violation.finding
                excerpt = buffer.slice(finding.start, min(finding.end, finding.start + _EXCERPT_CHARS))
                self._add(state, _Item(violation, violation.rule.action, finding.start, finding.end, excerpt, None, ""))

    def _segment(self, state: _LaneState, now_ms: float) -> list[Request]:
        buffer = state.buffer
        requests: list[Request] = []
        for cut in state.cuts:
            start = cut.segmenter.start
            offset = max(buffer.offset, start - cut.look_behind)
            ends = cut.segmenter.advance(buffer.tail(offset), offset)
            if state.is_closed and (last := cut.segmenter.finish()) is not None:
                ends.append(last)
            for end in ends:
                requests += self._open(state, cut, start, end, now_ms)
                start = end
        return requests

    def _open(self, state: _LaneState, cut: _Cut, start: int, end: int, now_ms: float) -> list[Request]:
        """Make a segment of `[start, end)` and ask the cut's detectors for it; white space needs no one."""
        left = max(state.buffer.offset, start - cut.context_chars(state.buffer, start, end))
        text = state.buffer.slice(left, end)
        if text[start - left :].isspace():
            return []
        context = self._context if cut.kind else None
        segment = Segment(self._next_number(cut.kind), state.lane, start, end, text, start - left, context)
        deadline_ms = now_ms + self._plan.stream.max_hold_ms
        waiting = {batch.index for batch in cut.batches}
        state.open_segments[segment.number] = _OpenSegment(segment, waiting, set(cut.gating), deadline_ms)
        self._owners[segment.number] = state
        for batch in waiting.intersection(state.answers):
            state.answers[batch].expect(segment)
        return [(batch, segment) for batch in cut.batches]

    def _next_number(self, kind: int) -> int:
        """The next segment's number. Each kind has its own, so that they do not depend on how the text arrived."""
        self._segments_made[kind] += 1
        made = self._segments_made[kind]
        return made if self._plan.reads_one_way else made * _KINDS - 1 + kind

    # -- taking outcomes ------------------------------------------------------------------------------------------

    def _answer(self, state: _LaneState, number: int, segment: Segment, outcome: Outcome, now_ms: float) -> None:
        """Take what a batch detector says of a segment."""
        batch, answer = self._plan.batches[number], state.answers.get(number)
        if isinstance(outcome, Failed):
            if answer is not None:
                answer.note_failure(segment, outcome)
            source = (segment.number, batch.detector.model)
            self._fail(state, batch.detector.name, batch.rules, (segment.start, segment.end), outcome, now_ms, source)
        elif answer is None:
            for violation in decide(batch.rules, outcome.findings):
                self._take(state, batch, segment, violation, now_ms)
        else:
            self._note_gaps(state, batch, outcome.findings)
            for each in answer.read(outcome.findings):
                self._take(state, batch, segment, each, now_ms)

    def _take(
        self, state: _LaneState, batch: BatchPlan, segment: Segment, what: Violation | Remark, now_ms: float
    ) -> None:
        is_remark = isinstance(what, Remark)
        violation = what.violation if isinstance(what, Remark) else what
        start, end, base = violation.finding.start, violation.finding.end, segment.start - segment.begin
        excerpt = segment.text[start - base : min(end, start + _EXCERPT_CHARS) - base]
        action = Action.ANNOTATE if is_remark else violation.rule.action
        model = batch.detector.model
        item = _Item(violation, action, start, end, excerpt, segment.number, model, is_remark=is_remark)
        self._add(state, item, now_ms)

    def _note_gaps(self, state: _LaneState, batch: BatchPlan, findings: Sequence[Finding]) -> None:
        """Have the coverage say what a pair checker could not look at, or not at all of."""
        for each in findings:
            if each.label == UNCHECKED:
                state.unscanned += each.end - each.start
                _note(state, f"{batch.detector.name}: {each.reason}")
            elif each.grounding is not None and each.grounding.is_cut:
                _note(state, f"{batch.detector.name}: longer than the model reads")

    def _fail(
        self,
        state: _LaneState,
        detector: str,
        rules: Sequence[RulePlan],
        place: tuple[int, int],
        failed: Failed,
        now_ms: float,
        source: tuple[int | None, str] = (None, ""),
    ) -> None:
        """Let each rule's fail mode act on text that was not looked at. `source` names a segment and its model."""
        start, end = place
        state.unscanned += end - start
        reason = f"{detector}: {failed.kind}"
        _note(state, reason)
        finding = Finding(start, end, "", 0.0, reason)
        for rule in rules:
            mode = rule.on_timeout if failed.kind is FailureKind.TIMEOUT else rule.on_error
            is_closed = mode is FailMode.FAIL_CLOSED and rule.is_gating
            action = Action.BLOCK if is_closed else Action.ALLOW
            item = _Item(Violation(rule, finding), action, start, end, "", *source, failed)
            if is_closed:
                self._add(state, item, now_ms)
            elif (rule.index, failed.kind) not in self._failures_told:
                self._failures_told.add((rule.index, failed.kind))
                self._tell(state, _Settled(state.released, item, Action.ALLOW, 0), now_ms)

    def _add(self, state: _LaneState, item: _Item, now_ms: float = 0.0) -> None:
        if state.stopped_at is not None:
            if item.end <= state.stopped_at:
                self._add_late(state, item, now_ms)
        elif not item.is_active and item.end > state.released:
            insort(state.passive, item, key=_order)
        elif item.start >= state.released:
            insort(state.active, item, key=_order)
        else:
            self._add_late(state, item, now_ms)

    def _add_late(self, state: _LaneState, item: _Item, now_ms: float) -> None:
        """Act on text of which some, or all, has left: optimistic mode, or a decision that nothing waits for."""
        if not item.is_active:
            settled = self._settle_passive(state, item)
            self._tell(state, msgspec.structs.replace(settled, position=state.released), now_ms)
            return
        leaked = _raw_chars(state, item.start, item.end)
        if state.stopped_at is None:
            if item.action is Action.BLOCK:
                self._stop(state, item, [_Settled(state.released, item, Action.BLOCK, leaked)], now_ms)
                return
            if item.end > state.released:
                rest = msgspec.structs.replace(item, start=state.released, leaked_chars=leaked)
                insort(state.active, rest, key=_order)
                return
        self._tell(state, _Settled(state.released, item, Action.ALLOW, leaked), now_ms)

    def _tell(self, state: _LaneState, settled: _Settled, now_ms: float) -> None:
        """Hand out a decision that lets no text out: a remark on text that left, or only a record."""
        decisions = self._decisions(state, [settled], now_ms)
        if settled.done is not Action.ANNOTATE:
            if decisions:
                self._outputs.append(Recorded(state.lane, tuple(decisions)))
            return
        builder = ReleaseBuilder(state.lane, state.released)
        builder.annotate(settled.item.violation)
        builder.record(decisions)
        self._emit(builder)

    # -- letting out ----------------------------------------------------------------------------------------------

    def _watermark(self, state: _LaneState) -> int:
        """Every finding that starts before this lane offset is known."""
        mark = state.buffer.end
        for _, scan in state.scans:
            mark = min(mark, scan.cleared)
        if not self._gating:
            return mark
        for cut in state.cuts:
            if cut.gating and not state.is_closed:
                mark = min(mark, cut.segmenter.start)
        for opened in state.open_segments.values():
            if opened.gating:
                mark = min(mark, opened.segment.start)
        return mark

    def _settle(self, state: _LaneState, now_ms: float) -> None:
        """Let out what the watermark has passed, redactions applied, and record what was decided."""
        if state.stopped_at is not None:
            return
        known = self._watermark(state)
        limit = self._floor(state, known)
        if state.active or state.passive:
            self._settle_items(state, known, limit, now_ms)
        elif limit > state.released:
            start, state.released = state.released, limit
            self._outputs.append(Release(state.lane, state.buffer.slice(start, limit), start, limit))
            self._forget_arrivals(state)
        self.max_held_chars = max(self.max_held_chars, state.held_chars)
        self._forget(state)

    def _settle_items(self, state: _LaneState, known: int, limit: int, now_ms: float) -> None:
        """Let text out that violations stand in or behind."""
        builder = ReleaseBuilder(state.lane, state.released)
        settled: list[_Settled] = []
        blocker: _Item | None = None
        while state.active and state.active[0].start < known:
            cluster = self._cluster(state, known)
            if cluster.blocker is not None or cluster.end is None or cluster.end > known:
                blocker, limit = cluster.blocker, cluster.start
                break
            settled += self._replace(state, builder, cluster)
            limit = max(state.released, self._floor(state, known))
        self._keep(state, builder, limit)
        self._let_out(state, builder, settled, now_ms)
        if blocker is not None:
            self._stop_at(state, blocker, now_ms)

    def _cluster(self, state: _LaneState, known: int) -> _Cluster:
        """The overlapping redactions that begin with the first active item, as far as they are known."""
        start = max(state.released, self._begin(state, state.active[0]))
        end: int | None = start
        reach = start
        items: list[_Item] = []
        for item in state.active:
            if item.start >= known or (items and end is not None and item.start >= end):
                break
            if item.action is Action.BLOCK:
                return _Cluster(start, end, items, item)
            items.append(item)
            reach = max(reach, item.end)
            end = self._ceil(state, item, reach)
        if end is not None:
            end = min(end, start + self._plan.stream.max_held_chars)
        return _Cluster(start, end, items, None)

    def _keep(self, state: _LaneState, builder: ReleaseBuilder, end: int) -> None:
        """Let the text up to `end` through as it is."""
        if end > state.released:
            builder.keep(state.buffer.slice(state.released, end))
            state.released = end

    def _replace(self, state: _LaneState, builder: ReleaseBuilder, cluster: _Cluster) -> list[_Settled]:
        """Let a complete cluster's replacement stand for its text; returns what that settles."""
        assert cluster.end is not None
        self._keep(state, builder, cluster.start)
        end = cluster.end
        leader = min((item.violation for item in cluster.items), key=_precedence)
        rewrite = leader.rule.rewrite
        label = leader.finding.label
        assert rewrite is not None
        replacement = rewrite(state.buffer.slice(cluster.start, end), label, self._session_id)
        builder.replace(cluster.start, end, replacement, leader.rule.index, label)
        state.released = end
        state.redacted.append((cluster.start, end))
        del state.active[: len(cluster.items)]
        for item in cluster.items:
            if item.end > end:
                insort(state.active, msgspec.structs.replace(item, start=end, is_rest=True), key=_order)
        return [_Settled(end, item, Action.REDACT, item.leaked_chars) for item in cluster.items if not item.is_rest]

    def _let_out(self, state: _LaneState, builder: ReleaseBuilder, settled: list[_Settled], now_ms: float) -> None:
        """Finish a release: add the decisions that only waited for their text to leave, and hand it out."""
        staying: list[_Item] = []
        for item in state.passive:
            if item.end > state.released:
                staying.append(item)
                continue
            settled.append(self._settle_passive(state, item))
        state.passive = staying
        settled.sort(key=_settling_order)
        for each in settled:
            if each.done is Action.ANNOTATE:
                builder.annotate(each.item.violation)
        builder.record(self._decisions(state, settled, now_ms))
        self._emit(builder)
        self._forget_arrivals(state)

    def _settle_passive(self, state: _LaneState, item: _Item) -> _Settled:
        """What became of a violation that changes nothing, now that its text is accounted for."""
        raw = _raw_chars(state, item.start, item.end)
        if raw < item.end - item.start:
            return _Settled(item.end, item, Action.REDACT, raw)
        is_remark = item.action is Action.ANNOTATE and item.violation.rule.is_enforced
        return _Settled(item.end, item, Action.ANNOTATE if is_remark else Action.ALLOW, raw)

    def _stop_at(self, state: _LaneState, blocker: _Item, now_ms: float) -> None:
        """Stop a lane before a block: all that was found up to there is decided with it."""
        ended = [item for item in (*state.active, *state.passive) if item.start <= blocker.start and not item.is_rest]
        settled = [
            _Settled(item.end, item, Action.BLOCK, item.leaked_chars or _raw_chars(state, item.start, item.end))
            for item in ended
        ]
        self._stop(state, blocker, settled, now_ms)

    def _stop(self, state: _LaneState, blocker: _Item, settled: list[_Settled], now_ms: float) -> None:
        """Block: nothing leaves this lane any more, nor its choice's others (all lanes of an input)."""
        settled.sort(key=_settling_order)
        rule = blocker.violation.rule
        finding = blocker.violation.finding
        decisions = tuple(self._decisions(state, settled, now_ms))
        self._outputs.append(
            Blocked(state.lane, rule.index, state.released, rule.message, finding.label, finding.reason, decisions)
        )
        self._stopped_choices.add(state.lane.choice)
        for other in self._lanes.values():
            if self._stops_together or other.lane.choice == state.lane.choice:
                self._silence(other)

    def _silence(self, state: _LaneState) -> None:
        """Drop all that a stopped lane holds, but for what is still owed about text that has left."""
        if state.stopped_at is not None:
            return
        state.stopped_at = state.released
        state.active.clear()
        state.passive.clear()
        for number, opened in list(state.open_segments.items()):
            if opened.segment.end > state.released:
                del state.open_segments[number]
                del self._owners[number]

    # -- small things ---------------------------------------------------------------------------------------------

    def _floor(self, state: _LaneState, position: int) -> int:
        """The last place at or before `position` where text may be cut."""
        if not self._is_redacting:
            return position
        buffer = state.buffer
        index = floor_boundary(buffer.text, position - buffer.offset, is_final=state.is_closed)
        return max(state.released, index + buffer.offset)

    def _begin(self, state: _LaneState, item: _Item) -> int:
        """Where a redaction begins. Invisible text is attached to what stands before it, which stays."""
        return item.start if is_invisible(item.excerpt) else self._floor(state, item.start)

    def _ceil(self, state: _LaneState, item: _Item, position: int) -> int | None:
        """Where a redaction that reaches `position` ends, or None while that is not certain."""
        if is_invisible(item.excerpt):
            return position
        buffer = state.buffer
        index = ceil_boundary(buffer.text, position - buffer.offset, is_final=state.is_closed)
        return None if index is None else index + buffer.offset

    def _decisions(self, state: _LaneState, settled: Sequence[_Settled], now_ms: float) -> list[Decision]:
        return [self._decide(state, each, now_ms) for each in settled if not each.item.is_remark]

    def _decide(self, state: _LaneState, settled: _Settled, now_ms: float) -> Decision:
        item = settled.item
        self._decisions_made += 1
        is_held = settled.done >= Action.REDACT and not settled.leaked_chars
        released_to = min(item.start if is_held else settled.position, state.released)
        arrived = state.arrivals[0][1] if state.arrivals else now_ms
        return Decision(
            number=self._decisions_made,
            rule=item.violation.rule.index,
            lane=state.lane,
            finding=item.violation.finding,
            decided=item.violation.rule.action,
            done=settled.done,
            exposure=Exposure(released_to, settled.leaked_chars, max(0.0, now_ms - arrived)),
            excerpt=item.excerpt,
            failure=item.failed,
            segment=item.segment,
            model=item.model,
            is_enforced=item.violation.rule.is_enforced,
        )

    def _emit(self, builder: ReleaseBuilder) -> None:
        release = builder.build()
        if release is not None:
            self._outputs.append(release)

    @staticmethod
    def _forget_arrivals(state: _LaneState) -> None:
        while state.arrivals and state.arrivals[0][0] <= state.released:
            state.arrivals.popleft()

    def _forget(self, state: _LaneState) -> None:
        """Drop the text that nothing needs any more."""
        needed = state.released - LOOK_BACK_CHARS
        if needed - state.buffer.offset < SLACK_CHARS:
            return
        for scanner, scan in state.scans:
            needed = min(needed, scan.cleared - scanner.detector.look_behind)
        for cut in state.cuts:
            needed = min(needed, cut.segmenter.start - cut.look_behind)
        state.buffer.drop_before(needed)


def _cuts(lane: Lane, plan: Plan, gating: frozenset[int]) -> list[_Cut]:
    """How a lane is cut: into segments, and what a model answers into whole sentences for its pair checkers."""
    segments = tuple(batch for batch in plan.batches if not batch.sentence_tokens)
    cuts = [_Cut(0, _segmenter(lane, plan.stream), segments, gating)] if segments else []
    sentences = tuple(batch for batch in plan.batches if batch.sentence_tokens)
    if sentences and lane.part is Part.MODEL and lane.channel is Channel.CONTENT:
        longest = min(batch.sentence_tokens for batch in sentences)
        cuts.append(_Cut(1, Segmenter(longest, first_tokens=longest), sentences, gating))
    return cuts


def _segmenter(lane: Lane, settings: StreamSettings) -> Segmenter:
    """Short segments first where a model writes; elsewhere longer ones: a prompt or a document comes as a whole."""
    longest, least = settings.max_segment_tokens, settings.min_segment_tokens
    if lane.part is Part.MODEL:
        return Segmenter(longest, least_tokens=least)
    least *= GATHERED_WHEN_WHOLE
    return Segmenter(longest, first_tokens=longest, least_tokens=least, first_least_tokens=least)


def _note(state: _LaneState, reason: str) -> None:
    """Add a reason to the lane's coverage."""
    if reason not in state.unscanned_reasons:
        state.unscanned_reasons.append(reason)


def _order(item: _Item) -> tuple[int, int, int, str, float]:
    return item.order


def _settling_order(settled: _Settled) -> tuple[int, tuple[int, int, int, str, float]]:
    return (settled.position, settled.item.order)


def _precedence(violation: Violation) -> tuple[int, float, int, int, str]:
    """The rule that stands first writes the replacement; within it the highest score, then the longest span."""
    finding = violation.finding
    return (violation.rule.index, -finding.score, finding.start - finding.end, finding.start, finding.label)


def _raw_chars(state: _LaneState, start: int, end: int) -> int:
    """How many characters of `[start, end)` have left as they were."""
    end = min(end, state.released)
    replaced = sum(max(0, min(end, stop) - max(start, begin)) for begin, stop in state.redacted)
    return max(0, end - start - replaced)
