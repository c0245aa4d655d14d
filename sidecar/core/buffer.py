"""The text of one lane that is still needed, addressed by absolute offsets."""

from __future__ import annotations

SLACK_CHARS = 512
"""Text that is no longer needed is dropped in pieces of at least this size: dropping costs a copy of the rest."""


class TextBuffer:
    """A window `[offset, end)` of a lane's text. Offsets are code points from the lane's beginning."""

    __slots__ = ("end", "offset", "text")

    def __init__(self) -> None:
        self.text = ""
        self.offset = 0
        self.end = 0
        """The lane offset after the last character that arrived."""

    def append(self, text: str) -> None:
        """Add text at the end."""
        self.text += text
        self.end += len(text)

    def slice(self, start: int, end: int) -> str:
        """The text of `[start, end)`, which must still be held."""
        return self.text[start - self.offset : end - self.offset]

    def tail(self, start: int) -> str:
        """The text from `start` to the end."""
        return self.text[start - self.offset :]

    def drop_behind(self, end: int) -> None:
        """Forget what stands from `end` on."""
        self.text = self.text[: end - self.offset]
        self.end = self.offset + len(self.text)

    def drop_before(self, start: int) -> None:
        """Forget what stands before `start`, when that is worth a copy."""
        if start - self.offset >= SLACK_CHARS:
            self.text = self.text[start - self.offset :]
            self.offset = start
