"""The guarding HTTP proxy: the request through an input stream, the answer through an output stream.

An exchange, top to bottom, is `_Exchange.run`: read the request, guard it, send it on, guard the answer. A client that
goes away cancels its exchange, and with it the sessions and the upstream's connection. Before the answer has begun, an
error is told in the provider's own error shape (`http_status`); after that the connection ends: nothing is invented.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from sidecar.codec.body import UnknownShapeError
from sidecar.codec.encoding import BrokenEncodingError
from sidecar.codec.frames import FrameTooLongError
from sidecar.config import Proxy
from sidecar.errors import CallerError, ConfigError, IdleStream, TidegateError
from sidecar.session import Engine, StreamStart
from sidecar.transport.bodies import Bodies, Refused
from sidecar.transport.exchange import (
    WITH_TEXT,
    InFlight,
    check_passes_closed,
    failure_of,
    is_whole,
    opens,
    read_at_most,
    streams_as,
    too_large_answer,
    too_large_request,
    type_of_errors,
)
from sidecar.transport.facts import Caller
from sidecar.transport.http_headers import (
    DECISION,
    UNGUARDED,
    coding_of,
    identity_only,
    media_type,
    to_client,
    to_client_guarded,
    to_upstream,
)
from sidecar.transport.http_status import (
    UnknownPathError,
    UpstreamError,
    UpstreamTimeoutError,
    http_status_of,
)
from sidecar.transport.identity import Peer
from sidecar.transport.routes import Route, route_of

_log = logging.getLogger(__name__)

_KEEP_ALIVE_SECONDS = 4.0
"""Shorter than servers keep idle connections, so that none is closed just as a request goes out."""
_SHUTDOWN_SECONDS = 1.0
_ADDED_BY_AIOHTTP = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class HttpProxy:
    """The listener, and the connections to the upstream."""

    def __init__(self, engine: Engine, settings: Proxy) -> None:
        self._engine = engine
        self._settings = settings
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None
        self._running = InFlight()
        self.address = ""
        """Where it listens, with the port that was chosen for port 0."""

    async def start(self) -> None:
        """Listen and serve. Raises `ConfigError` when the address cannot be bound."""
        host, port = _host_and_port(self._settings.listen)
        self._client = _client(self._settings)
        routes = web.Application()
        routes.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(
            routes,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            auto_decompress=False,
        )
        await runner.setup()
        self._runner = runner
        try:
            await web.TCPSite(runner, host, port, reuse_port=self._settings.share_port or None).start()
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {self._settings.listen}: {error.strerror}", path="proxy.listen"
            ) from None
        self.address = f"{host}:{runner.addresses[0][1]}"

    async def drain(self) -> None:
        """Refuse new exchanges; returns when none is left."""
        await self._running.drain()

    async def stop(self) -> None:
        """Stop listening. What still runs is cancelled."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._client is not None:
            await self._client.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        assert self._client is not None
        exchange = _Exchange(request, self._engine, self._settings, self._client)
        with self._running.counted():
            try:
                self._running.admit()
                return await exchange.run()
            except Exception as error:  # noqa: BLE001 - one exchange's fault ends that exchange only
                return exchange.failed(error)


class _Exchange:
    """One request and its answer."""

    def __init__(self, request: web.Request, engine: Engine, settings: Proxy, client: aiohttp.ClientSession) -> None:
        self._request = request
        self._engine = engine
        self._settings = settings
        self._client = client
        self._route = route_of(request.method, request.raw_path.partition("?")[0], settings.text_paths)
        self._bodies = Bodies(engine, settings)
        self._begun: web.StreamResponse | None = None

    async def run(self) -> web.StreamResponse:
        """Serve the exchange. Raises `TidegateError` and whatever fails."""
        if self._route is None:
            return await self._pass()
        sent = CIMultiDict(self._request.headers)
        caller = Caller(sent, Peer(self._request.remote or ""))
        data = await self._read_request()
        guarded = await self._bodies.request(self._route, caller, media_type(sent), coding_of(sent), data)
        if isinstance(guarded, Refused):
            return self._answer_instead(guarded.status, guarded.data)
        headers = identity_only(to_upstream(sent))
        async with self._sent(io.BytesIO(guarded.data), headers) as answer:
            return await self._guard_answer(self._route, guarded.start, answer)

    def failed(self, error: Exception) -> web.StreamResponse:
        """The answer that tells an error; when one has begun, its connection ends instead."""
        if not isinstance(error, TidegateError):
            _log.error("a request failed", exc_info=error)
        if self._begun is not None:
            _log.warning("an answer was broken off", extra={"reason": _reason(error)})
            if self._request.transport is not None:
                self._request.transport.close()
            return self._begun
        status = http_status_of(error)
        answer = self._answer_instead(status.code, failure_of(self._route, status))
        if status.retry_after_seconds is not None:
            answer.headers["Retry-After"] = str(status.retry_after_seconds)
        return answer

    # -- the request ----------------------------------------------------------------------------------------------

    async def _read_request(self) -> bytes:
        limit = self._settings.max_request_bytes
        too_large = too_large_request(limit)
        if (self._request.content_length or 0) > limit:
            raise too_large
        try:
            data = await read_at_most(self._request.content.iter_any(), limit)
        except (aiohttp.ClientPayloadError, web.RequestPayloadError, aiohttp.http.HttpProcessingError):
            raise CallerError("cannot be read: broken, or not encoded as its headers say", field="body") from None
        if data is None:
            raise too_large
        return data

    def _answer_instead(self, status: int, data: bytes) -> web.Response:
        """An answer of ours, in the upstream's place."""
        kind = type_of_errors(self._route.shape if self._route is not None else None)
        return web.Response(status=status, body=data, headers={"Content-Type": kind, **self._bodies.marks})

    # -- the upstream ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _sent(
        self, data: io.BytesIO | aiohttp.StreamReader | None, headers: CIMultiDict[str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The upstream's answer to the request; left before its end, the connection is closed.

        Raises `UpstreamError` for what goes wrong there, in the body too.
        """
        if not self._request.raw_path.startswith("/"):
            raise CallerError("must begin with a slash", field="path")
        url = URL(self._settings.upstream + self._request.raw_path, encoded=True)
        with _upstream_errors(self._settings.idle_seconds):
            answer = await self._client.request(
                self._request.method, url, data=data, headers=headers, allow_redirects=False
            )
            try:
                yield answer
            finally:
                answer.close()

    async def _pass(self) -> web.StreamResponse:
        """Serve a path that carries no text of a model, as far as is known."""
        if self._settings.unknown_paths == "refuse":
            raise UnknownPathError(f"{self._request.method} of this path is not guarded, and so not served")
        self._bodies.marks[DECISION] = UNGUARDED
        headers = to_upstream(CIMultiDict(self._request.headers))
        data = self._request.content if self._request.can_read_body else None
        async with self._sent(data, headers) as answer:
            return await self._copy(answer)

    # -- the answer -----------------------------------------------------------------------------------------------

    async def _guard_answer(
        self, route: Route, start: StreamStart, answer: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        kind, coding = media_type(answer.headers), coding_of(CIMultiDict(answer.headers))
        if answer.status not in WITH_TEXT:
            return await self._copy(answer)
        if not opens(self._settings, coding):
            check_passes_closed(self._settings, coding)
            await self._bodies.report_unscanned(start, "answer", "encoded")
            return await self._copy(answer)
        if kind == streams_as(route.shape):
            return await self._stream(route, start, answer, coding)
        if is_whole(route.shape, kind):
            return await self._whole(route, start, answer, coding)
        return await self._unknown(start, answer, f"its content type {kind!r} is not one of {route.shape.name}")

    async def _whole(
        self, route: Route, start: StreamStart, answer: aiohttp.ClientResponse, coding: str
    ) -> web.StreamResponse:
        data = await read_at_most(answer.content.iter_any(), self._settings.max_answer_bytes)
        if data is None:
            raise too_large_answer(self._settings.max_answer_bytes)
        guarded = await self._bodies.whole_answer(route, start, coding, data)
        if guarded is None:
            return await self._unknown(start, answer, "it is not JSON", data)
        headers = to_client_guarded(CIMultiDict(answer.headers))
        headers.update(self._bodies.marks)
        return web.Response(status=answer.status, reason=answer.reason, body=guarded, headers=headers)

    async def _stream(
        self, route: Route, start: StreamStart, answer: aiohttp.ClientResponse, coding: str
    ) -> web.StreamResponse:
        async with self._bodies.answer_stream(start) as session:
            response = await self._begin(answer, to_client_guarded(CIMultiDict(answer.headers)))
            write = partial(self._write, response)
            await self._bodies.guard(session, route, coding, answer.content.iter_any(), write)
        await response.write_eof()
        return response

    async def _unknown(
        self, start: StreamStart, answer: aiohttp.ClientResponse, why: str, data: bytes = b""
    ) -> web.StreamResponse:
        """An answer that cannot be checked. `data` is what was read of it."""
        await self._bodies.report_unknown(start, why)
        return await self._copy(answer, data)

    async def _copy(self, answer: aiohttp.ClientResponse, data: bytes = b"") -> web.StreamResponse:
        """Pass an answer on as it comes."""
        response = await self._begin(answer, to_client(CIMultiDict(answer.headers)))
        await self._write(response, data)
        async for piece in answer.content.iter_any():
            await self._write(response, piece)
        await response.write_eof()
        return response

    async def _begin(self, answer: aiohttp.ClientResponse, headers: CIMultiDict[str]) -> web.StreamResponse:
        headers.update(self._bodies.marks)
        response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
        await response.prepare(self._request)
        self._begun = response
        return response

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        """Send bytes. Raises `IdleStream` when the client takes none for too long; one that went away cancels."""
        try:
            async with asyncio.timeout(self._engine.idle_seconds):
                await response.write(data)
        except TimeoutError:
            raise IdleStream(self._engine.idle_seconds) from None
        except ConnectionError:
            raise asyncio.CancelledError from None


def _client(settings: Proxy) -> aiohttp.ClientSession:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_seconds, sock_read=settings.idle_seconds)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=timeout,
        skip_auto_headers=_ADDED_BY_AIOHTTP,
        auto_decompress=False,
    )


@contextmanager
def _upstream_errors(idle_seconds: float) -> Iterator[None]:
    """Tell what goes wrong with the upstream in our words, without its address."""
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        number = error.os_error.errno or 0
        why = os.strerror(number) if number > 0 else "its name is not known"
        raise UpstreamError(f"the upstream cannot be reached: {why}") from error
    except aiohttp.ServerTimeoutError as error:
        raise UpstreamTimeoutError(
            f"the upstream could not be reached in time, or was silent for {idle_seconds:g} s"
        ) from error
    except aiohttp.ClientError as error:
        raise UpstreamError("the upstream broke off, or does not speak HTTP") from error


def _reason(error: Exception) -> str:
    told = TidegateError | FrameTooLongError | UnknownShapeError | BrokenEncodingError
    return str(error) if isinstance(error, told) else type(error).__name__


def _host_and_port(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(f"{address!r} is not HOST:PORT", path="proxy.listen")
    return host.strip("[]"), int(port)
