"""One request of a client's over HTTP, and what a server of MCP answers to it, in both transports of the protocol.

1. Streamable HTTP: messages come by POST and are answered by JSON or by a stream of events; a GET is a stream of what
   the server says by itself, or resumes one (`Last-Event-ID`).
2. HTTP+SSE, of revision 2024-11-05: a GET is the session. Its first event, `endpoint`, says where messages are sent by
   POST, which is the relay, too; all answers come as events.

Each message is judged by the session's guard as it comes. An event that nothing was done to goes on byte for byte, and
so do comments and `retry`; one that was dropped leaves its id behind, so that streams resume behind it. An event that
comes again, by its id and content, becomes what it became, and is not judged or told again.

A server that does not answer, or breaks off, is told to whoever waits, by an error of JSON-RPC.
"""

from __future__ import annotations

import asyncio
import io
import logging
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any, NamedTuple

import aiohttp
import msgspec
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from sidecar.codec.frames import Frame, FrameTooLongError, ServerSentEvents
from sidecar.codec.jsontext import NotJsonError, edited, loads
from sidecar.config import Mcp
from sidecar.engine import Engine
from sidecar.errors import TidegateError
from sidecar.mcp.guard import McpGuard
from sidecar.mcp.messages import (
    PARSE_ERROR,
    STOPPED,
    UNANSWERED,
    UNCHECKED,
    answers_in,
    errors_for,
    joined,
    line_of,
    lines_of,
    requests_in,
)
from sidecar.mcp.pins import Pins
from sidecar.mcp.routes import Way, challenge_of, relayed_target, resource_of, told_target
from sidecar.mcp.sessions import Key, Session, Sessions
from sidecar.start import StreamStart
from sidecar.transport.connections import let_body_come, upstream_errors, write
from sidecar.transport.decision import Refuse
from sidecar.transport.exchange import Room, read_at_most, read_request, too_large_answer
from sidecar.transport.http_headers import coding_of, described, to_client_guarded, to_upstream_guarded
from sidecar.transport.http_status import (
    RefusedError,
    UnreadableAnswerError,
    UpstreamError,
    UpstreamTimeoutError,
)

_log = logging.getLogger(__name__)

SESSION = "Mcp-Session-Id"
EVENTS = "text/event-stream"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3
_KEEPS_METHOD = frozenset({307, 308})
_ID = re.compile(rb"(?:^|[\r\n]|\xef\xbb\xbf)id: ?([^\r\n\x00]*)")
_DATA = re.compile(rb"(?:^|[\r\n])data: ?")
_GONE = "The server broke off before it answered."
_TEXT_STOPPED = "The server's answer was stopped by a policy."


class Behind(NamedTuple):
    """What the exchanges of one server share."""

    engine: Engine
    settings: Mcp
    client: aiohttp.ClientSession
    sessions: Sessions
    pins: Pins
    ending: asyncio.Event
    """Set when streams that only wait are to end."""


class Exchange:
    """See the module's text."""

    def __init__(self, request: web.BaseRequest, way: Way, start: StreamStart, behind: Behind) -> None:
        self._request = request
        self._way = way
        self._start = start
        self._behind = behind
        self._headers = CIMultiDict(request.headers)
        self._standing: Key = (way.place.name, start.policy, start.tenant, str(sorted(start.labels.items())))
        self._session = Session()
        self._writing = asyncio.Lock()
        self._resumes = False
        """Whether an event had an id, so that the client can resume the stream."""
        self._sends_to: URL = way.url
        """Where what is answered to the server is sent."""
        self.begun: web.StreamResponse | None = None
        self.numbers: set[Any] = set()
        """The ids of requests that wait for an answer."""

    async def run(self, room: Room) -> web.StreamResponse:
        """Serve the exchange. Raises `TidegateError` and whatever fails."""
        if self._way.is_metadata:
            return await self._metadata()
        with self._in_session():
            match self._request.method:
                case "POST":
                    return await self._post(room)
                case "GET":
                    return await self._answered(await self._send("GET"))
                case "DELETE":
                    return await self._delete()
                case method:
                    return await self._answered(await self._send(method))

    # -- sessions -------------------------------------------------------------------------------------------------

    @contextmanager
    def _in_session(self) -> Iterator[None]:
        """Find the session. Raises `RefusedError`, and `Overloaded` when there are too many."""
        sessions, named = self._behind.sessions, self._headers.get(SESSION, "")
        if self._way.told:
            found = sessions.find(self._key(self._way.told))
            if found is None:
                raise RefusedError(Refuse(HTTPStatus.NOT_FOUND, "session", "there is no such session, or it is over"))
            self._session = found
        elif named:
            self._session = sessions.take_up(self._key(named))
        self._session.open += 1
        try:
            yield
        finally:
            self._session.open -= 1

    def _key(self, name: str) -> Key:
        return (*self._standing, name)

    @property
    def _guard(self) -> McpGuard:
        behind = self._behind
        start = msgspec.structs.replace(self._start, session_id=self._start.session_id or self._session.id)
        left_out = behind.sessions.left_out(self._standing)
        limit = behind.settings.max_message_bytes
        return McpGuard(behind.engine, start, behind.pins, max_message_bytes=limit, left_out=left_out)

    def _note_session(self, answer: aiohttp.ClientResponse) -> None:
        """Take note of a session that the server began, or no longer knows. Raises `Overloaded`."""
        asked, named = self._headers.get(SESSION, ""), answer.headers.get(SESSION, "")
        if asked and answer.status == HTTPStatus.NOT_FOUND:
            self._behind.sessions.end(self._key(asked))
        elif named and named != asked:
            self._behind.sessions.begin(self._key(named), self._session)

    # -- requests -------------------------------------------------------------------------------------------------

    async def _post(self, room: Room) -> web.StreamResponse:
        if coding_of(self._headers):
            message = "messages are sent without a content coding"
            raise RefusedError(Refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "coding", message))
        let_body_come(self._request)
        with room.held() as held:
            data = await read_request(self._behind.settings, self._request.content.iter_any(), held)
            relayed = await self._guard.from_client(data)
            del data  # an answer may take long, and needs none of it
            self.numbers = requests_in(relayed.onward)
            if self._way.told:
                return await self._post_told(relayed.onward, relayed.back)
            if not relayed.onward:
                return _instead(relayed.back)
            answer = await self._send("POST", relayed.onward)
        return await self._answered(answer, relayed.back)

    async def _post_told(self, onward: bytes, back: bytes) -> web.StreamResponse:
        """A message over HTTP+SSE: what is answered to it comes on the session's stream."""
        for line in lines_of(back):
            await self._tell(line)
        if not onward:
            return web.Response(status=HTTPStatus.ACCEPTED)
        self._session.waiting |= self.numbers
        try:
            answer = await self._send("POST", onward)
        except (UpstreamError, UpstreamTimeoutError) as error:
            if self._session.tell is None or not self.numbers:
                raise
            await self._give_up(str(error))
            return web.Response(status=HTTPStatus.ACCEPTED)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            await self._give_up(f"the server refused the message: HTTP {answer.status}")
        return await self._answered(answer)

    async def _give_up(self, why: str) -> None:
        """Tell on the session's stream that requests are not answered."""
        self._session.waiting -= self.numbers
        for line in lines_of(errors_for(self.numbers, UNANSWERED, why)):
            await self._tell(line)

    async def _tell(self, line: bytes) -> None:
        if self._session.tell is not None:
            await self._session.tell(line)

    async def _delete(self) -> web.StreamResponse:
        answer = await self._send("DELETE")
        if answer.ok:
            self._behind.sessions.end(self._key(self._headers.get(SESSION, "")))
        return await self._answered(answer)

    # -- the server -----------------------------------------------------------------------------------------------

    async def _send(self, method: str, data: bytes = b"") -> aiohttp.ClientResponse:
        """The server's answer; redirects within its origin are followed. Raises `UpstreamError` and its like."""
        url = self._way.url
        headers = to_upstream_guarded(self._headers)
        for _ in range(_MOST_REDIRECTS):
            answer = await self._requested(method, url, headers, data)
            if answer.status not in _REDIRECTS:
                self._sends_to = url
                return answer
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

    async def _to_server(self, back: bytes) -> None:
        """Answer the server's own requests that were stopped."""
        headers = to_upstream_guarded(self._headers)
        headers.popall("Last-Event-ID", None)
        headers.update({"Content-Type": "application/json", "Accept": f"application/json, {EVENTS}"})
        for line in lines_of(back):
            try:
                answer = await self._requested("POST", self._sends_to, headers, line)
            except TidegateError as error:
                _log.warning("the server could not be told what was stopped", extra={"reason": str(error)})
            else:
                answer.close()

    # -- answers --------------------------------------------------------------------------------------------------

    async def _answered(self, answer: aiohttp.ClientResponse, back: bytes = b"") -> web.StreamResponse:
        """Pass an answer on, and with it what is answered to parts of the request that were stopped."""
        with upstream_errors(self._behind.settings.idle_seconds):
            try:
                self._note_session(answer)
                body = described(CIMultiDict(answer.headers))
                if body.coding:
                    raise UnreadableAnswerError("the upstream's answer has a content coding that nobody asked for")
                if body.kind == EVENTS and answer.ok:
                    return await self._stream(answer, back)
                return await self._whole(answer, body.kind, back)
            finally:
                answer.close()

    async def _whole(self, answer: aiohttp.ClientResponse, kind: str, back: bytes) -> web.Response:
        data = await self._read(answer)
        judged = await self._judged(data, kind) if data.strip() else data
        body = joined(judged, back)
        headers = self._answer_headers(answer)
        if body != data:
            headers["Content-Type"] = "application/json"
        status = HTTPStatus.OK if back and answer.status == HTTPStatus.ACCEPTED else answer.status
        return web.Response(status=status, body=body or None, headers=headers)

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        limit = self._behind.settings.max_message_bytes
        data = await read_at_most(answer.content.iter_any(), limit)
        if data is None:
            raise too_large_answer(limit)
        return data

    async def _judged(self, data: bytes, kind: str) -> bytes:
        """A body as it may go on: messages, other JSON, or text, as which errors come."""
        is_json = kind.endswith("json") or data.lstrip()[:1] in (b"{", b"[")
        asked = data if is_json else line_of(data.decode("utf-8", "replace"))
        relayed = await self._guard.from_server(asked)
        await self._to_server(relayed.back)
        if relayed.onward == asked:
            return data
        if relayed.onward and is_json:
            return relayed.onward.rstrip(b"\n")
        return errors_for(self.numbers, STOPPED if relayed.onward else UNCHECKED, _TEXT_STOPPED)

    def _answer_headers(self, answer: aiohttp.ClientResponse) -> CIMultiDict[str]:
        headers = to_client_guarded(CIMultiDict(answer.headers))
        challenges = headers.popall("WWW-Authenticate", [])
        for each in challenges:
            headers.add("WWW-Authenticate", challenge_of(self._way.place, self._relay_url, each))
        return headers

    @property
    def _relay_url(self) -> str:
        """The relay's own URL, as clients reach it."""
        return self._behind.settings.public_url.rstrip("/") or f"{self._request.scheme}://{self._request.host}"

    # -- streams --------------------------------------------------------------------------------------------------

    async def _stream(self, answer: aiohttp.ClientResponse, back: bytes) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=self._answer_headers(answer))
        await response.prepare(self._request)
        self.begun = response
        for line in lines_of(back):
            await self._write(_event(line))
        try:
            await self._pump(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("a server broke a stream off", extra={"reason": type(error).__name__})
        finally:
            self._end_told()
        if self.numbers and not self._resumes:
            for line in lines_of(errors_for(self.numbers, UNANSWERED, _GONE)):
                await self._write(_event(line))
        await response.write_eof()
        return response

    async def _pump(self, answer: aiohttp.ClientResponse) -> None:
        events = ServerSentEvents(max_bytes=self._behind.settings.max_message_bytes)
        is_waiting = self._request.method == "GET"
        chunks = self._until_ending(answer.content) if is_waiting else answer.content.iter_any()
        async for data in chunks:
            for frame in self._cut(events, data):
                await self._pass(events, frame)
        for frame in events.finish():
            await self._pass(events, frame)

    def _cut(self, events: ServerSentEvents, data: bytes) -> Iterator[Frame]:
        """The events that became complete; in the place of one that is too long, one that says so."""
        while True:
            try:
                yield from events.feed(data)
            except FrameTooLongError:
                yield from self._too_long(events, events.skip())
                data = b""
            else:
                return

    def _too_long(self, events: ServerSentEvents, head: bytes) -> Iterator[Frame]:
        begins = _DATA.search(head)
        relayed = self._guard.too_long(head[begins.end() :] if begins else b"")
        number = _ID.search(head)
        named = b"id: " + number[1] + b"\n" if number else b""
        data = b"data: " + relayed.onward.rstrip(b"\n") + b"\n" if relayed.onward else b""
        if named or data:
            yield from ServerSentEvents(max_bytes=len(head) + len(data) + 64).feed(named + data + b"\n")

    async def _pass(self, events: ServerSentEvents, frame: Frame) -> None:
        """Pass one event on, as far as it may."""
        payload = frame.payload
        found = _ID.findall(frame.raw)
        number = found[-1] if found else b""
        self._resumes = self._resumes or bool(number)
        if payload is None or not payload.strip():
            await self._write(frame.raw)
            return
        if frame.event == "endpoint" and self._request.method == "GET":
            await self._pass_endpoint(events, frame, payload)
            return
        left = await self._left(number, payload)
        answered = answers_in(left)
        self.numbers -= answered
        self._session.waiting -= answered
        if left == payload:
            await self._write(frame.raw)
        elif left:
            await self._write(events.with_payload(frame, left))
        elif number:
            await self._write(b"id: " + number + b"\n\n")

    async def _left(self, number: bytes, payload: bytes) -> bytes:
        """What becomes of a message: what it became before, where it comes again."""
        guard, known = self._guard, self._session.known
        policy = guard.policy_of_server
        left = known.get(policy, number, payload) if number else None
        if left is not None:
            return left
        relayed = await guard.from_server(payload)
        left = payload if relayed.onward == payload else relayed.onward.rstrip(b"\n")
        if number:
            known.add(policy, number, payload, left)
        await self._to_server(relayed.back)
        return left

    async def _write(self, data: bytes) -> None:
        assert self.begun is not None
        async with self._writing:
            await write(self.begun, data, self._behind.engine.idle_seconds)

    async def _until_ending(self, content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
        """What comes, until the relay ends and nobody waits for an answer any more."""
        ending = asyncio.create_task(self._behind.ending.wait())
        reading = asyncio.create_task(content.readany())
        try:
            while True:
                await asyncio.wait({reading} if ending.done() else {reading, ending}, return_when="FIRST_COMPLETED")
                if reading.done():
                    if not (data := reading.result()):
                        return
                    yield data
                    reading = asyncio.create_task(content.readany())
                if ending.done() and not self._session.waiting:
                    return
        finally:
            ending.cancel()
            reading.cancel()
            await asyncio.wait([ending, reading])

    # -- HTTP+SSE -------------------------------------------------------------------------------------------------

    async def _pass_endpoint(self, events: ServerSentEvents, frame: Frame, payload: bytes) -> None:
        """Take note of where messages are sent, and have the client send them here. Raises `UpstreamError`."""
        place = self._way.place
        told = told_target(place, payload.decode("utf-8", "replace"))
        if told is None or self._session.tell is not None:
            raise UpstreamError("the server sends its client to another origin, or twice")
        self._sends_to = URL(place.origin + told, encoded=True)
        self._behind.sessions.begin(self._key(told), self._session)
        self._session.tell = self._tell_here
        await self._write(events.with_payload(frame, relayed_target(place, told).encode()))

    async def _tell_here(self, line: bytes) -> None:
        await self._write(_event(line))

    def _end_told(self) -> None:
        """With its stream a session of HTTP+SSE is over."""
        if self._session.tell is not None and self._request.method == "GET":
            self._session.tell = None
            self._behind.sessions.end(self._key(self._sends_to.raw_path_qs))

    # -- metadata -------------------------------------------------------------------------------------------------

    async def _metadata(self) -> web.StreamResponse:
        """What the server says of its authorization, with the relay as the resource."""
        headers = to_upstream_guarded(self._headers)
        answer = await self._requested(self._request.method, self._way.url, headers)
        if answer.status == HTTPStatus.NOT_FOUND and self._way.instead is not None:
            answer.close()
            answer = await self._requested(self._request.method, self._way.instead, headers)
        with upstream_errors(self._behind.settings.idle_seconds):
            try:
                data = await self._read(answer)
            finally:
                answer.close()
        judged = await self._judged(data, described(CIMultiDict(answer.headers)).kind) if data.strip() else data
        body = self._with_resource(judged)
        return web.Response(status=answer.status, body=body or None, headers=self._answer_headers(answer))

    def _with_resource(self, data: bytes) -> bytes:
        try:
            name = resource_of(self._way.place, self._relay_url, loads(data))
        except NotJsonError:
            return data
        return data if name is None else edited(data.decode(), {("resource",): name}).encode()


def _event(line: bytes) -> bytes:
    return b"event: message\ndata: " + line + b"\n\n"


def _instead(back: bytes) -> web.Response:
    """What is answered to a request of which nothing goes on."""
    if not back:
        return web.Response(status=HTTPStatus.ACCEPTED)
    body = joined(b"", back)
    is_unread = _codes(lines_of(back)) == [PARSE_ERROR]
    status = HTTPStatus.BAD_REQUEST if is_unread else HTTPStatus.OK
    return web.Response(status=status, body=body, content_type="application/json")


def _codes(lines: Iterable[bytes]) -> list[Any]:
    return [loads(each).get("error", {}).get("code") for each in lines]
