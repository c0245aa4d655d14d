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
from contextlib import ExitStack
from typing import Any

import grpc
import msgspec
from google.protobuf.message import Message

from sidecar.codec.catalogue import GENERIC
from sidecar.codec.shape import Shape
from sidecar.config import ExtProc
from sidecar.engine import Engine
from sidecar.errors import IdleStream, TidegateError
from sidecar.start import StreamStart
from sidecar.transport import envoy_pb as pb
from sidecar.transport.bodies import NOT_READ, Bodies, Passed, Refused, answered
from sidecar.transport.convert import parse
from sidecar.transport.decision import (
    BODY_OF_READING,
    FIRST_ERROR,
    NAMES,
    SNIFFED,
    Asked,
    Decision,
    Guard,
    Nothing,
    OfAnswer,
    Pass,
    Refuse,
    Streams,
    Unread,
    Unreadable,
    Whole,
    decide,
    name_of,
    needs_sniffing,
    of_answer,
    sniffed,
)
from sidecar.transport.envoy_facts import attributes_of
from sidecar.transport.envoy_ways import Changes, Headers, Inbox, Way, is_answered_before, ways_of
from sidecar.transport.exchange import (
    InFlight,
    Room,
    failure_of,
    is_empty,
    peeked,
    read_at_most,
    read_request,
    told,
    too_large_answer,
    type_of_errors,
)
from sidecar.transport.facts import Caller, named_attributes, start_of
from sidecar.transport.grpc import Context, Server, answering
from sidecar.transport.http_headers import OF_BODY, OF_PARTS, OWN, described, size_of
from sidecar.transport.http_status import RefusedError, http_status_of
from sidecar.transport.identity import Peer

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"

_log = logging.getLogger(__name__)

_UNSEEN = "not sent by Envoy"
_NO_PATH = "unknown"
"""What metrics call the path of an exchange whose request did not come."""


class ExternalProcessor:
    """The service."""

    name = SERVICE
    files = (pb.DESCRIPTOR,)

    def __init__(self, engine: Engine, settings: ExtProc, room: Room | None = None) -> None:
        """`room` is for the bodies of requests, where other transports share it."""
        self._engine = engine
        self._settings = settings
        self._running = InFlight(engine.limits.max_streams)
        self._room = room or Room(engine.limits.request_bodies_bytes)
        engine.metrics.know_paths(NAMES)

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
                await _Exchange(context, self._engine, self._settings, self._running, self._room).run()

    @property
    def held_bytes(self) -> int:
        """How many bytes of requests' bodies wait to be guarded."""
        return self._room.taken

    async def drain(self) -> None:
        """Refuse new exchanges; returns when none is left."""
        await self._running.drain()


class _Exchange:
    """One request and its answer."""

    _request: Way
    _answer: Way

    def __init__(self, context: Context, engine: Engine, settings: ExtProc, running: InFlight, room: Room) -> None:
        self._context = context
        self._engine = engine
        self._settings = settings
        self._running = running
        self._room = room
        self._permit = ExitStack()
        self._writing = asyncio.Lock()
        self._requests = Inbox()
        self._answers = Inbox()
        self._caller = Caller({})
        self._decision: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        """What happens to the exchange; cancelled when nobody will say."""
        self._method = ""
        self._error = ""
        """What ended it, if something went wrong."""
        self._answered_with = 0
        """The status of the upstream's answer."""
        self._start = StreamStart()
        """What is known for the answer's stream."""
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
            self._permit.close()
            await asyncio.wait([reading])
            self._bodies.end(status=self._answered_with, error=self._error)

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
        error = told(error)
        self._error = type(error).__name__
        if self._answer.line.has_begun:
            raise error
        await self._tell(error)

    async def _tell(self, error: Exception) -> None:
        """Tell an error in place of the answer."""
        status = http_status_of(error, self._answered_with)
        if not isinstance(error, TidegateError):
            _log.warning("an exchange failed", exc_info=error)
        code, data = failure_of(self._shape, status)
        _log.info("an exchange was refused", extra={"status": code, "reason": status.reason})
        self._bodies.marks.update(status.headers)
        await self._answer_instead(code, status.reason, data, type_of_errors(self._shape))

    @property
    def _shape(self) -> Shape | None:
        """The API of the exchange, as far as it is known."""
        if not self._decision.done() or self._decision.cancelled():
            return None
        decision = self._decision.result()
        return None if isinstance(decision, Pass) else decision.shape

    # -- the request ----------------------------------------------------------------------------------------------

    async def _guard_request(self) -> None:
        try:
            await self._let_request_go()
        finally:
            self._decision.cancel()
            self._sent.cancel()

    async def _let_request_go(self) -> None:
        """Let the request go on, guarded, or refuse it."""
        headers = await self._request.line.headers()
        self._running.admit()
        asked = Asked(headers.get(":method", ""), headers.get(":path", ""), headers, headers.get(":protocol", ""))
        decision = decide(self._settings, asked)
        self._method = asked.method
        self._caller = msgspec.structs.replace(self._caller, headers=headers)
        self._start = answered(start_of(self._settings.facts, self._caller, None))
        self._decision.set_result(decision)
        if isinstance(decision, Refuse):
            raise RefusedError(decision)
        self._bodies.path = name_of(decision, asked.path)
        self._bodies.target = asked.target
        if isinstance(decision, Pass):
            await self._pass_request(decision, asked)
            return
        self._permit.enter_context(self._running.permit())
        if self._request.line.has_body and not self._request.sees_body:
            await self._pass_unseen(headers)
        else:
            await self._guard(decision, asked)

    async def _guard(self, guard: Guard, asked: Asked) -> None:
        changes = _guarded_changes(asked.headers)
        await self._request.prepare(changes)
        guarded = await self._guarded(guard, asked)
        if isinstance(guarded, Refused):
            await self._answer_instead(guarded.status, "policy", guarded.data, guarded.media_type)
            await self._answers.close()
            return
        self._let_answer(guarded.start)
        await self._request.begin(changes)
        await self._request.send(guarded.data)
        await self._request.end()

    async def _guarded(self, guard: Guard, asked: Asked) -> Passed | Refused:
        with self._room.held() as held:
            data = await read_request(self._settings, self._request.chunks(), held)
            if data and asked.is_reading:
                raise RefusedError(BODY_OF_READING)
            return await self._bodies.request(guard, self._caller, described(asked.headers), data, held)

    async def _do_without_request(self) -> None:
        """Let an answer go that was given before the request came here: it is read, of whatever API it is."""
        self._start = answered(start_of(self._settings.facts, self._caller, None))
        self._bodies.path = _NO_PATH
        is_guarded = self._engine.takes(self._start)
        self._decision.set_result(Guard(GENERIC) if is_guarded else Pass("no policy takes it"))
        if not self._request.sees_body:  # whether there was one nobody can tell
            await self._bodies.report_unscanned(self._start, "request", _UNSEEN)
        self._let_answer(self._start)

    async def _pass_request(self, passed: Pass, asked: Asked) -> None:
        """Let a request pass that the settings have pass unread."""
        changes = Changes({}, _own(asked.headers))
        is_empty_one = asked.is_reading and not passed.is_upgrade
        if self._request.line.has_body and not is_empty_one:
            headers = asked.headers
            await self._bodies.report_request(self._start, described(headers), passed.why, size_of(headers))
        await self._request.prepare(changes)
        if is_empty_one and not await is_empty(self._request.chunks()):
            raise RefusedError(BODY_OF_READING)
        self._let_answer(self._start)
        self._request.line.keeps_trailers = True
        await self._request.begin(changes)
        await (self._request.end() if is_empty_one else self._copy(self._request))

    async def _pass_unseen(self, headers: Headers) -> None:
        """Let a request pass whose body the filter is set not to send."""
        await self._bodies.report_unscanned(self._start, "request", _UNSEEN)
        self._let_answer(self._start)
        await self._request.begin(_guarded_changes(headers))
        await self._request.end()

    def _let_answer(self, start: StreamStart) -> None:
        """The request goes on; its answer is a stream with this start."""
        self._start = start
        self._sent.set_result(None)

    # -- the answer -----------------------------------------------------------------------------------------------

    async def _guard_answer(self) -> None:
        headers = await self._answer.line.headers()
        decision = await self._decision
        self._answered_with = status = int(headers.get(":status", "0"))
        if not self._answer.line.has_body:
            await self._pass_answer(headers)
            return
        if status < FIRST_ERROR:  # an upstream may refuse a request before it was read
            await self._sent
        if isinstance(decision, Guard):
            await self._guard_body(self._way_of(decision, status, headers), headers)
        elif isinstance(decision, Pass):
            await self._pass_unread(Unread(decision.why), headers)

    def _way_of(self, guard: Guard, status: int, headers: Headers) -> OfAnswer:
        if not self._answer.sees_body:
            return Unread(_UNSEEN)
        return of_answer(self._settings, guard, self._method, status, described(headers))

    async def _guard_body(self, way: OfAnswer, headers: Headers) -> None:
        begins, chunks = b"", self._answer.chunks()
        if needs_sniffing(way):
            await self._answer.prepare(Changes(self._bodies.marks, _changeable(headers)))
            begins, chunks = await peeked(chunks, SNIFFED)
        match sniffed(way, begins):
            case Nothing():
                await self._pass_empty(headers)
            case Streams() as way:
                await self._stream(way, headers, chunks)
            case Whole() as way:
                await self._whole(way, headers, chunks)
            case found:
                await self._pass_unread(found, headers)

    async def _stream(self, way: Streams, headers: Headers, chunks: AsyncIterator[bytes]) -> None:
        async with self._bodies.answer_stream(self._start) as session:
            changes = Changes(self._bodies.marks, _changeable(headers))
            await self._answer.prepare(changes)
            await self._answer.begin(changes)
            self._answer.line.settle = session.settled
            await self._bodies.guard(session, way, described(headers).coding, chunks, self._answer.send)
        await self._answer.end()

    async def _whole(self, way: Whole, headers: Headers, chunks: AsyncIterator[bytes]) -> None:
        await self._answer.prepare(Changes(self._bodies.marks, _changeable(headers)))
        data = await read_at_most(chunks, self._settings.max_answer_bytes)
        if data is None:
            raise too_large_answer(self._settings.max_answer_bytes)
        guarded = await self._bodies.whole_answer(way, self._start, described(headers), data) if data else data
        if guarded is None:
            await self._bodies.report_answer(self._start, NOT_READ)
            await self._pass_answer(headers, data)
            return
        await self._answer.begin(Changes(self._bodies.marks, _changeable(headers)))
        await self._answer.send(guarded)
        await self._answer.end()

    async def _pass_unread(self, found: Unread | Unreadable, headers: Headers) -> None:
        """Let an answer pass that nobody looks at, and say so, if it may."""
        await self._bodies.report_answer(self._start, found)
        await self._pass_answer(headers)

    async def _pass_answer(self, headers: Headers, data: bytes | None = None) -> None:
        """Let an answer pass as it is. `data` is the body, if it was held."""
        changes = Changes(self._bodies.marks, _own(headers))
        self._answer.line.keeps_trailers = True
        if data is None:
            await self._answer.prepare(changes)
        await self._answer.begin(changes)
        if data is None:
            await self._copy(self._answer)
            return
        await self._answer.send(data)
        await self._answer.end()

    async def _pass_empty(self, headers: Headers) -> None:
        """Let an answer pass that can have no body; what comes as one is dropped."""
        changes = Changes(self._bodies.marks, _own(headers))
        await self._answer.prepare(changes)
        await self._answer.begin(changes)
        async for _ in self._answer.chunks():
            pass
        await self._answer.end()

    # -- what Envoy is told ---------------------------------------------------------------------------------------

    async def _copy(self, way: Way) -> None:
        """Send a body back as it comes."""
        async for data in way.chunks():
            await way.send(data)
        await way.end()

    async def _answer_instead(self, status: int, reason: str, data: bytes, media_type: str) -> None:
        """Answer the client in the upstream's place."""
        self._engine.metrics.count_refused(status, reason)
        headers = Changes(self._bodies.headers_instead(media_type, self._caller), ()).message()
        answer = pb.ImmediateResponse(status=pb.HttpStatus(code=status), headers=headers, body=data, details="tidegate")
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


def _guarded_changes(headers: Headers) -> Changes:
    """What changes of a request whose answer is guarded: it has to come whole, and not encoded."""
    parts = [name.lower() for name in headers if name.lower() in OF_PARTS]
    return Changes({"accept-encoding": "identity"}, _changeable(headers) + parts)


def _own(headers: Mapping[str, str]) -> list[str]:
    return [name.lower() for name in headers if name.lower().startswith(OWN)]
