"""HTTP/2 frames (RFC 9113, section 6), as far as a server of gRPC needs them. No I/O."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final

DATA: Final = 0
HEADERS: Final = 1
PRIORITY: Final = 2
RST_STREAM: Final = 3
SETTINGS: Final = 4
PUSH_PROMISE: Final = 5
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
CONTINUATION: Final = 9

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
HAS_PRIORITY: Final = 0x20

NO_ERROR: Final = 0x0
PROTOCOL_ERROR: Final = 0x1
INTERNAL_ERROR: Final = 0x2
FLOW_CONTROL_ERROR: Final = 0x3
STREAM_CLOSED: Final = 0x5
FRAME_SIZE_ERROR: Final = 0x6
REFUSED_STREAM: Final = 0x7
CANCEL: Final = 0x8
COMPRESSION_ERROR: Final = 0x9
ENHANCE_YOUR_CALM: Final = 0xB

HEADER_TABLE_SIZE: Final = 0x1
ENABLE_PUSH: Final = 0x2
MAX_CONCURRENT_STREAMS: Final = 0x3
INITIAL_WINDOW_SIZE: Final = 0x4
MAX_FRAME_SIZE: Final = 0x5
MAX_HEADER_LIST_SIZE: Final = 0x6

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES: Final = 9
PING_BYTES: Final = 8
PRIORITY_BYTES: Final = 5
GOAWAY_BYTES: Final = 8
DEFAULT_WINDOW: Final = 65_535
DEFAULT_FRAME: Final = 16_384
LARGEST_WINDOW: Final = (1 << 31) - 1
LARGEST_STREAM: Final = (1 << 31) - 1
_LARGEST_FRAME: Final = (1 << 24) - 1

HEAD = struct.Struct(">IBI")
"""Payload size and type, flags, and stream with a bit that is reserved."""
_SETTING = struct.Struct(">HI")
_NUMBER = struct.Struct(">I")


class ProtocolError(Exception):
    """The peer broke the protocol; `code` says how. It ends the connection."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class StreamError(Exception):
    """The peer broke the protocol in one stream; `code` says how. It ends that stream, and its neighbours live."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def head_of(buffer: bytes | bytearray, at: int) -> tuple[int, int, int, int]:
    """A frame's payload size, type, flags and stream, from its first nine bytes."""
    size_and_type, flags, stream = HEAD.unpack_from(buffer, at)
    return size_and_type >> 8, size_and_type & 0xFF, flags, stream & 0x7FFF_FFFF


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame as it goes over the wire."""
    return HEAD.pack(len(payload) << 8 | kind, flags, stream) + payload


def settings(values: Mapping[int, int]) -> bytes:
    """The SETTINGS frame that opens a connection."""
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(*each) for each in values.items()))


def window_update(stream: int, bytes_more: int) -> bytes:
    """Room for so many bytes more; stream 0 is the connection."""
    return frame(WINDOW_UPDATE, 0, stream, _NUMBER.pack(bytes_more))


def reset(stream: int, code: int) -> bytes:
    """The end of a stream, without more words."""
    return frame(RST_STREAM, 0, stream, _NUMBER.pack(code))


def goaway(last_stream: int, code: int, reason: str = "") -> bytes:
    """The connection takes no more streams."""
    return frame(GOAWAY, 0, 0, _NUMBER.pack(last_stream) + _NUMBER.pack(code) + reason.encode())


def sized(payload: bytes, size: int) -> bytes:
    """The payload of a frame that has one length only. Raises `ProtocolError`."""
    if len(payload) != size:
        raise ProtocolError(FRAME_SIZE_ERROR, f"{size} bytes were expected")
    return payload


def number_of(payload: bytes) -> int:
    """The 31-bit number that a WINDOW_UPDATE or an RST_STREAM holds. Raises `ProtocolError`."""
    number: int = _NUMBER.unpack(sized(payload, _NUMBER.size))[0] & 0x7FFF_FFFF
    return number


def settings_of(payload: bytes) -> Iterator[tuple[int, int]]:
    """The settings of a SETTINGS frame, checked. Raises `ProtocolError`."""
    if len(payload) % _SETTING.size:
        raise ProtocolError(FRAME_SIZE_ERROR, "settings are six bytes each")
    for name, value in _SETTING.iter_unpack(payload):
        if name == ENABLE_PUSH and value > 1:
            raise ProtocolError(PROTOCOL_ERROR, "push is on or off")
        if name == INITIAL_WINDOW_SIZE and value > LARGEST_WINDOW:
            raise ProtocolError(FLOW_CONTROL_ERROR, "the initial window is too large")
        if name == MAX_FRAME_SIZE and not DEFAULT_FRAME <= value <= _LARGEST_FRAME:
            raise ProtocolError(PROTOCOL_ERROR, "the largest frame is out of bounds")
        yield name, value


def unpadded(flags: int, payload: bytes) -> bytes:
    """What a DATA or HEADERS frame carries, without padding. Raises `ProtocolError`."""
    if not flags & PADDED:
        return payload
    if not payload:
        raise ProtocolError(FRAME_SIZE_ERROR, "the length of the padding is missing")
    if payload[0] >= len(payload):
        raise ProtocolError(PROTOCOL_ERROR, "the padding is longer than the frame")
    return payload[1 : len(payload) - payload[0]]


def fragment_of(flags: int, payload: bytes) -> tuple[bytes, int | None]:
    """The header block that a HEADERS frame carries, and which stream it depends on. Raises `ProtocolError`."""
    fragment = unpadded(flags, payload)
    if not flags & HAS_PRIORITY:
        return fragment, None
    if len(fragment) < PRIORITY_BYTES:
        raise ProtocolError(FRAME_SIZE_ERROR, "a priority is five bytes")
    return fragment[PRIORITY_BYTES:], dependency_of(fragment)


def dependency_of(priority: bytes) -> int:
    """The stream that a priority names."""
    number: int = _NUMBER.unpack_from(priority)[0] & 0x7FFF_FFFF
    return number
