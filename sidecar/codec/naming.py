"""What people call a place in a request: `message 3`, `tool result 7 (read_file)`. Numbers count from 1.

A result is numbered among the results of its request, and so are calls, definitions and documents; what else is said
is numbered by its message. A tool's name is shown only where it looks like one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sidecar.codec.jsontext import Path
from sidecar.codec.places import Slot
from sidecar.values import Channel, Part

_KINDS: Mapping[Part, str] = {
    Part.TOOL_RESULT: "tool result",
    Part.TOOL_DEFINITION: "tool definition",
    Part.CONTEXT: "document",
}
_ANSWERS = ("tool_call_id", "tool_use_id", "toolUseId", "call_id")
"""What a result calls the call that it answers."""
_IDS = ("id", "toolUseId", "call_id")
"""What a call is called itself."""
_NAMES = ("tool_name", "name")
_HOLDERS = ("function", "functionCall", "function_call", "functionResponse", "function_response", "toolSpec")
_NAME = re.compile(r"[\w.:/-]{1,64}")


def name_of_place(document: Any, slots: Sequence[Slot], slot: Slot) -> str:
    """What the place of a slot of a request is called."""
    kind = _kind(slot)
    if not kind:
        numbers = [step for step in slot.path if type(step) is int]
        number = f"message {numbers[0] + 1}" if numbers else "the prompt"
        return f"{number}, of the system" if slot.lane.part is Part.SYSTEM else number
    own = _element(document, slot)
    elements = dict.fromkeys(_element(document, each) for each in slots if _kind(each) == kind)
    name = _tool(document, _at(document, own))
    return f"{kind} {[*elements].index(own) + 1}" + (f" ({name})" if name else "")


def _kind(slot: Slot) -> str:
    """What a slot is part of; nothing for what is said."""
    is_call = slot.lane.channel is Channel.TOOL_ARGUMENTS
    return "tool call" if is_call else _KINDS.get(slot.lane.part, "")


def _element(document: Any, slot: Slot) -> Path:
    """Where the result, call, definition or document stands: the deepest thing around a slot with a name or an id."""
    path = slot.path
    for end in range(len(path) - 1, 0, -1):
        found = _at(document, path[:end])
        if isinstance(found, dict) and not found.keys().isdisjoint((*_ANSWERS, *_IDS, *_HOLDERS)):
            return path[:end]
    last = max((place for place, step in enumerate(path) if type(step) is int), default=len(path) - 1)
    return path[: last + 1]


def _at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def _tool(document: Any, element: Any) -> str:
    """The name of the tool that an element is about, as it says itself, or the call that it answers."""
    if own := _named(element):
        return own
    answered = next((element[key] for key in _ANSWERS if isinstance(element, dict) and element.get(key)), None)
    calls = (each for each in _objects(document) if any(each.get(key) == answered for key in _IDS))
    return next((name for each in calls if (name := _named(each))), "") if isinstance(answered, str) else ""


def _named(element: Any) -> str:
    if not isinstance(element, dict):
        return ""
    holders = (element, *(element[key] for key in _HOLDERS if isinstance(element.get(key), dict)))
    names = (holder.get(key) for holder in holders for key in _NAMES)
    return next((each for each in names if isinstance(each, str) and _NAME.fullmatch(each)), "")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in a document."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
