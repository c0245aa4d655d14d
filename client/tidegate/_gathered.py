"""Chunks that came while nobody could take them leave as one.

A source that gives tokens faster than they are sent would have each sent by itself: a message of the wire for each, and
a wake-up of the sidecar's. Here a task of its own reads the source, and whoever sends takes all that is there. Nothing
waits for company: a chunk that comes alone leaves alone, as soon as there is somebody to send it. However text is cut,
the sidecar says the same of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Final, NoReturn, Self

from tidegate.types import AnyChunk, Chunk, Lane, Passage

MOST_CHARS: Final = 16_384
"""What one message holds."""
MOST_CHUNKS: Final = 256
"""How many chunks the source may be ahead where they are joined, of about a message's text at most; else it is one."""
_OWN = Lane()


class Gathered:
    """An asynchronous iterator over what a source gives; if it `joins`, text of one lane that waits is one chunk.

    The source is read from when the first is asked for, by a task that `close` ends; it goes on when one who waits for
    the next is cancelled, or is told to end so that another one takes what comes (`hand_over`). What the source raises
    is raised behind what it gave, its own cancellation too: text that was broken off is not over.
    """

    def __init__(self, chunks: AsyncIterator[AnyChunk], *, joins: bool = True) -> None:
        self._chunks = chunks
        self._joins = joins
        self._most = MOST_CHUNKS if joins else 1
        self._taker = object()
        self._waiting: list[AnyChunk] = []
        self._chars = 0
        """Of the text that waits."""
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
        first, *self._waiting = joined(self._waiting) if self._joins else self._waiting
        self._chars -= _size_of(first)
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
        self._waiting.append(chunk)
        self._chars += _size_of(chunk)
        self._came.set()
        if len(self._waiting) > 1:
            await asyncio.sleep(0)  # a source that never waits leaves whoever sends a turn
        while len(self._waiting) >= self._most or (self._waiting and self._chars >= MOST_CHARS):
            self._room.clear()
            await self._room.wait()


def _size_of(chunk: AnyChunk) -> int:
    """How much text a chunk holds, in characters or bytes."""
    match chunk:
        case str(text) | bytes(text) | (_, _, str(text) | bytes(text)):
            return len(text)
        case Chunk(text=str(text) | bytes(text)) | Passage(text=str(text)):
            return len(text)
        case _:
            return 0


def joined(chunks: Iterable[AnyChunk]) -> Iterator[AnyChunk]:
    """The chunks, neighbours that are text of one lane made one; what is none of a stream's is left as it is."""
    lane: Lane | None = None
    texts: list[str] = []
    size = 0
    for chunk in chunks:
        own, text = _text_of(chunk)
        if texts and (own != lane or own is None or size + len(text) > MOST_CHARS):
            yield _one(lane, texts)
            texts, size = [], 0
        if own is None:
            yield chunk
            continue
        lane = own
        texts.append(text)
        size += len(text)
    if texts:
        yield _one(lane, texts)


def _one(lane: Lane | None, texts: list[str]) -> AnyChunk:
    text = "".join(texts)
    return text if lane is None or lane == _OWN else Chunk(text, lane)


def _text_of(chunk: AnyChunk) -> tuple[Lane | None, str]:
    """A chunk's lane and text; no lane where it is more than a text, or none."""
    match chunk:
        case str():
            return _OWN, chunk
        case (int(choice), str(channel), str(text)):
            return Lane(choice, channel), text
        case Chunk(text=str(text), lane=Lane() as lane, ends_lane=False):
            return lane, text
        case _:
            return None, ""
