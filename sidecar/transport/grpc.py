"""The gRPC transport: `Check` and `Stream` over TCP (with TLS) and Unix sockets.

A stream has two tasks: a reader, which turns messages into `session.feed`, and gRPC's own, which writes what
`session.outputs` hands out. Messages are parsed here and not by gRPC, so that a broken one is the caller's error with a
status that says so. The first text of each stream's way is in `_guard`; errors become statuses in `answering`.

Addresses without TLS, which is what a sidecar has, are served by `http2`, at a third of the processor time that grpcio
takes for a message (ADR 0008). Those with TLS, and all of them with `grpc.server: grpcio`, are served by grpcio.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from traceback import clear_frames
from typing import Any, Protocol, TypeAlias, cast

import grpc
import msgspec
from google.protobuf.descriptor import FileDescriptor
from grpc_health.v1 import health, health_pb2
from multidict import CIMultiDict

from sidecar.codec.joints import Joints
from sidecar.config import Grpc, Limits
from sidecar.engine import Engine
from sidecar.errors import CallerError, ConfigError, IdleStream, Overloaded, TidegateError
from sidecar.session import Session
from sidecar.start import StreamStart
from sidecar.telemetry.tracing import parse_traceparent
from sidecar.tokens import Tokens
from sidecar.transport.convert import (
    check_response_of,
    parse,
    passages_of,
    response_of,
    start_of,
    usage_of,
)
from sidecar.transport.facts import Caller, pinned
from sidecar.transport.grpcio import OneMessage, make_server
from sidecar.transport.health import GUARD_SERVICE, Health
from sidecar.transport.http2.call import Call
from sidecar.transport.http2.connection import Bounds
from sidecar.transport.http2.server import Http2Server
from sidecar.transport.identity import Peer
from sidecar.transport.lanes import LaneReader, arguments_of, is_json, is_name, name_of, out_of_order
from sidecar.transport.plain_chunks import MOST_BYTES, PlainChunks
from sidecar.transport.reflection import Reflection
from sidecar.transport.running import Running
from sidecar.transport.status import status_of
from sidecar.transport.tls import Certificates
from sidecar.values import Lane
from tidegate.v1 import guard_pb2 as pb

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
Server: TypeAlias = grpc.aio.Server | Http2Server

_log = logging.getLogger(__name__)

GRPC_SCOPE = "grpc"
"""What a token is for that is shown here."""
_UNIX = "unix:"
_STREAM_ID = "tidegate-stream-id"
_FRAME_BYTES = 1 << 20
"""Room for a message beside its text."""
_INT_MAX = 2**31 - 1
_SPARE_CALLS = 256
"""Calls of a connection beside streams: health checks, and streams that are told that there are too many."""
_PING_SLACK = 0.8
"""A client that pings as often as it may is sometimes early, by its timer and the network."""
_LONGEST_GRACE = 1e6
_RETRY_MS = 1000
_GOODBYE_SECONDS = 1.0
"""How long a status may take to reach a client that does not read."""


class GrpcService(Protocol):
    """Methods that the listener serves."""

    @property
    def name(self) -> str:
        """The service's full name."""
        ...

    @property
    def files(self) -> Sequence[FileDescriptor]:
        """Where it is described, for reflection."""
        ...

    def add_to(self, server: Server) -> None:
        """Serve the methods."""
        ...


class GuardService:
    """The service's two methods."""

    name = GUARD_SERVICE
    files = (pb.DESCRIPTOR,)

    def __init__(self, engine: Engine, settings: Grpc, tokens: Tokens | None = None) -> None:
        self._engine = engine
        self._tokens = tokens
        self._facts = settings.facts
        self._idle_seconds = settings.idle_seconds
        self._one_message = OneMessage(settings.message_seconds)
        self._running = Running()
        self._arrivals: Counter[str] = Counter()
        """By connection."""

    def add_to(self, server: Server) -> None:
        """Serve the methods."""
        methods: dict[str, grpc.RpcMethodHandler[bytes, Any]] = {
            "Check": grpc.stream_unary_rpc_method_handler(
                self.check, response_serializer=pb.CheckResponse.SerializeToString
            ),
            "Stream": grpc.stream_stream_rpc_method_handler(
                self.stream, response_serializer=pb.StreamResponse.SerializeToString
            ),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(GUARD_SERVICE, methods),))

    async def check(self, _requests: AsyncIterator[bytes], context: Context) -> pb.CheckResponse:
        """Guard one whole text."""
        async with answering(context):
            with self._running.counted():
                with self._arriving(context.peer()):
                    data = await self._only(context)
                return await self._check(data, context)

    async def stream(self, _requests: AsyncIterator[bytes], context: Context) -> None:
        """Guard texts while they flow."""
        async with answering(context):
            with self._running.counted():
                await self._guard(context)

    async def _only(self, context: Context) -> bytes:
        """The one message of a request. Ends the call when there is none, or not in time."""
        call: object = context
        if isinstance(call, Call):
            return await call.only(None)  # type: ignore[no-any-return]  # nothing parses it here
        return await self._one_message.read(context)

    async def wait_idle(self) -> None:
        """Return when no call runs."""
        await self._running.wait_idle()

    @contextmanager
    def _arriving(self, peer: str) -> Iterator[None]:
        """A stream whose first message is awaited: as many may be as may run, half of them on one connection.

        Raises `Overloaded`.
        """
        most = self._engine.limits.max_streams
        if self._arrivals.total() >= most or self._arrivals[peer] >= max(1, most // 2):
            self._engine.metrics.streams_refused["overloaded"].inc()
            raise Overloaded("streams", retry_ms=_RETRY_MS)
        self._arrivals[peer] += 1
        try:
            yield
        finally:
            self._arrivals[peer] -= 1
            if not self._arrivals[peer]:
                del self._arrivals[peer]

    async def _check(self, data: bytes, context: Context) -> pb.CheckResponse:
        request = parse(pb.CheckRequest, data)
        limit = self._engine.limits.max_stream_chars
        if len(request.text) > limit:
            raise CallerError(
                f"has {len(request.text)} characters; at most {limit} are allowed", field="text", limit=limit
            )
        start = self._start_of(request.start, context)
        lanes = LaneReader(start.direction, self._engine.limits)
        lane = lanes.lane_of(request.lane, field="lane")
        async with self._engine.open(start) as session:
            await self._engine.report_outage(start.outage, session.info)
            _count(session, request)
            if request.tool:
                await _name_call(session, lanes, lane, request.tool)
            await session.feed(
                lane, request.text, is_json=is_json(lane), is_last=True, tool=lanes.tool_of(lane, request.text)
            )
            session.finish()
            shown = [each async for each in session.outputs()]
            return check_response_of(shown, session.plan, lane, wire=lanes.wire)

    async def _guard(self, context: Context) -> None:
        with self._arriving(context.peer()):
            first = await self._read_start(context)
        start = msgspec.structs.replace(self._start_of(first, context), asked_ms=self._asked_ms(first))
        async with self._engine.open(start) as session:
            await self._engine.report_outage(start.outage, session.info)
            await context.send_initial_metadata(((_STREAM_ID, session.info.stream_id),))
            lanes = LaneReader(start.direction, self._engine.limits)
            if isinstance(call := cast("object", context), Call) and self._engine.limits.max_chunk_bytes >= MOST_BYTES:
                call.hand_to(PlainChunks(lanes, session.pour).take)
            joints = Joints(is_streamed=False)
            async with _beside(_read(context, session, lanes)):
                async for shown in session.outputs():
                    await self._write(context, response_of(shown, session.plan, joints.follow(shown), wire=lanes.wire))

    def _asked_ms(self, start: pb.Start) -> float | None:
        """When the model is asked whose answer this stream is: as it starts."""
        return None if start.direction == pb.DIRECTION_INPUT else self._engine.clock.now_ms()

    def _start_of(self, message: pb.Start, context: Context) -> StreamStart:
        """What is known of a stream: what its caller says, as far as that is for the caller to say."""
        metadata = CIMultiDict(
            (key, value) for key, value in context.invocation_metadata() or () if isinstance(value, str)
        )
        caller = Caller(metadata, Peer.of_grpc(context.peer(), context.auth_context()))
        return by_token(self._tokens, caller, pinned(self._facts, caller, start_of(message, trace=_trace_of(context))))

    async def _read_start(self, context: Context) -> pb.Start:
        """The stream's first message. Raises `CallerError` when it is another one, `IdleStream` when there is none."""
        try:
            async with asyncio.timeout(self._idle_seconds):
                data = await context.read()
        except TimeoutError:
            raise IdleStream(self._idle_seconds) from None
        if data is grpc.aio.EOF:
            raise out_of_order("the stream ended before it was started", "start")
        message = parse(pb.StreamRequest, data)
        if message.WhichOneof("message") != "start":
            raise out_of_order("must be the first message of a stream", "start")
        return message.start

    async def _write(self, context: Context, response: pb.StreamResponse) -> None:
        """Send a message. Raises `IdleStream` when the client takes nothing for too long."""
        waits = _sending(context, response)
        if waits is None:
            return
        try:
            async with asyncio.timeout(self._idle_seconds):
                await waits
        except TimeoutError:
            raise IdleStream(self._idle_seconds) from None


def by_token(tokens: Tokens | None, caller: Caller, start: StreamStart) -> StreamStart:
    """The start of a call, for the tenant of its caller's token; one that showed a certificate needs none.

    Raises `Unauthenticated` without a token that is known, `Forbidden` for one that is not for this.
    """
    if tokens is None or caller.peer.identities:
        return start
    token = tokens.of(caller.headers.get("authorization", ""), GRPC_SCOPE)
    return msgspec.structs.replace(start, tenant=token.tenant(start.tenant))


class GrpcServer:
    """The listener. `start` binds all addresses or none. `others` are served beside the guard's own service."""

    def __init__(
        self, engine: Engine, settings: Grpc, limits: Limits, *others: GrpcService, tokens: Tokens | None = None
    ) -> None:
        """With `tokens`, each call of the guard needs one, but for callers that showed a certificate."""
        self._settings = settings
        self._limits = limits
        self._guard = GuardService(engine, settings, tokens)
        self._services = (self._guard, *others)
        self._health = Health()
        self._grpcio: grpc.aio.Server | None = None
        self._http2: Http2Server | None = None
        self._stopping: asyncio.Task[None] | None = None
        self.addresses: tuple[str, ...] = ()
        """Where it listens, with the ports that were chosen for port 0."""

    async def start(self) -> None:
        """Listen and serve. Raises `ConfigError` when an address cannot be bound or a certificate cannot be used."""
        try:
            self.addresses = tuple([await self._bind(address) for address in self._settings.listen])
        except ConfigError:
            await self.stop()
            raise
        if self._grpcio is not None:
            await self._grpcio.start()
        self._set_socket_modes()
        await self._health.serve()

    async def drain(self) -> None:
        """Tell health checks that streams should go elsewhere."""
        await self._health.drain()

    async def finish(self) -> None:
        """Stop listening and send clients elsewhere; returns when each of them knows, and no call runs."""
        if self._grpcio is not None:
            self._stopping = asyncio.create_task(self._grpcio.stop(_LONGEST_GRACE))
        if self._http2 is not None:
            await self._http2.go_away()
        await self._guard.wait_idle()

    async def stop(self) -> None:
        """Stop listening. What still runs is cancelled, after a moment for statuses that are on their way."""
        await asyncio.gather(
            *(server.stop(_GOODBYE_SECONDS) for server in (self._grpcio, self._http2) if server is not None)
        )
        if self._stopping is not None:
            await self._stopping

    async def _bind(self, address: str) -> str:
        is_secure = self._settings.tls is not None and not address.startswith(_UNIX)
        try:
            if is_secure or self._settings.server == "grpcio":
                return await self._bind_grpcio(address, is_secure=is_secure)
            if self._http2 is None:
                self._http2 = Http2Server(bounds_of(self._settings, self._limits))
                await self._serve_with(self._http2)
            return await self._http2.listen(address, share_port=self._settings.share_ports)
        except (OSError, OverflowError, RuntimeError, ValueError):
            raise ConfigError(f"cannot listen on {address}; is it in use?", path="grpc.listen") from None

    async def _bind_grpcio(self, address: str, *, is_secure: bool) -> str:
        if self._grpcio is None:
            bounds = bounds_of(self._settings, self._limits)
            self._grpcio = make_server(bounds, share_ports=self._settings.share_ports)
            await self._serve_with(self._grpcio)
        if is_secure:
            assert self._settings.tls is not None
            port = self._grpcio.add_secure_port(address, Certificates(self._settings.tls).credentials())
        else:
            port = self._grpcio.add_insecure_port(address)
        return address if address.startswith(_UNIX) else f"{address.rpartition(':')[0]}:{port}"

    async def _serve_with(self, server: Server) -> None:
        for service in self._services:
            service.add_to(server)
        await self._health.add_to(server)
        if self._settings.reflection:
            self._reflection().add_to(server)

    def _reflection(self) -> Reflection:
        files = (file for service in self._services for file in service.files)
        names = (service.name for service in self._services)
        return Reflection([*names, health.SERVICE_NAME], [*files, cast("FileDescriptor", health_pb2.DESCRIPTOR)])

    def _set_socket_modes(self) -> None:
        for address in self.addresses:
            if address.startswith(_UNIX):
                os.chmod(Path(address.removeprefix(_UNIX)), int(self._settings.unix_socket_mode, 8))


def _sending(context: Context, response: pb.StreamResponse) -> Awaitable[None] | None:
    """Send a message; what to wait for until that is done. None: it is on its way, and needs no timer."""
    call: object = context
    if not isinstance(call, Call):
        return context.write(response)
    return None if call.post(response) else call.sent()


async def _read(context: Context, session: Session, lanes: LaneReader) -> None:
    """Feed a session until its stream ends. What goes wrong becomes the session's failure."""
    try:
        while (data := await context.read()) is not grpc.aio.EOF:
            message = parse(pb.StreamRequest, data)
            if message.WhichOneof("message") == "finish":
                _count(session, message.finish)
                break  # what comes behind it is not read, soon or late
            await _take(message, session, lanes)
        if context.cancelled():
            session.cancel("the client went away")
            return
        lanes.finish()
        session.finish()
    except Exception as error:  # noqa: BLE001 - whatever ends the reader ends the stream, which would wait for it
        session.fail(error)


def _count(session: Session, said: pb.Finish | pb.CheckRequest) -> None:
    """Take note of what the application says that the answer took."""
    if said.HasField("usage"):
        usage = usage_of(said.usage)
        session.counts_by(lambda: usage, "application")


async def _name_call(session: Session, lanes: LaneReader, call: Lane, tool: str) -> None:
    """Have the name of a call, whose arguments are checked, judged as a text of its own."""
    if not is_json(call):
        raise CallerError("is for a lane of the channel of tool arguments", field="tool")
    lane = name_of(call)
    await session.feed(lane, tool, is_last=True, tool=lanes.tool_of(lane, tool, field="tool"))


async def _take(message: pb.StreamRequest, session: Session, lanes: LaneReader) -> None:
    match message.WhichOneof("message"):
        case "chunk":
            lane = lanes.lane_of(message.chunk.lane)
            text, is_last = lanes.text_of(message.chunk, lane), message.chunk.ends_lane
            await session.feed(lane, text, is_json=is_json(lane), is_last=is_last, tool=lanes.tool_of(lane, text))
            if is_name(lane):
                session.name_call(call := arguments_of(lane), lanes.tool_of(call, ""))
            if is_last:
                lanes.end(lane)
        case "context":
            session.add_context(passages_of(message.context.passages))
        case "start":
            raise out_of_order("came twice; a stream has one", "start")
        case _:
            raise CallerError("is empty: neither start nor chunk nor context nor finish", field="message")


@asynccontextmanager
async def answering(context: Context) -> AsyncIterator[None]:
    """Turn an error into the call's status."""
    try:
        yield
    except grpc.aio.AbortError:
        raise
    except Exception as error:  # noqa: BLE001 - one stream's fault ends that stream only
        if not isinstance(error, TidegateError):
            _log.error("a call failed", exc_info=error)
        status = status_of(error)
        clear_frames(error.__traceback__)  # they hold the text, and a client may let its status wait
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await context.abort(status.code, status.message, status.trailers)


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run a task beside the body, and end it with it."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _trace_of(context: Context) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == "traceparent" and isinstance(value, str):
            return parse_traceparent(value)
    return ""


def _largest(limits: Limits) -> int:
    """Room for an oversize text, in bytes, so that it is answered by us, who name the field and the limit."""
    return min(4 * (limits.max_stream_chars + limits.max_context_chars) + _FRAME_BYTES, _INT_MAX)


def bounds_of(settings: Grpc, limits: Limits) -> Bounds:
    """What a connection may cost with these settings."""
    return Bounds(
        message_bytes=_largest(limits),
        calls=2 * limits.max_streams + _SPARE_CALLS,
        keepalive_seconds=settings.keepalive_seconds,
        keepalive_timeout_seconds=settings.keepalive_timeout_seconds,
        min_ping_interval_seconds=settings.min_ping_interval_seconds * _PING_SLACK,
        message_seconds=settings.message_seconds,
    )
