"""Guards the bodies of one exchange, and notes in headers what was done: the same over HTTP and through Envoy.

How bytes and headers come and go is the caller's; how a body is read, `decision` says. A body that is there as a whole
goes in as it came, encoded, and comes back as it may go on; what cannot be looked at passes, reported, or is refused,
as the settings say.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote
from uuid import uuid4

import msgspec

from sidecar.codec import encoding, opened
from sidecar.codec.body import UnknownShapeError
from sidecar.codec.formats import Format, format_of
from sidecar.codec.instead import answer_instead
from sidecar.codec.joints import Joints
from sidecar.codec.shape import PLAINLY, AnswerOptions, Shape, Unanswered
from sidecar.codec.weave import Postscript
from sidecar.config import Guarded
from sidecar.engine import Engine
from sidecar.errors import CallerError
from sidecar.policy.plan import Notice
from sidecar.policy.stand_ins import StandIns
from sidecar.session import Session
from sidecar.start import StreamStart
from sidecar.telemetry.tracing import Asked
from sidecar.transport.answers import StreamGuard, guard_whole
from sidecar.transport.decision import Guard, Streams, Unread, Unreadable, Whole, of_request
from sidecar.transport.exchange import (
    Held,
    closed,
    decoded,
    finished,
    message_of,
    opened_answer,
    opened_request,
    type_of_errors,
)
from sidecar.transport.facts import Caller, start_of, with_sources
from sidecar.transport.http_headers import (
    ADVICE,
    DECISION,
    NOTICE,
    POLICY,
    REQUEST_DECISION,
    REQUEST_IDS,
    STREAM,
    UNGUARDED,
    Described,
)
from sidecar.transport.http_status import UnreadableAnswerError
from sidecar.values import Action, Blocked, Direction

if TYPE_CHECKING:
    from sidecar.telemetry.spans import ExchangeSpan


class Passed(msgspec.Struct, frozen=True):
    """A request that goes on as `data`. `start` is that of its answer's stream."""

    start: StreamStart
    data: bytes


class Refused(msgspec.Struct, frozen=True):
    """The answer to a request that a policy stopped."""

    status: int
    data: bytes
    media_type: str


LONG_TEXT_BYTES = 2000
"""A request with a text of so many bytes, or with a body of unknown length, may be for a model."""
_MOST_CHOICES = 128
_MEDIA_TYPES: Mapping[Format, str] = {
    Format.JSON: "application/json",
    Format.SSE: "text/event-stream; charset=utf-8",
    Format.LINES: "application/x-ndjson",
    Format.EVENT_STREAM: "application/vnd.amazon.eventstream",
}
_ID = re.compile(r"[\x21-\x7e]{1,128}")


class Bodies:
    """See the module's text. `marks` are the headers that say what was done; `path` is what metrics call the path."""

    def __init__(self, engine: Engine, settings: Guarded, *, server: str = "") -> None:
        """`server` is the upstream's `HOST:PORT`, where that is known."""
        self._engine = engine
        self._server = server
        self._settings = settings
        self.marks: dict[str, str] = {}
        self.path = ""
        self.target = ""
        """The request's, with its query."""
        self._stand_ins: StandIns | None = None
        """What the request's values were replaced by."""
        self._asked = PLAINLY
        """What the request asked for, as far as its answer depends on it."""
        self._notice: Notice | None = None
        """What to tell whoever asked."""
        self._span: ExchangeSpan | None = None
        """Of the call to the model."""
        self._answer: Session | None = None

    def end(self, *, status: int, error: str = "") -> None:
        """The exchange is over: the upstream answered with this status (0: with none), or `error` ended it."""
        if self._span is None:
            return
        if self._answer is not None and self._answer.spent is not None:
            self._span.spent(self._answer.spent)
        self._span.end(status=status, error=error)

    @property
    def traceparent(self) -> str:
        """What the upstream's own spans belong to; empty where none is made here."""
        return "" if self._span is None else self._span.traceparent

    async def request(
        self, guard: Guard, caller: Caller, described: Described, data: bytes, held: Held
    ) -> Passed | Refused:
        """Guard a request; `held` is the room that its bytes take. Raises `TidegateError`."""
        if not data and guard.is_generic:
            return Passed(answered(start_of(self._settings.facts, caller, None)), data)
        match of_request(self._settings, guard, described):
            case Unread(why=why):
                return await self._unread_request(caller, described, why, data)
            case Unreadable() as unreadable:
                return await self._unreadable_request(caller, described, unreadable, data)
            case Whole() as way:
                content = opened_request(self._settings, described.coding, data)
                held.take(len(content) if described.coding else 0)
                most = self._engine.limits.max_request_texts
                body = _body(way, content, described, is_request=True, most_texts=most)
                if body is None:
                    return await self._unreadable_request(caller, described, _not_of(way), data)
                return await self._guard_request(way, caller, body, described.coding, (data, content))

    async def _guard_request(
        self, way: Whole, caller: Caller, body: opened.Whole, coding: str, came: tuple[bytes, bytes]
    ) -> Passed | Refused:
        """Guard a request that came as these bytes and this content."""
        self._asked = _asked(way, body)
        start = start_of(self._settings.facts, caller, body.document)
        start = msgspec.structs.replace(start, model=start.model or model_in(self.target), history=body.history)
        start = self._spanned(way.shape, start, streams=Unanswered(self.target, body.document, "", 0).streams)
        async with self._engine.open(start, is_held=True) as session:
            summary = await guard_whole(session, body)
            self._stand_ins = session.stand_ins
        self.marks[REQUEST_DECISION] = summary.action.word
        if body.blocked is not None:
            self._mark(session)
            self.marks[DECISION] = Action.BLOCK.word
            return self._refused(way.shape, body, body.blocked, session)
        self._take_notice(summary.notice)
        if summary.advice:
            self.marks[ADVICE] = "given" if body.advise("\n\n".join(summary.advice)) else "no-place"
        start = with_sources(start, body.texts, self._engine.limits)
        changed = finished(body, CallerError("is nested too deep to be changed", field="body"))
        return Passed(self._asked_now(answered(start)), closed(coding, *came, changed))

    def _spanned(self, shape: Shape, start: StreamStart, *, streams: bool) -> StreamStart:
        """The start of a request's stream, which belongs to the span of the call to the model, where one is made."""
        if self._engine.spans is None:
            return start
        asked = Asked(
            trace=start.trace,
            operation=shape.operation,
            provider=shape.provider,
            model=start.model,
            session=start.session_id,
            tenant=start.tenant,
            server=self._server,
            streams=streams,
            choices=self._asked.choices,
        )
        self._span = self._engine.spans.exchange(asked)
        return msgspec.structs.replace(start, trace=self._span.traceparent)

    def _asked_now(self, start: StreamStart) -> StreamStart:
        """The start of an answer's stream, whose model is asked now."""
        return msgspec.structs.replace(start, asked_ms=self._engine.clock.now_ms())

    def _refused(self, shape: Shape, body: opened.Whole, blocked: Blocked, session: Session) -> Refused:
        """What whoever asked is told: by the assistant, where an interface shows no error, or as an error.

        A detector that failed said nothing of the words, and nor does the assistant: the next try may pass.
        """
        is_finding = bool(blocked.label)
        if is_finding and self._settings.refusals == "answer":
            number, created = session.info.stream_id, int(self._engine.clock.unix_seconds())
            choices = max(1, min(self._asked.choices, _MOST_CHOICES))
            unanswered = Unanswered(self.target, body.document, number, created, choices)
            answer = answer_instead(shape, unanswered, self._asked, message_of(blocked))
            if answer is not None:
                form, data = answer
                return Refused(200, data, _MEDIA_TYPES[form])
        rule = session.plan.rules[blocked.rule].id
        quoted = (body.place_of(blocked.lane), f"rule {rule}", f"stream {session.info.stream_id}")
        message = f"{message_of(blocked)} ({', '.join(filter(None, quoted))})"
        return Refused(*shape.refusal(message, rule), type_of_errors(shape))

    async def whole_answer(self, way: Whole, start: StreamStart, described: Described, data: bytes) -> bytes | None:
        """Guard an answer that is one document; None when it is none. Raises `TidegateError`."""
        coding = described.coding
        content = opened_answer(self._settings, coding, data)
        joints = self._joints(way.shape, is_streamed=False)
        postscript = self._postscript(way.shape, joints)
        body = _body(way, content, described, is_request=False, is_json=self._asked.is_json, postscript=postscript)
        if body is None:
            return None
        start = msgspec.structs.replace(start, asked_ms=None)  # it came at once, whatever its pace was
        async with self._engine.open(start, stand_ins=self._stand_ins) as session:
            self._answer = session
            session.counts_by(lambda: body.usage)
            summary = await guard_whole(session, body, joints)
        self._mark(session)
        self.marks[DECISION] = summary.action.word
        changed = finished(body, UnreadableAnswerError("the upstream's answer is nested too deep to be changed"))
        return closed(coding, data, content, changed)

    @asynccontextmanager
    async def answer_stream(self, start: StreamStart) -> AsyncIterator[Session]:
        """The session of an answer that comes piece by piece, for `guard`. Raises `TidegateError`."""
        async with self._engine.open(start, stand_ins=self._stand_ins) as session:
            self._answer = session
            self._mark(session)
            yield session

    async def guard(
        self,
        session: Session,
        way: Streams,
        coding: str,
        chunks: AsyncIterator[bytes],
        write: Callable[[bytes], Awaitable[None]],
    ) -> None:
        """Guard an answer that comes piece by piece, to its end. Raises what `StreamGuard.run` raises."""
        encoder = encoding.encoder(coding) if coding else None

        async def write_encoded(data: bytes) -> None:
            await write(encoder.feed(data) if encoder is not None else data)

        joints = self._joints(way.shape, is_streamed=True)
        body = opened.streamed(
            way.shape,
            way.format,
            max_frame_bytes=self._settings.max_frame_bytes,
            max_waiting_bytes=self._settings.max_answer_bytes,
            asked=self._asked,
            holds_calls=session.plan.holds_calls,
            postscript=self._postscript(way.shape, joints),
        )
        session.counts_by(lambda: body.usage)
        await StreamGuard(session, body, write_encoded, joints).run(decoded(self._settings, coding, chunks))
        if encoder is not None:
            await write(encoder.finish())

    # -- what passes unread -----------------------------------------------------------------------------------------

    async def _unread_request(self, caller: Caller, described: Described, why: str, data: bytes) -> Passed:
        start = start_of(self._settings.facts, caller, None)
        await self.report_request(start, described, why, len(data))
        return Passed(answered(start), data)

    async def report_request(self, start: StreamStart, body: Described, why: str, size: int | None) -> None:
        """Say that a request passes that nobody looks at; `size` is that of its body in bytes, where it is known."""
        is_text = not body.kind or format_of(body.kind) is not None
        is_long = size is None or size >= LONG_TEXT_BYTES
        self.marks[REQUEST_DECISION] = UNGUARDED
        await self._engine.report_unscanned(start, "request", why, self.path, is_long_text=is_text and is_long)

    async def _unreadable_request(self, caller: Caller, described: Described, found: Unreadable, data: bytes) -> Passed:
        if self._settings.unknown_bodies == "refuse":
            raise CallerError(f"cannot be checked: {found.message}", field="body")
        return await self._unread_request(caller, described, found.reason, data)

    async def report_answer(self, start: StreamStart, found: Unread | Unreadable) -> None:
        """Say that an answer passes that nobody looks at. Raises `UnreadableAnswerError` when it may not."""
        if isinstance(found, Unread):
            await self.report_unscanned(start, "answer", found.why)
            return
        if self._settings.unknown_bodies == "refuse":
            raise UnreadableAnswerError(f"the upstream's answer cannot be checked: {found.message}")
        await self.report_unscanned(start, "answer", found.reason)

    async def report_unscanned(self, start: StreamStart, what: Literal["request", "answer"], why: str) -> None:
        """Say that a body passes that nobody looks at: a mark, an event and a count."""
        self.marks[REQUEST_DECISION if what == "request" else DECISION] = UNGUARDED
        await self._engine.report_unscanned(start, what, why, self.path)

    def headers_instead(self, media_type: str, caller: Caller) -> dict[str, str]:
        """The headers of an answer in the upstream's place. The id to quote is the caller's own or the stream's."""
        given = caller.headers.get("x-request-id", "")
        quoted = given if _ID.fullmatch(given) else self.marks.get(STREAM) or str(uuid4())
        return {"content-type": media_type, **dict.fromkeys(REQUEST_IDS, quoted), **self.marks}

    def _take_notice(self, notice: Notice | None) -> None:
        self._notice = notice
        if notice is not None and not notice.is_paragraph:
            self.marks[NOTICE] = quote(notice.text)

    def _joints(self, shape: Shape, *, is_streamed: bool) -> Joints | None:
        """What sets off what is added to text that people read."""
        if self._asked.is_json or not shape.says_stops:
            return None
        return Joints(is_streamed=is_streamed, is_plain=self._settings.block_join == "plain")

    def _postscript(self, shape: Shape, joints: Joints | None) -> Postscript | None:
        """What is said behind an answer, where people read it."""
        notice = self._notice
        if notice is None or not notice.is_paragraph or joints is None or not shape.is_chat:
            return None
        return partial(joints.behind, notice=notice.text)

    def _mark(self, session: Session) -> None:
        self.marks[POLICY] = f"{session.plan.name}@{session.plan.version}"
        self.marks[STREAM] = session.info.stream_id


_IN_PATH = re.compile(r"/(?:models?|deployments)/([^/?:]+)(?=[:/])")
"""Where a target names a model: `/models/NAME:generateContent`, `/model/NAME/converse`, `/deployments/NAME/chat`."""


def model_in(target: str) -> str:
    """The model that a target names, where its provider has it there and not in the body."""
    found = _IN_PATH.search(target)
    return "" if found is None else unquote(found[1])


def answered(start: StreamStart) -> StreamStart:
    """The start of the answer's stream."""
    return msgspec.structs.replace(start, direction=Direction.OUTPUT)


NOT_READ = Unreadable("unknown shape", "it is not what its content type says")


def _not_of(way: Whole) -> Unreadable:
    return Unreadable("unknown shape", f"it is no request of {way.shape.name} whose text can be read")


def _asked(way: Whole, body: opened.Whole) -> AnswerOptions:
    return AnswerOptions(
        choices=way.shape.choices(body.document),
        is_json=way.shape.wants_json(body.document),
        wants_usage=way.shape.wants_usage(body.document),
        chars=sum(len(each.text) for each in body.texts),
    )


def _body(
    way: Whole,
    content: bytes,
    described: Described,
    *,
    is_request: bool,
    is_json: bool = False,
    postscript: Postscript | None = None,
    most_texts: int = 0,
) -> opened.Whole | None:
    """The body in the first of the way's formats that it is in. What may be text is JSON only if it looks like it.

    Raises `CallerError` where it has too many texts.
    """
    is_other = way.otherwise is not None and not content.lstrip().startswith((b"{", b"["))
    for each in (None if is_other else way.format, way.otherwise):
        with suppress(UnknownShapeError):
            if each is not None:
                return opened.whole(
                    way.shape,
                    content,
                    is_request=is_request,
                    form=each,
                    boundary=described.boundary,
                    is_json=is_json,
                    postscript=postscript,
                    most_texts=most_texts,
                )
    return None
