"""What is known of one conversation at a moment: what came in, what is held, what was let out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text that was let out; `rule` is set where it stands in for something."""

    text: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence that was let out, the document that bears it out, and how well (0 to 1)."""

    sentence: str
    passage: str
    support: float


@dataclass(slots=True)
class Transcript:
    """One conversation as the application sees it. Offsets are code points of what came in."""

    received: str = ""
    released_to: int = 0
    pieces: list[Piece] = field(default_factory=list)
    replaced: list[tuple[int, int]] = field(default_factory=list)
    """Where in what came in something was replaced."""
    evidence: list[Evidence] = field(default_factory=list)
    """What was shown with sentences of the answer."""
    blocked_by: str = ""
    message: str = ""
    """What stands in for the rest once the text was blocked."""
    violations: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each `(rule, label)` was violated, from the stream's summary."""
    leaked_chars: int = 0
    max_held_chars: int = 0
    is_complete: bool = False

    @property
    def held(self) -> str:
        """What came in and has not left; nothing once the text was blocked, since it never will."""
        return "" if self.blocked_by else self.received[self.released_to :]

    @property
    def withheld(self) -> str:
        """What came in and will never leave, because the text was blocked."""
        return self.received[self.released_to :] if self.blocked_by else ""

    @property
    def released(self) -> str:
        """Everything that was let out."""
        return "".join(piece.text for piece in self.pieces)
