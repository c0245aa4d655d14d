"""A client that speaks HTTP/2 by hand."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import hpack

from sidecar.transport.http2 import frames


@dataclass
class Peer:
    """The other end: sends frames, and collects those that come."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    encoder: hpack.Encoder = field(default_factory=hpack.Encoder)
    decoder: hpack.Decoder = field(default_factory=hpack.Decoder)
    ended: dict[int, dict[str, str]] = field(default_factory=dict)
    """The trailers that came, by stream."""

    def send(self, *data: bytes) -> None:
        self.writer.write(b"".join(data))

    async def frame(self) -> tuple[int, int, int, bytes]:
        size, kind, flags, stream = frames.head_of(await self.reader.readexactly(frames.HEAD_BYTES), 0)
        payload = await self.reader.readexactly(size)
        if kind == frames.HEADERS:
            headers = {str(name): str(value) for name, value in self.decoder.decode(payload)}
            if flags & frames.END_STREAM:
                self.ended[stream] = headers
        return kind, flags, stream, payload

    async def until(self, kind: int, stream: int | None = None) -> tuple[int, bytes]:
        """Flags and payload of the next frame of that kind."""
        while True:
            found, flags, number, payload = await self.frame()
            if found == kind and stream in (None, number):
                return flags, payload

    async def trailers(self, stream: int) -> dict[str, str]:
        """The headers that end a stream."""
        while stream not in self.ended:
            await self.frame()
        return self.ended[stream]

    def headers(self, path: str, **more: str) -> bytes:
        pairs = dict(request_to(path)) | {key.replace("_", "-"): each for key, each in more.items()}
        return self.block([*pairs.items()])

    def block(self, pairs: Sequence[tuple[str | bytes, str | bytes]]) -> bytes:
        """A header block of just these fields."""
        encoded: bytes = self.encoder.encode(pairs)
        return encoded

    def call(self, stream: int, path: str, **more: str) -> bytes:
        return frames.frame(frames.HEADERS, frames.END_HEADERS, stream, self.headers(path, **more))


def message(text: bytes, flag: int = 0, *, size: int | None = None) -> bytes:
    """A length-prefixed message; `size` is what its prefix says, if that is not true."""
    return struct.pack(">BI", flag, len(text) if size is None else size) + text


def data(stream: int, payload: bytes, flags: int = 0) -> bytes:
    return frames.frame(frames.DATA, flags, stream, payload)


def request_to(path: str) -> list[tuple[str, str]]:
    """The fields of an ordinary call."""
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "t"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]


async def unconnected(address: str) -> Peer:
    """A peer that has said nothing yet."""
    host, _, port = address.rpartition(":")
    return Peer(*await asyncio.open_connection(host, int(port)))


async def greeted(address: str) -> Peer:
    """A peer that has greeted the server."""
    peer = await unconnected(address)
    peer.send(frames.PREFACE, frames.settings({}))
    return peer
