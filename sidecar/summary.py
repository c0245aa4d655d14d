"""What a stream's end reports: counts, held times and coverage, gathered as it runs in bounded memory."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable

import msgspec

from sidecar.core.stream import LaneCoverage
from sidecar.policy.plan import Notice, Plan
from sidecar.values import Action, Decision, GroundingTally, Lane, Part, Release

LISTED_VIOLATIONS = 1000
"""How many violations a summary lists; it counts all."""
_STEPS_PER_DOUBLING = 8
"""Resolution of the held times' median: 2 ** (1 / 8), so it is right to within 9 %."""


class StreamSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a stream. `action` is the strongest that was done; `violations` are the first thousand."""

    stream_id: str
    plan: Plan
    action: Action
    violations: tuple[Decision, ...]
    violation_count: int
    coverage: tuple[LaneCoverage, ...]
    max_held_ms: float
    median_held_ms: float
    max_held_chars: int
    grounding: GroundingTally | None = None
    notice: Notice | None = None
    """What to tell the person whose prompt this was."""
    restored: int = 0
    """How many stand-ins gave way to what they stood for."""
    advice: tuple[str, ...] = ()
    """What the model is to be told beside this prompt, in the policy's order."""


class HeldTimes:
    """How long text was held: the maximum, and the median over releases, in a bounded number of counts."""

    def __init__(self) -> None:
        self.max_ms = 0.0
        self._counts: Counter[int] = Counter()

    def add(self, held_ms: float) -> None:
        """Count one release by how long its first character was held."""
        self.max_ms = max(self.max_ms, held_ms)
        self._counts[round(math.log2(1 + held_ms) * _STEPS_PER_DOUBLING)] += 1

    @property
    def median_ms(self) -> float:
        """The (lower) median; 0 when nothing was released."""
        below = 0
        half = self._counts.total() / 2
        for step in sorted(self._counts):
            below += self._counts[step]
            if below >= half:
                return min(self.max_ms, 2 ** (step / _STEPS_PER_DOUBLING) - 1)
        return 0.0


class LastTurn:
    """What a person wrote last in a prompt, behind all that a model had said before, and whether it was redacted.

    What they wrote earlier was told when it was asked, and is in a history that comes again with each question.
    Messages are told apart by their lanes' numbers, in whatever order they come.
    """

    def __init__(self) -> None:
        self._models: set[int] = set()
        self._users: set[int] = set()
        self._redacted: set[int] = set()

    def arrived(self, lane: Lane) -> None:
        """Take note of a text."""
        if lane.part is Part.MODEL:
            self._models.add(lane.choice)
        elif lane.part is Part.USER:
            self._users.add(lane.choice)

    def released(self, release: Release) -> None:
        """Take note of what was done to it."""
        if release.redactions and release.lane.part is Part.USER:
            self._redacted.add(release.lane.choice)

    @property
    def is_redacted(self) -> bool:
        """Whether something in it was redacted."""
        last = max(self._users, default=-1)
        answered = max((number for number in self._models if number < last), default=-1)
        return max(self._redacted, default=-1) > answered


class _Arrivals:
    """How much of a lane came, whether any left, and of text that did not: up to where it came, and when."""

    __slots__ = ("chars", "has_left", "waiting")

    def __init__(self) -> None:
        self.chars = 0
        self.has_left = False
        self.waiting: deque[tuple[int, float]] = deque()


class Tally:
    """A stream's running counts. Times are the session clock's milliseconds."""

    def __init__(self) -> None:
        self.held = HeldTimes()
        self.received_chars = 0
        self.first_ms: float | None = None
        self.last_ms = 0.0
        """When the first text came, and the last."""
        self.released_chars = 0
        self.leaked_chars = 0
        self.passed_texts = 0
        self.passed_chars = 0
        self.restored = 0
        self.action = Action.ALLOW
        self.decided_by: int | None = None
        """The first rule whose action that was; None while nothing was done."""
        self.violations: list[Decision] = []
        self.violation_count = 0
        self.count_by_rule: Counter[int] = Counter()
        self.repeated_by_rule: Counter[int] = Counter()
        """Violations that were counted, and recorded, when the same text was looked at before: only here."""
        self.last_turn = LastTurn()
        self._advice: dict[int, str] = {}
        self._arrivals: dict[Lane, _Arrivals] = {}

    def arrived(self, lane: Lane, chars: int, now_ms: float) -> None:
        """Note when text came in."""
        self.received_chars += chars
        self.last_ms = now_ms
        arrivals = self._arrivals.get(lane)
        if arrivals is None:
            arrivals = self._begin(lane, now_ms)
        arrivals.chars += chars
        arrivals.waiting.append((arrivals.chars, now_ms))

    def _begin(self, lane: Lane, now_ms: float) -> _Arrivals:
        """Take in a lane; nothing of it came before."""
        if self.first_ms is None:
            self.first_ms = now_ms
        self.last_turn.arrived(lane)
        arrivals = self._arrivals[lane] = _Arrivals()
        return arrivals

    def passed(self, lane: Lane, chars: int) -> None:
        """Note a text that came and left at once, as it was known that nothing stands in it."""
        self.last_turn.arrived(lane)
        self.received_chars += chars
        self.released_chars += chars
        self.passed_texts += 1
        self.passed_chars += chars

    def received(self, lane: Lane) -> int:
        """Characters of the lane that came, whatever became of them."""
        arrivals = self._arrivals.get(lane)
        return 0 if arrivals is None else arrivals.chars

    def has_left(self, lane: Lane) -> bool:
        """Whether any text of the lane left."""
        arrivals = self._arrivals.get(lane)
        return arrivals is not None and arrivals.has_left

    def released(self, release: Release, now_ms: float) -> float | None:
        """Note that text leaves. Returns how long its first character was held; None if it accounts for no text."""
        self.last_turn.released(release)
        if release.annotations:
            self._advice.update({each.rule: each.advice for each in release.annotations if each.advice})
        if release.redactions:
            self.restored += sum(each.is_restored for each in release.redactions)
        of_lane = self._arrivals.get(release.lane)
        if release.end <= release.start or of_lane is None or not of_lane.waiting:
            return None
        of_lane.has_left, arrivals = True, of_lane.waiting
        self.released_chars += release.end - release.start
        while arrivals[0][0] <= release.start:
            arrivals.popleft()
        held_ms = max(0.0, now_ms - arrivals[0][1])
        while arrivals and arrivals[0][0] <= release.end:
            arrivals.popleft()
        self.held.add(held_ms)
        return held_ms

    def _waiting(self, lane: Lane) -> deque[tuple[int, float]]:
        arrivals = self._arrivals.get(lane)
        return deque() if arrivals is None else arrivals.waiting

    @property
    def advice(self) -> tuple[str, ...]:
        """What the model is to be told, each once, in the policy's order."""
        return tuple(dict.fromkeys(self._advice[rule] for rule in sorted(self._advice)))

    def span_ms(self, release: Release) -> float:
        """How much time lay between the arrivals of its first and its last character. Before it was `released`."""
        first_ms = last_ms = None
        for end, arrived_ms in self._waiting(release.lane):
            if end > release.start:
                first_ms = arrived_ms if first_ms is None else first_ms
                last_ms = arrived_ms
            if end >= release.end:
                break
        return 0.0 if first_ms is None or last_ms is None else last_ms - first_ms

    def decided(self, decisions: Iterable[Decision]) -> None:
        """Count violations."""
        for decision in decisions:
            if decision.done > self.action:
                self.action, self.decided_by = decision.done, decision.rule
            if not is_violation(decision):
                continue
            self.violation_count += 1
            (self.repeated_by_rule if decision.is_repeated else self.count_by_rule)[decision.rule] += 1
            self.leaked_chars += decision.leaked_chars
            if len(self.violations) < LISTED_VIOLATIONS:
                self.violations.append(decision)


def is_violation(decision: Decision) -> bool:
    """Whether a finding met a rule, or a failure stopped text. A failure that let text pass shows in the coverage."""
    return decision.failure is None or decision.done is not Action.ALLOW
