"""Floods of one peer: `python -m tests.conformance.attacks NAME ADDRESS SECONDS` sends one to a service here.

Without arguments it takes them as lines of JSON on standard input, and answers each when that flood is over.

A peer that is cut off comes back, as an attacker would. What it is sent is not read, unless it says so.
"""

from __future__ import annotations

import gzip
import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

import hpack

from sidecar.transport.http2 import frames as f
from tests.conformance.inputs import CHECK, STREAM
from tests.transport.peer import data, message, request_to
from tidegate.v1 import guard_pb2 as pb

_ODD = range(1, 2**31, 2)
_ROOM: Final = 1 << 30

Attack = Callable[[], Iterator[bytes]]


def block_of(path: str, *more: tuple[str, str]) -> bytes:
    """A call's fields, without a word of the table."""
    block: bytes = hpack.Encoder().encode([*request_to(path), *more])
    return block


def opened(stream: int, block: bytes, flags: int = f.END_HEADERS) -> bytes:
    return f.frame(f.HEADERS, flags, stream, block)


def greeting(window: int = f.DEFAULT_WINDOW) -> bytes:
    return f.PREFACE + f.settings({f.INITIAL_WINDOW_SIZE: window}) + f.window_update(0, _ROOM)


def resets() -> Iterator[bytes]:
    """Calls that are begun and given up at once."""
    block = block_of(STREAM)
    yield greeting()
    for stream in _ODD:
        yield opened(stream, block) + f.reset(stream, 8)


def malformed() -> Iterator[bytes]:
    """Calls that the server has to reset."""
    block = block_of(STREAM)
    yield greeting()
    for stream in _ODD:
        yield opened(stream, block) + f.window_update(stream, 0)


def continuations() -> Iterator[bytes]:
    """Headers without an end."""
    yield greeting() + f.frame(f.HEADERS, 0, 1, b"")
    part = f.frame(f.CONTINUATION, 0, 1, b"\x10\x01x\x01y" * 3_000)
    while True:
        yield part


def nothings() -> Iterator[bytes]:
    """Headers without an end and without a word."""
    yield greeting() + f.frame(f.HEADERS, 0, 1, b"")
    while True:
        yield f.frame(f.CONTINUATION, 0, 1, b"") * 500


def pings() -> Iterator[bytes]:
    """Pings, with data between that nobody takes."""
    yield greeting() + opened(1, block_of(CHECK)) + f.reset(1, 8)
    while True:
        yield (f.frame(f.PING, 0, 0, bytes(8)) + data(1, b"x")) * 200


def settings() -> Iterator[bytes]:
    """Settings, each of which wants an answer."""
    yield greeting()
    while True:
        yield f.settings({f.INITIAL_WINDOW_SIZE: 1_000}) * 500


def priorities() -> Iterator[bytes]:
    """Priorities of streams that are not there."""
    yield greeting()
    for stream in _ODD:
        yield f.frame(f.PRIORITY, 0, stream, bytes(5)) * 500


def tables() -> Iterator[bytes]:
    """A long field, and then thousands of times one byte that stands for it."""
    large = b"\x40\x01x\x7f\x80\x1e" + b"y" * 3_967
    yield greeting() + opened(1, large + block_of(CHECK))
    for stream in _ODD[1:]:
        yield opened(stream, block_of(CHECK)[:0] + b"\xbe" * 16_000, f.END_HEADERS | f.END_STREAM)


def zero_windows() -> Iterator[bytes]:
    """Answers that may not be sent."""
    block, text = block_of(CHECK), message(pb.CheckRequest(text="a quiet river " * 4_000).SerializeToString())
    yield greeting(0)
    for stream in _ODD:
        yield opened(stream, block) + split(stream, text)


def unread() -> Iterator[bytes]:
    """Answers that may be sent, and that nobody reads."""
    block, text = block_of(CHECK), message(pb.CheckRequest(text="a quiet river " * 4_000).SerializeToString())
    yield greeting(_ROOM)
    for stream in _ODD:
        yield opened(stream, block) + split(stream, text)


def unfinished() -> Iterator[bytes]:
    """Large messages of which the last byte never comes."""
    block, begin = block_of(CHECK), message(b"", size=11_000_000)
    yield greeting()
    for stream in _ODD:
        yield opened(stream, block) + data(stream, begin) + data(stream, bytes(16_000)) * 4


def half_sent() -> Iterator[bytes]:
    """Small messages of which the last byte never comes."""
    block = block_of(STREAM)
    yield greeting()
    for stream in _ODD:
        yield opened(stream, block) + split(stream, message(bytes(65_000))[:65_000], flags=0)


def empties() -> Iterator[bytes]:
    """Messages without a byte, thousands in a frame."""
    yield greeting() + opened(1, block_of(STREAM))
    while True:
        yield data(1, message(b"") * 3_000)


def bombs() -> Iterator[bytes]:
    """Messages of 10 MB that are 10 KB as gzip."""
    block = block_of(CHECK, ("grpc-encoding", "gzip"))
    bomb = message(gzip.compress(bytes(11_000_000)), 1)
    yield greeting()
    for stream in _ODD:
        yield opened(stream, block) + split(stream, bomb)


def split(stream: int, body: bytes, flags: int = f.END_STREAM) -> bytes:
    """A body in frames that are as large as they may be."""
    parts = [body[at : at + f.DEFAULT_FRAME] for at in range(0, len(body), f.DEFAULT_FRAME)]
    return b"".join(data(stream, part, flags * (part is parts[-1])) for part in parts)


ATTACKS: Final[dict[str, Attack]] = {
    "rapid reset": resets,
    "rapid reset by the server": malformed,
    "CONTINUATION": continuations,
    "empty CONTINUATION": nothings,
    "PING": pings,
    "SETTINGS": settings,
    "PRIORITY": priorities,
    "header table": tables,
    "zero windows": zero_windows,
    "unread answers": unread,
    "unfinished messages": unfinished,
    "half-sent messages": half_sent,
    "empty messages": empties,
    "gzip": bombs,
}


def attack(name: str, address: str, seconds: float) -> None:
    """Send as much as the peer takes, on one connection at a time, as long as it takes it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            _once(ATTACKS[name], address, until)
        except OSError:
            time.sleep(0.02)  # it was cut off, and comes back


def _once(make: Attack, address: str, until: float) -> None:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=0.2) as peer:
        for sent in make():
            _send(peer, sent, until)
            if time.monotonic() > until:
                return


def _send(peer: socket.socket, sent: bytes, until: float) -> None:
    rest = memoryview(sent)
    while rest and time.monotonic() < until:
        try:
            rest = rest[peer.send(rest) :]
        except TimeoutError:
            continue  # the other end reads nothing now


if __name__ == "__main__":
    if len(sys.argv) > 1:
        attack(sys.argv[1], sys.argv[2], float(sys.argv[3]))
    else:
        for line in sys.stdin:
            attack(*json.loads(line))
            sys.stdout.write("\n")
            sys.stdout.flush()
