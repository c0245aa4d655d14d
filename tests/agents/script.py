"""What a scripted model does in a session, in verbs that each program translates into calls of its own tools."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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

    Whatever else a program asks (a title, without tools) is answered with a title.
    """

    turns: Sequence[Turn]
    speak: Speaker
    has_tools: bool = True
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
        return providers.play(seen, self.speak(turn, f"call_{number}"))
