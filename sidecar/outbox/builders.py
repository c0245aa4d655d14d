"""Builds events: what a decision, the end of a stream, or a fault tells a security team."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import field

from detectors.types import Grounding
from sidecar.outbox.event import (
    FAULT_SEVERITIES,
    MOVEMENT_SEVERITIES,
    POLICY_SEVERITIES,
    App,
    BundleRef,
    CanaryRates,
    CanaryRef,
    Coverage,
    Data,
    DetectorRef,
    Drift,
    Event,
    Evidence,
    ExposureRef,
    FailureRef,
    Fault,
    FaultKind,
    GroundingRef,
    GroundingSummary,
    Ids,
    LaneCoverage,
    LaneRef,
    Movement,
    PolicyChange,
    PolicyRef,
    PolicyStep,
    RetrievalSummary,
    RuleRef,
    SessionRef,
    ShareRef,
    Span,
    StreamDecision,
    TagsRef,
    TextSpan,
    Times,
    Timings,
    UsageRef,
    Violation,
    Where,
    severity_of,
)
from sidecar.outbox.evidence import Keeping
from sidecar.policy.canary import would
from sidecar.policy.plan import Plan, RulePlan
from sidecar.policy.taxonomy import tags_of
from sidecar.usage import Spent
from sidecar.values import (
    Action,
    Decision,
    Direction,
    Failed,
    GroundingTally,
    HowEnded,
    Lane,
    SessionMark,
    SessionStanding,
    Severity,
    Standing,
)
from sidecar.version import tidegate_version

_VERSION = tidegate_version()
TEXT_LIMIT_CHARS = 256
"""The longest id, label or reason that is recorded; longer ones are cut."""
LABELS_LIMIT = 64
"""How many labels, and how many attributes, are recorded."""


SHAPES = Keeping()
"""Only shapes, as there is no key."""


class StreamInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a stream when it starts; each of its events repeats it. `trace` is a W3C `traceparent`."""

    stream_id: str
    direction: Direction
    policy: str
    policy_version: str
    policy_digest: str
    tenant: str = ""
    session_id: str = ""
    request_id: str = ""
    trace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    prompt_version: str = ""


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a stream went, for its decision event.

    `violations` counts by rule id; `repeated` are those told before, `untold` those without an event.
    """

    ended: HowEnded
    done: Action
    duration_ms: float
    violations: Mapping[str, int] = field(default_factory=dict)
    repeated: Mapping[str, int] = field(default_factory=dict)
    known_texts: int = 0
    known_chars: int = 0
    coverage: Sequence[LaneCoverage] = ()
    leaked_chars: int = 0
    max_held_chars: int = 0
    max_held_ms: float = 0.0
    median_held_ms: float = 0.0
    grounding: GroundingSummary | None = None
    estimated_output_tokens: int | None = None
    first_release_ms: float | None = None
    untold: Mapping[str, int] = field(default_factory=dict)
    restored: int = 0
    decided_by: str = ""
    session: SessionRef | None = None
    canary: CanaryRef | None = None
    usage: UsageRef | None = None
    retrieval: RetrievalSummary | None = None


def violation_event(
    info: StreamInfo,
    plan: Plan,
    decision: Decision,
    occurred: float,
    *,
    keeping: Keeping = SHAPES,
    coverage: Coverage | None = None,
) -> Event:
    """The record of one decision. `occurred` is Unix time in seconds."""
    rule = plan.rules[decision.rule]
    ids = _ids(info, occurred)
    data = Violation(
        ids=ids,
        time=Times(occurred=timestamp(occurred)),
        policy=_rule_ref(plan, rule, decision),
        detector=_detector_ref(rule, decision),
        where=_where(info.direction, decision),
        exposure=ExposureRef(
            released_to=decision.exposure.released_to,
            leaked_chars=decision.leaked_chars,
            held_ms=_milliseconds(decision.exposure.held_ms),
        ),
        decided=decision.decided.word,
        done=decision.done.word,
        evidence=_evidence(rule, decision, keeping, ids.event),
        app=_app(info),
        coverage=coverage or _coverage_of_failure(decision),
        failure=_failure_ref(decision.failure),
        grounding=_grounding_ref(decision.finding.grounding),
        canary=_canary_ref(rule, decision),
        tags=_tags_ref(rule, decision),
    )
    return _stream_event(info, data)


def decision_event(info: StreamInfo, ending: Ending, occurred: float) -> Event:
    """The record of one stream, at its end. `occurred` is Unix time in seconds."""
    data = StreamDecision(
        ids=_ids(info, occurred),
        time=Times(occurred=timestamp(occurred)),
        policy=_policy_ref(info),
        direction=info.direction,
        ended=ending.ended,
        done=ending.done.word,
        violations=dict(ending.violations),
        repeated=dict(ending.repeated),
        known_texts=ending.known_texts,
        known_chars=ending.known_chars,
        leaked_chars=ending.leaked_chars,
        max_held_chars=ending.max_held_chars,
        max_held_ms=_milliseconds(ending.max_held_ms),
        median_held_ms=_milliseconds(ending.median_held_ms),
        coverage=tuple(ending.coverage),
        app=_app(info),
        timings=Timings(stream_ms=_milliseconds(ending.duration_ms)),
        grounding=ending.grounding,
        estimated_output_tokens=ending.estimated_output_tokens,
        first_release_ms=None if ending.first_release_ms is None else _milliseconds(ending.first_release_ms),
        untold=dict(ending.untold),
        restored=ending.restored,
        decided_by=ending.decided_by,
        session=ending.session,
        canary=ending.canary,
        usage=ending.usage,
        retrieval=ending.retrieval,
    )
    return _stream_event(info, data)


def fault_event(
    fault: FaultKind,
    what: str,
    occurred: float,
    *,
    info: StreamInfo | None = None,
    reason: str = "",
    count: int = 1,
    lost: Mapping[Severity, int] | None = None,
) -> Event:
    """The record of a fault. `what` names what failed: a detector, a policy's file name, the outbox.

    `reason` must not hold checked text: give an error's type, not its message, when the message may quote its input.
    """
    severity = FAULT_SEVERITIES[fault]
    data = Fault(
        ids=_ids(info, occurred) if info else Ids(event=uuid7(occurred), producer="", sequence=0),
        time=Times(occurred=timestamp(occurred)),
        severity=severity.word,
        fault=fault,
        what=_text(what),
        count=count,
        reason=_text(reason),
        lost={level.word: number for level, number in sorted((lost or {}).items()) if number},
        policy=_policy_ref(info) if info else None,
        app=_app(info) if info else None,
    )
    return Event(
        severity=severity,
        key=session_key(info) if info else "",
        subject=data.what,
        data=data,
        traceparent=_traceparent(info.trace) if info else "",
    )


def policy_event(
    step: PolicyStep,
    what: str,
    occurred: float,
    *,
    plan: Plan | None = None,
    former: Plan | None = None,
    source: str = "",
    bundle: BundleRef | None = None,
    reason: str = "",
    canary: CanaryRates | None = None,
) -> Event:
    """The record of what became of a policy. `what` is its name, or that of a file or a bundle that was refused."""
    severity = POLICY_SEVERITIES[step]
    data = PolicyChange(
        ids=Ids(event=uuid7(occurred), producer="", sequence=0),
        time=Times(occurred=timestamp(occurred)),
        severity=severity.word,
        step=step,
        what=_text(what),
        policy=policy_ref(plan) if plan else None,
        former=policy_ref(former) if former else None,
        source=_text(source),
        bundle=bundle,
        reason=_text(reason),
        canary=canary,
    )
    return Event(severity=severity, key="", subject=data.what, data=data)


def drift_event(
    movement: Movement,
    signal: str,
    occurred: float,
    *,
    direction: Direction,
    tenant: str,
    app: App,
    distance: float,
    chance: float,
    sizes: tuple[int, int],
    is_pinned: bool = False,
    changes: Sequence[ShareRef] = (),
) -> Event:
    """The record of a signal that moved. `sizes` are the streams of the reference and of the window."""
    severity = MOVEMENT_SEVERITIES[movement]
    data = Drift(
        ids=Ids(event=uuid7(occurred), producer="", sequence=0, tenant=_text(tenant)),
        time=Times(occurred=timestamp(occurred)),
        severity=severity.word,
        movement=movement,
        signal=_text(signal),
        direction=direction,
        distance=round(distance, 4),
        chance=chance,
        reference_streams=sizes[0],
        window_streams=sizes[1],
        is_pinned=is_pinned,
        changes=tuple(changes),
        app=_app_ref(app),
    )
    return Event(severity=severity, key="", subject=data.signal, data=data)


def lane_coverage(
    lane: Lane, *, received_chars: int, released_chars: int, unscanned_chars: int, reasons: Sequence[str] = ()
) -> LaneCoverage:
    """One lane's line in a decision event."""
    return LaneCoverage(
        lane=LaneRef(part=lane.part, choice=lane.choice, channel=lane.channel),
        received_chars=received_chars,
        released_chars=released_chars,
        unscanned_chars=unscanned_chars,
        reasons=tuple(_text(reason) for reason in reasons),
    )


def grounding_of(tally: GroundingTally) -> GroundingSummary:
    """How an answer rests on its context, for its decision event."""
    return GroundingSummary(
        supported=tally.sentences[Standing.SUPPORTED],
        unsupported=tally.sentences[Standing.UNSUPPORTED],
        neutral=tally.sentences[Standing.NEUTRAL],
        unchecked=tally.sentences[Standing.UNCHECKED],
        unchecked_reasons={_text(reason): count for reason, count in tally.unchecked_reasons.items()},
        faithfulness=_share(tally.faithfulness),
        passages=tally.passages,
        context_use=_share(tally.context_use),
        context_relevance=_share(tally.context_relevance),
        passages_left_out=tally.passages_left_out,
    )


def session_of(standing: SessionStanding) -> SessionRef:
    """How a session stands, for a decision event."""
    until = standing.stopped_until
    return SessionRef(
        risk=round(standing.risk, 3),
        violations=standing.violations,
        untrusted=SessionMark.UNTRUSTED in standing.marks,
        sensitive=SessionMark.SENSITIVE in standing.marks,
        sends=SessionMark.SENDS in standing.marks,
        stopped_by=standing.stopped_by,
        stopped_until=None if until is None else timestamp(until),
    )


def usage_of(spent: Spent) -> UsageRef:
    """What an answer took, for a decision event."""
    return UsageRef(
        counted_by=spent.source,
        input_tokens=spent.usage.input_tokens,
        output_tokens=spent.usage.output_tokens,
        cached_tokens=spent.usage.cached_tokens,
        cache_written_tokens=spent.usage.cache_written_tokens,
        cost=spent.cost,
        currency=spent.currency,
        first_token_ms=None if spent.first_token_ms is None else _milliseconds(spent.first_token_ms),
        tokens_per_second=spent.tokens_per_second,
    )


def session_key(info: StreamInfo) -> str:
    """What keeps events in order: the tenant's session, or for want of one the request, or the stream."""
    return f"{_text(info.tenant)}|{_text(info.session_id or info.request_id or info.stream_id)}"


def timestamp(unix_seconds: float) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def uuid7(unix_seconds: float, noise: bytes = b"") -> str:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, then 74 of `noise` (10 bytes), by default random ones.

    It sorts by time, to the millisecond.
    """
    milliseconds = int(unix_seconds * 1000) & 0xFFFF_FFFF_FFFF
    number = _uuid_number(milliseconds, int.from_bytes(noise or os.urandom(10), "big"))
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _uuid_number(milliseconds: int, noise: int) -> int:
    version, variant = 0x7, 0b10
    return milliseconds << 80 | version << 76 | (noise >> 68) << 64 | variant << 62 | noise & 0x3FFF_FFFF_FFFF_FFFF


def _stream_event(info: StreamInfo, data: Data) -> Event:
    return Event(
        severity=severity_of(data),
        key=session_key(info),
        subject=info.stream_id,
        data=data,
        traceparent=_traceparent(info.trace),
    )


def _ids(info: StreamInfo, occurred: float) -> Ids:
    return Ids(
        event=uuid7(occurred),
        producer="",
        sequence=0,
        stream=info.stream_id,
        session=_text(info.session_id),
        tenant=_text(info.tenant),
        request=_text(info.request_id),
        trace=_trace_id(info.trace),
    )


def policy_ref(plan: Plan) -> PolicyRef:
    """How events name a policy."""
    return PolicyRef(name=plan.name, version=plan.version, digest=plan.digest)


def _policy_ref(info: StreamInfo) -> PolicyRef:
    return PolicyRef(name=info.policy, version=info.policy_version, digest=info.policy_digest)


def _rule_ref(plan: Plan, rule: RulePlan, decision: Decision) -> RuleRef:
    return RuleRef(
        name=plan.name,
        version=plan.version,
        digest=plan.digest,
        rule=rule.id,
        severity=rule.severity_of(decision.finding.score).word,
        enforcement=rule.enforcement,
        action=rule.action.word,
    )


def _tags_ref(rule: RulePlan, decision: Decision) -> TagsRef | None:
    """What the finding is in published lists; nothing where nothing was found, or nothing is known."""
    tags = tags_of(rule.detector, decision.finding.label, rule.tags)
    return TagsRef(**tags) if tags and decision.failure is None else None


def _detector_ref(rule: RulePlan, decision: Decision) -> DetectorRef:
    finding = decision.finding
    return DetectorRef(
        name=rule.detector,
        model=decision.model,
        version=_VERSION,
        label=_text(finding.label),
        score=finding.score if decision.failure is None else None,
        threshold=rule.thresholds.get(finding.label),
        reason=_text(_unless_quoting(finding.reason, decision.excerpt)),
    )


def _canary_ref(rule: RulePlan, decision: Decision) -> CanaryRef | None:
    """Of a rule that is a canary: its side, and what is done on the other one, where it is in shadow, or is not."""
    if rule.side is None:
        return None
    return CanaryRef(would=would(rule, decision).word, side=rule.side)


def _where(direction: Direction, decision: Decision) -> Where:
    lane = decision.lane
    return Where(
        direction=direction,
        part=lane.part,
        choice=lane.choice,
        channel=lane.channel,
        span=Span(start=decision.finding.start, end=decision.finding.end, unit="code_point"),
        segment=decision.segment,
    )


def _evidence(rule: RulePlan, decision: Decision, keeping: Keeping, event_id: str) -> Evidence:
    matched = decision.excerpt
    is_whole = len(matched) == decision.finding.end - decision.finding.start
    return keeping.of(matched, event_id, level=rule.evidence, reason=rule.evidence_reason, is_whole=is_whole)


def _coverage_of_failure(decision: Decision) -> Coverage | None:
    if decision.failure is None:
        return None
    unscanned = decision.finding.end - decision.finding.start
    return Coverage(scanned=0, unscanned=unscanned, reason=decision.failure.kind)


def _failure_ref(failure: Failed | None) -> FailureRef | None:
    if failure is None:
        return None
    return FailureRef(kind=failure.kind.value, reason=_text(failure.reason))


def _grounding_ref(grounding: Grounding | None) -> GroundingRef | None:
    if grounding is None:
        return None
    return GroundingRef(
        support=grounding.support,
        passage=_text(grounding.passage),
        evidence=_text_span(grounding.start, grounding.end),
        unsupported=_text_span(grounding.unsupported_start, grounding.unsupported_end),
        failed=grounding.failed,
    )


def _text_span(start: int, end: int) -> TextSpan | None:
    return TextSpan(start=start, end=end) if end > start else None


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _app_ref(app: App) -> App:
    """The same, cut to what is recorded."""
    labels = {_text(name): _text(value) for name, value in app.labels.items()}
    return App(model=_text(app.model), prompt_version=_text(app.prompt_version), labels=labels)


def _app(info: StreamInfo) -> App:
    return App(
        model=_text(info.model),
        prompt_version=_text(info.prompt_version),
        labels=_texts(info.labels),
        attributes=_texts(info.attributes),
    )


def _unless_quoting(reason: str, matched: str) -> str:
    """The reason a detector gave, unless it quotes what it found, which a detector must not do."""
    return "" if matched and matched in reason else reason


_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""What neither a CloudEvents attribute nor UTF-8 can carry."""


def _text(value: str) -> str:
    return _UNFIT.sub("\ufffd", value[:TEXT_LIMIT_CHARS])


def _texts(values: Mapping[str, str]) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in list(values.items())[:LABELS_LIMIT]}


_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def _traceparent(trace: str) -> str:
    return trace if _TRACEPARENT.fullmatch(trace) else ""


def _trace_id(trace: str) -> str:
    found = _TRACEPARENT.fullmatch(trace)
    return found["trace"] if found else ""


def _milliseconds(value: float) -> float:
    return round(max(0.0, value), 3)
