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

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from sidecar.codec.jsontext import NotJsonError, edited, loads
from sidecar.errors import TidegateError
from sidecar.mcp.behind import Behind, ExchangeContext
from sidecar.mcp.kinds import calls_itself_json, is_json, is_stream, text_of
from sidecar.mcp.messages import (
    INVALID_REQUEST,
    PARSE_ERROR,
    STOPPED,
    UNANSWERED,
    UNCHECKED,
    cancelled_in,
    errors_for,
    joined,
    line_of,
    lines_of,
    requests_in,
)
from sidecar.mcp.repeated import said_again
from sidecar.mcp.routes import Way, challenge_of, resource_of
from sidecar.mcp.streams import EventRelay
from sidecar.start import StreamStart
from sidecar.transport.connections import let_body_come, upstream_errors
from sidecar.transport.decision import Refuse
from sidecar.transport.exchange import Room, read_at_most, read_request, too_large_answer
from sidecar.transport.http_headers import described, to_client_guarded
from sidecar.transport.http_status import (
    RefusedError,
    UnreadableAnswerError,
    UpstreamError,
    UpstreamTimeoutError,
)

SESSION = "Mcp-Session-Id"
_OF_SESSIONS = ("POST", "GET", "DELETE")
"""What is asked in a session; anything else begins and ends none, as it needs no token."""
_TEXT_STOPPED = "The server's answer was stopped by a policy."


class Exchange:
    """See the module's text."""

    def __init__(self, request: web.BaseRequest, way: Way, start: StreamStart, behind: Behind) -> None:
        self._request = request
        self._context = ExchangeContext(way, start, behind, CIMultiDict(request.headers))
        self.begun: web.StreamResponse | None = None
        """The answer that has begun to leave."""

    @property
    def numbers(self) -> set[Any]:
        """The ids of requests that wait for an answer."""
        return self._context.numbers

    async def run(self, room: Room) -> web.StreamResponse:
        """Serve the exchange. Raises `TidegateError` and whatever fails."""
        if self._context.way.is_metadata:
            return await self._metadata()
        with self._in_session():
            match self._request.method:
                case "POST":
                    return await self._post(room)
                case "GET":
                    return await self._answered(await self._context.server.send("GET"))
                case "DELETE":
                    return await self._delete()
                case method:
                    return await self._passed(await self._context.server.send(method))

    # -- sessions -------------------------------------------------------------------------------------------------

    @contextmanager
    def _in_session(self) -> Iterator[None]:
        """Find the session. Raises `RefusedError`, and `Overloaded` when there are too many."""
        sessions, named = self._context.behind.sessions, self._context.headers.get(SESSION, "")
        if self._context.way.told:
            found = sessions.find(self._context.key(self._context.way.told))
            if found is None:
                raise RefusedError(Refuse(HTTPStatus.NOT_FOUND, "session", "there is no such session, or it is over"))
            self._context.session = found
        elif named and self._request.method in _OF_SESSIONS:
            self._context.session = sessions.take_up(self._context.key(named))
        self._context.session.open += 1
        try:
            yield
        finally:
            self._context.session.open -= 1

    def _note_session(self, answer: aiohttp.ClientResponse) -> None:
        """Take note of a session that the server began, or no longer knows. Raises `Overloaded`."""
        asked, named = self._context.headers.get(SESSION, ""), answer.headers.get(SESSION, "")
        if asked and answer.status == HTTPStatus.NOT_FOUND:
            self._context.behind.sessions.end(self._context.key(asked))
        elif named and named != asked:
            self._context.behind.sessions.begin(self._context.key(named), self._context.session)

    # -- requests -------------------------------------------------------------------------------------------------

    async def _post(self, room: Room) -> web.StreamResponse:
        sent = described(self._context.headers)
        if sent.coding or not sent.is_utf8:
            message = "messages are sent in UTF-8, without a content coding"
            raise RefusedError(Refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "coding", message))
        let_body_come(self._request)
        with room.held() as held:
            data = await read_request(self._context.behind.settings, self._request.content.iter_any(), held)
            relayed = await self._context.guard.from_client(data)
            said = said_again(self._context.headers, data, relayed.onward)
            del data  # an answer may take long, and needs none of it
            self._context.numbers = requests_in(relayed.onward)
            if self._context.way.told:
                return await self._post_told(relayed.onward, relayed.back, said)
            if not relayed.onward:
                return _instead(relayed.back)
            answer = await self._context.server.send("POST", relayed.onward, said)
        return await self._answered(answer, relayed.back)

    async def _post_told(self, onward: bytes, back: bytes, said: Mapping[str, str]) -> web.StreamResponse:
        """A message over HTTP+SSE: what is answered to it comes on the session's stream. Raises `Overloaded`."""
        for line in lines_of(back):
            await self._tell(line)
        if not onward:
            return web.Response(status=HTTPStatus.ACCEPTED)
        self._context.session.wait_for(self._context.numbers, but_for=cancelled_in(onward))
        try:
            answer = await self._context.server.send("POST", onward, said)
        except (UpstreamError, UpstreamTimeoutError) as error:
            if self._context.session.tell is None or not self._context.numbers:
                raise
            await self._give_up(str(error))
            return web.Response(status=HTTPStatus.ACCEPTED)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            await self._give_up(f"the server refused the message: HTTP {answer.status}")
        return await self._answered(answer)

    async def _give_up(self, why: str) -> None:
        """Tell on the session's stream that requests are not answered."""
        self._context.session.waiting -= self._context.numbers
        for line in lines_of(errors_for(self._context.numbers, UNANSWERED, why)):
            await self._tell(line)

    async def _tell(self, line: bytes) -> None:
        if self._context.session.tell is not None:
            await self._context.session.tell(line)

    async def _delete(self) -> web.StreamResponse:
        answer = await self._context.server.send("DELETE")
        if answer.ok:
            self._context.behind.sessions.end(self._context.key(self._context.headers.get(SESSION, "")))
        return await self._answered(answer)

    # -- answers --------------------------------------------------------------------------------------------------

    async def _answered(self, answer: aiohttp.ClientResponse, back: bytes = b"") -> web.StreamResponse:
        """Pass an answer on, and with it what is answered to parts of the request that were stopped."""
        try:
            self._note_session(answer)
        except TidegateError:
            answer.close()
            raise
        return await self._passed(answer, back)

    async def _passed(self, answer: aiohttp.ClientResponse, back: bytes = b"") -> web.StreamResponse:
        """The same, whichever session it is of."""
        with upstream_errors(self._context.behind.settings.idle_seconds):
            try:
                if is_stream(answer):
                    return await self._stream(answer, back)
                return await self._whole(answer, back)
            finally:
                answer.close()

    async def _whole(self, answer: aiohttp.ClientResponse, back: bytes) -> web.Response:
        data = await self._read(answer)
        judged = await self._judged(data, answer) if data.strip() else data
        body = joined(judged if is_json(judged) else self._unanswered(answer.status), back) if back else judged
        headers = self._answer_headers(answer)
        if body != data:
            headers["Content-Type"] = "application/json"
        status = HTTPStatus.OK if back and answer.status == HTTPStatus.ACCEPTED else answer.status
        return web.Response(status=status, body=body or None, headers=headers)

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        limit = self._context.behind.settings.max_message_bytes
        data = await read_at_most(answer.content.iter_any(), limit)
        if data is None:
            raise too_large_answer(limit)
        return data

    async def _judged(self, data: bytes, answer: aiohttp.ClientResponse) -> bytes:
        """A body as it may go on: messages, other JSON, or text, as which errors come."""
        text = None if calls_itself_json(answer) or data.lstrip()[:1] in (b"{", b"[") else text_of(answer, data)
        asked = data if text is None else line_of(text)
        relayed = await self._context.guard.from_server(asked)
        await self._context.server.tell(relayed.back)
        if relayed.onward == asked:
            return data
        if relayed.onward and text is None:
            return relayed.onward.rstrip(b"\n")
        return self._errors(STOPPED if relayed.onward else UNCHECKED, _TEXT_STOPPED)

    def _unanswered(self, status: int) -> bytes:
        """What stands in the place of an answer in words where others were stopped."""
        message = f"The server answered with HTTP status {status}, in words."
        return self._errors(UNANSWERED, message) if self._context.numbers else b""

    def _errors(self, code: int, message: str) -> bytes:
        """A body that says to whoever waits what is wrong."""
        return joined(b"", errors_for(self._context.numbers, code, message))

    def _answer_headers(self, answer: aiohttp.ClientResponse) -> CIMultiDict[str]:
        headers = to_client_guarded(CIMultiDict(answer.headers))
        challenges = headers.popall("WWW-Authenticate", [])
        for each in challenges:
            headers.add("WWW-Authenticate", challenge_of(self._context.way.place, self._relay_url, each))
        return headers

    @property
    def _relay_url(self) -> str:
        """The relay's own URL, as clients reach it."""
        return self._context.behind.settings.public_url.rstrip("/") or f"{self._request.scheme}://{self._request.host}"

    # -- streams --------------------------------------------------------------------------------------------------

    async def _stream(self, answer: aiohttp.ClientResponse, back: bytes) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=self._answer_headers(answer))
        await response.prepare(self._request)
        self.begun = response
        await EventRelay(response, self._context, is_waiting=self._request.method == "GET").run(answer, back)
        return response

    # -- metadata -------------------------------------------------------------------------------------------------

    async def _metadata(self) -> web.StreamResponse:
        """What the server says of its authorization, with the relay as the resource."""
        server, method = self._context.server, self._request.method
        answer = await server.asked(method, self._context.way.url)
        if answer.status == HTTPStatus.NOT_FOUND and self._context.way.instead is not None:
            answer.close()
            answer = await server.asked(method, self._context.way.instead)
        with upstream_errors(self._context.behind.settings.idle_seconds):
            try:
                if is_stream(answer):
                    raise UnreadableAnswerError("the upstream's metadata is a stream of events")
                data = await self._read(answer)
            finally:
                answer.close()
        judged = await self._judged(data, answer) if data.strip() else data
        body = self._with_resource(judged)
        return web.Response(status=answer.status, body=body or None, headers=self._answer_headers(answer))

    def _with_resource(self, data: bytes) -> bytes:
        try:
            name = resource_of(self._context.way.place, self._relay_url, loads(data))
        except NotJsonError:
            return data
        return data if name is None else edited(data.decode(), {("resource",): name}).encode()


def _instead(back: bytes) -> web.Response:
    """What is answered to a request of which nothing goes on."""
    if not back:
        return web.Response(status=HTTPStatus.ACCEPTED)
    body = joined(b"", back)
    is_unread = _codes(lines_of(back)) in ([PARSE_ERROR], [INVALID_REQUEST])
    status = HTTPStatus.BAD_REQUEST if is_unread else HTTPStatus.OK
    return web.Response(status=status, body=body, content_type="application/json")


def _codes(lines: Iterable[bytes]) -> list[Any]:
    return [loads(each).get("error", {}).get("code") for each in lines]
