"""Splits a body into frames, exactly: the frames' bytes, joined, are the body.

Three framings: server-sent events (a frame ends with a blank line; LF, CR and CR LF as the standard has them),
newline-delimited JSON, and a whole body. A frame's payload can be changed in place, all other bytes of it stay.
Incremental, and the same however the body was cut; a frame longer than the limit is an error, not a hang.
"""

from __future__ import annotations

import re
from typing import Protocol

import msgspec

_BLANK_LINE = re.compile(rb"(?:\A|\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n))")
_FIELD = re.compile(rb"([^:\r\n]*)(?::[ ]?([^\r\n]*))?(?:\r\n|\r|\n|\Z)")


class FrameTooLongError(ValueError):
    """A frame has more bytes than the limit."""


class Frame(msgspec.Struct, frozen=True):
    """One frame. `payload` is what its `data` lines hold (joined by LF), or the line, or the body; None without one.

    `event` is an SSE event's name.
    """

    raw: bytes
    payload: bytes | None
    event: str = ""


class Framing(Protocol):
    """Cuts a body into frames, and builds frames that fit in among them."""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that became complete. Raises `FrameTooLongError`."""
        ...

    def finish(self) -> list[Frame]:
        """The frames of what is left at the end of the body."""
        ...

    def with_payload(self, frame: Frame, payload: bytes) -> bytes:
        """The frame's bytes with another payload, all else as it was."""
        ...

    def build(self, payload: bytes, event: str = "") -> bytes:
        """A new frame."""
        ...


class Whole:
    """The body is one frame."""

    def __init__(self, *, max_bytes: int) -> None:
        self._pieces: list[bytes] = []
        self._room = max_bytes

    def feed(self, data: bytes) -> list[Frame]:
        """Collect."""
        self._room -= len(data)
        if self._room < 0:
            raise FrameTooLongError("the body is too long")
        self._pieces.append(data)
        return []

    def finish(self) -> list[Frame]:
        """The body, unless it is empty."""
        body = b"".join(self._pieces)
        self._pieces.clear()
        return [Frame(body, body)] if body else []

    def with_payload(self, frame: Frame, payload: bytes) -> bytes:
        """The payload is the frame."""
        return payload

    def build(self, payload: bytes, event: str = "") -> bytes:
        """The payload is the frame."""
        return payload


class Lines:
    """Newline-delimited JSON: a line is a frame."""

    def __init__(self, *, max_bytes: int) -> None:
        self._rest = _Rest(max_bytes)

    def feed(self, data: bytes) -> list[Frame]:
        """The lines that became complete."""
        self._rest.add(data)
        frames = []
        while (end := self._rest.find(b"\n")) >= 0:
            frames.append(self._frame(self._rest.take(end + 1)))
        self._rest.check()
        return frames

    def finish(self) -> list[Frame]:
        """The last line, when nothing ends it."""
        rest = self._rest.take_all()
        return [self._frame(rest)] if rest else []

    @staticmethod
    def _frame(raw: bytes) -> Frame:
        line = raw.strip(b"\r\n")
        return Frame(raw, line if line.strip() else None)

    def with_payload(self, frame: Frame, payload: bytes) -> bytes:
        """The line with its own ending."""
        return payload + frame.raw[len(frame.raw.rstrip(b"\r\n")) :]

    def build(self, payload: bytes, event: str = "") -> bytes:
        """A line."""
        return payload + b"\n"


class ServerSentEvents:
    """Server-sent events, as https://html.spec.whatwg.org/multipage/server-sent-events.html has them."""

    def __init__(self, *, max_bytes: int) -> None:
        self._rest = _Rest(max_bytes)

    def feed(self, data: bytes) -> list[Frame]:
        """The events that became complete, each with the blank lines that end it."""
        self._rest.add(data)
        frames = []
        while (end := self._end()) is not None:
            frames.append(_event(self._rest.take(end)))
        self._rest.check()
        return frames

    def _end(self) -> int | None:
        """Where the first event ends; a CR at the very end may be half of a CR LF, so it waits."""
        data = self._rest.data
        found = _BLANK_LINE.search(data, self._rest.seen)
        if found is None or (found.end() == len(data) and data.endswith(b"\r")):
            self._rest.seen = max(0, (found.start() if found else len(data)) - 3)
            return None
        return found.end()

    def finish(self) -> list[Frame]:
        """What nothing ends. Browsers drop it; here it goes on as it came, and its text is looked at."""
        rest = self._rest.take_all()
        return [_event(rest)] if rest else []

    def with_payload(self, frame: Frame, payload: bytes) -> bytes:
        """The event with other data: the first data line holds it, further ones are dropped, all other lines stay."""
        pieces: list[bytes] = []
        is_first = True
        for found in _FIELD.finditer(frame.raw):
            if found.group(1) != b"data" or not found.group():
                pieces.append(found.group())
            elif is_first:
                pieces.append(_data_line(found, payload))
                is_first = False
        return b"".join(pieces)

    def build(self, payload: bytes, event: str = "") -> bytes:
        """A new event."""
        name = f"event: {event}\n".encode() if event else b""
        return name + b"data: " + payload + b"\n\n"


class _Rest:
    """Bytes that wait for the end of their frame. `seen` is how far they were searched."""

    def __init__(self, max_bytes: int) -> None:
        self.data = b""
        self.seen = 0
        self._max_bytes = max_bytes

    def add(self, data: bytes) -> None:
        self.data += data

    def find(self, sign: bytes) -> int:
        at = self.data.find(sign, self.seen)
        self.seen = len(self.data) if at < 0 else at
        return at

    def take(self, end: int) -> bytes:
        taken, self.data, self.seen = self.data[:end], self.data[end:], 0
        return taken

    def take_all(self) -> bytes:
        return self.take(len(self.data))

    def check(self) -> None:
        if len(self.data) > self._max_bytes:
            raise FrameTooLongError(f"a frame has more than {self._max_bytes} bytes")


def _event(raw: bytes) -> Frame:
    data: list[bytes] = []
    name = ""
    for found in _FIELD.finditer(raw.removeprefix(b"\xef\xbb\xbf")):
        if found.group(1) == b"data":
            data.append(found.group(2) or b"")
        elif found.group(1) == b"event":
            name = (found.group(2) or b"").decode("utf-8", errors="replace")
    return Frame(raw, b"\n".join(data) if data else None, name)


def _data_line(found: re.Match[bytes], payload: bytes) -> bytes:
    line = found.group()
    ending = line[len(line.rstrip(b"\r\n")) :]
    colon = line.find(b":")
    gap = b" " if line[colon + 1 : colon + 2] == b" " else b""
    return b"data:" + gap + payload + ending
