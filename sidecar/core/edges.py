"""Where a lane's text may be cut: between graphemes where the policy redacts, and at its seams; elsewhere anywhere.

Where words are written into the text, what may be the target of a link is not cut either: a redaction in one takes all
of it (`sidecar.wording.targets`). And one that a run of Markdown's delimiters follows ends only when that run has.
"""

from __future__ import annotations

import msgspec

from sidecar.core.buffer import TextBuffer
from sidecar.core.graphemes import LOOK_BACK_CHARS, ceil_boundary, floor_boundary, is_invisible
from sidecar.core.items import Item, Place
from sidecar.wording import targets
from sidecar.wording.forms import DELIMITERS, as_split, as_target, joined
from sidecar.wording.targets import Kind, Target

_RUN_CHARS = 8
"""How many delimiters beside a redaction are looked at."""
assert targets.LOOK_BACK_CHARS <= LOOK_BACK_CHARS  # which is what a lane keeps of what has left


def _is_mixed(run: str) -> bool:
    """Whether delimiters differ: then one may hold the others as its text, as `_**_` does."""
    return len(set(run)) > 1


class Edges:
    """See the module's text. `is_final` says that no text follows what has arrived."""

    __slots__ = ("_buffer", "_is_redacting", "_seams", "_writes_words", "is_final")

    def __init__(self, buffer: TextBuffer, *, is_redacting: bool, writes_words: bool) -> None:
        self._buffer = buffer
        self._is_redacting = is_redacting
        self._writes_words = writes_words
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
        target = self._target(position)
        return self._floor(position if target is None else target.start + self._buffer.offset, position, released)

    def begin(self, item: Item, released: int) -> int:
        """Where a redaction begins. Invisible text is attached to what stands before it, which stays."""
        return item.start if is_invisible(item.excerpt) else self._floor(item.start, item.start, released)

    def ceil(self, item: Item, position: int) -> int | None:
        """Where a redaction that reaches `position` ends, or None while that is not certain."""
        if is_invisible(item.excerpt):
            return position
        buffer = self._buffer
        index = ceil_boundary(buffer.text, position - buffer.offset, is_final=self.is_final)
        ends = [each for each in self._seams if each >= position]
        if index is not None and (ends or self._run_behind(index) is not None):
            ends.append(index + buffer.offset)
        return min(ends, default=None)

    def widen(self, place: Place, item: Item, reach: int, released: int, *, takes_target: bool) -> Place:
        """The place of a redaction that takes in one more item, and reaches `reach` with it.

        `takes_target`: all of a link's target is replaced with what was found there.
        """
        found_end = self.ceil(item, reach)
        if found_end is None:
            return msgspec.structs.replace(place, end=None)
        whole_end = None if place.end is None else max(found_end, place.end)
        whole = Place(place.start, place.found, whole_end, found_end, place.target)
        target = self._target(item.start) if takes_target else None
        if target is None:
            return whole
        offset = self._buffer.offset
        text, is_final = self._up_to_seam(found_end)
        end = targets.end_of(text, target, found_end - offset, is_final=is_final)
        if end == 0:
            return whole
        start = min(place.start, self._floor(target.start + offset, item.start, released))
        if end is None or place.end is None:
            return msgspec.structs.replace(whole, start=start, end=None)
        if place.target is not None and end + offset <= place.end:  # a target in what is replaced as a whole
            return whole
        is_whole = start == target.start + offset
        return Place(start, place.found, max(end + offset, found_end), found_end, target if is_whole else None)

    def fit(self, replacement: str, found: str, place: Place) -> str:
        """The replacement as the text around its place takes it."""
        target = place.target
        if target is not None and target.kind is not Kind.AUTOLINK:
            return as_target(replacement, is_image=target.kind is Kind.IMAGE)
        if target is not None or place.end is None or is_invisible(found):
            return replacement
        if self._target(place.found) is not None:
            replacement = as_split(replacement, found)
        left, right = self._is_bound_left(place.start), bool(self._run_behind(place.end - self._buffer.offset))
        return joined(replacement, found, is_bound_left=left, is_bound_right=right)

    def _is_bound_left(self, start: int) -> bool:
        """Whether delimiters of Markdown stand right before `start`, and text before them, or several kinds."""
        text, end = self._buffer.text, start - self._buffer.offset
        index = end
        while index > 0 and text[index - 1] in DELIMITERS and end - index < _RUN_CHARS:
            index -= 1
        if not self._writes_words or index == end:
            return False
        return _is_mixed(text[index:end]) or (index > 0 and not text[index - 1].isspace())

    def _run_behind(self, index: int) -> bool | None:
        """Whether delimiters stand at an index, and text behind them, or several kinds; None: not certain yet."""
        if not self._writes_words:
            return False
        text, is_final = self._up_to_seam(index + self._buffer.offset)
        place = index
        while place < len(text) and text[place] in DELIMITERS and place - index < _RUN_CHARS:
            place += 1
        if place == len(text) and not is_final:
            return None
        is_bound = index < place < len(text) and not text[place].isspace()
        return is_bound or _is_mixed(text[index:place])

    def _up_to_seam(self, position: int) -> tuple[str, bool]:
        """The text that is held, up to the first seam at or behind a position, and whether it ends there."""
        seam = min([each for each in self._seams if each >= position], default=None) if self._seams else None
        if seam is None:
            return self._buffer.text, self.is_final
        return self._buffer.text[: seam - self._buffer.offset], True

    def _target(self, position: int) -> Target | None:
        """The target that is open at a position, in offsets of what is held."""
        if not self._writes_words or (self.is_final and position >= self._buffer.end):
            return None
        return targets.open_at(self._buffer.text, position - self._buffer.offset)

    def _floor(self, floor: int, position: int, released: int) -> int:
        buffer = self._buffer
        index = floor_boundary(buffer.text, floor - buffer.offset, is_final=self.is_final)
        floor = max(released, index + buffer.offset)
        return max([floor, *(each for each in self._seams if each <= position)]) if self._seams else floor
