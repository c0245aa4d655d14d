"""Time as an input: whoever needs it is given a `Clock`, so that tests own it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from math import ceil
from typing import Protocol


class Timer(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """Call it off; does nothing when it was made or called off before."""
        ...


class Clock(Protocol):
    """What a session and the scheduler know of time."""

    def now_ms(self) -> float:
        """Milliseconds of a clock that only goes forward; for deadlines and durations."""
        ...

    def unix_seconds(self) -> float:
        """The time of day, for the record."""
        ...

    def call_at(self, when_ms: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` on the event loop once `now_ms()` has reached `when_ms`."""
        ...


class LoopClock:
    """The real one: the time of the event loop on which it is first asked."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def now_ms(self) -> float:
        """The loop's monotonic time."""
        return (self._loop or self._running()).time() * 1000

    def unix_seconds(self) -> float:
        """The system's time of day."""
        return time.time()

    def call_at(self, when_ms: float, callback: Callable[[], object]) -> Timer:
        """Ask the loop, for a whole millisecond: uvloop counts no less, and would call up to half of one too early."""
        whole_ms = ceil(round(when_ms, 3))  # what sums of floats add is no time
        return (self._loop or self._running()).call_at(whole_ms / 1000, callback)

    def _running(self) -> asyncio.AbstractEventLoop:
        """The running loop, asked for once: each time it is, Python asks the kernel which process this is."""
        self._loop = asyncio.get_running_loop()
        return self._loop


class Alarm:
    """Has a clock wake somebody. A timer that is early enough stays, and is set again when it was too early."""

    def __init__(self, clock: Clock, wake: Callable[[], object]) -> None:
        self._clock = clock
        self._wake = wake
        self._timer: Timer | None = None
        self._at_ms = 0.0
        self._due_ms = 0.0

    def set(self, due_ms: float) -> None:
        """Wake them at a time, and not before for its own sake."""
        self._due_ms = due_ms
        if self._timer is not None:
            if self._at_ms <= due_ms:
                return
            self._timer.cancel()
        self._at_ms = due_ms
        self._timer = self._clock.call_at(due_ms, self._ring)

    def cancel(self) -> None:
        """Wake nobody."""
        if self._timer is not None:
            self._timer.cancel()

    def _ring(self) -> None:
        self._timer = None
        if self._due_ms > self._at_ms:  # what was due has come
            self.set(self._due_ms)
        else:
            self._wake()
