"""A client process: a module of its own, as processes are told what to run by its name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from tidegate import AsyncClient, TidegateError
from workbench.bench.policies import GUARDED
from workbench.bench.texts import pieces_of

TOKENS_A_MESSAGE = 4


def offer(target: str, at_once: int, texts: Sequence[str]) -> None:
    """Stream the texts, so many at a time. Raises `RuntimeError`: the client's own errors do not cross processes."""
    try:
        asyncio.run(_stream_all(target, at_once, texts))
    except TidegateError as error:
        raise RuntimeError(f"{type(error).__name__}: {error}") from None


async def _stream_all(target: str, at_once: int, texts: Sequence[str]) -> None:
    room = asyncio.Semaphore(at_once)
    async with AsyncClient(target) as client:

        async def stream(text: str) -> None:
            async with room:
                async for _ in client.stream(_arriving(text), policy=GUARDED).text():
                    pass

        await asyncio.gather(*(stream(text) for text in texts))


async def _arriving(text: str) -> AsyncIterator[str]:
    pieces = pieces_of(text)
    for at in range(0, len(pieces), TOKENS_A_MESSAGE):
        yield "".join(pieces[at : at + TOKENS_A_MESSAGE])
        await asyncio.sleep(0)
