"""How versions of policies agree with what analysts said of conversations: counts, shares and their intervals."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import msgspec

_Z = NormalDist().inv_cdf(0.975)


class Confusion(msgspec.Struct):
    """Conversations by what an analyst said and what a version found."""

    hits: int = 0
    """It found something, and should."""
    false_alarms: int = 0
    misses: int = 0
    passed: int = 0
    """It found nothing, and should not."""

    def count(self, *, is_violation: bool, is_found: bool) -> None:
        """Count one conversation."""
        name = ("misses", "hits") if is_violation else ("passed", "false_alarms")
        setattr(self, name[is_found], getattr(self, name[is_found]) + 1)

    def add(self, other: Confusion) -> None:
        """Count what another one counted."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def precision(self) -> Share:
        """Of what it found, how much it should."""
        return share_of(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> Share:
        """Of what it should find, how much it did."""
        return share_of(self.hits, self.hits + self.misses)


class Share(msgspec.Struct, frozen=True):
    """A share of so many, 0 to 1, and its 95 % interval (Wilson's); None where there is nothing to share out."""

    of: int
    value: float | None = None
    low: float = 0.0
    high: float = 1.0

    def __str__(self) -> str:
        if self.value is None:
            return "unknown"
        return f"{100 * self.value:.1f} % ({100 * self.low:.1f} to {100 * self.high:.1f})"


def share_of(part: int, whole: int) -> Share:
    """The share of `part` in `whole`, which is 0 or more."""
    if not whole:
        return Share(0)
    value = part / whole
    spread = _Z * sqrt(value * (1 - value) / whole + _Z**2 / (4 * whole**2))
    middle, scale = value + _Z**2 / (2 * whole), 1 + _Z**2 / whole
    return Share(whole, value, max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale))
