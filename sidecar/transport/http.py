"""The guarding HTTP proxy: the request through an input stream, the answer through an output stream.

An exchange, top to bottom, is `_Exchange.run`: judge the request's head, read the request, guard it, send it on, guard
the answer. A client that
goes away cancels its exchange, and with it the sessions and the upstream's connection. Before the answer has begun, an
error is told in the provider's own error shape (`http_status`); after that the connection ends: nothing is invented.
"""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from sidecar.codec.shape import Shape
from sidecar.config import Proxy
from sidecar.engine import Engine
from sidecar.errors import CallerError, Overloaded, TidegateError
from sidecar.start import StreamStart
from sidecar.transport.bodies import NOT_READ, Bodies, Passed, Refused
from sidecar.transport.connections import let_body_come, listening, upstream_client, upstream_errors, write
from sidecar.transport.decision import (
    BODY_OF_READING,
    NAMES,
    SNIFFED,
    Asked,
    Decision,
    Guard,
    Nothing,
    Pass,
    Refuse,
    Streams,
    Unread,
    Unreadable,
    Whole,
    decide,
    has_content,
    name_of,
    needs_sniffing,
    of_answer,
    sniffed,
)
from sidecar.transport.exchange import (
    Held,
    InFlight,
    Room,
    chained,
    failure_of,
    is_empty,
    peeked,
    read_at_most,
    read_request,
    told,
    too_large_answer,
    too_large_request,
    type_of_errors,
    unavailable_in_stream,
)
from sidecar.transport.facts import Caller, start_of
from sidecar.transport.http_headers import (
    Described,
    described,
    size_of,
    to_client,
    to_client_guarded,
    to_upstream,
    to_upstream_guarded,
)
from sidecar.transport.http_status import RefusedError, http_status_of
from sidecar.transport.identity import Peer
from sidecar.transport.upgrades import relay

_log = logging.getLogger(__name__)


class HttpProxy:
    """The listener, and the connections to the upstream."""

    def __init__(self, engine: Engine, settings: Proxy, room: Room | None = None) -> None:
        """`room` is for the bodies of requests, where other transports share it."""
        self._engine = engine
        self._settings = settings
        self._runner: web.ServerRunner | None = None
        self._client: aiohttp.ClientSession | None = None
        self._running = InFlight(engine.limits.max_streams)
        self._room = room or Room(engine.limits.request_bodies_bytes)
        engine.metrics.know_paths(NAMES)
        self.address = ""
        """Where it listens, with the port that was chosen for port 0."""

    async def start(self) -> None:
        """Listen and serve. Raises `ConfigError` when the address cannot be bound."""
        self._client = upstream_client(
            connect_seconds=self._settings.connect_seconds, idle_seconds=self._settings.idle_seconds
        )
        self._runner, self.address = await listening(
            self._handle, self._settings.listen, "proxy.listen", shares_port=self._settings.share_port
        )

    @property
    def held_bytes(self) -> int:
        """How many bytes of requests' bodies wait to be guarded."""
        return self._room.taken

    async def drain(self) -> None:
        """Refuse new exchanges; returns when none is left."""
        await self._running.drain()

    async def stop(self) -> None:
        """Stop listening. What still runs is cancelled."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._client is not None:
            await self._client.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        assert self._client is not None
        exchange = _Exchange(request, self._engine, self._settings, self._client)
        with self._running.counted():
            try:
                self._running.admit()
                return await exchange.run(self._running, self._room)
            except Exception as error:  # noqa: BLE001 - one exchange's fault ends that exchange only
                return exchange.failed(error)
            finally:
                exchange.end()


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, request: web.BaseRequest, engine: Engine, settings: Proxy, client: aiohttp.ClientSession
    ) -> None:
        self._request = request
        self._engine = engine
        self._settings = settings
        self._client = client
        self._asked = Asked(request.method, request.raw_path, CIMultiDict(request.headers))
        self._decision: Decision = decide(settings, self._asked)
        self._caller = Caller(self._asked.headers, Peer(request.remote or ""), route=request.path)
        upstream = URL(settings.upstream)
        self._bodies = Bodies(engine, settings, server=f"{upstream.host}:{upstream.port}")
        self._answered = 0
        """The status of the upstream's answer."""
        self._error = ""
        """What ended it, if something went wrong."""
        self._begun: web.StreamResponse | None = None

    async def run(self, running: InFlight, room: Room) -> web.StreamResponse:
        """Serve the exchange. Raises `TidegateError` and whatever fails."""
        if isinstance(self._decision, Refuse):
            raise RefusedError(self._decision)
        self._bodies.path = name_of(self._decision, self._asked.path)
        self._bodies.target = self._asked.target
        if isinstance(self._decision, Pass):
            return await self._pass(self._decision)
        with running.permit():
            return await self._guard(self._decision, room)

    def failed(self, error: Exception) -> web.StreamResponse:
        """The answer that tells an error; when one has begun, its connection ends instead."""
        error = told(error)
        self._error = type(error).__name__
        if not isinstance(error, TidegateError):
            _log.error("a request failed", exc_info=error)
        if self._begun is not None:
            _log.warning("an answer was broken off", extra={"reason": _reason(error)})
            if self._request.transport is not None:
                self._request.transport.close()
            return self._begun
        status = http_status_of(error, self._answered)
        code, data = failure_of(self._shape, status)
        _log.info("an exchange was refused", extra={"status": code, "reason": status.reason})
        answer = self._answer_instead(code, status.reason, data, type_of_errors(self._shape))
        answer.headers.update(status.headers)
        return answer

    def end(self) -> None:
        """The exchange is over, in whatever way."""
        self._bodies.end(status=self._answered, error=self._error)

    @property
    def _shape(self) -> Shape | None:
        return None if isinstance(self._decision, Pass) else self._decision.shape

    def _answer_instead(self, status: int, reason: str, data: bytes, media_type: str) -> web.Response:
        """An answer of ours, in the upstream's place."""
        self._engine.metrics.count_refused(status, reason)
        headers = self._bodies.headers_instead(media_type, self._caller)
        return web.Response(status=status, body=data, headers=headers)

    # -- the request ----------------------------------------------------------------------------------------------

    async def _guard(self, guard: Guard, room: Room) -> web.StreamResponse:
        with room.held() as held:
            guarded = await self._guard_request(guard, held)
            if isinstance(guarded, Refused):
                return self._answer_instead(guarded.status, "policy", guarded.data, guarded.media_type)
            start, data = guarded.start, io.BytesIO(guarded.data) if guarded.data else None
            del guarded  # an answer may take long, and needs none of it
            answer = await self._send(data, self._joined(to_upstream_guarded(self._asked.headers)))
        with self._open(answer):
            return await self._guard_answer(guard, start, answer)

    def _joined(self, headers: CIMultiDict[str]) -> CIMultiDict[str]:
        """The headers with which the upstream's own spans belong to the one made here, where one is."""
        if traceparent := self._bodies.traceparent:
            headers["traceparent"] = traceparent
        return headers

    async def _guard_request(self, guard: Guard, held: Held) -> Passed | Refused:
        data = await self._read_request(held)
        if data and self._asked.is_reading:
            raise RefusedError(BODY_OF_READING)
        return await self._bodies.request(guard, self._caller, described(self._asked.headers), data, held)

    async def _read_request(self, held: Held) -> bytes:
        if (self._request.content_length or 0) > self._settings.max_request_bytes:
            raise too_large_request(self._settings.max_request_bytes)
        let_body_come(self._request)
        try:
            return await read_request(self._settings, self._request.content.iter_any(), held)
        except (aiohttp.ClientPayloadError, web.RequestPayloadError, aiohttp.http.HttpProcessingError):
            raise CallerError("cannot be read: broken, or not encoded as its headers say", field="body") from None

    async def _pass(self, passed: Pass) -> web.StreamResponse:
        """Serve what the settings have pass unread."""
        start = start_of(self._settings.facts, self._caller, None)
        if passed.is_upgrade:
            return await self._pass_upgrade(start, passed)
        data = self._request.content if self._request.can_read_body else None
        if data is not None:
            let_body_come(self._request)
            if self._asked.is_reading and not await is_empty(data.iter_any()):
                raise RefusedError(BODY_OF_READING)
            await self._bodies.report_request(
                start, described(self._asked.headers), passed.why, size_of(self._asked.headers)
            )
        answer = await self._send(data, to_upstream(self._asked.headers))
        with self._open(answer):
            if not has_content(self._asked.method, answer.status):
                return await self._copy(answer, answer.content.iter_any())
            return await self._unread(Unread(passed.why), start, answer)

    async def _pass_upgrade(self, start: StreamStart, passed: Pass) -> web.StreamResponse:
        await self._bodies.report_unscanned(start, "request", passed.why)
        await self._bodies.report_unscanned(start, "answer", passed.why)
        with upstream_errors(self._settings.idle_seconds):
            return await relay(self._request, self._client, self._url(), self._bodies.marks)

    # -- the upstream ---------------------------------------------------------------------------------------------

    async def _send(
        self, data: io.BytesIO | aiohttp.StreamReader | None, headers: CIMultiDict[str]
    ) -> aiohttp.ClientResponse:
        """The upstream's answer to the request. Raises `UpstreamError` for what goes wrong there."""
        with upstream_errors(self._settings.idle_seconds):
            answer = await self._client.request(
                self._request.method, self._url(), data=data, headers=headers, allow_redirects=False
            )
        self._answered = answer.status
        return answer

    def _url(self) -> URL:
        """Where the request goes: the target that was judged, to the byte."""
        upstream = URL(self._settings.upstream, encoded=True)
        url = URL(self._settings.upstream + self._asked.target, encoded=True)
        if url.raw_path_qs != upstream.raw_path.rstrip("/") + self._asked.target:
            raise RefusedError(Refuse(400, "target", "the request's target cannot be sent on as it came"))
        return url

    @contextmanager
    def _open(self, answer: aiohttp.ClientResponse) -> Iterator[None]:
        """The body of an answer; left before its end, the connection is closed. Raises as `_send` does."""
        with upstream_errors(self._settings.idle_seconds):
            try:
                yield
            finally:
                answer.close()

    # -- the answer -----------------------------------------------------------------------------------------------

    async def _guard_answer(
        self, guard: Guard, start: StreamStart, answer: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        begins = b""
        chunks: AsyncIterator[bytes] = answer.content.iter_any()
        way = of_answer(self._settings, guard, self._asked.method, answer.status, _described(answer))
        if needs_sniffing(way):
            begins, chunks = await peeked(chunks, SNIFFED)
        match sniffed(way, begins):
            case Nothing():
                return await self._copy(answer, chunks)
            case Streams() as way:
                return await self._stream(way, start, answer, chunks)
            case Whole() as way:
                return await self._whole(way, start, answer, chunks)
            case found:
                return await self._unread(found, start, answer)

    async def _whole(
        self, way: Whole, start: StreamStart, answer: aiohttp.ClientResponse, chunks: AsyncIterator[bytes]
    ) -> web.StreamResponse:
        data = await read_at_most(chunks, self._settings.max_answer_bytes)
        if data is None:
            raise too_large_answer(self._settings.max_answer_bytes)
        if not data:
            return await self._copy(answer, chunks)
        guarded = await self._bodies.whole_answer(way, start, _described(answer), data)
        if guarded is None:
            await self._bodies.report_answer(start, NOT_READ)
            return await self._copy(answer, chained([data], chunks))
        headers = to_client_guarded(CIMultiDict(answer.headers))
        headers.update(self._bodies.marks)
        return web.Response(status=answer.status, body=guarded, headers=headers)

    async def _stream(
        self, way: Streams, start: StreamStart, answer: aiohttp.ClientResponse, chunks: AsyncIterator[bytes]
    ) -> web.StreamResponse:
        async def write(data: bytes) -> None:
            await self._write(self._begun or await self._begin(answer, to_client_guarded(headers)), data)

        headers, coding = CIMultiDict(answer.headers), _described(answer).coding
        try:
            async with self._bodies.answer_stream(start) as session:
                await self._bodies.guard(session, way, coding, chunks, write)
        except Overloaded as error:
            last = None if coding else unavailable_in_stream(way, http_status_of(error))
            if self._begun is None or last is None:
                raise
            await self._write(self._begun, last)
        response = self._begun or await self._begin(answer, to_client_guarded(headers))
        await response.write_eof()
        return response

    async def _unread(
        self, found: Unread | Unreadable, start: StreamStart, answer: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        """An answer that nobody looks at, unless it is empty; one that changes protocols is never over."""
        begins, chunks = await peeked(answer.content.iter_any(), 1)
        if begins or answer.status == HTTPStatus.SWITCHING_PROTOCOLS:
            await self._bodies.report_answer(start, found)
        return await self._copy(answer, chunks)

    async def _copy(self, answer: aiohttp.ClientResponse, chunks: AsyncIterator[bytes]) -> web.StreamResponse:
        """Pass an answer on as it comes."""
        response = await self._begin(answer, to_client(CIMultiDict(answer.headers)))
        async for piece in chunks:
            await self._write(response, piece)
        await response.write_eof()
        return response

    async def _begin(self, answer: aiohttp.ClientResponse, headers: CIMultiDict[str]) -> web.StreamResponse:
        headers.update(self._bodies.marks)
        # Without the upstream's reason phrase: it is text, nobody needs it, and HTTP/2 has none.
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(self._request)
        self._begun = response
        return response

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        await write(response, data, self._engine.idle_seconds)


def _described(answer: aiohttp.ClientResponse) -> Described:
    return described(CIMultiDict(answer.headers))


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, TidegateError) else type(error).__name__
