"""Chunks that came while nobody could take them leave as one: what both clients share of it. No I/O, no threads.

A source that gives tokens faster than they are sent would have each sent by itself: a message of the wire for each, and
a wake-up of the sidecar's. Nothing waits for company: a chunk that comes alone leaves alone, as soon as there is
somebody to send it. However text is cut, the sidecar says the same of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from tidegate.types import AnyChunk, Chunk, Lane, Passage

MOST_CHARS: Final = 16_384
"""What one message holds."""
MOST_CHUNKS: Final = 256
"""How many chunks a source may be ahead where they are joined, of about a message's text at most; else it is one."""
_OWN = Lane()


class Waiting:
    """Chunks that came and nobody has taken, in order; if it `joins`, text of one lane is taken as one chunk.

    Whoever puts one more where it `is_full` makes it grow: to wait then is theirs. Not thread-safe.
    """

    def __init__(self, *, joins: bool = True) -> None:
        self._joins = joins
        self._most = MOST_CHUNKS if joins else 1
        self._chunks: list[AnyChunk] = []
        self._size = 0
        """Of the text, in characters or bytes."""

    def __len__(self) -> int:
        return len(self._chunks)

    @property
    def is_full(self) -> bool:
        """Whether the source is as far ahead as it may be; never where nothing waits."""
        return len(self._chunks) >= self._most or (bool(self._chunks) and self._size >= MOST_CHARS)

    def put(self, chunk: AnyChunk) -> None:
        """Another one came."""
        self._chunks.append(chunk)
        self._size += _size_of(chunk)

    def take(self) -> AnyChunk:
        """The first, with what may be joined to it. Raises `ValueError` where none waits."""
        joins = self._joins and len(self._chunks) > 1
        first, *self._chunks = joined(self._chunks) if joins else self._chunks
        self._size -= _size_of(first)
        return first


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
        if texts and (own is None or own != lane or size + len(text) > MOST_CHARS):
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
