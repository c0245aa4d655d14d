"""The client for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Iterable
from types import TracebackType
from typing import Any, Self, Unpack

import grpc

from tidegate import _wire
from tidegate._gathered import Gathered
from tidegate._options import (
    CHECK_SECONDS,
    DEFAULT,
    MAX_RETRIES,
    STREAM_SECONDS,
    Default,
    check_text,
    checked,
    given,
)
from tidegate._outage import Held, Outage, Report, held_of
from tidegate.errors import TidegateError
from tidegate.types import (
    AnyChunk,
    CheckResult,
    Lane,
    OnBlock,
    OnUnavailable,
    Release,
    Shown,
    StreamOptions,
    Summary,
    Tls,
)

_SETTLE_SECONDS = 1.0
_LOOK_SECONDS = 0.002


class AsyncClient:
    """A connection to a sidecar at `host:port` or `unix:/path`. Close it, or use it as an async context manager.

    Make it on the event loop that uses it. All arguments mean what they mean for `Client`, which describes them.
    """

    def __init__(
        self,
        target: str = "127.0.0.1:50051",
        *,
        tls: Tls | None = None,
        timeout: float | None = CHECK_SECONDS,
        stream_timeout: float | None = STREAM_SECONDS,
        max_retries: int = MAX_RETRIES,
        on_unavailable: OnUnavailable = "raise",
        token: str = "",
        coalesce: bool = True,
        channel: grpc.aio.Channel | None = None,
    ) -> None:
        self._target = target
        self._timeout = timeout
        self._stream_timeout = stream_timeout
        self._outage = Outage(on_unavailable)
        self._token = token
        self._coalesces = coalesce
        self._channel = channel or _channel(target, tls, max_retries)
        self._check: Any = self._channel.unary_unary(_wire.CHECK)
        self._stream: Any = self._channel.stream_stream(_wire.STREAM)

    async def check(
        self,
        text: str,
        *,
        lane: Lane | None = None,
        tool: str = "",
        timeout: float | Default | None = DEFAULT,  # noqa: ASYNC109 - it travels with the call: the sidecar keeps it too
        **options: Unpack[StreamOptions],
    ) -> CheckResult:
        """Guard one whole text. A block is in the result. Without room it asks again, within `timeout` seconds.

        `tool` names what a call calls, of which the text is the arguments: it is judged, too, and does not come back.
        """
        check_text("check", text)
        check_text("check", tool, "tool")
        options = checked("check", options)
        seconds, metadata = given(timeout, self._timeout), _wire.metadata_of(options, self._token)
        with self._outage.report() as report:
            request = _wire.check_request(text, lane, options, report.message, tool=tool)
            try:
                data = await self._check(request, timeout=seconds, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                failure = _error_of(error, self._target)
                if not self._outage.is_one(failure, is_stream=False):
                    raise failure from None
                return self._outage.check_result(text, lane)
            report.told()
        return _wire.check_result(data)

    def stream(
        self,
        chunks: AsyncIterable[AnyChunk] | Iterable[AnyChunk],
        *,
        on_block: OnBlock = "raise",
        timeout: float | Default | None = DEFAULT,
        **options: Unpack[StreamOptions],
    ) -> AsyncGuardedStream:
        """Guard text while it flows: `chunks` are read by a task as fast as the sidecar takes them.

        With `on_block="raise"` a block raises `GuardBlocked`; with "yield" it comes as a `Verdict`, others go on.
        An exception from `chunks` ends the stream, and is raised from it. A stream that was let in is never made again.
        """
        options = checked("stream", options)
        responses = _wire.Responses(on_block)
        report = self._outage.report()
        held = held_of(self._outage, options)
        source = _Source(chunks, _wire.start_request(options, report.message), held, coalesces=self._coalesces)
        seconds = given(timeout, self._stream_timeout)
        call = self._stream(source.messages(), timeout=seconds, metadata=_wire.metadata_of(options, self._token))
        source.bind(call)
        return AsyncGuardedStream(call, source, responses, self._outage, report, self._target)

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

    def __init__(
        self,
        call: Any,
        source: _Source,
        responses: _wire.Responses,
        outage: Outage,
        report: Report,
        target: str,
    ) -> None:
        self._call = call
        self._status = _Status(call)
        self._source = source
        self._responses = responses
        self._outage = outage
        self._report = report
        self._target = target
        self._is_cancelled = False
        self.is_unguarded = False
        """Whether text came out that nobody looked at: no sidecar answered, and the client lets text pass then."""

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
        self._source.close()

    async def __aiter__(self) -> AsyncIterator[Shown]:
        try:
            async for data in self._call:
                self._report.told()
                shown = self._responses.read(data)
                self._source.shown(shown)
                yield shown
        except grpc.aio.AioRpcError:
            async for shown in self._without(await self._status.error(self._target)):
                yield shown
        except asyncio.CancelledError:
            # Either the call was cancelled, by `cancel` or for its chunks' failure, or the task that reads it was.
            if self._source.failure is not None:
                raise self._source.failure from self._source.failure.__cause__  # its own, not this cancelling
            if not self._is_cancelled:
                raise
        finally:
            self._report.take_back()
            self._call.cancel()
            self._source.close()

    async def _without(self, failure: TidegateError) -> AsyncIterator[Shown]:
        """The rest of a stream whose sidecar is gone. Raises the failure where that is what the client wants."""
        self._report.take_back()
        if not self._outage.is_one(failure, is_stream=True):
            raise failure from None
        if self._outage.mode == "block":
            yield self._outage.verdict(self._responses)
            return
        self.is_unguarded = True
        try:
            async for release in self._source.rest():
                yield release
        finally:
            self._outage.passed(self._source.passed_chars)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()


class _Source:
    """Turns chunks into messages. Their own exception is kept for whoever reads the stream."""

    def __init__(
        self,
        chunks: AsyncIterable[AnyChunk] | Iterable[AnyChunk],
        start: bytes,
        held: Held | None,
        *,
        coalesces: bool,
    ) -> None:
        each = _each(chunks)
        self._gathered = Gathered(each, joins=coalesces) if coalesces or held is not None else None
        self._chunks: AsyncIterator[AnyChunk] = self._gathered or each
        self._start = start
        self._held = held
        self._call: Any = None
        self._is_taken = False
        self.failure: Exception | None = None

    def bind(self, call: Any) -> None:
        """Say which call the messages are for; done before gRPC asks for the first."""
        self._call = call
        if self._held is None:
            call.add_done_callback(lambda _: self.close())

    def close(self) -> None:
        """Nobody wants more chunks."""
        if self._gathered is not None:
            self._gathered.close()

    async def messages(self) -> AsyncIterator[bytes]:
        """The stream's messages. Chunks follow once the stream is admitted, so that a refusal is heard for what it is.

        gRPC gives a call whose status comes while a message is on its way a status of its own (INTERNAL).
        """
        yield self._start
        await self._call.initial_metadata()
        try:
            async for chunk in self._sent():
                for message in _wire.chunk_requests(chunk):
                    yield message
        except Exception as error:  # noqa: BLE001 - the caller's own, raised again where the caller can see it
            self.failure = error
            self._call.cancel()

    def shown(self, shown: Shown) -> None:
        """Something came out."""
        if self._held is not None:
            self._held.shown(shown)

    @property
    def passed_chars(self) -> int:
        """How much went on unread."""
        return self._held.passed_chars if self._held is not None else 0

    async def rest(self) -> AsyncIterator[Release]:
        """What did not come out, and all further chunks, unread: gRPC, which may still wait for one, gets no more."""
        assert self._held is not None
        assert self._gathered is not None
        self._is_taken = True
        self._gathered.hand_over()
        if self.failure is not None:
            raise self.failure
        for release in self._held.rest():
            yield release
        async for chunk in self._chunks:
            self._held.sent(chunk)
            for release in self._held.rest():
                yield release

    async def _sent(self) -> AsyncIterator[AnyChunk]:
        """The chunks, each known to be held from the moment it is there."""
        while not self._is_taken:
            try:
                chunk = await anext(self._chunks)
            except StopAsyncIteration:
                return
            if self._held is not None:
                self._held.sent(chunk)
            yield chunk


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


def _channel(target: str, tls: Tls | None, max_retries: int) -> grpc.aio.Channel:
    options = _wire.channel_options(tls, max_retries)
    if tls is None:
        return grpc.aio.insecure_channel(target, options)
    return grpc.aio.secure_channel(target, _wire.credentials_of(tls), options)
