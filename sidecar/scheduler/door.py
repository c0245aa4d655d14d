"""Where streams wait for a moment while there is no room for them.

Nobody knows what a stream brings before it does, so a burst is let in by a guess. Those that are too many by it wait
for a part of the time that their text may wait (`_WAIT_SHARE`), before any of it is taken: by then those that are in
have shown what they bring, or have ended. Who came first goes first; a tenant without room keeps no other one out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sidecar.clock import Clock, Timer

_WAIT_SHARE = 0.8
"""A burst is let in while its first ones are read, as far as it can be; who is turned away then may try elsewhere."""
_LOOK_MS = 10.0
"""How often it is seen whether there is room, while somebody waits."""


class Door:
    """See the module's text. Used on one event loop."""

    def __init__(self, clock: Clock, take: Callable[[str, float], bool], give_back: Callable[[str], None]) -> None:
        """`take` takes a place for a stream of a tenant, whose text may wait so many milliseconds, if there is one.

        `give_back` is told of a tenant's place that nobody came for.
        """
        self._clock = clock
        self._take = take
        self._give_back = give_back
        self._waiting: list[_Waiter] = []
        self._timer: Timer | None = None

    @property
    def waiting(self) -> int:
        """How many streams wait."""
        return len(self._waiting)

    async def enter(self, tenant: str, hold_ms: float) -> bool:
        """Take a place, at once or within a part of `hold_ms`; whether there was one."""
        if all(each.tenant != tenant for each in self._waiting) and self._take(tenant, hold_ms):
            return True
        waiter = _Waiter(tenant, hold_ms, self._clock.now_ms() + _WAIT_SHARE * hold_ms)
        self._waiting.append(waiter)
        self._look_later()
        try:
            return await waiter.is_in
        except asyncio.CancelledError:
            if not waiter.is_in.cancelled() and waiter.is_in.result():
                self._give_back(tenant)
            raise

    def look(self) -> None:
        """Let in whom there is room for, and turn away who has waited long enough."""
        now_ms = self._clock.now_ms()
        waiting, self._waiting = self._waiting, []
        full: set[str] = set()
        for each in waiting:
            if each.is_in.done():  # nobody waits for it any more
                continue
            if each.tenant not in full and self._take(each.tenant, each.hold_ms):
                each.is_in.set_result(True)
                continue
            full.add(each.tenant)
            if each.until_ms <= now_ms:
                each.is_in.set_result(False)
            else:
                self._waiting.append(each)

    def close(self) -> None:
        """Turn away all that wait."""
        for each in self._waiting:
            if not each.is_in.done():
                each.is_in.set_result(False)
        self._waiting = []

    def _look_later(self) -> None:
        if self._timer is None:
            self._timer = self._clock.call_at(self._clock.now_ms() + _LOOK_MS, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self.look()
        if self._waiting:
            self._look_later()


class _Waiter:
    """A stream that waits, until when at most."""

    def __init__(self, tenant: str, hold_ms: float, until_ms: float) -> None:
        self.tenant = tenant
        self.hold_ms = hold_ms
        self.until_ms = until_ms
        self.is_in: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
