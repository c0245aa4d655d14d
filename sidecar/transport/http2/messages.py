"""gRPC's length-prefixed messages out of the bytes of DATA frames. Linear, whatever the pieces. No I/O."""

from __future__ import annotations

import struct

import grpc

from sidecar.transport.http2.compression import Refused

PREFIX = struct.Struct(">BI")
_MOST_FLAGS = 1


class MessageReader:
    """Takes bytes, hands out whole messages with their flag."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        """The largest message."""
        self._bytes = bytearray()
        self.wanted = 0
        """The size of the message that is arriving, its prefix included; 0 while that is not known."""

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished message are here."""
        return len(self._bytes)

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        self._bytes += data

    def next(self) -> tuple[bool, bytes] | None:
        """A whole message and whether it is compressed; None when there is none. Raises `Refused`."""
        if not self.wanted and not self._begin():
            return None
        if len(self._bytes) < self.wanted:
            return None
        is_compressed = bool(self._bytes[0])
        message = bytes(memoryview(self._bytes)[PREFIX.size : self.wanted])
        del self._bytes[: self.wanted]
        self.wanted = 0
        return is_compressed, message

    def clear(self) -> None:
        """Forget what is here."""
        self._bytes = bytearray()
        self.wanted = 0

    def _begin(self) -> bool:
        if len(self._bytes) < PREFIX.size:
            return False
        flag, size = PREFIX.unpack_from(self._bytes)
        if flag > _MOST_FLAGS:
            raise Refused(grpc.StatusCode.INTERNAL, "a message begins with a flag that is not known")
        if size > self.limit:
            raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, f"a message has more than {self.limit} bytes")
        self.wanted = PREFIX.size + size
        return True
