"""Compressed messages, opened when they are read: in slices, so that others have turns, and one large one at a time."""

from __future__ import annotations

import asyncio
import zlib
from typing import Final

import grpc

ENCODINGS: Final = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
"""What is understood beside `identity`, and how zlib calls it."""
ACCEPTED: Final = ", ".join(["identity", *ENCODINGS])

SLICE_BYTES = 64 << 10


class Refused(Exception):  # noqa: N818 - it is what it says
    """A message cannot be taken: what the call ends with."""

    def __init__(self, code: grpc.StatusCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Inflater:
    """Opens messages for all calls of a process."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def open(self, encoding: str, message: bytes, limit: int) -> bytes:
        """The plain message. Raises `Refused`: it is broken, or has more than `limit` bytes."""
        first = _Opening(encoding, message, limit)
        if first.step():
            return first.take()
        del first  # so that those who wait hold nothing but what came
        async with self._turn:
            opening = _Opening(encoding, message, limit)
            while not opening.step():  # noqa: ASYNC110 - it is no waiting: others have their turns
                await asyncio.sleep(0)
            return opening.take()


class _Opening:
    def __init__(self, encoding: str, message: bytes, limit: int) -> None:
        self._stream = zlib.decompressobj(ENCODINGS[encoding])
        self._rest = message
        self._plain = bytearray()
        self._limit = limit

    def take(self) -> bytes:
        plain, self._plain = bytes(self._plain), bytearray()
        return plain

    def step(self) -> bool:
        """Open a slice more; returns whether all is open."""
        try:
            piece = self._stream.decompress(self._rest, SLICE_BYTES)
        except zlib.error:
            raise _broken() from None
        self._rest = self._stream.unconsumed_tail
        self._plain += piece
        if len(self._plain) > self._limit:
            self._plain.clear()  # what is raised knows of it
            raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, f"the message has more than {self._limit} bytes")
        if self._stream.eof:
            if self._stream.unused_data:
                raise _broken()
            return True
        if not piece and not self._rest:
            raise _broken()
        return False


def _broken() -> Refused:
    return Refused(grpc.StatusCode.INTERNAL, "the message is not what its encoding says")
