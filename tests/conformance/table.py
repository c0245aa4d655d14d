"""Sends each input to a server, and sees what comes of it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import grpc

from sidecar.transport.http2 import frames as f
from tests.conformance.inputs import OPEN, STREAM, Input
from tests.transport.peer import Peer, data, greeted, message, unconnected
from tidegate.v1 import guard_pb2 as pb

_QUIET_SECONDS: Final = 3.0
"""Nothing that is to come takes so long."""
_SIDE_BY_SIDE: Final = 32
_CODES: Final = {
    value: name
    for name, value in vars(f).items()
    if name in {"NO_ERROR", "CANCEL"} or name.endswith(("_ERROR", "_STREAM", "_CLOSED", "_CALM"))
    if isinstance(value, int) and name not in {"RST_STREAM", "END_STREAM", "LARGEST_STREAM"}
}
_STATUSES: Final = {str(code.value[0]): code.name for code in grpc.StatusCode}


@dataclass(frozen=True)
class Outcome:
    """What came of an input, and whether the neighbour's stream went on to its end."""

    answer: str
    neighbour_lives: bool

    def __str__(self) -> str:
        return self.answer

    @property
    def is_answered(self) -> bool:
        """Whether its call was, not the connection."""
        return self.answer not in {OPEN, "closed"} and not self.answer.startswith("GOAWAY")


@dataclass
class Seen:
    """What came so far of an input's call and of its neighbour."""

    answer: str = ""
    goaway: str = ""
    is_closed: bool = False
    neighbour: str = ""
    raw: bytes = b""

    @property
    def is_decided(self) -> bool:
        return bool(self.answer or self.goaway or self.is_closed)


async def outcomes(address: str, inputs: Sequence[Input]) -> Mapping[str, Outcome]:
    """What comes of each input, by group and name."""
    side = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def one(case: Input) -> tuple[str, Outcome]:
        async with side:
            return key_of(case), await (_beside_a_neighbour(address, case) if case.greets else _alone(address, case))

    return dict(await asyncio.gather(*map(one, inputs)))


def key_of(case: Input) -> str:
    """What an input is called in the table."""
    return f"{case.group}: {case.name}"


async def _beside_a_neighbour(address: str, case: Input) -> Outcome:
    peer, seen = await greeted(address), Seen()
    peer.send(peer.call(1, STREAM), data(1, wire(start=pb.Start()) + wire(chunk=pb.Chunk(text="one "))))
    await peer.until(f.HEADERS, 1)
    peer.send(case.build(peer))
    await _watch(peer, seen, until=lambda: seen.is_decided)
    if not seen.is_closed:
        peer.send(data(1, wire(chunk=pb.Chunk(text="two.")), f.END_STREAM))
        await _watch(peer, seen, until=lambda: bool(seen.neighbour) or seen.is_closed)
    peer.writer.close()
    return Outcome(_named(seen), seen.neighbour == "OK")


async def _alone(address: str, case: Input) -> Outcome:
    peer, seen = await unconnected(address), Seen()
    peer.send(case.build(peer))
    try:
        async with asyncio.timeout(_QUIET_SECONDS):
            seen.raw = await peer.reader.read()
            seen.is_closed = True
    except (TimeoutError, ConnectionError):
        pass
    peer.writer.close()
    if seen.raw.startswith(b"HTTP/"):
        return Outcome(seen.raw.split(b"\r")[0].decode()[:12], neighbour_lives=False)
    seen.goaway = _goaway_in(seen.raw)
    return Outcome(_named(seen), neighbour_lives=False)


async def _watch(peer: Peer, seen: Seen, *, until: object) -> None:
    """Take frames until the question is decided, or nothing more comes."""
    assert callable(until)
    try:
        async with asyncio.timeout(_QUIET_SECONDS):
            while not until():
                note(seen, peer, *await peer.frame())
    except TimeoutError:
        return
    except (asyncio.IncompleteReadError, ConnectionError):
        seen.is_closed = True


def note(seen: Seen, peer: Peer, kind: int, flags: int, stream: int, payload: bytes) -> None:
    """Take down what a frame says."""
    if kind == f.GOAWAY:
        seen.goaway = f"GOAWAY {_code(payload[4:8])}"
    elif kind == f.RST_STREAM and stream == 3 and not seen.answer:
        seen.answer = f"RST {_code(payload)}"
    elif kind == f.HEADERS and flags & f.END_STREAM:
        trailers = peer.ended[stream]
        status = _STATUSES.get(trailers.get("grpc-status", ""), "no status")
        http = trailers.get(":status", "200")
        found = status if http == "200" else f"{http} {status}"
        if stream == 1:
            seen.neighbour = found
        elif stream == 3 and not seen.answer:
            seen.answer = found


def _named(seen: Seen) -> str:
    return seen.answer or seen.goaway or ("closed" if seen.is_closed else OPEN)


def _goaway_in(raw: bytes) -> str:
    at = 0
    while len(raw) - at >= f.HEAD_BYTES:
        size, kind, _, _ = f.head_of(raw, at)
        payload = raw[at + f.HEAD_BYTES : at + f.HEAD_BYTES + size]
        if kind == f.GOAWAY:
            return f"GOAWAY {_code(payload[4:8])}"
        at += f.HEAD_BYTES + size
    return ""


def _code(payload: bytes) -> str:
    (number,) = struct.unpack(">I", payload)
    return _CODES.get(number, f"code {number}")


def wire(**parts: object) -> bytes:
    """A message of a stream."""
    return message(pb.StreamRequest(**parts).SerializeToString())  # type: ignore[arg-type]  # one part of the message
