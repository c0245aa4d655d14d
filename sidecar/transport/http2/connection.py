"""One HTTP/2 connection of a client that speaks gRPC: frames to calls and back.

What goes out in one turn of the event loop goes out in one write, whichever calls it is of. What a peer may make this
process hold or do is bounded: the size of frames, headers and messages, calls at a time, bytes that wait unread, and
frames that carry nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import hpack

from sidecar.transport.http2 import frames
from sidecar.transport.http2.call import WINDOW_BYTES, Call, Metadata, metadata_of
from sidecar.transport.http2.frames import ProtocolError

_log = logging.getLogger(__name__)

_CONNECTION_WINDOW = 1 << 24
_HEADER_BYTES = 16 << 10
_MOST_EMPTY = 2_000
"""Frames in a row that carry no text: pings, settings, resets. More is an attack, or a broken client."""
_MOST_STRIKES = 2
_MOST_RESETS = 1_000
_RESETS_PER_SECOND = 33.0
"""Calls that a client may begin and give up at once, and how soon it may do so again (nghttp2's measure of a flood)."""
_MOST_UNSENT = 1 << 20
"""Bytes that wait for the socket before calls do."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a connection may cost, and how its silence is understood."""

    message_bytes: int
    calls: int
    keepalive_seconds: float
    keepalive_timeout_seconds: float
    min_ping_interval_seconds: float


class Connection(asyncio.Protocol):
    """See the module's text. `begin` is called with each new call; `gone` when the connection has ended."""

    def __init__(self, bounds: Bounds, begin: Callable[[Call, str], None], gone: Callable[[Connection], None]) -> None:
        self._bounds = bounds
        self._begin = begin
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._decoder = hpack.Decoder(max_header_list_size=_HEADER_BYTES)
        self._encoder = hpack.Encoder()
        self._calls: dict[int, Call] = {}
        self._blocked: dict[int, Call] = {}
        """Calls with bytes that a window holds back."""
        self._rest = b""
        self._expects_preface = True
        self._block: tuple[int, int, bytes] | None = None
        """Stream, flags and what came so far of headers that go on in CONTINUATION frames."""
        self._last = 0
        self._out: list[bytes] = []
        self._is_flush_due = False
        self._send_window = frames.DEFAULT_WINDOW
        self._first_window = frames.DEFAULT_WINDOW
        self._frame_bytes = frames.DEFAULT_FRAME
        self._received = 0
        self._empty = 0
        self._strikes = 0
        self._resets = 0.0
        self._reset_at = 0.0
        self._pinged_at = 0.0
        self._heard_at = self._loop.time()
        self._awaits_pong = False
        self._is_paused = False
        self._is_draining = False
        self._alarm: asyncio.TimerHandle | None = None
        self._takers: Mapping[int, Callable[[int, int, bytes], None]] = {
            frames.DATA: self._take_data,
            frames.HEADERS: self._take_headers,
            frames.RST_STREAM: self._take_reset,
            frames.SETTINGS: self._take_settings,
            frames.PUSH_PROMISE: self._take_push,
            frames.PING: self._take_ping,
            frames.WINDOW_UPDATE: self._take_window,
            frames.CONTINUATION: self._take_continuation,
        }

    # -- asyncio's side -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the client."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_MOST_UNSENT)
        wanted = {
            frames.MAX_CONCURRENT_STREAMS: self._bounds.calls,
            frames.INITIAL_WINDOW_SIZE: WINDOW_BYTES,
            frames.MAX_HEADER_LIST_SIZE: _HEADER_BYTES,
        }
        more = _CONNECTION_WINDOW - frames.DEFAULT_WINDOW
        self._put(frames.settings(wanted) + frames.window_update(0, more))
        self._alarm = self._loop.call_later(self._bounds.keepalive_seconds, self._keep_alive)

    def data_received(self, data: bytes) -> None:
        """Take what arrived: whole frames at once, the rest when more is here."""
        self._heard_at = self._loop.time()
        self._awaits_pong = False
        try:
            self._rest = self._take_frames(self._rest + data if self._rest else data)
        except ProtocolError as error:
            self._fail(error.code, str(error))

    def eof_received(self) -> bool:
        """The client is gone; gRPC has no half-open connections."""
        return False

    def connection_lost(self, _error: Exception | None) -> None:
        """End all calls."""
        if self._alarm is not None:
            self._alarm.cancel()
        for call in [*self._calls.values()]:
            self._forget(call)
            call.cancel()
        self._gone(self)

    def pause_writing(self) -> None:
        """The socket takes no more."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """The socket takes more."""
        self._is_paused = False
        for call in [*self._calls.values()]:
            call.roomy()

    # -- what the server does -------------------------------------------------------------------------------------

    def go_away(self) -> None:
        """Take no more calls; those that run may end."""
        if not self._is_draining:
            self._is_draining = True
            self._put(frames.goaway(self._last, frames.NO_ERROR))
            self._close_if_idle()

    def close(self) -> None:
        """Send what is to be sent, and close."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    # -- what calls do --------------------------------------------------------------------------------------------

    @property
    def peer(self) -> str:
        """The other end, as gRPC names it."""
        name = self._transport.get_extra_info("peername") if self._transport is not None else None
        if not isinstance(name, tuple):
            return "unix:"
        host, port = name[:2]
        return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"

    @property
    def is_full(self) -> bool:
        """Whether the socket takes nothing more just now."""
        return self._is_paused

    def send_headers(self, call: Call, headers: Metadata, *, is_last: bool) -> None:
        """Send headers, or trailers; in several frames if they are large."""
        block = self._encoder.encode(headers)
        kind, ending = frames.HEADERS, frames.END_STREAM if is_last else 0
        while True:
            part, block = block[: self._frame_bytes], block[self._frame_bytes :]
            self._put(frames.frame(kind, ending | (0 if block else frames.END_HEADERS), call.number, part))
            if not block:
                return
            kind, ending = frames.CONTINUATION, 0

    def pump(self, call: Call) -> None:
        """Send what the windows allow."""
        while call.unsent:
            size = min(len(call.unsent), call.send_window, self._send_window, self._frame_bytes)
            if size <= 0:
                self._blocked[call.number] = call
                return
            self._put(frames.frame(frames.DATA, 0, call.number, call.unsent[:size]))
            call.unsent = call.unsent[size:]
            call.send_window -= size
            self._send_window -= size
        self._blocked.pop(call.number, None)
        call.roomy()

    def widen(self, call: Call, size: int) -> None:
        """Let the client send so many bytes more in this call."""
        self._put(frames.window_update(call.number, size))

    def close_call(self, call: Call) -> None:
        """The trailers are on their way; a client that still sends is told that nobody listens."""
        if not call.is_half_closed:
            self._put(frames.reset(call.number, frames.NO_ERROR))
        self._forget(call)
        self._close_if_idle()

    # -- frames ---------------------------------------------------------------------------------------------------

    def _take_frames(self, data: bytes) -> bytes:
        at, end = 0, len(data)
        if self._expects_preface:
            if not frames.PREFACE.startswith(data[: len(frames.PREFACE)]):
                raise ProtocolError(frames.PROTOCOL_ERROR, "this is a port for HTTP/2 without TLS")
            if end < len(frames.PREFACE):
                return data
            at, self._expects_preface = len(frames.PREFACE), False
        while end - at >= frames.HEAD_BYTES:
            size, kind, flags, number = frames.head_of(data, at)
            if size > frames.DEFAULT_FRAME:
                raise ProtocolError(frames.FRAME_SIZE_ERROR, "the frame is larger than was agreed")
            if end - at - frames.HEAD_BYTES < size:
                break
            at += frames.HEAD_BYTES + size
            self._take(kind, flags, number, data[at - size : at])
        return data[at:]

    def _take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if self._block is not None and kind != frames.CONTINUATION:
            raise ProtocolError(frames.PROTOCOL_ERROR, "headers are not finished")
        if kind == frames.DATA and payload:
            self._empty = 0
        else:
            self._empty += 1
            if self._empty > _MOST_EMPTY:
                raise ProtocolError(frames.ENHANCE_YOUR_CALM, "too many frames that carry nothing")
        take = self._takers.get(kind)
        if take is not None:  # PRIORITY, GOAWAY, and what is not known say nothing to a server
            take(flags, number, payload)

    def _take_data(self, flags: int, number: int, payload: bytes) -> None:
        self._received += len(payload)
        if self._received >= _CONNECTION_WINDOW // 2:
            self._put(frames.window_update(0, self._received))
            self._received = 0
        call = self._calls.get(number)
        if call is None:
            self._check_known(number)
            return
        if payload:
            call.received(frames.unpadded(flags, payload), len(payload))
        if flags & frames.END_STREAM:
            call.ended()

    def _take_headers(self, flags: int, number: int, payload: bytes) -> None:
        self._take_block(flags, number, frames.fragment_of(flags, payload))

    def _take_block(self, flags: int, number: int, fragment: bytes) -> None:
        if not flags & frames.END_HEADERS:
            self._block = (number, flags, fragment)
            return
        try:
            headers = cast("list[tuple[str, str]]", self._decoder.decode(fragment))
        except (hpack.HPACKError, UnicodeDecodeError):
            raise ProtocolError(frames.COMPRESSION_ERROR, "the headers cannot be read") from None
        call = self._calls.get(number)
        if call is not None:  # trailers, of which gRPC knows none
            call.ended()
            return
        self._open(number, flags, headers)

    def _take_continuation(self, flags: int, number: int, payload: bytes) -> None:
        if self._block is None or self._block[0] != number:
            raise ProtocolError(frames.PROTOCOL_ERROR, "these headers were not begun")
        _, first_flags, fragment = self._block
        fragment += payload
        if len(fragment) > _HEADER_BYTES:
            raise ProtocolError(frames.ENHANCE_YOUR_CALM, "the headers are too large")
        self._block = (number, first_flags, fragment)
        if flags & frames.END_HEADERS:
            self._block = None
            self._take_block(first_flags | frames.END_HEADERS, number, fragment)

    def _open(self, number: int, flags: int, headers: list[tuple[str, str]]) -> None:
        if number <= self._last or not number % 2:
            raise ProtocolError(frames.PROTOCOL_ERROR, "the stream's number is not a new one")
        self._last = number
        if self._is_draining or len(self._calls) >= self._bounds.calls:
            self._put(frames.reset(number, frames.REFUSED_STREAM))
            return
        call = Call(
            self,
            number,
            metadata_of(headers),
            send_window=self._first_window,
            limit=self._bounds.message_bytes,
        )
        self._calls[number] = call
        if flags & frames.END_STREAM:
            call.ended()
        self._begin(call, next((value for name, value in headers if name == ":path"), ""))

    def _take_reset(self, _flags: int, number: int, _payload: bytes) -> None:
        now = self._loop.time()
        self._resets = max(0.0, self._resets - (now - self._reset_at) * _RESETS_PER_SECOND) + 1
        self._reset_at = now
        if self._resets > _MOST_RESETS:
            raise ProtocolError(frames.ENHANCE_YOUR_CALM, "too many calls are given up")
        call = self._calls.get(number)
        if call is None:
            self._check_known(number)
            return
        self._forget(call)
        call.cancel()
        self._close_if_idle()

    def _take_settings(self, flags: int, _number: int, payload: bytes) -> None:
        if flags & frames.ACK:
            return
        for name, value in frames.settings_of(payload):
            if name == frames.INITIAL_WINDOW_SIZE:
                for call in self._calls.values():
                    call.send_window += value - self._first_window
                self._first_window = value
            elif name == frames.MAX_FRAME_SIZE:
                self._frame_bytes = min(value, _CONNECTION_WINDOW)
            elif name == frames.HEADER_TABLE_SIZE:
                self._encoder.header_table_size = min(value, 4096)
        self._put(frames.frame(frames.SETTINGS, frames.ACK, 0))
        self._pump_blocked()

    def _take_ping(self, flags: int, _number: int, payload: bytes) -> None:
        if flags & frames.ACK:
            return
        self._put(frames.frame(frames.PING, frames.ACK, 0, payload))
        now = self._loop.time()
        is_early = now - self._pinged_at < self._bounds.min_ping_interval_seconds
        self._strikes = self._strikes + 1 if is_early and not self._calls else 0
        self._pinged_at = now
        if self._strikes > _MOST_STRIKES:
            raise ProtocolError(frames.ENHANCE_YOUR_CALM, "too_many_pings")

    def _take_push(self, _flags: int, _number: int, _payload: bytes) -> None:
        raise ProtocolError(frames.PROTOCOL_ERROR, "clients push nothing")

    def _take_window(self, _flags: int, number: int, payload: bytes) -> None:
        more = frames.number_of(payload)
        if not number:
            self._send_window += more
            if self._send_window > frames.LARGEST_WINDOW:
                raise ProtocolError(frames.FLOW_CONTROL_ERROR, "the window is too large")
            self._pump_blocked()
            return
        call = self._calls.get(number)
        if call is None:
            self._check_known(number)
            return
        call.send_window += more
        if call.send_window > frames.LARGEST_WINDOW:
            raise ProtocolError(frames.FLOW_CONTROL_ERROR, "the window is too large")
        self.pump(call)

    def _check_known(self, number: int) -> None:
        """A frame for a call that has ended is late; one for a call that never was is wrong."""
        if not number or number > self._last:
            raise ProtocolError(frames.PROTOCOL_ERROR, "there is no such stream")

    def _pump_blocked(self) -> None:
        for call in [*self._blocked.values()]:
            self.pump(call)

    # -- going out ------------------------------------------------------------------------------------------------

    def _put(self, data: bytes) -> None:
        self._out.append(data)
        if not self._is_flush_due:
            self._is_flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flush_due = False
        out, self._out = self._out, []
        if out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))

    # -- ending ---------------------------------------------------------------------------------------------------

    def _forget(self, call: Call) -> None:
        self._calls.pop(call.number, None)
        self._blocked.pop(call.number, None)
        if call.timer is not None:
            call.timer.cancel()

    def _close_if_idle(self) -> None:
        if self._is_draining and not self._calls:
            self._loop.call_soon(self.close)

    def _fail(self, code: int, reason: str) -> None:
        _log.info("a client broke HTTP/2", extra={"reason": reason})
        self._rest = b""
        self._put(frames.goaway(self._last, code, reason))
        self.close()

    def _keep_alive(self) -> None:
        """Ask a client that has been silent whether it is there; close when it does not say so."""
        bounds = self._bounds
        silent = self._loop.time() - self._heard_at
        delay = bounds.keepalive_seconds - silent
        if self._awaits_pong:
            if self._transport is not None:
                self._transport.abort()
            return
        if delay <= 0:
            self._awaits_pong = True
            self._put(frames.frame(frames.PING, 0, 0, bytes(8)))
            delay = bounds.keepalive_timeout_seconds
        self._alarm = self._loop.call_later(delay, self._keep_alive)
