"""Counts of what a change of policies would do. A `Tally` of some conversations is added to that of others.

What is counted are **streams**: a conversation's requests and answers, which a policy decides on one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeAlias

import msgspec

from workbench.preview.confusion import Confusion


class Change(StrEnum):
    """What becomes of a stream that was to become something else before; the gravest of several."""

    NEWLY_BLOCKED = "newly blocked"
    NO_LONGER_BLOCKED = "no longer blocked"
    BLOCKED_OTHERWISE = "blocked otherwise"
    NEWLY_WITHHELD = "newly withheld"
    NO_LONGER_WITHHELD = "no longer withheld"
    NEWLY_REDACTED = "newly redacted"
    NO_LONGER_REDACTED = "no longer redacted"
    REDACTED_OTHERWISE = "redacted otherwise"
    FOUND_OTHERWISE = "other findings, same text"
    NONE = "the same"


CHANGES = tuple(each for each in Change if each is not Change.NONE)
MOST_TENANTS = 10_000
OTHERS = "(others)"
_EXAMPLES = 5

Counts: TypeAlias = dict[str, int]


class RuleCounts(msgspec.Struct):
    """In how many streams a rule fired: with the old version, with the new one, and with one of them alone."""

    old: int = 0
    new: int = 0
    gained: int = 0
    lost: int = 0

    def add(self, other: RuleCounts) -> None:
        """Count what another one counted."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Example(msgspec.Struct, frozen=True):
    """One stream that changes. `text` shows nothing sensitive, unless that was asked for."""

    number: int
    """Of its conversation."""
    stream: int
    place: str
    id: str
    tenant: str
    direction: str
    part: str
    old: str
    new: str
    found: tuple[str, ...]
    text: str
    old_output: str = ""
    new_output: str = ""


class Tally(msgspec.Struct):
    """See the module's text. `rules` are by `policy/rule`; `tenants` and `parts` have the streams of each change."""

    conversations: int = 0
    streams: int = 0
    chars: int = 0
    without_text: int = 0
    unguarded_old: int = 0
    """Streams that no policy takes."""
    unguarded_new: int = 0
    changes: Counts = {}
    rules: dict[str, RuleCounts] = {}
    tenants: dict[str, Counts] = {}
    parts: dict[str, Counts] = {}
    failures: Counts = {}
    """Detectors that failed, by version and name."""
    examples: dict[str, list[Example]] = {}
    """By change: the first ones, in the order of the traffic."""
    old: Confusion = msgspec.field(default_factory=Confusion)
    new: Confusion = msgspec.field(default_factory=Confusion)
    corrected: int = 0
    """Conversations that only the new version judges as the analyst did."""
    spoilt: int = 0
    """Those that only the old one did."""
    old_rules: dict[str, Confusion] = {}
    new_rules: dict[str, Confusion] = {}
    """Of conversations for which an analyst named rules, by rule."""
    asked: int = 0
    known: int = 0
    """How many answers of detectors were wanted, and how many of those were known already."""
    examples_kept: int = _EXAMPLES

    def count(self, change: Change, tenant: str, part: str) -> None:
        """Count a stream."""
        self.streams += 1
        _more(self.changes, change)
        own = tenant if tenant in self.tenants or len(self.tenants) < MOST_TENANTS else OTHERS
        _more(self.tenants.setdefault(own, {}), change)
        _more(self.parts.setdefault(part, {}), change)

    def fired(self, old: Iterable[str], new: Iterable[str]) -> None:
        """Count the rules of a stream, as `policy/rule`."""
        before, after = set(old), set(new)
        for rule in before | after:
            counts = self.rules.setdefault(rule, RuleCounts())
            counts.add(RuleCounts(rule in before, rule in after, rule in after - before, rule in before - after))

    def wants_example(self, change: Change, number: int) -> bool:
        """Whether a stream of this conversation would be among the first of its kind."""
        kept = self.examples.get(change, [])
        return len(kept) < self.examples_kept or bool(kept and number < kept[-1].number)

    def keep(self, change: Change, example: Example) -> None:
        """Keep an example, if it is among the first."""
        kept = [*self.examples.get(change, []), example]
        kept.sort(key=lambda each: (each.number, each.stream))
        self.examples[change] = kept[: self.examples_kept]

    def add(self, other: Tally) -> None:
        """Count what another one counted. Any order of adding gives the same."""
        for name in ("conversations", "streams", "chars", "without_text", "unguarded_old", "unguarded_new"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("corrected", "spoilt", "asked", "known"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        _add_counts(self.changes, other.changes)
        _add_counts(self.failures, other.failures)
        for mine, theirs in ((self.tenants, other.tenants), (self.parts, other.parts)):
            for key, counts in theirs.items():
                own = key if mine is self.parts or key in mine or len(mine) < MOST_TENANTS else OTHERS
                _add_counts(mine.setdefault(own, {}), counts)
        for rule, counted in other.rules.items():
            self.rules.setdefault(rule, RuleCounts()).add(counted)
        for confusions, others in ((self.old_rules, other.old_rules), (self.new_rules, other.new_rules)):
            for rule, confusion in others.items():
                confusions.setdefault(rule, Confusion()).add(confusion)
        self.old.add(other.old)
        self.new.add(other.new)
        for change, examples in other.examples.items():
            for example in examples:
                self.keep(Change(change), example)

    def number(self, *changes: Change) -> int:
        """How many streams have one of these changes."""
        return sum(self.changes.get(each, 0) for each in changes)

    @property
    def changed(self) -> int:
        """How many streams come out otherwise."""
        return self.number(*CHANGES)


def _more(counts: Counts, key: str) -> None:
    counts[key] = counts.get(key, 0) + 1


def _add_counts(counts: Counts, others: Mapping[str, int]) -> None:
    for key, number in others.items():
        counts[key] = counts.get(key, 0) + number
