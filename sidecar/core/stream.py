"""The core: one guarded stream, without I/O, clock or tasks. Text and outcomes go in, cleared text comes out.

How a lane (one text of the stream) moves:

1. `feed` appends text. Pattern scanners look at it inline and say how far everything is decided (`cleared`); the
   segmenter cuts segments, which go out as requests for the batch detectors. Pair checkers are given whole sentences,
   with the context that was there when they were complete, and their outcomes are taken in the order of the text.
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

import msgspec

from detectors.context import Context
from sidecar.core.answer import Sentences
from sidecar.core.lane import MOST_UNREAD_CHARS, Condition, LaneCoverage, LaneState, Request
from sidecar.core.shared import Shared
from sidecar.policy.plan import Plan
from sidecar.values import Failed, FailureKind, Lane, Outcome, Output

__all__ = ["MOST_AWAITED", "MOST_UNREAD_CHARS", "LaneCoverage", "Request", "Stream"]

MOST_AWAITED = 8
"""How many segments a stream waits for at a time: with a long prompt's all in the queue, it would be late by itself."""


class Stream:
    """One guarded stream: see the module's text. Not thread-safe; one owner."""

    def __init__(self, plan: Plan, *, session_id: str = "", stops_together: bool = False) -> None:
        """`session_id` keys pseudonyms. `stops_together`: a block stops every lane (input), not only its choice."""
        self._plan = plan
        self._shared = Shared(plan, session_id)
        self._stops_together = stops_together
        self._lanes: dict[Lane, LaneState] = {}
        self._owners: dict[int, LaneState] = {}
        """The lane of each segment that is waited for."""
        self._decisions_made = 0
        self._stopped_choices: set[int] = set()
        self.max_held_chars = 0
        """The most characters one lane held after a step."""

    # -- what goes in ---------------------------------------------------------------------------------------------

    def ground(self, context: Context) -> None:
        """Have the sentences that are complete from now on compared with this context."""
        self._shared.context = context

    def feed(self, lane: Lane, text: str, now_ms: float = 0.0, *, arrived_ms: float | None = None) -> list[Request]:
        """Add text to a lane; returns the requests that it completed. Text for a stopped choice is ignored.

        `arrived_ms` is when its first character came, if that was earlier (`may_wait`).
        """
        self._shared.now_ms = now_ms
        state = self._lane(lane)
        if state.condition is Condition.CLOSED:
            raise ValueError("text after the lane's end")
        if state.condition is Condition.STOPPED or not text:
            return []
        return self._stepped(state, state.feed(text, now_ms if arrived_ms is None else arrived_ms))

    def may_wait(self, lane: Lane, text: str, chars: int) -> bool:
        """Whether text may be fed later, with what follows, and nothing leaves or is asked the later for it.

        `chars` counts all that came since the last step, `text` included, which is the last of it. It takes a fraction
        of what `feed` takes: most tokens complete nothing.
        """
        state = self._lanes.get(lane)
        return state is not None and state.may_wait(text, chars)

    def close(self, now_ms: float = 0.0) -> list[Request]:
        """End all lanes; returns the last requests. Outcomes may still come."""
        self._shared.now_ms = now_ms
        requests: list[Request] = []
        for state in list(self._lanes.values()):
            if state.condition is Condition.OPEN:
                requests += self._stepped(state, state.close())
        return requests

    def resolve(self, segment: int, batch: int, outcome: Outcome, now_ms: float = 0.0) -> None:
        """Take a batch detector's outcome. One that nothing waits for (late, or its choice stopped) is ignored."""
        self._shared.now_ms = now_ms
        state = self._owners.get(segment)
        if state is None:
            return
        state.resolve(segment, batch, outcome)
        if segment not in state.open_segments:
            del self._owners[segment]
        self._stepped(state, [])

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
        outputs = self._shared.outputs
        if not outputs:
            return None
        output = outputs.popleft()
        return self._numbered(output) if output.decisions else output

    @property
    def next_deadline_ms(self) -> float | None:
        """When `tick` has something to do, if nothing else happens."""
        deadlines = (each.deadline_ms for state in self._lanes.values() for each in state.open_segments.values())
        return min(deadlines, default=None)

    @property
    def awaits_outcomes(self) -> bool:
        """Whether text is held for an outcome that is under way."""
        return self._awaited() > 0

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
        return self._awaited() < MOST_AWAITED

    @property
    def is_done(self) -> bool:
        """Whether every lane has ended and nothing is waited for."""
        return all(state.is_done for state in self._lanes.values())

    @property
    def is_stopped(self) -> bool:
        """Whether every lane that exists was stopped by a block."""
        return bool(self._lanes) and all(state.condition is Condition.STOPPED for state in self._lanes.values())

    def sentences(self) -> Sentences | None:
        """What became of the answers' sentences; None where nothing compares them with a context."""
        if not self._plan.reads_context:
            return None
        whole = Sentences()
        for state in self._lanes.values():
            whole.add(state.sentences())
        return whole

    def coverage(self) -> tuple[LaneCoverage, ...]:
        """What was looked at, per lane."""
        return tuple([state.coverage for state in self._lanes.values()])

    # -- small things ---------------------------------------------------------------------------------------------

    def _lane(self, lane: Lane) -> LaneState:
        state = self._lanes.get(lane)
        if state is None:
            state = self._lanes[lane] = LaneState(lane, self._shared)
            if lane.choice in self._stopped_choices or (self._stops_together and self._stopped_choices):
                state.stop()
        return state

    def _stepped(self, state: LaneState, requests: list[Request]) -> list[Request]:
        """See what a step of a lane did; returns those of its requests that are still wanted."""
        if state.block is not None and state.condition is not Condition.STOPPED:
            self._stop(state)
        held = state.held_chars
        if held > self.max_held_chars:
            self.max_held_chars = held
        wanted = [request for request in requests if request[1].number in state.open_segments]
        for _, segment in wanted:
            self._owners[segment.number] = state
        return wanted

    def _stop(self, state: LaneState) -> None:
        """Block: nothing leaves this lane any more, nor its choice's others (all lanes of an input)."""
        assert state.block is not None
        self._shared.outputs.append(state.block)
        self._stopped_choices.add(state.lane.choice)
        for other in self._lanes.values():
            if self._stops_together or other.lane.choice == state.lane.choice:
                other.stop()
        self._owners = {number: owner for number, owner in self._owners.items() if number in owner.open_segments}

    def _awaited(self) -> int:
        return sum(bool(each.gating) for state in self._lanes.values() for each in state.open_segments.values())

    def _numbered(self, output: Output) -> Output:
        """The output with its decisions numbered in the order in which they are handed out."""
        first = self._decisions_made + 1
        self._decisions_made += len(output.decisions)
        numbered = [msgspec.structs.replace(each, number=n) for n, each in enumerate(output.decisions, start=first)]
        return msgspec.structs.replace(output, decisions=tuple(numbered))
