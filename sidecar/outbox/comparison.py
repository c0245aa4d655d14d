"""Compares groups of streams by their decision events: two prompt versions, two models, the sides of a canary.

Each stream counts once, in the group that a field of its event names. A measure is the share of streams of which
something holds, or the mean of a number that streams have. Groups are held against one of them, the baseline; all
intervals of differences hold together with the stated confidence (Bonferroni over measures and groups), so that who
looks at twenty of them is not shown one that differs by chance.

What it does not know: that streams of one session are alike, which makes intervals too narrow where sessions are few.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from sidecar.errors import TidegateError
from sidecar.outbox.event import Data, StreamDecision
from sidecar.outbox.intervals import (
    Interval,
    Moments,
    mean_difference,
    mean_interval,
    share_difference,
    share_interval,
)
from sidecar.outbox.selection import text_at

MOST_GROUPS = 20
_REMEMBERED = 100_000
"""Events that are known again when they come twice: repeats come close together."""

FIELDS: Mapping[str, str] = {
    "prompt_version": "app.prompt_version",
    "model": "app.model",
    "app": "app.labels.app",
    "tenant": "ids.tenant",
    "policy_version": "policy.version",
    "canary": "canary.side",
}
"""Short names of fields to compare by; any other is a path in the JSON."""

SHARES: Mapping[str, Callable[[StreamDecision], bool]] = {
    "violation_rate": lambda data: bool(data.violations or data.repeated),
    "refusals": lambda data: data.done == "block",
    "changed": lambda data: data.done in {"redact", "withhold"},
    "failed": lambda data: data.ended == "failed",
}
MEANS: Mapping[str, str] = {
    "faithfulness": "grounding.faithfulness",
    "context_use": "grounding.context_use",
    "context_relevance": "grounding.context_relevance",
    "context_precision": "retrieval.context_precision",
    "recall": "retrieval.recall",
    "recall_at_5": "retrieval.recall_at.5",
    "first_release_ms": "first_release_ms",
    "stream_ms": "timings.stream_ms",
    "max_held_ms": "max_held_ms",
    "first_token_ms": "usage.first_token_ms",
    "output_tokens": "usage.output_tokens",
    "cost": "usage.cost",
}
DEFAULT = ("violation_rate", "refusals", "faithfulness", "first_release_ms")


class ComparisonError(TidegateError):
    """The events cannot be compared so; the message says why."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A measure of a group. `difference` is to the baseline, in an interval that holds with all others.

    `value` is None, and there is no interval, where the group has too few streams that show it.
    """

    measure: str
    group: str
    streams: int
    value: float | None
    interval: Interval | None
    difference: Interval | None = None

    @property
    def differs(self) -> bool:
        """Whether it is not the baseline's."""
        return self.difference is not None and not self.difference.holds_zero


class Comparison:
    """Takes events one by one, in bounded memory; then `rows` compares."""

    def __init__(self, by: str, measures: Sequence[str]) -> None:
        self._path = FIELDS.get(by, by)
        self._measures = tuple(dict.fromkeys(measures))
        self._shares: dict[str, dict[str, list[int]]] = {}
        self._means: dict[str, dict[str, Moments]] = {}
        self._seen: OrderedDict[str, None] = OrderedDict()
        self.streams: dict[str, int] = {}
        """By group."""
        self.without = 0
        """Streams that say nothing of the field."""

    def add(self, data: Data) -> None:
        """Count a stream, once. Raises `ComparisonError` past `MOST_GROUPS` groups."""
        if not isinstance(data, StreamDecision) or self._is_repeat(data.ids.event):
            return
        group = text_at(data, self._path) or ""
        if not group:
            self.without += 1
            return
        if group not in self.streams and len(self.streams) >= MOST_GROUPS:
            raise ComparisonError(
                f"there are more than {MOST_GROUPS} groups by {self._path}; filter, or say another field"
            )
        self.streams[group] = self.streams.get(group, 0) + 1
        for measure in self._measures:
            self._measure(measure, group, data)

    def rows(self, baseline: str | None = None, level: float = 0.95) -> Iterator[Compared]:
        """Each measure of each group, the baseline first: the stated one, or that of most streams.

        Raises `ComparisonError` where there is no such group, or nothing to compare it with.
        """
        if len(self.streams) < 2:
            found = ", ".join(self.streams) or "none"
            raise ComparisonError(f"there is nothing to compare: groups by {self._path}: {found}")
        chosen = max(self.streams, key=lambda group: self.streams[group]) if baseline is None else baseline
        if chosen not in self.streams:
            raise ComparisonError(f"there is no group {chosen!r} by {self._path}; there are {', '.join(self.streams)}")
        others = sorted(group for group in self.streams if group != chosen)
        together = 1 - (1 - level) / (len(others) * len(self._measures))
        for measure in self._measures:
            yield self._row(measure, chosen, None, level, together)
            for group in others:
                yield self._row(measure, group, chosen, level, together)

    def _is_repeat(self, event: str) -> bool:
        if event in self._seen:
            return True
        self._seen[event] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return False

    def _measure(self, measure: str, group: str, data: StreamDecision) -> None:
        if measure in SHARES:
            counts = self._shares.setdefault(measure, {}).setdefault(group, [0, 0])
            counts[0] += SHARES[measure](data)
            counts[1] += 1
            return
        said = text_at(data, MEANS.get(measure, measure))
        if said:
            try:
                value = float(said)
            except ValueError:
                raise ComparisonError(f"{measure} is no number: it cannot be compared") from None
            self._means.setdefault(measure, {}).setdefault(group, Moments()).add(value)

    def _row(self, measure: str, group: str, baseline: str | None, level: float, together: float) -> Compared:
        if measure in SHARES:
            return self._share(measure, group, baseline, level, together)
        values = self._means.get(measure, {})
        own = values.get(group, Moments())
        other = None if baseline is None else values.get(baseline, Moments())
        return Compared(
            measure=measure,
            group=group,
            streams=own.count,
            value=own.mean if own.count else None,
            interval=mean_interval(own, level),
            difference=None if other is None else mean_difference(own, other, together),
        )

    def _share(self, measure: str, group: str, baseline: str | None, level: float, together: float) -> Compared:
        hits, total = self._shares[measure][group]
        other = None if baseline is None else self._shares[measure][baseline]
        return Compared(
            measure=measure,
            group=group,
            streams=total,
            value=hits / total,
            interval=share_interval(hits, total, level),
            difference=None if other is None else share_difference((hits, total), (other[0], other[1]), together),
        )
