"""Drives one stream: the only place where the core meets I/O.

    reader ──feed──> inbox ──> core ──> outputs ──> writer
                       scheduler ──outcome──┘  └── decisions ──> outbox

1. A transport's reader task feeds an inbox, which is bounded: when it is full, or the core holds too much text that
   waits for outcomes, `feed` waits, and so does the client.
2. The transport's own task runs `outputs()`, which alone owns the core. It waits on one wake-up: text, an outcome or a
   timer. Then it takes all that is there, steps the core, and merges adjacent releases of one lane into one. Text that
   completes nothing wakes nobody: it waits in the inbox for what follows it (`Stream.may_wait`).
3. Decisions are committed to the outbox before the output that shows them is handed out. Releases that stand before the
   first decision never wait for it.
4. At the end comes a summary, after the stream's decision event is committed. A stream that ends otherwise (the client
   went away, broke a rule, or something failed here) leaves a decision event too; what it held is dropped.

What a session does not promise: that a client that went away was given all that was released.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Literal, NoReturn, Protocol, TypeAlias

import msgspec
from msgspec import field

from detectors.context import Context, Documents
from sidecar.clock import Clock, Timer
from sidecar.config import Limits
from sidecar.core.stream import LaneCoverage, Stream
from sidecar.errors import CallerError, CallerFault, Draining, IdleStream, Overloaded, UnknownPolicy
from sidecar.outbox.event import (
    Ending,
    Event,
    EvidenceKey,
    FaultKind,
    HowEnded,
    StreamInfo,
    decision_event,
    fault_event,
    grounding_of,
    lane_coverage,
    uuid7,
    violation_event,
)
from sidecar.outbox.outbox import Outbox
from sidecar.policy.plan import BatchPlan, Plan
from sidecar.scheduler.scheduler import Request, Running
from sidecar.summary import StreamSummary, Tally, is_violation
from sidecar.telemetry.metrics import Metrics
from sidecar.values import (
    Blocked,
    Decision,
    Direction,
    FailureKind,
    GroundingTally,
    Lane,
    Outcome,
    Output,
    Recorded,
    Redaction,
    Release,
    Segment,
    Verdict,
)

Shown: TypeAlias = Release | Blocked | StreamSummary
"""What a session hands to its transport."""

_log = logging.getLogger(__name__)

_STEP_CHARS = 2048
"""How much text the core is fed before other streams get their turn: patterns cost up to 5 us a character."""
_RETRY_MS = 1000
"""When a client that was not admitted should try again."""

_FAULTS: Mapping[FailureKind, FaultKind] = {
    FailureKind.ERROR: FaultKind.DETECTOR_FAILED,
    FailureKind.TIMEOUT: FaultKind.DETECTOR_LATE,
    FailureKind.SHED: FaultKind.LOAD_SHED,
}


class _End(msgspec.Struct, frozen=True):
    """Where a lane ends, or all lanes of a choice."""

    what: Lane | int


class PlanSource(Protocol):
    """Where a stream's plan comes from."""

    def resolve(self, name: str | None, direction: Direction, labels: Mapping[str, str], tenant: str) -> Plan:
        """The plan for a stream. Raises `UnknownPolicy`."""
        ...


class Submitter(Protocol):
    """What a session needs of the scheduler."""

    def submit(self, request: Request) -> None:
        """Have a segment looked at; the receiver gets exactly one outcome unless it closes first. Does not wait."""
        ...


class Passage(msgspec.Struct, frozen=True):
    """A text that an answer should rest on. Without an id it is called by its number, from 1."""

    id: str
    text: str


class StreamStart(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says of a stream when it starts. `trace` is a W3C `traceparent`, or empty."""

    direction: Direction = Direction.OUTPUT
    policy: str = ""
    tenant: str = ""
    session_id: str = ""
    request_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    prompt_version: str = ""
    prompt: str = ""
    context: tuple[Passage, ...] = ()
    passages_left_out: int = 0
    """How many more there were, past a limit: the summary says so."""
    trace: str = ""


class Engine:
    """What all streams share. Admission is a permit: without one, `open` says so at once.

    A stream whose text would be stopped when models are late is also refused while they are (`admits`); one whose
    policy lets such text pass is not.
    """

    def __init__(
        self,
        *,
        policies: PlanSource,
        scheduler: Submitter,
        outbox: Outbox,
        clock: Clock,
        metrics: Metrics,
        limits: Limits,
        idle_seconds: float,
        evidence_key: EvidenceKey | None = None,
        admits: Callable[[Running], bool] = lambda _: True,
    ) -> None:
        """`admits` says whether another stream, beside those that run, would be looked at in time."""
        self.policies = policies
        self.scheduler = scheduler
        self.outbox = outbox
        self.clock = clock
        self.metrics = metrics
        self.limits = limits
        self.idle_seconds = idle_seconds
        self.evidence_key = evidence_key
        self.documents = Documents(limits.context_cache_chars)
        """The passages that streams share."""
        self._admits = admits
        self._open_streams: Counter[str] = Counter()
        """By tenant."""
        self._is_draining = False
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    @property
    def open_streams(self) -> int:
        """How many streams are running."""
        return self._open_streams.total()

    @property
    def is_draining(self) -> bool:
        """Whether new streams are refused."""
        return self._is_draining

    def drain(self) -> None:
        """Refuse new streams from now on; those that run may finish."""
        self._is_draining = True

    async def wait_idle(self) -> None:
        """Return when no stream runs and each one's events are committed."""
        await self._is_idle.wait()

    @asynccontextmanager
    async def open(self, start: StreamStart) -> AsyncIterator[Session]:
        """A session for one stream, which is ended and recorded when the context is left.

        Raises `Draining`, `Overloaded`, `CallerError` (something in `start` is past a limit) or `UnknownPolicy`.
        """
        plan = self._admit(start)
        session = Session(self, plan, start)
        self._open_streams[start.tenant] += 1
        self._is_idle.clear()
        self.metrics.streams_open.inc()
        try:
            yield session
        except Exception as error:
            session.mark_failed()
            reason = {"stream": session.info.stream_id, "error": type(error).__name__}
            _log.info("stream failed", extra=reason)
            raise
        finally:
            try:
                await session.end()
            finally:
                self._leave(start.tenant)

    async def report_unscanned(
        self, start: StreamStart, what: Literal["request", "answer"], reason: str, path: str
    ) -> None:
        """Record that a text is about to pass that nobody looks at. Raises `CallerError` or `UnknownPolicy`.

        `path` is what metrics call the path of the exchange.
        """
        check_start(start, self.limits)
        now = self.clock.unix_seconds()
        told = f"{reason}: {self.metrics.count_unscanned(what, path)}"
        fault = fault_event(FaultKind.UNSCANNED, what, now, info=self._known(start, now), reason=told)
        await self.outbox.put([fault])

    def takes(self, start: StreamStart) -> bool:
        """Whether a policy takes a stream with this start."""
        return self._known(start, self.clock.unix_seconds()) is not None

    def _known(self, start: StreamStart, now: float) -> StreamInfo | None:
        """What is known of a text that passes; where no policy takes it, nothing is."""
        try:
            plan = self.policies.resolve(start.policy or None, start.direction, start.labels, start.tenant)
        except UnknownPolicy:
            if start.policy:
                raise
            return None
        return _info(plan, start, now)

    def _admit(self, start: StreamStart) -> Plan:
        if self._is_draining:
            self.metrics.streams_refused["draining"].inc()
            raise Draining
        if self.open_streams >= self.limits.max_streams:
            self._refuse()
        check_start(start, self.limits)
        plan = self.policies.resolve(start.policy or None, start.direction, start.labels, start.tenant)
        own = self._open_streams[start.tenant]
        running = Running(self.open_streams, own, len(self._open_streams) + (not own))
        if plan.stops_when_late and not self._admits(running):
            self._refuse()
        return plan

    def _refuse(self) -> NoReturn:
        self.metrics.streams_refused["overloaded"].inc()
        raise Overloaded("streams", retry_ms=_RETRY_MS)

    def _leave(self, tenant: str) -> None:
        self._open_streams[tenant] -= 1
        if not self._open_streams[tenant]:
            del self._open_streams[tenant]
        self.metrics.streams_open.dec()
        if not self._open_streams:
            self._is_idle.set()


class Session:
    """One stream. `feed`, `finish` and `fail` are the reader's; `outputs` is the writer's and owns the core."""

    def __init__(self, engine: Engine, plan: Plan, start: StreamStart) -> None:
        self.plan = plan
        self.info = _info(plan, start, engine.clock.unix_seconds())
        self._engine = engine
        self._direction = start.direction
        self._core = Stream(
            plan,
            session_id=start.session_id or self.info.stream_id,
            stops_together=start.direction is Direction.INPUT,
            max_held_call_chars=engine.limits.max_held_call_chars,
        )
        self._tally = Tally()
        self._counters = engine.metrics.plan(plan)
        self._prompt = start.prompt
        self._context_chars = len(start.prompt)
        self._context = Context()
        self._passages_left_out = start.passages_left_out
        self._relevance: float | None = None
        self._inbox: deque[tuple[Lane, str, float] | Context | _End] = deque()
        """Texts with the time at which they came, contexts, and ends of lanes and choices."""
        self._put_context(start.context)
        self._inbox_chars = 0
        self._outcomes: deque[tuple[int, int, Outcome]] = deque()
        self._lanes: set[Lane] = set()
        self._closed_lanes: set[Lane] = set()
        self._received_chars = 0
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._settled = asyncio.Event()
        self._alarm: Timer | None = None
        self._alarm_ms = 0.0
        self._failure: Exception | None = None
        self._faults_told: set[tuple[str, FailureKind]] = set()
        self._is_finished = False
        self._is_closed = False
        self._ended: HowEnded = "cancelled"
        self._is_recorded = False
        self._started_ms = self._heard_ms = engine.clock.now_ms()
        self.is_open = True
        """Whether outcomes are still wanted."""

    # -- the reader's side ----------------------------------------------------------------------------------------

    async def feed(self, lane: Lane, text: str, *, is_json: bool = False) -> None:
        """Hand over text of a lane; waits for room. Raises `CallerError` past a limit, or after the lane's end.

        `is_json`: the lane's text is JSON, and is read decoded. Its first text says so.
        """
        if is_json and lane not in self._lanes:
            self._core.read_as_json(lane)
        self._check(lane, text)
        if not text:
            return
        while not self._has_room and self.is_open:
            self._room.clear()
            await self._room.wait()
        now_ms = self._engine.clock.now_ms()
        self._heard_ms = now_ms
        self._tally.arrived(lane, len(text), now_ms)
        self._inbox.append((lane, text, now_ms))
        self._inbox_chars += len(text)
        self._settled.clear()
        if not (self._has_room and self._core.may_wait(lane, text, self._inbox_chars)):
            self._wake.set()

    def end_lane(self, lane: Lane) -> None:
        """Say that no text of a lane follows: it is judged finally, and leaves. A second time it does nothing.

        Raises `CallerError` when the lane is one too many.
        """
        if self._is_finished or lane in self._closed_lanes:
            return
        self._check_lane(lane)
        self._closed_lanes.add(lane)
        self._put_end(_End(lane))

    def end_choice(self, choice: int) -> None:
        """Say so of all lanes of a choice that were fed. Calls that are held for their neighbours leave, too."""
        if self._is_finished:
            return
        self._closed_lanes.update(lane for lane in self._lanes if lane.choice == choice)
        self._put_end(_End(choice))

    async def settled(self) -> None:
        """Return when all that was fed is dealt with as far as it goes: the rest waits for more text, or the end."""
        if not self._settled.is_set():
            self._wake.set()
        await self._settled.wait()

    def add_context(self, passages: Sequence[Passage]) -> None:
        """Hand over texts that the rest of the answer should rest on, too. Raises `CallerError` past a limit."""
        if self._is_finished:
            raise CallerError("came after the end of the stream", field="context", kind=CallerFault.OUT_OF_ORDER)
        check_context("context", passages, self._engine.limits, chars=self._context_chars, count=len(self._context))
        self._heard_ms = self._engine.clock.now_ms()
        self._put_context(passages)
        self._wake.set()

    def finish(self) -> None:
        """All lanes end here. A second call does nothing."""
        self._is_finished = True
        self._wake.set()

    def fail(self, error: Exception) -> None:
        """End the stream with an error, once the text that came before it is dealt with as far as it goes."""
        self._failure = self._failure or error
        self._wake.set()

    def cancel(self, reason: str) -> None:
        """End the stream at once: nobody is there to read it. What it holds is dropped."""
        _log.debug("stream cancelled", extra={"stream": self.info.stream_id, "reason": reason})
        self.is_open = False
        self._wake.set()

    # -- the scheduler's side -------------------------------------------------------------------------------------

    def deliver(self, segment: int, batch: int, outcome: Outcome) -> None:
        """Take an outcome. Called on the event loop."""
        self._outcomes.append((segment, batch, outcome))
        self._wake.set()

    # -- the writer's side ----------------------------------------------------------------------------------------

    async def outputs(self) -> AsyncIterator[Shown]:
        """What may be shown, in order, ending with the summary unless the stream was cancelled.

        Raises the error that the reader failed with (`CallerError`), or `IdleStream`.
        """
        while self.is_open:
            await self._wait()
            self._step()
            plain, decided = _split(self._take_outputs())
            for output in merge(plain):
                yield output
            if decided:
                await self._record([decision for output in decided for decision in output.decisions])
                for output in merge(decided):
                    yield output
            if self._is_over:
                yield await self._close()
                return
            self._raise_failure()

    async def end(self) -> None:
        """Drop what is held and record how the stream ended. Called once, by the engine."""
        self.is_open = False
        self._room.set()
        self._settled.set()
        if self._alarm is not None:
            self._alarm.cancel()
        if self._core.is_stopped and self._ended == "cancelled":
            self._ended = "blocked"
        if not self._is_recorded:
            await self._record_end(self._coverage(), self._grounding())

    def mark_failed(self) -> None:
        """The stream ends because of an error."""
        if not self._is_recorded:
            self._ended = "failed"

    # -- stepping the core ----------------------------------------------------------------------------------------

    def _step(self) -> None:
        """Give the core what came: outcomes, time, text."""
        now_ms = self._engine.clock.now_ms()
        while self._outcomes:
            segment, batch, outcome = self._outcomes.popleft()
            self._core.resolve(segment, batch, outcome, now_ms)
        due_ms = self._core.next_deadline_ms
        if due_ms is not None and due_ms <= now_ms:
            self._core.tick(now_ms)
        self._feed_core(now_ms)
        self._check_idle(now_ms)

    def _feed_core(self, now_ms: float) -> None:
        """Feed what the inbox holds, up to a step's worth; then, if that was all, the end."""
        budget = _STEP_CHARS
        while self._inbox and budget > 0 and self._core.wants_text:
            head = self._inbox[0]
            if isinstance(head, Context | _End):
                self._inbox.popleft()
                self._take_mark(head, now_ms)
                continue
            lane, text, arrived_ms = self._take_chunk(budget)
            budget -= len(text)
            self._submit(self._core.feed(lane, text, now_ms, arrived_ms=arrived_ms), now_ms)
        if self._has_room:
            self._room.set()
        if self._is_finished and not self._inbox and not self._is_closed:
            self._is_closed = True
            self._submit(self._core.close(now_ms), now_ms)

    def _put_context(self, passages: Sequence[Passage]) -> None:
        """Put a context with these passages, too, behind the text that came before them."""
        self._context_chars += sum(len(each.text) for each in passages)
        if not passages or not self.plan.reads_context:
            return
        ids = [each.id or str(number) for number, each in enumerate(passages, start=len(self._context) + 1)]
        tenant, documents = self.info.tenant, self._engine.documents
        self._context = self._context.added(ids, [documents.get(each.text, tenant) for each in passages])
        self._inbox.append(self._context)

    def _put_end(self, end: _End) -> None:
        self._heard_ms = self._engine.clock.now_ms()
        self._inbox.append(end)
        self._settled.clear()
        self._wake.set()

    def _take_mark(self, mark: Context | _End, now_ms: float) -> None:
        """Tell the core what stands between texts."""
        if isinstance(mark, Context):
            self._core.ground(mark)
        elif isinstance(mark.what, Lane):
            self._submit(self._core.end_lane(mark.what, now_ms), now_ms)
        else:
            self._submit(self._core.end_choice(mark.what, now_ms), now_ms)

    def _take_chunk(self, limit: int) -> tuple[Lane, str, float]:
        """The text at the head of the inbox that is one lane's, at most `limit` characters, and when its first came."""
        head = self._inbox.popleft()
        assert not isinstance(head, Context | _End)
        lane, text, arrived_ms = head
        pieces = [text]
        size = len(text)
        while size < limit and (text := self._pop_of(lane)):
            pieces.append(text)
            size += len(text)
        whole = pieces[0] if len(pieces) == 1 else "".join(pieces)
        if size > limit:
            self._inbox.appendleft((lane, whole[limit:], arrived_ms))
            whole = whole[:limit]
        self._inbox_chars -= len(whole)
        return lane, whole, arrived_ms

    def _pop_of(self, lane: Lane) -> str:
        """The next chunk, if it is of that lane; else nothing."""
        if not self._inbox:
            return ""
        head = self._inbox[0]
        if isinstance(head, Context | _End) or head[0] != lane:
            return ""
        self._inbox.popleft()
        return head[1]

    def _submit(self, requests: Iterable[tuple[BatchPlan, Segment]], now_ms: float) -> None:
        deadline_ms = now_ms + self.plan.stream.max_hold_ms
        for batch, segment in requests:
            self._engine.scheduler.submit(
                Request(batch, segment, self._direction, deadline_ms, now_ms, self, self.info.tenant)
            )

    def _take_outputs(self) -> list[Output]:
        now_ms = self._engine.clock.now_ms()
        outputs: list[Output] = []
        while (output := self._core.next_output()) is not None:
            outputs.append(output)
            if isinstance(output, Release):
                self._count_release(output, now_ms)
        return outputs

    def _count_release(self, release: Release, now_ms: float) -> None:
        held_ms = self._tally.released(release, now_ms)
        if held_ms is not None:
            self._counters.held.observe(held_ms / 1000)

    @property
    def _has_room(self) -> bool:
        limits = self._engine.limits
        return len(self._inbox) < limits.inbox_chunks and self._inbox_chars < limits.max_chunk_bytes

    @property
    def _is_over(self) -> bool:
        return self._is_closed and self._core.is_done and not self._outcomes

    # -- waking up ------------------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Wait for text, an outcome or a timer; with text left over from the last step, only let others run."""
        if self._inbox and self._core.wants_text:
            await asyncio.sleep(0)
            return
        self._set_alarm()
        if not (self._inbox or self._outcomes or self._wake.is_set() or self._core.awaits_outcomes):
            self._settled.set()
        await self._wake.wait()
        self._wake.clear()

    def _set_alarm(self) -> None:
        """Have the clock wake the session at the next deadline. An alarm that is early enough stays."""
        due_ms = min(self._core.next_deadline_ms or float("inf"), self._idle_at_ms)
        if self._alarm is not None:
            if self._alarm_ms <= due_ms:
                return
            self._alarm.cancel()
        self._alarm_ms = due_ms
        self._alarm = self._engine.clock.call_at(due_ms, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._wake.set()

    @property
    def _idle_at_ms(self) -> float:
        return self._heard_ms + self._engine.idle_seconds * 1000

    def _check_idle(self, now_ms: float) -> None:
        if now_ms >= self._idle_at_ms and not self._is_finished:
            raise IdleStream(self._engine.idle_seconds)

    # -- limits and failures --------------------------------------------------------------------------------------

    def _check(self, lane: Lane, text: str) -> None:
        limits = self._engine.limits
        if self._is_finished:
            raise CallerError("came after the end of the stream", field="chunk", kind=CallerFault.OUT_OF_ORDER)
        if lane in self._closed_lanes and text:
            raise CallerError("came after the end of its lane", field="chunk", kind=CallerFault.OUT_OF_ORDER)
        self._check_lane(lane)
        self._received_chars += len(text)
        if self._received_chars > limits.max_stream_chars:
            raise CallerError(
                f"a stream has at most {limits.max_stream_chars} characters",
                field="chunk",
                limit=limits.max_stream_chars,
            )

    def _check_lane(self, lane: Lane) -> None:
        limit = self._engine.limits.max_lanes
        if lane not in self._lanes and len(self._lanes) - len(self._closed_lanes) >= limit:
            raise CallerError(f"a stream has at most {limit} open lanes", field="chunk.lane", limit=limit)
        self._lanes.add(lane)

    def _raise_failure(self) -> None:
        """Raise the reader's error, once what stood before it is fed."""
        if self._failure is not None and not self._inbox:
            raise self._failure

    # -- the record -----------------------------------------------------------------------------------------------

    async def _record(self, decisions: Sequence[Decision]) -> None:
        """Commit the events of decisions; returns when that is done."""
        if not decisions:
            return
        occurred = self._engine.clock.unix_seconds()
        self._tally.decided(decisions)
        events: list[Event] = []
        for decision in decisions:
            if is_violation(decision):
                self._counters.count(decision)
            events.append(
                violation_event(self.info, self.plan, decision, occurred, evidence_key=self._engine.evidence_key)
            )
            events += self._fault(decision, occurred)
        await self._engine.outbox.put(events)

    def _fault(self, decision: Decision, occurred: float) -> list[Event]:
        """The fault that a decision follows from, told once a stream for each detector and kind."""
        failure = decision.failure
        if failure is None:
            return []
        detector = self.plan.rules[decision.rule].detector
        if failure.kind is FailureKind.TIMEOUT:
            self._engine.metrics.detector(detector).count(failure)
        if (detector, failure.kind) in self._faults_told:
            return []
        self._faults_told.add((detector, failure.kind))
        return [fault_event(_FAULTS[failure.kind], detector, occurred, info=self.info, reason=failure.reason)]

    async def _close(self) -> StreamSummary:
        """Record the stream's end, and then tell it."""
        self._ended = "blocked" if self._core.is_stopped else "finished"
        if self._prompt and len(self._context):  # it may have to be indexed, which takes a while
            self._relevance = await asyncio.to_thread(self._context.relevance, self._prompt)
        coverage, grounding = self._coverage(), self._grounding()
        await self._record_end(coverage, grounding)
        tally = self._tally
        return StreamSummary(
            stream_id=self.info.stream_id,
            plan=self.plan,
            action=tally.action,
            violations=tuple(tally.violations),
            violation_count=tally.violation_count,
            coverage=coverage,
            max_held_ms=tally.held.max_ms,
            median_held_ms=tally.held.median_ms,
            max_held_chars=self._core.max_held_chars,
            grounding=grounding,
        )

    def _coverage(self) -> tuple[LaneCoverage, ...]:
        """What was looked at, per lane. All that came counts as received, also what was still in the inbox."""
        return tuple(
            msgspec.structs.replace(each, received_chars=self._tally.received(each.lane))
            for each in self._core.coverage()
        )

    def _grounding(self) -> GroundingTally | None:
        sentences = self._core.sentences()
        if sentences is None:
            return None
        return GroundingTally(
            sentences={verdict: sentences.counts[verdict] for verdict in Verdict},
            unchecked_reasons=sentences.reasons,
            passages=len(self._context),
            used_passages=len(sentences.used),
            passages_left_out=self._passages_left_out,
            context_relevance=self._relevance,
        )

    async def _record_end(self, coverage: Sequence[LaneCoverage], grounding: GroundingTally | None) -> None:
        self._is_recorded = True
        self._counters.ended[self._ended].inc()
        self._counters.received_chars.inc(self._tally.received_chars)
        self._counters.released_chars.inc(self._tally.released_chars)
        if grounding is not None:
            self._counters.count_answer(grounding)
        ending = self._ending(coverage, grounding)
        await self._engine.outbox.put([decision_event(self.info, ending, self._engine.clock.unix_seconds())])

    def _ending(self, coverage: Sequence[LaneCoverage], grounding: GroundingTally | None) -> Ending:
        tally = self._tally
        return Ending(
            ended=self._ended,
            done=tally.action,
            duration_ms=self._engine.clock.now_ms() - self._started_ms,
            violations={self.plan.rules[rule].id: count for rule, count in tally.count_by_rule.items()},
            coverage=[
                lane_coverage(
                    each.lane,
                    received_chars=each.received_chars,
                    released_chars=each.released_chars,
                    unscanned_chars=each.unscanned_chars,
                    reasons=each.reasons,
                )
                for each in coverage
            ],
            leaked_chars=tally.leaked_chars,
            max_held_chars=self._core.max_held_chars,
            max_held_ms=tally.held.max_ms,
            median_held_ms=tally.held.median_ms,
            grounding=None if grounding is None else grounding_of(grounding),
        )


def check_start(start: StreamStart, limits: Limits) -> None:
    """Raise `CallerError` when something in `start` is past its limit."""
    for name in ("policy", "tenant", "session_id", "request_id", "model", "prompt_version"):
        _check_size(f"start.{name}", len(getattr(start, name)), limits.max_name_chars, "characters")
    for name in ("labels", "attributes"):
        entries: Mapping[str, str] = getattr(start, name)
        _check_size(f"start.{name}", len(entries), limits.max_labels, "entries")
        longest = max((len(text) for entry in entries.items() for text in entry), default=0)
        _check_size(f"start.{name}", longest, limits.max_name_chars, "characters in a key or value")
    check_context("start.context", start.context, limits, chars=len(start.prompt))


def check_context(
    field_name: str, passages: Sequence[Passage], limits: Limits, *, chars: int = 0, count: int = 0
) -> None:
    """Raise `CallerError` when passages are past a limit; so many characters, and passages, were there before."""
    _check_size(field_name, count + len(passages), limits.max_context_passages, "passages")
    longest = max((len(passage.id) for passage in passages), default=0)
    _check_size(f"{field_name}.id", longest, limits.max_name_chars, "characters")
    chars += sum(len(passage.text) for passage in passages)
    _check_size(field_name, chars, limits.max_context_chars, "characters, the prompt included")


def merge(outputs: Sequence[Output]) -> Iterator[Release | Blocked]:
    """The outputs that are shown, releases of one lane that follow each other made one."""
    group: list[Release] = []
    for output in outputs:
        if isinstance(output, Recorded):
            continue
        if group and not (isinstance(output, Release) and _follows(group[-1], output)):
            yield _join(group)
            group = []
        if isinstance(output, Release):
            group.append(output)
        else:
            yield output
    if group:
        yield _join(group)


def _follows(before: Release, after: Release) -> bool:
    return before.lane == after.lane and before.end == after.start


def _join(releases: Sequence[Release]) -> Release:
    first = releases[0]
    if len(releases) == 1:
        return first
    redactions: list[Redaction] = []
    offset = 0
    for release in releases:
        redactions += (shift(each, offset) for each in release.redactions)
        offset += len(release.text)
    return Release(
        first.lane,
        "".join(each.text for each in releases),
        first.start,
        releases[-1].end,
        tuple(each for release in releases for each in release.annotations),
        tuple(redactions),
        tuple(each for release in releases for each in release.decisions),
    )


def shift(redaction: Redaction, offset: int) -> Redaction:
    """The redaction as seen in a text to which `offset` characters were put in front."""
    return msgspec.structs.replace(
        redaction,
        replacement_start=redaction.replacement_start + offset,
        replacement_end=redaction.replacement_end + offset,
    )


def _split(outputs: list[Output]) -> tuple[list[Output], list[Output]]:
    """What stands before the first decision, and the rest."""
    for index, output in enumerate(outputs):
        if output.decisions:
            return outputs[:index], outputs[index:]
    return outputs, []


def _check_size(field_name: str, size: int, limit: int, unit: str) -> None:
    if size > limit:
        raise CallerError(f"has {size} {unit}; at most {limit} are allowed", field=field_name, limit=limit)


def _info(plan: Plan, start: StreamStart, unix_seconds: float) -> StreamInfo:
    return StreamInfo(
        stream_id=uuid7(unix_seconds),
        direction=start.direction,
        policy=plan.name,
        policy_version=plan.version,
        policy_digest=plan.digest,
        tenant=start.tenant,
        session_id=start.session_id,
        request_id=start.request_id,
        trace=start.trace,
        labels=start.labels,
        attributes=start.attributes,
        model=start.model,
        prompt_version=start.prompt_version,
    )
