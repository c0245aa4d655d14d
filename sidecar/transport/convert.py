"""Wire messages to plain values and back. Pure functions; lanes are in `lanes`.

What the wire leaves open is settled here: an unspecified direction is the output. What makes no sense is refused with
the field's name (`CallerError`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message

from detectors.types import Grounding
from sidecar.core.stream import LaneCoverage
from sidecar.errors import CallerError
from sidecar.policy.plan import Plan
from sidecar.releases import shift
from sidecar.session import Shown
from sidecar.start import ClientOutage, Passage, StreamStart
from sidecar.summary import StreamSummary
from sidecar.transport.lanes import WireLanes, numbered
from sidecar.usage import MOST_TOKENS, Usage
from sidecar.values import (
    Action,
    Annotation,
    Blocked,
    Decision,
    Direction,
    GroundingTally,
    Lane,
    Redaction,
    Release,
    Severity,
)
from tidegate.v1 import guard_pb2 as pb

_Message = TypeVar("_Message", bound=Message)

_DIRECTIONS: Mapping[int, Direction] = {
    pb.DIRECTION_UNSPECIFIED: Direction.OUTPUT,
    pb.DIRECTION_INPUT: Direction.INPUT,
    pb.DIRECTION_OUTPUT: Direction.OUTPUT,
}
_WIRE_ACTIONS: Mapping[Action, pb.Action.ValueType] = {each: pb.Action.Value(f"ACTION_{each.name}") for each in Action}
_WIRE_SEVERITIES: Mapping[Severity, pb.Severity.ValueType] = {
    each: pb.Severity.Value(f"SEVERITY_{each.name}") for each in Severity
}
_MOST_CLAIMED = 10**12
_LAST_SECOND = 253_402_300_799
"""Of the year 9999, past which protobuf's own times end."""


# -- what comes in ----------------------------------------------------------------------------------------------------


def parse(kind: type[_Message], data: bytes) -> _Message:
    """Read a message. Raises `CallerError` when the bytes are not one, or a text in them is not UTF-8."""
    try:
        return kind.FromString(data)
    except DecodeError:
        name = kind.DESCRIPTOR.name
        raise CallerError(f"is not a valid {name}: broken, or a text in it is not UTF-8", field="message") from None


def start_of(message: pb.Start, *, trace: str = "") -> StreamStart:
    """What a caller says of a stream. Raises `CallerError` for a direction that is none."""
    direction = _DIRECTIONS.get(message.direction)
    if direction is None:
        raise CallerError(f"{message.direction} is not a direction", field="start.direction")
    return StreamStart(
        direction=direction,
        policy=message.policy,
        tenant=message.tenant,
        session_id=message.session_id,
        request_id=message.request_id,
        labels=dict(message.labels),
        attributes=dict(message.attributes),
        model=message.model,
        prompt_version=message.prompt_version,
        prompt=message.prompt,
        context=passages_of(message.context),
        relevant=tuple(message.relevant),
        trace=trace,
        outage=_outage_of(message.unguarded) if message.HasField("unguarded") else None,
    )


def usage_of(message: pb.Usage) -> Usage:
    """What an application says that an answer took. Raises `CallerError` for more than anybody can count."""
    counts = {field.name: count for field, count in message.ListFields()}
    for name, count in counts.items():
        if count > MOST_TOKENS:
            raise CallerError(f"is {count}; at most {MOST_TOKENS} is allowed", field=f"usage.{name}", limit=MOST_TOKENS)
    return Usage(**counts)


def _outage_of(message: pb.Unguarded) -> ClientOutage:
    """Calls that found no service. It is a claim: a number past all reason is taken for the largest that has one."""
    passed, chars, blocked = (
        min(each, _MOST_CLAIMED) for each in (message.passed_calls, message.passed_chars, message.blocked_calls)
    )
    first, last = (min(max(0, each.seconds), _LAST_SECOND) for each in (message.first, message.last))
    return ClientOutage(passed, chars, blocked, first, last)


def passages_of(messages: Iterable[pb.Passage]) -> tuple[Passage, ...]:
    """Texts that an answer should rest on."""
    return tuple(Passage(each.id, each.text) for each in messages)


# -- what goes out ----------------------------------------------------------------------------------------------------


def response_of(shown: Shown, plan: Plan, joint: str = "", *, wire: WireLanes = numbered) -> pb.StreamResponse:
    """An output as a message of `Stream`; `joint` sets a block's message off, `wire` is what the caller calls lanes."""
    match shown:
        case Release():
            return pb.StreamResponse(release=release_of(shown, plan, wire))
        case Blocked():
            return pb.StreamResponse(verdict=verdict_of(shown, plan, joint, wire=wire))
        case StreamSummary():
            return pb.StreamResponse(summary=summary_of(shown, wire))


def release_of(release: Release, plan: Plan, wire: WireLanes = numbered) -> pb.Release:
    """A release; most have neither annotations nor redactions."""
    span = pb.Span(start=release.start, end=release.end)
    message = pb.Release(lane=wire(release.lane), text=release.text, input=span)
    if release.annotations:
        message.annotations.extend([_annotation_of(each, plan) for each in release.annotations])
    if release.redactions:
        message.redactions.extend([_redaction_of(each, plan) for each in release.redactions])
    return message


def verdict_of(blocked: Blocked, plan: Plan, joint: str = "", *, wire: WireLanes = numbered) -> pb.Verdict:
    """A block."""
    return pb.Verdict(
        lane=wire(blocked.lane),
        action=pb.ACTION_BLOCK,
        rule=plan.rules[blocked.rule].id,
        label=blocked.label,
        reason=blocked.reason,
        message=blocked.message,
        position=blocked.position,
        joint=joint,
    )


def summary_of(summary: StreamSummary, wire: WireLanes = numbered) -> pb.Summary:
    """A stream's end."""
    plan = summary.plan
    return pb.Summary(
        stream_id=summary.stream_id,
        policy=pb.PolicyRef(name=plan.name, version=plan.version, digest=plan.digest),
        action=_WIRE_ACTIONS[summary.action],
        violations=[_violation_of(each, plan, wire) for each in summary.violations],
        violation_count=summary.violation_count,
        coverage=[_coverage_of(each, wire) for each in summary.coverage],
        max_held=_duration(summary.max_held_ms),
        median_held=_duration(summary.median_held_ms),
        max_held_chars=summary.max_held_chars,
        grounding=None if summary.grounding is None else _grounding_summary(summary.grounding),
        notice="" if summary.notice is None else summary.notice.text,
        restored=summary.restored,
        advice=summary.advice,
    )


def check_response_of(
    shown: Iterable[Shown], plan: Plan, lane: Lane | None = None, *, wire: WireLanes = numbered
) -> pb.CheckResponse:
    """All outputs of one lane's text as one answer. Redactions are placed in the whole of the answer's text.

    `lane` is that lane, where another one was read beside it.
    """
    texts: list[str] = []
    annotations: list[Annotation] = []
    redactions: list[Redaction] = []
    response = pb.CheckResponse()
    chars = 0
    for each in shown:
        match each:
            case Release() if lane in (None, each.lane):
                annotations += each.annotations
                redactions += (shift(redaction, chars) for redaction in each.redactions)
                texts.append(each.text)
                chars += len(each.text)
            case Blocked():
                response.verdict.CopyFrom(verdict_of(each, plan, wire=wire))
            case StreamSummary():
                response.summary.CopyFrom(summary_of(each, wire))
                response.action = response.summary.action
    response.text = "".join(texts)
    response.annotations.extend(_annotation_of(each, plan) for each in annotations)
    response.redactions.extend(_redaction_of(each, plan) for each in redactions)
    return response


def _grounding_summary(tally: GroundingTally) -> pb.GroundingSummary:
    return pb.GroundingSummary(
        **{verdict.value: count for verdict, count in tally.sentences.items()},
        unchecked_reasons=dict(tally.unchecked_reasons),
        faithfulness=tally.faithfulness,
        passages=tally.passages,
        context_use=tally.context_use,
        context_relevance=tally.context_relevance,
        passages_left_out=tally.passages_left_out,
    )


def _grounding(grounding: Grounding | None) -> pb.Grounding | None:
    if grounding is None:
        return None
    return pb.Grounding(
        support=grounding.support,
        passage=grounding.passage,
        evidence=_text_span(grounding.start, grounding.end),
        unsupported=_text_span(grounding.unsupported_start, grounding.unsupported_end),
        failed=grounding.failed,
    )


def _text_span(start: int, end: int) -> pb.Span | None:
    return pb.Span(start=start, end=end) if end > start else None


def _annotation_of(annotation: Annotation, plan: Plan) -> pb.Annotation:
    return pb.Annotation(
        rule=plan.rules[annotation.rule].id,
        label=annotation.label,
        span=pb.Span(start=annotation.start, end=annotation.end),
        score=annotation.score,
        reason=annotation.reason,
        grounding=_grounding(annotation.grounding),
        advice=annotation.advice,
    )


def _redaction_of(redaction: Redaction, plan: Plan) -> pb.Redaction:
    return pb.Redaction(
        rule="" if redaction.is_restored else plan.rules[redaction.rule].id,
        label=redaction.label,
        is_restored=redaction.is_restored,
        span=pb.Span(start=redaction.start, end=redaction.end),
        replacement=pb.Span(start=redaction.replacement_start, end=redaction.replacement_end),
    )


def _violation_of(decision: Decision, plan: Plan, wire: WireLanes) -> pb.Violation:
    rule = plan.rules[decision.rule]
    finding = decision.finding
    return pb.Violation(
        rule=rule.id,
        severity=_WIRE_SEVERITIES[rule.severity_of(finding.score)],
        decided=_WIRE_ACTIONS[decision.decided],
        done=_WIRE_ACTIONS[decision.done],
        lane=wire(decision.lane),
        label=finding.label,
        span=pb.Span(start=finding.start, end=finding.end),
        score=finding.score,
        reason=finding.reason,
        leaked_chars=decision.leaked_chars,
        is_shadow=not rule.is_enforced,
        grounding=_grounding(finding.grounding),
    )


def _coverage_of(coverage: LaneCoverage, wire: WireLanes) -> pb.LaneCoverage:
    return pb.LaneCoverage(
        lane=wire(coverage.lane),
        received_chars=coverage.received_chars,
        released_chars=coverage.released_chars,
        unscanned_chars=coverage.unscanned_chars,
        reasons=coverage.reasons,
    )


def _duration(milliseconds: float) -> Duration:
    duration = Duration()
    duration.FromMicroseconds(round(milliseconds * 1000))
    return duration
