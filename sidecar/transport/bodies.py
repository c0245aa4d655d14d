"""Guards the bodies of one exchange, and notes in headers what was done: the same over HTTP and through Envoy.

How bytes and headers come and go is the caller's. A body that is there as a whole goes in as it came, encoded, and
comes back as it may go on; what cannot be looked at passes, reported, or is refused, as the settings say.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal

import msgspec

from sidecar.codec import encoding
from sidecar.codec.body import UnknownShapeError, WholeBody
from sidecar.config import Guarded
from sidecar.errors import CallerError
from sidecar.session import Engine, Session, StreamStart
from sidecar.transport.answers import StreamGuard, guard_whole
from sidecar.transport.exchange import (
    Whole,
    closed,
    decoded,
    finished,
    opened_answer,
    opened_request,
    parse_request,
    refusal_of,
    streamed,
)
from sidecar.transport.facts import Caller, start_of, with_sources
from sidecar.transport.http_headers import DECISION, POLICY, REQUEST_DECISION, STREAM, UNGUARDED
from sidecar.transport.http_status import UnreadableAnswerError
from sidecar.transport.routes import Route
from sidecar.values import Action, Direction


class Passed(msgspec.Struct, frozen=True):
    """A request that goes on as `data`. `start` is that of its answer's stream."""

    start: StreamStart
    data: bytes


class Refused(msgspec.Struct, frozen=True):
    """The answer to a request that a policy stopped."""

    status: int
    data: bytes


class Bodies:
    """See the module's text. `marks` are the headers that say what was done."""

    def __init__(self, engine: Engine, settings: Guarded) -> None:
        self._engine = engine
        self._settings = settings
        self.marks: dict[str, str] = {}

    async def request(self, route: Route, caller: Caller, kind: str, coding: str, data: bytes) -> Passed | Refused:
        """Guard a request of this media type and coding. Raises `TidegateError`."""
        facts = self._settings.facts
        content = opened_request(self._settings, coding, data)
        body = None if content is None else parse_request(self._settings, route, kind, content)
        if content is None or body is None:
            start = start_of(facts, caller, None)
            await self.report_unscanned(start, "request", "encoded" if content is None else "unknown shape")
            return Passed(answered(start), data)
        start = start_of(facts, caller, body.document)
        async with self._engine.open(start) as session:
            summary = await guard_whole(session, body)
        self.marks[REQUEST_DECISION] = summary.action.name.lower()
        if body.blocked is not None:
            self._mark(session)
            self.marks[DECISION] = Action.BLOCK.name.lower()
            return Refused(*refusal_of(route, body.blocked, session.plan))
        start = with_sources(start, body.texts, self._engine.limits)
        changed = finished(body, CallerError("is nested too deep to be changed", field="body"))
        return Passed(answered(start), closed(coding, data, content, changed))

    async def whole_answer(self, route: Route, start: StreamStart, coding: str, data: bytes) -> bytes | None:
        """Guard an answer that is one document; None when it is none. Raises `TidegateError`."""
        content = opened_answer(self._settings, coding, data)
        body = _document(route, content)
        if body is None:
            return None
        async with self._engine.open(start) as session:
            summary = await guard_whole(session, body)
        self._mark(session)
        self.marks[DECISION] = summary.action.name.lower()
        changed = finished(body, UnreadableAnswerError("the upstream's answer is nested too deep to be changed"))
        return closed(coding, data, content, changed)

    @asynccontextmanager
    async def answer_stream(self, start: StreamStart) -> AsyncIterator[Session]:
        """The session of an answer that comes piece by piece, for `guard`. Raises `TidegateError`."""
        async with self._engine.open(start) as session:
            self._mark(session)
            yield session

    async def guard(
        self,
        session: Session,
        route: Route,
        coding: str,
        chunks: AsyncIterator[bytes],
        write: Callable[[bytes], Awaitable[None]],
    ) -> None:
        """Guard an answer that comes piece by piece, to its end. Raises what `StreamGuard.run` raises."""
        encoder = encoding.encoder(coding) if coding else None

        async def write_encoded(data: bytes) -> None:
            await write(encoder.feed(data) if encoder is not None else data)

        body = streamed(self._settings, route.shape)
        await StreamGuard(session, body, write_encoded).run(decoded(self._settings, coding, chunks))
        if encoder is not None:
            await write(encoder.finish())

    async def report_unknown(self, start: StreamStart, why: str) -> None:
        """Say that an answer passes that cannot be checked. Raises `UnreadableAnswerError` when it may not."""
        if self._settings.unknown_bodies == "refuse":
            raise UnreadableAnswerError(f"the upstream's answer cannot be checked: {why}")
        await self.report_unscanned(start, "answer", "unknown shape")

    async def report_unscanned(self, start: StreamStart, what: Literal["request", "answer"], why: str) -> None:
        """Say that a body passes that nobody looks at."""
        self.marks[REQUEST_DECISION if what == "request" else DECISION] = UNGUARDED
        await self._engine.report_unscanned(start, what, why)

    def _mark(self, session: Session) -> None:
        self.marks[POLICY] = f"{session.plan.name}@{session.plan.version}"
        self.marks[STREAM] = session.info.stream_id


def answered(start: StreamStart) -> StreamStart:
    """The start of the answer's stream."""
    return msgspec.structs.replace(start, direction=Direction.OUTPUT)


def _document(route: Route, content: bytes) -> Whole | None:
    try:
        return WholeBody(route.shape, content, is_request=False)
    except UnknownShapeError:
        return None
