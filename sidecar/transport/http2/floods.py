"""What a peer may do for nothing: allowances that fill up with time, and gRPC's rule on pings."""

from __future__ import annotations

from dataclasses import dataclass, field

from sidecar.transport.http2.frames import ENHANCE_YOUR_CALM, ProtocolError

_MOST_STRIKES = 2


@dataclass(slots=True)
class Allowance:
    """So many at once, and so many a second after that. Past it the connection ends."""

    most: float
    per_second: float
    what: str
    _used: float = 0.0
    _at: float = 0.0

    def spend(self, now: float) -> None:
        """Take one. Raises `ProtocolError`."""
        self._used = max(0.0, self._used - (now - self._at) * self.per_second) + 1
        self._at = now
        if self._used > self.most:
            raise ProtocolError(ENHANCE_YOUR_CALM, f"too many {self.what}")


@dataclass(slots=True)
class Pings:
    """gRPC's rule: a ping sooner than allowed is a strike, and the third ends the connection.

    Whoever was sent headers or data since its last ping has none: it measures the way there and back. Beyond that
    rule, a ping in good time takes a strike back: a client whose timer was late once is not cut off days later.
    """

    least_seconds: float
    _strikes: int = 0
    _at: float = field(default=-1e9)
    _is_forgiven: bool = True

    def forgive(self) -> None:
        """Headers or data were sent."""
        self._is_forgiven = True

    def take(self, now: float) -> None:
        """A ping came. Raises `ProtocolError`."""
        if self._is_forgiven:
            self._strikes = 0
        elif now - self._at < self.least_seconds:
            self._strikes += 1
        else:
            self._strikes = max(0, self._strikes - 1)
        self._at = now
        self._is_forgiven = False
        if self._strikes > _MOST_STRIKES:
            raise ProtocolError(ENHANCE_YOUR_CALM, "too_many_pings")  # clients know this word, and ping less often
