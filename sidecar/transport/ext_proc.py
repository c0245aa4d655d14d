"""Envoy's external processor: one gRPC stream for each HTTP exchange.

    Envoy ──messages──> _read ──> request's way ──> request guarded whole, then sent on, or refused
                              └─> answer's way ──> answer guarded whole, or chunk by chunk

`_Exchange.run` is the way through; what differs by the filter's body modes is in `envoy_ways`. Where the mode allows
it, a request's headers are held until its body is guarded, and those of an answer that is one document likewise. An
answer that streams gets its headers at once. An answer that overtakes its request waits until that is guarded.

When an error strikes before the answer began, it is told in the provider's own error shape; later the gRPC stream ends
with a status, and Envoy, set not to let failures pass, resets the client's stream. So does the end of this process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc
import msgspec
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb
from envoy.type.v3.http_status_pb2 import HttpStatus
from google.protobuf.message import Message

from sidecar.codec.body import UnknownShapeError
from sidecar.codec.encoding import BrokenEncodingError
from sidecar.codec.frames import FrameTooLongError
from sidecar.config import ExtProc
from sidecar.errors import CallerError, IdleStream, TidegateError
from sidecar.session import Engine, StreamStart
from sidecar.transport.bodies import Bodies, Refused, answered
from sidecar.transport.convert import parse
from sidecar.transport.envoy_facts import attributes_of
from sidecar.transport.envoy_ways import Changes, Headers, Inbox, Way, is_answered_before, ways_of
from sidecar.transport.exchange import (
    FIRST_ERROR,
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
from sidecar.transport.facts import Caller, named_attributes, start_of
from sidecar.transport.grpc import Context, Server, answering
from sidecar.transport.http_headers import (
    DECISION,
    OF_BODY,
    OWN,
    UNGUARDED,
    coding_of,
    media_type,
)
from sidecar.transport.http_status import UnknownPathError, UnreadableAnswerError, http_status_of
from sidecar.transport.identity import Peer
from sidecar.transport.routes import TEXT, Route, route_of

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"

_log = logging.getLogger(__name__)

_UNSEEN = "not sent by Envoy"


class ExternalProcessor:
    """The service."""

    def __init__(self, engine: Engine, settings: ExtProc) -> None:
        self._engine = engine
        self._settings = settings
        self._running = InFlight()

    def add_to(self, server: Server) -> None:
        """Serve the method."""
        method: grpc.RpcMethodHandler[bytes, Message] = grpc.stream_stream_rpc_method_handler(
            self.process, response_serializer=lambda response: response.SerializeToString()
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Process": method}),))

    async def process(self, _requests: AsyncIterator[bytes], context: Context) -> None:
        """Guard one exchange."""
        async with answering(context):
            with self._running.counted():
                await _Exchange(context, self._engine, self._settings, self._running).run()

    async def drain(self) -> None:
        """Refuse new exchanges; returns when none is left."""
        await self._running.drain()


class _Exchange:
    """One request and its answer."""

    _request: Way
    _answer: Way

    def __init__(self, context: Context, engine: Engine, settings: ExtProc, running: InFlight) -> None:
        self._context = context
        self._engine = engine
        self._settings = settings
        self._running = running
        self._writing = asyncio.Lock()
        self._requests = Inbox()
        self._answers = Inbox()
        self._caller = Caller({})
        self._route: Route | None = None
        self._start: StreamStart | None = None
        """What is known for the answer's stream; None for an answer that no model gave."""
        self._sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the request may go on, so that an answer is the upstream's; cancelled when it never will."""
        self._bodies = Bodies(engine, settings)

    async def run(self) -> None:
        """Serve the exchange. Raises `TidegateError` and whatever fails once the answer has begun."""
        data = await self._context.read()
        if data is grpc.aio.EOF:
            return
        first = parse(pb.ProcessingRequest, data)
        try:
            self._request, self._answer = ways_of(first, self._requests, self._answers, self._write)
        except TidegateError as error:
            await self._tell(error)
            return
        reading = asyncio.create_task(self._read(first))
        try:
            await self._serve(first)
            await reading
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def _serve(self, first: Any) -> None:
        peer = Peer.of_grpc(self._context.peer(), self._context.auth_context())
        attributes = attributes_of(first, named_attributes(self._settings.facts))
        self._caller = Caller({}, peer, attributes)
        request = self._do_without_request() if is_answered_before(first) else self._guard_request()
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._guard_answer())
                ways.create_task(request)
        except ExceptionGroup as group:
            await self._fail(group.exceptions[0])
        self._requests.drop()
        self._answers.drop()

    async def _read(self, message: Any) -> None:
        """Hand each message to its way, until Envoy ends the stream."""
        error = None
        try:
            await self._take(message)
            while (data := await self._context.read()) is not grpc.aio.EOF:
                await self._take(parse(pb.ProcessingRequest, data))
        except Exception as failure:  # noqa: BLE001 - told by the ways
            error = failure
        await self._requests.close(error)
        await self._answers.close(error)

    async def _take(self, message: Any) -> None:
        kind = message.WhichOneof("request")
        if kind is not None:
            inbox = self._answers if kind.startswith("response") else self._requests
            await inbox.put(getattr(message, kind))

    async def _fail(self, error: Exception) -> None:
        """Tell an error in place of the answer; when that has begun, raise it."""
        if isinstance(error, UnknownShapeError | FrameTooLongError | BrokenEncodingError):
            error = UnreadableAnswerError(f"the upstream's answer cannot be read: {error}")
        if self._answer.line.has_begun:
            raise error
        await self._tell(error)

    async def _tell(self, error: Exception) -> None:
        """Tell an error in place of the answer."""
        if not isinstance(error, CallerError):
            is_ours = isinstance(error, TidegateError)
            _log.warning(
                "an exchange failed",
                extra={"reason": str(error)} if is_ours else None,
                exc_info=None if is_ours else error,
            )
        status = http_status_of(error)
        if status.retry_after_seconds is not None:
            self._bodies.marks["retry-after"] = str(status.retry_after_seconds)
        await self._answer_instead(status.code, failure_of(self._route, status))

    # -- the request ----------------------------------------------------------------------------------------------

    async def _guard_request(self) -> None:
        try:
            await self._let_request_go()
        finally:
            self._sent.cancel()

    async def _let_request_go(self) -> None:
        """Let the request go on, guarded, or refuse it."""
        headers = await self._request.line.headers()
        self._running.admit()
        path = headers.get(":path", "").partition("?")[0]
        self._route = route_of(headers.get(":method", ""), path, self._settings.text_paths)
        if self._route is None:
            await self._pass_request(headers)
            return
        self._caller = msgspec.structs.replace(self._caller, headers=headers)
        if self._request.line.has_body and not self._request.sees_body:
            await self._pass_unseen(headers)
            return
        changes = Changes({"accept-encoding": "identity"}, _changeable(headers))
        await self._request.prepare(changes)
        data = await read_at_most(self._request.chunks(), self._settings.max_request_bytes)
        if data is None:
            raise too_large_request(self._settings.max_request_bytes)
        guarded = await self._bodies.request(self._route, self._caller, media_type(headers), coding_of(headers), data)
        if isinstance(guarded, Refused):
            await self._answer_instead(guarded.status, guarded.data)
            await self._answers.close()
            return
        self._let_answer(guarded.start)
        await self._request.begin(changes)
        await self._request.send(guarded.data)
        await self._request.end()

    async def _do_without_request(self) -> None:
        """Let an answer go that was given before the request came here: it is read as text, of whatever API it is."""
        self._route = TEXT
        start = start_of(self._settings.facts, self._caller, None)
        if not self._request.sees_body:  # whether there was one nobody can tell
            await self._bodies.report_unscanned(start, "request", _UNSEEN)
        self._let_answer(answered(start))

    async def _pass_request(self, headers: Headers) -> None:
        """Let a request pass of which is not known that it carries text for a model."""
        if self._settings.unknown_paths == "refuse":
            raise UnknownPathError("this path is not guarded, and so not served")
        self._bodies.marks[DECISION] = UNGUARDED
        self._let_answer(None)
        changes = Changes({}, _own(headers))
        await self._request.prepare(changes)
        await self._request.begin(changes)
        await self._copy(self._request)

    async def _pass_unseen(self, headers: Headers) -> None:
        """Let a request pass whose body the filter is set not to send."""
        start = start_of(self._settings.facts, self._caller, None)
        await self._bodies.report_unscanned(start, "request", _UNSEEN)
        self._let_answer(answered(start))
        await self._request.begin(Changes({"accept-encoding": "identity"}, _own(headers)))
        await self._request.end()

    def _let_answer(self, start: StreamStart | None) -> None:
        """The request goes on; its answer is a stream with this start, if a model gives it."""
        self._start = start
        self._sent.set_result(None)

    # -- the answer -----------------------------------------------------------------------------------------------

    async def _guard_answer(self) -> None:
        headers = await self._answer.line.headers()
        if int(headers.get(":status", "0")) >= FIRST_ERROR or not self._answer.line.has_body:
            await self._pass_answer(headers)
            return
        await self._sent
        coding = coding_of(headers)
        if self._route is None or self._start is None:
            await self._pass_answer(headers)
        elif not self._answer.sees_body:
            await self._pass_unscanned(self._start, headers, _UNSEEN)
        elif not opens(self._settings, coding):
            check_passes_closed(self._settings, coding)
            await self._pass_unscanned(self._start, headers, "encoded")
        elif (kind := media_type(headers)) == streams_as(self._route.shape):
            await self._stream(self._route, self._start, headers, coding)
        elif is_whole(self._route.shape, kind):
            await self._whole(self._route, self._start, headers, coding)
        else:
            why = f"its content type {kind!r} is not one of {self._route.shape.name}"
            await self._pass_unknown(self._start, headers, why)

    async def _stream(self, route: Route, start: StreamStart, headers: Headers, coding: str) -> None:
        async with self._bodies.answer_stream(start) as session:
            changes = Changes(self._bodies.marks, _changeable(headers))
            await self._answer.prepare(changes)
            await self._answer.begin(changes)
            self._answer.line.settle = session.settled
            await self._bodies.guard(session, route, coding, self._answer.chunks(), self._answer.send)
        await self._answer.end()

    async def _whole(self, route: Route, start: StreamStart, headers: Headers, coding: str) -> None:
        await self._answer.prepare(Changes(self._bodies.marks, _changeable(headers)))
        data = await read_at_most(self._answer.chunks(), self._settings.max_answer_bytes)
        if data is None:
            raise too_large_answer(self._settings.max_answer_bytes)
        guarded = await self._bodies.whole_answer(route, start, coding, data)
        if guarded is None:
            await self._pass_unknown(start, headers, "it is not JSON", data)
            return
        await self._answer.begin(Changes(self._bodies.marks, _changeable(headers)))
        await self._answer.send(guarded)
        await self._answer.end()

    async def _pass_unknown(self, start: StreamStart, headers: Headers, why: str, data: bytes | None = None) -> None:
        """Let an answer pass that cannot be checked. `data` is the body, if it was held."""
        await self._bodies.report_unknown(start, why)
        await self._pass_answer(headers, data)

    async def _pass_unscanned(self, start: StreamStart, headers: Headers, why: str) -> None:
        """Let an answer pass that nobody looked at, and say so."""
        await self._bodies.report_unscanned(start, "answer", why)
        await self._pass_answer(headers)

    async def _pass_answer(self, headers: Headers, data: bytes | None = None) -> None:
        changes = Changes(self._bodies.marks, _own(headers))
        if data is None:
            await self._answer.prepare(changes)
        await self._answer.begin(changes)
        if data is None:
            await self._copy(self._answer)
            return
        await self._answer.send(data)
        await self._answer.end()

    # -- what Envoy is told ---------------------------------------------------------------------------------------

    async def _copy(self, way: Way) -> None:
        """Send a body back as it comes."""
        async for data in way.chunks():
            await way.send(data)
        await way.end()

    async def _answer_instead(self, status: int, data: bytes) -> None:
        """Answer the client in the upstream's place."""
        kind = type_of_errors(self._route.shape if self._route is not None else None)
        headers = Changes({"content-type": kind, **self._bodies.marks}, ()).message()
        answer = pb.ImmediateResponse(status=HttpStatus(code=status), headers=headers, body=data, details="tidegate")
        await self._write(immediate_response=answer)

    async def _write(self, **message: Message) -> None:
        """Send a message. Raises `IdleStream` when Envoy takes none for too long."""
        try:
            async with asyncio.timeout(self._engine.idle_seconds), self._writing:
                await self._context.write(pb.ProcessingResponse(**message))
        except TimeoutError:
            raise IdleStream(self._engine.idle_seconds) from None


def _changeable(headers: Mapping[str, str]) -> list[str]:
    """What describes a body that may change, and what only we may say."""
    return [name.lower() for name in headers if name.lower() in OF_BODY] + _own(headers)


def _own(headers: Mapping[str, str]) -> list[str]:
    return [name.lower() for name in headers if name.lower().startswith(OWN)]
