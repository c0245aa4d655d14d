"""An iterator read by a thread of its own, so that chunks that came while nobody could take them leave as one.

gRPC takes a blocking caller's next message when the last one is under way. An iterator cannot be asked whether it has
more, so what it has by then is only known where somebody has read it:

1. A thread asks the iterator for its chunks, one after the other, and puts them where they wait.
2. Whoever sends takes all that wait there, joined; a chunk that comes alone leaves alone.
3. Where as much waits as a message holds, the thread waits, and the caller's iterator with it.

It does not promise that an iterator that never gives another chunk is ended: nobody can break off a thread. The thread
is a daemon: it holds up neither the stream's end nor the program's.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from contextvars import copy_context
from threading import Lock, Thread
from typing import NoReturn, Self

from tidegate._joined import Waiting
from tidegate.types import AnyChunk


class ReadAhead:
    """Reads an iterator, from when the first chunk is asked for. Thread-safe; `close` it.

    The iterator is only ever used on one thread, in the context (`contextvars`) in which this was made. What it raises
    is raised, as it is, behind what it gave. Once this is closed a generator is closed too, on that thread, as soon as
    it has given the chunk that it is asked for.
    """

    def __init__(self, chunks: Iterator[AnyChunk]) -> None:
        self._chunks = chunks
        self._context = copy_context()
        self._waiting = Waiting()
        self._lock = Lock()
        self._room = _Bell()
        self._unread = Lock()
        """Held by whoever was first to read the iterator, or to close it."""
        self._taker: Taken | None = None
        self._failure: BaseException | None = None
        self._is_over = False
        self._is_closed = False

    def taken(self) -> Taken:
        """All that nobody has yet. One that was given before ends, also where it waits."""
        with self._lock:
            before, self._taker = self._taker, Taken(self)
            if before is not None:
                before.bell.ring()
            return self._taker

    def take(self, taker: Taken) -> AnyChunk:
        """The next chunk; waits for it. Raises `StopIteration` at the end, and what the iterator raised, once."""
        while True:
            with self._lock:
                self._start()
                if self._is_ended(taker):
                    raise StopIteration
                if self._waiting:
                    self._room.ring()
                    return self._waiting.take()
                if self._is_over:
                    self._end()
            taker.bell.wait()

    def close(self) -> None:
        """Read no more, and end whoever waits for a chunk. Waits for nobody, and takes no lock.

        So the collector may close a stream that nobody holds at any moment, and a process that was forked its copy.
        """
        self._is_closed = True
        self._tell()
        self._room.ring()
        if self._unread.acquire(blocking=False):
            _close(self._chunks)

    def _is_ended(self, taker: Taken) -> bool:
        return self._is_closed or taker is not self._taker

    def _end(self) -> NoReturn:
        failure, self._failure = self._failure, None
        raise StopIteration if failure is None else failure

    # -- the thread ---------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if not self._is_closed and self._unread.acquire(blocking=False):
            name = "tidegate-read-ahead"
            Thread(target=self._context.run, args=(self._read,), name=name, daemon=True).start()

    def _read(self) -> None:
        failure: BaseException | None = None
        try:
            for chunk in self._chunks:
                if not self._put(chunk):
                    break
        except BaseException as error:  # noqa: BLE001 - the caller's own, raised again where the next is asked for
            failure = error
        with self._lock:
            self._failure = failure
            self._is_over = True
            self._tell()
        _close(self._chunks)

    def _put(self, chunk: AnyChunk) -> bool:
        """Have a chunk wait, and wait for room. Whether there is to be another."""
        with self._lock:
            self._waiting.put(chunk)
            self._tell()
        while self._is_held_up():
            self._room.wait()
        return not self._is_closed

    def _is_held_up(self) -> bool:
        with self._lock:
            return self._waiting.is_full and not self._is_closed

    def _tell(self) -> None:
        """Have whoever takes look again."""
        if (taker := self._taker) is not None:
            taker.bell.ring()


class _Bell:
    """Wakes the one who waits, or who comes to wait next: what is rung between a look and a wait is not lost."""

    def __init__(self) -> None:
        self._is_silent = Lock()
        self._is_silent.acquire()

    def ring(self) -> None:
        """Ring, from anywhere. Once is as good as twice."""
        with suppress(RuntimeError):  # it was rung already
            self._is_silent.release()

    def wait(self) -> None:
        """Wait until it is rung, if it was not."""
        self._is_silent.acquire()


class Taken:
    """What one who takes gets of an iterator that is read ahead, until another one takes or it is over."""

    def __init__(self, ahead: ReadAhead) -> None:
        self._ahead = ahead
        self.bell = _Bell()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> AnyChunk:
        return self._ahead.take(self)


def _close(chunks: Iterator[AnyChunk]) -> None:
    """Have a generator run what it does at its end. Other iterators, as a file's, are their owner's to close."""
    if isinstance(chunks, Generator):
        chunks.close()
