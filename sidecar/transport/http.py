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

import aiohttp
import msgspec
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from sidecar.codec import encoding, openai
from sidecar.codec.body import UnknownShapeError, WholeBody
from sidecar.codec.encoding import BrokenEncodingError
from sidecar.codec.frames import FrameTooLongError
from sidecar.config import Proxy
from sidecar.errors import CallerError, ConfigError, IdleStream, TidegateError
from sidecar.policy.plan import Plan
from sidecar.session import Engine, Session, StreamStart
from sidecar.transport.answers import StreamGuard, guard_whole
from sidecar.transport.exchange import (
    WITH_TEXT,
    InFlight,
    Whole,
    check_passes_closed,
    closed,
    decoded,
    finished,
    is_whole,
    opened_answer,
    opened_request,
    opens,
    parse_request,
    refusal_of,
    streamed,
    streams_as,
    too_large_answer,
    too_large_request,
    type_of_errors,
)
from sidecar.transport.facts import Caller, start_of, with_sources
from sidecar.transport.http_headers import (
    DECISION,
    POLICY,
    REQUEST_DECISION,
    STREAM,
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
    UnreadableAnswerError,
    UpstreamError,
    UpstreamTimeoutError,
    http_status_of,
)
from sidecar.transport.identity import Peer
from sidecar.transport.routes import Route, route_of
from sidecar.values import Action, Blocked, Direction

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
        self._marks: dict[str, str] = {}
        """Headers that say what was done."""
        self._begun: web.StreamResponse | None = None

    async def run(self) -> web.StreamResponse:
        """Serve the exchange. Raises `TidegateError` and whatever fails."""
        if self._route is None:
            return await self._pass()
        sent = CIMultiDict(self._request.headers)
        caller = Caller(sent, Peer(self._request.remote or ""))
        start = start_of(self._settings.facts, caller, None)
        data = await self._read_request()
        coding = coding_of(sent)
        content = opened_request(self._settings, coding, data)
        body = None if content is None else parse_request(self._settings, self._route, media_type(sent), content)
        if content is None or body is None:
            self._marks[REQUEST_DECISION] = UNGUARDED
            await self._engine.report_unscanned(start, "request", "encoded" if content is None else "unknown shape")
        else:
            start = start_of(self._settings.facts, caller, body.document)
            if (refusal := await self._guard_request(self._route, start, body)) is not None:
                return refusal
            start = with_sources(start, body.texts, self._engine.limits)
            changed = finished(body, CallerError("is nested too deep to be changed", field="body"))
            data = closed(coding, data, content, changed)
        headers = identity_only(to_upstream(sent))
        async with self._sent(io.BytesIO(data), headers) as answer:
            start = msgspec.structs.replace(start, direction=Direction.OUTPUT)
            return await self._guard_answer(self._route, start, answer)

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
        failure = self._route.shape.failure if self._route is not None else openai.failure
        answer = self._answer_instead(status.code, failure(status.code, status.message))
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
            data = await _read_at_most(self._request.content, limit)
        except (aiohttp.ClientPayloadError, web.RequestPayloadError, aiohttp.http.HttpProcessingError):
            raise CallerError("cannot be read: broken, or not encoded as its headers say", field="body") from None
        if data is None:
            raise too_large
        return data

    async def _guard_request(self, route: Route, start: StreamStart, body: Whole) -> web.Response | None:
        """Guard the request; the answer that refuses it when a policy stopped it."""
        async with self._engine.open(start) as session:
            summary = await guard_whole(session, body)
        self._marks[REQUEST_DECISION] = summary.action.name.lower()
        if body.blocked is None:
            return None
        self._mark(session)
        self._marks[DECISION] = Action.BLOCK.name.lower()
        return self._refusal(route, body.blocked, session.plan)

    def _refusal(self, route: Route, blocked: Blocked, plan: Plan) -> web.Response:
        return self._answer_instead(*refusal_of(route, blocked, plan))

    def _answer_instead(self, status: int, data: bytes) -> web.Response:
        """An answer of ours, in the upstream's place."""
        kind = type_of_errors(self._route.shape if self._route is not None else None)
        return web.Response(status=status, body=data, headers={"Content-Type": kind, **self._marks})

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
        self._marks[DECISION] = UNGUARDED
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
            return await self._pass_unscanned(start, answer, "encoded")
        if kind == streams_as(route.shape):
            return await self._stream(route, start, answer, coding)
        if is_whole(route.shape, kind):
            return await self._whole(route, start, answer, coding)
        return await self._unknown(start, answer, f"its content type {kind!r} is not one of {route.shape.name}")

    async def _whole(
        self, route: Route, start: StreamStart, answer: aiohttp.ClientResponse, coding: str
    ) -> web.StreamResponse:
        data = await _read_at_most(answer.content, self._settings.max_answer_bytes)
        if data is None:
            raise too_large_answer(self._settings.max_answer_bytes)
        content = opened_answer(self._settings, coding, data)
        try:
            body = WholeBody(route.shape, content, is_request=False)
        except UnknownShapeError:
            return await self._unknown(start, answer, "it is not JSON", data)
        async with self._engine.open(start) as session:
            summary = await guard_whole(session, body)
        self._mark(session)
        self._marks[DECISION] = summary.action.name.lower()
        headers = to_client_guarded(CIMultiDict(answer.headers))
        headers.update(self._marks)
        changed = finished(body, UnreadableAnswerError("the upstream's answer is nested too deep to be changed"))
        data = closed(coding, data, content, changed)
        return web.Response(status=answer.status, reason=answer.reason, body=data, headers=headers)

    async def _stream(
        self, route: Route, start: StreamStart, answer: aiohttp.ClientResponse, coding: str
    ) -> web.StreamResponse:
        body = streamed(self._settings, route.shape)
        encoder = encoding.encoder(coding) if coding else None
        async with self._engine.open(start) as session:
            self._mark(session)
            response = await self._begin(answer, to_client_guarded(CIMultiDict(answer.headers)))

            async def write(data: bytes) -> None:
                await self._write(response, encoder.feed(data) if encoder is not None else data)

            chunks = decoded(self._settings, coding, answer.content.iter_any())
            await StreamGuard(session, body, write).run(chunks)
        if encoder is not None:
            await self._write(response, encoder.finish())
        await response.write_eof()
        return response

    async def _unknown(
        self, start: StreamStart, answer: aiohttp.ClientResponse, why: str, data: bytes = b""
    ) -> web.StreamResponse:
        """An answer that cannot be checked. `data` is what was read of it."""
        if self._settings.unknown_bodies == "refuse":
            raise UnreadableAnswerError(f"the upstream's answer cannot be checked: {why}")
        return await self._pass_unscanned(start, answer, "unknown shape", data)

    async def _pass_unscanned(
        self, start: StreamStart, answer: aiohttp.ClientResponse, why: str, data: bytes = b""
    ) -> web.StreamResponse:
        """Pass an answer on that nobody looked at, and say so."""
        self._marks[DECISION] = UNGUARDED
        await self._engine.report_unscanned(start, "answer", why)
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
        headers.update(self._marks)
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

    def _mark(self, session: Session) -> None:
        self._marks[POLICY] = f"{session.plan.name}@{session.plan.version}"
        self._marks[STREAM] = session.info.stream_id


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


async def _read_at_most(content: aiohttp.StreamReader, limit: int) -> bytes | None:
    """All that comes; None when it is more than the limit."""
    pieces: list[bytes] = []
    room = limit
    async for data in content.iter_any():
        room -= len(data)
        if room < 0:
            return None
        pieces.append(data)
    return b"".join(pieces)


def _reason(error: Exception) -> str:
    told = TidegateError | FrameTooLongError | UnknownShapeError | BrokenEncodingError
    return str(error) if isinstance(error, told) else type(error).__name__


def _host_and_port(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(f"{address!r} is not HOST:PORT", path="proxy.listen")
    return host.strip("[]"), int(port)
