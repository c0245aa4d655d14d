"""One call: what a service is given as its context. The part of `grpc.aio.ServicerContext` that services here use.

Messages that arrived wait in an inbox. The client's window is opened again only while few bytes wait there, so a
service that does not read makes its client wait; a message that is still arriving never waits for itself.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import struct
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NoReturn, Protocol
from urllib.parse import quote

import grpc

from sidecar.transport.http2.frames import FLOW_CONTROL_ERROR, STREAM_CLOSED, ProtocolError

WINDOW_BYTES = 1 << 18
"""How much of a call's messages may wait unread."""

Metadata = Sequence[tuple[str, str | bytes]]

_PREFIX = struct.Struct(">BI")
_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
_BINARY = "-bin"
_GZIP = 16 + zlib.MAX_WBITS


class Wire(Protocol):
    """What a call needs of its connection."""

    def send_headers(self, call: Call, headers: Metadata, *, is_last: bool) -> None:
        """Send headers, or trailers."""
        ...

    def pump(self, call: Call) -> None:
        """Send of `call.unsent` what the windows allow."""
        ...

    def widen(self, call: Call, size: int) -> None:
        """Let the client send so many bytes more."""
        ...

    def close_call(self, call: Call) -> None:
        """The call's last frame is on its way."""
        ...

    @property
    def is_full(self) -> bool:
        """Whether the socket takes nothing more just now."""
        ...

    @property
    def peer(self) -> str:
        """The other end, as gRPC names it."""
        ...


class Call:
    """One call of one method. Used on the event loop only."""

    __slots__ = (
        "_compression",
        "_inbox",
        "_is_cancelled",
        "_is_ended",
        "_is_finished",
        "_limit",
        "_metadata",
        "_owed",
        "_partial",
        "_reader",
        "_refusal",
        "_serialize",
        "_started",
        "_unread",
        "_wire",
        "_writer",
        "number",
        "send_window",
        "task",
        "timer",
        "unsent",
    )

    def __init__(self, wire: Wire, number: int, metadata: Metadata, *, send_window: int, limit: int) -> None:
        self._wire = wire
        self.number = number
        self._metadata = metadata
        self.send_window = send_window
        self._limit = limit
        self._compression = dict(metadata).get("grpc-encoding", "identity")
        self._serialize: Callable[[Any], bytes] | None = None
        self._inbox: deque[bytes] = deque()
        self._partial = b""
        self._owed = 0
        """Bytes that arrived and that the client has not been given back as room."""
        self._unread = 0
        """Bytes of the inbox."""
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._refusal: tuple[grpc.StatusCode, str] | None = None
        """What is wrong with what came; told to whoever reads."""
        self._is_ended = False
        self._is_cancelled = False
        self._is_finished = False
        self._started = False
        self.unsent = b""
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None

    # -- what a service uses --------------------------------------------------------------------------------------

    def invocation_metadata(self) -> Metadata:
        """The request's metadata."""
        return self._metadata

    def peer(self) -> str:
        """The other end of the connection, as gRPC names it."""
        return self._wire.peer

    def auth_context(self) -> Mapping[str, list[bytes]]:
        """What a certificate proved: nothing, as connections with TLS are not served here."""
        return {}

    def cancelled(self) -> bool:
        """Whether the client went away or its deadline passed."""
        return self._is_cancelled

    async def read(self) -> Any:
        """The next message's bytes; `grpc.aio.EOF` when there will be none."""
        while not self._inbox:
            if self._refusal is not None:
                await self.abort(*self._refusal)
            if self._is_ended or self._is_cancelled:
                return grpc.aio.EOF
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        message = self._inbox.popleft()
        self._unread -= len(message)
        self._credit()
        return message

    async def write(self, message: Any) -> None:
        """Send a message; waits for room."""
        data = message if self._serialize is None else self._serialize(message)
        await self.send_initial_metadata(())
        self.unsent += _PREFIX.pack(0, len(data)) + data
        self._wire.pump(self)
        await self._sent()

    async def send_initial_metadata(self, metadata: Metadata) -> None:
        """Send the headers, unless they were sent."""
        if self._started or self._is_finished:
            return
        self._started = True
        headers = [(":status", "200"), ("content-type", "application/grpc"), *_encoded(metadata)]
        self._wire.send_headers(self, headers, is_last=False)

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()) -> NoReturn:
        """End the call with a status."""
        await self._sent()
        self.finish(code, details, trailing_metadata)
        raise grpc.aio.AbortError

    # -- what the server uses -------------------------------------------------------------------------------------

    async def requests(self, parse: Callable[[bytes], Any] | None) -> AsyncIterator[Any]:
        """The messages to the last."""
        while (data := await self.read()) is not grpc.aio.EOF:
            yield data if parse is None else parse(data)

    def answer_with(self, serialize: Callable[[Any], bytes] | None) -> None:
        """How messages that are written become bytes."""
        self._serialize = serialize

    async def complete(self) -> None:
        """End the call well, once all is sent."""
        await self.send_initial_metadata(())
        await self._sent()
        self.finish(grpc.StatusCode.OK)

    def finish(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()) -> None:
        """Send the status, once."""
        if self._is_finished or self._is_cancelled:
            return
        self._is_finished = True
        self.unsent = b""
        trailers: list[tuple[str, str | bytes]] = []
        if not self._started:
            trailers += [(":status", "200"), ("content-type", "application/grpc")]
        trailers.append(("grpc-status", str(code.value[0])))
        if details:
            trailers.append(("grpc-message", quote(details, safe=_PRINTABLE)))
        self._wire.send_headers(self, [*trailers, *_encoded(trailing_metadata)], is_last=True)
        self._wire.close_call(self)

    @property
    def is_finished(self) -> bool:
        """Whether its status was sent, or nobody is there for it."""
        return self._is_finished or self._is_cancelled

    @property
    def is_half_closed(self) -> bool:
        """Whether the client sends no more."""
        return self._is_ended

    # -- what the connection tells --------------------------------------------------------------------------------

    def received(self, data: bytes, size: int) -> None:
        """Take the bytes of a DATA frame, which took `size` of the window. Raises `ProtocolError`."""
        if self._is_ended:
            raise ProtocolError(STREAM_CLOSED, "the call's messages had ended")
        self._owed += size
        if self._owed > WINDOW_BYTES:
            raise ProtocolError(FLOW_CONTROL_ERROR, "more was sent than there was room for")
        if self._refusal is None and not self.is_finished:
            self._partial = self._messages_of(self._partial + data if self._partial else data)
        self._credit()

    def ended(self) -> None:
        """The client sends no more."""
        self._is_ended = True
        if self._partial and self._refusal is None:
            self._refusal = (grpc.StatusCode.INVALID_ARGUMENT, "the last message is not complete")
        _wake(self._reader)

    def cancel(self) -> None:
        """Nobody is there any more."""
        if self._is_finished:
            return
        self._is_cancelled = True
        self.unsent = b""
        _wake(self._reader)
        _wake(self._writer)
        if self.task is not None:
            self.task.cancel()

    def expire(self) -> None:
        """The client's deadline has passed."""
        self.finish(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline has passed")
        self._is_cancelled = True
        _wake(self._reader)
        _wake(self._writer)
        if self.task is not None:
            self.task.cancel()

    def roomy(self) -> None:
        """There is room to send again."""
        if not self.unsent:
            _wake(self._writer)

    # -- inside ---------------------------------------------------------------------------------------------------

    async def _sent(self) -> None:
        while (self.unsent or self._wire.is_full) and not self.is_finished:
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer

    def _messages_of(self, data: bytes) -> bytes:
        """Take the messages that are whole; returns the rest."""
        at, end = 0, len(data)
        while end - at >= _PREFIX.size:
            flag, size = _PREFIX.unpack_from(data, at)
            if size > self._limit:
                self._refuse(grpc.StatusCode.RESOURCE_EXHAUSTED, f"a message has more than {self._limit} bytes")
                return b""
            if end - at - _PREFIX.size < size:
                break
            at += _PREFIX.size + size
            self._take(flag, data[at - size : at])
        return data[at:]

    def _take(self, flag: int, message: bytes) -> None:
        if flag:
            inflated = _inflated(message, self._limit) if flag == 1 and self._compression == "gzip" else None
            if inflated is None:
                self._refuse(grpc.StatusCode.UNIMPLEMENTED, "messages are read plain or with gzip, within the limit")
                return
            message = inflated
        self._inbox.append(message)
        self._unread += len(message)
        _wake(self._reader)

    def _refuse(self, code: grpc.StatusCode, reason: str) -> None:
        self._refusal = (code, reason)
        _wake(self._reader)

    def _credit(self) -> None:
        if self._owed >= WINDOW_BYTES // 2 and self._unread <= WINDOW_BYTES // 2 and not self._is_ended:
            self._wire.widen(self, self._owed)
            self._owed = 0


def metadata_of(headers: Mapping[str, str] | Sequence[tuple[str, str]]) -> list[tuple[str, str | bytes]]:
    """A request's metadata: its headers, binary ones decoded; what is no base64 is left out."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    found: list[tuple[str, str | bytes]] = []
    for name, value in pairs:
        if name.startswith(":"):
            continue
        if not name.endswith(_BINARY):
            found.append((name, value))
            continue
        try:
            found.append((name, base64.b64decode(value + "=" * (-len(value) % 4), validate=True)))
        except (binascii.Error, ValueError):
            continue
    return found


def _encoded(metadata: Metadata) -> list[tuple[str, str]]:
    return [
        (name, base64.b64encode(value).decode().rstrip("=") if isinstance(value, bytes) else value)
        for name, value in metadata
    ]


def _inflated(message: bytes, limit: int) -> bytes | None:
    """The message that gzip made these bytes of; None when there is none, or it is larger than the limit."""
    stream = zlib.decompressobj(_GZIP)
    try:
        plain = stream.decompress(message, limit + 1)
    except zlib.error:
        return None
    return plain if stream.eof and len(plain) <= limit else None


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
