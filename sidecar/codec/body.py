"""A guarded body: bytes of a request or an answer in, texts out; what a stream lets out in, bytes out.

The one thing that transports need of this package. It puts framing, shape and weave together:

    body = StreamedAnswer(shape, max_frame_bytes=...)
    for lane, text in body.feed(data): await session.feed(lane, text)
    body.take(output)                                   # each Release or Blocked of the session
    data = body.ready()                                 # what may leave now

Pure; one owner. Bodies that are not of the shape raise `UnknownShapeError`: they are never half-parsed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sidecar.codec.frames import Frame, Framing, Lines, ServerSentEvents
from sidecar.codec.jsontext import NotJsonError, Path, literal, loads, replace_values
from sidecar.codec.shape import NewFrame, Shape, Streaming
from sidecar.codec.weave import Slot, Text, Weave, Woven
from sidecar.values import Blocked, Release

_PLACE_KEYS = ("item_id", "sequence_number")
_SENTINEL = b"[DONE]"


class UnknownShapeError(ValueError):
    """The body is not what its shape says; the message says where, and holds none of it."""


class WholeBody:
    """A request, or an answer that is one JSON document."""

    def __init__(self, shape: Shape, body: bytes, *, is_request: bool) -> None:
        self._shape = shape
        self._text, self._document = _parse(body)
        self._slots = tuple(shape.request(self._document) if is_request else shape.response(self._document))
        self._weave = Weave()
        self._blocked: Blocked | None = None
        self._changes: dict[Path, str] = {}
        self.texts = self._weave.add(0, self._slots)
        """What to feed, in order."""

    @property
    def document(self) -> Any:
        """The parsed document."""
        return self._document

    @property
    def blocked(self) -> Blocked | None:
        """The first block, if any."""
        return self._blocked

    def take(self, output: Release | Blocked) -> None:
        """Take what the stream let out."""
        if isinstance(output, Release):
            self._weave.release(output)
            return
        self._blocked = self._blocked or output
        self._weave.stop(output.lane.choice)
        self._weave.say(output.lane, output.position, output.message)
        self._changes.update(self._shape.stopped(self._document, output.lane))

    def finish(self) -> bytes:
        """The body as it may be passed on; byte for byte the same when nothing was done."""
        self._weave.flush()
        (woven,) = self._weave.ready()
        if not woven.is_changed and not self._changes:
            return self._text.encode("utf-8", "surrogatepass")
        changes = {**_edits(self._shape, self._document, self._slots, woven), **self._changes}
        return replace_values(self._text, changes).encode("utf-8", "surrogatepass")


class StreamedAnswer:
    """An answer that comes in frames."""

    def __init__(self, shape: Shape, *, max_frame_bytes: int) -> None:
        self._shape = shape
        self._framing = _framing(shape.streaming, max_frame_bytes)
        self._weave = Weave()
        self._frames: dict[int, tuple[Frame, str, Any, tuple[Slot, ...]]] = {}
        self._numbers = 0
        self._template: dict[str, Any] | None = None
        """The first document: what a new frame's names are taken from."""
        self._latest: dict[str, Any] = {}
        """Where in the answer the last frame stood that left."""
        self._seen: set[int] = set()
        self._stopped: dict[int, int] = {}
        """Blocked choices, each with the number of the last frame that says something of it."""
        self._endings: list[Blocked] = []
        """Blocks whose end is not written yet: frames before it wait."""
        self._emitted = -1
        """The number of the last frame that left."""
        self._out: list[bytes] = []
        self.is_over = False
        """Whether the stream's end has been written: after a block of every choice, upstream need not be read."""
        self.is_last_seen = False
        """Whether the provider said that no text follows: the stream may be finished before the body ends."""

    def feed(self, data: bytes) -> list[Text]:
        """Take bytes; returns the texts to feed. Raises `UnknownShapeError` and `FrameTooLongError`."""
        return [text for frame in self._framing.feed(data) for text in self._add(frame)]

    def finish(self) -> list[Text]:
        """The body ended; returns the last texts."""
        return [text for frame in self._framing.finish() for text in self._add(frame)]

    def take(self, output: Release | Blocked) -> None:
        """Take what the stream let out."""
        if isinstance(output, Release):
            self._weave.release(output)
            return
        choice = output.lane.choice
        if choice in self._stopped:
            return
        self._emit_all(self._weave.ready())
        self._stopped[choice] = self._weave.stop(choice)
        self._endings.append(output)
        self._end_choices()
        self._emit_all(self._weave.ready())

    def flush(self) -> None:
        """The stream is over: every frame leaves with what was let out of it."""
        self._weave.flush()

    def ready(self) -> bytes:
        """What may leave now."""
        self._emit_all(self._weave.ready())
        data = b"".join(self._out)
        self._out.clear()
        return data

    def _end_choices(self) -> None:
        """Write the ends of blocked choices of which nothing waits any more; after the last choice, the stream's."""
        due = [each for each in self._endings if self._stopped[each.lane.choice] <= self._emitted]
        for blocked in due:
            self._endings.remove(blocked)
            known = {**(self._template or {}), **self._latest}
            self._build(self._shape.ending(known, blocked.lane, blocked.message))
        if due and not self._endings and self._stopped.keys() >= self._seen:
            self._build(self._shape.closing(self._template))
            self._frames.clear()
            self.is_over = True

    def _build(self, frames: Iterable[NewFrame]) -> None:
        self._out += (self._framing.build(each.payload, each.event) for each in frames)

    def _add(self, frame: Frame) -> list[Text]:
        number, self._numbers = self._numbers, self._numbers + 1
        if frame.payload is None or self._is_sentinel(frame):
            self._frames[number] = (frame, "", None, ())
            return self._weave.add(number, ())
        text, document = _parse(frame.payload)
        slots = tuple(self._shape.event(document, frame.event))
        if self._template is None and isinstance(document, dict):
            self._template = document
        self._seen |= self._shape.choices(document, frame.event) or frozenset()
        self._frames[number] = (frame, text, document, slots)
        fed = self._weave.add(number, slots)
        return [each for each in fed if each[0].choice not in self._stopped]

    def _is_sentinel(self, frame: Frame) -> bool:
        """Whether a frame holds no document; all else is parsed, so that nothing passes unseen."""
        payload = (frame.payload or b"").strip()
        if self._shape.is_last(payload, frame.event):
            self.is_last_seen = True
        return payload in (b"", _SENTINEL)

    def _emit_all(self, frames: Iterable[Woven]) -> None:
        for woven in frames:
            if self.is_over:
                return
            if data := self._emit(woven):
                self._out.append(data)
            self._emitted = woven.frame
            self._end_choices()

    def _emit(self, woven: Woven) -> bytes:
        frame, text, document, slots = self._frames.pop(woven.frame)
        if document is None:
            return frame.raw
        if self._is_silenced(woven, self._shape.choices(document, frame.event)):
            return b""
        if isinstance(document, dict):
            self._latest |= _place(document)
        if not woven.is_changed:
            return frame.raw
        changed = replace_values(text, _edits(self._shape, document, slots, woven))
        return self._framing.with_payload(frame, changed.encode("utf-8", "surrogatepass"))

    def _is_silenced(self, woven: Woven, about: frozenset[int] | None) -> bool:
        """Whether a frame is about blocked choices only, and stands behind their last words."""
        if about is None or woven.is_spoken:
            return False
        return all(choice in self._stopped and woven.frame > self._stopped[choice] for choice in about)


def _framing(streaming: Streaming, max_bytes: int) -> Framing:
    return ServerSentEvents(max_bytes=max_bytes) if streaming is Streaming.SSE else Lines(max_bytes=max_bytes)


def _place(document: dict[str, Any]) -> dict[str, Any]:
    """Where in the answer a frame stands: what frames that are added behind it refer to."""
    keys = (*_PLACE_KEYS, "index", "type") if "index" in document else _PLACE_KEYS
    return {key: document[key] for key in keys if key in document}


def _parse(body: bytes) -> tuple[str, Any]:
    try:
        text = body.decode("utf-8")
        return text, loads(text)
    except (UnicodeDecodeError, NotJsonError) as error:
        raise UnknownShapeError("a frame is not JSON in UTF-8") from error


def _edits(shape: Shape, document: Any, slots: tuple[Slot, ...], woven: Woven) -> dict[Path, str]:
    changed = {slot.path: literal(woven.texts[slot.path]) for slot in slots if woven.texts[slot.path] != slot.text}
    return {**dict(_emptied(shape, document)), **changed} if changed else {}


def _emptied(shape: Shape, document: Any) -> Iterator[tuple[Path, str]]:
    for path in shape.echoes(document):
        yield path, "null"
