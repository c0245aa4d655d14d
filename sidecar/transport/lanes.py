"""Lanes as callers name them, and texts as they come: in characters, or in bytes that may be cut inside one.

Inside, a lane has one number among those of its channel. A caller names a call by a number or by its provider's id, and
the text that is a call's name is a lane of its own: those have numbers that no caller can say. An unspecified part is
the model's words in an output, and the user's in an input.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from sidecar.config import Limits
from sidecar.errors import CallerError, CallerFault
from sidecar.values import Channel, Direction, Lane, Part, Tool
from tidegate.v1 import guard_pb2 as pb

WireLanes: TypeAlias = Callable[[Lane], pb.Lane]
"""How a lane is called on the wire."""

_WIRE_PARTS: Mapping[Part, pb.Part.ValueType] = {each: pb.Part.Value(f"PART_{each.name}") for each in Part}
_PARTS: Mapping[int, Part] = {number: part for part, number in _WIRE_PARTS.items()}
_OWN_PART: Mapping[Direction, Part] = {Direction.OUTPUT: Part.MODEL, Direction.INPUT: Part.USER}
_WIRE_CHANNELS: Mapping[Channel, pb.Channel.ValueType] = {
    each: pb.Channel.Value(f"CHANNEL_{each.name}") for each in Channel
}
_CHANNELS: Mapping[int, Channel] = {
    pb.CHANNEL_UNSPECIFIED: Channel.CONTENT,
    **{number: each for each, number in _WIRE_CHANNELS.items()},
}
_BY_ID = 1 << 32
"""What is added to the number of a call that has an id: callers say 32 bits."""
_NAME = 1 << 33
"""What is added to a call's number for the lane of its name."""


def numbered(lane: Lane) -> pb.Lane:
    """A lane on the wire, where calls are told apart by number."""
    return pb.Lane(
        choice=lane.choice,
        channel=_WIRE_CHANNELS[lane.channel],
        part=_WIRE_PARTS[lane.part],
        item=lane.item % _BY_ID,
        is_name=is_name(lane),
    )


def is_name(lane: Lane) -> bool:
    """Whether a lane is the name of a call."""
    return lane.item >= _NAME


def name_of(lane: Lane) -> Lane:
    """The lane of the name of a call, of whose arguments this is the lane."""
    return msgspec.structs.replace(lane, item=lane.item + _NAME)


def arguments_of(lane: Lane) -> Lane:
    """The lane of the arguments of a call, of whose name this is the lane."""
    return msgspec.structs.replace(lane, item=lane.item - _NAME)


def is_json(lane: Lane) -> bool:
    """Whether a lane's text is JSON: arguments of a call are read decoded."""
    return lane.channel is Channel.TOOL_ARGUMENTS and not is_name(lane)


class LaneReader:
    """Reads a stream's lanes and texts. Bytes may be cut inside a character; each lane has its own decoder.

    Where a caller tells what its calls call, it keeps the names: `tool_of`, `named`.
    """

    def __init__(self, direction: Direction, limits: Limits) -> None:
        self._own_part = _OWN_PART[direction]
        self._max_bytes = limits.max_chunk_bytes
        self._max_name_chars = limits.max_name_chars
        self._lanes: dict[tuple[int, int, int, int, bool, str], Lane] = {}
        self._ids: list[str] = []
        """The ids of calls, by their numbers, and `_numbers` the other way round."""
        self._numbers: dict[str, int] = {}
        self._decoders: dict[Lane, codecs.IncrementalDecoder] = {}
        self.plain: dict[bytes, Lane] = {}
        """The lanes that came, by their messages' bytes: those of no calls, whose characters were never cut."""
        self._names: dict[Lane, str] = {}
        """By the lane of a call's arguments: its name, as far as it came."""
        self._ended: set[Lane] = set()
        self._wired: dict[Lane, pb.Lane] = {}

    def lane_of(self, message: pb.Lane, *, field: str = "chunk.lane") -> Lane:
        """The lane that a message names. Raises `CallerError` for a channel or part that is none."""
        key = (message.choice, message.channel, message.part, message.item, message.is_name, message.call)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = self._read_lane(message, field)
            if lane.channel is not Channel.TOOL_ARGUMENTS and lane not in self._decoders:
                self.plain[message.SerializeToString()] = lane
        return lane

    def text_of(self, chunk: pb.Chunk, lane: Lane) -> str:
        """The chunk's text, as far as its characters are whole. Raises `CallerError` for a bad or oversize payload."""
        payload = chunk.WhichOneof("payload")
        if payload == "text":
            return self._plain(chunk.text, lane)
        return self._decode(chunk.data, lane) if payload == "data" else ""

    def tool_of(self, lane: Lane, text: str, *, field: str = "chunk") -> Tool | None:
        """What a lane calls, of which this text comes now; None where nobody told.

        Raises `CallerError` for a name of a call whose arguments ended, or one that is too long.
        """
        if not is_name(lane):
            return Tool(self._names[lane]) if lane in self._names else None
        call = arguments_of(lane)
        if text and call in self._ended:
            raise out_of_order("a call's name came after the end of its arguments", "chunk.lane.is_name")
        name, limit = self._names.get(call, ""), self._max_name_chars
        if len(name) + len(text) > limit:
            raise CallerError(f"the name of a call has at most {limit} characters", field=field, limit=limit)
        name = self._names[call] = name + text
        return Tool(name, is_name=True)

    def wire(self, lane: Lane) -> pb.Lane:
        """What the caller calls a lane. It is the same message each time, and not to be changed."""
        message = self._wired.get(lane)
        if message is None:
            message = self._wired[lane] = self._wire(lane)
        return message

    def _wire(self, lane: Lane) -> pb.Lane:
        message = numbered(lane)
        if lane.item % _NAME >= _BY_ID:
            message.item, message.call = 0, self._ids[lane.item % _BY_ID]
        return message

    def end(self, lane: Lane) -> None:
        """Raise `CallerError` when a lane that ends here does so inside a character."""
        self._ended.add(lane)
        if self._is_inside(lane):
            raise CallerError("the lane ends inside a character", field="chunk.data")

    def finish(self) -> None:
        """Raise `CallerError` when a lane ends inside a character."""
        if any(map(self._is_inside, self._decoders)):
            raise CallerError("the stream ends inside a character", field="chunk.data")

    def _is_inside(self, lane: Lane) -> bool:
        decoder = self._decoders.get(lane)
        return decoder is not None and bool(decoder.getstate()[0])

    def _read_lane(self, message: pb.Lane, field: str) -> Lane:
        channel = _CHANNELS.get(message.channel)
        if channel is None:
            raise CallerError(f"{message.channel} is not a channel", field=f"{field}.channel")
        part = _PARTS.get(message.part) if message.part else self._own_part
        if part is None:
            raise CallerError(f"{message.part} is not a part", field=f"{field}.part")
        return Lane(message.choice, channel, part, self._item_of(message, channel, field))

    def _item_of(self, message: pb.Lane, channel: Channel, field: str) -> int:
        said = "is_name" if message.is_name else "call"
        if (message.is_name or message.call) and channel is not Channel.TOOL_ARGUMENTS:
            raise CallerError("is for the channel of tool arguments", field=f"{field}.{said}")
        if message.call and message.item:
            raise CallerError("says which call it is, and so does item; keep one of them", field=f"{field}.call")
        if len(message.call) > self._max_name_chars:
            limit = self._max_name_chars
            raise CallerError(f"has more than {limit} characters", field=f"{field}.call", limit=limit)
        item = self._item_by_id(message.call) if message.call else message.item
        return item + _NAME if message.is_name else item

    def _item_by_id(self, call: str) -> int:
        if call not in self._numbers:
            self._numbers[call] = len(self._ids)
            self._ids.append(call)
        return _BY_ID + self._numbers[call]

    def _plain(self, text: str, lane: Lane) -> str:
        if len(text) * 4 > self._max_bytes:
            self._check_size("chunk.text", len(text.encode()))
        if self._is_inside(lane):
            raise CallerError("came while the data before it ends inside a character", field="chunk.text")
        return text

    def _decode(self, data: bytes, lane: Lane) -> str:
        self._check_size("chunk.data", len(data))
        decoder = self._decoders.get(lane)
        if decoder is None:
            decoder = self._decoders[lane] = codecs.getincrementaldecoder("utf-8")()
            self.plain = {name: each for name, each in self.plain.items() if each != lane}
        try:
            return decoder.decode(data)
        except UnicodeDecodeError as error:
            reason = error.reason
        raise CallerError(f"is not valid UTF-8 ({reason})", field="chunk.data")

    def _check_size(self, field: str, size: int) -> None:
        if size > self._max_bytes:
            limit = self._max_bytes
            raise CallerError(f"has {size} bytes; at most {limit} are allowed", field=field, limit=limit)


def out_of_order(message: str, field: str) -> CallerError:
    """The error for a message that must not come now."""
    return CallerError(message, field=field, kind=CallerFault.OUT_OF_ORDER)
