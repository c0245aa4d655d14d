"""What inputs cost a server: memory, processor time and the longest step of its event loop, of many copies at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Final, Self

from sidecar.transport.http2 import frames as f
from tests.conformance.door import Door
from tests.conformance.inputs import STREAM, Input
from tests.conformance.table import Outcome, Seen, note, wire
from tests.transport.peer import Peer, data, greeted, unconnected
from tidegate.v1 import guard_pb2 as pb

COPIES: Final = 2
"""Connections that send an input at once: a figure is the sum of what they cost."""
_LONGEST_SECONDS: Final = 0.5
"""A copy of which nothing comes has done by then all that it does."""


@dataclass(frozen=True)
class Cost:
    """Of all copies: bytes that the process had more at most, and milliseconds of processor time."""

    memory: float
    cpu_ms: float
    step_ms: float

    @classmethod
    def middle(cls, costs: Sequence[Self]) -> Self:
        """The medians."""
        return cls(*(median(getattr(each, name) for each in costs) for name in ("memory", "cpu_ms", "step_ms")))


async def cost(door: Door, case: Input, outcome: Outcome) -> Cost:
    """Have a server take an input from each of some connections; `outcome` is what comes of it."""
    await asyncio.to_thread(door.ask, "rest")
    peers = await asyncio.gather(*(_ready(door.address, case) for _ in range(COPIES)))
    for peer in peers:
        peer.send(case.build(peer), data(1, wire(chunk=pb.Chunk(text="two.")), f.END_STREAM) if case.greets else b"")
    await asyncio.gather(*(_done(peer, case, outcome) for peer in peers))
    found = await asyncio.to_thread(door.ask, "read")
    for peer in peers:
        peer.writer.transport.abort()
    return Cost(**found)


async def _ready(address: str, case: Input) -> Peer:
    if not case.greets:
        return await unconnected(address)
    peer = await greeted(address)
    peer.send(peer.call(1, STREAM), data(1, wire(start=pb.Start()) + wire(chunk=pb.Chunk(text="one "))))
    await peer.until(f.HEADERS, 1)
    return peer


async def _done(peer: Peer, case: Input, outcome: Outcome) -> None:
    """Wait until all has come that comes, or the connection has ended."""
    seen = Seen()
    with suppress(asyncio.IncompleteReadError, ConnectionError, TimeoutError):
        async with asyncio.timeout(_LONGEST_SECONDS if not (outcome.is_answered and outcome.neighbour_lives) else 20):
            if not case.greets:
                await peer.reader.read()
            while not (seen.neighbour and (seen.answer or not outcome.is_answered)):
                note(seen, peer, *await peer.frame())
