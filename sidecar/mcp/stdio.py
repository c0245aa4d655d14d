"""Relays a server of MCP that runs as a child: lines of JSON-RPC on standard input and output, each guarded.

Each direction has a task that takes one line at a time, so order is kept, and a slow reader slows its writer. The
child's standard error is ours. It ends when its client closes standard input, as MCP has it, or by a signal. Standard
input and output may be files: what is said to a server can be played from one, and its answers kept in another.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import BinaryIO, NamedTuple, Protocol, TextIO

from sidecar.errors import ConfigError
from sidecar.mcp.guard import McpGuard, Relayed

_READ_BYTES = 65536
_KEPT_BYTES = 512
"""Of each end of a line that is too long."""
_GRACE_SECONDS = 2.0
"""How long a child may take to end once it is told to."""


class Line(NamedTuple):
    """A line, with its end. Of one that is too long there is how it begins, and how it ends: else `end` is empty."""

    data: bytes
    end: bytes = b""


class Lines:
    """Cuts bytes into lines."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held = bytearray()
        self._end = b""
        """Of a line that is too long, the last that came."""

    def feed(self, data: bytes) -> list[Line]:
        """Take bytes; returns the lines that are whole."""
        *whole, rest = data.split(b"\n")
        found = []
        for each in whole:
            self._hold(each + b"\n")
            found.append(self._taken())
        self._hold(rest)
        return found

    def finish(self) -> list[Line]:
        """The last line, if it has no end."""
        return [self._taken()] if self._held else []

    def _hold(self, data: bytes) -> None:
        if self._end:
            self._end = (self._end + data)[-_KEPT_BYTES:]
            return
        self._held += data
        if len(self._held) > self._max_bytes:
            self._end = bytes(self._held[-_KEPT_BYTES:])
            del self._held[min(_KEPT_BYTES, self._max_bytes) :]

    def _taken(self) -> Line:
        line = Line(bytes(self._held), self._end)
        self._held.clear()
        self._end = b""
        return line


class Source(Protocol):
    """Where bytes come from."""

    async def read(self, n: int, /) -> bytes:
        """Some bytes, at most so many; none at the end."""
        ...


class Sink(Protocol):
    """Takes whole messages, one after the other, whoever has one."""

    async def write(self, data: bytes) -> None:
        """Write all of it."""
        ...


class File:
    """A file, or a device that is always ready, where a pipe may stand: no event loop waits for one."""

    def __init__(self, file: BinaryIO) -> None:
        self._number = file.fileno()
        self._writing = asyncio.Lock()

    async def read(self, n: int, /) -> bytes:
        """Some bytes; none at the end. Raises `ConfigError`."""
        try:
            return await asyncio.to_thread(os.read, self._number, n)
        except OSError as error:
            raise ConfigError(f"standard input cannot be read: {error.strerror}") from None

    async def write(self, data: bytes) -> None:
        """Write all of it. Raises `ConfigError`: a disk may be full."""
        try:
            async with self._writing:
                while data:
                    data = data[await asyncio.to_thread(os.write, self._number, data) :]
        except OSError as error:
            raise ConfigError(f"standard output cannot be written: {error.strerror}") from None


class Pipe:
    """Writes into a pipe."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def write(self, data: bytes) -> None:
        """Write; waits while the reader is slow. What nobody reads any more is lost, and its end is told elsewhere."""
        if data:
            with suppress(ConnectionError):
                self._writer.write(data)
                await self._writer.drain()

    def close(self) -> None:
        """Nothing more comes."""
        self._writer.close()


async def start_child(command: Sequence[str]) -> Process:
    """Start a server. Raises `ConfigError` when it cannot be started."""
    try:
        return await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    except OSError as error:
        raise ConfigError(f"{command[0]} cannot be started: {error.strerror}") from None


async def relay(guard: McpGuard, child: Process, source: Source, client: Sink) -> int:
    """Relay until the child ends; returns its exit status, 128 and the signal's number for one that a signal ended.

    Raises `ConfigError` when the client cannot be read or written to; the child has ended then, too.
    """
    assert child.stdin is not None
    assert child.stdout is not None
    server = Pipe(child.stdin)
    inwards = asyncio.create_task(_inwards(guard, source, client, server))
    try:
        await _each(guard, child.stdout, guard.from_server, onward=client, back=server)
    finally:
        status = await _ended(child)
        inwards.cancel()
        await asyncio.wait([inwards])
        if not inwards.cancelled():
            inwards.result()
    return status if status >= 0 else 128 - status


async def _inwards(guard: McpGuard, source: Source, client: Sink, server: Pipe) -> None:
    try:
        await _each(guard, source, guard.from_client, onward=server, back=client)
    finally:
        server.close()


async def _each(
    guard: McpGuard,
    source: Source,
    take: Callable[[bytes], Awaitable[Relayed]],
    *,
    onward: Sink,
    back: Sink,
) -> None:
    async for line, end in _lines(source, guard.max_message_bytes):
        relayed = guard.too_long(line, end) if end else Relayed(onward=line) if line.isspace() else await take(line)
        await back.write(relayed.back)
        await onward.write(relayed.onward)


async def _lines(source: Source, max_bytes: int) -> AsyncIterator[Line]:
    lines = Lines(max_bytes)
    while data := await source.read(_READ_BYTES):
        for each in lines.feed(data):
            yield each
    for each in lines.finish():
        yield each


async def _ended(child: Process) -> int:
    """The status of a child that has closed its standard output."""
    for stop in (child.terminate, child.kill):
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                return await child.wait()
        with suppress(ProcessLookupError):
            stop()
    return await child.wait()


async def standard_streams() -> tuple[Source, Sink]:
    """Standard input and output. Raises `ConfigError` where one is closed."""
    loop = asyncio.get_running_loop()
    taken, given = _opened(sys.stdin, "input"), _opened(sys.stdout, "output")
    source: Source = File(taken)
    client: Sink = File(given)
    if _is_waited_for(taken):
        source = reader = asyncio.StreamReader(limit=_READ_BYTES)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), taken)
    if _is_waited_for(given):
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, given)
        client = Pipe(asyncio.StreamWriter(transport, protocol, None, loop))
    return source, client


def _opened(stream: TextIO | None, name: str) -> BinaryIO:
    if stream is None:
        raise ConfigError(f"standard {name} is closed: by it a client and the server speak to each other")
    return stream.buffer


def _is_waited_for(file: BinaryIO) -> bool:
    """Whether an event loop can wait for it: a pipe, a socket or a terminal."""
    mode = os.fstat(file.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or file.isatty()
