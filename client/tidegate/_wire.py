"""What both clients share: requests out of values, values out of responses, errors out of statuses. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import get_args

import grpc

from tidegate._options import choice_of
from tidegate.errors import (
    DeadlineExceeded,
    GuardBlocked,
    InvalidRequest,
    NotAllowed,
    Overloaded,
    SidecarFault,
    TidegateError,
    Unavailable,
    UnknownPolicy,
)
from tidegate.status.v1 import status_pb2
from tidegate.types import (
    Action,
    Annotation,
    AnyChunk,
    Channel,
    CheckResult,
    Chunk,
    Context,
    Coverage,
    Direction,
    Grounding,
    GroundingSummary,
    Lane,
    OnBlock,
    Part,
    Passage,
    Policy,
    Redaction,
    Release,
    Severity,
    Shown,
    Span,
    StreamOptions,
    Summary,
    Tls,
    Usage,
    Verdict,
    Violation,
)
from tidegate.v1 import guard_pb2 as pb

CHECK = "/tidegate.v1.GuardService/Check"
STREAM = "/tidegate.v1.GuardService/Stream"
STATUS_DETAILS = "grpc-status-details-bin"
ERROR_INFO = "google.rpc.ErrorInfo"
RETRY_INFO = "google.rpc.RetryInfo"

_CHUNKS = "it is text (str), UTF-8 (bytes), (choice, channel, text), a Chunk, a Passage, a Usage, or None to be skipped"
_CHUNK_BYTES = 65_536
_CHUNK_CHARS = _CHUNK_BYTES // 4
_LARGEST = -1
_KEEPALIVE_MS = 30_000
_MOST_RETRIES = 4
"""gRPC makes five attempts at most."""

_DIRECTIONS: Mapping[Direction, pb.Direction.ValueType] = {
    name: pb.Direction.Value(f"DIRECTION_{name.upper()}") for name in get_args(Direction)
}
DIRECTION_NAMES: Mapping[int, Direction] = {number: name for name, number in _DIRECTIONS.items()}
_CHANNELS: Mapping[Channel, pb.Channel.ValueType] = {
    name: pb.Channel.Value(f"CHANNEL_{name.upper()}") for name in get_args(Channel)
}
_CHANNEL_NAMES: Mapping[int, Channel] = {number: name for name, number in _CHANNELS.items()}
_PARTS: Mapping[Part, pb.Part.ValueType] = {name: pb.Part.Value(f"PART_{name.upper()}") for name in get_args(Part)}
_PART_NAMES: Mapping[int, Part] = {number: name for name, number in _PARTS.items()}
_ACTIONS: Mapping[int, Action] = {
    pb.ACTION_UNSPECIFIED: Action.ALLOW,
    **{pb.Action.Value(f"ACTION_{each.name}"): each for each in Action},
}
_SEVERITIES: Mapping[int, Severity] = {
    pb.Severity.Value(f"SEVERITY_{name.upper()}"): name for name in get_args(Severity)
}


# -- connecting -------------------------------------------------------------------------------------------------------


def channel_options(tls: Tls | None, max_retries: int) -> list[tuple[str, str | int]]:
    """How both clients set up their channel. Raises `ValueError` for a number of retries that cannot be."""
    options: list[tuple[str, str | int]] = [
        ("grpc.service_config", json.dumps(_retries(max_retries))),
        ("grpc.max_receive_message_length", _LARGEST),
        ("grpc.max_send_message_length", _LARGEST),
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
    ]
    if tls is not None and tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    return options


def _retries(most: int) -> Mapping[str, object]:
    """The service configuration for gRPC.

    A call that was not let in is made again: after as long as the sidecar says, or else soon and then later. A stream
    that was let in has sent its headers, and gRPC never repeats it: what left cannot be taken back.
    """
    if not 0 <= most <= _MOST_RETRIES:
        raise ValueError(f"max_retries is {most}; it is 0 to {_MOST_RETRIES}")
    policy = {
        "maxAttempts": most + 1,
        "initialBackoff": "0.05s",
        "maxBackoff": "1s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
    }
    names = [{"service": "tidegate.v1.GuardService"}]
    return {"methodConfig": [{"name": names, "retryPolicy": policy}]} if most else {}


def credentials_of(tls: Tls) -> grpc.ChannelCredentials:
    """Read the certificates. Raises `OSError`."""
    ca, cert, key = (path.read_bytes() if path is not None else None for path in (tls.ca, tls.cert, tls.key))
    return grpc.ssl_channel_credentials(root_certificates=ca, private_key=key, certificate_chain=cert)


def metadata_of(options: StreamOptions, token: str = "") -> tuple[tuple[str, str], ...]:
    """What travels beside the messages."""
    said = {"traceparent": options.get("traceparent", ""), "authorization": f"Bearer {token}" if token else ""}
    return tuple((key, value) for key, value in said.items() if value)


# -- requests ---------------------------------------------------------------------------------------------------------


def check_request(
    text: str, lane: Lane | None, options: StreamOptions, unguarded: pb.Unguarded | None = None, *, tool: str = ""
) -> bytes:
    """The request for one whole text. Raises `InvalidRequest`."""
    request = pb.CheckRequest(start=_start(options, unguarded), text=_encodable(text), tool=_encodable(tool))
    if "usage" in options:
        request.usage.CopyFrom(_usage(options["usage"]))
    if lane is not None:
        request.lane.CopyFrom(wire_lane(lane))
    return request.SerializeToString()


def start_request(options: StreamOptions, unguarded: pb.Unguarded | None = None) -> bytes:
    """A stream's first message. Raises `InvalidRequest`."""
    if "usage" in options:
        raise InvalidRequest("usage of a stream comes behind its chunks, as a Usage among them", field="usage")
    return pb.StreamRequest(start=_start(options, unguarded)).SerializeToString()


def chunk_requests(chunk: AnyChunk) -> Iterator[bytes]:
    """The messages for a chunk; a long one takes several, and none none. Raises `InvalidRequest`."""
    if chunk is None:
        return
    if isinstance(chunk, Passage):
        passage = pb.Passage(id=_encodable(chunk.id), text=_encodable(chunk.text))
        yield pb.StreamRequest(context=pb.Context(passages=[passage])).SerializeToString()
        return
    if isinstance(chunk, Usage):
        yield pb.StreamRequest(finish=pb.Finish(usage=_usage(chunk))).SerializeToString()
        return
    whole = chunk_of(chunk)
    pieces = [*_pieces(whole)] or [pb.Chunk(lane=wire_lane(whole.lane))] * whole.ends_lane
    for number, piece in enumerate(pieces, start=1):
        piece.ends_lane = whole.ends_lane and number == len(pieces)
        yield pb.StreamRequest(chunk=piece).SerializeToString()


def _usage(usage: Usage) -> pb.Usage:
    try:
        return pb.Usage(**{name: count for name, count in asdict(usage).items() if count is not None})
    except (TypeError, ValueError):
        raise InvalidRequest(
            "usage has a count that is none: counts are whole numbers from 0 on", field="usage"
        ) from None


def _start(options: StreamOptions, unguarded: pb.Unguarded | None) -> pb.Start:
    direction = options.get("direction", "output")
    if direction not in _DIRECTIONS:
        raise InvalidRequest(f"direction is {direction!r}; it is one of {', '.join(_DIRECTIONS)}", field="direction")
    try:
        return pb.Start(
            policy=options.get("policy", ""),
            direction=_DIRECTIONS[direction],
            tenant=options.get("tenant", ""),
            session_id=options.get("session_id", ""),
            request_id=options.get("request_id", ""),
            labels=options.get("labels", {}),
            attributes=options.get("attributes", {}),
            model=options.get("model", ""),
            prompt_version=options.get("prompt_version", ""),
            prompt=options.get("prompt", ""),
            context=_passages(options.get("context", ())),
            relevant=options.get("relevant", ()),
            unguarded=unguarded,
        )
    except UnicodeEncodeError:
        raise _lone_surrogate("the stream's options") from None


def _passages(context: Context) -> list[pb.Passage]:
    pairs = context.items() if isinstance(context, Mapping) else map(_named, enumerate(context, start=1))
    return [pb.Passage(id=name, text=text) for name, text in pairs]


def _named(numbered: tuple[int, str | tuple[str, str]]) -> tuple[str, str]:
    number, passage = numbered
    return (str(number), passage) if isinstance(passage, str) else passage


def chunk_of(chunk: AnyChunk) -> Chunk:
    """A chunk that says all of itself. Raises `InvalidRequest` when it is none of what a stream takes."""
    match chunk:
        case Chunk():
            whole = chunk
        case str() | bytes():
            whole = Chunk(chunk)
        case (choice, channel, text):
            whole = Chunk("" if text is None else text, Lane(choice, channel))
        case _:
            kind = type(chunk).__name__
            raise InvalidRequest(f"a chunk is of type {kind}; {_CHUNKS}", field="chunk")
    if not isinstance(whole.text, str | bytes):
        raise InvalidRequest(f"a chunk's text is of type {type(whole.text).__name__}; {_CHUNKS}", field="chunk")
    return whole


def _pieces(chunk: Chunk) -> Iterator[pb.Chunk]:
    lane = wire_lane(chunk.lane)
    text = chunk.text
    if isinstance(text, bytes):
        for start in range(0, len(text), _CHUNK_BYTES):
            yield pb.Chunk(lane=lane, data=text[start : start + _CHUNK_BYTES])
        return
    _encodable(text)
    for start in range(0, len(text), _CHUNK_CHARS):
        yield pb.Chunk(lane=lane, text=text[start : start + _CHUNK_CHARS])


def wire_lane(lane: Lane) -> pb.Lane:
    """A lane as it is sent. Raises `InvalidRequest`."""
    if lane.channel not in _CHANNELS:
        raise InvalidRequest(f"channel is {lane.channel!r}; it is one of {', '.join(_CHANNELS)}", field="channel")
    part = _PARTS[lane.part] if lane.part is not None else pb.PART_UNSPECIFIED
    channel, call = _CHANNELS[lane.channel], _encodable(lane.call)
    return pb.Lane(choice=lane.choice, channel=channel, part=part, item=lane.item, is_name=lane.is_name, call=call)


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _lone_surrogate("the text") from None
    return text


def _lone_surrogate(what: str) -> InvalidRequest:
    return InvalidRequest(f"{what} holds half of a surrogate pair, which is no character", field="text")


# -- responses --------------------------------------------------------------------------------------------------------


class Responses:
    """Reads a stream's responses, and does with a block what the caller wants. Keeps the summary."""

    def __init__(self, on_block: OnBlock) -> None:
        choice_of("on_block", on_block, get_args(OnBlock))
        self._raises = on_block == "raise"
        self.summary: Summary | None = None

    def read(self, data: bytes) -> Shown:
        """The next thing to show. Raises `GuardBlocked`."""
        response = pb.StreamResponse.FromString(data)
        match response.WhichOneof("message"):
            case "release":
                return _release(response.release)
            case "verdict":
                return self.blocked(_verdict(response.verdict))
            case "summary":
                self.summary = _summary(response.summary)
                return self.summary
            case _:
                raise SidecarFault("the sidecar sent a message that this client does not know; update the client")

    def blocked(self, verdict: Verdict) -> Verdict:
        """A block. Raises `GuardBlocked` where the caller wants that."""
        if self._raises:
            raise GuardBlocked(verdict)
        return verdict


def check_result(data: bytes) -> CheckResult:
    """What came of one whole text."""
    response = pb.CheckResponse.FromString(data)
    return CheckResult(
        action=_ACTIONS[response.action],
        text=response.text,
        verdict=_verdict(response.verdict) if response.HasField("verdict") else None,
        annotations=tuple(map(_annotation, response.annotations)),
        redactions=tuple(map(_redaction, response.redactions)),
        summary=_summary(response.summary),
    )


def _release(release: pb.Release) -> Release:
    return Release(
        text=release.text,
        lane=lane_of(release.lane),
        input=_span(release.input),
        annotations=tuple(map(_annotation, release.annotations)),
        redactions=tuple(map(_redaction, release.redactions)),
    )


def _verdict(verdict: pb.Verdict) -> Verdict:
    return Verdict(
        rule=verdict.rule,
        label=verdict.label,
        reason=verdict.reason,
        message=verdict.message,
        position=verdict.position,
        lane=lane_of(verdict.lane),
        joint=verdict.joint,
    )


def _summary(summary: pb.Summary) -> Summary:
    return Summary(
        stream_id=summary.stream_id,
        policy=Policy(summary.policy.name, summary.policy.version, summary.policy.digest),
        action=_ACTIONS[summary.action],
        violations=tuple(map(_violation, summary.violations)),
        violation_count=summary.violation_count,
        coverage=tuple(map(_coverage, summary.coverage)),
        max_held_seconds=summary.max_held.ToTimedelta().total_seconds(),
        median_held_seconds=summary.median_held.ToTimedelta().total_seconds(),
        max_held_chars=summary.max_held_chars,
        grounding=_grounding_summary(summary.grounding) if summary.HasField("grounding") else None,
        notice=summary.notice,
        restored=summary.restored,
        advice=tuple(summary.advice),
    )


def _grounding_summary(summary: pb.GroundingSummary) -> GroundingSummary:
    return GroundingSummary(
        supported=summary.supported,
        unsupported=summary.unsupported,
        neutral=summary.neutral,
        unchecked=summary.unchecked,
        unchecked_reasons=dict(summary.unchecked_reasons),
        passages=summary.passages,
        faithfulness=summary.faithfulness if summary.HasField("faithfulness") else None,
        context_use=summary.context_use if summary.HasField("context_use") else None,
        context_relevance=summary.context_relevance if summary.HasField("context_relevance") else None,
        passages_left_out=summary.passages_left_out,
    )


def _violation(violation: pb.Violation) -> Violation:
    return Violation(
        rule=violation.rule,
        severity=_SEVERITIES.get(violation.severity, "unspecified"),
        decided=_ACTIONS[violation.decided],
        done=_ACTIONS[violation.done],
        lane=lane_of(violation.lane),
        label=violation.label,
        span=_span(violation.span),
        score=violation.score,
        reason=violation.reason,
        leaked_chars=violation.leaked_chars,
        is_shadow=violation.is_shadow,
        grounding=_grounding(violation.grounding) if violation.HasField("grounding") else None,
    )


def _coverage(coverage: pb.LaneCoverage) -> Coverage:
    return Coverage(
        lane=lane_of(coverage.lane),
        received_chars=coverage.received_chars,
        released_chars=coverage.released_chars,
        unscanned_chars=coverage.unscanned_chars,
        reasons=tuple(coverage.reasons),
    )


def _annotation(annotation: pb.Annotation) -> Annotation:
    grounding = _grounding(annotation.grounding) if annotation.HasField("grounding") else None
    span = _span(annotation.span)
    score, reason = annotation.score, annotation.reason
    return Annotation(annotation.rule, annotation.label, span, score, reason, grounding, annotation.advice)


def _grounding(grounding: pb.Grounding) -> Grounding:
    return Grounding(
        support=grounding.support,
        passage=grounding.passage,
        evidence=_span(grounding.evidence) if grounding.HasField("evidence") else None,
        unsupported=_span(grounding.unsupported) if grounding.HasField("unsupported") else None,
        failed=tuple(grounding.failed),
    )


def _redaction(redaction: pb.Redaction) -> Redaction:
    spans = _span(redaction.span), _span(redaction.replacement)
    return Redaction(redaction.rule, redaction.label, *spans, redaction.is_restored)


def lane_of(lane: pb.Lane) -> Lane:
    """The lane that was sent."""
    channel, part = _CHANNEL_NAMES.get(lane.channel, "content"), _PART_NAMES.get(lane.part)
    return Lane(lane.choice, channel, part, lane.item, lane.is_name, lane.call)


def _span(span: pb.Span) -> Span:
    return Span(span.start, span.end)


# -- errors -----------------------------------------------------------------------------------------------------------


def error_of(
    code: grpc.StatusCode, message: str | None, trailers: Iterable[tuple[str, str | bytes]] | None, target: str
) -> TidegateError:
    """The error that a call's status stands for."""
    text = message or code.name
    reason, facts, retry_after = _details(trailers or ())
    match code:
        case grpc.StatusCode.INVALID_ARGUMENT | grpc.StatusCode.FAILED_PRECONDITION:
            return InvalidRequest(text, field=facts.get("field", ""), reason=reason or "INVALID")
        case grpc.StatusCode.NOT_FOUND:
            return UnknownPolicy(text, policy=facts.get("policy", ""))
        case grpc.StatusCode.UNAUTHENTICATED | grpc.StatusCode.PERMISSION_DENIED:
            return NotAllowed(text, reason=reason or "TOKEN")
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return Overloaded(text, retry_after=retry_after)
        case grpc.StatusCode.UNAVAILABLE if reason:
            return Unavailable(text, reason=reason, retry_after=retry_after)
        case grpc.StatusCode.UNAVAILABLE:
            return Unavailable(f"no sidecar answers at {target}: {text}")
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return DeadlineExceeded(text, reason=reason or "DEADLINE")
        case _:
            return SidecarFault(f"{code.name}: {text}", reason=reason)


def _details(trailers: Iterable[tuple[str, str | bytes]]) -> tuple[str, Mapping[str, str], float | None]:
    """Reason, facts, and seconds to wait, as far as the sidecar sent them."""
    packed = next((value for key, value in trailers if key == STATUS_DETAILS), b"")
    status = status_pb2.Status.FromString(packed if isinstance(packed, bytes) else packed.encode())
    said = {each.type_url.rpartition("/")[2]: each.value for each in status.details}
    info = status_pb2.ErrorInfo.FromString(said.get(ERROR_INFO, b""))
    retry = status_pb2.RetryInfo.FromString(said[RETRY_INFO]).retry_delay if RETRY_INFO in said else None
    return info.reason, dict(info.metadata), None if retry is None else retry.seconds + retry.nanos / 1e9
