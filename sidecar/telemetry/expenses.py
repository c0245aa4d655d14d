"""What answers take, as metrics: tokens, cost, time to the first token, pace; by tenant, app, model, prompt version.

Callers choose those words, so each label takes a bounded number of them, and all of them together a bounded number of
series; the rest are counted as `other`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from prometheus_client import Counter, Histogram

from sidecar.telemetry.names import OTHER, Names, plain
from sidecar.usage import Spent

LABELS = ("tenant", "app", "model", "prompt_version")
_MOST_GROUPS = 1000
"""Combinations of values that have series of their own."""


class Payer(msgspec.Struct, frozen=True):
    """Whose answer it is: the values of `LABELS`, as they came."""

    tenant: str
    app: str
    model: str
    prompt_version: str


class Expenses:
    """Counts what answers took. `room`: how many values each label takes."""

    def __init__(self, tokens: Counter, cost: Counter, first: Histogram, pace: Histogram, room: int) -> None:
        self._tokens = tokens
        self._cost = cost
        self._first = first
        self._pace = pace
        self._values = [Names(room) for _ in LABELS]
        self._groups: set[tuple[str, ...]] = set()

    def count(self, payer: Payer, spent: Spent, exemplar: dict[str, str] | None) -> None:
        """Count one answer; `exemplar` names its trace."""
        group = self._group(payer)
        for kind, number in _by_kind(spent).items():
            if number:
                self._tokens.labels(*group, kind).inc(number, exemplar)
        if spent.cost is not None:
            self._cost.labels(*group, spent.currency).inc(spent.cost, exemplar)
        if spent.first_token_ms is not None:
            self._first.labels(*group).observe(spent.first_token_ms / 1000, exemplar)
        if spent.tokens_per_second is not None:
            self._pace.labels(*group).observe(spent.tokens_per_second, exemplar)

    def _group(self, payer: Payer) -> tuple[str, ...]:
        told = (payer.tenant, payer.app, payer.model, payer.prompt_version)
        group = tuple(
            names.of(each) if (each := plain(name)) else "" for names, name in zip(self._values, told, strict=True)
        )
        if group in self._groups or len(self._groups) < _MOST_GROUPS:
            self._groups.add(group)
            return group
        return (OTHER,) * len(LABELS)


def _by_kind(spent: Spent) -> Mapping[str, int | None]:
    usage = spent.usage
    return {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cached": usage.cached_tokens,
        "cache_written": usage.cache_written_tokens,
    }
