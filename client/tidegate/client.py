"""The client for ordinary (blocking) code."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from threading import Event, Lock
from types import TracebackType
from typing import Any, Self, Unpack

import grpc

from tidegate import _wire
from tidegate._joined import joined
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
from tidegate._read_ahead import ReadAhead
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


class Client:
    """A connection to a sidecar at `host:port` or `unix:/path`. Thread-safe; close it, or use it as a context manager.

    Connecting happens with the first call. A call that finds no sidecar, or no room, is made again up to `max_retries`
    times (0 to 4). Then `on_unavailable` says what becomes of its text while no sidecar answers: "raise" raises
    `Unavailable`, "pass" lets it pass unread and says so (`is_unguarded`), "block" holds it back as if a policy had
    blocked it; the next call that is answered tells the sidecar, and an event says it. `timeout` (seconds; None:
    without end) is that of each check, `stream_timeout` that of each stream, from its start to its end. `token` is a
    bearer token, where the sidecar asks for one. With `coalesce`, text that is there before it can be sent leaves as
    one message; nothing waits for more. For that an iterator is read ahead, on a thread of its own, unless
    `read_ahead` is False: then it is asked for a chunk when the one before is sent.

    Every call raises a `TidegateError`, or Python's own for arguments that are none. A `channel` of your own (with
    interceptors, say) is used instead of a connection to `target`, with retries of its own, and closed with this.
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
        read_ahead: bool = True,
        channel: grpc.Channel | None = None,
    ) -> None:
        self._target = target
        self._timeout = timeout
        self._stream_timeout = stream_timeout
        self._outage = Outage(on_unavailable)
        self._token = token
        self._coalesces = coalesce
        self._reads_ahead = read_ahead and coalesce
        self._channel = channel or _channel(target, tls, max_retries)
        self._check: Any = self._channel.unary_unary(_wire.CHECK)
        self._stream: Any = self._channel.stream_stream(_wire.STREAM)

    def check(
        self,
        text: str,
        *,
        lane: Lane | None = None,
        tool: str = "",
        timeout: float | Default | None = DEFAULT,
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
                data = self._check(request, timeout=seconds, metadata=metadata)
            except grpc.RpcError as error:
                failure = _error_of(error, self._target)
                if not self._outage.is_one(failure, is_stream=False):
                    raise failure from None
                return self._outage.check_result(text, lane)
            report.told()
        return _wire.check_result(data)

    def stream(
        self,
        chunks: Iterable[AnyChunk],
        *,
        on_block: OnBlock = "raise",
        timeout: float | Default | None = DEFAULT,
        **options: Unpack[StreamOptions],
    ) -> GuardedStream:
        """Guard text while it flows: `chunks` are read on another thread as fast as the sidecar takes them.

        That thread is in the caller's context (`contextvars`). It may be 256 chunks, or a message's text, ahead of what
        is sent; when the stream is over it closes a generator that is not. Nobody waits for an iterator that gives
        nothing any more: its thread is a daemon. What may only be used on the thread that made it (a cursor of sqlite3)
        is to be made inside the generator, or given as a list.

        With `on_block="raise"` a block raises `GuardBlocked`; with "yield" it comes as a `Verdict`, others go on.
        An exception from `chunks` ends the stream, and is raised from it. A stream that was let in is never made again.
        """
        options = checked("stream", options)
        responses = _wire.Responses(on_block)
        report = self._outage.report()
        held = held_of(self._outage, options)
        source = _Source(self._read(chunks), _wire.start_request(options, report.message), held)
        seconds = given(timeout, self._stream_timeout)
        call = self._stream(source.messages(), timeout=seconds, metadata=_wire.metadata_of(options, self._token))
        source.bind(call)
        return GuardedStream(call, source, responses, self._outage, report, self._target)

    def _read(self, chunks: Iterable[AnyChunk]) -> Iterator[AnyChunk] | ReadAhead:
        """The chunks as they are to be sent: those that are all there are joined at once."""
        if isinstance(chunks, list | tuple):
            return joined(chunks) if self._coalesces else iter(chunks)
        return ReadAhead(iter(chunks)) if self._reads_ahead else iter(chunks)

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

    def text(self) -> Iterator[str]:
        """The text that may be passed on, piece by piece."""
        for shown in self:
            if isinstance(shown, Release) and shown.text:
                yield shown.text

    def cancel(self) -> None:
        """End the stream now, and the iteration with it; what the sidecar holds is dropped."""
        self._is_cancelled = True
        self._end()

    def __iter__(self) -> Iterator[Shown]:
        try:
            failure = yield from self._answers()
            if failure is not None and self._source.failure is not None:
                raise self._source.failure
            if failure is not None and not self._is_cancelled:
                yield from self._without(failure)
        finally:
            self._report.take_back()
            self._end()

    def _answers(self) -> Generator[Shown, None, TidegateError | None]:
        """What the sidecar says; at the end the error that the call ended with, if it was one."""
        try:
            for data in self._call:
                self._report.told()
                shown = self._responses.read(data)
                self._source.shown(shown)
                yield shown
        except grpc.RpcError as error:
            return _error_of(error, self._target)
        return None

    def _end(self) -> None:
        """The call first: chunks that end while it goes on are a text that is over."""
        self._call.cancel()
        self._source.close()

    def _without(self, failure: TidegateError) -> Iterator[Shown]:
        """The rest of a stream whose sidecar is gone. Raises the failure where that is what the client wants."""
        self._report.take_back()
        if not self._outage.is_one(failure, is_stream=True):
            raise failure from None
        if self._outage.mode == "block":
            yield self._outage.verdict(self._responses)
            return
        self.is_unguarded = True
        try:
            yield from self._source.rest()
        finally:
            self._outage.passed(self._source.passed_chars)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def __del__(self) -> None:
        self._end()  # nobody can read it any more


class _Source:
    """Turns chunks into messages, on gRPC's thread. Their own exception is kept for whoever reads the stream."""

    def __init__(self, chunks: Iterator[AnyChunk] | ReadAhead, start: bytes, held: Held | None) -> None:
        self._ahead = chunks if isinstance(chunks, ReadAhead) else None
        self._chunks = chunks.taken() if isinstance(chunks, ReadAhead) else chunks
        self._start = start
        self._held = held
        self._call: Any = None
        self._is_bound = Event()
        self._reading = Lock()
        self._is_taken = False
        self.failure: BaseException | None = None

    def bind(self, call: Any) -> None:
        """Say which call to end when the chunks fail. Its end is theirs, unless an outage's rest may be read then."""
        self._call = call
        self._is_bound.set()
        if self._ahead is not None and self._held is None and not call.add_callback(self.close):
            self.close()

    def close(self) -> None:
        """Nobody wants more chunks."""
        if self._ahead is not None:
            self._ahead.close()

    def messages(self) -> Iterator[bytes]:
        """The stream's messages."""
        yield self._start
        try:
            for chunk in self._sent(self._chunks):
                yield from _wire.chunk_requests(chunk)
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - the caller's own, raised again where the caller can see it
            self.failure = error
            self._is_bound.wait()
            self._call.cancel()

    def shown(self, shown: Shown) -> None:
        """Something came out."""
        if self._held is not None:
            self._held.shown(shown)

    @property
    def passed_chars(self) -> int:
        """How much went on unread."""
        return self._held.passed_chars if self._held is not None else 0

    def rest(self) -> Iterator[Release]:
        """What did not come out, and all further chunks, unread.

        Waits for the chunk that gRPC's thread asks for, unless that is read ahead: it gets no more of those.
        """
        assert self._held is not None
        self._is_taken = True
        if self._ahead is not None:
            self._chunks = self._ahead.taken()
        with self._reading:
            pass  # what gRPC's thread took is known to be held now, and it takes no more
        if self.failure is not None:
            raise self.failure
        yield from self._held.rest()
        for chunk in self._chunks:
            self._held.sent(chunk)
            yield from self._held.rest()

    def _sent(self, chunks: Iterator[AnyChunk]) -> Iterator[AnyChunk]:
        """The chunks, each known to be held from the moment it is there."""
        while True:
            with self._reading:
                chunk = self._next(chunks) if not self._is_taken else _END
                if isinstance(chunk, _End):
                    return
                if self._held is not None:
                    self._held.sent(chunk)
            yield chunk

    def _next(self, chunks: Iterator[AnyChunk]) -> AnyChunk | _End:
        """The next chunk. That there is none for an error is known before whoever reads the rest may look."""
        try:
            return next(chunks, _END)
        except BaseException as error:
            self.failure = error
            raise


class _End:
    """No more chunks."""


_END = _End()


def _error_of(error: grpc.RpcError, target: str) -> TidegateError:
    """The error that a call's status stands for: each `RpcError` of a call is the call."""
    call: Any = error
    return _wire.error_of(call.code(), call.details(), call.trailing_metadata(), target)


def _channel(target: str, tls: Tls | None, max_retries: int) -> grpc.Channel:
    options = _wire.channel_options(tls, max_retries)
    if tls is None:
        return grpc.insecure_channel(target, options)
    return grpc.secure_channel(target, _wire.credentials_of(tls), options)
