"""grpcio as the server: for addresses with TLS, and for all of them with `grpc.server: grpcio`.

It gets the same bounds as the service's own server, as far as it has options for them. What it has none for is here: a
request of one message has to be whole in time, and only so many may be unfinished, since each may be as large as the
largest and grpcio keeps what came of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import grpc

from sidecar.transport.http2.connection import Bounds
from sidecar.transport.http2.headers import HEADER_LIST_BYTES
from sidecar.transport.http2.link import SPARE_FILES, most_files

_QUICK_SECONDS: Final = 0.05
"""A message that is whole by then counts as no unfinished one."""
_MOST_UNFINISHED: Final = 4


def make_server(bounds: Bounds, *, share_ports: bool) -> grpc.aio.Server:
    """A server with these bounds."""
    return grpc.aio.server(options=_options(bounds, share_ports=share_ports), interceptors=[_InTime(bounds)])


class OneMessage:
    """Reads the message of requests that have one: no fewer, no more, in time, and few unfinished ones at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._unfinished = 0

    async def read(self, context: Any) -> bytes:
        """The message. Ends the call when there is none."""
        reading = asyncio.ensure_future(self._only(context))
        try:
            async with asyncio.timeout(_QUICK_SECONDS):
                return await asyncio.shield(reading)
        except TimeoutError:
            return await self._slow(context, reading)
        finally:
            reading.cancel()

    async def _slow(self, context: Any, reading: asyncio.Future[bytes]) -> bytes:
        if self._unfinished >= _MOST_UNFINISHED:
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED, "too many messages are unfinished; send yours again, whole"
            )
        self._unfinished += 1
        try:
            async with asyncio.timeout(self._seconds):
                return await reading
        except TimeoutError:
            reason = f"a message was begun, and was not whole within {self._seconds:g} s"
            return await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, reason)  # type: ignore[no-any-return]  # never returns
        finally:
            self._unfinished -= 1

    async def _only(self, context: Any) -> bytes:
        message = await context.read()
        if message is grpc.aio.EOF:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "the method takes one message, and none came")
        if await context.read() is not grpc.aio.EOF:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "the method takes one message, and more came")
        return message  # type: ignore[no-any-return]  # bytes, as no deserializer was given


class _InTime(grpc.aio.ServerInterceptor):
    """Has each request of one message read by `OneMessage`."""

    def __init__(self, bounds: Bounds) -> None:
        self._one = OneMessage(bounds.message_seconds)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """The handler, with its request read here."""
        handler: Any = await continuation(handler_call_details)
        if handler is None or handler.request_streaming:
            return handler  # type: ignore[no-any-return]  # of a stream, or of no method
        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                self._streamed(handler), response_serializer=handler.response_serializer
            )
        return grpc.stream_unary_rpc_method_handler(
            self._single(handler), response_serializer=handler.response_serializer
        )

    def _single(self, handler: Any) -> Any:
        async def answer(_requests: object, context: Any) -> Any:
            return await handler.unary_unary(await self._read(handler, context), context)

        return answer

    def _streamed(self, handler: Any) -> Any:
        async def answer(_requests: object, context: Any) -> None:
            found = handler.unary_stream(await self._read(handler, context), context)
            if isinstance(found, AsyncIterator):
                async for message in found:
                    await context.write(message)
            else:
                await found

        return answer

    async def _read(self, handler: Any, context: Any) -> Any:
        data = await self._one.read(context)
        parse = handler.request_deserializer
        return data if parse is None else parse(data)


def _options(bounds: Bounds, *, share_ports: bool) -> list[tuple[str, int]]:
    timeout_ms = round(bounds.keepalive_timeout_seconds * 1000)
    return [
        ("grpc.max_receive_message_length", bounds.message_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_concurrent_streams", bounds.calls),
        ("grpc.max_metadata_size", HEADER_LIST_BYTES),  # from here on it refuses at random, by itself from 8 KiB
        ("grpc.absolute_max_metadata_size", HEADER_LIST_BYTES),
        ("grpc.max_allowed_incoming_connections", max(1, most_files() - 4 * SPARE_FILES)),
        ("grpc.keepalive_time_ms", round(bounds.keepalive_seconds * 1000)),
        ("grpc.keepalive_timeout_ms", timeout_ms),
        ("grpc.http2.ping_timeout_ms", timeout_ms),  # else a minute, whatever the other says
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", round(bounds.min_ping_interval_seconds * 1000)),
        ("grpc.so_reuseport", int(share_ports)),
    ]
