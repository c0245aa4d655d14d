"""One HTTP/2 connection of a client that speaks gRPC: frames to calls and back. No I/O: `link` has the socket.

What a peer may make this process hold or do is bounded: the size of frames, headers and messages, calls at a time,
bytes that wait unread, answers that wait unsent, frames that carry nothing. What is wrong in one stream ends that
stream; what leaves open how to go on ends the connection (RFC 9113, section 5.4).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import hpack

from sidecar.transport.http2 import frames
from sidecar.transport.http2.call import WINDOW_BYTES, Call
from sidecar.transport.http2.compression import Inflater
from sidecar.transport.http2.floods import Allowance, Pings
from sidecar.transport.http2.frames import ProtocolError, StreamError
from sidecar.transport.http2.headers import HEADER_LIST_BYTES, BlockReader, Field, check_trailers, request_of
from sidecar.transport.http2.holdings import Answers, Holdings
from sidecar.transport.http2.metadata import Metadata

_CONNECTION_WINDOW: Final = 1 << 24
_MOST_OWED: Final = _CONNECTION_WINDOW // 2
NOISE: Final = (2_000, 200)
"""Frames that carry nothing: so many at once, and so many a second after that."""
SETTINGS: Final = (64, 4)
RESETS: Final = (1_000, 33)
"""nghttp2's measure of a flood."""
FAULTS: Final = (100, 10)
"""Streams that had to be ended for what the client did: no right one does it at all."""
BLOCK_BYTES: Final = 1 << 18
"""A header block that is longer ends the connection; a header list that is too large only its call."""
MOST_WORK: Final = 2 << 20
"""Bytes of a connection's requests that wait for their answers to be made; then nothing more is read of it."""
_MOST_REMEMBERED: Final = 1_000
_GOING: Final = b"tidegate"
"""The ping that asks whether a client has heard that it should go."""
_SELF_DEPENDENT: Final = "a stream that depends on itself"
SLICE_SECONDS: Final = 0.002
"""How long frames of one connection are taken before others have their turn."""
_FRAMES_A_LOOK: Final = 16
_MOST_AT_ONCE: Final = 64
"""Messages that are handed over before others have their turn: as many streams may send a token at a time."""
_HTTP1 = b"HTTP/1."
_METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"TRACE ", b"CONNECT ")
_NOT_HTTP1: Final = (
    b"HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-type: text/plain\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s"
)
_SPEAK_GRPC: Final = (
    b"This port speaks gRPC over HTTP/2, without an upgrade from HTTP/1. "
    b"Use a gRPC client; for grpc-web, put a proxy before it that translates.\n"
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a connection may cost, and how its silence is understood."""

    message_bytes: int
    calls: int
    keepalive_seconds: float
    keepalive_timeout_seconds: float
    min_ping_interval_seconds: float
    message_seconds: float = 10.0


class Host(Protocol):
    """What a connection needs of whoever has the socket and the methods."""

    holdings: Holdings
    answers: Answers
    inflater: Inflater

    def begin(self, call: Call) -> None:
        """A call has begun."""
        ...

    def wake(self) -> None:
        """There is something to send."""
        ...

    def listen(self) -> None:
        """What kept it from reading may be over."""
        ...

    def now(self) -> float:
        """The time, in seconds."""
        ...

    def later(self, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """Have something called after a while."""
        ...

    @property
    def is_full(self) -> bool:
        """Whether the socket takes nothing more just now."""
        ...

    @property
    def peer(self) -> str:
        """The other end, as gRPC names it."""
        ...


class Connection:
    """See the module's text. `receive` takes bytes, `take` the frames in them; `sent` has what is to be sent."""

    def __init__(self, bounds: Bounds, host: Host) -> None:
        self._bounds = bounds
        self._host = host
        self.holdings = host.holdings
        self._waiting_answers = host.answers
        self.inflater = host.inflater
        self._buffer = bytearray()
        self._blocks = BlockReader()
        self._encoder = hpack.Encoder()
        self._calls: dict[int, Call] = {}
        self._waiting: OrderedDict[int, Call] = OrderedDict()
        """Calls with bytes that only the connection's window, or the socket, holds back: they take turns."""
        self._abandoned: OrderedDict[int, int] = OrderedDict()
        """Streams that ended here while the client could still send so many bytes: what comes is dropped."""
        self._ended: deque[int] = deque(maxlen=64)
        self._greeting = 0
        """What came of it: 0 nothing yet, 1 the preface, 2 the settings too."""
        self._block: tuple[int, int, int | None, bytearray] | None = None
        """Stream, flags, dependency and what came so far of headers that go on in CONTINUATION frames."""
        self._skip = 0
        self._last = 0
        self._out: list[bytes] = []
        self._answers = 0
        self._work = 0
        self._send_window = frames.DEFAULT_WINDOW
        self._first_window = frames.DEFAULT_WINDOW
        self._window = _CONNECTION_WINDOW
        self._owed = 0
        self._noise = Allowance(*NOISE, "frames that carry nothing")
        self._settings = Allowance(*SETTINGS, "settings")
        self._resets = Allowance(*RESETS, "calls that are given up")
        self._faults = Allowance(*FAULTS, "streams that are not HTTP/2")
        self._pings = Pings(bounds.min_ping_interval_seconds)
        self._leaving = 0
        """How far it has gone: 0 not at all, 1 the client was told, 2 and knows."""
        self.fault = ""
        """What the peer did that ended the connection."""
        self.is_over = False
        """Whether nothing more is taken, and the socket may be closed once all is sent."""
        self._takers = self._by_type()

    def _by_type(self) -> Mapping[int, Callable[[int, int, bytes], None]]:
        """What takes a frame, by its type."""
        return {
            frames.DATA: self._take_data,
            frames.HEADERS: self._take_headers,
            frames.PRIORITY: self._take_priority,
            frames.RST_STREAM: self._take_reset,
            frames.SETTINGS: self._take_settings,
            frames.PUSH_PROMISE: self._take_push,
            frames.PING: self._take_ping,
            frames.GOAWAY: self._take_goaway,
            frames.WINDOW_UPDATE: self._take_window,
            frames.CONTINUATION: self._take_continuation,
        }

    # -- what the link does ---------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> bool:
        """Hand over the messages that are waited for, and keep the rest for `take`; whether there is a rest."""
        is_inside = self._buffer or self._skip or self._block is not None
        at = 0 if is_inside else self._hand_over(data)
        if at == len(data):
            return False
        self._buffer += data[at:] if at else data
        return True

    def take(self) -> bool:
        """Take the frames that are whole, for a slice of time; returns whether some are left."""
        if self.is_over:
            self._buffer.clear()
            return False
        try:
            return self._greet() and self._take_frames()
        except ProtocolError as error:
            self._fail(error.code, str(error))
            return False

    def output(self) -> bytes:
        """What is to be sent now."""
        out, self._out = self._out, []
        return out[0] if len(out) == 1 else b"".join(out)

    def settled(self) -> None:
        """All that was to be sent is on its way."""
        self._answers = 0

    def resume(self) -> None:
        """The socket takes more."""
        self._answers = 0
        self._pump_waiting()
        for call in [*self._calls.values()]:
            call.roomy()

    @property
    def unsent_answers(self) -> int:
        """Bytes of answers to pings, settings and faults that a peer asked for since the socket last took all."""
        return self._answers

    @property
    def is_busy(self) -> bool:
        """Whether so much of its requests waits for us that nothing more should be read of it."""
        return self._work > MOST_WORK

    @property
    def has_greeted(self) -> bool:
        """Whether the peer has shown that it speaks HTTP/2."""
        return self._greeting == 2

    def lose(self) -> None:
        """The peer is gone: end all calls."""
        self.is_over = True
        for call in [*self._calls.values()]:
            self._forget(call)
            call.cancel()

    def go_away(self) -> None:
        """Let the client know that it should go; what it sends before it knows is still served."""
        if self._leaving or self.is_over:
            return
        if not self.has_greeted:
            self._over()
            return
        self._leaving = 1
        self._put(frames.goaway(frames.LARGEST_STREAM, frames.NO_ERROR) + frames.frame(frames.PING, 0, 0, _GOING))

    def leave(self) -> None:
        """The client knows by now: calls that it begins from here on are refused, those that run may end."""
        if self._leaving < 2 and not self.is_over:
            self._leaving = 2
            self._put(frames.goaway(self._last, frames.NO_ERROR))
            self._end_if_idle()

    @property
    def is_left(self) -> bool:
        """Whether nothing new comes."""
        return self._leaving == 2 or self.is_over

    def ping(self) -> None:
        """Ask whether the peer is there."""
        self._put(frames.frame(frames.PING, 0, 0, bytes(frames.PING_BYTES)))

    # -- what calls do --------------------------------------------------------------------------------------------

    @property
    def peer(self) -> str:
        """The other end, as gRPC names it."""
        return self._host.peer

    @property
    def is_full(self) -> bool:
        """Whether the socket takes nothing more just now."""
        return self._host.is_full

    def later(self, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """Have something called after a while."""
        return self._host.later(seconds, callback)

    def send_headers(self, call: Call, headers: Metadata, *, is_last: bool) -> None:
        """Send headers, or trailers; in several frames if they are large."""
        self._pings.forgive()
        block = self._encoder.encode(headers)
        kind, ending = frames.HEADERS, frames.END_STREAM if is_last else 0
        while True:
            part, block = block[: frames.DEFAULT_FRAME], block[frames.DEFAULT_FRAME :]
            self._put(frames.frame(kind, ending | (0 if block else frames.END_HEADERS), call.number, part))
            if not block:
                return
            kind, ending = frames.CONTINUATION, 0

    def send(self, call: Call, data: bytes) -> bool:
        """Send bytes of a call; whether there is room for more. Most are a frame that goes at once."""
        most = min(call.send_window, self._send_window, frames.DEFAULT_FRAME)
        if len(data) <= most and not (call.unsent or self._waiting or self._host.is_full):
            self._put_data(call, data)
            return True
        call.unsent += data
        self.pump(call)
        return not (call.unsent or self._host.is_full)

    def pump(self, call: Call) -> None:
        """Send what the windows and the socket allow; frame by frame in turns with others that wait."""
        if self._waiting:
            self._waiting[call.number] = call
            self._pump_waiting()
        else:
            self._pump_alone(call)
        if call.unsent:
            self._waiting_answers.wait(call, len(call.unsent), self._host.now())

    def work(self, size: int) -> None:
        """So many bytes more, or fewer, of requests wait for us or are being answered."""
        was_busy = self.is_busy
        self._work += size
        if was_busy and not self.is_busy:
            self._host.listen()

    def cut(self, call: Call) -> None:
        """Give up a call whose client does not take its answer."""
        if call.number in self._calls:
            self._put(frames.reset(call.number, frames.ENHANCE_YOUR_CALM))
            self._forget(call)
            call.cancel()
            self._end_if_idle()

    def widen(self, call: Call, size: int) -> None:
        """Let the client send so many bytes more in this call."""
        self._put(frames.window_update(call.number, size))

    def close_call(self, call: Call) -> None:
        """The trailers are on their way; a client that still sends is told that nobody listens."""
        if not call.is_half_closed:
            self._put(frames.reset(call.number, frames.NO_ERROR))
        self._forget(call)
        self._end_if_idle()

    # -- frames ---------------------------------------------------------------------------------------------------

    def _greet(self) -> bool:
        """Whether the preface is here; answered with our settings. Raises `ProtocolError`."""
        if self._greeting:
            return True
        begin = bytes(self._buffer[: len(frames.PREFACE)])
        if not frames.PREFACE.startswith(begin):
            return self._reject(begin)
        if len(begin) < len(frames.PREFACE):
            return False
        del self._buffer[: len(begin)]
        self._greeting = 1
        wanted = {
            frames.MAX_CONCURRENT_STREAMS: self._bounds.calls,
            frames.MAX_HEADER_LIST_SIZE: HEADER_LIST_BYTES,
        }
        more = _CONNECTION_WINDOW - frames.DEFAULT_WINDOW
        self._put(frames.settings(wanted) + frames.window_update(0, more))
        return True

    def _reject(self, begin: bytes) -> bool:
        """Not HTTP/2: HTTP/1 is told so in its own words, anything else is cut off."""
        if any(method.startswith(begin[: len(method)]) for method in _METHODS):
            if _HTTP1 not in self._buffer and len(self._buffer) < HEADER_LIST_BYTES:
                return False  # its first line is not here yet
            self._put(_NOT_HTTP1 % (len(_SPEAK_GRPC), _SPEAK_GRPC))
        self._over()
        return False

    def _take_frames(self) -> bool:
        began = self._host.now()
        while True:
            for _ in range(_FRAMES_A_LOOK):
                if self.is_over or not self._take_next():
                    return False
            if self._host.now() - began > SLICE_SECONDS:
                return True

    def _take_next(self) -> bool:
        """Take one frame; returns whether there was a whole one."""
        buffer = self._buffer
        if self._skip:
            passed = min(self._skip, len(buffer))
            del buffer[:passed]
            self._skip -= passed
        if len(buffer) < frames.HEAD_BYTES:
            return False
        size, kind, flags, number = frames.head_of(buffer, 0)
        if size > frames.DEFAULT_FRAME:
            return self._pass_over(size, kind, number)
        end = frames.HEAD_BYTES + size
        if len(buffer) < end:
            return False
        payload = bytes(memoryview(buffer)[frames.HEAD_BYTES : end])
        del buffer[:end]
        self._take(kind, flags, number, payload)
        return True

    def _hand_over(self, data: bytes) -> int:
        """Take the frames that are a message each, and waited for; returns where the first begins that is not.

        So most frames are: each token is one, and costs a fraction of what it costs to look at a frame in every way.
        """
        at, end, spent, most = 0, len(data), 0, frames.DEFAULT_FRAME
        for _ in range(_MOST_AT_ONCE):
            begin = at + frames.HEAD_BYTES
            if begin > end:
                break
            size_and_type, flags, number = frames.HEAD.unpack_from(data, at)
            size, call = size_and_type >> 8, self._calls.get(number)
            if call is None or flags or size_and_type & 0xFF != frames.DATA or size > min(end - begin, most):
                break
            if spent + size > self._window:
                break
            if not call.take_whole(data, begin, size):
                break
            spent += size
            at = begin + size
        self._window -= spent
        self._owed += spent
        if self._owed >= _MOST_OWED:
            self._repay()
        return at

    def _pass_over(self, size: int, kind: int, number: int) -> bool:
        """A frame that is too large ends its stream, if it is one of DATA, and else the connection."""
        if kind != frames.DATA or not number or self._block is not None or self._greeting < 2:
            raise ProtocolError(frames.FRAME_SIZE_ERROR, "the frame is larger than was agreed")
        del self._buffer[: frames.HEAD_BYTES]
        self._skip = size
        self._spend_window(size)
        self._check_known(number)
        self._break(number, StreamError(frames.FRAME_SIZE_ERROR, "the frame is larger than was agreed"))
        return True

    def _take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if self._greeting < 2 and (kind != frames.SETTINGS or flags & frames.ACK):
            raise ProtocolError(frames.PROTOCOL_ERROR, "settings come first")
        if self._block is not None and kind != frames.CONTINUATION:
            raise ProtocolError(frames.PROTOCOL_ERROR, "headers are not finished")
        take = self._takers.get(kind)
        if take is None:
            self._spend(self._noise)
            return
        try:
            take(flags, number, payload)
        except StreamError as error:
            self._break(number, error)

    def _take_data(self, flags: int, number: int, payload: bytes) -> None:
        self._spend_window(len(payload))
        data = frames.unpadded(flags, payload)
        call = self._calls.get(number)
        if call is None:
            self._take_late(flags, number, len(payload))
            return
        if not flags and call.take_whole(payload, 0, len(payload)):
            return
        if not data and not flags & frames.END_STREAM:
            self._spend(self._noise)
        call.received(data, len(payload))
        if flags & frames.END_STREAM:
            call.ended()

    def _take_late(self, flags: int, number: int, size: int = 0) -> None:
        """What comes for a stream that is over: dropped where the client could not know, and else its error."""
        self._check_known(number)
        room = self._abandoned.get(number, -1) - size
        if not size or room < 0:
            self._spend(self._noise)
        if room < 0:
            raise StreamError(frames.STREAM_CLOSED, "the stream is closed")
        if flags & frames.END_STREAM:
            del self._abandoned[number]
        else:
            self._abandoned[number] = room

    def _take_headers(self, flags: int, number: int, payload: bytes) -> None:
        if not number % 2:
            raise ProtocolError(frames.PROTOCOL_ERROR, "clients' streams have odd numbers")
        fragment, parent = frames.fragment_of(flags, payload)
        if flags & frames.END_HEADERS:
            self._take_block(flags, number, parent, fragment)
        else:
            self._block = (number, flags, parent, bytearray(fragment))

    def _take_continuation(self, flags: int, number: int, payload: bytes) -> None:
        if self._block is None or self._block[0] != number:
            raise ProtocolError(frames.PROTOCOL_ERROR, "these headers were not begun")
        _, first_flags, parent, fragment = self._block
        fragment += payload
        if len(fragment) > BLOCK_BYTES:
            raise ProtocolError(frames.ENHANCE_YOUR_CALM, "the headers are too large")
        if not payload:
            self._spend(self._noise)
        if flags & frames.END_HEADERS:
            self._block = None
            self._take_block(first_flags, number, parent, bytes(fragment))

    def _take_block(self, flags: int, number: int, parent: int | None, block: bytes) -> None:
        fields, is_too_large = self._blocks.read(block)
        if number > self._last:
            self._last = number
            self._open(flags, number, parent, fields, is_too_large=is_too_large)
        elif number in self._calls:
            self._take_trailers(flags, self._calls[number], parent, fields)
        elif number in self._abandoned:
            self._take_late(flags, number)
        else:
            code = frames.STREAM_CLOSED if number in self._ended else frames.PROTOCOL_ERROR
            raise ProtocolError(code, "the stream's number is not a new one")

    def _take_trailers(self, flags: int, call: Call, parent: int | None, fields: list[Field]) -> None:
        """What ends a client's messages, of which gRPC knows none."""
        if call.is_half_closed:
            raise StreamError(frames.STREAM_CLOSED, "the call's messages had ended")
        if not flags & frames.END_STREAM:
            raise StreamError(frames.PROTOCOL_ERROR, "headers in the middle of a call")
        check_trailers(fields)
        _check_parent(call.number, parent)
        call.ended()

    def _open(self, flags: int, number: int, parent: int | None, fields: list[Field], *, is_too_large: bool) -> None:
        _check_parent(number, parent)
        if self._leaving == 2 or len(self._calls) >= self._bounds.calls:
            raise StreamError(frames.REFUSED_STREAM, "no more calls are taken")
        call = Call(
            self,
            number,
            request_of(fields, is_too_large=is_too_large),
            send_window=self._first_window,
            limit=self._bounds.message_bytes,
            message_seconds=self._bounds.message_seconds,
        )
        self._calls[number] = call
        if flags & frames.END_STREAM:
            call.ended()
        self._host.begin(call)

    def _take_priority(self, _flags: int, number: int, payload: bytes) -> None:
        if not number:
            raise ProtocolError(frames.PROTOCOL_ERROR, "priorities are of streams")
        self._spend(self._noise)
        if len(payload) != frames.PRIORITY_BYTES:
            raise self._of_stream(number, frames.FRAME_SIZE_ERROR, "a priority is five bytes")
        if frames.dependency_of(payload) == number:
            raise self._of_stream(number, frames.PROTOCOL_ERROR, _SELF_DEPENDENT)

    def _take_reset(self, _flags: int, number: int, payload: bytes) -> None:
        frames.number_of(payload)
        self._check_known(number)
        self._spend(self._resets)
        self._abandoned.pop(number, None)
        call = self._calls.get(number)
        if call is not None:
            self._forget(call, is_known=True)
            call.cancel()
            self._end_if_idle()

    def _take_settings(self, flags: int, number: int, payload: bytes) -> None:
        if number:
            raise ProtocolError(frames.PROTOCOL_ERROR, "settings are of the connection")
        if flags & frames.ACK:
            frames.sized(payload, 0)
            self._spend(self._noise)
            return
        self._spend(self._settings)
        values = dict(frames.settings_of(payload))
        self._greeting = 2
        if frames.HEADER_TABLE_SIZE in values:
            self._encoder.header_table_size = min(values[frames.HEADER_TABLE_SIZE], 4096)
        if frames.INITIAL_WINDOW_SIZE in values:
            self._resize_windows(values[frames.INITIAL_WINDOW_SIZE])
        self._answer(frames.frame(frames.SETTINGS, frames.ACK, 0))

    def _resize_windows(self, size: int) -> None:
        more = size - self._first_window
        self._first_window = size
        for call in [*self._calls.values()]:
            call.send_window += more
            if call.send_window > frames.LARGEST_WINDOW:
                raise ProtocolError(frames.FLOW_CONTROL_ERROR, "a window is too large")
        for call in [*self._calls.values()]:
            if call.unsent:
                self.pump(call)

    def _take_push(self, _flags: int, _number: int, _payload: bytes) -> None:
        raise ProtocolError(frames.PROTOCOL_ERROR, "clients do not push")

    def _take_ping(self, flags: int, number: int, payload: bytes) -> None:
        frames.sized(payload, frames.PING_BYTES)
        if number:
            raise ProtocolError(frames.PROTOCOL_ERROR, "pings are of the connection")
        if not flags & frames.ACK:
            self._pings.take(self._host.now())
            self._answer(frames.frame(frames.PING, frames.ACK, 0, payload))
            return
        self._spend(self._noise)
        if payload == _GOING and self._leaving == 1:
            self.leave()

    def _take_goaway(self, _flags: int, number: int, payload: bytes) -> None:
        """The client opens no more streams of ours, of which there are none."""
        if number:
            raise ProtocolError(frames.PROTOCOL_ERROR, "going away is of the connection")
        if len(payload) < frames.GOAWAY_BYTES:
            raise ProtocolError(frames.FRAME_SIZE_ERROR, "eight bytes were expected")
        self._spend(self._noise)

    def _take_window(self, _flags: int, number: int, payload: bytes) -> None:
        more = frames.number_of(payload)
        if not number:
            self._widen_all(more)
            return
        self._check_known(number)
        call = self._calls.get(number)
        if not more:
            raise StreamError(frames.PROTOCOL_ERROR, "a window grows by one at least")
        if call is None:
            self._spend(self._noise)
        elif call.send_window + more > frames.LARGEST_WINDOW:
            raise StreamError(frames.FLOW_CONTROL_ERROR, "the window is too large")
        else:
            call.send_window += more
            if call.unsent:
                self.pump(call)

    def _widen_all(self, more: int) -> None:
        if not more:
            raise ProtocolError(frames.PROTOCOL_ERROR, "a window grows by one at least")
        self._send_window += more
        if self._send_window > frames.LARGEST_WINDOW:
            raise ProtocolError(frames.FLOW_CONTROL_ERROR, "the window is too large")
        self._pump_waiting()

    # -- bounds ---------------------------------------------------------------------------------------------------

    def _check_known(self, number: int) -> None:
        """A frame for a call that has ended is late; one for a call that never was is wrong."""
        if not number or number > self._last or not number % 2:
            raise ProtocolError(frames.PROTOCOL_ERROR, "there is no such stream")

    def _of_stream(self, number: int, code: int, reason: str) -> ProtocolError | StreamError:
        """The error of a stream, or of the connection where the stream is not there to be ended."""
        return StreamError(code, reason) if number <= self._last else ProtocolError(code, reason)

    def _spend(self, allowance: Allowance) -> None:
        allowance.spend(self._host.now())

    def _spend_window(self, size: int) -> None:
        """Count what all streams sent together, and give it back: what is held is each call's to bound."""
        self._window -= size
        if self._window < 0:
            raise ProtocolError(frames.FLOW_CONTROL_ERROR, "more was sent than there was room for")
        self._owed += size
        if self._owed >= _MOST_OWED:
            self._repay()

    def _repay(self) -> None:
        self._put(frames.window_update(0, self._owed))
        self._window += self._owed
        self._owed = 0

    # -- going out ------------------------------------------------------------------------------------------------

    def _put(self, data: bytes) -> None:
        self._out.append(data)
        self._host.wake()

    def _answer(self, data: bytes) -> None:
        """Send what the peer asked for."""
        self._answers += len(data)
        self._put(data)

    def _send_frame(self, call: Call) -> None:
        size = min(len(call.unsent), call.send_window, self._send_window, frames.DEFAULT_FRAME)
        self._put_data(call, bytes(memoryview(call.unsent)[:size]))
        del call.unsent[:size]
        self._waiting_answers.leave(call)

    def _put_data(self, call: Call, data: bytes) -> None:
        self._pings.forgive()
        self._put(frames.frame(frames.DATA, 0, call.number, data))
        call.send_window -= len(data)
        self._send_window -= len(data)

    def _pump_alone(self, call: Call) -> None:
        while call.unsent and call.send_window > 0:
            if self._send_window <= 0 or self._host.is_full:
                self._waiting[call.number] = call
                return
            self._send_frame(call)
        call.roomy()

    def _pump_waiting(self) -> None:
        """A frame for each call that waits, in turns, as long as there is room."""
        while self._waiting and self._send_window > 0 and not self._host.is_full:
            number, call = self._waiting.popitem(last=False)
            if call.unsent and call.send_window > 0:
                self._send_frame(call)
            if call.unsent and call.send_window > 0:
                self._waiting[number] = call
            elif call.unsent:
                self._waiting_answers.wait(call, len(call.unsent), self._host.now())
            else:
                call.roomy()

    # -- ending ---------------------------------------------------------------------------------------------------

    def _break(self, number: int, error: StreamError) -> None:
        """End one stream for what its peer did."""
        self._spend(self._resets if error.code == frames.REFUSED_STREAM else self._faults)
        self._answer(frames.reset(number, error.code))
        call = self._calls.get(number)
        if call is None:
            self._remember(number, room=-1 if error.code == frames.STREAM_CLOSED else WINDOW_BYTES)
            return
        self._forget(call)
        call.cancel()
        self._end_if_idle()

    def _forget(self, call: Call, *, is_known: bool = False) -> None:
        self._calls.pop(call.number, None)
        self._waiting.pop(call.number, None)
        self._waiting_answers.leave(call)
        if call.timer is not None:
            call.timer.cancel()
        self._remember(call.number, room=-1 if is_known or call.is_half_closed else call.room)

    def _remember(self, number: int, *, room: int) -> None:
        """Know that a stream is over; below 0 its client knows it too, and else may have sent so many bytes."""
        self._abandoned.pop(number, None)
        if room < 0:
            self._ended.append(number)
            return
        self._abandoned[number] = room
        if len(self._abandoned) > _MOST_REMEMBERED:
            self._abandoned.popitem(last=False)

    def _end_if_idle(self) -> None:
        if self._leaving == 2 and not self._calls:
            self._over()

    def _over(self) -> None:
        self.is_over = True
        self._host.wake()

    def _fail(self, code: int, reason: str) -> None:
        self._put(frames.goaway(self._last, code, reason))
        self.fault = reason
        self.lose()
        self._host.wake()


def _check_parent(number: int, parent: int | None) -> None:
    if parent == number:
        raise StreamError(frames.PROTOCOL_ERROR, _SELF_DEPENDENT)
