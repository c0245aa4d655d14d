"""The table from errors to statuses, read back as a client reads it."""

from __future__ import annotations

import grpc
import pytest

import tidegate
from sidecar import errors
from sidecar.transport.status import status_of
from tidegate import _wire

S = grpc.StatusCode
OUT_OF_ORDER = errors.CallerFault.OUT_OF_ORDER

TABLE = [
    (errors.CallerError("too long", field="chunk", limit=5), S.INVALID_ARGUMENT, tidegate.InvalidRequest, "INVALID"),
    (
        errors.CallerError("twice", field="start", kind=OUT_OF_ORDER),
        S.FAILED_PRECONDITION,
        tidegate.InvalidRequest,
        "OUT_OF_ORDER",
    ),
    (errors.UnknownPolicy("x"), S.NOT_FOUND, tidegate.UnknownPolicy, "UNKNOWN_POLICY"),
    (errors.Overloaded("streams", retry_ms=1500), S.RESOURCE_EXHAUSTED, tidegate.Overloaded, "OVERLOADED"),
    (errors.Draining(), S.UNAVAILABLE, tidegate.Unavailable, "DRAINING"),
    (errors.IdleStream(5), S.DEADLINE_EXCEEDED, tidegate.DeadlineExceeded, "IDLE"),
    (ZeroDivisionError("the text was: my secret"), S.INTERNAL, tidegate.SidecarFault, "FAULT"),
    (errors.ModelError("gone"), S.INTERNAL, tidegate.SidecarFault, "FAULT"),
]


@pytest.mark.parametrize(("error", "code", "kind", "reason"), TABLE)
def test_every_error_has_its_status_and_its_error_at_the_client(
    error: Exception, code: grpc.StatusCode, kind: type[tidegate.TidegateError], reason: str
):
    status = status_of(error)
    read = _wire.error_of(status.code, status.message, status.trailers, "target")

    assert status.code is code
    assert type(read) is kind
    assert read.reason == reason
    assert "secret" not in status.message


def test_facts_travel_with_the_status():
    invalid = status_of(errors.CallerError("is too long", field="chunk.text", limit=5))
    read = _wire.error_of(invalid.code, invalid.message, invalid.trailers, "")
    assert isinstance(read, tidegate.InvalidRequest)
    assert (read.field, str(read)) == ("chunk.text", "chunk.text: is too long")

    full = status_of(errors.Overloaded("streams", retry_ms=1500))
    again = _wire.error_of(full.code, full.message, full.trailers, "")
    assert isinstance(again, tidegate.Overloaded)
    assert again.retry_after == 1.5
    assert ("grpc-retry-pushback-ms", "1500") in full.trailers


def test_an_unreachable_sidecar_is_named():
    error = _wire.error_of(S.UNAVAILABLE, "connection refused", None, "127.0.0.1:1")
    assert "127.0.0.1:1" in str(error)
