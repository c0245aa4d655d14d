"""Envoy's external processor: one gRPC stream for each HTTP exchange, bodies in full duplex.

    Envoy ──messages──> _read ──> request's way ──> request guarded whole, then sent on, or refused
                              └─> answer's way ──> answer guarded whole, or chunk by chunk

`_Exchange.run` is the way through. A request's headers are held until its body is guarded, so that a refusal is an
answer of its own; those of an answer that is one document likewise. An answer that streams gets its headers at once.
In full duplex Envoy keeps no body: what is not sent back is gone, and nothing may follow an end of stream. So each way
takes one end, whatever Envoy repeats, and what comes after is dropped.

When an error strikes before the answer began, it is told in the provider's own error shape; later the gRPC stream ends
with a status, and Envoy, set not to let failures pass, resets the client's stream. So does the end of this process.
"""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, TypeAlias

import grpc
import msgspec
from envoy.extensions.filters.http.ext_proc.v3.processing_mode_pb2 import ProcessingMode
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb
from envoy.type.v3.http_status_pb2 import HttpStatus
from google.protobuf.message import Message
from multidict import CIMultiDict

from sidecar.codec import openai
from sidecar.codec.body import StreamedAnswer, UnknownShapeError, WholeBody
from sidecar.codec.frames import FrameTooLongError
from sidecar.config import ExtProc
from sidecar.errors import CallerError, ConfigError, IdleStream, TidegateError
from sidecar.session import Engine, Session, StreamStart
from sidecar.transport.answers import StreamGuard, guard_whole
from sidecar.transport.convert import out_of_order, parse
from sidecar.transport.exchange import (
    FIRST_ERROR,
    JSON,
    InFlight,
    finished,
    parse_request,
    refusal_of,
    streams_as,
    too_large_request,
)
from sidecar.transport.facts import sources_of, start_of
from sidecar.transport.grpc import Context, Server, answering
from sidecar.transport.http_headers import (
    DECISION,
    OF_BODY,
    OWN,
    POLICY,
    REQUEST_DECISION,
    STREAM,
    UNGUARDED,
    media_type,
)
from sidecar.transport.http_status import UnknownPathError, UnreadableAnswerError, http_status_of
from sidecar.transport.routes import Route, route_of
from sidecar.values import Action, Direction

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"

Headers: TypeAlias = CIMultiDict[str]

_log = logging.getLogger(__name__)

_WAITING = 16
"""Messages of one way that wait; then Envoy does."""
_PIECE_BYTES = 64 * 1024
"""Of a body that was held, so that no message is larger than proxies like."""
_OVERWRITE = 2
"""`OVERWRITE_IF_EXISTS_OR_ADD` of Envoy's `HeaderAppendAction`."""
_READABLE = frozenset({"", "identity"})


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


class _Way:
    """The messages of one direction, in order. When Envoy goes away, waiting for one is cancelled."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[Message | Exception | None] = asyncio.Queue(_WAITING)
        self._is_ended = False
        self.has_body = True
        self.has_trailers = False

    async def put(self, message: Message) -> None:
        """Take a message; waits for room. What comes after the end is dropped: Envoy has been seen to repeat it."""
        if self._is_ended:
            return
        self._is_ended = isinstance(message, pb.HttpTrailers) or getattr(message, "end_of_stream", False)
        await self._messages.put(message)

    async def close(self, error: Exception | None = None) -> None:
        """No message will come any more, maybe because of an error."""
        await self._messages.put(error)

    def drop(self) -> None:
        """Drop what came and what will come."""
        self._is_ended = True
        while not self._messages.empty():
            self._messages.get_nowait()

    async def headers(self) -> Headers:
        """The headers, which come first."""
        message = await self._next()
        if not isinstance(message, pb.HttpHeaders):
            raise out_of_order("must begin with its headers", "request")
        self.has_body = not message.end_of_stream
        return CIMultiDict((each.key, _value(each)) for each in message.headers.headers)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body to its end."""
        is_last = not self.has_body
        while not is_last:
            message = await self._next()
            if isinstance(message, pb.HttpTrailers):
                self.has_trailers = True
                return
            if not isinstance(message, pb.HttpBody):
                raise out_of_order("has its headers twice", "request")
            if message.body:
                yield message.body
            is_last = message.end_of_stream

    async def whole(self, limit: int) -> bytes | None:
        """The whole body; None when it has more bytes than the limit."""
        held = io.BytesIO()
        async for data in self.chunks():
            if held.tell() + len(data) > limit:
                return None
            held.write(data)
        return held.getvalue()

    async def _next(self) -> Message:
        message = await self._messages.get()
        if message is None:
            raise asyncio.CancelledError("Envoy went away")
        if isinstance(message, Exception):
            raise message
        return message


class _Exchange:
    """One request and its answer."""

    def __init__(self, context: Context, engine: Engine, settings: ExtProc, running: InFlight) -> None:
        self._context = context
        self._engine = engine
        self._settings = settings
        self._running = running
        self._writing = asyncio.Lock()
        self._request = _Way()
        self._answer = _Way()
        self._route: Route | None = None
        self._start: StreamStart | None = None
        """What is known for the answer's stream; None for an answer that no model gave."""
        self._marks: dict[str, str] = {}
        """Headers that say what was done."""
        self._has_begun = False
        """Whether the answer's headers have been let go."""

    async def run(self) -> None:
        """Serve the exchange. Raises `TidegateError` and whatever fails once the answer has begun."""
        reading = asyncio.create_task(self._read())
        try:
            await self._serve()
            await reading
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def _serve(self) -> None:
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._guard_answer())
                ways.create_task(self._guard_request())
        except ExceptionGroup as group:
            await self._fail(group.exceptions[0])
        self._request.drop()
        self._answer.drop()

    async def _read(self) -> None:
        """Hand each message to its way, until Envoy ends the stream."""
        error = None
        try:
            while (data := await self._context.read()) is not grpc.aio.EOF:
                await self._take(parse(pb.ProcessingRequest, data))
        except Exception as failure:  # noqa: BLE001 - told by the ways
            error = failure
        await self._request.close(error)
        await self._answer.close(error)

    async def _take(self, message: Any) -> None:
        _check_modes(message)
        kind = message.WhichOneof("request")
        if kind is not None:
            way = self._answer if kind.startswith("response") else self._request
            await way.put(getattr(message, kind))

    async def _fail(self, error: Exception) -> None:
        """Tell an error in place of the answer; when that has begun, raise it."""
        if isinstance(error, UnknownShapeError | FrameTooLongError):
            error = UnreadableAnswerError(f"the upstream's answer cannot be read: {error}")
        if self._has_begun:
            raise error
        if not isinstance(error, CallerError):
            is_ours = isinstance(error, TidegateError)
            _log.warning(
                "an exchange failed",
                extra={"reason": str(error)} if is_ours else None,
                exc_info=None if is_ours else error,
            )
        status = http_status_of(error)
        failure = self._route.shape.failure if self._route is not None else openai.failure
        if status.retry_after_seconds is not None:
            self._marks["retry-after"] = str(status.retry_after_seconds)
        await self._answer_instead(status.code, failure(status.code, status.message))

    # -- the request ----------------------------------------------------------------------------------------------

    async def _guard_request(self) -> None:
        """Let the request go on, guarded, or refuse it."""
        headers = await self._request.headers()
        self._running.admit()
        self._route = route_of(headers.get(":method", ""), headers.get(":path", "").partition("?")[0])
        if self._route is None:
            await self._pass_request(headers)
            return
        data = await self._request.whole(self._settings.max_request_bytes)
        if data is None:
            raise too_large_request(self._settings.max_request_bytes)
        start = start_of(self._settings.facts, headers, None)
        body = parse_request(self._settings, self._route, data)
        if body is None:
            self._marks[REQUEST_DECISION] = UNGUARDED
        else:
            start = start_of(self._settings.facts, headers, body.document)
            if not await self._admits(self._route, start, body):
                await self._answer.close()
                return
            prompt, context = sources_of(body.texts, self._engine.limits)
            start = msgspec.structs.replace(start, prompt=prompt, context=context)
            data = finished(body, CallerError("is nested too deep to be changed", field="body"))
        self._start = msgspec.structs.replace(start, direction=Direction.OUTPUT)
        dropped = _own(headers) if body is None else _changeable(headers)
        await self._write(request_headers=_headers({"accept-encoding": "identity"}, dropped))
        await self._send_whole(self._request, data)

    async def _pass_request(self, headers: Headers) -> None:
        """Let a request pass of which is not known that it carries text for a model."""
        if self._settings.unknown_paths == "refuse":
            raise UnknownPathError("this path is not guarded, and so not served")
        self._marks[DECISION] = UNGUARDED
        await self._write(request_headers=_headers({}, _own(headers)))
        await self._copy(self._request)

    async def _admits(self, route: Route, start: StreamStart, body: WholeBody) -> bool:
        """Guard the request; refuse it when a policy stopped it."""
        async with self._engine.open(start) as session:
            summary = await guard_whole(session, body)
        self._marks[REQUEST_DECISION] = summary.action.name.lower()
        if body.blocked is None:
            return True
        self._mark(session)
        self._marks[DECISION] = Action.BLOCK.name.lower()
        await self._answer_instead(*refusal_of(route, body.blocked, session.plan))
        return False

    # -- the answer -----------------------------------------------------------------------------------------------

    async def _guard_answer(self) -> None:
        headers = await self._answer.headers()
        is_error = int(headers.get(":status", "0")) >= FIRST_ERROR
        if self._route is None or self._start is None or is_error or not self._answer.has_body:
            await self._pass_answer(headers)
        elif (encoding := ",".join(headers.getall("content-encoding", ())).strip().lower()) not in _READABLE:
            await self._pass_unknown(headers, f"its content encoding is {encoding!r}")
        elif (kind := media_type(headers)) == streams_as(self._route.shape):
            await self._stream(self._route, self._start, headers)
        elif kind == JSON:
            await self._whole(self._route, self._start, headers)
        else:
            await self._pass_unknown(headers, f"its content type {kind!r} is not one of {self._route.shape.name}")

    async def _stream(self, route: Route, start: StreamStart, headers: Headers) -> None:
        body = StreamedAnswer(route.shape, max_frame_bytes=self._settings.max_frame_bytes)
        async with self._engine.open(start) as session:
            self._mark(session)
            await self._begin(_changeable(headers))

            async def write(data: bytes) -> None:
                await self._send(self._answer, data)

            await StreamGuard(session, body, write).run(self._answer.chunks())
        await self._end(self._answer)

    async def _whole(self, route: Route, start: StreamStart, headers: Headers) -> None:
        data = await self._answer.whole(self._settings.max_answer_bytes)
        if data is None:
            raise UnreadableAnswerError(f"the upstream's answer has more than {self._settings.max_answer_bytes} bytes")
        try:
            body = WholeBody(route.shape, data, is_request=False)
        except UnknownShapeError:
            await self._pass_unknown(headers, "it is not JSON", data)
            return
        async with self._engine.open(start) as session:
            summary = await guard_whole(session, body)
        self._mark(session)
        self._marks[DECISION] = summary.action.name.lower()
        data = finished(body, UnreadableAnswerError("the upstream's answer is nested too deep to be changed"))
        await self._begin(_changeable(headers))
        await self._send_whole(self._answer, data)

    async def _pass_unknown(self, headers: Headers, why: str, data: bytes | None = None) -> None:
        """Let an answer pass that cannot be checked. `data` is the body, if it was held."""
        if self._settings.unknown_bodies == "refuse":
            raise UnreadableAnswerError(f"the upstream's answer cannot be checked: {why}")
        self._marks[DECISION] = UNGUARDED
        await self._pass_answer(headers, data)

    async def _pass_answer(self, headers: Headers, data: bytes | None = None) -> None:
        await self._begin(_own(headers))
        if data is not None:
            await self._send_whole(self._answer, data)
        else:
            await self._copy(self._answer)

    async def _begin(self, dropped: Iterable[str]) -> None:
        await self._write(response_headers=_headers(self._marks, dropped))
        self._has_begun = True

    def _mark(self, session: Session) -> None:
        self._marks[POLICY] = f"{session.plan.name}@{session.plan.version}"
        self._marks[STREAM] = session.info.stream_id

    # -- what Envoy is told ---------------------------------------------------------------------------------------

    async def _copy(self, way: _Way) -> None:
        """Send a body back as it comes."""
        async for data in way.chunks():
            await self._send(way, data)
        await self._end(way)

    async def _send_whole(self, way: _Way, data: bytes) -> None:
        for start in range(0, len(data), _PIECE_BYTES):
            await self._send(way, data[start : start + _PIECE_BYTES])
        await self._end(way)

    async def _end(self, way: _Way) -> None:
        """Say that a body is over; trailers go on as they are."""
        if way.has_trailers:
            await self._write(**{f"{self._name(way)}_trailers": pb.TrailersResponse()})
        elif way.has_body:
            await self._send(way, b"", is_last=True)

    async def _send(self, way: _Way, data: bytes, *, is_last: bool = False) -> None:
        piece = pb.StreamedBodyResponse(body=data, end_of_stream=is_last)
        common = pb.CommonResponse(body_mutation=pb.BodyMutation(streamed_response=piece))
        await self._write(**{f"{self._name(way)}_body": pb.BodyResponse(response=common)})

    def _name(self, way: _Way) -> str:
        return "request" if way is self._request else "response"

    async def _answer_instead(self, status: int, data: bytes) -> None:
        """Answer the client in the upstream's place."""
        changes = _changes({"content-type": JSON, **self._marks}, ())
        answer = pb.ImmediateResponse(status=HttpStatus(code=status), headers=changes, body=data, details="tidegate")
        await self._write(immediate_response=answer)

    async def _write(self, **message: Message) -> None:
        """Send a message. Raises `IdleStream` when Envoy takes none for too long."""
        try:
            async with asyncio.timeout(self._engine.idle_seconds), self._writing:
                await self._context.write(pb.ProcessingResponse(**message))
        except TimeoutError:
            raise IdleStream(self._engine.idle_seconds) from None


def _check_modes(message: Any) -> None:
    """Raise `ConfigError` when Envoy's filter is set to a mode in which nothing could be guarded."""
    if message.observability_mode:
        raise ConfigError("Envoy only lets us watch; set observability_mode to false", path="ext_proc")
    if message.HasField("protocol_config"):
        config = message.protocol_config
        if {config.request_body_mode, config.response_body_mode} != {ProcessingMode.FULL_DUPLEX_STREAMED}:
            raise ConfigError("Envoy's body modes must both be FULL_DUPLEX_STREAMED", path="ext_proc")


def _headers(added: Mapping[str, str], dropped: Iterable[str]) -> Any:
    return pb.HeadersResponse(response=pb.CommonResponse(header_mutation=_changes(added, dropped)))


def _changes(added: Mapping[str, str], dropped: Iterable[str]) -> Any:
    return pb.HeaderMutation(
        set_headers=[
            {"header": {"key": name, "raw_value": value.encode()}, "append_action": _OVERWRITE}
            for name, value in added.items()
        ],
        remove_headers=sorted({*dropped} - {*added}),
    )


def _changeable(headers: Headers) -> list[str]:
    """What describes a body that may change, and what only we may say."""
    return [name.lower() for name in headers if name.lower() in OF_BODY] + _own(headers)


def _own(headers: Headers) -> list[str]:
    return [name.lower() for name in headers if name.lower().startswith(OWN)]


def _value(header: Any) -> str:
    return str(header.raw_value, "utf-8", "replace") if header.raw_value else str(header.value)
