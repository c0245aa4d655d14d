"""Drives one stream: the only place where the core meets I/O.

    reader ──feed──> inbox ──> core ──> outputs ──> writer
                       scheduler ──outcome──┘  └── decisions ──> outbox

1. A transport's reader task feeds an inbox, which is bounded: when it is full, or the core holds too much text that
   waits for outcomes, `feed` waits, and so does the client.
2. The transport's own task runs `outputs()`, which alone owns the core. It waits on one wake-up: text, an outcome or a
   timer. Then it takes all that is there, steps the core, and merges adjacent releases of one lane into one. Text that
   completes nothing wakes nobody: it waits in the inbox for what follows it (`Stream.patience`).
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
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NoReturn, TypeAlias

import msgspec

from detectors.context import Context
from detectors.grounding.index import relevance
from detectors.task import Task
from sidecar.clock import Alarm
from sidecar.core.judgement import Judgement
from sidecar.core.segmenter import Patience
from sidecar.core.stream import LaneCoverage, Stream
from sidecar.drift.reading import READS, NoReading
from sidecar.errors import CallerError, CallerFault, IdleStream, Overloaded
from sidecar.inbox import Allowance, End, Inbox, Known, Mark, Named
from sidecar.pacing import Pacing
from sidecar.policy.conditions import Circumstances
from sidecar.policy.plan import BatchPlan, Notice, Plan
from sidecar.policy.stand_ins import StandIns
from sidecar.recorder import Recorder
from sidecar.releases import merge, split
from sidecar.retrieval import retrieval_of
from sidecar.scheduler.scheduler import Request
from sidecar.start import Passage, StreamStart, check_context, info_of
from sidecar.summary import StreamSummary
from sidecar.usage import Source, Spent, Usage
from sidecar.values import (
    Action,
    Blocked,
    Channel,
    Direction,
    GroundingTally,
    Lane,
    Mode,
    Outcome,
    Output,
    Release,
    Segment,
    SessionStanding,
    Standing,
    Tool,
)
from sidecar.wording import messages

if TYPE_CHECKING:
    from sidecar.engine import Engine

Shown: TypeAlias = Release | Blocked | StreamSummary
"""What a session hands to its transport."""
_log = logging.getLogger(__name__)
_STEP_CHARS = 2048
_STEP_SECONDS = 0.005
"""How much text the core is fed, and for how long, before other streams get their turn."""
_READ_CHANNELS = frozenset({Channel.CONTENT, Channel.REASONING})
"""What a person reads as it comes."""
_INBOX_CHARS = 16_384
"""A long text goes into the inbox in pieces, so that it need not be copied at each step."""


def _day(unix_seconds: float) -> date:
    return datetime.fromtimestamp(unix_seconds, UTC).date()


class Session:
    """One stream. `feed`, `finish` and `fail` are the reader's; `outputs` is the writer's and owns the core."""

    def __init__(
        self,
        engine: Engine,
        plan: Plan,
        start: StreamStart,
        stand_ins: StandIns,
        *,
        stream_id: str = "",
        is_held: bool = False,
    ) -> None:
        self._conduct = engine.conducts.of(start.tenant, start.session_id, plan)
        self.plan = plan = self._conduct.plan
        self.stand_ins = stand_ins
        """What stands for what in the exchange."""
        self.info = info_of(plan, start, engine.clock.unix_seconds(), stream_id)
        self._engine = engine
        self._direction = start.direction
        self._core = Stream(
            plan,
            session_id=start.session_id or self.info.stream_id,
            stops_together=start.direction is Direction.INPUT,
            max_held_call_chars=engine.limits.max_held_call_chars,
            history=start.history,
            stand_ins=stand_ins,
            languages=start.languages,
            facts=self._conduct.facts,
            circumstances=Circumstances(start.facts, self._conduct.facts, _day(engine.clock.unix_seconds())),
        )
        self._now_ms = engine.clock.now_ms
        self._is_watched = engine.drift is not None
        self._reading = NoReading() if engine.drift is None else engine.drift.reading(self.info, plan)
        self._recorder = Recorder(
            plan,
            self.info,
            outbox=engine.outbox,
            clock=engine.clock,
            metrics=engine.metrics,
            keeping=engine.keeping,
            most_of_rule=engine.limits.events_per_rule,
            canaries=engine.canaries,
            spans=engine.spans,
            prices=engine.prices,
            asked_ms=start.asked_ms,
            reading=self._reading,
        )
        self._tally = self._recorder.tally
        self.info = self._recorder.info
        self._languages = start.languages
        self._prompt = start.prompt
        self._context_chars = len(start.prompt)
        self._context = Context()
        self.context_bytes = 0
        """What the engine holds for its context."""
        self._passages_left_out = start.passages_left_out
        self._retrieved: list[str] = []
        self._relevant = start.relevant
        self._relevance: float | None = None
        self._inbox = Inbox(engine.limits)
        self._patience: dict[Lane, Patience] = {}
        """How long text may wait in it; asked once between two steps of the core."""
        self._allowance = Allowance(engine.limits, is_held=is_held)
        is_input = start.direction is Direction.INPUT
        self._judgements: dict[Lane, Judgement | None] = {}
        """What was known of whole texts."""
        self._history = None
        if is_input and self._conduct.stop is None:  # what is known to be harmless does not leave either
            self._history = engine.histories.of(start.tenant, plan, start.direction, stand_ins)
        self._put_context(start.context)
        self._task = start.known_task if self._core.judges_calls and not is_input else None
        """What the answer's calls are to serve."""
        self._core.serve(self._task)
        self._outcomes: deque[tuple[int, int, Outcome]] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._is_settled = False
        self._settled = asyncio.Event()
        """For those who wait for that."""
        self._alarm = Alarm(engine.clock, self._wake.set)
        self._pacing = Pacing()
        self._is_paced = plan.stream.pace_ms > 0 and start.direction is Direction.OUTPUT
        self._failure: Exception | None = None
        self._is_finished = False
        self._is_closed = False
        self._is_idle = False
        self._is_awaited = False
        """Whether a caller waits for what leaves, text by text."""
        self.began_ms = self._heard_ms = engine.clock.now_ms()
        self.number = next(engine.stream_numbers)
        self.is_open = True
        """Whether outcomes are still wanted."""

    # -- the reader's side ----------------------------------------------------------------------------------------

    def passes(self, lane: Lane, text: str, *, is_json: bool = False, tool: Tool | None = None) -> bool:
        """Whether it is known of the whole text of a lane that nothing stands in it: then it need not be fed.

        For whoever holds all texts and lets none out before all are judged.
        """
        judgement = self._judgement(lane, text, tool, is_json=is_json)
        if judgement is None or judgement.noted or judgement.unscanned_chars:
            return False
        self._recorder.tally.passed(lane, len(text))
        self._conduct.read(lane.part)
        return True

    def _judgement(self, lane: Lane, text: str, tool: Tool | None, *, is_json: bool) -> Judgement | None:
        """What is known of the whole text of a lane; looked up once. Where calls are judged, of a call of that tool."""
        if self._history is None:
            return None
        if lane not in self._judgements:
            told = tool if self._core.judges_call(lane) else None
            self._judgements[lane] = self._history.recall(lane, text, is_json=is_json, tool=told)
        return self._judgements[lane]

    async def feed(
        self, lane: Lane, text: str, *, is_json: bool = False, is_last: bool = False, tool: Tool | None = None
    ) -> None:
        """Hand over text of a lane; waits for room. Raises `CallerError` past a limit, or after the lane's end.

        `is_json`: the lane's text is JSON, and is read decoded. Its first text says so. `is_last`: the lane is over
        with it. A text of a request that comes whole so, and was checked before, is not looked at again. `tool`: what
        the text calls, where it is part of a call.
        """
        is_first = not self._allowance.knows(lane)
        if self._is_finished:
            raise CallerError("came after the end of the stream", field="chunk", kind=CallerFault.OUT_OF_ORDER)
        self._allowance.take(lane, text)
        self.name_call(lane, tool)
        if text and is_first and is_last and await self._recall(lane, text, tool, is_json=is_json):
            return
        if is_json and is_first:
            self._core.read_as_json(lane)
        for start in range(0, len(text), _INBOX_CHARS):
            await self._room_for_text()
            self._put(lane, text[start : start + _INBOX_CHARS])
        if is_last:
            self.end_lane(lane)

    def name_call(self, lane: Lane, tool: Tool | None) -> None:
        """Say what a lane calls, as far as somebody told: it counts for all text that is fed from now on."""
        if tool is not None and self._core.judges_call(lane):
            self._inbox.put_name(lane, tool)

    def pour(self, lane: Lane, text: str) -> bool:
        """Hand over more text of a lane at once; whether it was taken.

        It is not where it is the lane's first or long, would have to wait for room, or may not come: then `feed` it.
        """
        if self._is_finished or len(text) > _INBOX_CHARS or not self._inbox.has_room:
            return False
        if not self._allowance.take_more(lane, text):
            return False
        self._put(lane, text)
        return True

    def _put(self, lane: Lane, text: str) -> None:
        inbox = self._inbox
        inbox.put(lane, text, self._hear(lane, text))
        patience = self._patience.get(lane)
        if patience is None:
            patience = self._patience[lane] = self._core.patience(lane)
        if not patience.lasts(text) or not inbox.has_room:
            self._wake.set()

    async def _recall(self, lane: Lane, text: str, tool: Tool | None, *, is_json: bool) -> bool:
        """Hand over a whole text of which all is known; whether it is."""
        if self._history is None:
            return False
        judgement = self._judgement(lane, text, tool, is_json=is_json)
        if judgement is None:
            self._core.note(lane)
            return False
        await self._room_for_text()
        self._inbox.put_mark(Known(lane, text, is_json, judgement, self._hear(lane, text)))
        self._allowance.end_lane(lane)
        self._wake.set()
        return True

    async def _room_for_text(self) -> None:
        while not self._inbox.has_room and self.is_open:
            self._room.clear()
            await self._room.wait()

    def _hear(self, lane: Lane, text: str) -> float:
        """Take note of a text that came; returns the time."""
        now_ms = self._heard_ms = self._now_ms()
        self._tally.arrived(lane, len(text), now_ms)
        if self._is_watched:
            self._reading.heard(lane, text)
        self._is_settled = False
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
        if not self._is_settled:
            self._settled.clear()
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
        if self._task is not None:
            self._task = self._task.with_untrusted([each.text for each in passages])
            self._inbox.put_mark(self._task)
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

    def counts_by(self, read: Callable[[], Usage | None], source: Source = "provider") -> None:
        """Say who knows, at the stream's end, what the answer took."""
        self._recorder.counts_by(read, source)

    @property
    def spent(self) -> Spent | None:
        """What the answer took; known once the stream's end is recorded."""
        return self._recorder.spent

    # -- the scheduler's side -------------------------------------------------------------------------------------

    def deliver(self, segment: int, batch: int, outcome: Outcome) -> None:
        """Take an outcome. Called on the event loop."""
        if batch == READS:
            self._reading.read(segment, outcome)
            return
        if segment > 0:
            self._reading.came(batch, outcome)
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
            plain, decided = split(self._take_outputs())
            if plain or self._pacing:
                for output in merge(self._paced(plain)):
                    yield output
            if decided:
                if any(isinstance(output, Blocked) and output.is_late for output in decided):
                    await self._refuse(decided)
                decisions = [decision for output in decided for decision in output.decisions]
                await self._recorder.record(decisions)
                self._conduct.count(decisions, self._core.is_history)
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
        self._is_settled = True
        self._settled.set()
        self._alarm.cancel()
        recorder = self._recorder
        if self._core.is_stopped and recorder.ended == "cancelled":
            recorder.ended = "blocked"
        if not recorder.is_done:
            coverage = recorder.coverage(self._core.coverage())
            standing = self._conduct.standing()
            await self._record_end(coverage, self._grounding(), standing)

    def mark_failed(self) -> None:
        """The stream ends because of an error."""
        if not self._recorder.is_done:
            self._recorder.ended = "failed"

    # -- stepping the core ----------------------------------------------------------------------------------------

    def _step(self) -> None:
        """Give the core what came: outcomes, time, text."""
        now_ms, until = self._engine.clock.now_ms(), time.perf_counter() + _STEP_SECONDS
        self._patience.clear()
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
            lane, text, arrived_ms = self._inbox.take_piece()
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
        ids = [each.id or str(number) for number, each in enumerate(passages, start=len(self._retrieved) + 1)]
        self._retrieved += ids
        if not passages or not self.plan.reads_context:
            return
        self.context_bytes += self._engine.hold_context(chars)
        tenant, documents = self.info.tenant, self._engine.documents
        self._context = self._context.added(ids, [documents.get(each.text, tenant) for each in passages])
        self._inbox.put_mark(self._context)

    def _put_end(self, end: End) -> None:
        self._heard_ms = self._engine.clock.now_ms()
        self._inbox.put_mark(end)
        self._is_settled = False
        self._wake.set()

    def _take_mark(self, mark: Mark, now_ms: float) -> None:
        """Tell the core what stands between texts."""
        if isinstance(mark, Context):
            self._core.ground(mark)
            return
        if isinstance(mark, Task):
            self._core.serve(mark)
            return
        if isinstance(mark, Named):
            self._core.name_tool(mark.lane, mark.tool)
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

    def _submit(self, requests: Sequence[tuple[BatchPlan, Segment]], now_ms: float) -> None:
        if not requests:
            return
        hold_ms, tenant = self.plan.stream.max_hold_ms, self.info.tenant
        asked = sorted(requests, key=_is_awaited, reverse=True)
        whole = [each for each in asked if not each[1].is_early]
        for batch, segment in (*asked, *self._reading.asides(whole)):
            self._engine.scheduler.submit(
                Request(
                    batch,
                    segment,
                    self._direction,
                    now_ms + hold_ms,
                    hold_ms,
                    self,
                    tenant,
                    self.began_ms,
                    self.number,
                    hears=self._recorder.hears,
                    may_linger=self._may_linger(segment.lane),
                )
            )

    def _may_linger(self, lane: Lane) -> bool:
        """Whether nobody waits for a lane's next verdict just now: its reader has text, and more is to come."""
        return (
            self._is_read_as_it_comes(lane)
            and not self._is_finished
            and self.plan.stream.mode is Mode.STRICT  # else what a verdict may stop leaves meanwhile
            and self._tally.has_left(lane)
        )

    def _is_read_as_it_comes(self, lane: Lane) -> bool:
        """Whether a person reads a lane while it is written."""
        return not self._is_awaited and self._direction is Direction.OUTPUT and lane.channel in _READ_CHANNELS

    def _take_outputs(self) -> list[Output]:
        outputs: list[Output] = []
        while (output := self._core.next_output()) is not None:
            outputs.append(self._told(output) if isinstance(output, Blocked) else output)
        if outputs and self._is_paced:
            self._pacing.hasten(self._now_ms())
        return outputs

    def _paced(self, outputs: list[Output]) -> list[Output]:
        """What leaves now, when these are what may leave; at the stream's end all of it."""
        now_ms, due = self._now_ms(), outputs
        if self._is_paced:
            self._pacing.put([(each, self._spread_ms(each)) for each in outputs], now_ms)
            is_over = self._is_closed or self._is_idle or self._failure is not None
            due = self._pacing.take(float("inf") if is_over else now_ms)
        for output in due:
            if isinstance(output, Release):
                self._recorder.released(output, now_ms)
                if output.text and not output.is_withheld:
                    self._conduct.read(output.lane.part)
        return due

    def _spread_ms(self, output: Output) -> float:
        """Over how much time an output leaves: that in which it came, where a person reads it as it comes."""
        most_ms = self.plan.stream.pace_ms
        if not self._is_read_as_it_comes(output.lane):
            return 0.0
        return min(most_ms, self._recorder.tally.span_ms(output)) if isinstance(output, Release) else 0.0

    def _told(self, blocked: Blocked) -> Blocked:
        """A block with something to tell: where its rule says nothing, a text with the stream's id to quote."""
        if self.plan.rules[blocked.rule].message is not None:
            return blocked
        language, reference = self.plan.language, self.info.stream_id
        is_checked = all(each.failure is None for each in blocked.decisions)
        message = (
            messages.stopped(self._direction, language, reference)
            if is_checked
            else messages.unchecked(language, reference)
        )
        return msgspec.structs.replace(blocked, message=message)

    # -- waking up ------------------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Wait for text, an outcome or a timer; with something left over from the last step, only let others run."""
        if self._outcomes or (self._inbox and self._core.wants_text):
            await asyncio.sleep(0)
            return
        due_ms = self._idle_at_ms
        for other_ms in (self._core.next_deadline_ms, self._pacing.due_ms):
            due_ms = due_ms if other_ms is None else min(due_ms, other_ms)
        self._alarm.set(due_ms)
        if not (self._inbox or self._outcomes or self._wake.is_set() or self._core.awaits_outcomes):
            self._is_settled = True
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
            self._relevance = await asyncio.to_thread(relevance, self._context, self._prompt)
        coverage, grounding = recorder.coverage(self._core.coverage()), self._grounding()
        await self._record_end(coverage, grounding, self._conduct.standing())
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
            advice=tally.advice,
        )

    async def _record_end(
        self, coverage: tuple[LaneCoverage, ...], grounding: GroundingTally | None, standing: SessionStanding | None
    ) -> None:
        retrieval = retrieval_of(self._retrieved, self._relevant)
        await self._recorder.record_end(coverage, grounding, self._core.max_held_chars, standing, retrieval)

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
        notice = self.plan.stream.notice if is_told and tally.last_turn.is_redacted else None
        return None if notice is None else notice.said_in(self._languages)

    def _grounding(self) -> GroundingTally | None:
        sentences = self._core.sentences()
        if sentences is None:
            return None
        return GroundingTally(
            sentences={verdict: sentences.counts[verdict] for verdict in Standing},
            unchecked_reasons=sentences.reasons,
            passages=len(self._context),
            used_passages=len(sentences.used),
            passages_left_out=self._passages_left_out,
            context_relevance=self._relevance,
        )


def _is_awaited(request: tuple[BatchPlan, Segment]) -> bool:
    return request[0].is_gating
