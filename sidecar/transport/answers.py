"""Drives a session with a body: whole, or as a stream. What HTTP and Envoy have in common; it knows neither.

A streamed answer has two tasks: a reader, which feeds the session and lets frames without text leave at once, and the
caller's, which writes what the session lets out. Both write under one lock, in order. The bounded queue between them
is the session's inbox: a slow client stops the writing, so the reader stops, and so does the provider.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from sidecar.codec.joints import Joints
from sidecar.codec.opened import Streamed, Whole
from sidecar.codec.weave import ChoiceEnd, Fed, LaneEnd, Text
from sidecar.session import Session
from sidecar.summary import StreamSummary
from sidecar.values import Blocked, Release

_SLICE_BYTES = 8192
"""So much of a streamed answer is taken apart at a time: about 3 ms."""


async def guard_whole(session: Session, body: Whole, joints: Joints | None = None) -> StreamSummary:
    """Put all texts of a body through a session; the body then holds what came of them. Raises `TidegateError`."""
    if joints is not None:
        joints.note(body.texts)
    async with beside(_feed_and_finish(session, list(_not_kept(session, body)))):
        async for shown in session.outputs():
            if isinstance(shown, StreamSummary):
                return shown
            _take(body, shown, joints)
    raise asyncio.CancelledError("the session was cancelled")


def _not_kept(session: Session, body: Whole) -> Iterator[Text]:
    """The texts of a body that somebody has to look at, or to act on; all others it keeps as they are."""
    for each in body.texts:
        if each.is_whole and session.passes(each.lane, each.text, is_json=each.is_json, tool=each.tool):
            body.keep(each)
        else:
            yield each


class StreamGuard:
    """Guards one streamed answer. `write` takes the bytes that may leave; it may wait."""

    def __init__(
        self,
        session: Session,
        body: Streamed,
        write: Callable[[bytes], Awaitable[None]],
        joints: Joints | None = None,
    ) -> None:
        self._session = session
        self._joints = joints
        self._body = body
        self._write = write
        self._writing = asyncio.Lock()
        self._failure: Exception | None = None

    async def run(self, chunks: AsyncIterator[bytes]) -> None:
        """Guard the answer to its end; returns early when a block ended it.

        Raises what reading the chunks raised, what the body's shape or the session refused, or what `write` raised:
        `CancelledError` from it means that nobody reads the answer.
        """
        reader = asyncio.create_task(self._read(chunks))
        try:
            await self._show()
            if not self._body.is_over:
                await self._flush_all()
                await reader
                await self._flush_all()
        finally:
            reader.cancel()
            await asyncio.wait([reader])
        if self._failure is not None and not self._body.is_over:
            raise self._failure

    async def _show(self) -> None:
        """Write what the session lets out, until it says that the stream is over."""
        async for shown in self._session.outputs():
            if isinstance(shown, StreamSummary):
                return
            _take(self._body, shown, self._joints)
            if self._body.is_over:
                self._session.finish()
            await self._flush()
        raise asyncio.CancelledError("nobody reads the answer")

    async def _read(self, chunks: AsyncIterator[bytes]) -> None:
        try:
            async for data in _sliced(chunks):
                await self._take(self._body.feed(data))
                if self._body.is_over:
                    return
            await self._take(self._body.finish())
            self._session.finish()
        except asyncio.CancelledError:
            self._session.cancel("the client went away")
            raise
        except Exception as error:  # noqa: BLE001 - told by the task that writes
            self._failure = error
            self._session.fail(error)

    async def _take(self, fed: Iterable[Fed]) -> None:
        """Let go what needs no waiting, then feed what came."""
        await self._flush()
        for each in fed:
            if self._body.is_over:
                return
            if self._joints is not None:
                self._joints.note((each,))
            if not _is_poured(self._session, each):
                await hand_over(self._session, each)

    async def _flush_all(self) -> None:
        self._body.flush()
        await self._flush()

    async def _flush(self) -> None:
        """Write what may leave, behind what is being written."""
        if not (self._writing.locked() or self._body.is_ready):
            return
        async with self._writing:
            if data := self._body.ready():
                await self._write(data)


def _take(body: Whole | Streamed, shown: Release | Blocked, joints: Joints | None) -> None:
    """Have a body take what was let out; `joints` sets a block's message off from it."""
    for each in (shown,) if joints is None else joints.joined(shown):
        body.take(each)


async def _sliced(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What comes, in slices between which others have their turn: one holds hundreds of frames, each with its JSON."""
    async for data in chunks:
        for start in range(0, len(data), _SLICE_BYTES):
            if start:
                await asyncio.sleep(0)
            yield data[start : start + _SLICE_BYTES]


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run a task beside the body, and end it with it."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _is_poured(session: Session, fed: Fed) -> bool:
    """Whether it was more text of a lane, which the session took at once."""
    if not isinstance(fed, Text) or fed.is_last or fed.is_json or fed.tool is not None:
        return False
    return session.pour(fed.lane, fed.text)


async def hand_over(session: Session, fed: Fed) -> None:
    """Feed a text, or say what is over."""
    if isinstance(fed, LaneEnd):
        session.end_lane(fed.lane)
    elif isinstance(fed, ChoiceEnd):
        session.end_choice(fed.choice)
    else:
        await session.feed(fed.lane, fed.text, is_json=fed.is_json, is_last=fed.is_last, tool=fed.tool)


async def _feed_and_finish(session: Session, fed: Iterable[Fed]) -> None:
    try:
        for each in fed:
            await hand_over(session, each)
        session.finish()
    except Exception as error:  # noqa: BLE001 - told by the task that reads the outputs
        session.fail(error)
