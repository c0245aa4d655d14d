"""One stream of events to a client: what a server says, judged event by event as it comes."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator

import aiohttp
from aiohttp import web
from yarl import URL

from sidecar.codec.frames import Frame, FrameTooLongError, ServerSentEvents
from sidecar.mcp.behind import ExchangeContext
from sidecar.mcp.messages import UNANSWERED, answers_in, errors_for, lines_of
from sidecar.mcp.routes import relayed_target, told_target
from sidecar.transport.connections import write
from sidecar.transport.http_status import UpstreamError

_log = logging.getLogger(__name__)

_ID = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n])id: ?([^\r\n\x00]*)(?=[\r\n])")
"""An id as readers have it: one that holds NUL is none, and one without its line's end is not whole."""
_RETRY = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n])retry: ?(\d+)(?=[\r\n])")
_DATA = re.compile(rb"(?:^|[\r\n])data: ?")
_SILENT = (b"id", b"event", b"retry", b"")
"""Fields beside the data; a comment has no name."""
_GONE = "The server broke off before it answered."


class EventRelay:
    """Writes into a response that was prepared. `is_waiting`: it is of what a server says by itself."""

    def __init__(self, response: web.StreamResponse, context: ExchangeContext, *, is_waiting: bool) -> None:
        self._response = response
        self._context = context
        self._is_waiting = is_waiting
        self._writing = asyncio.Lock()
        self._resumes = False
        """Whether an event had an id, so that the client can resume the stream."""

    async def run(self, answer: aiohttp.ClientResponse, back: bytes) -> None:
        """Pass a server's stream on to its end, behind what is answered by the relay itself. Raises `UpstreamError`."""
        await self._say(back)
        try:
            await self._pump(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("a server broke a stream off", extra={"reason": type(error).__name__})
        finally:
            self._end_told()
        if self._context.numbers and not self._resumes:
            await self._say(errors_for(self._context.numbers, UNANSWERED, _GONE))
        await self._response.write_eof()

    async def _say(self, lines: bytes) -> None:
        for line in lines_of(lines):
            await self._write(b"event: message\ndata: " + line + b"\n\n")

    async def _pump(self, answer: aiohttp.ClientResponse) -> None:
        events = ServerSentEvents(max_bytes=self._context.behind.settings.max_message_bytes)
        chunks = self._until_ending(answer.content) if self._is_waiting else answer.content.iter_any()
        async for data in chunks:
            for frame in _cut(events, data):
                await self._pass(events, frame)
        for frame in events.finish():
            await self._pass(events, frame)

    async def _pass(self, events: ServerSentEvents, frame: Frame) -> None:
        """Pass one event on, as far as it may."""
        payload = frame.payload
        number = _last(_ID, frame)
        self._resumes = self._resumes or bool(number)
        if frame.end:
            await self._pass_too_long(frame)
            return
        if payload is None or not payload.strip():
            await self._write(frame.raw)
            return
        if frame.event == "endpoint" and self._is_waiting:
            await self._pass_endpoint(events, frame, payload)
            return
        left = await self._left(number, payload)
        self._note_answers(left)
        if left == payload:
            await self._write(frame.raw)
        elif left:
            await self._write(events.with_payload(frame, left))
        elif bare := _bare(frame):
            await self._write(bare + b"\n")

    async def _pass_too_long(self, frame: Frame) -> None:
        """In the place of an event that is too long: an error for whoever waits for its message, and its id."""
        begins = _DATA.search(frame.raw)
        relayed = self._context.guard.too_long(frame.raw[begins.end() :] if begins else b"", _end_of_data(frame.end))
        self._note_answers(relayed.onward)
        said = _bare(frame) + (b"data: " + relayed.onward if relayed.onward else b"")
        if said:
            await self._write(said + b"\n")
        await self._context.server.tell(relayed.back)

    def _note_answers(self, data: bytes) -> None:
        """Whoever waited for these answers waits no more."""
        answered = answers_in(data)
        self._context.numbers -= answered
        self._context.session.waiting -= answered

    async def _left(self, number: bytes, payload: bytes) -> bytes:
        """What becomes of a message: what it became before, where it comes again."""
        guard, known = self._context.guard, self._context.session.known
        policy = guard.policy_of_server
        left = known.get(policy, number, payload) if number else None
        if left is not None:
            return left
        relayed = await guard.from_server(payload)
        left = payload if relayed.onward == payload else relayed.onward.rstrip(b"\n")
        if number:
            known.add(policy, number, payload, left)
        await self._context.server.tell(relayed.back)
        return left

    async def _write(self, data: bytes) -> None:
        async with self._writing:
            await write(self._response, data, self._context.behind.engine.idle_seconds)

    async def _until_ending(self, content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
        """What comes, until the relay ends and nobody waits for an answer any more."""
        ending = asyncio.create_task(self._context.behind.ending.wait())
        reading = asyncio.create_task(content.readany())
        try:
            while True:
                await asyncio.wait({reading} if ending.done() else {reading, ending}, return_when="FIRST_COMPLETED")
                if reading.done():
                    if not (data := reading.result()):
                        return
                    yield data
                    reading = asyncio.create_task(content.readany())
                if ending.done() and not self._context.session.waiting:
                    return
        finally:
            ending.cancel()
            reading.cancel()
            await asyncio.wait([ending, reading])

    async def _pass_endpoint(self, events: ServerSentEvents, frame: Frame, payload: bytes) -> None:
        """Take note of where messages are sent, and have the client send them here. Raises `UpstreamError`."""
        place = self._context.way.place
        told = told_target(place, payload.decode("utf-8", "replace"))
        if told is None or self._context.session.tell is not None:
            raise UpstreamError("the server sends its client to another origin, or twice")
        self._context.server.sends_to = URL(place.origin + told, encoded=True)
        self._context.behind.sessions.begin(self._context.key(told), self._context.session)
        self._context.session.tell = self._say
        await self._write(events.with_payload(frame, relayed_target(place, told).encode()))

    def _end_told(self) -> None:
        """With its stream a session of HTTP+SSE is over."""
        if self._context.session.tell is not None and self._is_waiting:
            self._context.session.tell = None
            key = self._context.key(self._context.server.sends_to.raw_path_qs)
            self._context.behind.sessions.end(key, self._context.session)


def _cut(events: ServerSentEvents, data: bytes) -> Iterator[Frame]:
    """The events that became complete; of one that is too long, both ends."""
    while True:
        try:
            yield from events.feed(data)
        except FrameTooLongError:
            events.skip()
            data = b""
        else:
            return


def _last(field: re.Pattern[bytes], frame: Frame) -> bytes:
    """The last value that a field has in an event; empty without one. No line begins where the end was cut off."""
    found = [*field.findall(frame.raw), *field.findall(b"." + frame.end)]
    return found[-1] if found else b""


def _bare(frame: Frame) -> bytes:
    """What a reader takes from an event beside its message: its id, and when to come back."""
    number, retry = _last(_ID, frame), _last(_RETRY, frame)
    return (b"id: " + number + b"\n" if number else b"") + (b"retry: " + retry + b"\n" if retry else b"")


def _end_of_data(end: bytes) -> bytes:
    """How the last line of data ends, by how its event does."""
    lines = end.splitlines()
    while len(lines) > 1 and lines[-1].partition(b":")[0] in _SILENT:
        lines.pop()
    return lines[-1] if lines else b""
