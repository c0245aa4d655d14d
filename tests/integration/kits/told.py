"""What a kit is asked, and what it made of the answer."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Ask:
    """One question to a model behind a URL."""

    url: str
    text: str
    is_streamed: bool


@dataclass
class Told:
    """What a kit handed to its application: `objects` as they came, and what an application reads from them."""

    text: str = ""
    reasoning: str = ""
    calls: list[list[Any]] = field(default_factory=list)
    """Name and arguments."""
    ended: str | None = None
    objects: list[Any] = field(default_factory=list)
    ran: list[Any] = field(default_factory=list)
    """The arguments with which the tool was run."""
    error: str = ""
    """Module, type and message of what was raised."""

    def say(self, *, text: str | None = None, reasoning: str | None = None) -> None:
        """Add to the texts."""
        self.text += text or ""
        self.reasoning += reasoning or ""


Kit = Callable[[Ask], Told | Awaitable[Told]]


def plain(value: Any) -> Any:
    """An object as JSON has it."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", warnings=False)
    if hasattr(value, "dict") and not isinstance(value, dict):
        return value.dict()
    return json.loads(json.dumps(value, default=repr))


class Joined:
    """Calls whose arguments come in pieces, by their places."""

    def __init__(self) -> None:
        self._calls: dict[Any, list[str]] = {}

    def add(self, place: Any, *, name: str | None = None, arguments: str | None = None) -> None:
        """A piece of a call."""
        found = self._calls.setdefault(place, ["", ""])
        found[0] += name or ""
        found[1] += arguments or ""

    def all(self) -> list[list[Any]]:
        """The calls with their arguments parsed: that raises where they are no JSON."""
        return [[name, json.loads(arguments)] for name, arguments in self._calls.values()]


PARAMETERS = {
    "type": "object",
    "properties": {"card": {"type": "string"}, "sum": {"type": "integer"}},
    "required": ["card", "sum"],
}
"""Of the tool `pay`."""
