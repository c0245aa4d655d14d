"""Where a note for the model goes in a request: its instructions, in its provider's own form. All else stays.

It is put behind what the instructions say already: what a provider keeps of a prompt (a prefix that it has seen, or a
block that is marked for its cache) is found again up to there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from sidecar.codec.jsontext import Path, dumps, edited_at, literal, loads

_INSTRUCTING = frozenset({"system", "developer"})
Block = Callable[[str], Any]
"""A text as an element of a provider's list of parts."""


class Placed(msgspec.Struct, frozen=True):
    """A place for the note: a value of the document, and how its JSON text is edited."""

    path: Path
    edit: Callable[[str], str]


def text_block(note: str) -> dict[str, str]:
    """A part of most providers' lists of parts."""
    return {"type": "text", "text": note}


def bare_block(note: str) -> dict[str, str]:
    """A part of Google's and Amazon's."""
    return {"text": note}


def in_field(
    document: Any, key: str, note: str, *, beside: str, block: Block = text_block, absent: Any = None
) -> Placed | None:
    """Behind the instructions in a field, which are a text or a list of parts, of a request that has a field `beside`.

    Where there are none the field becomes `absent`, or else the note.
    """
    if not isinstance(document, dict) or beside not in document:
        return None
    value, new = document.get(key), dumps(note if absent is None else absent)
    if key not in document:
        return Placed((), lambda raw: _with_member(raw, f"{literal(key)}:{new}", is_first=False))
    if value is None or value == "":
        return Placed((key,), lambda _: new)
    return _behind((key,), value, note, block)


def in_messages(document: Any, note: str, key: str = "messages") -> Placed | None:
    """Behind the instructions that a list of messages begins with; before the messages where there are none."""
    messages = document.get(key) if isinstance(document, dict) else None
    if not isinstance(messages, list):
        return None
    last = -1
    while last + 1 < len(messages) and _is_instructing(messages[last + 1]):
        last += 1
    if last >= 0 and (placed := _behind((key, last, "content"), messages[last].get("content"), note, text_block)):
        return placed
    new = dumps({"role": "system", "content": note})
    return Placed((key,), lambda raw: f"[{new}{',' if messages else ''}{raw[1:]}")


def in_parts(document: Any, path: Path, note: str, *, block: Block = bare_block) -> Placed | None:
    """Behind the text or the parts at a place, if it is one of these."""
    value = document
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return _behind(path, value, note, block)


def advised(text: str, find: Callable[[Any, str], Placed | None], note: str) -> str:
    """A document with the note in the place that `find` says; as it came where there is none."""
    place = find(loads(text, takes_nan=True), note)
    return text if place is None else edited_at(text, place.path, place.edit)


def _behind(path: Path, value: Any, note: str, block: Block) -> Placed | None:
    if isinstance(value, str) and value:
        return Placed(path, lambda _: literal(f"{value}\n\n{note}"))
    if isinstance(value, list):
        return Placed(path, lambda raw: _with_member(raw, dumps(block(note)), is_first=not value))
    return None


def _with_member(raw: str, member: str, *, is_first: bool) -> str:
    """The JSON text of a list or an object, with one more member at its end."""
    return f"{raw[:-1]}{'' if is_first else ','}{member}{raw[-1]}"


def _is_instructing(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") in _INSTRUCTING
