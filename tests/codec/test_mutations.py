"""What no provider sends: whatever stands in a body, nothing leaks, nothing breaks, and cuts change nothing.

Documents of all exchanges with random trees in place of values, fields that were added, taken away or doubled, odd
numbers, halves of characters, frames that are none or come behind the end, and bytes that are cut or wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from sidecar.codec.body import StreamedAnswer, UnknownShapeError
from sidecar.codec.eventstream import BrokenFrameError
from sidecar.codec.formats import Format, framing_of
from sidecar.codec.frames import FrameTooLongError
from sidecar.codec.opened import whole
from sidecar.codec.places import MAX_CHOICE, Kind, Node, Reader
from sidecar.codec.shape import answer_scope
from sidecar.core.stream import Stream
from sidecar.policy.plan import Plan
from sidecar.values import Action
from tests.codec.mutating import Mutator, Path
from tests.codec.playing import document_of, feed, leaves, payloads, planted, take
from tests.codec.test_unread import is_said_to_be_none, node_of
from tests.conftest import IS_CI
from tests.exchanges import EXCHANGES, Exchange
from tests.exchanges.wire import Frame
from tests.fakes import WordScanner, plan, rule

CASES = 60 if IS_CI else 5
"""Of each exchange."""

REDACTED, STOPPED = "MARKER-4711", "HALTED-0815"
_REDACT = (WordScanner(REDACTED, label="R"), [rule(Action.REDACT, "R", rewrite=lambda *_: "#")])
_BLOCK = (WordScanner(STOPPED, label="B"), [rule(Action.BLOCK, "B", index=1, message="Stopped.")])
_BLOCK_BOTH = (WordScanner(f"{STOPPED}|{REDACTED}", label="B"), [rule(Action.BLOCK, "B", message="Stopped.")])
POLICIES: dict[str, tuple[Plan, tuple[str, ...]]] = {
    "redacting": (plan(_REDACT), (REDACTED,)),
    "blocking": (plan(_BLOCK_BOTH), (REDACTED, STOPPED)),
    "mixed": (plan(_REDACT, _BLOCK), (REDACTED, STOPPED)),
}
"""Each with the words that must not leave."""

STATED = (UnknownShapeError, FrameTooLongError, BrokenFrameError)
"""What a body may be refused with."""


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("exchange", [each for each in EXCHANGES if each.half == "stream"], ids=str)
def test_streams_as_nobody_sends_them(exchange: Exchange, policy: str) -> None:
    plan, words = POLICIES[policy]
    for mutator, frames, data, is_plain in mutations(exchange, policy, words):
        out, error = streamed(exchange, plan, [data])
        cut, cut_error = streamed(exchange, plan, mutator.pieces(data))
        assert is_same(said_in(exchange, out), said_in(exchange, cut)), (data, out, cut)
        assert error is cut_error or STOPPED in str(frames) or policy == "blocking", (data, error, cut_error)
        assert not leaked(words, payloads(exchange.form, out + cut)), (data, out)
        if is_plain:
            assert broken(payloads(exchange.form, out)) <= broken(payloads(exchange.form, data)) + 1, (data, out)
        if is_plain and not any(word in str(frames) for word in words):
            assert len(said_in(exchange, out)) == len(said_in(exchange, data)), (data, out)
            assert is_same(said_in(exchange, out), said_in(exchange, data)), (data, out)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("exchange", [each for each in EXCHANGES if each.half != "stream"], ids=str)
def test_bodies_as_nobody_sends_them(exchange: Exchange, policy: str) -> None:
    plan, words = POLICIES[policy]
    for _, frames, data, is_plain in mutations(exchange, policy, words):
        out = played(exchange, plan, data)
        if out is None:
            continue
        if not out:
            assert any(word in str(frames) for word in words)
            continue
        document = json.loads(out.decode("utf-8-sig", "surrogatepass"))
        assert not leaked(words, [document]), (data, out)
        if policy == "redacting":
            came = json.loads(data.decode("utf-8-sig", "surrogatepass"))
            root = node_of(exchange.shape, exchange.half, came, "")
            assert not list(touched(came, document, root)), (data, out)
        if is_plain and not any(word in str(frames) for word in words):
            assert out == data


def mutations(
    exchange: Exchange, policy: str, words: tuple[str, ...]
) -> Iterator[tuple[Mutator, tuple[Frame, ...], bytes, bool]]:
    """The cases: what draws for it, the frames, the body, and whether that is made of the frames alone."""
    for case in range(CASES):
        mutator = Mutator(f"{exchange} {policy} {case}", words)
        frames = tuple(without_hidden(exchange, each, words) for each in mutator.frames(exchange))
        data, is_plain = mutator.body(exchange, frames)
        yield mutator, frames, data, is_plain


def without_hidden(exchange: Exchange, frame: Frame, words: tuple[str, ...]) -> Frame:
    """The frame without words where its shape says that no text stands."""
    name, document = frame if isinstance(frame, tuple) else ("", frame)
    if isinstance(document, str):
        return frame
    root = node_of(exchange.shape, exchange.half, document, name)
    for path, value in list(leaves(document)):
        if isinstance(value, str) and any(word in value for word in words) and is_said_to_be_none(root, document, path):
            document = planted(document, path, "hidden")
    return (name, document) if name else document


# -- playing ----------------------------------------------------------------------------------------------------------


def streamed(exchange: Exchange, plan: Plan, pieces: Sequence[bytes]) -> tuple[bytes, type[Exception] | None]:
    """What left, and what the body was refused with."""
    out: list[bytes] = []
    try:
        out.extend(_left(exchange, plan, pieces))
    except STATED as error:
        return b"".join(out), type(error)
    return b"".join(out), None


def _left(exchange: Exchange, plan: Plan, pieces: Sequence[bytes]) -> Iterator[bytes]:
    body = StreamedAnswer(exchange.shape, exchange.form, max_frame_bytes=1 << 20, holds_calls=plan.holds_calls)
    stream = Stream(plan)
    for piece in pieces:
        feed(stream, body.feed(piece))
        take(stream, body)
        yield body.ready()
        if body.is_over:
            return
    feed(stream, body.finish())
    stream.close()
    take(stream, body)
    body.flush()
    yield body.ready()


def played(exchange: Exchange, plan: Plan, data: bytes) -> bytes | None:
    """What leaves of a body; nothing of a request that was blocked; None for one that is refused."""
    is_request = exchange.half == "request"
    try:
        body = whole(exchange.shape, data, is_request=is_request, form=Format.JSON)
    except STATED:
        return None
    if is_request:
        exchange.shape.choices(body.document)
        exchange.shape.wants_json(body.document)
    stream = Stream(plan, stops_together=is_request)
    feed(stream, body.texts)
    stream.close()
    take(stream, body)
    if is_request and body.blocked:
        return b""
    return body.finish()


# -- judging ----------------------------------------------------------------------------------------------------------


def leaked(words: tuple[str, ...], documents: Sequence[Any]) -> bool:
    """Whether a word stands in a text of these."""
    return any(word in text for document in documents for text in texts(document) for word in words)


def texts(value: Any) -> Iterator[str]:
    """All texts and names, those of JSON within a text, too."""
    if isinstance(value, str):
        yield value
        if value.lstrip()[:1] in ("{", "["):
            yield from texts(_opened(value))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def _opened(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


Said = dict[tuple[Any, ...], str]


def said_in(exchange: Exchange, data: bytes) -> Said:
    """What a stream says, by choice and kind of place. Frames of several choices, and tails, may come in any order."""
    reader, said = Reader(is_streamed=True), Said()
    for frame in framing_of(exchange.form, 1 << 20).feed(data):
        document = document_of(frame.payload or b"")
        root = Node() if isinstance(document, str) else node_of(exchange.shape, "stream", document, frame.event)
        for slot in reader.read(document, root, answer_scope(frame.event)).slots:
            if slot.kind in (Kind.TEXT, Kind.JSON) and slot.text:
                key = (step for step in reader.key_of(slot.lane) if isinstance(step, str))
                place = (min(slot.lane.choice, MAX_CHOICE + 1), slot.lane.channel, *key)
                said[place] = said.get(place, "") + re.sub("[\ud800-\udfff]", "\ufffd", slot.text)
    return said


def is_same(one: Said, other: Said) -> bool:
    """Whether both say the same, as far as both go on: a stopped stream ends when it knows no other choice."""
    return all(_is_begun(said, other.get(place, "")) for place, said in one.items())


def _is_begun(one: str, other: str) -> bool:
    """Several places of one kind may be told in another order."""
    return one.startswith(other) or other.startswith(one) or sorted(one) == sorted(other)


def broken(said: Sequence[Any]) -> int:
    """How many frames are no JSON; a stream's last word is one."""
    return sum(isinstance(each, str) for each in said)


def touched(came: Any, left: Any, node: Node, path: Path = ()) -> Iterator[Path]:
    """The paths of values that changed although nothing there was to be redacted."""
    is_held = isinstance(came, dict | list) and type(left) is type(came)
    if came == left or (REDACTED in json.dumps(came) and not is_held):
        return
    while node.select is not None:
        node = node.select(came)
    if node.emptied or node.kind is Kind.ECHO:
        return
    if isinstance(came, dict) and isinstance(left, dict) and list(came) == list(left):
        for key in came:
            yield from touched(came[key], left[key], node.fields.get(key) or node.rest or Node(), (*path, key))
    elif isinstance(came, list) and isinstance(left, list) and len(came) == len(left):
        for index, (before, behind) in enumerate(zip(came, left, strict=True)):
            yield from touched(before, behind, node.each or node.rest or Node(), (*path, index))
    else:
        yield path
