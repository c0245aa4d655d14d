"""Lets cleared text leave at the pace at which it came, instead of a segment at a time.

A model's verdict is about a segment, so its text is cleared all at once, after as long as it took to arrive. What a
person reads then comes in clumps. Pacing spreads a clump over the time in which the next one fills: it leaves in steps
of `STEP_MS`, a word or more at a time. It delays text and changes nothing else: what leaves, and what is decided of it,
was settled before. Whatever follows (more cleared text, a block, another lane, the end) lets go what still waits.

Times are milliseconds of the caller's monotonic clock.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator

import msgspec

from sidecar.core.graphemes import ceil_boundary
from sidecar.values import Blocked, Lane, Output, Release

STEP_MS = 80
"""How often a piece leaves: faster than a person sees, and a message for two tokens at 25 a second."""
_WORD_BEGINS = re.compile(r"(?<=\s)\w")
_LONGEST_WORD = 24


class Pacing:
    """The outputs of one stream that wait for their time, in order."""

    __slots__ = ("_until_ms", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, Output]] = deque()
        self._until_ms = 0.0  # when the last of them has had its time

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def due_ms(self) -> float | None:
        """When the next output leaves; None when none waits."""
        return self._waiting[0][0] if self._waiting else None

    def put(self, outputs: Iterable[tuple[Output, float]], now_ms: float) -> None:
        """Add outputs, each with the time over which it may leave.

        What stands before a block or text of another lane is due now.
        """
        for output, spread_ms in outputs:
            if isinstance(output, Blocked) or not self.is_of(output.lane):
                self.hasten(now_ms)
            due_ms = max(now_ms, self._until_ms)
            for share, piece in _pieces(output, spread_ms):
                self._waiting.append((due_ms + share * spread_ms, piece))
            self._until_ms = due_ms + spread_ms

    def take(self, now_ms: float) -> list[Output]:
        """The outputs whose time has come."""
        due: list[Output] = []
        while self._waiting and self._waiting[0][0] <= now_ms:
            due.append(self._waiting.popleft()[1])
        return due

    def is_of(self, lane: Lane) -> bool:
        """Whether what waits, if anything, is text of that lane."""
        return not self._waiting or self._waiting[-1][1].lane == lane

    def hasten(self, now_ms: float) -> None:
        """Have all that waits be due now."""
        self._until_ms = now_ms
        if self._waiting:
            self._waiting = deque([(now_ms, output) for _, output in self._waiting])


def _pieces(output: Output, spread_ms: float) -> Iterator[tuple[float, Output]]:
    """An output in pieces, each with the share of its text that stands before it."""
    if spread_ms <= STEP_MS or not isinstance(output, Release) or not _is_plain(output):
        yield 0.0, output
        return
    text, begin = output.text, 0
    step = max(1, round(len(text) * STEP_MS / spread_ms))
    while begin < len(text):
        end = _cut(text, begin + step)
        piece = msgspec.structs.replace(
            output, text=text[begin:end], start=output.start + begin, end=output.start + end
        )
        yield begin / len(text), piece
        begin = end


def _is_plain(release: Release) -> bool:
    """Whether it is text as it came, and nothing is said of it."""
    is_changed = release.redactions or len(release.text) != release.end - release.start
    return not (is_changed or release.annotations or release.decisions)


def _cut(text: str, position: int) -> int:
    """Where a word begins, not far behind a position, or a character, as a reader sees them."""
    word = _WORD_BEGINS.search(text, position, position + _LONGEST_WORD)
    if word is not None:
        return word.start()
    if len(text) - position <= _LONGEST_WORD:
        return len(text)
    return ceil_boundary(text, position, is_final=True) or len(text)
