"""A compiled policy: everything a stream needs, resolved once and never changed.

A stream takes the plan that is current when it starts and keeps it (law 6). Rules stand in the policy's order, and a
rule is named by its index; `digest` names the policy's exact content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from detectors.base import ONE_BY_ONE, BatchDetector, PairChecker, PatternScanner, Reading
from sidecar.values import Action, Channel, Direction, Enforcement, FailMode, Mode, Severity, ToolCalls

Rewrite = Callable[[str, str, str], str]
"""A redaction operator: `(matched text, label, session id) -> replacement`. Pure."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """How a rule replaces what it finds in a request, so that it comes back in the answer (`stand_ins`)."""

    restore: frozenset[Channel]
    """Where in the answer the value comes back."""
    by_session: bool = True
    """Whether a value has another stand-in in another session, where sessions are known."""
    is_secret: bool = False
    """Whether it looks like a token, whatever its label."""


@dataclass(frozen=True, slots=True)
class RulePlan:
    """One rule. `thresholds` has the least score per label that makes a finding a violation; other labels never do."""

    index: int
    id: str
    detector: str
    thresholds: Mapping[str, float]
    severity: Severity
    action: Action
    enforcement: Enforcement
    on_error: FailMode
    on_timeout: FailMode
    message: str = ""
    """The text that stands in for a blocked answer; may be empty."""
    rewrite: Rewrite | None = None
    """Set when `action` is redact."""
    stand_in: StandIn | None = None
    """What a request is given in place of what `rewrite` makes."""
    spares_calls: bool = False
    """Whether what a model says in the arguments of its calls stays, and is only told: a tool works with it."""
    reading: Reading = ONE_BY_ONE
    """How it reads the sentences of a pair checker."""

    @property
    def is_enforced(self) -> bool:
        """Whether the decision changes the text."""
        return self.enforcement is Enforcement.ENFORCE

    @property
    def is_gating(self) -> bool:
        """Whether text waits for this rule in strict mode: it is enforced and blocks or redacts."""
        return self.is_enforced and self.action >= Action.REDACT


@dataclass(frozen=True, slots=True)
class ScannerPlan:
    """A pattern scanner and the rules that read it, in policy order."""

    detector: PatternScanner
    rules: tuple[RulePlan, ...]


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """A batch detector and the rules that read it, in policy order."""

    index: int
    detector: BatchDetector
    rules: tuple[RulePlan, ...]
    sentence_tokens: int = 0
    """For a pair checker, which is given whole sentences: the longest one, in estimated word pieces."""
    item_tokens: int = 0
    """About how many tokens it reads for one of them; 0: those of the segment."""

    @property
    def is_pair_checker(self) -> bool:
        """Whether it is given whole sentences, with a context."""
        return self.sentence_tokens > 0

    @classmethod
    def of(cls, index: int, detector: BatchDetector, rules: tuple[RulePlan, ...] = ()) -> BatchPlan:
        """The plan of a detector, whatever its kind."""
        if isinstance(detector, PairChecker):
            return cls(index, detector, rules, detector.sentence_tokens, detector.pair_tokens)
        return cls(index, detector, rules)


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """The policy's `stream:` section.

    `max_hold_ms` is how long text may wait for a batch detector; `max_held_chars` is how much text a lane may hold
    before its sender has to wait; `max_segment_tokens` bounds a segment (estimated word pieces), and short sentences
    are gathered into one of `min_segment_tokens`. `tool_calls` is None where the policy does not say.
    """

    mode: Mode
    max_hold_ms: int
    max_held_chars: int
    max_segment_tokens: int
    min_segment_tokens: int = 0
    tool_calls: ToolCalls | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """Which streams take a policy: every stated condition must hold; an empty one always does."""

    directions: frozenset[Direction] = frozenset()
    labels: tuple[tuple[str, str], ...] = ()
    tenants: frozenset[str] = frozenset()

    def accepts(self, direction: Direction, labels: Mapping[str, str], tenant: str) -> bool:
        """Whether a stream with these facts takes the policy."""
        return (
            (not self.directions or direction in self.directions)
            and (not self.tenants or tenant in self.tenants)
            and all(labels.get(key) == value for key, value in self.labels)
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """One policy, compiled."""

    name: str
    version: str
    digest: str
    owner: str
    match: Match
    stream: StreamSettings
    rules: tuple[RulePlan, ...]
    scanners: tuple[ScannerPlan, ...]
    batches: tuple[BatchPlan, ...]
    order: int = 0
    """Policies are tried by order, lowest first, then by name."""

    @property
    def reads_context(self) -> bool:
        """Whether answers are compared with what the caller supplies."""
        return any(batch.is_pair_checker for batch in self.batches)

    @property
    def reads_one_way(self) -> bool:
        """Whether all batch detectors are given the same: segments, or sentences."""
        return len({batch.is_pair_checker for batch in self.batches}) <= 1

    @property
    def stops_when_late(self) -> bool:
        """Whether text is stopped when a model does not look at it in time."""
        return any(
            rule.is_gating and rule.on_error is FailMode.FAIL_CLOSED for batch in self.batches for rule in batch.rules
        )

    @property
    def holds_calls(self) -> bool:
        """Whether a model's calls of tools leave whole and judged, or not at all: where a rule may block them.

        The policy may say so, or that they stream. Where no rule changes text there is nothing to wait for.
        """
        if self.stream.tool_calls is None:
            return bool(self.blocking)
        return self.stream.tool_calls is ToolCalls.WHOLE and any(rule.is_gating for rule in self.rules)

    @property
    def blocking(self) -> tuple[RulePlan, ...]:
        """The rules that may stop text."""
        return tuple(rule for rule in self.rules if rule.is_enforced and rule.action is Action.BLOCK)

    @property
    def stand_in_rules(self) -> tuple[RulePlan, ...]:
        """The rules that give stand-ins for values."""
        return tuple(rule for rule in self.rules if rule.is_enforced and rule.stand_in is not None)

    @property
    def redacts(self) -> bool:
        """Whether any rule may rewrite text."""
        return any(rule.is_enforced and rule.action is Action.REDACT for rule in self.rules)
