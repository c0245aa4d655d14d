"""What policies may rest on of the stream that they are applied to, and how a word of theirs is compared with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sidecar.values import Direction

IDENTITY = "mesh.identity"
"""The label that holds who calls, as the mesh says it."""


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What is known of a stream when it starts; a fact that nobody told is empty."""

    direction: Direction = Direction.OUTPUT
    tenant: str = ""
    model: str = ""
    route: str = ""
    prompt_version: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    language: str = ""
    """Of whoever reads what is said: the one that they like best, without its region."""

    @property
    def words(self) -> Mapping[str, str]:
        """The facts that are one word each, by the key of `match` that is about it."""
        return {
            "tenants": self.tenant,
            "models": self.model,
            "routes": self.route,
            "prompt_versions": self.prompt_version,
            "identities": self.labels.get(IDENTITY, ""),
        }


class Glob:
    """A word to compare with: `*` stands for any characters, none included; all others for themselves.

    Its pieces are looked for from left to right, each once, so that a comparison takes time linear in the text.
    """

    __slots__ = ("_first", "_last", "_middle", "word")

    def __init__(self, word: str) -> None:
        self.word = word
        self._first, *rest = word.split("*")
        self._middle, self._last = rest[:-1], rest[-1] if rest else None

    def matches(self, text: str) -> bool:
        """Whether the text is of this form."""
        if self._last is None:
            return text == self._first
        at, end = len(self._first), len(text) - len(self._last)
        if end < at or not text.startswith(self._first) or not text.endswith(self._last):
            return False
        for piece in self._middle:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True

    def covers(self, other: Glob) -> bool:
        """Whether all that is of the other one's form is of this one: its `*` stand where this one has some, then."""
        return self.matches(other.word)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Glob) and other.word == self.word

    def __hash__(self) -> int:
        return hash(self.word)


@dataclass(frozen=True, slots=True)
class Match:
    """Which streams take a policy: every stated condition must hold; an empty one always does."""

    directions: frozenset[Direction] = frozenset()
    labels: tuple[tuple[str, Glob], ...] = ()
    tenants: tuple[Glob, ...] = ()
    models: tuple[Glob, ...] = ()
    routes: tuple[Glob, ...] = ()
    prompt_versions: tuple[Glob, ...] = ()
    identities: tuple[Glob, ...] = ()
    attributes: tuple[tuple[str, Glob], ...] = ()

    def accepts(self, facts: StreamFacts) -> bool:
        """Whether a stream with these facts takes the policy."""
        return next(self.unmet(facts), None) is None

    def covers(self, other: Match) -> bool:
        """Whether it accepts every stream that the other one accepts."""
        words = ("tenants", "models", "routes", "prompt_versions", "identities")
        return (
            (not self.directions or (bool(other.directions) and other.directions <= self.directions))
            and all(_cover(getattr(self, key), getattr(other, key)) for key in words)
            and all(_cover_entries(getattr(self, key), getattr(other, key)) for key in ("labels", "attributes"))
        )

    def unmet(self, facts: StreamFacts) -> Iterator[str]:
        """The conditions that do not hold for a stream with these facts, as the policy's path to them."""
        if self.directions and facts.direction not in self.directions:
            yield "directions"
        yield from (key for key, text in facts.words.items() if not _is_one(text, getattr(self, key)))
        for key, entries in (("labels", facts.labels), ("attributes", facts.attributes)):
            yield from (f"{key}.{name}" for name, glob in getattr(self, key) if not _has(entries, name, glob))

    def described(self) -> dict[str, list[str] | dict[str, str]]:
        """The conditions as they were written; those that were not are empty."""
        described: dict[str, list[str] | dict[str, str]] = {"directions": sorted(self.directions)}
        for name in ("labels", "attributes"):
            described[name] = {key: glob.word for key, glob in getattr(self, name)}
        for name in ("tenants", "models", "routes", "prompt_versions", "identities"):
            described[name] = sorted(glob.word for glob in getattr(self, name))
        return described


def _is_one(text: str, globs: tuple[Glob, ...]) -> bool:
    """Whether a fact is one of these, or nothing is asked of it. One that nobody told is none."""
    return not globs or (bool(text) and any(glob.matches(text) for glob in globs))


def _cover(own: tuple[Glob, ...], others: tuple[Glob, ...]) -> bool:
    """Whether each of the others has one that covers it, or nothing is asked."""
    return not own or (bool(others) and all(any(glob.covers(each) for glob in own) for each in others))


def _cover_entries(own: tuple[tuple[str, Glob], ...], others: tuple[tuple[str, Glob], ...]) -> bool:
    return all(any(key == name and glob.covers(each) for key, each in others) for name, glob in own)


def _has(entries: Mapping[str, str], name: str, glob: Glob) -> bool:
    return name in entries and glob.matches(entries[name])
