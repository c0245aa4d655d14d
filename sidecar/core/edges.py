"""Where a lane's text may be cut: between graphemes where the policy redacts, and at its seams; elsewhere anywhere."""

from __future__ import annotations

from sidecar.core.buffer import TextBuffer
from sidecar.core.graphemes import ceil_boundary, floor_boundary, is_invisible
from sidecar.core.items import Item


class Edges:
    """See the module's text. `is_final` says that no text follows what has arrived."""

    __slots__ = ("_buffer", "_is_redacting", "_seams", "is_final")

    def __init__(self, buffer: TextBuffer, *, is_redacting: bool) -> None:
        self._buffer = buffer
        self._is_redacting = is_redacting
        self._seams: list[int] = []
        self.is_final = False

    def add_seam(self, released: int) -> None:
        """Let the text be cut where it ends now. Nothing before `released` is asked for any more."""
        self._seams = [each for each in self._seams if each > released]
        self._seams.append(self._buffer.end)

    def floor(self, position: int, released: int) -> int:
        """The last place at or before `position` where text may be cut, not before `released`."""
        if not self._is_redacting:
            return position
        buffer = self._buffer
        index = floor_boundary(buffer.text, position - buffer.offset, is_final=self.is_final)
        floor = max(released, index + buffer.offset)
        return max([floor, *(each for each in self._seams if each <= position)]) if self._seams else floor

    def begin(self, item: Item, released: int) -> int:
        """Where a redaction begins. Invisible text is attached to what stands before it, which stays."""
        return item.start if is_invisible(item.excerpt) else self.floor(item.start, released)

    def ceil(self, item: Item, position: int) -> int | None:
        """Where a redaction that reaches `position` ends, or None while that is not certain."""
        if is_invisible(item.excerpt):
            return position
        buffer = self._buffer
        index = ceil_boundary(buffer.text, position - buffer.offset, is_final=self.is_final)
        ends = [each for each in self._seams if each >= position]
        if index is not None:
            ends.append(index + buffer.offset)
        return min(ends, default=None)
