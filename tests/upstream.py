"""A scripted provider: an HTTP server on port 0 that plays recorded answers, piece by piece."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

SSE = "text/event-stream"
NDJSON = "application/x-ndjson"
JSON = "application/json"


@dataclass
class Answer:
    """What to play. Each piece is a write of its own; the answer stops before the piece at `hold_at` until `go_on`."""

    pieces: Sequence[bytes] = ()
    content_type: str = JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    hold_at: int | None = None
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    resets: bool = False
    """Whether the connection breaks after the last piece."""
    is_left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the other side hung up before the end."""
    is_played: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the whole answer was written."""


@dataclass
class Seen:
    """A request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Upstream:
    """Plays `answer`, after those in `before`, once each; `requests` are what came. `choose` may choose another one."""

    def __init__(self) -> None:
        self.answer = Answer()
        self.before: list[Answer] = []
        self.choose: Callable[[Seen], Answer] | None = None
        self.requests: list[Seen] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Play the answer."""
        body = await request.read()
        seen = Seen(request.method, request.raw_path, request.headers, body)
        self.requests.append(seen)
        answer = self._answer_to(seen)
        try:
            return await self._play(request, answer)
        except (ConnectionError, asyncio.CancelledError):
            answer.is_left.set()
            raise

    def _answer_to(self, seen: Seen) -> Answer:
        if self.before:
            return self.before.pop(0)
        return self.answer if self.choose is None else self.choose(seen)

    async def _play(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        headers = {"Content-Type": answer.content_type, **answer.headers}
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(request)
        for number, piece in enumerate(answer.pieces):
            if number == answer.hold_at:
                await answer.go_on.wait()
            await response.write(piece)
        if answer.resets:
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write_eof()
        answer.is_played.set()
        return response


@asynccontextmanager
async def scripted_upstream(tls: ssl.SSLContext | None = None) -> AsyncIterator[Upstream]:
    """A running upstream; it stops with the context."""
    upstream = Upstream()
    routes = web.Application(client_max_size=64 * 1024 * 1024)
    routes.router.add_route("*", "/{path:.*}", upstream.handle)
    runner = web.AppRunner(routes, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    upstream.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield upstream
    finally:
        await runner.cleanup()
