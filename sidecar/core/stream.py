"""The core: one guarded stream, without I/O, clock or tasks. Text and outcomes go in, cleared text comes out.

How a lane (one text of the stream) moves:

1. `feed` appends text. Pattern scanners look at it inline and say how far everything is decided (`cleared`); the
   segmenter cuts segments, which go out as requests for the batch detectors. Pair checkers are given whole sentences,
   with the context that was there when they were complete, and their outcomes are taken in the order of the text.
   The beginning of a segment may be read early, so that plain words leave before it is complete (`core.early`).
2. Findings become violations by the policy's rules (`decide`), and wait in the lane in text order.
3. The **watermark** is the position up to which every scanner, and every batch detector that a blocking or redacting
   rule reads (strict mode), has cleared the text.
4. The lane's gate lets text out up to the watermark, in whole graphemes when the policy redacts. A redaction leaves
   once its whole cluster of overlapping spans is cleared. A block takes effect when all before it is cleared: nothing
   from there on leaves.

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

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from detectors.context import Context
from detectors.task import Task
from sidecar.core.answer import Sentences
from sidecar.core.asking import Request
from sidecar.core.judgement import Judgement, Notes
from sidecar.core.lane import MOST_UNREAD_CHARS, Condition, LaneCoverage, LaneState
from sidecar.core.order import Order
from sidecar.core.segmenter import Patience
from sidecar.core.shared import Shared
from sidecar.core.structured import JsonReading
from sidecar.core.trace import Holder, Trace
from sidecar.policy.conditions import Circumstances
from sidecar.policy.plan import Plan
from sidecar.policy.session_facts import NOTHING_KNOWN, SessionFacts
from sidecar.policy.stand_ins import StandIns
from sidecar.values import Channel, Failed, FailureKind, Lane, Outcome, Output, Release, Tool

__all__ = ["MAX_HELD_CALL_CHARS", "MOST_AWAITED", "MOST_UNREAD_CHARS", "LaneCoverage", "Request", "Stream"]

MOST_AWAITED = 8
"""How many segments a stream waits for at a time: with a long prompt's all in the queue, it would be late by itself."""
MAX_HELD_CALL_CHARS = 1_000_000


_FEW_LANES = 16


class Stream:
    """One guarded stream: see the module's text. Not thread-safe; one owner."""

    def __init__(
        self,
        plan: Plan,
        *,
        session_id: str = "",
        stops_together: bool = False,
        max_held_call_chars: int = MAX_HELD_CALL_CHARS,
        history: Collection[Lane] | None = None,
        stand_ins: StandIns | None = None,
        trace: Trace | None = None,
        languages: Sequence[str] = (),
        facts: SessionFacts = NOTHING_KNOWN,
        circumstances: Circumstances | None = None,
    ) -> None:
        """`session_id` keys pseudonyms. `stops_together`: a block stops every lane (input), not only its choice.

        `history`: the lanes of a request that are no new words of the user's, nor the operator's; None where nobody
        tells. What a rule blocks there is withheld, and the stream goes on. `stand_ins` is the exchange's book; without
        one, rules do to an input what they do to an answer. `languages` are the reader's, the best liked first. `facts`
        is how its session stands. `trace` looks on.
        """
        self._plan = plan
        holds_calls = plan.holds_calls and not stops_together
        self._shared = Shared(
            plan,
            session_id,
            max_held_call_chars if holds_calls else None,
            is_request=stops_together,
            history=history,
            stand_ins=stand_ins,
            trace=trace,
            languages=languages,
            facts=facts,
            circumstances=circumstances,
        )
        self._stops_together = stops_together
        self._places: dict[Lane, tuple[Order, LaneState]] = {}
        self._states: list[LaneState] = []
        self._live: list[tuple[Order, LaneState]] = []
        """The lanes that may not be done, and `_were_live`, how many there were when that was seen last."""
        self._were_live = 0
        self._orders: dict[tuple[int, Lane | None], Order] = {}
        """By choice; an input has one. A field beside the parts has its own."""
        self._choices: defaultdict[int, list[Order]] = defaultdict(list)
        """The orders that stop together."""
        self._owners: dict[int, tuple[Order, LaneState]] = {}
        """The lane of each segment that is waited for; while there is none, no lane waits."""
        self._readings: dict[Lane, JsonReading] = {}
        """Of lanes whose text is JSON."""
        self._noted: set[Lane] = set()
        """The lanes of which judgements are wanted."""
        self._coverage: list[LaneState | LaneCoverage] = []
        """The lanes in the order in which they came; of those that passed as known, their coverage."""
        self.max_held_chars = 0
        """The most characters one lane held after a step."""

    # -- what goes in ---------------------------------------------------------------------------------------------

    def ground(self, context: Context) -> None:
        """Have the sentences that are complete from now on compared with this context."""
        self._shared.context = context

    def read_as_json(self, lane: Lane) -> None:
        """Have the text of a lane, of which none was fed yet, read as the JSON that it is: decoded."""
        if lane not in self._places:
            self._readings.setdefault(lane, JsonReading())

    def name_tool(self, lane: Lane, tool: Tool) -> None:
        """Say what a lane calls, as far as it is known: at first before its text, and again when more is."""
        if (call := self._shared.call_of(lane)) is not None:
            call.tool, call.is_name = tool.name, tool.is_name

    @property
    def judges_calls(self) -> bool:
        """Whether calls are judged by more than their text."""
        return self._shared.judges_calls

    def serve(self, task: Task | None) -> None:
        """Say what calls are to serve that are judged from now on; None: nobody told."""
        self._shared.task = task
        for call in self._shared.calls.values():
            call.task = task

    def judges_call(self, lane: Lane) -> bool:
        """Whether a lane is part of a call that is judged by more than its text."""
        return self._shared.judges_calls and lane.channel is Channel.TOOL_ARGUMENTS

    def note(self, lane: Lane) -> None:
        """Have a lane, of which no text was fed yet, be judged so that another stream may `recall` it."""
        self._noted.add(lane)

    def is_history(self, lane: Lane) -> bool:
        """Whether a lane's text stands in a request's history."""
        return self._shared.is_history(lane)

    def judgements(self) -> Iterator[tuple[Lane, Judgement]]:
        """What is known by now of the lanes that were to be noted, and came whole."""
        for lane in self._noted:
            _, state = self._places.get(lane, (None, None))
            if state is not None and (judgement := state.judgement) is not None:
                yield lane, judgement

    def recall(
        self,
        lane: Lane,
        text: str,
        judgement: Judgement,
        now_ms: float = 0.0,
        *,
        arrived_ms: float | None = None,
        is_json: bool = False,
    ) -> list[Request]:
        """Add all of the text of a lane, of which no text was fed yet, and end it: this is known of it.

        What comes of it is what would if its detectors looked at it; its decisions say that they are repeated. Returns
        the requests that the lane before it completed.
        """
        self._shared.now_ms = now_ms
        order = self._order_of(lane)
        if not judgement.noted and order.is_settled:
            self._pass(lane, text, judgement)
            return []
        if is_json:
            reading = self._readings[lane] = JsonReading()
            text = reading.feed(text) + reading.finish()
        state = self._take_in(lane, order)
        if order.is_stopping:
            return []
        requests = order.switch(state)
        if order.current is state:
            state.recall(text, judgement, now_ms if arrived_ms is None else arrived_ms)
            requests += order.end(state)
            self._note_held(state)
        return self._asked(requests)

    def _pass(self, lane: Lane, text: str, judgement: Judgement) -> None:
        """Let a text out of which it is known that nothing stands in it: it takes no more than that."""
        self._shared.skip_segments(judgement.segments)
        self._shared.outputs.append(Release(lane, text, 0, len(text)))
        chars = judgement.chars
        self._coverage.append(
            LaneCoverage(lane, chars, chars, judgement.unscanned_chars, judgement.reasons, is_known=True)
        )

    def feed(self, lane: Lane, text: str, now_ms: float = 0.0, *, arrived_ms: float | None = None) -> list[Request]:
        """Add text to a lane; returns the requests that it completed. Text behind a block is ignored.

        `arrived_ms` is when its first character came, if that was earlier (`patience`). Raises `ValueError` when the
        lane was ended.
        """
        self._shared.now_ms = now_ms
        if self._shared.judges_calls and (call := self._shared.call_of(lane)) is not None:
            call.add(text)
        if (reading := self._readings.get(lane)) is not None:
            text = reading.feed(text)
        return self._feed(lane, text, now_ms if arrived_ms is None else arrived_ms)

    def _feed(self, lane: Lane, text: str, arrived_ms: float) -> list[Request]:
        order, state = self._places.get(lane) or self._begin(lane)
        if order.is_stopping or not text:
            return []
        if state.condition is not Condition.OPEN:
            raise ValueError("text after the lane's end")
        requests = [] if order.current is state else order.switch(state)
        if order.current is not state:
            return self._asked(requests)
        if order.calls.groups:
            order.calls.take(state, len(text))
        requests += state.feed(text, arrived_ms, order.turn)
        if order.is_mixed or state.gate.block is not None:
            order.step(state)
        self._note_held(state)
        return self._asked(requests) if requests else requests

    def patience(self, lane: Lane) -> Patience:
        """How long text of a lane may be fed later, with what follows it: until the next step of any kind."""
        order, state = self._places.get(lane, (None, None))
        if order is None or state is None or lane in self._readings or order.current is not state:
            return Patience(-1, -1)
        return state.patience

    def end_lane(self, lane: Lane, now_ms: float = 0.0) -> list[Request]:
        """Say that no more text of a lane comes: it is judged finally, and all of it leaves; returns the last requests.

        A second time it does nothing.
        """
        self._shared.now_ms = now_ms
        order, state = self._places.get(lane) or self._begin(lane)
        return self._asked(self._end(order, state))

    def end_choice(self, choice: int, now_ms: float = 0.0) -> list[Request]:
        """Say so of all lanes of a choice that were fed."""
        self._shared.now_ms = now_ms
        own = 0 if self._stops_together else choice
        orders = [order for (number, _), order in self._orders.items() if number == own]
        return self._end_all(orders, choice)

    def close(self, now_ms: float = 0.0) -> list[Request]:
        """Say so of all lanes. Outcomes may still come."""
        self._shared.now_ms = now_ms
        return self._end_all(self._orders.values(), None)

    def resolve(self, segment: int, batch: int, outcome: Outcome, now_ms: float = 0.0) -> None:
        """Take a batch detector's outcome. One that nothing waits for (late, or its choice stopped) is ignored."""
        self._shared.now_ms = now_ms
        if segment not in self._owners:
            return
        order, state = self._owners[segment]
        state.resolve(segment, batch, outcome)
        if segment not in state.asking.opened:
            del self._owners[segment]
        order.meet_block(state)
        state.settle(order.turn)
        order.step(state)
        self._note_held(state)
        for put_off in state.asking.due() if segment < 0 else ():
            self.resolve(*put_off, now_ms)

    def tick(self, now_ms: float) -> None:
        """Let the outcomes that are overdue count as timed out."""
        overdue = [
            (number, batch)
            for _, state in self._live
            for number, opened in state.asking.opened.items()
            if opened.deadline_ms <= now_ms
            for batch in sorted(opened.waiting)
        ]
        for number, batch in overdue:
            self.resolve(number, batch, Failed(FailureKind.TIMEOUT, "no outcome within max_hold_ms"), now_ms)

    # -- what comes out -------------------------------------------------------------------------------------------

    def next_output(self) -> Output | None:
        """The next output, or None when more text, an outcome or time is needed."""
        output = self._shared.next_output()
        reading = None if output is None else self._readings.get(output.lane)
        return output if output is None or reading is None else reading.out(output)

    @property
    def next_deadline_ms(self) -> float | None:
        """When `tick` has something to do, if nothing else happens."""
        if not self._owners:
            return None
        deadlines = [each.deadline_ms for _, state in self._live for each in state.asking.opened.values()]
        return min(deadlines, default=None)

    @property
    def awaits_outcomes(self) -> bool:
        """Whether text is held for an outcome that is under way."""
        return bool(self._owners) and any(state.asking.awaited for _, state in self._live)

    @property
    def held_chars(self) -> int:
        """Characters that arrived and neither left, nor were replaced or dropped by a block, over all lanes."""
        return sum(state.held_chars for _, state in self._live)

    @property
    def wants_text(self) -> bool:
        """Whether more text may be fed now.

        Not while outcomes are waited for with `max_held_chars` of a lane's text on hand, nor while `MOST_AWAITED`
        segments are waited for: a segment's time begins when its text is fed, so what has not had its turn is not late.
        """
        if not self._owners:
            return True
        limit = self._plan.stream.max_held_chars
        if any(state.unjudged_chars >= limit and order.is_waiting for order, state in self._live):
            return False
        return sum([state.asking.awaited for _, state in self._live]) < MOST_AWAITED

    @property
    def is_done(self) -> bool:
        """Whether every lane has ended and nothing is waited for."""
        return all(state.is_done for _, state in self._live)

    @property
    def is_stopped(self) -> bool:
        """Whether every lane that exists was stopped by a block."""
        return bool(self._states) and all(state.condition is Condition.STOPPED for state in self._states)

    def holders(self, lane: Lane) -> tuple[Holder, ...]:
        """What keeps a lane's text back now, and from where on; of JSON, in the text as it is read."""
        _, state = self._places.get(lane, (None, None))
        if state is None or state.is_done or state.condition is Condition.STOPPED:
            return ()
        return tuple(state.holders())

    def sentences(self) -> Sentences | None:
        """What became of the answers' sentences; None where nothing compares them with a context."""
        if not self._plan.reads_context:
            return None
        whole = Sentences()
        for state in self._states:
            whole.add(state.sentences())
        return whole

    def coverage(self) -> tuple[LaneCoverage, ...]:
        """What was looked at, per lane."""
        return tuple([each.coverage if isinstance(each, LaneState) else each for each in self._coverage])

    # -- small things ---------------------------------------------------------------------------------------------

    def _begin(self, lane: Lane) -> tuple[Order, LaneState]:
        """Take in a lane that comes for the first time."""
        order = self._order_of(lane)
        return order, self._take_in(lane, order)

    def _order_of(self, lane: Lane) -> Order:
        """The order that a lane belongs to."""
        place = (lane.choice, lane if lane.channel is Channel.OTHER else None)
        if self._stops_together:
            place = (0, None)
        if place not in self._orders:
            self._orders[place] = Order(self._shared, self._choices[place[0]])
        return self._orders[place]

    def _take_in(self, lane: Lane, order: Order) -> LaneState:
        state = LaneState(lane, self._shared, Notes() if lane in self._noted else None)
        order.add(state)
        self._states.append(state)
        self._coverage.append(state)
        self._look_for_done()
        self._live.append((order, state))
        self._places[lane] = (order, state)
        return state

    def _look_for_done(self) -> None:
        """Leave out lanes that are done, now and then: a long history has thousands, each over behind its text."""
        if len(self._live) > 2 * self._were_live + _FEW_LANES:
            live, self._live = self._live, []
            for order, state in live:
                if state.is_done:
                    state.let_go()
                else:
                    self._live.append((order, state))
            self._were_live = len(self._live)

    def _end(self, order: Order, state: LaneState) -> list[Request]:
        """End a lane, with what of its JSON was not certain before. A second time nothing happens."""
        if state.closed_in is not None or state.condition is Condition.STOPPED:
            return []
        reading = self._readings.get(state.lane)
        requests = [] if reading is None else self._feed(state.lane, reading.finish(), self._shared.now_ms)
        return requests + order.end(state)

    def _end_all(self, orders: Iterable[Order], choice: int | None) -> list[Request]:
        requests: list[Request] = []
        for order in orders:
            for state in order.ending(choice):
                requests += self._end(order, state)
            order.end_calls()
        return self._asked(requests)

    def _asked(self, requests: list[Request]) -> list[Request]:
        """Note whose segments are asked about; returns those of the requests that are still wanted."""
        wanted = []
        for request in requests:
            _, segment = request
            place = self._places[segment.lane]
            self._note_held(place[1])
            if segment.number in place[1].asking.opened:
                self._owners[segment.number] = place
                wanted.append(request)
        return wanted

    def _note_held(self, state: LaneState) -> None:
        held = state.held_chars
        if held > self.max_held_chars:
            self.max_held_chars = held
