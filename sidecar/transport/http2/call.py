"""One call: what a service is given as its context. The part of `grpc.aio.ServicerContext` that services here use.

Messages that arrived wait in an inbox. The client's window is opened again only while few bytes wait there, so a
service that does not read makes its client wait. A message that is larger than the window is let in when there is room
for it (`holdings`), and one that was begun has to be whole in time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NoReturn, Protocol
from urllib.parse import quote

import grpc

from sidecar.transport.http2.compression import ACCEPTED, Inflater, Refused
from sidecar.transport.http2.frames import FLOW_CONTROL_ERROR, PROTOCOL_ERROR, STREAM_CLOSED, StreamError
from sidecar.transport.http2.headers import RequestHead
from sidecar.transport.http2.holdings import Holdings
from sidecar.transport.http2.messages import PREFIX, MessageReader
from sidecar.transport.http2.metadata import Metadata, encoded, metadata_of

WINDOW_BYTES = (1 << 16) - 1
"""How much of a call's messages may wait unread: what HTTP/2 gives a stream by itself."""

_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
_MESSAGE_COST = 64
"""What a message takes beside its bytes: an empty one is not for nothing."""
MOST_AHEAD = 16
"""Messages that are taken apart before they are read."""
BYTES_PER_SECOND = 256 << 10
"""How fast a large message has to come at least."""


class Wire(Protocol):
    """What a call needs of its connection."""

    holdings: Holdings
    inflater: Inflater

    def send_headers(self, call: Call, headers: Metadata, *, is_last: bool) -> None:
        """Send headers, or trailers."""
        ...

    def send(self, call: Call, data: bytes) -> bool:
        """Send bytes of a call, or keep in `call.unsent` what may not go now; whether there is room for more."""
        ...

    def cut(self, call: Call) -> None:
        """Give the call up."""
        ...

    def widen(self, call: Call, size: int) -> None:
        """Let the client send so many bytes more."""
        ...

    def close_call(self, call: Call) -> None:
        """The call's last frame is on its way."""
        ...

    def later(self, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """Have something called after a while."""
        ...

    def work(self, size: int) -> None:
        """So many bytes more, or fewer, of requests wait for us or are being answered."""
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
        "_due",
        "_encoding",
        "_inbox",
        "_is_admitted",
        "_is_cancelled",
        "_is_ended",
        "_is_expected",
        "_is_finished",
        "_messages",
        "_metadata",
        "_owed",
        "_reader",
        "_refusal",
        "_seconds",
        "_serialize",
        "_started",
        "_taker",
        "_unread",
        "_whole",
        "_window",
        "_wire",
        "_work",
        "_writer",
        "has_one_answer",
        "number",
        "received_bytes",
        "request",
        "send_window",
        "task",
        "timer",
        "unsent",
    )

    def __init__(
        self, wire: Wire, number: int, request: RequestHead, *, send_window: int, limit: int, message_seconds: float
    ) -> None:
        self._wire = wire
        self.number = number
        self.request = request
        self.send_window = send_window
        self._seconds = message_seconds
        self._encoding = (request.get(b"grpc-encoding") or b"identity").decode("latin-1")
        self._metadata: Metadata | None = None
        self._serialize: Callable[[Any], bytes] | None = None
        self._messages = MessageReader(limit)
        self._inbox: deque[tuple[bool, bytes]] = deque()
        self._window = WINDOW_BYTES
        """What the client may still send."""
        self._owed = 0
        """Bytes that arrived and that the client has not been given back as room."""
        self._unread = 0
        """Bytes of the inbox."""
        self.received_bytes = 0
        self.has_one_answer = False
        """Whether its request is answered as a whole: then it waits for us alone, whatever the client does."""
        self._work = 0
        self._whole = 0
        """Bytes of messages that came whole."""
        self._is_admitted = False
        self._is_expected = False
        self._due: asyncio.TimerHandle | None = None
        """When the message that was begun has to be whole."""
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._taker: Callable[[bytes], bool] | None = None
        self._refusal: Refused | None = None
        """What is wrong with what came; told to whoever reads."""
        self._is_ended = False
        self._is_cancelled = False
        self._is_finished = False
        self._started = False
        self.unsent = bytearray()
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None

    # -- what a service uses --------------------------------------------------------------------------------------

    def invocation_metadata(self) -> Metadata:
        """The request's metadata. Raises `Refused` when it is asked for the first time and cannot be read."""
        if self._metadata is None:
            self._metadata = metadata_of(self.request.fields)
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
                await self.abort(self._refusal.code, self._refusal.reason)
            if self._is_ended or self._is_cancelled:
                return grpc.aio.EOF
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        is_compressed, message = self._inbox.popleft()
        self._unread -= len(message) + _MESSAGE_COST
        if not self._awaits_end:
            self._release()
        if is_compressed:
            message = await self._opened(message)
        await self._go_on()
        return message

    def hand_to(self, taker: Callable[[bytes], bool]) -> None:
        """Have messages that come whole while `read` waits for them handed over at once, so that nobody need wake up.

        `taker` says whether it took one; what it did not take is read. It must not raise.
        """
        if self.request.content_length is None:
            self._taker = taker

    async def write(self, message: Any) -> None:
        """Send a message; waits for room."""
        if not self.post(message):
            await self.sent()

    def post(self, message: Any) -> bool:
        """Send a message; whether it is on its way, and there is room for more. If not, `sent` waits for that."""
        self._begin(())
        data = message if self._serialize is None else self._serialize(message)
        return self.is_finished or self._wire.send(self, PREFIX.pack(0, len(data)) + data)

    async def sent(self) -> None:
        """Return when all is on its way, and there is room for more."""
        while (self.unsent or self._wire.is_full) and not self.is_finished:
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer

    async def send_initial_metadata(self, metadata: Metadata) -> None:
        """Send the headers, unless they were sent."""
        self._begin(metadata)

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()) -> NoReturn:
        """End the call with a status."""
        await self.sent()
        self.finish(code, details, trailing_metadata)
        raise grpc.aio.AbortError

    # -- what the server uses -------------------------------------------------------------------------------------

    async def requests(self, parse: Callable[[bytes], Any] | None) -> AsyncIterator[Any]:
        """The messages to the last."""
        while (data := await self.read()) is not grpc.aio.EOF:
            yield data if parse is None else parse(data)

    async def only(self, parse: Callable[[bytes], Any] | None) -> Any:
        """The one message of a request that has one: no fewer, no more, and all of it in time."""
        self._is_expected = True
        self._mind()
        message = await self.read()
        if message is grpc.aio.EOF:
            await self.abort(grpc.StatusCode.UNIMPLEMENTED, "the method takes one message, and none came")
        if await self.read() is not grpc.aio.EOF:
            await self.abort(grpc.StatusCode.UNIMPLEMENTED, "the method takes one message, and more came")
        return message if parse is None else parse(message)

    def answer_with(self, serialize: Callable[[Any], bytes] | None) -> None:
        """How messages that are written become bytes."""
        self._serialize = serialize

    async def answer(self, message: Any) -> None:
        """Send the one answer, and end the call well. A client that does not take it in time gets no more of it."""
        self.post(message)
        del message  # what waits for the client is held once
        self._end_work()
        try:
            async with asyncio.timeout(self._seconds + len(self.unsent) / BYTES_PER_SECOND):
                await self.complete()
        except TimeoutError:
            self.cut()

    async def complete(self) -> None:
        """End the call well, once all is sent."""
        self._begin(())
        await self.sent()
        self.finish(grpc.StatusCode.OK)

    def finish(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = (), *, http_status: str = "200"
    ) -> None:
        """Send the status, once."""
        if self.is_finished:
            return
        self._is_finished = True
        self._drop()
        trailers = [] if self._started else _head(http_status)
        trailers.append(("grpc-status", str(code.value[0])))
        if details:
            trailers.append(("grpc-message", quote(details, safe=_PRINTABLE)))
        self._wire.send_headers(self, [*trailers, *encoded(trailing_metadata)], is_last=True)
        self._wire.close_call(self)

    @property
    def is_finished(self) -> bool:
        """Whether its status was sent, or nobody is there for it."""
        return self._is_finished or self._is_cancelled

    @property
    def room(self) -> int:
        """How many bytes the client may still send."""
        return max(0, self._window)

    @property
    def is_half_closed(self) -> bool:
        """Whether the client sends no more."""
        return self._is_ended

    # -- what the connection tells --------------------------------------------------------------------------------

    def take_whole(self, data: bytes, begin: int, size: int) -> bool:
        """Hand over the message that a DATA frame is, which lies in `data`; whether that was done.

        While `read` waits nothing else has come, and nothing is wrong. A frame that is not taken is to be `received`.
        """
        reader, room = self._reader, size - PREFIX.size
        messages = self._messages
        if self._taker is None or reader is None or reader.done() or messages.unfinished:
            return False
        if not 0 <= room <= messages.limit or size > self._window or PREFIX.unpack_from(data, begin) != (0, room):
            return False
        if not self._taker(data[begin + PREFIX.size : begin + size]):
            return False
        self._window -= size
        self._owed += size
        self.received_bytes += size
        if self._owed >= WINDOW_BYTES // 2:
            self._credit()
        return True

    def received(self, data: bytes, size: int) -> None:
        """Take the bytes of a DATA frame, which took `size` of the window. Raises `StreamError`."""
        if self._is_ended:
            raise StreamError(STREAM_CLOSED, "the call's messages had ended")
        self._window -= size
        if self._window < 0:
            raise StreamError(FLOW_CONTROL_ERROR, "more was sent than there was room for")
        self._owed += size
        self.received_bytes += len(data)
        length = self.request.content_length
        if length is not None and self.received_bytes > length:
            raise StreamError(PROTOCOL_ERROR, "the body is longer than its content length")
        if self._refusal is None and not self.is_finished:
            self._messages.feed(data)
            self._collect()
        self._credit()

    def ended(self) -> None:
        """The client sends no more. Raises `StreamError`."""
        if self._is_ended:
            raise StreamError(STREAM_CLOSED, "the call's messages had ended")
        self._is_ended = True
        length = self.request.content_length
        if length is not None and self.received_bytes != length:
            raise StreamError(PROTOCOL_ERROR, "the body is shorter than its content length")
        self._collect()
        self._begin_work()
        _wake(self._reader)

    def cancel(self) -> None:
        """Nobody is there any more."""
        if not self._is_finished:
            self._abandon()

    def expire(self) -> None:
        """The client's deadline has passed."""
        self.finish(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline has passed")
        self._abandon()

    def roomy(self) -> None:
        """There is room to send again."""
        if not self.unsent:
            _wake(self._writer)

    # -- what holdings say ----------------------------------------------------------------------------------------

    @property
    def owner(self) -> object:
        """The connection, which has a bound of its own."""
        return self._wire

    def admit(self) -> None:
        """There is room for the large message that was begun."""
        self._is_admitted = True
        self._wire.holdings.settle(self)
        self._start_clock(self._messages.wanted)
        self._credit()

    def evict(self) -> None:
        """Others need the room that the unfinished message takes."""
        self._refuse(
            Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many messages are unfinished; send yours again, whole")
        )

    def cut(self) -> None:
        """The client does not take the answer."""
        self._wire.cut(self)

    # -- inside ---------------------------------------------------------------------------------------------------

    def _begin(self, metadata: Metadata) -> None:
        if not (self._started or self.is_finished):
            self._started = True
            self._wire.send_headers(self, [*_head("200"), *encoded(metadata)], is_last=False)

    async def _opened(self, message: bytes) -> bytes:
        try:
            return await self._wire.inflater.open(self._encoding, message, self._messages.limit)
        except Refused as refused:
            self._refuse(refused)
            await self.abort(refused.code, refused.reason)

    async def _go_on(self) -> None:
        """See to what comes behind a message that was taken from the inbox."""
        if not self._inbox:
            self._collect()
            if self._inbox:
                await asyncio.sleep(0)  # whoever sent many is not read without a break
        self._mind()
        self._credit()

    def _collect(self) -> None:
        """Put messages that are whole into the inbox: a few, as thousands may stand in one frame."""
        try:
            while len(self._inbox) < MOST_AHEAD and self._refusal is None:
                found = self._messages.next()
                if found is None:
                    self._check_end()
                    break
                self._put(*found)
        except Refused as refused:
            self._refuse(refused)
        self._mind()

    def _check_end(self) -> None:
        if self._is_ended and self._messages.pending:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "the last message is not complete")

    def _put(self, is_compressed: bool, message: bytes) -> None:
        if is_compressed and self._encoding == "identity":
            raise Refused(grpc.StatusCode.INTERNAL, "a message says that it is compressed, and the call names no way")
        self._inbox.append((is_compressed, message))
        self._unread += len(message) + _MESSAGE_COST
        self._whole += len(message)
        _wake(self._reader)

    def _refuse(self, refusal: Refused) -> None:
        self._refusal = refusal.with_traceback(None)  # which would hold all that was at hand, the call too
        self._messages.clear()
        self._release()
        self._mind()
        _wake(self._reader)

    def _mind(self) -> None:
        """See to the message that is not whole: how long it may take, and what it may hold.

        Behind messages that were not read yet it waits for us, not we for it.
        """
        pending = self._messages.pending
        if not pending or self._inbox:
            self._settle()
        elif not self._is_admitted:
            self._hold(pending)

    def _hold(self, pending: int) -> None:
        self._wire.holdings.note(self, pending)
        wanted = self._messages.wanted
        if wanted <= WINDOW_BYTES:
            if self._due is None and self._messages.pending:
                self._start_clock(0)
        else:
            self._stop_clock()  # it is ours to say when it may go on
            self._wire.holdings.ask(self, wanted)

    def _settle(self) -> None:
        if not self._awaits_end:
            self._wire.holdings.settle(self)
            self._stop_clock()
            return
        if 0 < self._whole <= WINDOW_BYTES:
            self._wire.holdings.note(self, self._whole)
        if self._due is None and self._awaits_end:
            self._start_clock(0)

    @property
    def _awaits_end(self) -> bool:
        """Whether the request is one that has to end before it is answered, and has not."""
        return self._is_expected and not self._is_ended and self._refusal is None

    def _start_clock(self, size: int) -> None:
        self._stop_clock()
        self._due = self._wire.later(self._seconds + size / BYTES_PER_SECOND, self._be_late)

    def _stop_clock(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _be_late(self) -> None:
        reason = f"a message was begun, and was not whole within {self._seconds:g} s"
        self._refuse(Refused(grpc.StatusCode.DEADLINE_EXCEEDED, reason))

    def _release(self) -> None:
        """What was admitted is read, or never will be."""
        if self._is_admitted:
            self._is_admitted = False
            self._wire.holdings.release(self)

    def _begin_work(self) -> None:
        """The request is here: from now on it waits for us, whatever the client does."""
        if not self._inbox:
            self._release()
        if self.has_one_answer and not self.is_finished:
            self._work = self._whole
            self._wire.work(self._work)

    def _end_work(self) -> None:
        """The request is answered, or never will be."""
        self._wire.work(-self._work)
        self._work = 0

    def _drop(self) -> None:
        """Nobody reads or writes any more."""
        self._end_work()
        self._taker = None
        self.unsent.clear()
        self._inbox.clear()
        self._messages.clear()
        self._is_admitted = False
        self._wire.holdings.release(self)
        self._stop_clock()

    def _abandon(self) -> None:
        self._is_cancelled = True
        self._drop()
        _wake(self._reader)
        _wake(self._writer)
        if self.task is not None:
            self.task.cancel()

    def _credit(self) -> None:
        """Give the client back what it sent, as far as that is read, or belongs to a message that is let in."""
        is_wanted = self._is_admitted or self._messages.wanted <= WINDOW_BYTES
        if self._owed >= WINDOW_BYTES // 2 and self._is_listening and is_wanted:
            self._wire.widen(self, self._owed)
            self._window += self._owed
            self._owed = 0

    @property
    def _is_listening(self) -> bool:
        backlog = self._messages.pending if self._inbox else 0
        return self._unread + backlog <= WINDOW_BYTES // 2 and not self._is_ended and self._refusal is None


def _head(status: str) -> list[tuple[str, str]]:
    return [(":status", status), ("content-type", "application/grpc"), ("grpc-accept-encoding", ACCEPTED)]


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
