"""A source read by a task of its own, so that chunks that came while nobody could take them leave as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NoReturn, Self

from tidegate._joined import Waiting
from tidegate.types import AnyChunk


class Gathered:
    """An asynchronous iterator over what a source gives; if it `joins`, text of one lane that waits is one chunk.

    The source is read from when the first is asked for, by a task that `close` ends; it goes on when one who waits for
    the next is cancelled, or is told to end so that another one takes what comes (`hand_over`). What the source raises
    is raised behind what it gave, its own cancellation too: text that was broken off is not over.
    """

    def __init__(self, chunks: AsyncIterator[AnyChunk], *, joins: bool = True) -> None:
        self._chunks = chunks
        self._taker = object()
        self._waiting = Waiting(joins=joins)
        self._task: asyncio.Task[None] | None = None
        self._came = asyncio.Event()
        self._room = asyncio.Event()
        self._failure: Exception | asyncio.CancelledError | None = None
        self._is_over = False
        self._is_closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AnyChunk:
        if self._task is None:
            self._task = asyncio.ensure_future(self._read())
        taker = self._taker
        while not self._waiting:
            if self._is_over:
                self._end()
            self._came.clear()
            await self._came.wait()
            if taker is not self._taker:
                raise StopAsyncIteration
        first = self._waiting.take()
        self._room.set()
        return first

    def hand_over(self) -> None:
        """End the wait of whoever waits for the next chunk, so that it is given to who asks from now on."""
        self._taker = object()
        self._came.set()

    def close(self) -> None:
        """Read no more of the source."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()

    def _end(self) -> NoReturn:
        failure, self._failure = self._failure, None
        raise StopAsyncIteration if failure is None else failure

    async def _read(self) -> None:
        try:
            async for chunk in self._chunks:
                await self._put(chunk)
        except asyncio.CancelledError as error:
            if not self._is_closed:
                self._failure = error
            raise
        except Exception as error:  # noqa: BLE001 - the source's own, raised again where it is asked for the next
            self._failure = error
        finally:
            self._is_over = True
            self._came.set()

    async def _put(self, chunk: AnyChunk) -> None:
        self._waiting.put(chunk)
        self._came.set()
        if len(self._waiting) > 1:
            await asyncio.sleep(0)  # a source that never waits leaves whoever sends a turn
        while self._waiting.is_full:
            self._room.clear()
            await self._room.wait()
