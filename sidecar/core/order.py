"""The order in which text came, of lanes that stop together: those of a choice, or all of an input.

Consecutive text of one lane is a **run**. Text of a run leaves only when everything of the runs before it is judged: no
verdict on them is due any more. What a lane still holds, because it could become a match when the lane goes on, delays
that lane alone.

1. `_runs` has the runs from the first that is not judged to the one that goes on. The first one's number is the `turn`.
2. A lane's text leaves up to its `limit`: where its first run behind the turn begins.
3. A block has its place in the run in which it became known. What other lanes were fed before that run is before it.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

import msgspec

from sidecar.core.asking import Request
from sidecar.core.calls import Calls
from sidecar.core.lane import Condition, LaneState
from sidecar.core.shared import Shared


class _Run:
    """Consecutive text of one lane: `[start, end)`; it goes on while `end` is None."""

    __slots__ = ("end", "number", "start", "state")

    def __init__(self, number: int, state: LaneState) -> None:
        self.number = number
        self.state = state
        self.start = state.end
        self.end: int | None = None


class Order:
    """See the module's text. What its methods return are the requests of the lanes that they judge."""

    def __init__(self, shared: Shared, choice: list[Order]) -> None:
        """`choice` are the orders of which a block in one stops all."""
        self._shared = shared
        self._choice = choice
        self.is_stopped: bool = any(each.is_stopped for each in choice)
        choice.append(self)
        self.states: list[LaneState] = []
        self.calls = Calls(shared)
        self.current: LaneState | None = None
        """The lane whose run goes on."""
        self.turn = 0
        """The first run that is not judged; without one, the last."""
        self.is_mixed = False
        """Whether there is more than one run that goes on: others wait, or calls do, or that run is over."""
        self.is_stopping = self.is_stopped
        """Whether a block is certain to come, or came: what is fed stands behind it."""
        self._made = 0
        """How many runs began."""
        self._runs: deque[_Run] = deque()
        self._judged: dict[LaneState, tuple[int, int]] = {}
        """Each lane's last run that is judged: its number and end."""

    @property
    def is_waiting(self) -> bool:
        """Whether outcomes are under way."""
        return any(state.asking.opened for state in self.states)

    @property
    def is_settled(self) -> bool:
        """Whether all that came is over and judged, so that what comes next waits for nothing."""
        return not (self._runs or self.is_stopping or self.calls.groups)

    def add(self, state: LaneState) -> None:
        """Take in a lane. Behind a block it is stopped from its beginning."""
        self.states.append(state)
        if self.is_stopping:
            state.stop()

    def stop(self) -> None:
        """Let nothing leave any more."""
        self.is_stopping = self.is_stopped = True
        for state in self.states:
            state.stop()

    # -- runs -----------------------------------------------------------------------------------------------------

    def switch(self, state: LaneState) -> list[Request]:
        """Text of a lane comes behind text of another one, unless a block is found in that."""
        requests = self._leave()
        if not self.is_stopping:
            self._begin(state)
            self.step(state)
        return requests

    def end(self, state: LaneState) -> list[Request]:
        """End a lane: it is judged finally."""
        requests: list[Request] = []
        if not state.run and not self.is_stopping and self._shared.holds(state.lane):
            requests = self.switch(state)  # a call without text has its place, too
        state.closed_in = self._made
        if self.current is state:
            self._part()
        elif self._shared.holds(state.lane):  # a call that leaves now stands behind all that came before its end
            requests += self._leave()
        self.calls.note_end(state)
        requests += state.close() if state.condition is Condition.OPEN else []
        state.settle(self.turn)
        self.step(state)
        return requests

    def ending(self, choice: int | None) -> list[LaneState]:
        """All lanes, or those of a choice, in the order in which they are to be ended."""
        states = [state for state in self.states if choice is None or state.lane.choice == choice]
        return sorted(states, key=lambda state: state.run)

    def end_calls(self) -> None:
        """Have no other call join those that came."""
        self.calls.end()
        self._let_calls_go()

    def _begin(self, state: LaneState) -> None:
        self._made += 1
        self.current = state
        state.run = self._made
        if self._runs and state.limit is None:
            state.limit = state.end
        self._runs.append(_Run(self._made, state))
        self.calls.begin(state)
        self._look()

    def _part(self) -> LaneState | None:
        """End the run that goes on; returns its lane."""
        state, self.current = self.current, None
        if state is not None:
            self._runs[-1].end = state.end
        self._look()
        return state

    def _leave(self) -> list[Request]:
        """Have the lane whose run goes on judged as if its text ended here."""
        left = self._part()
        if left is None:
            return []
        requests = left.leave()
        self.is_stopping = left.condition is Condition.CLOSED
        self.step(left)
        return requests

    # -- letting out ----------------------------------------------------------------------------------------------

    def step(self, state: LaneState) -> None:
        """See to what a step of a lane brings about."""
        if self.is_mixed and state.gate.block is None:
            self._advance()
        if state.gate.block is not None:
            self._stop(state)

    def meet_block(self, state: LaneState) -> None:
        """End a lane at the run in which a block became known, when text of another lane came behind that run.

        Text of a lane that was left, and goes on, stands behind the block.
        """
        run = state.gate.first_block
        if run is None:
            return
        end = next((each.end for each in self._runs if each.number == run), None)
        if end is not None:
            self.is_stopping = True
            state.end_at(end, run + 1)

    def _advance(self) -> None:
        """Let out text of the run whose turn it is, and of those behind it when it is judged."""
        while self._runs:
            head = self._runs[0]
            head.state.settle(self.turn)
            if head.state.gate.block is not None:
                self._stop(head.state)
                return
            if head.end is None or head.state.asking.cleared(is_final=True) < head.end:
                break
            if head.state.gate.ripen(head.end):
                self.meet_block(head.state)
                continue
            self._judged[head.state] = (head.number, head.end)
            self._next()
            self._let_calls_go()
        self._let_calls_go()

    def _next(self) -> None:
        """Go on to the next run."""
        self._runs.popleft()
        if self._runs:
            state = self._runs[0].state
            later = (run.start for run in islice(self._runs, 1, None) if run.state is state)
            state.limit = next(later, None)
        self._look()

    def _let_calls_go(self) -> None:
        """Hand out the calls that are over and judged, as is all that came before their end."""
        if self.calls.groups and not self.is_stopping:
            self.calls.let_go(self._runs[0].number if self._runs else self._made + 1)
            self._look()

    def _look(self) -> None:
        """See whose turn it is, and whether there is anything to be seen to."""
        self.turn = self._runs[0].number if self._runs else self._made
        self.is_mixed = len(self._runs) > 1 or self.current is None or bool(self.calls.groups)

    # -- stopping -------------------------------------------------------------------------------------------------

    def _stop(self, state: LaneState) -> None:
        """Block: what stands before the place leaves, and then nothing any more."""
        stop = state.gate.block
        if stop is None or state.condition is Condition.STOPPED:
            return
        for other, end in self._before(stop.run):
            if other is not state:
                other.end_at(end, stop.run)
                other.settle(stop.run)
        self.calls.stop(stop.run)
        self._shared.outputs.append(msgspec.structs.replace(stop.blocked, position=state.gate.left))
        for order in self._choice:
            order.stop()

    def _before(self, run: int) -> list[tuple[LaneState, int]]:
        """The lanes as they stood before a run: how much text each had, in the order in which it came."""
        placed = [(*self._place(state, run), state) for state in self.states]
        placed.sort(key=lambda each: each[0])
        return [(state, end) for _, end, state in placed]

    def _place(self, state: LaneState, run: int) -> tuple[int, int]:
        """A lane's last run before another, and where it ended. What has left stands before anything."""
        number, end = self._judged.get(state, (0, 0))
        for each in self._runs:
            if each.state is state and each.number < run and each.end is not None:
                number, end = each.number, each.end
        return (number, end) if number < run else (number, state.gate.released)
