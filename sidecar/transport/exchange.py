"""What the exchanges of a transport share: permits, room for bodies, codings, and the answers that tell errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from sidecar.codec import encoding
from sidecar.codec.body import UnknownShapeError
from sidecar.codec.catalogue import TEXT as PLAIN
from sidecar.codec.encoding import BrokenEncodingError, Decoder
from sidecar.codec.eventstream import BrokenFrameError, exception
from sidecar.codec.formats import Format
from sidecar.codec.frames import FrameTooLongError
from sidecar.codec.jsontext import NotJsonError
from sidecar.codec.opened import Whole
from sidecar.codec.shape import Shape
from sidecar.codec.shapes import openai
from sidecar.config import Guarded, Requests
from sidecar.errors import CallerError, Draining, Overloaded, TidegateError
from sidecar.transport.decision import Streams
from sidecar.transport.http_status import TOO_LARGE, HttpStatus, SlowBodyError, UnreadableAnswerError
from sidecar.transport.running import Running
from sidecar.values import Blocked

JSON = "application/json"
TEXT = "text/plain"

_BOM = b"\xef\xbb\xbf"
_REFUSED = "The request was stopped by a policy."


class InFlight(Running):
    """Counts the exchanges that run, so that they can be let finish, and gives permits to those that are guarded.

    Each has several streams, one after the other: a permit is taken before its request is read.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._permits = limit
        self._is_draining = False

    def admit(self) -> None:
        """Raise `Draining` once new exchanges are refused."""
        if self._is_draining:
            raise Draining

    @contextmanager
    def permit(self) -> Iterator[None]:
        """An exchange that is guarded. Raises `Overloaded` when too many are."""
        if not self._permits:
            raise Overloaded("exchanges")
        self._permits -= 1
        try:
            yield
        finally:
            self._permits += 1

    async def drain(self) -> None:
        """Refuse new exchanges; returns when none is left."""
        self._is_draining = True
        await self.wait_idle()


class Room:
    """How many bytes of request bodies may be held at a time, by all exchanges of this process together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.taken = 0

    def take(self, count: int) -> None:
        """Hold so many bytes more. Raises `Overloaded` when there is no room for them."""
        if self.taken + count > self._limit:
            raise Overloaded("request bodies")
        self.taken += count

    @contextmanager
    def held(self) -> Iterator[Held]:
        """What one exchange holds; let go with the context."""
        held = Held(self)
        try:
            yield held
        finally:
            self.taken -= held.count


class Held:
    """What one exchange holds of a `Room`."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.count = 0

    def take(self, count: int) -> None:
        """Hold so many bytes more. Raises `Overloaded`."""
        self._room.take(count)
        self.count += count


def type_of_errors(shape: Shape | None) -> str:
    """The media type of refusals and failures."""
    return f"{TEXT}; charset=utf-8" if shape is PLAIN else JSON


async def read_request(settings: Requests, chunks: AsyncIterator[bytes], held: Held) -> bytes:
    """A request's body. Raises `CallerError` past the limit, `SlowBodyError`, and `Overloaded` without room."""
    try:
        async with asyncio.timeout(settings.body_seconds):
            data = await read_at_most(_taken(chunks, held), settings.max_request_bytes)
    except TimeoutError:
        raise SlowBodyError(f"the request's body did not arrive within {settings.body_seconds:g} s") from None
    if data is None:
        raise too_large_request(settings.max_request_bytes)
    return data


async def _taken(chunks: AsyncIterator[bytes], held: Held) -> AsyncIterator[bytes]:
    async for data in chunks:
        held.take(len(data))
        yield data


async def peeked(chunks: AsyncIterator[bytes], count: int) -> tuple[bytes, AsyncIterator[bytes]]:
    """How a body begins, as far as `count` bytes behind white space need it, and all of the body."""
    held: list[bytes] = []
    begins = b""
    async for data in chunks:
        held.append(data)
        begins = (begins + data).removeprefix(_BOM).lstrip()
        if len(begins) >= count:
            break
    return begins, chained(held, chunks)


async def chained(held: list[bytes], chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What was read of a body, and the rest of it."""
    for data in held:
        yield data
    async for data in chunks:
        yield data


async def is_empty(chunks: AsyncIterator[bytes]) -> bool:
    """Whether nothing comes."""
    async for data in chunks:
        if data:
            return False
    return True


async def read_at_most(chunks: AsyncIterator[bytes], limit: int) -> bytes | None:
    """All that comes; None when it is more than the limit."""
    held: list[bytes] = []
    room = limit
    async for data in chunks:
        room -= len(data)
        if room < 0:
            return None
        held.append(data)
    return b"".join(held)


# -- encoded bodies ---------------------------------------------------------------------------------------------------


def opened_request(settings: Requests, coding: str, data: bytes) -> bytes:
    """A request's content, its encoding undone. Raises `CallerError`."""
    if not coding:
        return data
    try:
        content = encoding.decode(coding, data, max_bytes=settings.max_request_bytes)
    except BrokenEncodingError as error:
        raise CallerError(str(error), field="body") from None
    if content is None:
        raise too_large_request(settings.max_request_bytes)
    return content


def opened_answer(settings: Guarded, coding: str, data: bytes) -> bytes:
    """An answer's content, its encoding undone. Raises `UnreadableAnswerError`."""
    if not coding:
        return data
    try:
        content = encoding.decode(coding, data, max_bytes=settings.max_answer_bytes)
    except BrokenEncodingError as error:
        raise UnreadableAnswerError(f"the upstream's answer {error}") from None
    if content is None:
        raise too_large_answer(settings.max_answer_bytes)
    return content


def closed(coding: str, data: bytes, content: bytes, changed: bytes) -> bytes:
    """The body that goes on: `data`, which held `content`, or what that was changed to, encoded as it came."""
    if changed == content:
        return data
    return encoding.encode(coding, changed) if coding else changed


async def decoded(settings: Guarded, coding: str, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A streamed answer's content, its encoding undone. Raises `BrokenEncodingError`."""
    if not coding:
        async for data in chunks:
            yield data
        return
    decoder = Decoder(coding, free_bytes=settings.max_answer_bytes)
    async for data in chunks:
        for piece in decoder.feed(data):
            yield piece
    decoder.finish()


# -- errors -----------------------------------------------------------------------------------------------------------


def message_of(blocked: Blocked) -> str:
    """What is said in place of an answer to a request that a policy stopped."""
    return blocked.message or _REFUSED


def failure_of(shape: Shape | None, status: HttpStatus) -> tuple[int, bytes]:
    """Status and body of the answer that tells an error, in the provider's own words where the provider is known."""
    if status.reason == TOO_LARGE and shape is not None and shape.too_long is not None:
        return shape.too_long(status.message)
    failure = shape.failure if shape is not None else openai.failure
    return status.code, failure(status.code, status.message)


def unavailable_in_stream(way: Streams, status: HttpStatus) -> bytes | None:
    """That it should be tried again, as the last frame of a streamed answer; None where there is no place for that."""
    _, failure = failure_of(way.shape, status)
    match way.format:
        case Format.SSE:
            return b"event: error\ndata: " + failure + b"\n\n"
        case Format.LINES:
            return failure + b"\n"
        case Format.EVENT_STREAM:
            return exception("serviceUnavailableException", failure)
        case _:
            return None


def told(error: Exception) -> Exception:
    """An error of the codec's as what it is here: an answer that cannot be read. Others are themselves."""
    if isinstance(error, UnknownShapeError | FrameTooLongError | BrokenFrameError | BrokenEncodingError):
        return UnreadableAnswerError(f"the upstream's answer cannot be read: {error}")
    return error


def too_large_request(limit: int) -> CallerError:
    """The error for a request that is longer than the settings allow."""
    return CallerError(f"the request has more than {limit} bytes", field="body", limit=limit)


def too_large_answer(limit: int) -> UnreadableAnswerError:
    """The error for an answer that is longer than the settings allow."""
    return UnreadableAnswerError(f"the upstream's answer has more than {limit} bytes")


def finished(body: Whole, otherwise: TidegateError) -> bytes:
    """The body as it may be passed on; raises `otherwise` when it cannot be changed."""
    try:
        return body.finish()
    except NotJsonError:
        raise otherwise from None
