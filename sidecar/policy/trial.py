"""A trial: on which streams something is tried, by shares that never change, and the band that it must keep to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

By: TypeAlias = Literal["session", "tenant", "stream", "label"]
Rate: TypeAlias = Literal["block", "redact", "error"]
RATES: tuple[Rate, ...] = get_args(Rate)
_SPACE = 2**48


@dataclass(frozen=True, slots=True)
class Trial:
    """What a canary or a rollout states. `band` has the least and the greatest share of each rate that is bounded."""

    percent: float
    by: By = "session"
    label: str = ""
    """Which label, where it goes by one."""
    band: Mapping[Rate, tuple[float, float]] = field(default_factory=dict)
    min_streams: int = 100
    window: int = 1000

    def takes(self, name: str, unit: str) -> bool:
        """Whether a unit (a session's id, a tenant, ...) is on the canary's side of what is called `name`."""
        return share_of(name, unit) < self.percent

    def breach(self, rates: Mapping[Rate, float]) -> Rate | None:
        """The first rate that has left its band."""
        for rate, (least, most) in self.band.items():
            if not least <= rates[rate] <= most:
                return rate
        return None


def share_of(name: str, unit: str) -> float:
    """Where a unit stands between 0 and 100, 100 excluded: always there, under one name, on every machine."""
    digest = hashlib.blake2b(f"{name}\0{unit}".encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return int.from_bytes(digest, "big") * 100 / _SPACE
