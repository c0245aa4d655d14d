"""The OTLP sink: events as log records, over HTTP in protobuf (opentelemetry-proto).

| of a log record | is |
| --- | --- |
| `event_name` | the CloudEvents type, such as `dev.tidegate.violation.v1` |
| `time_unix_nano`, `observed_time_unix_nano` | when it occurred, and when it was handed over |
| `severity_number`, `severity_text` | info 9, low 10, medium 13, high 17, critical 21; our word |
| `trace_id`, `span_id`, `flags` | of the caller's trace, where there is one |
| `attributes` | `cloudevents.event_*` as OpenTelemetry's conventions have them, and what one searches by |
| `body` | the event's data, or the view, as a map |
"""

from __future__ import annotations

import gzip
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from sidecar.outbox.encode import TYPES
from sidecar.outbox.event import Violation
from sidecar.outbox.http_sink import Post
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.selection import app_of, done_to, policy_of
from sidecar.outbox.sink_settings import OtlpEntry, View
from sidecar.outbox.views import shown
from sidecar.values import Severity
from sidecar.version import tidegate_version

_log = logging.getLogger(__name__)

SEVERITIES: Mapping[Severity, int] = {
    Severity.INFO: 9,
    Severity.LOW: 10,
    Severity.MEDIUM: 13,
    Severity.HIGH: 17,
    Severity.CRITICAL: 21,
}
"""OpenTelemetry's severity numbers: INFO, INFO2, WARN, ERROR, FATAL."""


class OtlpWriter:
    """Batches for a collector of logs."""

    def __init__(self, settings: OtlpEntry, *, now: Callable[[], float] = time.time) -> None:
        self._view: View = settings.view
        self._is_packed = settings.compression == "gzip"
        self._now = now
        attributes = {"service.name": "tidegate", "service.version": tidegate_version(), **settings.resource}
        self._resource = Resource(attributes=_attributes(attributes))
        self._scope = InstrumentationScope(name="tidegate.events")

    def request(self, batch: Sequence[Numbered]) -> Post:
        """The batch as an `ExportLogsServiceRequest`."""
        now = self._now()
        records = [record for record in (log_record(self._view, each, now) for each in batch) if record is not None]
        scope = ScopeLogs(scope=self._scope, log_records=records)
        body = ExportLogsServiceRequest(
            resource_logs=[ResourceLogs(resource=self._resource, scope_logs=[scope])]
        ).SerializeToString()
        headers = {"content-type": "application/x-protobuf"}
        if not self._is_packed:
            return Post(headers, body)
        return Post(headers | {"content-encoding": "gzip"}, gzip.compress(body, 6))

    def rejected(self, answer: bytes) -> int:
        """What a partial success says; they must not be sent again (OTLP, "Partial Success")."""
        try:
            response = ExportLogsServiceResponse.FromString(answer)
        except Exception:  # noqa: BLE001 - the answer to a batch that was taken; what else it says is nobody's business
            _log.warning("a collector's answer cannot be read; the batch counts as taken")
            return 0
        return max(0, response.partial_success.rejected_log_records)


def log_record(view: View, numbered: Numbered, published: float) -> LogRecord | None:
    """The log record of an event; None where the view has nothing for its kind."""
    event = numbered.event
    content = shown(view, numbered, published)
    if content is None:
        return None
    body = msgspec.to_builtins(content["data"] if view == "cloudevents" else content)
    trace_id, span_id, flags = _trace(event.traceparent)
    return LogRecord(
        time_unix_nano=_nanoseconds(event.data.time.occurred),
        observed_time_unix_nano=int(published * 1e9),
        severity_number=SEVERITIES[event.severity],  # type: ignore[arg-type]  # an enum's number
        severity_text=event.severity.word,
        event_name=TYPES[event.kind],
        body=_value(body),
        attributes=_attributes(_searched(numbered)),
        trace_id=trace_id,
        span_id=span_id,
        flags=flags,
    )


def _searched(numbered: Numbered) -> dict[str, Any]:
    """What one searches log records by; none is empty."""
    event, data = numbered.event, numbered.event.data
    violation = data if isinstance(data, Violation) else None
    values = {
        "cloudevents.event_id": event.id,
        "cloudevents.event_source": f"/tidegate/{numbered.producer}",
        "cloudevents.event_spec_version": "1.0",
        "cloudevents.event_type": TYPES[event.kind],
        "cloudevents.event_subject": event.subject,
        "session.id": data.ids.session,
        "tidegate.producer": numbered.producer,
        "tidegate.sequence": numbered.sequence,
        "tidegate.tenant": data.ids.tenant,
        "tidegate.app": app_of(data),
        "tidegate.policy": policy_of(data),
        "tidegate.rule": violation.policy.rule if violation else "",
        "tidegate.label": violation.detector.label if violation else "",
        "tidegate.done": done_to(data),
    }
    return {name: value for name, value in values.items() if value}


def _trace(traceparent: str) -> tuple[bytes, bytes, int]:
    """The trace, span and flags of a W3C `traceparent`; empty without one."""
    parts = traceparent.split("-")
    try:
        return bytes.fromhex(parts[1]), bytes.fromhex(parts[2]), int(parts[3], 16)
    except (IndexError, ValueError):
        return b"", b"", 0


def _nanoseconds(occurred: str) -> int:
    return round(datetime.fromisoformat(occurred).timestamp() * 1000) * 1_000_000


def _attributes(values: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in values.items()]


def _value(value: Any) -> AnyValue:
    """A value of JSON as OTLP has it; nothing is an empty value."""
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=_attributes(value)))
        case list() | tuple():
            return AnyValue(array_value=ArrayValue(values=[_value(each) for each in value]))
        case _:
            return AnyValue()
