"""A model's calls of tools, where they leave whole and judged, or not at all.

What a call's gate lets out is kept back until the call is over and all of it is judged. Calls that stand side by side
(no text of another channel between them) are one group: all of them leave, or none does. A group is over where other
text of its choice comes, or where the choice ends.

What is kept counts against `limits.max_held_call_chars`, over all calls of a stream. Past it the fail mode of the
rules that may block acts: the calls are blocked, or they are let go as far as they are judged, and stream from there.
"""

from __future__ import annotations

from sidecar.core.items import Source
from sidecar.core.kept import Kept, recorded
from sidecar.core.lane import LaneState
from sidecar.core.shared import Shared
from sidecar.values import Action, Failed, FailureKind, Release

_TOO_MUCH = Failed(FailureKind.SHED, "calls are longer than what is held of them")


class _Group:
    """Calls side by side."""

    def __init__(self) -> None:
        self.states: list[LaneState] = []
        self.kept = Kept()
        self.chars = 0
        self.is_over = False
        self.is_given_up = False
        """Whether more came than is held."""
        self.streams_from: tuple[LaneState, int] | None = None
        """Where they are let go, because nothing blocks them there."""

    @property
    def is_streaming(self) -> bool:
        """Whether all is judged up to where they are let go."""
        return self.streams_from is not None and self.streams_from[0].gate.released > self.streams_from[1]

    def may_leave(self, turn: int) -> bool:
        """Whether all were over before the run whose turn it is, and are judged, and no other joins them."""
        return self.is_over and all(state.is_through and _was_over(state, turn) for state in self.states)

    def add(self, state: LaneState) -> None:
        """Have a call stand among them."""
        self.states.append(state)
        state.gate.keep_back(self.kept)

    def merge(self, other: _Group) -> None:
        """Take in the calls of another group."""
        self.kept.outputs += other.kept.outputs
        self.chars += other.chars
        for state in other.states:
            self.add(state)


class Calls:
    """The calls of one choice that have not left yet. See the module's text."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self.groups: list[_Group] = []
        """Those that have not left; none where calls are not held."""
        self._last: _Group | None = None
        """The group that a call would join which comes now."""
        self._let_go: set[LaneState] = set()

    def begin(self, state: LaneState) -> None:
        """Text of a lane comes, behind text of another one."""
        if not self._shared.holds(state.lane) or state in self._let_go:
            self.end()
            return
        group = self._group_of(state)
        if group is None:
            group = self._last or self._new_group()
            group.add(state)
        elif self._last is not None and self._last is not group:
            self.groups.remove(self._last)
            group.merge(self._last)
        group.is_over = False
        self._last = group

    def end(self) -> None:
        """What comes does not stand beside the calls before it."""
        for group in self.groups:
            group.is_over = True
        self._last = None

    def note_end(self, state: LaneState) -> None:
        """A call is over. One without text shows that it may leave by a release without text."""
        group = self._group_of(state)
        if group is not None and not state.end:
            group.kept.append(Release(state.lane, "", 0, 0))

    def take(self, state: LaneState, chars: int) -> None:
        """Count text that is about to be fed to a lane."""
        group = self._group_of(state)
        if group is None:
            return
        group.chars += chars
        self._shared.held_call_chars += chars
        over = self._shared.held_call_chars - self._shared.max_held_call_chars
        if over > 0 and not group.is_given_up:
            self._give_up(group, state, max(state.end, state.end + chars - over))

    def let_go(self, turn: int) -> None:
        """Hand out the groups that may leave, when it is the turn of a run."""
        for group in [each for each in self.groups if each.is_streaming or each.may_leave(turn)]:
            if group.is_streaming:
                self._let_go.update(group.states)
            self._release(group)

    def stop(self, run: int) -> None:
        """A block that became known in a run stops the choice: calls leave that were over, with all beside them."""
        for group in list(self.groups):
            if group.is_streaming or all(_was_over(state, run) for state in group.states):
                self._release(group)
            else:
                self._shared.outputs.extend(recorded(group.kept.outputs, Action.BLOCK))
                self._forget(group)

    def _give_up(self, group: _Group, state: LaneState, place: int) -> None:
        """Have the rules for which calls are held say what becomes of more than is held."""
        plan = self._shared.plan
        rules = plan.gating_calls
        rules = tuple(rule for rule in rules if rule.action >= Action.WITHHOLD) or rules
        items = list(
            self._shared.failures(
                f"tool_calls: {_TOO_MUCH.kind}", rules, (place, place + 1), _TOO_MUCH, Source(state.run)
            )
        )
        for item in items:
            state.gate.add(item)
        group.is_given_up = True
        if not any(item.action is Action.BLOCK for item in items):
            group.streams_from = (state, place)

    def _release(self, group: _Group) -> None:
        self._shared.outputs.extend(group.kept.outputs)
        for state in group.states:
            state.gate.keep_back(None)
        self._forget(group)

    def _forget(self, group: _Group) -> None:
        self.groups.remove(group)
        self._shared.held_call_chars -= group.chars
        if self._last is group:
            self._last = None

    def _new_group(self) -> _Group:
        group = _Group()
        self.groups.append(group)
        return group

    def _group_of(self, state: LaneState) -> _Group | None:
        return next((group for group in self.groups if state in group.states), None)


def _was_over(state: LaneState, run: int) -> bool:
    """Whether a call was over before a run began."""
    return state.closed_in is not None and state.closed_in < run
