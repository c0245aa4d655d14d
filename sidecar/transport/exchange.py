"""What an exchange of a provider's API decides alike over HTTP and through Envoy: which bodies can be checked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

from sidecar.codec import encoding, openai
from sidecar.codec.body import StreamedAnswer, UnknownShapeError, WholeBody
from sidecar.codec.encoding import BrokenEncodingError, Decoder
from sidecar.codec.jsontext import NotJsonError
from sidecar.codec.shape import Shape, Streaming
from sidecar.codec.text import StreamedText, WholeText
from sidecar.config import Guarded
from sidecar.errors import CallerError, Draining, TidegateError
from sidecar.policy.plan import Plan
from sidecar.transport.http_status import HttpStatus, UnreadableAnswerError
from sidecar.transport.routes import Route
from sidecar.values import Blocked

Whole: TypeAlias = WholeBody | WholeText
Streamed: TypeAlias = StreamedAnswer | StreamedText

JSON = "application/json"
TEXT = "text/plain"
WITH_TEXT = frozenset({200, 201, 202})
"""Statuses of answers that may hold a model's text; redirects and errors pass as they are."""
FIRST_ERROR = 400
"""The first status whose answer holds an error and no text of a model."""

_MEDIA_TYPES: Mapping[Streaming, str] = {
    Streaming.SSE: "text/event-stream",
    Streaming.NDJSON: "application/x-ndjson",
    Streaming.TEXT: TEXT,
}
_REFUSED = "The request was stopped by a policy."


class InFlight:
    """Counts the exchanges that run, so that they can be let finish: each has several streams."""

    def __init__(self) -> None:
        self._count = 0
        self._is_draining = False
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def admit(self) -> None:
        """Raise `Draining` once new exchanges are refused."""
        if self._is_draining:
            raise Draining

    @contextmanager
    def counted(self) -> Iterator[None]:
        """An exchange that runs."""
        self._count += 1
        self._is_idle.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._is_idle.set()

    async def drain(self) -> None:
        """Refuse new exchanges; returns when none is left."""
        self._is_draining = True
        await self._is_idle.wait()


def streams_as(shape: Shape) -> str:
    """The media type of a shape's streamed answers."""
    return _MEDIA_TYPES[shape.streaming]


def is_whole(shape: Shape, kind: str) -> bool:
    """Whether an answer of a media type is one document of the shape."""
    return kind == JSON and shape.streaming is not Streaming.TEXT


def type_of_errors(shape: Shape | None) -> str:
    """The media type of refusals and failures."""
    return f"{TEXT}; charset=utf-8" if shape is not None and shape.streaming is Streaming.TEXT else JSON


def parse_request(settings: Guarded, route: Route, kind: str, data: bytes) -> Whole | None:
    """A request's body; None when it is not of the shape and may pass. Raises `CallerError` when it may not."""
    if (body := _request(route, kind, data)) is not None:
        return body
    if settings.unknown_bodies == "pass":
        return None
    raise CallerError(f"is no request of {route.shape.name} whose text can be checked", field="body")


def _request(route: Route, kind: str, data: bytes) -> Whole | None:
    try:
        if route.shape.streaming is Streaming.TEXT:
            return WholeText(data, is_request=True) if kind == TEXT else None
        body = WholeBody(route.shape, data, is_request=True)
    except UnknownShapeError:
        return None
    return body if route.accepts(body.document) else None


def streamed(settings: Guarded, shape: Shape) -> Streamed:
    """The body of an answer that comes piece by piece."""
    if shape.streaming is Streaming.TEXT:
        return StreamedText()
    return StreamedAnswer(shape, max_frame_bytes=settings.max_frame_bytes)


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


def opened_request(settings: Guarded, coding: str, data: bytes) -> bytes | None:
    """A request's content, its encoding undone; None when it may pass unread. Raises `CallerError` when it may not."""
    if not coding:
        return data
    if not opens(settings, coding):
        if _passes_closed(settings, coding):
            return None
        raise CallerError("has a content encoding that is not read here", field="body")
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


def opens(settings: Guarded, coding: str) -> bool:
    """Whether bodies of a coding are read."""
    return not coding or (encoding.is_known(coding) and settings.encodings == "decode")


def check_passes_closed(settings: Guarded, coding: str) -> None:
    """Raise `UnreadableAnswerError` when an answer of a coding that is not read may not pass."""
    if not _passes_closed(settings, coding):
        raise UnreadableAnswerError("the upstream's answer cannot be checked: it is encoded in a way that is not read")


def _passes_closed(settings: Guarded, coding: str) -> bool:
    if encoding.is_known(coding):
        return settings.encodings == "pass"
    return settings.unknown_bodies == "pass"


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


def refusal_of(route: Route, blocked: Blocked, plan: Plan) -> tuple[int, bytes]:
    """Status and body of the answer to a request that a policy stopped."""
    return route.shape.refusal(blocked.message or _REFUSED, plan.rules[blocked.rule].id)


def failure_of(route: Route | None, status: HttpStatus) -> bytes:
    """The body of the answer that tells an error, in the provider's own shape where the provider is known."""
    failure = route.shape.failure if route is not None else openai.failure
    return failure(status.code, status.message)


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
