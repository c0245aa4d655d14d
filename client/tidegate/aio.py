"""The client for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Iterable
from types import TracebackType
from typing import Any, Self, Unpack

import grpc

from tidegate import _wire
from tidegate.errors import TidegateError
from tidegate.types import AnyChunk, CheckResult, Lane, OnBlock, Release, Shown, StreamOptions, Summary, Tls

_SETTLE_SECONDS = 1.0
_LOOK_SECONDS = 0.002


class AsyncClient:
    """A connection to a sidecar at `host:port` or `unix:/path`. Close it, or use it as an async context manager.

    Make it on the event loop that uses it. Connecting happens with the first call. Every call raises a `TidegateError`.
    A `channel` of your own (with interceptors, say) is used instead of a connection to `target`, and closed with this.
    """

    def __init__(
        self, target: str = "127.0.0.1:50051", *, tls: Tls | None = None, channel: grpc.aio.Channel | None = None
    ) -> None:
        self._target = target
        self._channel = channel or _channel(target, tls)
        self._check: Any = self._channel.unary_unary(_wire.CHECK)
        self._stream: Any = self._channel.stream_stream(_wire.STREAM)

    async def check(
        self,
        text: str,
        *,
        lane: Lane | None = None,
        timeout: float | None = 10.0,  # noqa: ASYNC109 - it travels with the call, so that the sidecar keeps it too
        **options: Unpack[StreamOptions],
    ) -> CheckResult:
        """Guard one whole text. A block is in the result. Without room it asks again, within `timeout` seconds."""
        request = _wire.check_request(text, lane, options)
        try:
            return _wire.check_result(await self._check(request, timeout=timeout, metadata=_wire.metadata_of(options)))
        except grpc.aio.AioRpcError as error:
            raise _error_of(error, self._target) from None

    def stream(
        self,
        chunks: AsyncIterable[AnyChunk] | Iterable[AnyChunk],
        *,
        on_block: OnBlock = "raise",
        timeout: float | None = None,
        **options: Unpack[StreamOptions],
    ) -> AsyncGuardedStream:
        """Guard text while it flows: `chunks` are read by a task as fast as the sidecar takes them.

        With `on_block="raise"` a block raises `GuardBlocked`; with "yield" it comes as a `Verdict`, others go on.
        An exception from `chunks` ends the stream, and is raised from it. A stream is never tried again.
        """
        source = _Source(chunks, _wire.start_request(options))
        call = self._stream(source.messages(), timeout=timeout, metadata=_wire.metadata_of(options))
        source.bind(call)
        return AsyncGuardedStream(call, source, _wire.Responses(on_block), self._target)

    async def close(self) -> None:
        """End all calls and the connection."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class AsyncGuardedStream:
    """What comes out of a stream: iterate for `Release`, `Verdict`, `Summary`, or over `text()` for text alone."""

    def __init__(self, call: Any, source: _Source, responses: _wire.Responses, target: str) -> None:
        self._call = call
        self._status = _Status(call)
        self._source = source
        self._responses = responses
        self._target = target
        self._is_cancelled = False

    @property
    def summary(self) -> Summary | None:
        """How the stream went; None before its end."""
        return self._responses.summary

    async def text(self) -> AsyncIterator[str]:
        """The text that may be passed on, piece by piece."""
        async for shown in self:
            if isinstance(shown, Release) and shown.text:
                yield shown.text

    def cancel(self) -> None:
        """End the stream now, and the iteration with it; what the sidecar holds is dropped."""
        self._is_cancelled = True
        self._call.cancel()

    async def __aiter__(self) -> AsyncIterator[Shown]:
        try:
            async for data in self._call:
                yield self._responses.read(data)
        except grpc.aio.AioRpcError:
            raise await self._status.error(self._target) from None
        except asyncio.CancelledError:
            # Either the call was cancelled, by `cancel` or for its chunks' failure, or the task that reads it was.
            if self._source.failure is not None:
                raise self._source.failure from None
            if not self._is_cancelled:
                raise
        finally:
            self._call.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()


class _Source:
    """Turns chunks into messages. Their own exception is kept for whoever reads the stream."""

    def __init__(self, chunks: AsyncIterable[AnyChunk] | Iterable[AnyChunk], start: bytes) -> None:
        self._chunks = chunks
        self._start = start
        self._call: Any = None
        self.failure: Exception | None = None

    def bind(self, call: Any) -> None:
        """Say which call the messages are for; done before gRPC asks for the first."""
        self._call = call

    async def messages(self) -> AsyncIterator[bytes]:
        """The stream's messages. Chunks follow once the stream is admitted, so that a refusal is heard for what it is.

        gRPC gives a call whose status comes while a message is on its way a status of its own (INTERNAL).
        """
        yield self._start
        await self._call.initial_metadata()
        try:
            async for chunk in _each(self._chunks):
                for message in _wire.chunk_requests(chunk):
                    yield message
        except Exception as error:  # noqa: BLE001 - the caller's own, raised again where the caller can see it
            self.failure = error
            self._call.cancel()


async def _each(chunks: AsyncIterable[AnyChunk] | Iterable[AnyChunk]) -> AsyncIterator[AnyChunk]:
    if isinstance(chunks, AsyncIterable):
        async for chunk in chunks:
            yield chunk
    else:
        for chunk in chunks:
            yield chunk


class _Status:
    """The status that a stream's end had first, or, if that was gRPC's own, the next.

    gRPC's asyncio client gives a stream whose status comes while a message is on its way a status of its own (INTERNAL,
    without trailers): instead of the true one, or before it.
    """

    def __init__(self, call: Any) -> None:
        self._call = call
        self._code: grpc.StatusCode | None = None
        self._details: str | None = None
        self._trailers: Any = None
        call.add_done_callback(lambda _: self._take())

    async def error(self, target: str) -> TidegateError:
        """The error that it stands for."""
        until = asyncio.get_running_loop().time() + _SETTLE_SECONDS
        while self._is_grpcs_own and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(_LOOK_SECONDS)
            self._take()
        code = self._code or grpc.StatusCode.UNKNOWN
        return _wire.error_of(code, self._details, self._trailers, target)

    @property
    def _is_grpcs_own(self) -> bool:
        return self._code is None or (self._code is grpc.StatusCode.INTERNAL and not self._trailers)

    def _take(self) -> None:
        call = self._call
        self._code, self._details, self._trailers = map(
            _at_once, (call.code(), call.details(), call.trailing_metadata())
        )


def _at_once(waiting: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine gives that has nothing to wait for; None when it has."""
    try:
        waiting.send(None)
    except StopIteration as done:
        return done.value
    waiting.close()
    return None


def _error_of(error: grpc.aio.AioRpcError, target: str) -> TidegateError:
    return _wire.error_of(error.code(), error.details(), error.trailing_metadata(), target)


def _channel(target: str, tls: Tls | None) -> grpc.aio.Channel:
    options = _wire.channel_options(tls)
    if tls is None:
        return grpc.aio.insecure_channel(target, options)
    return grpc.aio.secure_channel(target, _wire.credentials_of(tls), options)
