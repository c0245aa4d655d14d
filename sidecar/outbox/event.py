"""The events: what Tidegate tells a security team, as plain values; `builders` makes them.

Six kinds: a **violation** for each decision of a rule, a **decision** for each stream at its end, a **fault** when
something that should have looked at text did not, or when events were lost, a **policy** event when another policy is
in force, or one was refused, a **drift** event when what an application is asked, or answers, has moved, a
**checkpoint** that signs what came before it, and a **label**, which the service never makes: what a person says of one
of the others (`labels`). Their fields are the published contract (`docs/events.md`, `schema/*.json`); fields are only
ever added.

An event has its id from the moment it is built, and gets its producer, sequence number and time of publication from
the outbox and the encoder. It holds no checked text (law 8): of a matched text only its shape, and a keyed hash if a
key is set, unless a rule's `evidence` says otherwise. What the application itself says of a stream (ids, labels,
attributes) is recorded as it was said.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, field

from sidecar.values import (
    ActionName,
    CanarySide,
    Channel,
    Direction,
    Enforcement,
    EvidenceLevel,
    HowEnded,
    Part,
    Severity,
    SeverityName,
)

EXCERPT_LIMIT_CHARS = 64
"""How much of a matched text's shape is recorded."""


class Kind(StrEnum):
    """What an event tells. Each kind has its CloudEvents type, its schema and its topic."""

    VIOLATION = "violation"
    DECISION = "decision"
    FAULT = "fault"
    POLICY = "policy"
    CHECKPOINT = "checkpoint"
    LABEL = "label"
    DRIFT = "drift"


class Verdict(StrEnum):
    """What a person says of an event."""

    TRUE_POSITIVE = "true_positive"
    """What the rule found is what it looks for."""
    FALSE_POSITIVE = "false_positive"
    """It is not: a false alarm."""
    MISSED = "missed"
    """The stream holds something that the rule should have found, and did not."""
    CLEAN = "clean"
    """The stream was read, and holds nothing that the rule should have found beyond what it did."""
    UNSURE = "unsure"
    """Nobody can tell; takes back what its author said before."""


OF_STREAMS = frozenset({Verdict.MISSED, Verdict.CLEAN})
"""The verdicts that say something of a rule's silence, and so name the rule."""


class PolicyStep(StrEnum):
    """What became of a policy."""

    LOADED = "loaded"
    """It is in force from now on."""
    REMOVED = "removed"
    """It is in force no more, and no other content of its name is."""
    REFUSED = "refused"
    """It could not be used; what was in force before still is."""
    ROLLED_BACK = "rolled_back"
    """It is in force again: an older version than that of before."""
    CANARY_STOPPED = "canary_stopped"
    """Its canary left the band that it states: all streams are on the stable side from now on."""


POLICY_SEVERITIES: Mapping[PolicyStep, Severity] = {
    PolicyStep.LOADED: Severity.INFO,
    PolicyStep.REMOVED: Severity.LOW,
    PolicyStep.REFUSED: Severity.HIGH,
    PolicyStep.ROLLED_BACK: Severity.MEDIUM,
    PolicyStep.CANARY_STOPPED: Severity.HIGH,
}


class Movement(StrEnum):
    """What became of a signal that is watched for drift."""

    MOVED = "moved"
    """Its window differs from its reference."""
    SETTLED = "settled"
    """It is for a while what it was."""


MOVEMENT_SEVERITIES: Mapping[Movement, Severity] = {
    Movement.MOVED: Severity.MEDIUM,
    Movement.SETTLED: Severity.INFO,
}


class FaultKind(StrEnum):
    """What went wrong."""

    DETECTOR_FAILED = "detector_failed"
    DETECTOR_LATE = "detector_late"
    LOAD_SHED = "load_shed"
    POLICY_REFUSED = "policy_refused"
    EVENTS_LOST = "events_lost"
    UNSCANNED = "unscanned"
    """A request or an answer passed that nobody looked at, as the settings have it."""
    UNAVAILABLE = "unavailable"
    """An application found no service, and held back what it had to check."""
    TOOL_CHANGED = "tool_changed"
    """A tool is defined otherwise than when its definition was pinned."""
    TOOL_SHADOWED = "tool_shadowed"
    """A server offers a tool under a name that another server's has."""


FAULT_SEVERITIES: Mapping[FaultKind, Severity] = {
    FaultKind.DETECTOR_FAILED: Severity.HIGH,
    FaultKind.DETECTOR_LATE: Severity.MEDIUM,
    FaultKind.LOAD_SHED: Severity.MEDIUM,
    FaultKind.POLICY_REFUSED: Severity.HIGH,
    FaultKind.EVENTS_LOST: Severity.CRITICAL,
    FaultKind.UNSCANNED: Severity.MEDIUM,
    FaultKind.UNAVAILABLE: Severity.MEDIUM,
    FaultKind.TOOL_CHANGED: Severity.HIGH,
    FaultKind.TOOL_SHADOWED: Severity.MEDIUM,
}
Count = Annotated[int, Meta(ge=0)]
Score = Annotated[float, Meta(ge=0, le=1)]
Milliseconds = Annotated[float, Meta(ge=0)]
Timestamp = Annotated[str, Meta(description="RFC 3339, UTC", pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
EventId = Annotated[
    str,
    Meta(description="UUIDv7", pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"),
]


Sha256 = Annotated[str, Meta(description="SHA-256, in hexadecimal", pattern=r"^([0-9a-f]{64})?$")]


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A part of an event: what is unknown or empty is left out of the JSON."""


class Ids(_Part, frozen=True):
    """Who says it, and of what. `sequence` counts a producer's events from 1 without a gap; `event` tells repeats.

    `hash` is that of this event, `previous` that of the producer's event before; `replaces` is that of the event which
    was lost under this number, and of which this one tells (`sidecar.outbox.chain`).
    """

    event: EventId
    producer: str
    sequence: Count
    stream: str = ""
    session: str = ""
    tenant: str = ""
    request: str = ""
    trace: str = ""
    previous: Sha256 = ""
    hash: Sha256 = ""
    replaces: Sha256 = ""


class Times(_Part, frozen=True):
    """When it happened, and when it was handed to the sink (a repeat has a later one)."""

    occurred: Timestamp
    published: Timestamp | None = None


class PolicyRef(_Part, frozen=True):
    """The policy a stream was held to; `digest` names its exact content."""

    name: str
    version: str
    digest: str


class RuleRef(_Part, frozen=True):
    """The rule that decided, in its policy."""

    name: str
    version: str
    digest: str
    rule: str
    severity: SeverityName
    enforcement: Enforcement
    action: ActionName


class DetectorRef(_Part, frozen=True):
    """Who found it, run by which `version` of Tidegate. A finding counts from `threshold` on."""

    name: str
    model: str = ""
    version: str = ""
    label: str = ""
    score: Score | None = None
    threshold: Score | None = None
    reason: str = ""


class Span(_Part, frozen=True):
    """A half-open interval of one lane's original text."""

    start: Count
    end: Count
    unit: Literal["code_point"]


class Where(_Part, frozen=True):
    """Which text of the stream, and where in it. `segment` is unique within the stream."""

    direction: Direction
    part: Part
    choice: Count
    channel: Channel
    span: Span
    segment: Count | None = None


class ExposureRef(_Part, frozen=True):
    """How far text had left when the decision took effect.

    `leaked_chars` of the span left although an enforced rule redacts or blocks them (strict mode: always 0; what shadow
    or a remark lets pass is no leak); its start was held for `held_ms`.
    """

    released_to: Count
    leaked_chars: Count
    held_ms: Milliseconds


class Coverage(_Part, frozen=True):
    """How many characters were looked at, how many were not, and why not."""

    scanned: Count
    unscanned: Count
    reason: str = ""


class LaneRef(_Part, frozen=True):
    """One text of a stream."""

    part: Part
    choice: Count
    channel: Channel


class LaneCoverage(_Part, frozen=True):
    """How much of one text of a stream came in, went out, and was not looked at by some detector."""

    lane: LaneRef
    received_chars: Count
    released_chars: Count
    unscanned_chars: Count
    reasons: tuple[str, ...] = ()


class Evidence(_Part, frozen=True):
    """What was found, without showing it: its shape (letters as `a`, digits as `9`) and its keyed hash.

    `hash` is HMAC-SHA256 of the matched text as UTF-8: equal values have equal hashes under one key, named by `key_id`.
    A match too long to be kept whole (over 256 characters) has no hash. `level` says what is kept, if not the shape:
    `masked`, `sealed` (the text, encrypted for the key `sealed_for`, in base64) or `raw` (the text, and for what
    `reason`).
    """

    shape: Annotated[str, Meta(max_length=EXCERPT_LIMIT_CHARS + 1)]
    hash: str = ""
    key_id: str = ""
    level: EvidenceLevel | None = None
    masked: str = ""
    sealed: str = ""
    sealed_for: str = ""
    raw: str = ""
    reason: str = ""


class FailureRef(_Part, frozen=True):
    """Why a detector gave no answer; the decision then follows from the rule's fail mode."""

    kind: Literal["error", "timeout", "shed"]
    reason: str = ""


class TextSpan(_Part, frozen=True):
    """A half-open interval of code points."""

    start: Count
    end: Count


class GroundingRef(_Part, frozen=True):
    """What a sentence of an answer rests on: the passage, by its id, that supports it best, and where in it.

    `support` is higher the better. `unsupported` is what of the sentence is not borne out, in the lane's original text;
    `failed` are the exact checks that failed.
    """

    support: Score
    passage: str = ""
    evidence: TextSpan | None = None
    unsupported: TextSpan | None = None
    failed: tuple[str, ...] = ()


class GroundingSummary(_Part, frozen=True):
    """What became of an answer's sentences that were compared with the context; counts, and shares of 0 to 1.

    `faithfulness` is the share of the checked sentences that are supported, `context_use` that of the passages that
    supported one best, `context_relevance` how much of the prompt's words they hold; `passages_left_out` were past
    a limit.
    """

    supported: Count = 0
    unsupported: Count = 0
    neutral: Count = 0
    unchecked: Count = 0
    unchecked_reasons: dict[str, int] = field(default_factory=dict)
    faithfulness: Score | None = None
    passages: Count = 0
    context_use: Score | None = None
    context_relevance: Score | None = None
    passages_left_out: Count = 0


class RetrievalSummary(_Part, frozen=True):
    """How good a retrieval was, where the application said which passages are relevant; shares of 0 to 1.

    `found` of the `relevant` passages are among the `retrieved`; `recall_at` has the recall of the first 1, 3, 5 and 10
    by that number; `context_precision` is the mean of the precisions up to each relevant passage.
    """

    relevant: Count
    retrieved: Count
    found: Count
    precision: Score
    recall: Score
    context_precision: Score
    recall_at: dict[str, float]


class SessionRef(_Part, frozen=True):
    """How the stream's session stood at its end, where its policy has to do with sessions.

    `risk` has decayed to what it is then; `violations` counts those that add to it. It read `untrusted` text, touched
    `sensitive` data, or `sends` something. While it is stopped, `stopped_by` names the escalation and `stopped_until`
    says until when.
    """

    risk: Annotated[float, Meta(ge=0)] = 0.0
    violations: Count = 0
    untrusted: bool = False
    sensitive: bool = False
    sends: bool = False
    stopped_by: str = ""
    stopped_until: Timestamp | None = None


class TagsRef(_Part, frozen=True):
    """What a finding is in published lists: OWASP's Top 10s, MITRE ATLAS, NIST AI 600-1 and AI RMF; by id."""

    owasp: tuple[str, ...] = ()
    atlas: tuple[str, ...] = ()
    nist: tuple[str, ...] = ()


class App(_Part, frozen=True):
    """What the application said of the stream."""

    model: str = ""
    prompt_version: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)


class Timings(_Part, frozen=True):
    """Where the time went, as far as it was measured."""

    stream_ms: Milliseconds | None = None


class CanaryRef(_Part, frozen=True):
    """On which side of a canary a stream is, and what the other side would have done: both verdicts in one event.

    In a violation: the rule's own canary. In a decision: `policy` is the other version of the policy and `violations`
    are its, by rule, where a whole version is the canary; `sides` tells it of each rule that is one. `would` is the
    strongest action of the other side.
    """

    would: ActionName
    side: CanarySide | None = None
    policy: PolicyRef | None = None
    violations: dict[str, int] = field(default_factory=dict)
    sides: dict[str, str] = field(default_factory=dict)


class UsageRef(_Part, frozen=True):
    """What the answer took, as the provider says in it, or as the application told of it (`counted_by`).

    `input_tokens` is all of the input; `cached_tokens` and `cache_written_tokens` are the parts of it that the
    provider's cache gave, or took. `cost` is by the operator's price table, in `currency`. `first_token_ms` is from
    when the model was asked until the first text of its answer came; `tokens_per_second` is while the answer came.
    """

    counted_by: Literal["provider", "application"] | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cached_tokens: Count | None = None
    cache_written_tokens: Count | None = None
    cost: Annotated[float, Meta(ge=0)] | None = None
    currency: str = ""
    first_token_ms: Milliseconds | None = None
    tokens_per_second: Annotated[float, Meta(ge=0)] | None = None


class Violation(_Part, frozen=True, tag="violation", tag_field="kind"):
    """A finding met a rule. `decided` is what the rule said, `done` what became of the text; shadow parts them."""

    ids: Ids
    time: Times
    policy: RuleRef
    detector: DetectorRef
    where: Where
    exposure: ExposureRef
    decided: ActionName
    done: ActionName
    evidence: Evidence
    app: App
    coverage: Coverage | None = None
    failure: FailureRef | None = None
    grounding: GroundingRef | None = None
    canary: CanaryRef | None = None
    tags: TagsRef | None = None


class StreamDecision(_Part, frozen=True, tag="decision", tag_field="kind"):
    """A stream ended. `done` is the strongest action that was done, `violations` counts by rule (shadow rules too).

    `decided_by` is the first rule whose action `done` is: none where nothing was done, the stream failed, or its
    session is stopped.

    `repeated` counts violations, by rule, in texts that were checked before: they have events from then, and none of
    this stream. `known_texts` and `known_chars` tell how much was not looked at again, since all was known of it; what
    was unscanned of that is in `coverage`, all else of it is not.

    `estimated_output_tokens` tells of an answer that was blocked how many tokens of it left, at four characters each:
    the provider's own count, which comes last, was never read. `first_release_ms` is how long after its start the
    stream's first text left; nothing where none did. `untold` are those of the violations, by rule, that have no event
    of their own, because one rule found too many. `restored` counts the stand-ins in an answer that gave way to what
    they stood for. `session` tells how its session stood, `usage` what the answer took.
    """

    ids: Ids
    time: Times
    policy: PolicyRef
    direction: Direction
    ended: HowEnded
    done: ActionName
    violations: dict[str, int]
    leaked_chars: Count
    max_held_chars: Count
    max_held_ms: Milliseconds
    median_held_ms: Milliseconds
    coverage: tuple[LaneCoverage, ...]
    app: App
    timings: Timings | None = None
    grounding: GroundingSummary | None = None
    estimated_output_tokens: Count | None = None
    repeated: dict[str, int] = field(default_factory=dict)
    known_texts: Count = 0
    known_chars: Count = 0
    first_release_ms: Milliseconds | None = None
    untold: dict[str, int] = field(default_factory=dict)
    restored: Count = 0
    session: SessionRef | None = None
    canary: CanaryRef | None = None
    usage: UsageRef | None = None
    retrieval: RetrievalSummary | None = None
    decided_by: str = ""


class Fault(_Part, frozen=True, tag="fault", tag_field="kind"):
    """Something did not work as it should. `lost` counts lost events by severity (`fault` is `events_lost`)."""

    ids: Ids
    time: Times
    severity: SeverityName
    fault: FaultKind
    what: str
    count: Count
    reason: str = ""
    lost: dict[str, int] = field(default_factory=dict)
    policy: PolicyRef | None = None
    app: App | None = None


class BundleRef(_Part, frozen=True):
    """The bundle that brought a policy; `digest` names its exact content."""

    name: str
    version: str
    digest: str


class CanaryRates(_Part, frozen=True):
    """How a canary went until it was stopped: `rates` are shares of the last `streams` streams of its side.

    `rule` is the rule that is the canary; without one the whole version is.
    """

    streams: Count
    rates: dict[str, float]
    rule: str = ""
    percent: float = 0.0


class PolicyChange(_Part, frozen=True, tag="policy", tag_field="kind"):
    """What became of a policy. `former` was in force before; `source` is where it came from: a file, or a bundle's.

    `what` is the policy's name, or of what was refused the file's or the bundle's.
    """

    ids: Ids
    time: Times
    severity: SeverityName
    step: PolicyStep
    what: str
    policy: PolicyRef | None = None
    former: PolicyRef | None = None
    source: str = ""
    bundle: BundleRef | None = None
    reason: str = ""
    canary: CanaryRates | None = None


class Checkpoint(_Part, frozen=True, tag="checkpoint", tag_field="kind"):
    """What came before it, from the number `since` on, is as it was recorded: `signature` says so.

    `signature` is Ed25519 over a context and `ids.hash`, in base64, by the key `key_id`. `replaced` are numbers whose
    events are lost, and under which another event tells of that, as far as no checkpoint before has them. `final` is
    the last of a process that ended as it should.
    """

    ids: Ids
    time: Times
    since: Count
    replaced: tuple[int, ...] = ()
    final: bool = False
    key_id: str = ""
    signature: str = ""


class Label(_Part, frozen=True, tag="label", tag_field="kind"):
    """What a person (`by`) says of another event, of which `event` is the id.

    `rule` (or `policy/rule`) and `label` name what was missed, or what a stream is clean of; of a violation its event
    names them. `note` is the author's own words: whoever writes them keeps checked text out.
    """

    ids: Ids
    time: Times
    event: EventId
    verdict: Verdict
    by: str
    note: str = ""
    rule: str = ""
    label: str = ""


class ShareRef(_Part, frozen=True):
    """How often a category came: its share of the reference's streams, and of the window's."""

    name: str
    reference: Score
    window: Score


class Drift(_Part, frozen=True, tag="drift", tag_field="kind"):
    """The streams of one app, tenant and prompt version are not what they were, or are again.

    `signal` says in what: `topics`, `embedding`, `faithfulness`, `stopped`, `violations`, or `scores.` and a detector.
    `distance` is the population stability index of the shares, or of `embedding` the distance of the centroids. While
    nothing changes, at most this `chance` of windows differ in any signal. `changes` are the categories that changed
    most.
    """

    ids: Ids
    time: Times
    severity: SeverityName
    movement: Movement
    signal: str
    direction: Direction
    distance: Annotated[float, Meta(ge=0)]
    chance: Score
    reference_streams: Count
    window_streams: Count
    is_pinned: bool = False
    changes: tuple[ShareRef, ...] = ()
    app: App | None = None


Data: TypeAlias = Violation | StreamDecision | Fault | PolicyChange | Checkpoint | Label | Drift
DATA_TYPES: Mapping[Kind, type[Data]] = {
    Kind.VIOLATION: Violation,
    Kind.DECISION: StreamDecision,
    Kind.FAULT: Fault,
    Kind.POLICY: PolicyChange,
    Kind.CHECKPOINT: Checkpoint,
    Kind.LABEL: Label,
    Kind.DRIFT: Drift,
}


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One thing to record. `key` keeps order (one session, one key), `subject` is what it is about, `data` is sent."""

    severity: Severity
    key: str
    subject: str
    data: Data
    traceparent: str = ""

    @property
    def id(self) -> str:
        """The event's own id, by which a consumer drops repeats."""
        return self.data.ids.event

    @property
    def kind(self) -> Kind:
        """Which of the kinds it is."""
        return kind_of(self.data)


def kind_of(data: Data) -> Kind:
    """Which kind of event this is the data of."""
    match data:
        case Violation():
            return Kind.VIOLATION
        case StreamDecision():
            return Kind.DECISION
        case Fault():
            return Kind.FAULT
        case PolicyChange():
            return Kind.POLICY
        case Checkpoint():
            return Kind.CHECKPOINT
        case Label():
            return Kind.LABEL
        case Drift():
            return Kind.DRIFT


def severity_of(data: Data) -> Severity:
    """How much an event matters: a violation as its rule says; a stream with violations more than one without."""
    match data:
        case Violation():
            return Severity.of(data.policy.severity)
        case StreamDecision():
            return Severity.LOW if data.violations or data.repeated else Severity.INFO
        case Fault() | PolicyChange() | Drift():
            return Severity.of(data.severity)
        case Checkpoint() | Label():
            return Severity.INFO
