"""A compiled policy: everything a stream needs, resolved once and never changed.

A stream takes the plan that is current when it starts and keeps it (law 6). Rules stand in the policy's order, and a
rule is named by its index; `digest` names the policy's exact content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import TypeVar

from detectors.base import (
    EVERYTHING,
    ONE_BY_ONE,
    BatchDetector,
    PairChecker,
    PatternScanner,
    Reading,
    Reads,
    reads_calls,
)
from sidecar.policy.conditions import Terms
from sidecar.policy.facts import Match, StreamFacts
from sidecar.policy.judging import Escalation
from sidecar.policy.requirement import Requirement
from sidecar.policy.schema.base import DEFAULT_POLICY
from sidecar.policy.sessions import SessionCondition, SessionSettings
from sidecar.policy.trial import Trial
from sidecar.values import (
    Action,
    CanarySide,
    Channel,
    Enforcement,
    EvidenceLevel,
    FailMode,
    InHistory,
    Lane,
    Mode,
    Part,
    SessionMark,
    Severity,
    ToolCalls,
)
from sidecar.wording.languages import Language, chosen

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
class Replacement:
    """How one label of a rule is replaced."""

    rewrite: Rewrite
    is_reversible: bool = False


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
    """What a detector that failed counts as."""
    on_timeout: FailMode
    """What an answer that came too late, or was not asked for because it would, counts as."""
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What the rule itself says of published lists (`taxonomy`)."""
    message: str | None = ""
    """The text that stands in for a blocked answer; may be empty. None: a default, with the stream's id to quote."""
    translations: Mapping[str, str] = field(default_factory=dict)
    """The same by language, for readers that say which is theirs."""
    in_history: InHistory = InHistory.WITHHOLD
    """What becomes of a text of a request's history that it blocks, where the caller tells which that is."""
    advice: str = ""
    """What the model is told, where `action` is advise."""
    in_its_place: str = ""
    """The sentence that stands in for a text which is withheld."""
    rewrite: Rewrite | None = None
    """Set when `action` is redact."""
    by_label: Mapping[str, Replacement] = field(default_factory=dict)
    """What is done otherwise to labels, in place of `rewrite` and `stand_in`."""
    is_reversible: bool = False
    """Whether what stands in is to be put back: then it stands in for the value alone, wherever that stands."""
    stand_in: StandIn | None = None
    """What a request is given in place of what `rewrite` makes."""
    spares_calls: bool = False
    """Whether what a model says in the arguments of its calls stays, and is only told: a tool works with it."""
    reading: Reading = ONE_BY_ONE
    """How it reads the sentences of a pair checker."""
    reads: Reads = EVERYTHING
    canary: Trial | None = None
    """On which streams it is enforced; on the others it is in shadow. None: the same on all."""
    side: CanarySide | None = None
    """Of a canary: on which side the stream is that this plan is for."""
    evidence: EvidenceLevel | None = None
    """What its events keep of a matched text; None: what the settings say."""
    evidence_reason: str = ""
    """Why they keep that."""
    is_others: bool = False
    """Whether it is of the other version of the policy, and only says what that would do."""
    risk: float = 0.0
    """What a violation adds to its session's risk; 0: it counts for nothing there."""
    marks: frozenset[SessionMark] = frozenset()
    """What a violation says of its session."""
    session: SessionCondition | None = None
    """The sessions in which it acts; None: any."""
    terms: Terms | None = None
    """What it asks of a finding beyond its threshold."""
    requires: Requirement | None = None
    """What else must stand before a finding, or with it; None: nothing."""
    is_counted: bool = False
    """Whether what a rule requires depends on what this one finds: a place is only settled once that is known."""
    judge: Escalation | None = None
    """What it leaves to a judge; it then reads its detector alone, so that no other rule waits."""
    bands: tuple[tuple[float, Severity], ...] = ()
    """The severities by least score, lowest first; none: it is always `severity`, which is the highest else."""

    def severity_of(self, score: float) -> Severity:
        """How much a violation with this score matters."""
        return next((severity for least, severity in reversed(self.bands) if score >= least), self.severity)

    @property
    def is_telling(self) -> bool:
        """Whether a violation says something of its session."""
        return bool(self.risk or self.marks)

    def is_reading(self, part: Part, channel: Channel) -> bool:
        """Whether it reads a text of these."""
        return part in self.reads.parts and channel in self.reads.channels

    @property
    def is_enforced(self) -> bool:
        """Whether the decision changes the text."""
        return self.enforcement is Enforcement.ENFORCE

    @property
    def is_gating(self) -> bool:
        """Whether text waits for this rule in strict mode: it is enforced and blocks or redacts."""
        return self.is_enforced and self.action >= Action.REDACT

    @property
    def is_awaited(self) -> bool:
        """Whether text waits for what it reads in strict mode: it is gating, or what it finds is counted."""
        return self.is_gating or self.is_counted

    @property
    def is_conditional(self) -> bool:
        """Whether a finding is a violation only if something came before, which is certain later."""
        return self.session is not None or self.requires is not None


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
    def is_gating(self) -> bool:
        """Whether text waits for one of its rules. What cannot stop text makes nothing late that can."""
        return not self.rules or any(rule.is_awaited for rule in self.rules)

    @property
    def stops_when_late(self) -> bool:
        """Whether a stream ends when the detector does not look at some of its text in time."""
        return any(rule.is_gating and rule.on_timeout is FailMode.FAIL_CLOSED for rule in self.rules)

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


_Run = TypeVar("_Run", ScannerPlan, BatchPlan)


@dataclass(frozen=True, slots=True)
class Readers:
    """What reads one text: of each scanner and batch detector, the rules that read it. Others are not run for it."""

    scanners: tuple[ScannerPlan, ...]
    batches: tuple[BatchPlan, ...]
    gating: frozenset[int]
    """The batch detectors that a rule reads which changes text, or is counted where one does."""
    stopping: tuple[RulePlan, ...] = ()
    """The rules that may stop it, or have it withheld."""

    @property
    def is_nobody(self) -> bool:
        """Whether no rule reads it."""
        return not (self.scanners or self.batches)

    def batch(self, index: int) -> BatchPlan:
        """The batch detector of an index, which is one of these."""
        return next(each for each in self.batches if each.index == index)


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person is told whose prompt was redacted: as the answer's last paragraph, or beside it."""

    text: str
    is_paragraph: bool
    translations: Mapping[str, str] = field(default_factory=dict)

    def said_in(self, languages: Sequence[str]) -> Notice:
        """The notice for a reader of these languages."""
        return Notice(chosen(self.text, self.translations, languages), self.is_paragraph)


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """The policy's `stream:` section.

    `max_hold_ms` is how long text may wait for a batch detector; `max_held_chars` is how much text a lane may hold
    before its sender has to wait; `max_segment_tokens` bounds a segment (estimated word pieces), and short sentences
    are gathered into one of `min_segment_tokens`. Beginnings of segments are read early after `early_tokens`, and then
    every `early_every_tokens` (0: no more). `pace_ms` is over how much time cleared text may leave. `tool_calls`
    is None where the policy does not say, `notice` where nobody is told.
    """

    mode: Mode
    max_hold_ms: int
    max_held_chars: int
    max_segment_tokens: int
    min_segment_tokens: int = 0
    pace_ms: int = 0
    tool_calls: ToolCalls | None = None
    notice: Notice | None = None
    early_tokens: tuple[int, ...] = ()
    early_every_tokens: int = 0


_CALLS = (Part.MODEL, Channel.TOOL_ARGUMENTS)


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
    language: Language = Language.EN
    """In which people are told things."""
    order: int = 0
    """Policies are tried by order, lowest first, then by name."""
    canaries: tuple[int, ...] = ()
    """The rules that are canaries."""
    rollout: Trial | None = None
    """On which streams of the version `replaces` it is tried, where it is."""
    replaces: str = ""
    successor: Plan | None = None
    """The version that is tried on a part of its streams."""
    side: CanarySide | None = None
    """Where a version is tried: which of the two this is, for the stream that this plan is for."""
    other: Plan | None = None
    """The other one. Its rules stand behind this one's own, in shadow."""
    sides: dict[tuple[frozenset[int], str], Plan] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What `policy.canary` made of it for streams on either side."""
    session: SessionSettings = field(default_factory=SessionSettings)
    stoppers: tuple[RulePlan, ...] = ()
    """The rules that stop a session, numbered behind `rules`. They read nothing until one is stopped."""
    _readers: dict[tuple[Part, Channel], Readers] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was answered before."""
    all_rules: tuple[RulePlan, ...] = field(init=False, repr=False, compare=False)
    """Its rules, and those that stop a session."""
    counts_sessions: bool = field(init=False, repr=False, compare=False)
    """Whether it matters what a stream's session did, or does."""
    reads_context: bool = field(init=False, repr=False, compare=False)
    """Whether answers are compared with what the caller supplies."""
    reads_one_way: bool = field(init=False, repr=False, compare=False)
    """Whether all batch detectors are given the same: segments, or sentences."""
    stops_when_late: bool = field(init=False, repr=False, compare=False)
    """Whether text is stopped when a model does not look at it in time."""
    gating_calls: tuple[RulePlan, ...] = field(init=False, repr=False, compare=False)
    """The rules that may change or stop what a model hands to a tool."""
    holds_calls: bool = field(init=False, repr=False, compare=False)
    """Whether a model's calls of tools leave whole and judged, or not at all: where a rule may block them."""
    judges_calls: bool = field(init=False, repr=False, compare=False)
    """Whether a rule judges calls of tools by more than their text: by what they call, or whole."""
    stand_in_rules: tuple[RulePlan, ...] = field(init=False, repr=False, compare=False)
    """The rules that give stand-ins for values."""
    redacts: bool = field(init=False, repr=False, compare=False)
    """Whether any rule may rewrite text."""

    def __post_init__(self) -> None:
        """Work out once what each stream asks."""
        put, rules, batches = partial(object.__setattr__, self), self.rules, self.batches
        told = any(rule.is_telling or rule.session is not None for rule in rules)
        put("all_rules", (*rules, *self.stoppers))
        put("counts_sessions", told or bool(self.session.untrusted or self.session.escalations))
        put("reads_context", any(each.is_pair_checker for each in batches))
        put("reads_one_way", len({each.is_pair_checker for each in batches}) <= 1)
        put("stops_when_late", any(each.stops_when_late for each in batches))
        put("gating_calls", tuple(each for each in rules if each.is_gating and each.is_reading(*_CALLS)))
        put("holds_calls", self._holds_calls())
        put("judges_calls", self._judges_calls())
        put("stand_in_rules", tuple(each for each in rules if each.is_enforced and each.stand_in is not None))
        put("redacts", any(each.is_enforced and each.action is Action.REDACT for each in rules))

    def _holds_calls(self) -> bool:
        """The policy may say so, or that they stream. Where no rule changes text there is nothing to wait for."""
        if self.stream.tool_calls is None:
            return any(rule.action >= Action.WITHHOLD for rule in self.gating_calls)
        return self.stream.tool_calls is ToolCalls.WHOLE and bool(self.gating_calls)

    def _judges_calls(self) -> bool:
        is_asked = any(rule.terms is not None and rule.terms.ask_of_tools for rule in self.rules)
        return is_asked or any(reads_calls(each.detector) for each in self.scanners)

    def readers(self, lane: Lane) -> Readers:
        """What reads a lane's text."""
        key = (lane.part, lane.channel)
        found = self._readers.get(key)
        if found is None:
            found = self._readers[key] = self._readers_of(*key)
        return found

    def _readers_of(self, part: Part, channel: Channel) -> Readers:
        def read(plans: Iterable[_Run]) -> Iterator[_Run]:
            for each in plans:
                rules = tuple(rule for rule in each.rules if rule.is_reading(part, channel))
                if rules or not each.rules:
                    yield replace(each, rules=rules)

        is_answer = (part, channel) == (Part.MODEL, Channel.CONTENT)
        batches = tuple(each for each in read(self.batches) if is_answer or not each.is_pair_checker)
        gating = frozenset(each.index for each in batches if any(rule.is_awaited for rule in each.rules))
        scanners = tuple(read(self.scanners))
        rules = [*chain.from_iterable(each.rules for each in scanners)]
        rules += chain.from_iterable(each.rules for each in batches)
        stopping = tuple(rule for rule in rules if rule.is_enforced and rule.action >= Action.WITHHOLD)
        return Readers(scanners, batches, gating, stopping)

    @property
    def is_strict(self) -> bool:
        """Whether text waits for its verdicts."""
        return self.stream.mode is Mode.STRICT


def in_order(plans: Iterable[Plan]) -> tuple[Plan, ...]:
    """Policies in the order in which they are tried: by order, then by name, and the default one last."""
    return tuple(sorted(plans, key=lambda plan: (plan.name == DEFAULT_POLICY, plan.order, plan.name)))


def taker(ordered: Iterable[Plan], facts: StreamFacts) -> Plan | None:
    """The first policy that takes a stream by its facts; None where nobody does."""
    return next((plan for plan in ordered if plan.match.accepts(facts)), None)
