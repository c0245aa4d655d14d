"""What a scripted model does in a session, in verbs that each program translates into calls of its own tools."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from tests import providers
from tests.upstream import JSON, Answer, Seen


@dataclass(frozen=True)
class Say:
    """Text."""

    text: str


@dataclass(frozen=True)
class Read:
    """A look at a file."""

    path: str


@dataclass(frozen=True)
class Write:
    """A new file."""

    path: str
    content: str


@dataclass(frozen=True)
class Edit:
    """A stretch of a file, taken from what was read, replaced by another."""

    path: str
    old: str
    new: str


Step = Say | Read | Write | Edit
Turn = Sequence[Step]
"""What the model does in one answer."""
Speaker = Callable[[Turn, str], providers.Parts]
"""A turn in a program's own tools; what the calls' ids begin with."""

_PATHS = ("/completions", "/responses", "/messages")
_MODELS = Answer([b'{"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "t"}]}'], JSON)
TITLE = "A title"


@dataclass
class Model:
    """Plays the turns, one a request; `asked` are the bodies that came for them.

    Whatever else a program asks (a title, without tools) is answered with a title. A model says what it read: a value
    in `known` is said as it stood in the request, where its pattern finds it.
    """

    turns: Sequence[Turn]
    speak: Speaker
    has_tools: bool = True
    known: Mapping[str, str] = field(default_factory=dict)
    """The pattern of what stands around each value, which is its group."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    besides: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, seen: Seen) -> Answer:
        """What the upstream plays for a request."""
        if seen.method != "POST" or not seen.path.partition("?")[0].endswith(_PATHS):
            return _MODELS
        body = json.loads(seen.body)
        if self.has_tools and not body.get("tools"):
            self.besides.append(body)
            return providers.play(seen, [providers.text(TITLE)])
        number = len(self.asked)
        self.asked.append(body)
        turn = self.turns[min(number, len(self.turns) - 1)]
        text = json.dumps(body, ensure_ascii=False)
        return providers.play(seen, self.speak([self._as_read(step, text) for step in turn], f"call_{number}"))

    def _as_read(self, step: Step, text: str) -> Step:
        """A step in the words of the request."""
        for value, pattern in self.known.items():
            if found := re.search(pattern, text):
                said = {each.name: getattr(step, each.name).replace(value, found[1]) for each in fields(step)}
                step = replace(step, **said)
        return step
