"""A receiver of OTLP over HTTP on loopback: what was sent, as the protocol's own messages."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Receiver:
    """`spans` and `events` in the order of their arrival; `raw` is every body."""

    def __init__(self) -> None:
        self.address = ""
        self.spans: list[Any] = []
        self.events: list[Any] = []
        self.resources: list[dict[str, Any]] = []
        self.raw = b""

    def span(self, name: str) -> Any:
        """The one span of this name."""
        (found,) = [each for each in self.spans if each.name == name]
        return found

    async def traces(self, request: web.Request) -> web.Response:
        """Take spans."""
        message = ExportTraceServiceRequest.FromString(await self._body(request))
        for resource in message.resource_spans:
            self.resources.append(attributes_of(resource.resource))
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return web.Response(content_type="application/x-protobuf")

    async def logs(self, request: web.Request) -> web.Response:
        """Take log events."""
        message = ExportLogsServiceRequest.FromString(await self._body(request))
        self.events += [
            event for resource in message.resource_logs for scope in resource.scope_logs for event in scope.log_records
        ]
        return web.Response(content_type="application/x-protobuf")

    async def _body(self, request: web.Request) -> bytes:
        body = await request.read()
        self.raw += body
        return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that runs."""
    receiver = Receiver()
    routes = web.Application()
    routes.router.add_post("/v1/traces", receiver.traces)
    routes.router.add_post("/v1/logs", receiver.logs)
    runner = web.AppRunner(routes, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        receiver.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield receiver
    finally:
        await runner.cleanup()


_VALUES: dict[str, Callable[[Any], Any]] = {
    "string_value": str,
    "bool_value": bool,
    "int_value": int,
    "double_value": float,
    "array_value": lambda value: [_value(each) for each in value.values],
}


def attributes_of(holder: Any) -> dict[str, Any]:
    """The attributes of a span, an event or a resource."""
    return {each.key: _value(each.value) for each in holder.attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return _VALUES[kind](getattr(value, kind))
