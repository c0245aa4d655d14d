"""Who gives way when the outbox is full: the lowest severity first, of that the tenant that holds the most, its oldest.

A tenant that holds more than half of what may give way finds room among its own events only, so that nobody's flood
pushes out what others have waiting. (What belongs to no tenant is no flood.)
Pure; the outbox on disk and the one in memory share it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

from sidecar.values import Severity

K = TypeVar("K")
Share = tuple[str, Severity]
"""A tenant's events of one severity."""


class Room:
    """Counts the events that may give way: those that wait and have no number yet."""

    def __init__(self, counts: Iterable[tuple[Share, int]] = ()) -> None:
        self._counts: Counter[Share] = Counter(dict(counts))
        self._tenants: Counter[str] = Counter()
        for (tenant, _), count in self._counts.items():
            self._tenants[tenant] += count

    def add(self, tenant: str, severity: Severity, count: int = 1) -> None:
        """More wait; with a negative count, fewer."""
        _add(self._counts, (tenant, severity), count)
        _add(self._tenants, tenant, count)

    def victim(self, tenant: str, most: Severity) -> Share | None:
        """Whose event, and of which severity, gives way to one of this tenant; None when none matters as little."""
        is_flood = bool(tenant) and 2 * self._tenants[tenant] > sum(self._tenants.values())
        able = [share for share in self._counts if share[1] <= most and (share[0] == tenant or not is_flood)]
        return min(able, key=lambda share: (share[1], -self._tenants[share[0]]), default=None)


def _add(counts: Counter[K], key: K, count: int) -> None:
    counts[key] += count
    if not counts[key]:
        del counts[key]
