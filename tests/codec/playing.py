"""Bodies played through the core as a transport plays them, without one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from sidecar.codec.body import ChoiceEnd, Fed, LaneEnd, StreamedAnswer, WholeBody
from sidecar.codec.eventstream import EventStream
from sidecar.codec.formats import Format
from sidecar.codec.opened import Streamed, Whole
from sidecar.core.stream import Stream
from sidecar.policy.plan import Plan
from sidecar.values import Blocked, Release
from tests.exchanges.wire import Exchange


def guarded(exchange: Exchange, plan: Plan, data: bytes | None = None, *, size: int = 1 << 20, **more: Any) -> bytes:
    """What leaves of a body that comes in pieces of this size."""
    body = exchange.data if data is None else data
    if exchange.half == "stream":
        return streamed(exchange, plan, [body[at : at + size] for at in range(0, len(body), size)], **more)
    return whole(exchange, plan, body)


def whole(exchange: Exchange, plan: Plan, data: bytes) -> bytes:
    """What leaves of a body that is one document; of a request that was blocked, nothing."""
    is_request = exchange.half == "request"
    body = WholeBody(exchange.shape, data, is_request=is_request)
    stream = Stream(plan, stops_together=is_request)
    feed(stream, body.texts)
    stream.close()
    take(stream, body)
    return b"" if is_request and body.blocked else body.finish()


def streamed(exchange: Exchange, plan: Plan, pieces: Iterable[bytes], **more: Any) -> bytes:
    """What leaves of a streamed answer that comes in these pieces."""
    body = StreamedAnswer(exchange.shape, exchange.form, max_frame_bytes=1 << 20, holds_calls=plan.holds_calls, **more)
    return played(body, plan, pieces)


def played(body: Streamed, plan: Plan, pieces: Iterable[bytes]) -> bytes:
    """What leaves of a body that comes in these pieces."""
    stream, out = Stream(plan), b""
    for piece in pieces:
        fed = body.feed(piece)
        out += body.ready()
        feed(stream, fed)
        take(stream, body)
        out += body.ready()
        if body.is_over:
            return out
    feed(stream, body.finish())
    stream.close()
    take(stream, body)
    out += body.ready()
    body.flush()
    return out + body.ready()


def feed(stream: Stream, fed: Iterable[Fed]) -> None:
    """Feed what came."""
    for each in fed:
        if isinstance(each, LaneEnd):
            stream.end_lane(each.lane)
        elif isinstance(each, ChoiceEnd):
            stream.end_choice(each.choice)
        else:
            if each.is_json:
                stream.read_as_json(each.lane)
            stream.feed(each.lane, each.text)


def take(stream: Stream, body: Streamed | Whole) -> None:
    """Hand what the core lets out to the body."""
    while (output := stream.next_output()) is not None:
        if isinstance(output, Release | Blocked):
            body.take(output)


def payloads(form: Format, data: bytes) -> list[Any]:
    """The documents of a stream, texts for frames that hold none."""
    if form is Format.EVENT_STREAM:
        return [document_of(frame.payload or b"") for frame in EventStream(max_bytes=1 << 20).feed(data)]
    lines = data.splitlines()
    if form is Format.SSE:
        lines = [line[5:].strip() for line in lines if line.startswith(b"data:")]
    return [document_of(line) for line in lines if line]


def document_of(payload: bytes) -> Any:
    """What a payload holds: a text, where that is no document."""
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every value that holds no others, with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path, value


def planted(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """The document with another value at a path."""
    if not path:
        return value
    copy: Any = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = planted(document[path[0]], path[1:], value)
    return copy
