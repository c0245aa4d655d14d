"""The other side of the wire: requests read, responses and refusals written, as the sidecar does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import grpc

from tidegate import _wire
from tidegate.errors import DeadlineExceeded, InvalidRequest, Overloaded, TidegateError, Unavailable, UnknownPolicy
from tidegate.status.v1 import status_pb2
from tidegate.types import Action, Annotation, Redaction, Release, Span, StreamOptions, Summary, Verdict, Violation
from tidegate.v1 import guard_pb2 as pb

Status: TypeAlias = tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]
"""Code, words and trailers."""

_CODES: Mapping[type[TidegateError], grpc.StatusCode] = {
    InvalidRequest: grpc.StatusCode.INVALID_ARGUMENT,
    UnknownPolicy: grpc.StatusCode.NOT_FOUND,
    Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
}

# -- requests ---------------------------------------------------------------------------------------------------------


def options_of(start: pb.Start) -> StreamOptions:
    """What was said of a stream; what was left out is not there."""
    said: Any = {
        each.name: getattr(start, each.name) for each, _ in start.ListFields() if each.type == each.TYPE_STRING
    }
    said["labels"], said["attributes"] = dict(start.labels), dict(start.attributes)
    said["direction"] = _wire.DIRECTION_NAMES[start.direction]
    said["context"] = [(each.id, each.text) for each in start.context]
    options: StreamOptions = {key: value for key, value in said.items() if value}  # type: ignore[assignment] # by name
    return options


# -- responses --------------------------------------------------------------------------------------------------------


def response(shown: Release | Verdict | Summary) -> bytes:
    """A message of a stream."""
    if isinstance(shown, Release):
        return pb.StreamResponse(release=_release(shown)).SerializeToString()
    if isinstance(shown, Verdict):
        return pb.StreamResponse(verdict=_verdict(shown)).SerializeToString()
    return pb.StreamResponse(summary=_summary(shown)).SerializeToString()


def check_response(shown: Sequence[Release | Verdict], summary: Summary) -> bytes:
    """The answer to a check: what was released of its one lane, as one."""
    message = pb.CheckResponse(action=_ACTIONS[summary.action], summary=_summary(summary))
    for each in shown:
        if isinstance(each, Verdict):
            message.verdict.CopyFrom(_verdict(each))
            continue
        for redaction in each.redactions:
            message.redactions.append(_redaction(redaction, moved=len(message.text)))
        message.annotations.extend(map(_annotation, each.annotations))
        message.text += each.text
    return message.SerializeToString()


_ACTIONS: Mapping[Action, pb.Action.ValueType] = {action: pb.Action.Value(f"ACTION_{action.name}") for action in Action}


def _release(release: Release) -> pb.Release:
    return pb.Release(
        lane=_wire.wire_lane(release.lane),
        text=release.text,
        input=_span(release.input),
        annotations=map(_annotation, release.annotations),
        redactions=map(_redaction, release.redactions),
    )


def _verdict(verdict: Verdict) -> pb.Verdict:
    return pb.Verdict(
        lane=_wire.wire_lane(verdict.lane),
        action=pb.ACTION_BLOCK,
        rule=verdict.rule,
        label=verdict.label,
        reason=verdict.reason,
        message=verdict.message,
        position=verdict.position,
    )


def _summary(summary: Summary) -> pb.Summary:
    return pb.Summary(
        stream_id=summary.stream_id,
        policy=pb.PolicyRef(name=summary.policy.name, version=summary.policy.version, digest=summary.policy.digest),
        action=_ACTIONS[summary.action],
        violations=map(_violation, summary.violations),
        violation_count=summary.violation_count,
        coverage=[
            pb.LaneCoverage(
                lane=_wire.wire_lane(each.lane),
                received_chars=each.received_chars,
                released_chars=each.released_chars,
            )
            for each in summary.coverage
        ],
    )


def _violation(violation: Violation) -> pb.Violation:
    return pb.Violation(
        rule=violation.rule,
        severity=pb.SEVERITY_MEDIUM,
        decided=_ACTIONS[violation.decided],
        done=_ACTIONS[violation.done],
        lane=_wire.wire_lane(violation.lane),
        label=violation.label,
        span=_span(violation.span),
        score=violation.score,
        reason=violation.reason,
    )


def _annotation(annotation: Annotation) -> pb.Annotation:
    span = _span(annotation.span)
    return pb.Annotation(
        rule=annotation.rule, label=annotation.label, span=span, score=annotation.score, reason=annotation.reason
    )


def _redaction(redaction: Redaction, *, moved: int = 0) -> pb.Redaction:
    """`moved` is how many characters stand before the release in its message."""
    replacement = pb.Span(start=moved + redaction.replacement.start, end=moved + redaction.replacement.end)
    return pb.Redaction(rule=redaction.rule, label=redaction.label, span=_span(redaction.span), replacement=replacement)


def _span(span: Span) -> pb.Span:
    return pb.Span(start=span.start, end=span.end)


# -- refusals ---------------------------------------------------------------------------------------------------------


def status_of(error: TidegateError) -> Status:
    """What stands for an error."""
    facts = {key: getattr(error, key) for key in ("field", "policy") if getattr(error, key, "")}
    info = status_pb2.ErrorInfo(reason=error.reason, domain="tidegate", metadata=facts)
    details = [_detail(_wire.ERROR_INFO, info.SerializeToString())]
    if (seconds := getattr(error, "retry_after", None)) is not None:
        delay = status_pb2.Delay(seconds=int(seconds), nanos=int(seconds % 1 * 1e9))
        details.append(_detail(_wire.RETRY_INFO, status_pb2.RetryInfo(retry_delay=delay).SerializeToString()))
    code = _CODES.get(type(error), grpc.StatusCode.INTERNAL)
    status = status_pb2.Status(message=str(error), details=details).SerializeToString()
    return code, str(error), ((_wire.STATUS_DETAILS, status),)


def _detail(name: str, value: bytes) -> status_pb2.Detail:
    return status_pb2.Detail(type_url=f"type.googleapis.com/{name}", value=value)
