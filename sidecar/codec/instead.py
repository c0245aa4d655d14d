"""The answer to a request that a policy refused, as if the assistant had given it: whole or as a stream.

Chat interfaces show an answer, and of an error nothing, or a traceback; and the conversation goes on behind it. It is
made of what a shape has for answers that are stopped: it begins as the provider's do (`Shape.opening`), has no text,
and is stopped at once (`stopped`, `voice`).
"""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.codec.eventstream import EventStream
from sidecar.codec.formats import Format, framing_of
from sidecar.codec.frames import Framing
from sidecar.codec.jsontext import dumps, edited, loads
from sidecar.codec.shape import AnswerOptions, NewFrame, Opening, Shape, Unanswered
from sidecar.values import Lane

_MAX_FRAME_BYTES = 1 << 20


def answer_instead(
    shape: Shape, unanswered: Unanswered, asked: AnswerOptions, message: str
) -> tuple[Format, bytes] | None:
    """The answer that says `message` alone, as was asked for; None where the request is no turn of a chat."""
    opening = shape.opening(unanswered) if shape.opening is not None else None
    if opening is None:
        return None
    if opening.form is Format.JSON:
        return opening.form, _whole(shape, opening, unanswered, message).encode("utf-8", "surrogatepass")
    framing = _framing(opening)
    frames = (framing.build(each.payload, each.event) for each in _frames(shape, opening, unanswered, asked, message))
    return opening.form, b"".join(frames)


def _whole(shape: Shape, opening: Opening, unanswered: Unanswered, message: str) -> str:
    text = dumps(opening.document)
    for choice in range(unanswered.choices):
        text = edited(text, shape.stopped(loads(text), choice, message, frozenset()))
    return text


def _frames(
    shape: Shape, opening: Opening, unanswered: Unanswered, asked: AnswerOptions, message: str
) -> Iterator[NewFrame]:
    voice = shape.voice(asked)
    for frame in opening.frames:
        voice.heard(loads(frame.payload), frame.event)
        yield frame
    for choice in range(unanswered.choices):
        yield from voice.end(Lane(choice), (), message)
    yield from voice.close()


def _framing(opening: Opening) -> Framing:
    if opening.is_wrapped:
        return EventStream(max_bytes=_MAX_FRAME_BYTES, wraps=True)
    return framing_of(opening.form, _MAX_FRAME_BYTES)
