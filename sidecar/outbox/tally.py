"""Counting events by a field, over time, in bounded memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime

from sidecar.outbox.builders import timestamp
from sidecar.outbox.columns import values_of
from sidecar.outbox.event import Data

OTHERS = "(others)"
NONE = "(none)"
"""Under what an event is counted that has no value."""
MOST_VALUES = 10_000
"""How many different values are counted; what comes later is counted together."""


class Tally:
    """How many events there are, by the values of a field, in each stretch of time.

    `every` is the stretch's length in seconds, from midnight UTC on; without it all time is one stretch.
    """

    def __init__(self, field: str, *, every: float | None = None) -> None:
        self.field = field
        self._every = every
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._values: set[str] = set()

    def add(self, data: Data) -> None:
        """Count an event, under each of its values."""
        counts = self._counts[self._stretch(data)]
        for value in values_of(data, self.field) or (NONE,):
            counts[self._bounded(value)] += 1

    def totals(self) -> Counter[str]:
        """Over all time."""
        return sum(self._counts.values(), Counter[str]())

    def over_time(self) -> dict[str, Mapping[str, int]]:
        """By when each stretch begins, those too in which there was nothing, the oldest first."""
        return {begin: self._counts[begin] for begin in self._stretches()}

    def _bounded(self, value: str) -> str:
        if len(self._values) < MOST_VALUES:
            self._values.add(value)
        return value if value in self._values else OTHERS

    def _stretch(self, data: Data) -> str:
        """When the stretch begins that an event is in."""
        if self._every is None:
            return ""
        return timestamp(_unix(data.time.occurred) // self._every * self._every)

    def _stretches(self) -> list[str]:
        said = sorted(self._counts)
        if self._every is None or len(said) < 2:
            return said
        first, last = _unix(said[0]), _unix(said[-1])
        return [timestamp(first + number * self._every) for number in range(round((last - first) / self._every) + 1)]


def with_others(counts: Mapping[str, int], names: list[str]) -> dict[str, int]:
    """The counts of these names, and what is left together."""
    chosen = {name: counts.get(name, 0) for name in names}
    left = sum(counts.values()) - sum(chosen.values())
    return chosen | ({OTHERS: chosen.get(OTHERS, 0) + left} if left else {})


def _unix(moment: str) -> float:
    return datetime.fromisoformat(moment).astimezone(UTC).timestamp()
