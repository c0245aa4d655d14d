"""Channels in memory: as much of gRPC's as the clients use. What they carry is answered where it is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Protocol

import grpc

from tidegate.errors import TidegateError
from tidegate.testing.wire import Status, status_of

_OK: Status = (grpc.StatusCode.OK, "", ())
_CANCELLED: Status = (grpc.StatusCode.CANCELLED, "cancelled by the application", ())


class Answering(Protocol):
    """What answers one call. Every method raises the `TidegateError` that the call ends with."""

    def check(self, request: bytes) -> bytes:
        """The answer to a whole text."""
        ...

    def message(self, request: bytes) -> Iterable[bytes]:
        """What follows a message of a stream."""
        ...

    def finish(self) -> Iterable[bytes]:
        """What follows the last message."""
        ...


class MemoryChannel:
    """The blocking client's. `answering` makes what answers a call."""

    def __init__(self, answering: Callable[[], Answering]) -> None:
        self._answering = answering

    def unary_unary(self, _method: str) -> Callable[..., bytes]:
        """How to check a text."""
        return self._check

    def stream_stream(self, _method: str) -> Callable[..., _Stream]:
        """How to open a stream."""
        return lambda messages, **_: _Stream(self._answering(), messages)

    def close(self) -> None:
        """There is nothing to close."""

    def _check(self, request: bytes, **_: Any) -> bytes:
        try:
            return self._answering().check(request)
        except TidegateError as error:
            raise _Refused(status_of(error)) from None


class AsyncMemoryChannel:
    """The same for asyncio."""

    def __init__(self, answering: Callable[[], Answering]) -> None:
        self._answering = answering

    def unary_unary(self, _method: str) -> Callable[..., Any]:
        """How to check a text."""
        return self._check

    def stream_stream(self, _method: str) -> Callable[..., _AsyncStream]:
        """How to open a stream."""
        return lambda messages, **_: _AsyncStream(self._answering(), messages)

    async def close(self) -> None:
        """There is nothing to close."""

    async def _check(self, request: bytes, **_: Any) -> bytes:
        try:
            return self._answering().check(request)
        except TidegateError as error:
            raise _aio_error(status_of(error)) from None


class _Refused(grpc.RpcError):
    """A call that ended with another status than OK."""

    def __init__(self, status: Status) -> None:
        super().__init__(status[1])
        self._status = status

    def code(self) -> grpc.StatusCode:
        return self._status[0]

    def details(self) -> str:
        return self._status[1]

    def trailing_metadata(self) -> Any:
        return self._status[2]


class _Stream:
    """A call of the blocking client: reading it reads the messages."""

    def __init__(self, answering: Answering, messages: Iterable[bytes]) -> None:
        self._answering = answering
        self._messages = messages
        self._is_cancelled = False

    def cancel(self) -> None:
        self._is_cancelled = True

    def __iter__(self) -> Iterator[bytes]:
        try:
            for message in self._messages:
                yield from self._while_wanted(self._answering.message(message))
            yield from self._while_wanted(self._answering.finish())
        except TidegateError as error:
            raise _Refused(status_of(error)) from None

    def _while_wanted(self, responses: Iterable[bytes]) -> Iterator[bytes]:
        """The responses, as long as nobody has cancelled the call; looked at before and behind each."""
        self._check_wanted()
        for response in responses:
            yield response
            self._check_wanted()

    def _check_wanted(self) -> None:
        if self._is_cancelled:
            raise _Refused(_CANCELLED)


class _AsyncStream:
    """A call of the client for asyncio: reading it reads the messages."""

    def __init__(self, answering: Answering, messages: AsyncIterable[bytes]) -> None:
        self._answering = answering
        self._messages = messages
        self._is_cancelled = False
        self._status = _OK
        self._when_done: list[Callable[[Any], None]] = []

    def cancel(self) -> None:
        self._is_cancelled = True

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._when_done.append(callback)

    async def initial_metadata(self) -> tuple[()]:
        return ()

    async def code(self) -> grpc.StatusCode:
        return self._status[0]

    async def details(self) -> str:
        return self._status[1]

    async def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        return self._status[2]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for message in self._messages:
                for response in self._while_wanted(self._answering.message(message)):
                    yield response
            for response in self._while_wanted(self._answering.finish()):
                yield response
        except TidegateError as error:
            self._status = status_of(error)
            for callback in self._when_done:
                callback(self)
            raise _aio_error(self._status) from None

    def _while_wanted(self, responses: Iterable[bytes]) -> Iterator[bytes]:
        self._check_wanted()
        for response in responses:
            yield response
            self._check_wanted()

    def _check_wanted(self) -> None:
        if self._is_cancelled:
            raise asyncio.CancelledError  # as gRPC's own call does


def _aio_error(status: Status) -> grpc.aio.AioRpcError:
    code, words, trailers = status
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailers), details=words)
