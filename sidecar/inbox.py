"""What waits for the core of one stream, in order: texts, contexts, known texts, and ends of lanes and choices."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TypeAlias

import msgspec

from detectors.context import Context
from detectors.task import Task
from sidecar.config import Limits
from sidecar.core.judgement import Judgement
from sidecar.errors import CallerError, CallerFault
from sidecar.values import Lane, Tool


class End(msgspec.Struct, frozen=True):
    """Where a lane ends, or all lanes of a choice."""

    what: Lane | int


class Known(msgspec.Struct, frozen=True):
    """All of the text of a lane, of which all is known."""

    lane: Lane
    text: str
    is_json: bool
    judgement: Judgement
    arrived_ms: float


class Named(msgspec.Struct, frozen=True):
    """What a lane calls, as far as it is known."""

    lane: Lane
    tool: Tool


Mark: TypeAlias = Context | Task | End | Known | Named
"""What stands between texts."""


PIECE_CHARS = 256
"""How much text is taken at a time: patterns cost up to 15 us a character where texts are nothing but numbers."""


class _Text:
    """Chunks of a lane that came one behind the other, about a piece, and when the first of them did."""

    __slots__ = ("arrived_ms", "chars", "chunks", "lane")

    def __init__(self, lane: Lane, text: str, arrived_ms: float) -> None:
        self.lane = lane
        self.chunks = [text]
        self.chars = len(text)
        self.arrived_ms = arrived_ms


class Inbox:
    """See the module's text. `chars` counts the texts in it."""

    def __init__(self, limits: Limits) -> None:
        self._most_chunks, self._most_chars = limits.inbox_chunks, limits.max_chunk_bytes
        self._entries: deque[_Text | Mark] = deque()
        self._last: _Text | None = None
        """The entry at the end, if it is text."""
        self._chunks = 0
        """How many chunks and marks there are, as they came."""
        self.chars = 0
        self.has_room = True
        """Whether more text may come before some was taken."""
        self._names: dict[Lane, Tool] = {}
        """What was said last of the calls."""

    def __bool__(self) -> bool:
        return bool(self._entries)

    def put(self, lane: Lane, text: str, now_ms: float) -> None:
        """Add text of a lane, with the time at which it came."""
        last, size = self._last, len(text)
        if last is not None and last.chars < PIECE_CHARS and last.lane == lane:
            last.chunks.append(text)
            last.chars += size
        else:
            self._last = last = _Text(lane, text, now_ms)
            self._entries.append(last)
        self.chars += size
        self._chunks += 1
        if self._chunks >= self._most_chunks or self.chars >= self._most_chars:
            self.has_room = False

    def put_mark(self, mark: Mark) -> None:
        """Add what stands behind the text so far."""
        self._last = None
        self._entries.append(mark)
        self._chunks += 1
        self._look()

    def put_name(self, lane: Lane, tool: Tool) -> None:
        """Add what a lane calls, if that is news."""
        if self._names.get(lane) != tool:
            self._names[lane] = tool
            self.put_mark(Named(lane, tool))

    def take_mark(self) -> Mark | None:
        """What stands at the head, if it is no text."""
        head = self._entries[0]
        if isinstance(head, _Text):
            return None
        self._entries.popleft()
        self._chunks -= 1
        self._look()
        return head

    def take_piece(self) -> tuple[Lane, str, float]:
        """The text at the head that is one lane's, at most a piece, and when its first came."""
        head = self._entries[0]
        assert isinstance(head, _Text)
        text = "".join(head.chunks)
        self._chunks -= len(head.chunks)
        rest = text[PIECE_CHARS:]
        if rest:
            head.chunks, head.chars = [rest], len(rest)
            self._chunks += 1
            text = text[:PIECE_CHARS]
        else:
            self._entries.popleft()
            self._last = None if head is self._last else self._last
        self.chars -= len(text)
        self._look()
        return head.lane, text, head.arrived_ms

    def _look(self) -> None:
        self.has_room = self._chunks < self._most_chunks and self.chars < self._most_chars


class Allowance:
    """What a caller may still feed to one stream: texts and lanes have limits, and lanes end."""

    def __init__(self, limits: Limits, *, is_held: bool = False) -> None:
        """`is_held`: the texts have bounds elsewhere, and none here."""
        self._max_chars = inf if is_held else limits.max_stream_chars
        self._max_lanes = inf if is_held else limits.max_lanes
        self._max_ended = inf if is_held else limits.max_ended_lanes
        self._chars = 0
        self._lanes: set[Lane] = set()
        self._ended: set[Lane] = set()

    def knows(self, lane: Lane) -> bool:
        """Whether anything of a lane came."""
        return lane in self._lanes

    def take_more(self, lane: Lane, text: str) -> bool:
        """Count more text of a lane; whether it may come. Nothing is counted of a lane's first, or where it may not."""
        chars = self._chars + len(text)
        if not text or chars > self._max_chars or lane not in self._lanes or lane in self._ended:
            return False
        self._chars = chars
        return True

    def take(self, lane: Lane, text: str) -> None:
        """Count text. Raises `CallerError` past a limit, or after the lane's end."""
        if text and lane in self._ended:
            raise CallerError("came after the end of its lane", field="chunk", kind=CallerFault.OUT_OF_ORDER)
        self.take_lane(lane)
        self._chars += len(text)
        if self._chars > self._max_chars:
            limit = int(self._max_chars)
            raise CallerError(f"a stream has at most {limit} characters", field="chunk", limit=limit)

    def take_lane(self, lane: Lane) -> None:
        """Count a lane. Raises `CallerError` when it is one too many."""
        if lane in self._lanes:
            return
        if len(self._lanes) - len(self._ended) >= self._max_lanes:
            raise _too_many(int(self._max_lanes), "open lanes")
        if len(self._ended) >= self._max_ended:
            raise _too_many(int(self._max_ended), "lanes that ended")
        self._lanes.add(lane)

    def end_lane(self, lane: Lane) -> bool:
        """End a lane; whether it had not ended before. Raises `CallerError` when it is one too many."""
        if lane in self._ended:
            return False
        self.take_lane(lane)
        self._ended.add(lane)
        return True

    def end_choice(self, choice: int) -> None:
        """End all lanes of a choice that came."""
        self._ended.update(lane for lane in self._lanes if lane.choice == choice)


def _too_many(limit: int, lanes: str) -> CallerError:
    return CallerError(f"a stream has at most {limit} {lanes}", field="chunk.lane", limit=limit)
