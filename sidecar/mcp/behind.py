"""What the parts of an exchange over HTTP share: the server behind it, the session, and whose the request is."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import aiohttp
import msgspec
from multidict import CIMultiDict
from yarl import URL

from sidecar.config import Mcp
from sidecar.engine import Engine
from sidecar.errors import TidegateError
from sidecar.mcp.guard import McpGuard
from sidecar.mcp.messages import lines_of
from sidecar.mcp.pins import Pins
from sidecar.mcp.repeated import repeated
from sidecar.mcp.routes import Way
from sidecar.mcp.sessions import Key, McpSession, Sessions
from sidecar.start import StreamStart
from sidecar.transport.connections import upstream_errors
from sidecar.transport.http_headers import to_upstream_guarded
from sidecar.transport.http_status import UpstreamError, UpstreamTimeoutError

_log = logging.getLogger(__name__)

EVENTS = "text/event-stream"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3
_KEEPS_METHOD = frozenset({307, 308})


class Behind(NamedTuple):
    """What the exchanges of one server share."""

    engine: Engine
    settings: Mcp
    client: aiohttp.ClientSession
    sessions: Sessions
    pins: Pins
    ending: asyncio.Event
    """Set when streams that only wait are to end."""


class ServerBehind:
    """The server behind one exchange. `headers` are those of the client's request."""

    def __init__(self, way: Way, behind: Behind, headers: CIMultiDict[str]) -> None:
        self._way = way
        self._behind = behind
        self._headers = headers
        self.sends_to: URL = way.url
        """Where what is answered to the server is sent."""

    async def send(self, method: str, data: bytes = b"", said: Mapping[str, str] = {}) -> aiohttp.ClientResponse:
        """The server's answer to what is sent to its URL. `said` is what headers may repeat of it; as `asked`."""
        answer, self.sends_to = await self._followed(method, self._way.url, data, said)
        return answer

    async def asked(self, method: str, url: URL) -> aiohttp.ClientResponse:
        """The answer of another place of the server's; redirects within its origin are followed.

        Raises `UpstreamError` and its like.
        """
        answer, _ = await self._followed(method, url, b"", {})
        return answer

    async def _followed(
        self, method: str, url: URL, data: bytes, said: Mapping[str, str]
    ) -> tuple[aiohttp.ClientResponse, URL]:
        headers = to_upstream_guarded(repeated(self._headers, said))
        for _ in range(_MOST_REDIRECTS):
            answer = await self._requested(method, url, headers, data)
            if answer.status not in _REDIRECTS:
                return answer, url
            answer.close()
            url = self._redirected(method, answer, url)
        raise UpstreamError("the upstream answers with one redirect after another")

    def _redirected(self, method: str, answer: aiohttp.ClientResponse, url: URL) -> URL:
        """Where a redirect leads, if that is the same server. Raises `UpstreamError`."""
        with suppress(ValueError):
            found = url.join(URL(answer.headers.get("Location", ""), encoded=True))
            if found.origin() == url.origin() and (method == "GET" or answer.status in _KEEPS_METHOD):
                return found
        raise UpstreamError("the upstream answers with a redirect to elsewhere: set the URL that it leads to")

    async def _requested(
        self, method: str, url: URL, headers: CIMultiDict[str], data: bytes = b""
    ) -> aiohttp.ClientResponse:
        """The answer to one request, whatever it is. Raises `UpstreamError` and `UpstreamTimeoutError`."""
        settings = self._behind.settings
        silent = settings.stream_seconds if method == "GET" else settings.idle_seconds
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_seconds, sock_read=silent)
        body = io.BytesIO(data) if data else None
        with upstream_errors(settings.idle_seconds):
            try:
                async with asyncio.timeout(settings.idle_seconds):
                    return await self._behind.client.request(
                        method, url, data=body, headers=headers, allow_redirects=False, timeout=timeout
                    )
            except TimeoutError:
                raise UpstreamTimeoutError(f"the upstream did not answer within {settings.idle_seconds:g} s") from None

    async def tell(self, back: bytes) -> None:
        """Answer the server's own requests that were stopped."""
        headers = to_upstream_guarded(repeated(self._headers, {}))
        headers.popall("Last-Event-ID", None)
        headers.update({"Content-Type": "application/json", "Accept": f"application/json, {EVENTS}"})
        for line in lines_of(back):
            try:
                answer = await self._requested("POST", self.sends_to, headers, line)
            except TidegateError as error:
                _log.warning("the server could not be told what was stopped", extra={"reason": str(error)})
            else:
                answer.close()


class ExchangeContext:
    """What is known of one exchange."""

    def __init__(self, way: Way, start: StreamStart, behind: Behind, headers: CIMultiDict[str]) -> None:
        self.way = way
        self.behind = behind
        self.headers = headers
        self.server = ServerBehind(way, behind, headers)
        self.session = McpSession()
        self.numbers: set[Any] = set()
        """The ids of requests that wait for an answer."""
        self._start = start
        self._standing: Key = (way.place.name, start.policy, start.tenant, str(sorted(start.labels.items())))

    def key(self, name: str) -> Key:
        """By what a session is found that the server calls so."""
        return (*self._standing, name)

    @property
    def guard(self) -> McpGuard:
        """What judges the session's messages."""
        behind = self.behind
        start = msgspec.structs.replace(self._start, session_id=self._start.session_id or self.session.id)
        left_out = behind.sessions.left_out(self._standing, self.session)
        limit = behind.settings.max_message_bytes
        return McpGuard(behind.engine, start, behind.pins, max_message_bytes=limit, left_out=left_out)
