"""How many streams may run: as many as the models keep up with. No I/O; times are the scheduler's milliseconds.

A segment that would be late is shed, and with a rule that fails closed that ends its stream. So when segments wait
long, streams that have not begun are turned away instead, and those that run keep their pace:

1. **Strain** is a segment that has to wait for a large part of its time, or is shed.
2. After it, at most a tenth fewer streams may run than did. What still strains lowers the bound again, `_PAUSE_MS`
   later at the earliest: what was let in before shows first. Strain that is older than that tells nothing of now.
3. Without strain the bound rises steadily, so that what the models can do now is found again.

A few streams are always let in: one of them with a long prompt strains, too. So is a tenant with less than its part of
what may run: another's flood does not keep it out.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

LONG_WAIT = 0.4
"""The share of its time that a segment may wait without telling of strain."""

_KEPT = 0.9
_PAUSE_MS = 1000.0
_RISE_PER_SECOND = 0.07
_LEAST_PER_THREAD = 4
"""Streams for each batch that runs at a time: at the speed of a model's answers they need a part of its time."""


class Running(NamedTuple):
    """What runs when a stream asks to begin: streams, its tenant's own ones, and tenants that have any or ask."""

    streams: int
    own: int
    tenants: int


class Admission:
    """See the module's text. One owner."""

    def __init__(self, threads: int) -> None:
        self._least = float(_LEAST_PER_THREAD * threads)
        self._bound = inf
        self._lowered_ms = -inf
        self._strained_ms = -inf
        self._ran = 0

    def strain(self, now_ms: float) -> None:
        """A segment has to wait for long, or was shed."""
        self._strained_ms = now_ms

    def admits(self, running: Running, now_ms: float) -> bool:
        """Whether a stream may begin beside those that run."""
        if self._is_strained(now_ms):
            self._bound = max(self._least, max(running.streams, self._ran) * _KEPT)  # some may have ended since
            self._lowered_ms = now_ms
        self._ran = running.streams
        if self._bound == inf:
            return True
        seconds = (now_ms - self._lowered_ms) / 1000
        most = self._bound + seconds * max(1.0, self._bound * _RISE_PER_SECOND)
        return running.streams < most or running.own < most / running.tenants

    def _is_strained(self, now_ms: float) -> bool:
        return (
            self._strained_ms > self._lowered_ms
            and now_ms - self._lowered_ms >= _PAUSE_MS
            and now_ms - self._strained_ms <= _PAUSE_MS
        )
