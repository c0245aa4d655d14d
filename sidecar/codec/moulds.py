"""Reads a frame that is as the one before it but for its text, without taking it apart.

While a model writes, a provider sends one document again and again, with another text in one place. Such a document is
read once in every way; then its bytes are a **mould**, with holes for the text and for what no two frames share: their
numbers, and what fills them up at random. What fits a mould is the same JSON with another string in that place, so it
says the same of everything else.

A string with an escape fits none, and neither does one that is empty or no UTF-8: they are read as ever.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from sidecar.codec.frames import Frame
from sidecar.codec.jsontext import Path, places_of
from sidecar.codec.places import OPAQUE, Found, Node, Slot

_TEXT: Final = re.compile(rb'"[^"\\\x00-\x1f]+"')
_WORDS: Final = (str, re.compile(rb'"[ !#-\[\]-~]*"'))
_COUNT: Final = (int, re.compile(rb"0|[1-9][0-9]{0,14}"))
_FILLERS: Final = {
    "obfuscation": _WORDS,
    "p": _WORDS,
    "created_at": _WORDS,
    "sequence_number": _COUNT,
    "created": _COUNT,
}
"""What no two frames share, and says nothing: random text in ASCII, so that nobody can tell texts by their lengths
(OpenAI's, Bedrock's), when a frame was made (Ollama's), and its number. They stand at a document's top, where its shape
has no text; no shape tells by one of them what else a document is."""
_MOST_IN_VAIN: Final = 8
"""Moulds one after the other that nothing fits: then the answer is not of this kind, as one of several choices."""


class _Form:
    """A document's bytes with holes for the values at some paths.

    They are compared, and not compiled as one pattern: that takes 1 us a byte, and it would be kept for all streams.
    """

    __slots__ = ("_end", "_pieces", "places")

    def __init__(self, text: str, holes: Mapping[Path, re.Pattern[bytes]]) -> None:
        self.places = holes.keys()
        self._pieces: list[tuple[bytes, Path, re.Pattern[bytes]]] = []
        """What stands before each hole, whose it is, and what it takes."""
        at = 0
        for place, (start, end) in places_of(text, holes):
            self._pieces.append((text[at:start].encode(), place, holes[place]))
            at = end
        self._end = text[at:].encode()

    def filled(self, payload: bytes) -> dict[Path, bytes]:
        """What stands in the holes of a payload that fits, as JSON; nothing for another."""
        values, at = dict[Path, bytes](), 0
        for before, place, hole in self._pieces:
            found = hole.match(payload, at + len(before)) if payload.startswith(before, at) else None
            if found is None:
                return {}
            values[place], at = found[0], found.end()
        return values if payload[at:] == self._end else {}


class Mould:
    """See the module's text."""

    __slots__ = ("_choices", "_document", "_elements", "_event", "_fillers", "_form", "_holder", "_slot")

    def __init__(self, frame: Frame, form: _Form, document: Any, found: Found) -> None:
        (self._slot,) = found.slots
        self._choices, self._elements = found.choices, found.elements
        self._event = frame.event
        self._form = form
        self._fillers = [name for name in _FILLERS if (name,) in form.places]
        self._document = self._holder = _copied(document, self._slot.path)
        for step in self._slot.path[:-1]:
            self._holder = self._holder[step]

    def fill(self, frame: Frame) -> Fitting | None:
        """What a frame says that fits; None for another."""
        values = self._form.filled(frame.payload) if frame.payload and frame.event == self._event else {}
        if not values:
            return None
        try:
            return Fitting(self, values[self._slot.path][1:-1].decode(), values)
        except UnicodeDecodeError:
            return None

    def found(self, text: str) -> Found:
        """What the document of a frame with this text holds."""
        slot = msgspec.structs.replace(self._slot, text=text)
        return Found((slot,), self._choices, self._elements, is_final=False, has_counts=False)

    def document(self, fitting: Fitting) -> Any:
        """The document of a frame that fits. It is good until the next is asked for."""
        self._holder[self._slot.path[-1]] = fitting.text
        for name in self._fillers:
            self._document[name] = msgspec.json.decode(fitting.values[name,])
        return self._document


class Fitting(NamedTuple):
    """A frame that fits a mould: its text, and the JSON of what is in the holes."""

    mould: Mould
    text: str
    values: Mapping[Path, bytes]

    @property
    def found(self) -> Found:
        """What its document holds."""
        return self.mould.found(self.text)

    @property
    def document(self) -> Any:
        """Its document, good until another one's is asked for."""
        return self.mould.document(self)


class Moulds:
    """The mould of the frame before, while frames fit; where none ever do, no more are made."""

    def __init__(self) -> None:
        self._mould: Mould | None = None
        self._in_vain = 0

    def fitting(self, frame: Frame) -> Fitting | None:
        """What a frame says that fits the mould; None for another."""
        fitting = None if self._mould is None else self._mould.fill(frame)
        if fitting is not None:
            self._in_vain = 0
        return fitting

    def drop(self) -> None:
        """Another frame came: what fits it may say something else."""
        self._mould = None

    def make(self, frame: Frame, text: str, document: Any, node: Node, found: Found) -> None:
        """Make one of a frame that was read: its document as text, parsed, and what it holds."""
        if self._in_vain < _MOST_IN_VAIN and _is_plain(found):
            self._in_vain += 1
            self._mould = Mould(frame, _form_of(text, document, node, found.slots[0].path), document, found)


def _is_plain(found: Found) -> bool:
    """Whether all that a document holds is one text, which goes on, and whose place the next one has, too."""
    if len(found.slots) != 1 or found.is_final or found.has_counts or found.is_apart:
        return False
    slot = found.slots[0]
    return bool(slot.path) and slot == Slot(slot.lane, slot.path, slot.text)


def _form_of(text: str, document: Any, node: Node, path: Path) -> _Form:
    holes: dict[Path, re.Pattern[bytes]] = {path: _TEXT}
    for name, (kind, hole) in _FILLERS.items():
        if isinstance(document, dict) and type(document.get(name)) is kind and node.fields.get(name) is OPAQUE:
            holes[name,] = hole
    return _Form(text, holes)


def _copied(value: Any, path: Path) -> Any:
    """The document, with copies of what holds the value at `path`."""
    if not path:
        return value
    copy = value.copy()
    copy[path[0]] = _copied(value[path[0]], path[1:])
    return copy
