"""The order in which text came, of lanes that stop together: those of a choice, or all of an input.

Consecutive text of one lane is a **run**. Text of a run leaves only when everything of the runs before it is judged: no
verdict on them is due any more. What a lane still holds, because it could become a match when the lane goes on, delays
that lane alone.

1. `runs` has the runs from the first that is not judged to the one that goes on. The first one's number is the `turn`.
2. A lane's text leaves up to its `limit`: where its first run behind the turn begins.
3. A block has its place in the run in which it became known. What other lanes were fed before that run is before it.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from sidecar.core.calls import Calls
from sidecar.core.lane import LaneState
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
    """See the module's text."""

    def __init__(self, shared: Shared) -> None:
        self.states: list[LaneState] = []
        self.calls = Calls(shared)
        self.current: LaneState | None = None
        """The lane whose run goes on."""
        self.is_stopping = False
        """Whether a block is certain to come, or came: what is fed stands behind it."""
        self.made = 0
        """How many runs began."""
        self.turn = 0
        """The first run that is not judged; without one, the last."""
        self.is_mixed = False
        """Whether there is more than one run that goes on: others wait, or calls do, or that run is over."""
        self._runs: deque[_Run] = deque()
        self._judged: dict[LaneState, tuple[int, int]] = {}
        """Each lane's last run that is judged: its number and end."""

    @property
    def head(self) -> LaneState | None:
        """The lane of the run whose turn it is."""
        return self._runs[0].state if self._runs else None

    @property
    def is_waiting(self) -> bool:
        """Whether outcomes are under way."""
        return any(state.asking.opened for state in self.states)

    def add(self, state: LaneState) -> None:
        """Take in a lane. Behind a block it is stopped from its beginning."""
        self.states.append(state)
        if self.is_stopping:
            state.stop()

    def stop(self) -> None:
        """Stop all lanes."""
        self.is_stopping = True
        for state in self.states:
            state.stop()

    def meet_block(self, state: LaneState) -> None:
        """End a lane at the run in which a block became known, when text of another lane came behind that run.

        Text of a lane that was left, and goes on, stands behind the block.
        """
        run = state.gate.first_block
        if run is None:
            return
        end = self.end_of(run)
        if end is not None:
            self.is_stopping = True
            state.end_at(end, run + 1)

    def begin(self, state: LaneState) -> None:
        """Begin a run."""
        self.made += 1
        self.current = state
        state.run = self.made
        if self._runs and state.limit is None:
            state.limit = state.end
        self._runs.append(_Run(self.made, state))
        self.calls.begin(state)
        self._look()

    def leave(self) -> LaneState | None:
        """End the run that goes on; returns its lane."""
        state, self.current = self.current, None
        if state is not None:
            self._runs[-1].end = state.end
        self._look()
        return state

    def advance(self) -> bool:
        """Go on to the next run when the first is judged; whether there is one."""
        head = self._runs[0]
        if head.end is None or head.state.asking.cleared(is_final=True) < head.end:
            return False
        self._runs.popleft()
        self._judged[head.state] = (head.number, head.end)
        if self._runs:
            state = self._runs[0].state
            later = (run.start for run in islice(self._runs, 1, None) if run.state is state)
            state.limit = next(later, None)
        self._look()
        return bool(self._runs)

    def let_calls_go(self) -> None:
        """Hand out the calls that are over and judged, as is all that came before their end."""
        if self.calls.groups and not self.is_stopping:
            self.calls.let_go(self._runs[0].number if self._runs else self.made + 1)
            self._look()

    def end_of(self, run: int) -> int | None:
        """Where a run that is not judged ended; None while it goes on."""
        return next((each.end for each in self._runs if each.number == run), None)

    def before(self, run: int) -> list[tuple[LaneState, int]]:
        """The lanes as they stood before a run: how much text each had, in the order in which it came."""
        placed = [(*self._place(state, run), state) for state in self.states]
        placed.sort(key=lambda each: each[0])
        return [(state, end) for _, end, state in placed]

    def _look(self) -> None:
        """See whose turn it is, and whether there is anything to be seen to."""
        self.turn = self._runs[0].number if self._runs else self.made
        self.is_mixed = len(self._runs) > 1 or self.current is None or bool(self.calls.groups)

    def _place(self, state: LaneState, run: int) -> tuple[int, int]:
        """A lane's last run before another, and where it ended. What has left stands before anything."""
        number, end = self._judged.get(state, (0, 0))
        for each in self._runs:
            if each.state is state and each.number < run and each.end is not None:
                number, end = each.number, each.end
        return (number, end) if number < run else (number, state.gate.released)
