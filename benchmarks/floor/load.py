"""A paced client: so many streams at a time on one connection, each with so many messages a second.

The same messages at the same times go to a gRPC server and, as bytes, to one that has a socket only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from itertools import cycle, islice
from typing import Any, TypeVar

import grpc

from benchmarks.floor.echoes import FRAMES, MESSAGES
from tidegate.v1 import guard_pb2 as pb
from tidegate.v1 import guard_pb2_grpc as rpc

_T = TypeVar("_T")
_APART = 97
"""How many messages further on each stream begins than the one before it."""


async def paced(
    address: str,
    streams: int,
    count: int,
    rate: float,
    *,
    policy: str = "",
    messages: Sequence[pb.StreamRequest] = MESSAGES,
    options: Sequence[tuple[str, int]] = (),
) -> None:
    """Send `count` messages in each stream over gRPC."""
    start = pb.StreamRequest(start=pb.Start(policy=policy))
    async with grpc.aio.insecure_channel(address, options) as channel:
        stub: Any = rpc.GuardServiceStub(channel)

        async def sent(number: int) -> AsyncIterator[pb.StreamRequest]:
            yield start
            async for message in _timed(messages, number, streams, count, rate):
                yield message

        async def stream(number: int) -> None:
            async for _ in stub.Stream(sent(number)):
                pass

        await asyncio.gather(*map(stream, range(streams)))


async def paced_bytes(address: str, streams: int, count: int, rate: float) -> None:
    """Send as many frames at these times over one socket, and read what comes."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    async def stream(number: int) -> None:
        async for frame in _timed(FRAMES, number, streams, count, rate):
            writer.write(frame)

    reading = asyncio.create_task(reader.read())
    await asyncio.gather(*map(stream, range(streams)))
    writer.close()
    await reading


async def _timed(messages: Sequence[_T], number: int, streams: int, count: int, rate: float) -> AsyncIterator[_T]:
    """The messages of one of the streams, each when it is due: streams take turns."""
    begin = time.monotonic() + number / streams / rate
    first = number * _APART % len(messages)
    for index, message in enumerate(islice(cycle(messages), first, first + count)):
        await asyncio.sleep(begin + index / rate - time.monotonic())
        yield message
