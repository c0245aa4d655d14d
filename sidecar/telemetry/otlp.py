"""The OpenTelemetry SDK, set up to send over OTLP/HTTP. Loaded only where spans are made.

The standard variables hold beside the settings: `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`,
`OTEL_EXPORTER_OTLP_*`, `OTEL_BSP_*`, `OTEL_BLRP_*`, `OTEL_SDK_DISABLED`, and `none` for `OTEL_TRACES_EXPORTER` or
`OTEL_LOGS_EXPORTER`. Queues are bounded, and what does not fit is dropped; a thread of the SDK's sends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Sequence

from opentelemetry._logs import Logger
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Tracer

from sidecar.telemetry.spans import Spans

Count = Callable[[str, bool, int], None]
"""Takes what was sent (`spans` or `events`), whether that went well, and how many."""

_SCOPE = "tidegate"
_LAST_SECONDS = 5.0
"""How long the last batches may take when the service stops."""
_log = logging.getLogger(__name__)


class Otlp:
    """Makes spans and sends them. Constructing it starts the threads that send; it connects to nobody."""

    def __init__(self, version: str, *, endpoint: str, has_events: bool, count: Count) -> None:
        """`endpoint` is a base URL such as `http://collector:4318`; empty: as the variables say."""
        resource = _resource(version)
        base = endpoint.rstrip("/")
        self._stops: list[Callable[[], None]] = []
        tracer = self._tracer(resource, version, f"{base}/v1/traces" if base else None, count)
        logger = self._logger(resource, version, f"{base}/v1/logs" if base else None, count) if has_events else None
        self.spans = Spans(tracer, logger)

    def _tracer(self, resource: Resource, version: str, url: str | None, count: Count) -> Tracer:
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        if _sends("TRACES"):
            provider.add_span_processor(BatchSpanProcessor(_CountedSpans(OTLPSpanExporter(url), count)))
        self._stops.append(provider.shutdown)
        return provider.get_tracer(_SCOPE, version)

    def _logger(self, resource: Resource, version: str, url: str | None, count: Count) -> Logger | None:
        if not _sends("LOGS"):
            return None
        provider = LoggerProvider(resource, shutdown_on_exit=False)
        provider.add_log_record_processor(BatchLogRecordProcessor(_CountedEvents(OTLPLogExporter(url), count)))
        self._stops.append(provider.shutdown)
        return provider.get_logger(_SCOPE, version)

    async def stop(self) -> None:
        """Send what is left, for a few seconds at most: a collector that is away holds nobody up."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def stop() -> None:
            for each in self._stops:
                each()
            loop.call_soon_threadsafe(done.set)

        threading.Thread(target=stop, name="otlp-stop", daemon=True).start()
        try:
            async with asyncio.timeout(_LAST_SECONDS):
                await done.wait()
        except TimeoutError:
            _log.warning("the last spans could not be sent in time")


class _CountedSpans(SpanExporter):
    """Counts how sending goes."""

    def __init__(self, inner: SpanExporter, count: Count) -> None:
        self._inner = inner
        self._count = count

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._inner.export(spans)
        self._count("spans", result is SpanExportResult.SUCCESS, len(spans))
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()


class _CountedEvents(LogRecordExporter):
    """Counts how sending goes."""

    def __init__(self, inner: LogRecordExporter, count: Count) -> None:
        self._inner = inner
        self._count = count

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        result = self._inner.export(batch)
        self._count("events", result is LogRecordExportResult.SUCCESS, len(batch))
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


def _resource(version: str) -> Resource:
    """Who sends: as the variables say, or else a service `tidegate`."""
    found = Resource.create({"service.version": version})
    is_named = not str(found.attributes["service.name"]).startswith("unknown_service")
    return found if is_named else found.merge(Resource({"service.name": _SCOPE}))


def _sends(signal: str) -> bool:
    return os.environ.get(f"OTEL_{signal}_EXPORTER", "").strip().lower() != "none"
