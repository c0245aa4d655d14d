"""Reads the message that comes for each token, without an object for it: a chunk that is a short text of a known lane.

Such a message is a few bytes in front of its text, always the same ones. What is written in any other way that the wire
allows is left to protobuf, and so is all that may be wrong with it: this takes a message or does not, and says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sidecar.transport.lanes import LaneReader
from sidecar.values import Lane
from tidegate.v1 import guard_pb2 as pb

_BYTES: Final = 2
"""protobuf's wire type of texts, bytes and messages."""
_HEAD_BYTES: Final = 2
"""A field's tag and its size, as long as that is less than 128."""
_LEAST_BYTES: Final = 2 * _HEAD_BYTES
MOST_BYTES: Final = _HEAD_BYTES + 127
"""The longest message that is read here."""


def _tag(of: type[pb.StreamRequest | pb.Chunk], field: str) -> int:
    return of.DESCRIPTOR.fields_by_name[field].number << 3 | _BYTES


_CHUNK: Final = _tag(pb.StreamRequest, "chunk")
_LANE: Final = _tag(pb.Chunk, "lane")
_TEXT: Final = _tag(pb.Chunk, "text")


class PlainChunks:
    """See the module's text. Hands texts to `pour`, which says whether it took them."""

    __slots__ = ("_lanes", "_pour")

    def __init__(self, lanes: LaneReader, pour: Callable[[Lane, str], bool]) -> None:
        self._lanes = lanes
        self._pour = pour

    def take(self, message: bytes) -> bool:
        """Take a message; whether it was one of these, and its text was taken. If not, nothing has happened."""
        size = len(message)
        if not _LEAST_BYTES <= size <= MOST_BYTES or message[0] != _CHUNK or message[1] != size - _HEAD_BYTES:
            return False
        begin, name = _HEAD_BYTES, b""
        if message[begin] == _LANE:
            begin += _HEAD_BYTES + message[begin + 1]
            name = message[2 * _HEAD_BYTES : begin]
        lane = self._lanes.plain.get(name)
        if lane is None or begin + _HEAD_BYTES > size:
            return False
        if message[begin] != _TEXT or message[begin + 1] != size - begin - _HEAD_BYTES:
            return False
        try:
            text = message[begin + _HEAD_BYTES :].decode()
        except UnicodeDecodeError:
            return False
        return self._pour(lane, text)
