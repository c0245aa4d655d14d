"""Splits a body into frames, exactly: the frames' bytes, joined, are the body.

Server-sent events (a frame ends with a blank line; LF, CR and CR LF as the standard has them) and lines, of JSON or of
text; `formats` has the others. A frame's payload can be changed in place, all other bytes of it stay. Incremental, the
same however the body was cut, and linear; a frame longer than the limit is an error, not a hang.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

import msgspec

_LINE_END = rb"(?:\r\n|\n|\r(?!\n))"
_BLANK_FIRST = re.compile(_LINE_END)
_BLANK_LINE = re.compile(_LINE_END + _LINE_END)
_SILENT_FIELDS = frozenset({b"", b"id", b"retry"})
"""Fields, and comments, that no reader is shown."""
_USUAL = re.compile(rb"(?:event: ?([^\r\n]*)\n)?data: ?([^\r\n]*)\n*")
"""Nearly every event: a name or none, and one line of data."""
_LINE_ENDS = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"
_KEPT_BYTES = 512
"""So much is told of each end of an event that is too long."""
_MOST_OF_END = 3
"""What is there of the end of an event, a blank line, while its last byte is missing."""
_FIELD = re.compile(rb"([^:\r\n]*)(?::[ ]?([^\r\n]*))?(?:\r\n|\r|\n|\Z)")


class FrameTooLongError(ValueError):
    """A frame has more bytes than the limit."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One frame. `payload` is what its `data` lines hold (joined by LF), or the line, or the body; None without one.

    An event that has fields which no event has, and no data, is its own payload: it is read as it stands.
    `event` is an SSE event's name. Of an event that was skipped `raw` is how it begins, and `end` how it ends; of all
    others `end` is empty.
    """

    raw: bytes
    payload: bytes | None
    event: str = ""
    end: bytes = b""


class Framing(Protocol):
    """Cuts a body into frames, and builds frames that fit in among them."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that became complete. Raises `FrameTooLongError` in the place of one that is too long."""
        ...

    def finish(self) -> Iterator[Frame]:
        """The frame of what is left at the end of the body, if any."""
        ...

    def with_payload(self, frame: Frame, payload: bytes) -> bytes:
        """The frame's bytes with another payload, all else as it was."""
        ...

    def build(self, payload: bytes, event: str = "") -> bytes:
        """A new frame."""
        ...


class Lines:
    """Newline-delimited JSON: a line is a frame."""

    def __init__(self, *, max_bytes: int) -> None:
        self._rest = Rest(max_bytes)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The lines that became complete."""
        self._rest.add(data)
        while (end := self._rest.find(b"\n")) >= 0:
            yield self._frame(self._rest.take(end + 1))
        self._rest.check(len(self._rest))

    def finish(self) -> Iterator[Frame]:
        """The last line, when nothing ends it."""
        if rest := self._rest.take_all():
            yield self._frame(rest)

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
        self._rest = Rest(max_bytes)
        self._max_bytes = max_bytes
        self._skipped: bytes | None = None
        """How the event begins that is skipped."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The events that became complete, each with the blank lines that end it."""
        self._rest.add(data)
        if self._skipped is not None:
            if (end := self._end()) is None:
                self._rest.keep_end()
                return
            head, self._skipped = self._skipped, None
            yield Frame(head, None, end=self._rest.drop(end))
        while (end := self._end()) is not None:
            yield _event(self._rest.take(end))
        self._rest.check(len(self._rest))

    def skip(self) -> None:
        """Drop the event that is too long, and what still comes of it; in its place comes a frame of both its ends."""
        begins = self._rest.start
        self._skipped = bytes(self._rest.data[begins : begins + min(_KEPT_BYTES, self._max_bytes)])

    def _end(self) -> int | None:
        """Where the first event ends; a CR at the very end may be half of a CR LF, so it waits."""
        rest = self._rest
        if not rest.has_cr:
            return self._end_of_lf()
        found = _BLANK_FIRST.match(rest.data, rest.start) or _BLANK_LINE.search(rest.data, rest.seen)
        if found is None or (found.end() == len(rest.data) and rest.data.endswith(b"\r")):
            rest.seen = max(rest.start, (found.start() if found else len(rest.data)) - 3)
            return None
        return found.end()

    def _end_of_lf(self) -> int | None:
        """The same where all lines end with LF."""
        rest = self._rest
        if rest.data.startswith(b"\n", rest.start):
            return rest.start + 1
        at = rest.find(b"\n\n")
        return at + 2 if at >= 0 else None

    def finish(self) -> Iterator[Frame]:
        """What nothing ends. Browsers drop it; here it goes on as it came, and its text is looked at."""
        if self._skipped is None and (rest := self._rest.take_all()):
            yield _event(rest)

    def with_payload(self, frame: Frame, payload: bytes) -> bytes:
        """The event with other data: the first data line holds it, further ones are dropped, all other lines stay."""
        if frame.payload == frame.raw:
            return payload
        mark = _BOM if frame.raw.startswith(_BOM) else b""
        pieces: list[bytes] = [mark]
        is_first = True
        for found in _FIELD.finditer(frame.raw, len(mark)):
            if found.group(1) != b"data" or not found.group():
                pieces.append(found.group())
            elif is_first:
                pieces.append(_data_line(found, payload))
                is_first = False
        return b"".join(pieces)

    def build(self, payload: bytes, event: str = "") -> bytes:
        """A new event."""
        name = f"event: {event}\n".encode() if event else b""
        lines = (b"data: " + each + b"\n" for each in _LINE_ENDS.split(payload))
        return b"".join((name, *lines, b"\n"))


class Rest:
    """Bytes that wait for the end of their frame, from `start` on. `seen` is how far they were searched."""

    def __init__(self, max_bytes: int) -> None:
        self.data = bytearray()
        self.start = 0
        self.seen = 0
        self.has_cr = False
        """Whether a CR came: without one, lines end with LF."""
        self._mark = 0
        """1 while a sign of ours stands before what is there."""
        self._max_bytes = max_bytes

    def __len__(self) -> int:
        return len(self.data) - self.start

    def add(self, data: bytes) -> None:
        """Put bytes behind."""
        if self.start:
            del self.data[: self.start]
            self.seen -= self.start
            self.start = 0
        self.data += data
        self.has_cr = self.has_cr or b"\r" in data

    def find(self, sign: bytes) -> int:
        """Where the sign stands, or -1; what was searched is not searched again."""
        at = self.data.find(sign, self.seen)
        self.seen = max(self.start, len(self.data) - len(sign) + 1) if at < 0 else at
        return at

    def take(self, end: int) -> bytes:
        """Take what stands before `end`. Raises `FrameTooLongError` when that is too much."""
        self.check(end - self.start)
        taken = bytes(self.data[self.start : end])
        self.start = self.seen = end
        return taken

    def drop(self, end: int) -> bytes:
        """Drop what stands before `end`; returns the last of it."""
        last = bytes(self.data[max(self.start + self._mark, end - _KEPT_BYTES) : end])
        self.start = self.seen = end
        self._mark = 0
        return last

    def keep_end(self) -> None:
        """Drop all but the last bytes, of which a few may be half of what is searched for."""
        self.data = bytearray(b".") + self.data[self.start + self._mark :][-_KEPT_BYTES:]
        self.start, self._mark = 0, 1
        self.seen = max(0, len(self.data) - _MOST_OF_END)

    def take_all(self) -> bytes:
        """Take what is left."""
        return self.take(len(self.data))

    def check(self, size: int) -> None:
        """Raise `FrameTooLongError` when a frame has so many bytes, or more."""
        if size > self._max_bytes:
            raise FrameTooLongError(f"a frame has more than {self._max_bytes} bytes")


def _event(raw: bytes) -> Frame:
    if (usual := _USUAL.fullmatch(raw)) is not None:
        named, payload = usual.groups()
        return Frame(raw, payload, named.decode("utf-8", errors="replace") if named else "")
    data: list[bytes] = []
    name = ""
    has_other = False
    text = raw.removeprefix(_BOM)
    for line in _LINE_ENDS.split(text) if b"\r" in text else text.split(b"\n"):
        if line.startswith(b"data:") or line == b"data":
            data.append(line[5:].removeprefix(b" "))
        elif line.startswith(b"event:") or line == b"event":
            name = line[6:].removeprefix(b" ").decode("utf-8", errors="replace")
        elif line and not has_other:
            has_other = line.partition(b":")[0] not in _SILENT_FIELDS
    if not data and has_other:
        return Frame(raw, raw, name)
    return Frame(raw, b"\n".join(data) if data else None, name)


def _data_line(found: re.Match[bytes], payload: bytes) -> bytes:
    """The payload in place of a data line: one of several lines takes several."""
    line = found.group()
    ending = line[len(line.rstrip(b"\r\n")) :]
    colon = line.find(b":")
    gap = b" " if line[colon + 1 : colon + 2] == b" " else b""
    lines = [b"data:" + gap + each for each in _LINE_ENDS.split(payload)]
    return (ending or b"\n").join(lines) + ending
