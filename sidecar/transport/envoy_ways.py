"""One direction of an exchange with Envoy: its messages in, ours out, in the way that Envoy's filter is set to.

| body mode             | Envoy sends                     | it wants                                   | class       |
| --------------------- | ------------------------------- | ------------------------------------------ | ----------- |
| FULL_DUPLEX_STREAMED  | the body as it comes            | any number of pieces, at any time          | `_Duplex`  |
| STREAMED              | a chunk, then waits             | the headers at once, a reply to each chunk | `_Stepped`  |
| BUFFERED              | the body whole                  | the headers at once, then one reply        | `_Buffered` |
| NONE                  | no body                         | the headers                                | `_Blind`    |

The modes in which something could pass unseen (BUFFERED_PARTIAL, GRPC) are refused. An Envoy that does not tell its
modes is answered step by step, which suits STREAMED and BUFFERED.

Guards against what Envoys have been seen to do: a body that ends twice is taken once (`Inbox`). The mode is never
overridden from here, because Envoy may pass the first chunk by when it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from google.protobuf.message import Message
from multidict import CIMultiDict

from sidecar.errors import ConfigError
from sidecar.transport import envoy_pb as pb
from sidecar.transport.http_status import UnreadableAnswerError
from sidecar.transport.lanes import out_of_order

Headers: TypeAlias = CIMultiDict[str]
Write: TypeAlias = Callable[..., Awaitable[None]]
"""Sends a `ProcessingResponse` of the given fields."""

_WAITING = 16
"""Messages of one way that wait; then Envoy does."""
_PIECE_BYTES = 64 * 1024
"""Of a body that was held, so that no message is larger than proxies like."""
_OVERWRITE = 2
"""`OVERWRITE_IF_EXISTS_OR_ADD` of Envoy's `HeaderAppendAction`."""


class Changes:
    """What is changed of headers: `added` replaces what is there."""

    def __init__(self, added: Mapping[str, str], dropped: Iterable[str]) -> None:
        self.added = dict(added)
        self.dropped = {*dropped}

    def message(self, **more: str) -> Any:
        """As Envoy takes it."""
        added = {**self.added, **more}
        return pb.HeaderMutation(
            set_headers=[
                {"header": {"key": name, "raw_value": value.encode()}, "append_action": _OVERWRITE}
                for name, value in added.items()
            ],
            remove_headers=sorted(self.dropped - {*added}),
        )


class Inbox:
    """The messages of one direction, in order. When Envoy goes away, waiting for one is cancelled."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[Message | Exception | None] = asyncio.Queue(_WAITING)
        self._is_ended = False
        self.trailers: tuple[str, ...] = ()
        """The names of the trailers that were taken."""

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

    async def next(self) -> Message:
        """The next message. Raises `CancelledError` when Envoy went away."""
        message = await self._messages.get()
        if message is None:
            raise asyncio.CancelledError("Envoy went away")
        if isinstance(message, Exception):
            raise message
        return message

    async def headers(self) -> pb.HttpHeaders:
        """The headers, which come first."""
        message = await self.next()
        if not isinstance(message, pb.HttpHeaders):
            raise out_of_order("must begin with its headers", "request")
        return message

    async def body(self) -> pb.HttpBody | None:
        """The next chunk of the body; None when trailers came instead."""
        message = await self.next()
        if isinstance(message, pb.HttpTrailers):
            self.trailers = tuple(each.key for each in message.trailers.headers)
            return None
        if not isinstance(message, pb.HttpBody):
            raise out_of_order("has its headers twice", "request")
        return message


class Line:
    """What all ways have: the messages of one direction, and what is said of it."""

    def __init__(self, name: str, inbox: Inbox, write: Write) -> None:
        self._name = name
        self._write = write
        self.inbox = inbox
        self.has_body = True
        """Whether a body follows the headers."""
        self.has_begun = False
        """Whether headers went on for good, so that no other answer can be given."""
        self.keeps_trailers = False
        """Whether trailers go on as they are; else they are left out, since nobody reads them."""
        self.settle: Callable[[], Awaitable[None]] | None = None
        """Waits until all that can be said of what was taken has been sent."""

    async def headers(self) -> Headers:
        """The headers, which come first."""
        message = await self.inbox.headers()
        self.has_body = not message.end_of_stream
        return CIMultiDict((each.key, _value(each)) for each in message.headers.headers)

    async def tell_headers(self, changes: Changes) -> None:
        """Let the headers go on."""
        common = pb.CommonResponse(header_mutation=changes.message())
        await self._write(**{f"{self._name}_headers": pb.HeadersResponse(response=common)})

    async def tell_body(self, common: Any) -> None:
        """Send some of the body on."""
        await self._write(**{f"{self._name}_body": pb.BodyResponse(response=common)})

    async def tell_trailers(self) -> None:
        """Answer trailers."""
        dropped = () if self.keeps_trailers else self.inbox.trailers
        mutation = pb.HeaderMutation(remove_headers=dropped)
        await self._write(**{f"{self._name}_trailers": pb.TrailersResponse(header_mutation=mutation)})

    async def let_trailers_go(self) -> None:
        """Answer trailers, if Envoy sends any before it ends the stream."""
        while await self.inbox.body() is not None:
            pass
        await self.tell_trailers()


class Way(Protocol):
    """One direction, in one mode. The order: `prepare`, `chunks` (to their end, or left), `begin`, `send`..., `end`."""

    line: Line

    @property
    def sees_body(self) -> bool:
        """Whether Envoy sends the body here."""
        ...

    async def prepare(self, changes: Changes) -> None:
        """Say what is known to change before the body was seen: where Envoy sends none before, headers go on now."""
        ...

    async def begin(self, changes: Changes) -> None:
        """Let the headers go on, unless they have."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body to its end."""
        ...

    async def send(self, data: bytes) -> None:
        """Send bytes of the body on, at once if the mode has it so."""
        ...

    async def end(self) -> None:
        """The body is over; trailers are answered. What still comes is dropped."""
        ...


class _Duplex:
    """Full duplex: Envoy keeps no body. What is not sent back is gone, and nothing may follow an end of stream."""

    sees_body = True

    def __init__(self, line: Line) -> None:
        self.line = line
        self._has_trailers = False

    async def prepare(self, changes: Changes) -> None:
        """Nothing: the body comes before the headers are let go."""

    async def begin(self, changes: Changes) -> None:
        await self.line.tell_headers(changes)
        self.line.has_begun = True

    async def chunks(self) -> AsyncIterator[bytes]:
        is_last = not self.line.has_body
        while not is_last:
            message = await self.line.inbox.body()
            if message is None:
                self._has_trailers = True
                return
            if message.body:
                yield message.body
            is_last = message.end_of_stream

    async def send(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE_BYTES):
            await self._send(data[start : start + _PIECE_BYTES])

    async def end(self) -> None:
        if self._has_trailers:
            await self.line.tell_trailers()
        elif self.line.has_body:
            await self._send(b"", is_last=True)

    async def _send(self, data: bytes, *, is_last: bool = False) -> None:
        piece = pb.StreamedBodyResponse(body=data, end_of_stream=is_last)
        await self.line.tell_body(pb.CommonResponse(body_mutation=pb.BodyMutation(streamed_response=piece)))


class _Stepped:
    """STREAMED: the headers go on before the body is seen, and each chunk is answered by what may leave by then.

    The reply waits until the line has settled: what must wait for later text leaves with a later reply.
    """

    sees_body = True

    def __init__(self, line: Line) -> None:
        self.line = line
        self._pending: pb.HttpBody | None = None
        self._has_trailers = False
        self._out: list[bytes] = []
        self._replying: asyncio.Task[None] | None = None

    async def prepare(self, changes: Changes) -> None:
        await self.begin(changes)

    async def begin(self, changes: Changes) -> None:
        if not self.line.has_begun:
            await self.line.tell_headers(changes)
            self.line.has_begun = True

    async def chunks(self) -> AsyncIterator[bytes]:
        is_last = not self.line.has_body
        while not is_last:
            message = await self._take()
            if message is None:
                return
            if message.body:
                yield message.body
            if message.end_of_stream:
                return
            if self.line.settle is not None:
                await self.line.settle()
            await self._reply()

    async def send(self, data: bytes) -> None:
        self._out.append(data)

    async def end(self) -> None:
        if self._replying is not None:
            await self._replying
        while self._pending is not None:
            is_last = self._pending.end_of_stream
            await self._reply()
            if not is_last:
                await self._take()
        if self._has_trailers:
            if self._out:
                raise UnreadableAnswerError("trailers came before all text was checked; use FULL_DUPLEX_STREAMED")
            await self.line.tell_trailers()

    async def _take(self) -> pb.HttpBody | None:
        self._pending = await self.line.inbox.body()
        self._has_trailers = self._pending is None
        return self._pending

    async def _reply(self) -> None:
        """Answer the chunk with what may leave, also when whoever waits for that is cancelled."""
        self._pending = None
        data = b"".join(self._out)
        self._out.clear()
        common = pb.CommonResponse(body_mutation=pb.BodyMutation(body=data))
        self._replying = asyncio.create_task(self.line.tell_body(common))
        await asyncio.shield(self._replying)


class _Buffered:
    """BUFFERED: the body comes whole and is answered whole, and the headers wait for that answer."""

    sees_body = True

    def __init__(self, line: Line) -> None:
        self.line = line
        self._changes = Changes({}, ())
        self._has_trailers = False
        self._is_last = True
        self._is_prepared = False
        self._out: list[bytes] = []

    async def prepare(self, changes: Changes) -> None:
        if self.line.has_body and not self._is_prepared:
            self._is_prepared = True
            await self.line.tell_headers(changes)

    async def begin(self, changes: Changes) -> None:
        self._changes = changes
        if not self.line.has_body:
            await self.line.tell_headers(changes)
            self.line.has_begun = True

    async def chunks(self) -> AsyncIterator[bytes]:
        if not self.line.has_body:
            return
        message = await self.line.inbox.body()
        if message is None:
            self._has_trailers = True
            return
        self._is_last = message.end_of_stream
        if message.body:
            yield message.body

    async def send(self, data: bytes) -> None:
        self._out.append(data)

    async def end(self) -> None:
        if not self.line.has_body:
            return
        if self._has_trailers:
            await self.line.tell_trailers()
            return
        data = b"".join(self._out)
        # With trailers the length is not stated: HTTP/1.1 could not send them then.
        mutation = self._changes.message(**{"content-length": str(len(data))} if self._is_last else {})
        body = pb.BodyMutation(body=data)
        await self.line.tell_body(pb.CommonResponse(header_mutation=mutation, body_mutation=body))
        self.line.has_begun = True
        if not self._is_last:
            await self.line.let_trailers_go()


class _Blind:
    """NONE: Envoy passes the body by."""

    sees_body = False

    def __init__(self, line: Line) -> None:
        self.line = line

    async def prepare(self, changes: Changes) -> None:
        """Nothing comes that could be waited for."""

    async def begin(self, changes: Changes) -> None:
        await self.line.tell_headers(changes)
        self.line.has_begun = True

    async def chunks(self) -> AsyncIterator[bytes]:
        nothing: tuple[bytes, ...] = ()
        for data in nothing:
            yield data

    async def send(self, data: bytes) -> None:
        raise AssertionError("there is no body to send")

    async def end(self) -> None:
        if self.line.has_body:
            await self.line.let_trailers_go()


_WAYS: Mapping[int, Callable[[Line], Way]] = {
    pb.ProcessingMode.FULL_DUPLEX_STREAMED: _Duplex,
    pb.ProcessingMode.STREAMED: _Stepped,
    pb.ProcessingMode.BUFFERED: _Buffered,
    pb.ProcessingMode.NONE: _Blind,
}


def ways_of(first: Any, request: Inbox, answer: Inbox, write: Write) -> tuple[Way, Way]:
    """The two ways that Envoy's first message asks for. Raises `ConfigError` when nothing could be guarded so."""
    if first.observability_mode:
        raise ConfigError("Envoy only lets us watch; set observability_mode to false", path="ext_proc")
    if not first.HasField("request_headers") and not is_answered_before(first):
        raise ConfigError("Envoy does not send the request's headers; set request_header_mode to SEND", path="ext_proc")
    lines = Line("request", request, write), Line("response", answer, write)
    if not first.HasField("protocol_config"):
        return _Stepped(lines[0]), _Stepped(lines[1])
    modes = first.protocol_config.request_body_mode, first.protocol_config.response_body_mode
    if not all(mode in _WAYS for mode in modes):
        known = ", ".join(sorted(pb.ProcessingMode.BodySendMode.Name(mode) for mode in _WAYS))
        raise ConfigError(f"Envoy's body modes must be among {known}: others let text pass unseen", path="ext_proc")
    return _WAYS[modes[0]](lines[0]), _WAYS[modes[1]](lines[1])


def is_answered_before(first: Any) -> bool:
    """Whether a filter before this one answered, so that the request will not come.

    Envoys from 1.37 on hand such answers over as any other. So begins also a request without a body of an Envoy that
    sends no headers of requests, and its answer is the upstream's: whatever has a body is read.
    """
    return bool(first.HasField("response_headers") and first.HasField("protocol_config"))


def _value(header: Any) -> str:
    return str(header.raw_value, "utf-8", "replace") if header.raw_value else str(header.value)
