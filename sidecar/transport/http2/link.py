"""The socket of one connection: what arrives goes to `Connection`, and what that has to say goes out.

1. What goes out in one turn of the event loop goes out in one write, whichever calls it is of.
2. A connection that sent many frames takes them in slices, so that others have their turns between.
3. Nothing is read while answers wait that the peer asked for and does not take.
4. A silent peer is asked whether it is there, and is cut off when it does not say so.
5. At the end the peer gets to read what was sent: the socket is closed when it has, or a moment later. What it sends
   until then is dropped, and after a while not even read.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol, cast

from sidecar.transport.http2.call import Call
from sidecar.transport.http2.compression import Inflater
from sidecar.transport.http2.connection import Bounds, Connection
from sidecar.transport.http2.holdings import Answers, Holdings

_log = logging.getLogger(__name__)

MOST_UNSENT: Final = 1 << 18
"""Bytes that wait for the socket before calls do."""
_LEAST_UNSENT: Final = 1 << 16
MOST_ANSWERS: Final = 16 << 10
"""Bytes of answers that wait while the socket is full; then nothing is read."""
_LINGER_SECONDS: Final = 1.0
MOST_DISCARDED: Final = 1 << 20
"""Bytes that are read of a peer after the end, so that it sees what was said; one that sends more is no reader."""
SPARE_FILES: Final = 32
"""File descriptors that are left for everything else: the admin listener, the outbox, the broker."""


class Door(Protocol):
    """The server, as a connection's socket sees it."""

    bounds: Bounds
    holdings: Holdings
    answers: Answers
    inflater: Inflater

    def begin(self, call: Call) -> None:
        """A call has begun."""
        ...

    def gone(self, link: Link) -> None:
        """The connection has ended."""
        ...


class Link(asyncio.Protocol):
    """See the module's text."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._bounds = door.bounds
        self.holdings = door.holdings
        self.answers = door.answers
        self.inflater = door.inflater
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._connection = Connection(door.bounds, self)
        self._is_flush_due = False
        self._is_slice_due = False
        self._is_full = False
        self._is_deaf = False
        self._is_ending = False
        self._discarded = 0
        self._heard_at = self._loop.time()
        self._awaits_pong = False
        self._alarm: asyncio.TimerHandle | None = None

    # -- asyncio's side -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the client's greeting."""
        self._transport = cast("asyncio.Transport", transport)
        if _is_one_too_many(self._transport):
            _log.warning("a connection was refused: too few file descriptors are left")
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=MOST_UNSENT, low=_LEAST_UNSENT)
        self._alarm = self.later(self._bounds.keepalive_seconds, self._keep_alive)

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        self._heard_at = self._loop.time()
        self._awaits_pong = False
        if self._is_ending:
            self._discarded += len(data)
            self.listen()
            return
        if self._connection.receive(data) and not self._is_slice_due:
            self._take()

    def eof_received(self) -> bool:
        """The client is gone; gRPC has no half-open connections."""
        return False

    def connection_lost(self, _error: Exception | None) -> None:
        """End all calls."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._connection.lose()
        self._door.gone(self)

    def pause_writing(self) -> None:
        """The socket takes no more."""
        self._is_full = True

    def resume_writing(self) -> None:
        """The socket takes more."""
        self._is_full = False
        self._connection.resume()
        self.listen()

    # -- what the server does -------------------------------------------------------------------------------------

    def go_away(self) -> None:
        """Send the client elsewhere; the connection ends with its last call."""
        self._connection.go_away()

    @property
    def is_left(self) -> bool:
        """Whether nothing new comes: its client knows that it should go, or is gone."""
        return self._connection.is_left

    def leave(self) -> None:
        """Take no more calls; those that run may end."""
        self._connection.leave()

    def close(self) -> None:
        """Send what is to be sent, and close."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # -- what the connection does ---------------------------------------------------------------------------------

    def begin(self, call: Call) -> None:
        """A call has begun."""
        self._door.begin(call)

    def wake(self) -> None:
        """Send what there is, at the end of this turn."""
        if not self._is_flush_due:
            self._is_flush_due = True
            self._loop.call_soon(self._flush)

    def now(self) -> float:
        """The time, in seconds."""
        return self._loop.time()

    def later(self, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """Have something called after a while."""
        return self._loop.call_later(seconds, callback)

    @property
    def is_full(self) -> bool:
        """Whether the socket takes nothing more just now."""
        return self._is_full

    @property
    def peer(self) -> str:
        """The other end, as gRPC names it."""
        name: Any = self._transport.get_extra_info("peername") if self._transport is not None else None
        if not isinstance(name, tuple):
            return "unix:"
        host, port = name[:2]
        return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"

    # -- inside ---------------------------------------------------------------------------------------------------

    def _take(self) -> None:
        self._is_slice_due = self._connection.take()
        if self._is_slice_due:
            self._loop.call_soon(self._take)
        self.listen()

    def listen(self) -> None:
        """Read, unless more is here than was taken, requests wait for us, or answers for a peer that takes none."""
        waits = self._connection.is_busy or (self._is_full and self._connection.unsent_answers > MOST_ANSWERS)
        is_deaf = self._discarded > MOST_DISCARDED if self._is_ending else self._is_slice_due or waits
        if self._transport is None or is_deaf == self._is_deaf or self._transport.is_closing():
            return
        self._is_deaf = is_deaf
        if is_deaf:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _flush(self) -> None:
        self._is_flush_due = False
        out = self._connection.output()
        transport = self._transport
        if transport is None or transport.is_closing() or self._is_ending:
            return
        if out:
            transport.write(out)
        if self._connection.is_over:
            self._end()
        elif not transport.get_write_buffer_size():
            self._connection.settled()

    def _end(self) -> None:
        """Nothing more will be sent: a socket that is closed with bytes unread would take back what was sent."""
        assert self._transport is not None
        self._is_ending = True
        if self._connection.fault:
            _log.info("a client broke HTTP/2", extra={"reason": self._connection.fault})
        with suppress(OSError):  # the peer may be gone by now
            self._transport.write_eof()
        self.listen()
        self.later(_LINGER_SECONDS, self.abort)

    def _keep_alive(self) -> None:
        """Ask a client that has been silent whether it is there; cut it off when it does not say so."""
        bounds = self._bounds
        if self._connection.is_busy:
            self._heard_at = self._loop.time()  # it is not listened to just now
            self._awaits_pong = False
        delay = bounds.keepalive_seconds - (self._loop.time() - self._heard_at)
        if self._awaits_pong or not self._connection.has_greeted:
            self.abort()
            return
        if delay <= 0:
            self._awaits_pong = True
            self._connection.ping()
            delay = bounds.keepalive_timeout_seconds
        self._alarm = self.later(delay, self._keep_alive)


def _is_one_too_many(transport: asyncio.Transport) -> bool:
    """Whether hardly a file descriptor is left: the kernel gives out the lowest that is free."""
    socket = transport.get_extra_info("socket")
    return socket is not None and socket.fileno() >= most_files() - SPARE_FILES


def most_files() -> int:
    """How many file descriptors this process may have."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if most == resource.RLIM_INFINITY else most
