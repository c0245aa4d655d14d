"""What else must stand in a text before a finding is a violation of a rule (`requires`).

Counted is what other rules of the policy found, and the rule itself where it is named: what begins before the finding,
or where it does, and ends by its end. So it depends on nothing that comes later, and not on how the text arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

MOST_STANDING = 256
"""How many findings of one rule in one text are remembered: of more, the latest."""


class Precedent(NamedTuple):
    """Something that a rule found, in a text's offsets."""

    rule: int
    label: str
    start: int
    end: int


Kind = frozenset[tuple[int, str]]
"""What is counted together: findings of rules, by their index, with labels."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """Of each of `kinds` there are `at_least` so many, and `at_most`. `names` are the author's, for people."""

    kinds: tuple[Kind, ...]
    at_least: int = 1
    within: int | None = None
    """The most characters between the end of what counts and the finding; None: however many."""
    names: tuple[str, ...] = ()
    at_most: int = MOST_STANDING

    def holds(self, start: int, end: int, standing: Iterable[Precedent]) -> bool:
        """Whether what stands in the text is enough for a finding in `[start, end)`. One place counts once."""
        least = 0 if self.within is None else start - self.within
        near = [each for each in standing if each.start <= start and least <= each.end <= end]
        counts = (len({*self._places(kind, near)}) for kind in self.kinds)
        return all(self.at_least <= count <= self.at_most for count in counts)

    @property
    def rules(self) -> frozenset[int]:
        """The rules whose findings count."""
        return frozenset(rule for kind in self.kinds for rule, _ in kind)

    def moved(self, by: int) -> Requirement:
        """The same where rules are numbered so much higher."""
        kinds = (frozenset((rule + by, label) for rule, label in kind) for kind in self.kinds)
        return replace(self, kinds=tuple(kinds))

    def __str__(self) -> str:
        """For people: `3 of emails or phones at most 200 characters before`."""
        names = (" and " if len(self.kinds) > 1 else " or ").join(self.names)
        where = "before" if self.within is None else f"at most {self.within} characters before"
        most = "" if self.at_most == MOST_STANDING else f" to {self.at_most}"
        return f"{self.at_least}{most} of {names} {where}"

    def _places(self, kind: Kind, standing: Iterable[Precedent]) -> Iterator[tuple[int, int]]:
        return ((each.start, each.end) for each in standing if (each.rule, each.label) in kind)
