"""Fenced code in what a user writes: where it begins and ends, told line by line, of text that comes in pieces.

A fence is a line of three or more backticks or tildes, indented by at most three spaces (CommonMark 4.5): one opens
code, with words behind it maybe, and one of the same marks, at least as many and nothing else, closes it. Code that is
not closed goes on to the end. A line is what it is at its end, so nothing waits for what follows.
"""

from __future__ import annotations

_LEAST = 3
_MOST_INDENT = 3
_MARKS = frozenset("`~")


class Fences:
    """See the module's text. `is_code`: whether the line that goes on is inside, as far as the lines before it say."""

    __slots__ = ("_count", "_indent", "_is_counted", "_is_plain", "_mark", "_open", "_says", "is_code")

    def __init__(self) -> None:
        self.is_code = False
        self._open = ("", 0)
        """The mark that opened the code, and how many there were."""
        self._begin()

    def _begin(self) -> None:
        self._mark = ""
        self._count = 0
        self._is_counted = False
        """Whether something stands behind the marks."""
        self._indent = 0
        self._says = False
        """Whether words stand behind the marks."""
        self._is_plain = False
        """Whether the line is certain to be no fence."""

    def take(self, piece: str) -> None:
        """Take a piece of a line: white space, a word, or one mark."""
        if self._is_plain:
            return
        if self._mark:
            self._take_behind(piece)
        elif piece in _MARKS:
            self._mark, self._count = piece, 1
        else:
            self._indent += len(piece)
            self._is_plain = piece.strip(" ") != "" or self._indent > _MOST_INDENT

    def _take_behind(self, piece: str) -> None:
        """Take what stands behind the first mark."""
        if piece == self._mark and not self._is_counted:
            self._count += 1
        elif self._count < _LEAST or piece == self._mark == "`":
            self._is_plain = True
        else:
            self._is_counted = True
            self._says = self._says or not piece.isspace()

    def end_line(self) -> bool:
        """End the line; says whether code begins or ends behind it."""
        is_fence = not self._is_plain and self._count >= _LEAST
        mark, count, says = self._mark, self._count, self._says
        self._begin()
        if not is_fence or (self.is_code and (mark != self._open[0] or count < self._open[1] or says)):
            return False
        self.is_code = not self.is_code
        self._open = (mark, count)
        return True
