"""Drives one stream: the only place where the core meets I/O.

    reader ──feed──> inbox ──> core ──> outputs ──> writer
                       scheduler ──outcome──┘  └── decisions ──> outbox

1. A transport's reader task feeds an inbox, which is bounded: when it is full, or the core holds too much text that
   waits for outcomes, `feed` waits, and so does the client.
2. The transport's own task runs `outputs()`, which alone owns the core. It waits on one wake-up: text, an outcome or a
   timer. Then it takes all that is there, steps the core, and merges adjacent releases of one lane into one. Text that
   completes nothing wakes nobody: it waits in the inbox for what follows it (`Stream.may_wait`).
3. Decisions are committed to the outbox before the output that shows them is handed out. Releases that stand before the
   first decision never wait for it. Where the policy paces, they leave at the pace at which they came (`Pacing`).
4. At the end comes a summary, after the stream's decision event is committed. A stream that ends otherwise (the client
   went away, broke a rule, or something failed here) leaves a decision event too; what it held is dropped.

What a session does not promise: that a client that went away was given all that was released.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Literal, NoReturn, Protocol, TypeAlias

import msgspec
from msgspec import field

from detectors.context import CHAR_BYTES, Context, Documents
from sidecar.clock import Clock, Timer
from sidecar.config import Keys, Limits
from sidecar.core.judgement import Judgement
from sidecar.core.stream import Stream
from sidecar.errors import CallerError, CallerFault, Draining, IdleStream, Overloaded, UnknownPolicy
from sidecar.histories import Histories
from sidecar.inbox import Allowance, End, Inbox, Known, Mark
from sidecar.keys import stand_in_source
from sidecar.outbox.event import (
    EvidenceKey,
    FaultKind,
    StreamInfo,
    fault_event,
    uuid7,
)
from sidecar.outbox.outbox import Inlet
from sidecar.pacing import Pacing
from sidecar.policy.plan import BatchPlan, Notice, Plan
from sidecar.policy.stand_ins import StandIns, StandInSource
from sidecar.recorder import Recorder
from sidecar.scheduler.scheduler import Request, Running
from sidecar.summary import StreamSummary
from sidecar.telemetry.metrics import Metrics
from sidecar.telemetry.notices import Notices
from sidecar.values import (
    Action,
    Blocked,
    Channel,
    Direction,
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
from sidecar.wording.messages import stopped, unchecked

Shown: TypeAlias = Release | Blocked | StreamSummary
"""What a session hands to its transport."""

_log = logging.getLogger(__name__)

_STEP_CHARS = 2048
_STEP_SECONDS = 0.005
"""How much text the core is fed, and for how long, before other streams get their turn."""
_PIECE_CHARS = 256
"""How much it is fed at a time: patterns cost up to 15 us a character where texts are nothing but numbers."""
_READ_CHANNELS = frozenset({Channel.CONTENT, Channel.REASONING})
"""What a person reads as it comes."""
_INBOX_CHARS = 16_384
"""A long text goes into the inbox in pieces, so that it need not be copied at each step."""
_RETRY_MS = 1000
"""When to try again where streams are too many: they end one by one, whenever that is."""


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
    history: Collection[Lane] | None = None
    """The lanes of a request that are no new words of the user's, nor the operator's; None where nobody tells."""
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
        outbox: Inlet,
        clock: Clock,
        metrics: Metrics,
        limits: Limits,
        idle_seconds: float,
        evidence_key: EvidenceKey | None = None,
        admits: Callable[[Running], bool] = lambda _: True,
        left: Callable[[float], None] = lambda _: None,
        stand_ins: StandInSource | None = None,
    ) -> None:
        """`admits` says whether another stream, beside those that run, would be looked at in time.

        `left` is told when one has ended, by when it began. Without `stand_ins` it makes its own, with its own key.
        """
        self.policies = policies
        self.scheduler = scheduler
        self.outbox = outbox
        self.clock = clock
        self.metrics = metrics
        self.limits = limits
        self.idle_seconds = idle_seconds
        self.evidence_key = evidence_key
        self.documents = Documents(limits.context_cache_bytes // CHAR_BYTES)
        """The passages that streams share."""
        self.histories = Histories(limits.known_texts_bytes)
        """What is known of texts of requests that were checked."""
        self._notices = Notices(clock, _log)
        self._context_bytes = 0
        """What the contexts of all streams take at most."""
        self.stand_ins = stand_ins or stand_in_source(Keys(), limits)
        self._admits = admits
        self._left = left
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
    async def open(
        self, start: StreamStart, *, stand_ins: StandIns | None = None, is_held: bool = False
    ) -> AsyncIterator[Session]:
        """A session for one stream, which is ended and recorded when the context is left.

        `stand_ins` is the exchange's book, of a stream before this one; without one it has its own. `is_held`: whoever
        feeds it holds all of its text, within bounds of its own, so that it needs no others.

        Raises `Draining`, `Overloaded`, `CallerError` (something in `start` is past a limit) or `UnknownPolicy`.
        """
        plan = self._admit(start)
        book = stand_ins or self.stand_ins.book(start.tenant, start.session_id)
        session = Session(self, plan, start, book, is_held=is_held)
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
                self._leave(session)

    async def report_unscanned(
        self,
        start: StreamStart,
        what: Literal["request", "answer"],
        reason: str,
        path: str,
        *,
        is_long_text: bool = False,
    ) -> None:
        """Record that a text is about to pass that nobody looks at. Raises `CallerError` or `UnknownPolicy`.

        `path` is what metrics call the path of the exchange. `is_long_text`: it is long enough to be what somebody has
        a model read, so that the log has to say so, too.
        """
        check_start(start, self.limits)
        now = self.clock.unix_seconds()
        named = self.metrics.count_unscanned(what, path)
        if is_long_text:
            self.metrics.count_unread_text(named)
            self._notices.tell("long texts pass unread: is this the API of a model?", named)
        told = f"{reason}: {named}"
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
            self._refuse(_RETRY_MS)
        check_start(start, self.limits)
        plan = self.policies.resolve(start.policy or None, start.direction, start.labels, start.tenant)
        own = self._open_streams[start.tenant]
        running = Running(self.open_streams, own, len(self._open_streams) + (not own), plan.stream.max_hold_ms)
        if plan.stops_when_late and not self._admits(running):
            self._refuse()
        return plan

    def _refuse(self, retry_ms: int | None = None) -> NoReturn:
        self.metrics.streams_refused["overloaded"].inc()
        raise Overloaded("streams", retry_ms=retry_ms)

    def hold_context(self, chars: int) -> int:
        """Hold room for so many characters of a context; returns the bytes. Raises `Overloaded` when there is none."""
        size, most = chars * CHAR_BYTES, self.limits.contexts_bytes
        if self._context_bytes + size > most:
            self.metrics.streams_refused["overloaded"].inc()
            raise Overloaded(f"contexts at a time for limits.contexts_bytes, which is {most}")
        self._context_bytes += size
        return size

    def _leave(self, session: Session) -> None:
        self._context_bytes -= session.context_bytes
        self._left(session.began_ms)
        tenant = session.info.tenant
        self._open_streams[tenant] -= 1
        if not self._open_streams[tenant]:
            del self._open_streams[tenant]
        self.metrics.streams_open.dec()
        if not self._open_streams:
            self._is_idle.set()


class Session:
    """One stream. `feed`, `finish` and `fail` are the reader's; `outputs` is the writer's and owns the core."""

    def __init__(
        self, engine: Engine, plan: Plan, start: StreamStart, stand_ins: StandIns, *, is_held: bool = False
    ) -> None:
        self.plan = plan
        self.stand_ins = stand_ins
        """What stands for what in the exchange."""
        self.info = _info(plan, start, engine.clock.unix_seconds())
        self._engine = engine
        self._direction = start.direction
        self._core = Stream(
            plan,
            session_id=start.session_id or self.info.stream_id,
            stops_together=start.direction is Direction.INPUT,
            max_held_call_chars=engine.limits.max_held_call_chars,
            history=start.history,
            stand_ins=stand_ins,
        )
        self._recorder = Recorder(
            plan,
            self.info,
            outbox=engine.outbox,
            clock=engine.clock,
            metrics=engine.metrics,
            evidence_key=engine.evidence_key,
            most_of_rule=engine.limits.events_per_rule,
        )
        self._prompt = start.prompt
        self._context_chars = len(start.prompt)
        self._context = Context()
        self.context_bytes = 0
        """What the engine holds for its context."""
        self._passages_left_out = start.passages_left_out
        self._relevance: float | None = None
        self._inbox = Inbox(engine.limits)
        self._allowance = Allowance(engine.limits, is_held=is_held)
        is_input = start.direction is Direction.INPUT
        self._judgements: dict[Lane, Judgement | None] = {}
        """What was known of whole texts."""
        self._history = engine.histories.of(start.tenant, plan, start.direction, stand_ins) if is_input else None
        self._put_context(start.context)
        self._outcomes: deque[tuple[int, int, Outcome]] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._settled = asyncio.Event()
        self._alarm = _Alarm(engine.clock, self._wake)
        self._pacing = Pacing()
        self._failure: Exception | None = None
        self._is_finished = False
        self._is_closed = False
        self._is_idle = False
        self._is_awaited = False
        """Whether a caller waits for what leaves, text by text."""
        self.began_ms = self._heard_ms = engine.clock.now_ms()
        self.is_open = True
        """Whether outcomes are still wanted."""

    # -- the reader's side ----------------------------------------------------------------------------------------

    def passes(self, lane: Lane, text: str, *, is_json: bool = False) -> bool:
        """Whether it is known of the whole text of a lane that nothing stands in it: then it need not be fed.

        For whoever holds all texts and lets none out before all are judged.
        """
        judgement = self._judgement(lane, text, is_json=is_json)
        if judgement is None or judgement.noted or judgement.unscanned_chars:
            return False
        self._recorder.tally.passed(lane, len(text))
        return True

    def _judgement(self, lane: Lane, text: str, *, is_json: bool) -> Judgement | None:
        """What is known of the whole text of a lane; looked up once."""
        if self._history is None:
            return None
        if lane not in self._judgements:
            self._judgements[lane] = self._history.recall(lane, text, is_json=is_json)
        return self._judgements[lane]

    async def feed(self, lane: Lane, text: str, *, is_json: bool = False, is_last: bool = False) -> None:
        """Hand over text of a lane; waits for room. Raises `CallerError` past a limit, or after the lane's end.

        `is_json`: the lane's text is JSON, and is read decoded. Its first text says so. `is_last`: the lane is over
        with it. A text of a request that comes whole so, and was checked before, is not looked at again.
        """
        is_first = not self._allowance.knows(lane)
        if self._is_finished:
            raise CallerError("came after the end of the stream", field="chunk", kind=CallerFault.OUT_OF_ORDER)
        self._allowance.take(lane, text)
        if text and is_first and is_last and await self._recall(lane, text, is_json=is_json):
            return
        if is_json and is_first:
            self._core.read_as_json(lane)
        for start in range(0, len(text), _INBOX_CHARS):
            await self._put(lane, text[start : start + _INBOX_CHARS])
        if is_last:
            self.end_lane(lane)

    async def _put(self, lane: Lane, text: str) -> None:
        now_ms = await self._hear(lane, text)
        self._inbox.put(lane, text, now_ms)
        if not (self._inbox.has_room and self._core.may_wait(lane, text, self._inbox.chars)):
            self._wake.set()

    async def _recall(self, lane: Lane, text: str, *, is_json: bool) -> bool:
        """Hand over a whole text of which all is known; whether it is."""
        if self._history is None:
            return False
        judgement = self._judgement(lane, text, is_json=is_json)
        if judgement is None:
            self._core.note(lane)
            return False
        now_ms = await self._hear(lane, text)
        self._inbox.put_mark(Known(lane, text, is_json, judgement, now_ms))
        self._allowance.end_lane(lane)
        self._wake.set()
        return True

    async def _hear(self, lane: Lane, text: str) -> float:
        """Wait for room for a text that came; returns the time."""
        while not self._inbox.has_room and self.is_open:
            self._room.clear()
            await self._room.wait()
        now_ms = self._heard_ms = self._engine.clock.now_ms()
        self._recorder.tally.arrived(lane, len(text), now_ms)
        self._settled.clear()
        return now_ms

    def end_lane(self, lane: Lane) -> None:
        """Say that no text of a lane follows: it is judged finally, and leaves. A second time it does nothing.

        Raises `CallerError` when the lane is one too many.
        """
        if not self._is_finished and self._allowance.end_lane(lane):
            self._put_end(End(lane))

    def end_choice(self, choice: int) -> None:
        """Say so of all lanes of a choice that were fed. Calls that are held for their neighbours leave, too."""
        if self._is_finished:
            return
        self._allowance.end_choice(choice)
        self._put_end(End(choice))

    async def settled(self) -> None:
        """Return when all that was fed is dealt with as far as it goes: the rest waits for more text, or the end.

        Whoever waits so passes on what left by then, and no more until the next text: nothing is paced from now on.
        """
        self._is_awaited = True
        if not self._settled.is_set():
            self._wake.set()
        await self._settled.wait()

    def add_context(self, passages: Sequence[Passage]) -> None:
        """Hand over texts that the rest of the answer should rest on, too.

        Raises `CallerError` past a limit, `Overloaded` when there is no room for them just now.
        """
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

        Raises the error that the reader failed with (`CallerError`), `IdleStream`, or `Overloaded` when a rule that
        fails closed was not answered in time: nothing more leaves, and nothing is said of the text.
        """
        while self.is_open:
            await self._wait()
            self._step()
            plain, decided = _split(self._take_outputs())
            for output in merge(self._paced(plain)):
                yield output
            if any(isinstance(output, Blocked) and output.is_late for output in decided):
                await self._refuse(decided)
            if decided:
                await self._recorder.record([decision for output in decided for decision in output.decisions])
                for output in merge(self._paced(decided)):
                    yield output
            if self._is_closed and self._core.is_done and not self._outcomes:
                yield await self._close()
                return
            if self._failure is not None and not self._inbox:
                raise self._failure
            if self._is_idle:
                raise IdleStream(self._engine.idle_seconds)

    async def _refuse(self, outputs: Sequence[Output]) -> NoReturn:
        """End a stream whose text was not looked at in time: that says nothing of the text. Raises `Overloaded`."""
        self.is_open = False
        await self._recorder.record_faults([decision for output in outputs for decision in output.decisions])
        self._engine.metrics.streams_refused["late"].inc()
        raise Overloaded("texts for the models")

    async def end(self) -> None:
        """Drop what is held and record how the stream ended. Called once, by the engine."""
        self.is_open = False
        self._room.set()
        self._settled.set()
        self._alarm.cancel()
        recorder = self._recorder
        if self._core.is_stopped and recorder.ended == "cancelled":
            recorder.ended = "blocked"
        if not recorder.is_done:
            coverage = recorder.coverage(self._core.coverage())
            await recorder.record_end(coverage, self._grounding(), self._core.max_held_chars)

    def mark_failed(self) -> None:
        """The stream ends because of an error."""
        if not self._recorder.is_done:
            self._recorder.ended = "failed"

    # -- stepping the core ----------------------------------------------------------------------------------------

    def _step(self) -> None:
        """Give the core what came: outcomes, time, text."""
        now_ms, until = self._engine.clock.now_ms(), time.perf_counter() + _STEP_SECONDS
        while self._outcomes and time.perf_counter() < until:
            segment, batch, outcome = self._outcomes.popleft()
            self._core.resolve(segment, batch, outcome, now_ms)
        due_ms = self._core.next_deadline_ms
        if due_ms is not None and due_ms <= now_ms and not self._outcomes:  # what has come is not late
            self._core.tick(now_ms)
        self._feed_core(now_ms, until)
        self._is_idle = now_ms >= self._idle_at_ms and not self._is_finished

    def _feed_core(self, now_ms: float, until: float) -> None:
        """Feed what the inbox holds, up to a step's worth; then, if that was all, the end."""
        budget = _STEP_CHARS
        while self._inbox and budget > 0 and self._core.wants_text and time.perf_counter() < until:
            if (mark := self._inbox.take_mark()) is not None:
                self._take_mark(mark, now_ms)
                continue
            lane, text, arrived_ms = self._inbox.take_chunk(_PIECE_CHARS)
            budget -= len(text)
            if not self._pacing.is_of(lane):
                self._pacing.hasten(now_ms)
            self._submit(self._core.feed(lane, text, now_ms, arrived_ms=arrived_ms), now_ms)
        if self._inbox.has_room:
            self._room.set()
        if self._is_finished and not self._inbox and not self._is_closed:
            self._is_closed = True
            self._submit(self._core.close(now_ms), now_ms)

    def _put_context(self, passages: Sequence[Passage]) -> None:
        """Put a context with these passages, too, behind the text that came before them."""
        chars = sum(len(each.text) for each in passages)
        self._context_chars += chars
        if not passages or not self.plan.reads_context:
            return
        self.context_bytes += self._engine.hold_context(chars)
        ids = [each.id or str(number) for number, each in enumerate(passages, start=len(self._context) + 1)]
        tenant, documents = self.info.tenant, self._engine.documents
        self._context = self._context.added(ids, [documents.get(each.text, tenant) for each in passages])
        self._inbox.put_mark(self._context)

    def _put_end(self, end: End) -> None:
        self._heard_ms = self._engine.clock.now_ms()
        self._inbox.put_mark(end)
        self._settled.clear()
        self._wake.set()

    def _take_mark(self, mark: Mark, now_ms: float) -> None:
        """Tell the core what stands between texts."""
        if isinstance(mark, Context):
            self._core.ground(mark)
            return
        self._pacing.hasten(now_ms)
        if isinstance(mark, Known):
            self._submit(
                self._core.recall(
                    mark.lane, mark.text, mark.judgement, now_ms, arrived_ms=mark.arrived_ms, is_json=mark.is_json
                ),
                now_ms,
            )
        elif isinstance(mark.what, Lane):
            self._submit(self._core.end_lane(mark.what, now_ms), now_ms)
        else:
            self._submit(self._core.end_choice(mark.what, now_ms), now_ms)

    def _submit(self, requests: Iterable[tuple[BatchPlan, Segment]], now_ms: float) -> None:
        deadline_ms = now_ms + self.plan.stream.max_hold_ms
        for batch, segment in sorted(requests, key=_is_awaited, reverse=True):
            self._engine.scheduler.submit(
                Request(batch, segment, self._direction, deadline_ms, now_ms, self, self.info.tenant, self.began_ms)
            )

    def _take_outputs(self) -> list[Output]:
        outputs: list[Output] = []
        while (output := self._core.next_output()) is not None:
            outputs.append(self._told(output) if isinstance(output, Blocked) else output)
        if outputs:
            self._pacing.hasten(self._engine.clock.now_ms())
        return outputs

    def _paced(self, outputs: Iterable[Output]) -> list[Output]:
        """What leaves now, when these are what may leave; at the stream's end all of it."""
        now_ms = self._engine.clock.now_ms()
        self._pacing.put([(each, self._spread_ms(each)) for each in outputs], now_ms)
        is_over = self._is_closed or self._is_idle or self._failure is not None
        due = self._pacing.take(float("inf") if is_over else now_ms)
        for output in due:
            if isinstance(output, Release):
                self._recorder.released(output, now_ms)
        return due

    def _spread_ms(self, output: Output) -> float:
        """Over how much time an output leaves: that in which it came, where a person reads it as it comes."""
        most_ms = self.plan.stream.pace_ms
        if (
            not most_ms
            or self._is_awaited
            or self._direction is Direction.INPUT
            or output.lane.channel not in _READ_CHANNELS
        ):
            return 0.0
        return min(most_ms, self._recorder.tally.span_ms(output)) if isinstance(output, Release) else 0.0

    def _told(self, blocked: Blocked) -> Blocked:
        """A block with something to tell: where its rule says nothing, a text with the stream's id to quote."""
        if self.plan.rules[blocked.rule].message is not None:
            return blocked
        language, reference = self.plan.language, self.info.stream_id
        is_checked = all(each.failure is None for each in blocked.decisions)
        message = stopped(self._direction, language, reference) if is_checked else unchecked(language, reference)
        return msgspec.structs.replace(blocked, message=message)

    # -- waking up ------------------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Wait for text, an outcome or a timer; with something left over from the last step, only let others run."""
        if self._outcomes or (self._inbox and self._core.wants_text):
            await asyncio.sleep(0)
            return
        due_ms = (self._core.next_deadline_ms, self._pacing.due_ms, self._idle_at_ms)
        self._alarm.set(min([each for each in due_ms if each is not None]))
        if not (self._inbox or self._outcomes or self._wake.is_set() or self._core.awaits_outcomes):
            self._settled.set()
        await self._wake.wait()
        self._wake.clear()

    @property
    def _idle_at_ms(self) -> float:
        return self._heard_ms + self._engine.idle_seconds * 1000

    # -- the end --------------------------------------------------------------------------------------------------

    async def _close(self) -> StreamSummary:
        """Record the stream's end, and then tell it."""
        recorder = self._recorder
        recorder.ended = "blocked" if self._core.is_stopped else "finished"
        if self._prompt and len(self._context):  # it may have to be indexed, which takes a while
            self._relevance = await asyncio.to_thread(self._context.relevance, self._prompt)
        coverage, grounding = recorder.coverage(self._core.coverage()), self._grounding()
        await recorder.record_end(coverage, grounding, self._core.max_held_chars)
        self._learn()
        tally = recorder.tally
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
            notice=self._notice(),
            restored=tally.restored,
        )

    def _learn(self) -> None:
        """Keep what turned out of the texts: all that it led to is recorded, so that it need not be again."""
        if self._history is None:
            return
        for lane, judgement in self._core.judgements():
            self._history.learn(lane, judgement)
        self._engine.metrics.count_known(self._history.hits, self._history.misses)

    def _notice(self) -> Notice | None:
        """What to tell the person whose prompt this was: what they wrote last was changed, and goes on."""
        tally = self._recorder.tally
        is_told = self._direction is Direction.INPUT and tally.action in (Action.REDACT, Action.WITHHOLD)
        return self.plan.stream.notice if is_told and tally.last_turn.is_redacted else None

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


class _Alarm:
    """Has the clock wake a session. One that is early enough stays."""

    def __init__(self, clock: Clock, wake: asyncio.Event) -> None:
        self._clock = clock
        self._wake = wake
        self._timer: Timer | None = None
        self._at_ms = 0.0

    def set(self, due_ms: float) -> None:
        """Wake the session at a time at the latest."""
        if self._timer is not None:
            if self._at_ms <= due_ms:
                return
            self._timer.cancel()
        self._at_ms = due_ms
        self._timer = self._clock.call_at(due_ms, self._ring)

    def cancel(self) -> None:
        """Wake nobody."""
        if self._timer is not None:
            self._timer.cancel()

    def _ring(self) -> None:
        self._timer = None
        self._wake.set()


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
    return before.lane == after.lane and before.end == after.start and not before.is_withheld


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


def _is_awaited(request: tuple[BatchPlan, Segment]) -> bool:
    return request[0].is_gating


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
