"""What comes, a portion at a time, so that it can be sorted or drawn together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

from sidecar.outbox.reads import Read

SETTLE_S = 1.0
"""How long a portion is gathered."""


async def portions(
    reads: AsyncIterator[object], *, settle_s: float = SETTLE_S, is_empty_told: bool = False
) -> AsyncIterator[list[Read]]:
    """The reads, those of `settle_s` seconds together; with `is_empty_told`, empty portions too."""
    coming: asyncio.Future[object] | None = None
    try:
        while True:
            portion: list[Read] = []
            until = time.monotonic() + settle_s
            while (left := until - time.monotonic()) > 0:
                coming = coming or asyncio.ensure_future(anext(reads))
                done, _ = await asyncio.wait({coming}, timeout=left)
                if not done:
                    break
                try:
                    read, coming = coming.result(), None
                except StopAsyncIteration:
                    coming = None
                    if portion:
                        yield portion
                    return
                if isinstance(read, Read):
                    portion.append(read)
            if portion or is_empty_told:
                yield portion
    finally:
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await coming
