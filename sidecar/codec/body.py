"""A guarded body: bytes of a request or an answer in, texts out; what a stream lets out in, bytes out.

The one thing that transports need of this package. It puts framing, shape and weave together:

    body = StreamedAnswer(shape, form, max_frame_bytes=...)
    for fed in body.feed(data): ...                     # texts, and ends of lanes and choices
    body.take(output)                                   # each Release or Blocked of the session
    data = body.ready()                                 # what may leave now

Pure; one owner. A whole body that is no JSON raises `UnknownShapeError`: it is never half-parsed. A frame of a stream
that is no JSON is read as the text that it is.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import msgspec

from sidecar.codec.advice import advised
from sidecar.codec.eventstream import BrokenFrameError
from sidecar.codec.formats import Format, framing_of
from sidecar.codec.frames import Frame, FrameTooLongError
from sidecar.codec.jsontext import NotJsonError, Path, dumps, edited, literal, loads, replace_values
from sidecar.codec.moulds import Fitting, Moulds
from sidecar.codec.naming import name_of_place
from sidecar.codec.places import COUNTS, Found, Kind, Node, Reader, Slot
from sidecar.codec.shape import PLAINLY, REQUEST, AnswerOptions, NewFrame, Shape, answer_scope, says_again
from sidecar.codec.weave import ChoiceEnd, Ends, Fed, LaneEnd, Postscript, Tail, Text, Weave, Woven
from sidecar.usage import Usage
from sidecar.values import Blocked, Channel, Lane, Release

_BOM = "\ufeff"
_loads = partial(loads, takes_nan=True)
_ALL_CHOICES = -1


class UnknownShapeError(ValueError):
    """The body is not what its shape says; the message says where, and holds none of it."""


class WholeBody:
    """A request, or an answer that is one JSON document."""

    def __init__(
        self,
        shape: Shape,
        body: bytes,
        *,
        is_request: bool,
        is_json: bool = False,
        postscript: Postscript | None = None,
        most_texts: int = 0,
    ) -> None:
        """`is_json`: the answer's content is JSON by request; `postscript`: see `Weave`; `most_texts`: see `Reader`."""
        self._shape = shape
        self._is_request = is_request
        self._mark, self._text, self._document = _parse(body)
        root, scope = (shape.request, REQUEST) if is_request else (shape.response, answer_scope())
        found = Reader(is_streamed=False, most_texts=most_texts).read(self._document, root, scope)
        slots = [_as_json(slot) for slot in found.slots] if is_json else found.slots
        self._weave = Weave(repeats=True, postscript=postscript)
        self._stopped: list[Blocked] = []
        self._left: list[Woven | Tail] = []
        self._note = ""
        self._slots = slots
        fed = [*self._weave.add(0, slots, found.choices), *self._weave.finish()]
        self.texts = list(_with_ends(fed))
        """What to feed, in order."""
        self.history = self._weave.history(slots) if is_request else frozenset()
        """The lanes of a request that are no new words of the user's, nor the operator's."""

    @property
    def document(self) -> Any:
        """The parsed document."""
        return self._document

    @property
    def blocked(self) -> Blocked | None:
        """The first block, if any."""
        return self._stopped[0] if self._stopped else None

    @property
    def usage(self) -> Usage | None:
        """The tokens that an answer says it took."""
        return None if self._is_request else self._shape.usage(self._document)

    def place_of(self, lane: Lane) -> str:
        """What the place of a request's lane is called; nothing where it has none."""
        slot = next((each for each in self._slots if lane in (each.lane, self._weave.lane_of(each))), None)
        return "" if slot is None else name_of_place(self._document, self._slots, slot)

    def take(self, output: Release | Blocked) -> None:
        """Take what the stream let out."""
        if isinstance(output, Release):
            self._weave.release(output)
        else:
            self._stopped.append(output)

    def advise(self, note: str) -> bool:
        """Have a note for the model stand in a request's instructions; whether there is a place for it."""
        find = self._shape.advised
        if find is None or find(self._document, note) is None:
            return False
        self._note = note
        return True

    def keep(self, text: Text) -> None:
        """All of a lane, which this is the whole text of, may leave as it came."""
        self._weave.keep(text.lane)

    def finish(self) -> bytes:
        """The body as it may be passed on; byte for byte the same when nothing was done."""
        woven = self._weave.whole()
        changes = {slot.path: _encoded(slot, new) for slot, new in woven.changes}
        text = replace_values(self._text, changes) if changes else self._text
        if self._is_request:
            text = edited(text, self._shape.mended(_loads(text) if changes else self._document))
        if self._note and self._shape.advised is not None:
            text = advised(text, self._shape.advised, self._note)
        for blocked in self._stopped:
            text = self._stop(text, blocked, woven.unspoken)
        return (self._mark + text).encode("utf-8", "surrogatepass")

    def _stop(self, text: str, blocked: Blocked, unspoken: frozenset[Path]) -> str:
        changes = self._shape.stopped(_loads(text), blocked.lane.choice, blocked.message, unspoken)
        return edited(text, changes)


class StreamedAnswer:
    """An answer that comes in frames."""

    def __init__(
        self,
        shape: Shape,
        form: Format,
        *,
        max_frame_bytes: int,
        max_waiting_bytes: int = 16 * 1024 * 1024,
        asked: AnswerOptions = PLAINLY,
        holds_calls: bool = False,
        postscript: Postscript | None = None,
    ) -> None:
        """`max_waiting_bytes`: of frames that came and have not left; `holds_calls` and `postscript`: see `Weave`."""
        self._shape = shape
        self._framing = framing_of(form, max_frame_bytes)
        self._reader = Reader(is_streamed=True)
        self._weave = Weave(holds_calls=holds_calls, repeats=says_again(shape.event), postscript=postscript)
        self._voice = shape.voice(asked)
        self._moulds = Moulds()
        self._frames: dict[int, _Held] = {}
        self._waiting_bytes = 0
        self._max_waiting_bytes = max_waiting_bytes
        self._samples: dict[tuple[Lane, Path], _Held] = {}
        """By lane and path, the last frame of it that left: what a frame for its tail is made of."""
        self._numbers = 0
        self._asked = asked
        self._told: set[Lane] = set()
        """The arguments of calls that have begun."""
        self._seen: set[int] = set()
        self._stopped: set[int] = set()
        self._out: list[bytes] = []
        self._error: ValueError | None = None
        """What is wrong with a frame that came."""
        self.usage: Usage | None = None
        """The tokens that it says it took, so far."""
        self.is_over = False
        """Whether the stream's end has been written: after a block of every choice, upstream need not be read."""

    def feed(self, data: bytes) -> list[Fed]:
        """Take bytes; returns what to feed.

        Raises `UnknownShapeError`, `FrameTooLongError` or `BrokenFrameError` at the call behind the one in which a bad
        frame came, so that what stands before it is fed however the body was cut.
        """
        self._check()
        fed: list[Fed] = []
        try:
            for frame in self._framing.feed(data):
                fed += self._add(frame)
        except (UnknownShapeError, FrameTooLongError, BrokenFrameError) as error:
            self._error = error
        return fed

    def finish(self) -> list[Fed]:
        """The body ended; returns the last that is to be fed. Raises what `feed` does."""
        self._check()
        last = [fed for frame in self._framing.finish() for fed in self._add(frame)]
        return [*last, *self._weave.finish()]

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def take(self, output: Release | Blocked) -> None:
        """Take what the stream let out."""
        if self.is_over:
            return
        if isinstance(output, Release):
            self._weave.release(output)
            return
        self._emit_all(self._weave.ready())
        self._emit_all(self._weave.stop(output))
        self._end(output)

    def flush(self) -> None:
        """The stream is over: every frame leaves with what was let out of it."""
        self._weave.flush()

    @property
    def is_ready(self) -> bool:
        """Whether something may leave now."""
        self._emit_all(self._weave.ready())
        return bool(self._out)

    def ready(self) -> bytes:
        """What may leave now."""
        self._emit_all(self._weave.ready())
        data = b"".join(self._out)
        self._out.clear()
        return data

    # -- frames in ------------------------------------------------------------------------------------------------

    def _add(self, frame: Frame) -> list[Fed]:
        number, self._numbers = self._numbers, self._numbers + 1
        moulded = self._moulds.fitting(frame)
        held = self._frames[number] = _read(frame) if moulded is None else _moulded(frame, moulded)
        self._waiting_bytes += len(frame.raw)
        if self._waiting_bytes > self._max_waiting_bytes:
            raise FrameTooLongError(f"more than {self._max_waiting_bytes} bytes wait for what is undecided before them")
        if moulded is not None:
            return self._weave.add(number, held.found.slots, held.found.choices)
        self._moulds.drop()
        if frame.payload is None or held.text.isspace() or not held.text:
            return self._weave.add(number, ())
        if held.is_text and self._shape.is_last(frame.payload, frame.event):
            return self._weave.add(number, (), ends=Ends(is_all=True))
        return self._fed(number, held)

    def _fed(self, number: int, held: _Held) -> list[Fed]:
        shape, frame = self._shape, held.frame
        node = self._node_of(held)
        found = held.found = self._reader.read(held.document, node, answer_scope(frame.event))
        slots: Sequence[Slot] = found.slots
        if held.is_text:
            slots = [_as_one(slot) for slot in found.slots]
        elif self._asked.is_json:
            slots = [_as_json(slot) for slot in found.slots]
        self._seen |= found.choices
        for slot in slots:
            self._seen.add(slot.lane.choice)
        before = list(self._switched(found)) if shape.is_reopened and self._reader.has_calls else []
        named = list(self._named(found)) if self._reader.has_calls else []
        if named:
            own = {slot.lane for slot in slots if slot.text}
            before += (fed for lane in named if lane not in own for fed in self._weave.end(lane))
        ends = shape.ends(self._reader, held.document, found, frame.event)
        if found.has_counts or ends is not None:
            self._count(held.document)
        elif not (held.is_text or held.mark or self._asked.is_json or self._reader.has_calls):
            self._moulds.make(frame, held.text, held.document, node, found)
        fed = self._weave.add(number, slots, found.choices, ends)
        if named:
            fed += [over for lane in named for over in self._weave.end(lane)]
        return [*before, *fed] if before else fed

    def _count(self, document: Any) -> None:
        """Take note of the tokens that a frame tells of."""
        counted = self._shape.usage(document)
        if counted is not None:
            self.usage = counted if self.usage is None else self.usage.joined(counted)

    def _node_of(self, held: _Held) -> Node:
        if held.is_text:
            return JSON_FRAME if held.text.lstrip()[:1] in ("{", "[") else TEXT_FRAME
        if self._shape.event_of is None:
            return self._shape.event
        return self._shape.event_of(held.document, held.frame.event)

    def _switched(self, found: Found) -> Iterator[Fed]:
        """The ends of calls behind which another part begins."""
        for choice in {slot.lane.choice for slot in found.slots if slot.text and slot.lane.channel in _SPOKEN}:
            for lane in self._reader.calls(choice):
                yield from self._weave.end(lane)

    def _named(self, found: Found) -> Iterator[Lane]:
        """The names of calls whose arguments begin: they are over, and so they leave before these."""
        for slot in found.slots:
            if (
                slot.is_json
                and slot.text
                and slot.lane.channel is Channel.TOOL_ARGUMENTS
                and slot.lane not in self._told
            ):
                self._told.add(slot.lane)
                yield from self._reader.at((*self._reader.key_of(slot.lane)[:-1], "name"), slot.lane.choice)

    # -- frames out -----------------------------------------------------------------------------------------------

    def _emit_all(self, frames: Iterable[Woven | Tail]) -> None:
        for each in frames:
            if isinstance(each, Tail):
                self._emit_tail(each)
            else:
                self._emit(each)

    def _emit(self, woven: Woven) -> None:
        held = self._frames.pop(woven.frame)
        self._waiting_bytes -= len(held.frame.raw)
        for slot in held.found.slots:
            self._samples[slot.lane, slot.path] = held
        if woven.is_bereft and woven.frame and not (held.found.is_final or held.found.has_counts):
            return
        if not woven.changes and not woven.without:
            self._voice.heard(_document_of(held), held.frame.event)
            self._out.append(held.frame.raw)
        else:
            self._emit_changed(woven, held)

    def _emit_changed(self, woven: Woven, held: _Held) -> None:
        changes: dict[Path, Any] = {slot.path: _encoded(slot, new) for slot, new in woven.changes}
        if woven.without:
            changes |= {slot.path: _silenced(slot) for slot in held.found.slots if slot.lane.choice in woven.without}
        text = replace_values(held.text, changes) if not held.is_text else held.changed(woven)
        if woven.without and not held.is_text:
            text = edited(text, _without(_loads(text), held.found, woven.without))
        self._voice.heard(held.document if held.is_text else _loads(text), held.frame.event)
        payload = (held.mark + text).encode("utf-8", "surrogatepass")
        self._out.append(self._framing.with_payload(held.frame, payload))

    def _emit_tail(self, tail: Tail) -> None:
        """Text of frames that have left, in a frame like the last one of its lane."""
        held = self._frames.get(tail.frame) or self._samples[tail.slot.lane, tail.slot.path]
        path, event = tail.slot.path, held.frame.event
        frame = skeleton(_document_of(held), self._shape.event, path, tail.text)  # names are the same in all events
        self._voice.heard(frame, event)
        payload = (
            tail.text.encode("utf-8", "surrogatepass") if not path else dumps(frame).encode("utf-8", "surrogatepass")
        )
        self._out.append(self._framing.build(payload, event))

    def _end(self, blocked: Blocked) -> None:
        """Write the end of a blocked choice; after the last choice, the stream's."""
        self._stopped.add(blocked.lane.choice)
        key = self._reader.key_of(blocked.lane)
        self._build(self._voice.end(blocked.lane, key, blocked.message))
        if self._stopped >= self._seen and len(self._stopped) >= self._asked.choices:
            self._build(self._voice.close())
            self._frames.clear()
            self.is_over = True

    def _build(self, frames: Iterable[NewFrame]) -> None:
        self._out += (self._framing.build(each.payload, each.event) for each in frames)


_SPOKEN = frozenset({Channel.CONTENT, Channel.REASONING})
TEXT_FRAME = Node()
"""A frame that is no JSON: all of it is text."""
JSON_FRAME = Node(Kind.JSON, enter=lambda reader, value, scope, path: scope.named(path, reader.fresh()))
"""One that others may take for JSON, with a name twice or nested too deep: it is read like that, by itself."""
_NOTHING = Found((), frozenset(), {}, is_final=True, has_counts=False)


class _Held(msgspec.Struct, gc=False):
    """A frame that has not left."""

    frame: Frame
    mark: str
    text: str
    document: Any
    is_text: bool = False
    found: Found = _NOTHING
    moulded: Fitting | None = None
    """What makes its document, which it has none of."""

    def changed(self, woven: Woven) -> str:
        """What a frame without a document says now."""
        return next((new for _, new in woven.changes), self.text)


def _read(frame: Frame) -> _Held:
    payload = frame.payload or b""
    try:
        mark, text, document = _parse(payload)
    except UnknownShapeError:
        text = _decoded(payload)
        return _Held(frame, "", text, text, is_text=True)
    return _Held(frame, mark, text, document)


def _moulded(frame: Frame, fitting: Fitting) -> _Held:
    """A frame with this text that is as the one before it."""
    assert frame.payload is not None
    return _Held(frame, "", frame.payload.decode(), None, found=fitting.found, moulded=fitting)


def _document_of(held: _Held) -> Any:
    """The document of a frame, good until another one's is asked for."""
    return held.document if held.moulded is None else held.moulded.document


def _silenced(slot: Slot) -> str:
    """What stands in place of a text of a choice that was stopped."""
    return "null" if slot.is_raw or slot.emptied is not None else '""'


def _without(document: Any, found: Found, stopped: frozenset[int]) -> dict[Path, Any]:
    """The lists of choices without those that were stopped."""
    gone = {path for choice in stopped for path in found.elements.get(choice, ())}
    changes: dict[Path, Any] = {}
    for path in {each[:-1] for each in gone}:
        elements = document
        for step in path:
            elements = elements[step]
        changes[path] = [each for place, each in enumerate(elements) if (*path, place) not in gone]
    return changes


def skeleton(document: Any, node: Node, path: Path, text: str) -> Any:
    """A document with this text alone, under the names that one like it has."""
    if not path:
        return text
    node = node if node.select is None else node.select(document)
    below = skeleton(
        document[path[0]],
        (node.fields.get(path[0]) if isinstance(path[0], str) else node.each) or Node(),
        path[1:],
        text,
    )
    if isinstance(document, list):
        return [below]
    kept = {key: value for key, value in document.items() if _is_name(node.fields.get(key), value)}
    return {**kept, path[0]: below}


def _is_name(node: Node | None, value: Any) -> bool:
    """Whether a field names a frame and is no text, or says that nothing is over: some clients want to be told."""
    if node is not None and node.select is not None:
        node = node.select(value)
    if node is not None and node.kind is Kind.FINAL:
        return value is None
    return node is not None and node.kind is Kind.OPAQUE and not isinstance(value, dict | list)


def _as_json(slot: Slot) -> Slot:
    """The slot, read as JSON if it is the content."""
    is_content = slot.lane.channel is Channel.CONTENT and slot.kind in (Kind.TEXT, Kind.TWIN)
    return msgspec.structs.replace(slot, is_json=True) if is_content else slot


def _as_one(slot: Slot) -> Slot:
    """The slot of a frame that others may take for JSON, as that."""
    return msgspec.structs.replace(slot, is_raw=True, is_whole=True) if slot.is_json else slot


def _with_ends(fed: list[Fed]) -> Iterator[Text]:
    """What to feed of a whole body: each lane is over with its last text."""
    runs = [(lane, list(texts)) for lane, texts in groupby((each for each in fed if isinstance(each, Text)), _lane_of)]
    last = {lane: number for number, (lane, _) in enumerate(runs)}
    said: set[Lane] = set()
    for number, (lane, texts) in enumerate(runs):
        whole = texts[0].text if len(texts) == 1 else "".join(each.text for each in texts)
        is_last = last[lane] == number
        is_whole = is_last and lane not in said
        yield Text(lane, whole, texts[0].is_json, is_last=is_last, is_whole=is_whole, tool=texts[-1].tool)
        said.add(lane)


def _lane_of(text: Text) -> Lane:
    return text.lane


def _encoded(slot: Slot, new: str) -> str:
    """What is written in a slot's place, as JSON."""
    if slot.kind in (Kind.DATA, Kind.BASE64):
        new = slot.prefix + base64.b64encode(new.encode("utf-8")).decode()
    return new if slot.is_raw or slot.emptied is not None else literal(new)


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnknownShapeError("it is not text in UTF-8") from error


def _parse(body: bytes) -> tuple[str, str, Any]:
    """The mark that stands before a document, if any; the document's text; the document."""
    text = _decoded(body)
    mark = _BOM if text.startswith(_BOM) else ""
    text = text.removeprefix(_BOM)
    try:
        return mark, text, _loads(text)
    except NotJsonError as error:
        raise UnknownShapeError("it is not JSON") from error


__all__ = ["COUNTS", "ChoiceEnd", "Fed", "LaneEnd", "StreamedAnswer", "Text", "UnknownShapeError", "WholeBody"]
