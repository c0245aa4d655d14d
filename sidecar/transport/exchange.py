"""What an exchange of a provider's API decides alike over HTTP and through Envoy: which bodies can be checked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sidecar.codec.body import UnknownShapeError, WholeBody
from sidecar.codec.jsontext import NotJsonError
from sidecar.codec.shape import Shape, Streaming
from sidecar.config import Guarded
from sidecar.errors import CallerError, Draining, TidegateError
from sidecar.policy.plan import Plan
from sidecar.transport.routes import Route
from sidecar.values import Blocked

JSON = "application/json"
WITH_TEXT = frozenset({200, 201, 202})
"""Statuses of answers that may hold a model's text; redirects and errors pass as they are."""
FIRST_ERROR = 400
"""The first status whose answer holds an error and no text of a model."""

_MEDIA_TYPES: Mapping[Streaming, str] = {Streaming.SSE: "text/event-stream", Streaming.NDJSON: "application/x-ndjson"}
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


def parse_request(settings: Guarded, route: Route, data: bytes) -> WholeBody | None:
    """A request's body; None when it is not of the shape and may pass. Raises `CallerError` when it may not."""
    try:
        body = WholeBody(route.shape, data, is_request=True)
    except UnknownShapeError:
        body = None
    if body is not None and route.accepts(body.document):
        return body
    if settings.unknown_bodies == "pass":
        return None
    raise CallerError(f"is no request of {route.shape.name} whose text can be checked", field="body")


def refusal_of(route: Route, blocked: Blocked, plan: Plan) -> tuple[int, bytes]:
    """Status and body of the answer to a request that a policy stopped."""
    return route.shape.refusal(blocked.message or _REFUSED, plan.rules[blocked.rule].id)


def too_large_request(limit: int) -> CallerError:
    """The error for a request that is longer than the settings allow."""
    return CallerError(f"the request has more than {limit} bytes", field="body", limit=limit)


def finished(body: WholeBody, otherwise: TidegateError) -> bytes:
    """The body as it may be passed on; raises `otherwise` when it cannot be changed."""
    try:
        return body.finish()
    except NotJsonError:
        raise otherwise from None
