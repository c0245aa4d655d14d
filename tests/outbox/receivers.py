"""Servers that take events: a webhook's receiver and a collector of logs, on aiohttp, that answer as they are told."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.outbox.outbox import Numbered

Respond = Callable[[Sequence[Any]], web.Response]


class Receiver:
    """What came in, request by request; `respond` says what becomes of a batch."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.taken: list[Any] = []
        self.respond: Respond = lambda _events: web.Response(status=204)
        self.came = asyncio.Condition()
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        """A request."""
        body = await request.read()
        self.requests.append(({key.lower(): value for key, value in request.headers.items()}, body))
        events = self.read(request, body)
        response = self.respond(events)
        if response.status < 300:
            self.taken += events
        async with self.came:
            self.came.notify_all()
        return response

    def read(self, request: web.Request, body: bytes) -> Sequence[Any]:
        """The events of a webhook's batch."""
        return json.loads(body)  # type: ignore[no-any-return]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what came in fulfils a condition."""
        async with asyncio.timeout(60), self.came:
            await self.came.wait_for(condition)


class Collector(Receiver):
    """A collector of logs: OTLP over HTTP in protobuf."""

    def __init__(self) -> None:
        super().__init__()
        self.respond = lambda _records: protobuf(ExportLogsServiceResponse())

    def read(self, request: web.Request, body: bytes) -> Sequence[LogRecord]:
        """The log records of an export; aiohttp has unpacked what says that it is packed."""
        assert request.content_type == "application/x-protobuf"
        plain = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
        export = ExportLogsServiceRequest.FromString(plain)
        return [each for logs in export.resource_logs for scope in logs.scope_logs for each in scope.log_records]


def protobuf(message: Any, status: int = 200) -> web.Response:
    """A message of OTLP as an answer."""
    return web.Response(status=status, body=message.SerializeToString(), content_type="application/x-protobuf")


@asynccontextmanager
async def listening(receiver: Receiver, path: str = "/in") -> AsyncIterator[Receiver]:
    """Serve it on a free port of loopback."""
    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_post(path, receiver.take)
    async with TestServer(application) as server:
        receiver.url = str(server.make_url(path))
        yield receiver


def only_without(*poison: str) -> Respond:
    """Refuse each batch that has one of these events, by id."""
    return lambda events: web.Response(status=400 if any(each["id"] in poison for each in events) else 204)


def ids(batch: Sequence[Numbered]) -> list[str]:
    """The ids of events, as they stand in CloudEvents."""
    return [each.event.id for each in batch]
