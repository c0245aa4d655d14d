"""The frame of a schema registry around a value: Confluent's wire format, as its clients and Kafka Connect read it.

A byte 0, the schema's id in four bytes (big endian), and before a protobuf message the way to it in its file: how many
indexes and the indexes, as zigzag varints, or one byte 0 for the first message. Nothing of ours begins with a byte 0
(JSON begins with a brace, and a protobuf message with the tag of a field, which is never 0), so a reader sees by the
value itself whether it is framed.
https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
"""

from __future__ import annotations

import struct

_MAGIC = b"\0"
_HEAD = struct.Struct(">bI")
_MORE = 0x80


def framed(value: bytes, schema_id: int, message: int | None = None) -> bytes:
    """The value in its frame. `message` is the place of a protobuf message among those of its file, from 0."""
    return _HEAD.pack(0, schema_id) + (b"" if message is None else _way_to(message)) + value


def unframed(value: bytes, *, is_protobuf: bool) -> bytes:
    """The value without its frame, if it has one. Raises `ValueError` where a frame ends too early."""
    if not value.startswith(_MAGIC):
        return value
    if len(value) < _HEAD.size:
        raise ValueError("its frame of a schema registry is cut short")
    rest = value[_HEAD.size :]
    return _without_way(rest) if is_protobuf else rest


def _way_to(message: int) -> bytes:
    return b"\0" if message == 0 else _varint(2 * 1) + _varint(2 * message)  # zigzag doubles what is not negative


def _without_way(value: bytes) -> bytes:
    """The value behind its indexes."""
    count, at = _read_varint(value, 0)
    for _ in range(count // 2):
        _, at = _read_varint(value, at)
    return value[at:]


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number >= _MORE:
        digits.append(number % _MORE | _MORE)
        number //= _MORE
    return bytes([*digits, number])


def _read_varint(value: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends. Raises `ValueError`."""
    number = shift = 0
    for position in range(at, min(at + 5, len(value))):
        number |= (value[position] & 0x7F) << shift
        if value[position] < _MORE:
            return number, position + 1
        shift += 7
    raise ValueError("its frame of a schema registry is cut short")
