"""The one table from errors to gRPC statuses, with google.rpc details. A caller sees no stack trace, no checked text.

| error                   | status                | details                    |
| ----------------------- | --------------------- | -------------------------- |
| `CallerError` invalid   | `INVALID_ARGUMENT`    | `BadRequest`, `ErrorInfo`  |
| `CallerError` out of order | `FAILED_PRECONDITION` | `BadRequest`, `ErrorInfo` |
| `UnknownPolicy`         | `NOT_FOUND`           | `ErrorInfo`                |
| `Overloaded`            | `RESOURCE_EXHAUSTED`  | `RetryInfo`, `ErrorInfo`   |
| `Draining`              | `UNAVAILABLE`         | `RetryInfo`, `ErrorInfo`   |
| `IdleStream`            | `DEADLINE_EXCEEDED`   | `ErrorInfo`                |
| `Unauthenticated`       | `UNAUTHENTICATED`     | `ErrorInfo`                |
| `Forbidden`             | `PERMISSION_DENIED`   | `ErrorInfo`                |
| anything else           | `INTERNAL`            | `ErrorInfo`                |

Anything else is a fault of ours, never of the caller's; the log has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import grpc
import msgspec
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from sidecar.errors import (
    CallerError,
    CallerFault,
    Draining,
    Forbidden,
    IdleStream,
    Overloaded,
    Unauthenticated,
    UnknownPolicy,
)

DOMAIN = "tidegate.dev"
_DETAILS = "grpc-status-details-bin"
_PUSHBACK = "grpc-retry-pushback-ms"
_DRAINING_RETRY_MS = 100
_FAULT = "the sidecar failed on this stream and ended it; nothing that was held has left"


class Status(msgspec.Struct, frozen=True):
    """How a call ends: what `context.abort` takes."""

    code: grpc.StatusCode
    message: str
    trailers: tuple[tuple[str, str | bytes], ...]


def status_of(error: Exception) -> Status:
    """The status for an error."""
    match error:
        case CallerError(kind=CallerFault.OUT_OF_ORDER):
            return _status(grpc.StatusCode.FAILED_PRECONDITION, error, "OUT_OF_ORDER", [_bad_request(error)])
        case CallerError():
            facts = {"field": error.field} | ({"limit": str(error.limit)} if error.limit else {})
            return _status(grpc.StatusCode.INVALID_ARGUMENT, error, "INVALID", [_bad_request(error)], facts=facts)
        case UnknownPolicy():
            return _status(grpc.StatusCode.NOT_FOUND, error, "UNKNOWN_POLICY", facts={"policy": error.name})
        case Overloaded():
            return _status(grpc.StatusCode.RESOURCE_EXHAUSTED, error, "OVERLOADED", retry_ms=error.retry_ms)
        case Draining():
            return _status(grpc.StatusCode.UNAVAILABLE, error, "DRAINING", retry_ms=_DRAINING_RETRY_MS)
        case IdleStream():
            return _status(grpc.StatusCode.DEADLINE_EXCEEDED, error, "IDLE")
        case Unauthenticated():
            return _status(grpc.StatusCode.UNAUTHENTICATED, error, "TOKEN")
        case Forbidden():
            return _status(grpc.StatusCode.PERMISSION_DENIED, error, "TOKEN")
        case _:
            return _status(grpc.StatusCode.INTERNAL, _FAULT, "FAULT")


def _status(
    code: grpc.StatusCode,
    error: Exception | str,
    reason: str,
    details: Sequence[Message] = (),
    *,
    facts: Mapping[str, str] | None = None,
    retry_ms: int | None = None,
) -> Status:
    message = str(error)
    all_details = [error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=facts), *details]
    trailers: list[tuple[str, str | bytes]] = []
    if retry_ms is not None:
        all_details.append(_retry_info(retry_ms))
        trailers.append((_PUSHBACK, str(retry_ms)))
    status = status_pb2.Status(code=code.value[0], message=message, details=[_pack(each) for each in all_details])
    trailers.append((_DETAILS, status.SerializeToString()))
    return Status(code, message, tuple(trailers))


def _bad_request(error: CallerError) -> error_details_pb2.BadRequest:
    violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=error.message)
    return error_details_pb2.BadRequest(field_violations=[violation])


def _retry_info(retry_ms: int) -> error_details_pb2.RetryInfo:
    info = error_details_pb2.RetryInfo()
    info.retry_delay.FromMilliseconds(retry_ms)
    return info


def _pack(message: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed
