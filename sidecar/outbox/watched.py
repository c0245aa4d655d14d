"""An outbox that somebody watches: what was recorded is shown to them as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sidecar.outbox.event import Event
from sidecar.outbox.outbox import Inlet


class Watched:
    """Hands events on, and shows them to `watch` once they are recorded, or counted as lost."""

    def __init__(self, outbox: Inlet, watch: Callable[[Sequence[Event]], None]) -> None:
        self._outbox = outbox
        self._watch = watch

    async def put(self, events: Sequence[Event]) -> None:
        """As the outbox does it."""
        await self._outbox.put(events)
        self._watch(events)
