"""Reads a frame that is as the one before it but for its text, without taking it apart.

While a model writes, a provider sends one document again and again, with another text in one place. Such a document is
read once in every way; then its bytes are a **mould**, with holes for the text and for what no two frames share: their
numbers, and what fills them up at random. What fits a mould is the same JSON with another string in that place, so it
says the same of everything else.

A string with an escape fits none, and neither does one that is empty or no UTF-8: they are read as ever.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from sidecar.codec.frames import Frame
from sidecar.codec.jsontext import Path, places_of
from sidecar.codec.places import OPAQUE, Found, Node, Slot

_TEXT: Final = rb'"(?P<text>[^"\\\x00-\x1f]+)"'
_NUMBER: Final = "sequence_number"
_FILLERS: Final = {
    "obfuscation": (str, rb'"[^"\\\x00-\x1f]*"'),
    _NUMBER: (int, rb"(?P<number>0|[1-9][0-9]{0,14})"),
}
"""What no two frames of OpenAI's share, and says nothing: random text, so that nobody can tell texts by their lengths,
and a frame's number."""
_MOST_IN_VAIN: Final = 8
"""Moulds one after the other that nothing fits: then the answer is not of this kind, as one of several choices."""


class Mould:
    """See the module's text."""

    __slots__ = ("_choices", "_document", "_elements", "_event", "_holder", "_is_numbered", "_pattern", "_slot")

    def __init__(self, frame: Frame, pattern: re.Pattern[bytes], document: Any, found: Found) -> None:
        (self._slot,) = found.slots
        self._choices, self._elements = found.choices, found.elements
        self._event = frame.event
        self._pattern = pattern
        self._is_numbered = "number" in pattern.groupindex
        self._document = self._holder = _copied(document, self._slot.path)
        for step in self._slot.path[:-1]:
            self._holder = self._holder[step]

    def text_of(self, frame: Frame) -> str:
        """The text of a frame that fits; empty for another."""
        fitting = self._pattern.fullmatch(frame.payload) if frame.payload and frame.event == self._event else None
        if fitting is None:
            return ""
        try:
            return fitting["text"].decode()
        except UnicodeDecodeError:
            return ""

    def found(self, text: str) -> Found:
        """What the document of a frame with this text holds."""
        slot = msgspec.structs.replace(self._slot, text=text)
        return Found((slot,), self._choices, self._elements, is_final=False, has_counts=False)

    def document(self, frame: Frame, text: str) -> Any:
        """The document of a frame that fits, with its text. It is good until the next is asked for."""
        self._holder[self._slot.path[-1]] = text
        if self._is_numbered and (fitting := self._pattern.fullmatch(frame.payload or b"")) is not None:
            self._document[_NUMBER] = int(fitting["number"])
        return self._document


class Moulds:
    """The mould of the frame before, while frames fit; where none ever do, no more are made."""

    def __init__(self) -> None:
        self._mould: Mould | None = None
        self._in_vain = 0

    def fitting(self, frame: Frame) -> tuple[Mould, str] | None:
        """The mould that a frame fits, and its text."""
        mould = self._mould
        if mould is None or not (text := mould.text_of(frame)):
            return None
        self._in_vain = 0
        return mould, text

    def drop(self) -> None:
        """Another frame came: what fits it may say something else."""
        self._mould = None

    def make(self, frame: Frame, text: str, document: Any, node: Node, found: Found) -> None:
        """Make one of a frame that was read: its document as text, parsed, and what it holds."""
        if self._in_vain < _MOST_IN_VAIN and _is_plain(found):
            self._in_vain += 1
            self._mould = Mould(frame, _pattern_of(text, document, node, found.slots[0].path), document, found)


def _is_plain(found: Found) -> bool:
    """Whether all that a document holds is one text, which goes on."""
    if len(found.slots) != 1 or found.is_final or found.has_counts:
        return False
    slot = found.slots[0]
    return bool(slot.path) and slot == Slot(slot.lane, slot.path, slot.text)


def _pattern_of(text: str, document: Any, node: Node, path: Path) -> re.Pattern[bytes]:
    holes: dict[Path, bytes] = {path: _TEXT}
    for name, (kind, hole) in _FILLERS.items():
        if isinstance(document, dict) and type(document.get(name)) is kind and node.fields.get(name) is OPAQUE:
            holes[name,] = hole
    pieces, at = list[bytes](), 0
    for place, (start, end) in places_of(text, holes):
        pieces += (re.escape(text[at:start].encode()), holes[place])
        at = end
    return re.compile(b"".join((*pieces, re.escape(text[at:].encode()))))


def _copied(value: Any, path: Path) -> Any:
    """The document, with copies of what holds the value at `path`."""
    if not path:
        return value
    copy = value.copy()
    copy[path[0]] = _copied(value[path[0]], path[1:])
    return copy
