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
        self.unfinished = bytearray()
        """What is here of a message that is not whole, and of what follows it."""
        self.wanted = 0
        """The size of the message that is arriving, its prefix included; 0 while that is not known."""

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished message are here."""
        return len(self.unfinished)

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        self.unfinished += data

    def next(self) -> tuple[bool, bytes] | None:
        """A whole message and whether it is compressed; None when there is none. Raises `Refused`."""
        if not self.wanted and not self._begin():
            return None
        if len(self.unfinished) < self.wanted:
            return None
        is_compressed = bool(self.unfinished[0])
        message = bytes(memoryview(self.unfinished)[PREFIX.size : self.wanted])
        del self.unfinished[: self.wanted]
        self.wanted = 0
        return is_compressed, message

    def clear(self) -> None:
        """Forget what is here."""
        self.unfinished = bytearray()
        self.wanted = 0

    def _begin(self) -> bool:
        if len(self.unfinished) < PREFIX.size:
            return False
        flag, size = PREFIX.unpack_from(self.unfinished)
        if flag > _MOST_FLAGS:
            raise Refused(grpc.StatusCode.INTERNAL, "a message begins with a flag that is not known")
        if size > self.limit:
            raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, f"a message has more than {self.limit} bytes")
        self.wanted = PREFIX.size + size
        return True
