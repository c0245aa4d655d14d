"""A policy in the making: rules with where each comes from, and notes of what is not as it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MODEL_SAYS = "its scores are those of another model"


@dataclass(frozen=True, slots=True)
class Reads:
    """Whose words a rule reads, and what its id begins with."""

    prefix: str
    parts: tuple[str, ...]
    channels: tuple[str, ...] = ()

    def keys(self) -> dict[str, list[str]]:
        """As keys of `detect`."""
        return {"parts": [*self.parts], **({"channels": [*self.channels]} if self.channels else {})}

    def test_of(self, text: str) -> dict[str, Any]:
        """A test's text, said by whom it reads."""
        part = self.parts[0]
        if part == "user":
            return {"input": text}
        if part == "model" and self.channels != ("tool_arguments",):
            return {"output": text}
        if part == "model":
            return {"chunks": [text], "channel": "tool_arguments"}
        return {"chunks": [text], "direction": "input", "part": part}


PROMPT = Reads("input", ("user",))
ANSWER = Reads("output", ("model",), ("content",))
RETRIEVED = Reads("retrieved", ("context",))
RESULTS = Reads("tool-result", ("tool_result",))
CALLS = Reads("tool-call", ("model",), ("tool_arguments",))


@dataclass(frozen=True, slots=True)
class Note:
    """What is not as it was: left out (`is_lost`), or there in another way. Each is one line of plain words."""

    place: str
    what: str
    why: str
    instead: str = ""
    is_lost: bool = True

    @property
    def kind(self) -> str:
        """In a word or three."""
        return "not carried over" if self.is_lost else "carried over otherwise"

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}: {self.what}: {self.told}"

    @property
    def told(self) -> str:
        """Why, and what to do instead."""
        return f"{self.why}. {self.instead[0].upper()}{self.instead[1:]}" if self.instead else self.why


@dataclass(slots=True)
class Rule:
    """A rule, what of the other product it is, texts that violate it, and what of it is not as it was."""

    name: str
    source: str
    reads: Reads
    detect: dict[str, Any]
    action: Any
    samples: Sequence[str] = ()
    id: str = ""
    notes: list[Note] = field(default_factory=list)
    needs: Sequence[Rule] = ()
    """Rules of which each must have found something, too."""

    def spec(self) -> dict[str, Any]:
        """As a policy has it."""
        requires = {"requires": {"all": [each.id for each in self.needs]}} if self.needs else {}
        return {"id": self.id, "detect": {**self.detect, **self.reads.keys()}, **requires, "action": self.action}


@dataclass(slots=True)
class Draft:
    """All rules, in order, and what nothing came of."""

    rules: list[Rule] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def add(self, rule: Rule) -> Rule:
        """Add a rule, under an id that no other one has."""
        wanted = f"{rule.reads.prefix}-{rule.name}"[:56].rstrip("-")
        taken = {each.id for each in self.rules}
        rule.id = next(each for each in _numbered(wanted) if each not in taken)
        self.rules.append(rule)
        return rule

    def lose(self, place: str, what: str, why: str, instead: str = "") -> None:
        """Note what could not be carried over."""
        self.notes.append(Note(place, what, why, instead))

    def told(self) -> list[Note]:
        """All notes: of what is left out, and of each rule."""
        return [*self.notes, *(note for rule in self.rules for note in rule.notes)]


def _numbered(name: str) -> Iterable[str]:
    yield name
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1


def redacted(text: str) -> dict[str, Any]:
    """An action: put this in its place."""
    return {"redact": {"with": "text", "text": text}}


def blocked(message: str) -> Any:
    """An action: stop it, and say this where there is something to say."""
    return {"block": {"message": message}} if message else "block"


def shown(value: Any, limit_chars: int = 80) -> str:
    """A value of a stranger's file on one line, and not too long."""
    text = " ".join(str(value).split())
    plain = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    return plain if len(plain) <= limit_chars else f"{plain[: limit_chars - 1]}…"


def listed(value: Any) -> list[Any]:
    """What should be a list, as one: a text alone is one of it, and what is neither is nothing."""
    return [*value] if isinstance(value, list | tuple) else [value] if isinstance(value, str) else []


def stated(params: Mapping[str, Any], names: Iterable[str]) -> str:
    """Those of the parameters that are stated, as `name: value`."""
    return ", ".join(f"{name}: {shown(params[name], 40)}" for name in names if name in params)
