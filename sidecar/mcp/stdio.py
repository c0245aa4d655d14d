"""Relays a server of MCP that runs as a child: lines of JSON-RPC on standard input and output, each guarded.

Each direction has a task that takes one line at a time, so order is kept, and a slow reader slows its writer. The
child's standard error is ours. It ends when its client closes standard input, as MCP has it, or by a signal.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress

from sidecar.errors import ConfigError
from sidecar.mcp.guard import McpGuard, Relayed

_READ_BYTES = 65536
_HEAD_BYTES = 512
_GRACE_SECONDS = 2.0
"""How long a child may take to end once it is told to."""


class Lines:
    """Cuts bytes into lines, whose ends they keep; of one that is too long it keeps the head."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held = bytearray()
        self._is_cut = False
        """Whether the rest of the line is dropped."""

    def feed(self, data: bytes) -> list[tuple[bytes, bool]]:
        """Take bytes; returns the lines that are whole, and of each whether it was too long."""
        *whole, rest = data.split(b"\n")
        found = []
        for each in whole:
            self._hold(each + b"\n")
            found.append(self._taken())
        self._hold(rest)
        return found

    def finish(self) -> list[tuple[bytes, bool]]:
        """The last line, if it has no end."""
        return [self._taken()] if self._held else []

    def _hold(self, data: bytes) -> None:
        self._held += data if not self._is_cut else b""
        if len(self._held) > self._max_bytes:
            self._is_cut = True
            del self._held[min(_HEAD_BYTES, self._max_bytes) :]

    def _taken(self) -> tuple[bytes, bool]:
        line, is_cut = bytes(self._held), self._is_cut
        self._held.clear()
        self._is_cut = False
        return line, is_cut


class Pipe:
    """Writes whole messages, one after the other, whoever has one."""

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


async def relay(guard: McpGuard, child: Process) -> int:
    """Relay until the child ends; returns its exit status, 128 and the signal's number for one that a signal ended."""
    assert child.stdin is not None
    assert child.stdout is not None
    client, server = Pipe(await _standard_output()), Pipe(child.stdin)
    source = await _standard_input()
    inwards = asyncio.create_task(_inwards(guard, source, client, server))
    try:
        await _each(guard, child.stdout, guard.from_server, onward=client, back=server)
        status = await _ended(child)
    finally:
        inwards.cancel()
        await asyncio.wait([inwards])
    return status if status >= 0 else 128 - status


async def _inwards(guard: McpGuard, source: asyncio.StreamReader, client: Pipe, server: Pipe) -> None:
    try:
        await _each(guard, source, guard.from_client, onward=server, back=client)
    finally:
        server.close()


async def _each(
    guard: McpGuard,
    source: asyncio.StreamReader,
    take: Callable[[bytes], Awaitable[Relayed]],
    *,
    onward: Pipe,
    back: Pipe,
) -> None:
    async for line, is_cut in _lines(source, guard.max_message_bytes):
        relayed = guard.too_long(line) if is_cut else Relayed(onward=line) if line.isspace() else await take(line)
        await back.write(relayed.back)
        await onward.write(relayed.onward)


async def _lines(source: asyncio.StreamReader, max_bytes: int) -> AsyncIterator[tuple[bytes, bool]]:
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


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=_READ_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    return reader


async def _standard_output() -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout.buffer)
    return asyncio.StreamWriter(transport, protocol, None, loop)
