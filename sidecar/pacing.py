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
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from sidecar.core.graphemes import ceil_boundary
from sidecar.values import Blocked, Lane, Output, Redaction, Release

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
        late: list[tuple[float, Output]] = []
        while self._waiting and self._waiting[-1][0] > now_ms:  # their times rise: what is due stands before it
            late.append((now_ms, self._waiting.pop()[1]))
        self._waiting.extend(reversed(late))


def _pieces(output: Output, spread_ms: float) -> Iterator[tuple[float, Output]]:
    """An output in pieces, each with the share of its text that stands before it."""
    if spread_ms <= STEP_MS or not isinstance(output, Release) or not _may_part(output):
        yield 0.0, output
        return
    text, redactions, begin = output.text, deque(output.redactions), 0
    start, decisions = output.start, output.decisions
    step = max(1, round(len(text) * STEP_MS / spread_ms))
    while begin < len(text):
        end = _outside(_cut(text, begin + step), output.redactions)
        own = []
        while redactions and redactions[0].replacement_end <= end:
            own.append(_moved(redactions.popleft(), begin))
        last = own[-1] if own else None
        reached = last.end + end - begin - last.replacement_end if last else start + end - begin
        yield begin / len(text), Release(output.lane, text[begin:end], start, reached, (), tuple(own), decisions)
        begin, start, decisions = end, reached, ()


def _may_part(release: Release) -> bool:
    """Whether its text is what came, but for its redactions, one after the other; and no remark is about the whole."""
    behind, place = release.start, 0
    for each in release.redactions:
        if each.start - behind != each.replacement_start - place or each.replacement_start < place:
            return False
        behind, place = each.end, each.replacement_end
    is_regular = release.end - behind == len(release.text) - place
    return is_regular and bool(release.text) and not release.annotations


def _outside(position: int, redactions: Sequence[Redaction]) -> int:
    """A position, or the end of the replacement that it lies in."""
    for each in redactions:
        if each.replacement_start < position < each.replacement_end:
            return each.replacement_end
    return position


def _moved(redaction: Redaction, begin: int) -> Redaction:
    start, end = redaction.replacement_start - begin, redaction.replacement_end - begin
    return msgspec.structs.replace(redaction, replacement_start=start, replacement_end=end)


def _cut(text: str, position: int) -> int:
    """Where a word begins, not far behind a position, or a character, as a reader sees them."""
    word = _WORD_BEGINS.search(text, position, position + _LONGEST_WORD)
    if word is not None:
        return word.start()
    if len(text) - position <= _LONGEST_WORD:
        return len(text)
    return ceil_boundary(text, position, is_final=True) or len(text)
