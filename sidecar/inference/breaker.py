"""A circuit breaker. Pure: it is told the time and how calls ended, and says whether the next one is worth making.

    closed --[`failures` calls in a row failed]--> open --[`open_seconds` later]--> half-open
    half-open: one call is let through; it succeeds --> closed, it fails --> open

Not thread-safe: its owner has a lock. Times are seconds of any one monotonic clock.
"""

from __future__ import annotations

from enum import StrEnum


class BreakerState(StrEnum):
    """See the module's text."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Every call that `admits` allowed ends in one of `succeeded`, `failed` and `abandoned`."""

    def __init__(self, *, failures: int, open_seconds: float) -> None:
        self._limit = failures
        self._open_seconds = open_seconds
        self._failures = 0
        self._opened_at: float | None = None
        self._is_probing = False

    def state(self, now: float) -> BreakerState:
        """How it stands."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if now - self._opened_at >= self._open_seconds else BreakerState.OPEN

    def admits(self, now: float) -> bool:
        """Whether a call may be made now. While half-open, one at a time."""
        state = self.state(now)
        if state is BreakerState.HALF_OPEN and not self._is_probing:
            self._is_probing = True
            return True
        return state is BreakerState.CLOSED

    def succeeded(self) -> None:
        """A call got its answer."""
        self._failures = 0
        self._opened_at = None
        self._is_probing = False

    def failed(self, now: float) -> None:
        """A call got none, and that says something about the server."""
        self._failures += 1
        self._is_probing = False
        if self._opened_at is not None or self._failures >= self._limit:
            self._opened_at = now

    def abandoned(self) -> None:
        """A call was given up too early to say anything about the server."""
        self._is_probing = False

    def open(self, now: float) -> None:
        """Open it, whatever the calls said."""
        self._opened_at = now
