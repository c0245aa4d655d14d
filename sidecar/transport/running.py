"""How many calls or exchanges run, so that they can be let finish."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Running:
    """Counts what runs."""

    def __init__(self) -> None:
        self._count = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """One more, as long as it takes."""
        self._count += 1
        self._is_idle.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._is_idle.set()

    async def wait_idle(self) -> None:
        """Return when none is left."""
        await self._is_idle.wait()
