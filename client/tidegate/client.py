"""The client for ordinary (blocking) code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from threading import Event
from types import TracebackType
from typing import Any, Self, Unpack

import grpc

from tidegate import _wire
from tidegate.errors import TidegateError
from tidegate.types import AnyChunk, CheckResult, Lane, OnBlock, Release, Shown, StreamOptions, Summary, Tls


class Client:
    """A connection to a sidecar at `host:port` or `unix:/path`. Thread-safe; close it, or use it as a context manager.

    Connecting happens with the first call. Every call raises a `TidegateError`. A `channel` of your own (with
    interceptors, say) is used instead of a connection to `target`, and closed with this.
    """

    def __init__(
        self, target: str = "127.0.0.1:50051", *, tls: Tls | None = None, channel: grpc.Channel | None = None
    ) -> None:
        self._target = target
        self._channel = channel or _channel(target, tls)
        self._check: Any = self._channel.unary_unary(_wire.CHECK)
        self._stream: Any = self._channel.stream_stream(_wire.STREAM)

    def check(
        self, text: str, *, lane: Lane | None = None, timeout: float | None = 10.0, **options: Unpack[StreamOptions]
    ) -> CheckResult:
        """Guard one whole text. A block is in the result. Without room it asks again, within `timeout` seconds."""
        request = _wire.check_request(text, lane, options)
        try:
            return _wire.check_result(self._check(request, timeout=timeout, metadata=_wire.metadata_of(options)))
        except grpc.RpcError as error:
            raise _error_of(error, self._target) from None

    def stream(
        self,
        chunks: Iterable[AnyChunk],
        *,
        on_block: OnBlock = "raise",
        timeout: float | None = None,
        **options: Unpack[StreamOptions],
    ) -> GuardedStream:
        """Guard text while it flows: `chunks` are read on a thread of gRPC's as fast as the sidecar takes them.

        With `on_block="raise"` a block raises `GuardBlocked`; with "yield" it comes as a `Verdict`, others go on.
        An exception from `chunks` ends the stream, and is raised from it. A stream is never tried again.
        """
        source = _Source(chunks, _wire.start_request(options))
        call = self._stream(source.messages(), timeout=timeout, metadata=_wire.metadata_of(options))
        source.bind(call)
        return GuardedStream(call, source, _wire.Responses(on_block), self._target)

    def close(self) -> None:
        """End all calls and the connection."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class GuardedStream:
    """What comes out of a stream: iterate for `Release`, `Verdict`, `Summary`, or over `text()` for text alone."""

    def __init__(self, call: Any, source: _Source, responses: _wire.Responses, target: str) -> None:
        self._call = call
        self._source = source
        self._responses = responses
        self._target = target
        self._is_cancelled = False

    @property
    def summary(self) -> Summary | None:
        """How the stream went; None before its end."""
        return self._responses.summary

    def text(self) -> Iterator[str]:
        """The text that may be passed on, piece by piece."""
        for shown in self:
            if isinstance(shown, Release) and shown.text:
                yield shown.text

    def cancel(self) -> None:
        """End the stream now, and the iteration with it; what the sidecar holds is dropped."""
        self._is_cancelled = True
        self._call.cancel()

    def __iter__(self) -> Iterator[Shown]:
        try:
            for data in self._call:
                yield self._responses.read(data)
        except grpc.RpcError as error:
            if self._source.failure is not None:
                raise self._source.failure from None
            if not self._is_cancelled:
                raise _error_of(error, self._target) from None
        finally:
            self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()


class _Source:
    """Turns chunks into messages, on gRPC's thread. Their own exception is kept for whoever reads the stream."""

    def __init__(self, chunks: Iterable[AnyChunk], start: bytes) -> None:
        self._chunks = chunks
        self._start = start
        self._call: Any = None
        self._is_bound = Event()
        self.failure: Exception | None = None

    def bind(self, call: Any) -> None:
        """Say which call to end when the chunks fail."""
        self._call = call
        self._is_bound.set()

    def messages(self) -> Iterator[bytes]:
        """The stream's messages."""
        yield self._start
        try:
            for chunk in self._chunks:
                yield from _wire.chunk_requests(chunk)
        except Exception as error:  # noqa: BLE001 - the caller's own, raised again where the caller can see it
            self.failure = error
            self._is_bound.wait()
            self._call.cancel()


def _error_of(error: grpc.RpcError, target: str) -> TidegateError:
    """The error that a call's status stands for: each `RpcError` of a call is the call."""
    call: Any = error
    return _wire.error_of(call.code(), call.details(), call.trailing_metadata(), target)


def _channel(target: str, tls: Tls | None) -> grpc.Channel:
    options = _wire.channel_options(tls)
    if tls is None:
        return grpc.insecure_channel(target, options)
    return grpc.secure_channel(target, _wire.credentials_of(tls), options)
