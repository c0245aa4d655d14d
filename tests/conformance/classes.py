"""Figures that a page can show: coarse classes, and how far a figure may be from one and still be called by it."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

SLACK: Final = 1.5
"""What a busy machine adds to a median, at most."""
_MIB: Final = float(1 << 20)


@dataclass(frozen=True)
class Classes:
    """Words for figures: the first is for those up to the first edge, and the last for those past the last."""

    edges: tuple[float, ...]
    words: tuple[str, ...]

    def word(self, figure: float) -> str:
        """What a figure is called."""
        return self.words[bisect_left(self.edges, figure)]

    def fits(self, figure: float, word: str) -> bool:
        """Whether a figure may be called so: in another run it might be."""
        return word in {self.word(figure / SLACK), self.word(figure), self.word(figure * SLACK)}

    def is_worse(self, figure: float, other: float) -> bool:
        """Whether a figure is in a worse class than the other, or past the last edge more, beyond the noise."""
        at = bisect_left(self.edges, other)
        ceiling = self.edges[at] if at < len(self.edges) else other
        return figure > ceiling * SLACK


MEMORY: Final = Classes((_MIB, 8 * _MIB, 64 * _MIB), ("< 1 MiB", "< 8 MiB", "< 64 MiB", "more"))
CALLS: Final = Classes((2.0, 8.0, 32.0), ("up to 2", "up to 8", "up to 32", "more"))
FLOODED: Final = Classes((32 * _MIB,), ("< 32 MiB", "more"))
SHARE: Final = Classes((1.5,), ("no more", "more"))
