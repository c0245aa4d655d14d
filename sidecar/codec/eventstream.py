"""AWS's binary event streams: https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html.

A frame is a prelude (its length, that of its headers, a checksum), headers, a payload and a checksum. The payload is
JSON; that of a model's own stream wraps the model's event in base64 as `bytes`, which is opened here.
"""

from __future__ import annotations

import base64
import json
import struct
from binascii import crc32
from collections.abc import Iterator

from sidecar.codec.frames import Frame, FrameTooLongError, Rest
from sidecar.codec.jsontext import loads

_PRELUDE = struct.Struct(">III")
_WORD = struct.Struct(">I")
_SHORT = struct.Struct(">H")
_LEAST_BYTES = _PRELUDE.size + _WORD.size
_STRING = 7
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""The sizes of header values by type; texts and bytes say theirs."""


class BrokenFrameError(ValueError):
    """A frame's lengths or checksums are wrong."""


class EventStream:
    """Cuts and builds the frames."""

    def __init__(self, *, max_bytes: int, wraps: bool = False) -> None:
        self._rest = Rest(max_bytes)
        self._max_bytes = max_bytes
        self._wraps = wraps
        """Whether events are wrapped in base64."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that became complete. Raises `BrokenFrameError` and `FrameTooLongError` in a bad one's place."""
        self._rest.add(data)
        while (size := self._size()) is not None and len(self._rest) >= size:
            yield self._frame(self._rest.take(self._rest.start + size))

    def finish(self) -> Iterator[Frame]:
        """Nothing: half a frame is none. Raises `BrokenFrameError` when there is one."""
        if len(self._rest):
            raise BrokenFrameError("an event stream ended inside a frame")
        return iter(())

    def with_payload(self, frame: Frame, payload: bytes) -> bytes:
        """The frame with another payload, and its checksums."""
        headers = _headers_of(frame.raw)
        return _frame(headers, self._wrapped(payload) if _is_wrapped(_payload_of(frame.raw)) else payload)

    def build(self, payload: bytes, event: str = "") -> bytes:
        """A new frame."""
        named = {":event-type": "chunk" if self._wraps else event or "chunk", ":content-type": "application/json"}
        headers = b"".join(_header(name, value) for name, value in {**named, ":message-type": "event"}.items())
        return _frame(headers, self._wrapped(payload) if self._wraps else payload)

    def _size(self) -> int | None:
        """The length of the first frame, once its prelude is there."""
        if len(self._rest) < _PRELUDE.size:
            return None
        size, headers, check = _PRELUDE.unpack_from(self._rest.data, self._rest.start)
        prelude = bytes(self._rest.data[self._rest.start : self._rest.start + 8])
        if crc32(prelude) != check or size < _LEAST_BYTES + headers:
            raise BrokenFrameError("an event stream's frame is broken")
        if size > self._max_bytes:
            raise FrameTooLongError(f"a frame has more than {self._max_bytes} bytes")
        return int(size)

    def _frame(self, raw: bytes) -> Frame:
        if crc32(raw[:-4]) != _WORD.unpack_from(raw, len(raw) - 4)[0]:
            raise BrokenFrameError("the checksum of an event stream's frame is wrong")
        payload = _payload_of(raw)
        if _is_wrapped(payload):
            self._wraps = True
            return Frame(raw, base64.b64decode(loads(payload)["bytes"]), "chunk")
        return Frame(raw, payload or None, _event_of(_headers_of(raw)))

    @staticmethod
    def _wrapped(payload: bytes) -> bytes:
        return json.dumps({"bytes": base64.b64encode(payload).decode()}).encode()


def exception(kind: str, payload: bytes) -> bytes:
    """A frame that tells of an error; clients raise it by its kind."""
    named = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return _frame(b"".join(_header(name, value) for name, value in named.items()), payload)


def _headers_of(raw: bytes) -> bytes:
    return raw[_PRELUDE.size : _PRELUDE.size + _PRELUDE.unpack_from(raw)[1]]


def _payload_of(raw: bytes) -> bytes:
    return raw[_PRELUDE.size + _PRELUDE.unpack_from(raw)[1] : -4]


def _is_wrapped(payload: bytes) -> bool:
    """Whether a payload is nothing but a model's event in base64, and padding."""
    if not payload.lstrip().startswith(b"{") or b'"bytes"' not in payload:
        return False
    try:
        document = loads(payload)
        base64.b64decode(document["bytes"], validate=True).decode("utf-8")
    except (ValueError, TypeError, KeyError, RecursionError):
        return False
    return set(document) <= {"bytes", "p"}


def _event_of(headers: bytes) -> str:
    """What an event or an exception is called. Raises `BrokenFrameError`."""
    try:
        named = dict(_named(headers))
    except (IndexError, struct.error) as error:
        raise BrokenFrameError("the headers of an event stream's frame are broken") from error
    return named.get(":event-type") or named.get(":exception-type") or ""


def _named(headers: bytes) -> Iterator[tuple[str, str]]:
    """The headers that are texts."""
    at = 0
    while at < len(headers):
        size = headers[at]
        name = headers[at + 1 : at + 1 + size].decode("utf-8", "replace")
        kind = headers[at + 1 + size]
        at += 2 + size
        if kind not in _SIZES:
            length = _SHORT.unpack_from(headers, at)[0]
            if kind == _STRING:
                yield name, headers[at + 2 : at + 2 + length].decode("utf-8", "replace")
            at += 2 + length
        else:
            at += _SIZES[kind]


def _header(name: str, value: str) -> bytes:
    text = value.encode("utf-8")
    return bytes((len(name),)) + name.encode() + bytes((_STRING,)) + _SHORT.pack(len(text)) + text


def _frame(headers: bytes, payload: bytes) -> bytes:
    size = _LEAST_BYTES + len(headers) + len(payload)
    lengths = struct.pack(">II", size, len(headers))
    body = lengths + _WORD.pack(crc32(lengths)) + headers + payload
    return body + _WORD.pack(crc32(body))
