"""Intervals for shares, means and their differences. Pure; `level` is the confidence, between 0 and 1.

* a share: Wilson's score interval (Wilson 1927);
* the difference of two shares: Newcombe's hybrid of the two score intervals (Newcombe 1998, method 10);
* a mean, and the difference of two: Student's t, with Welch's degrees of freedom (Welch 1947).
"""

from __future__ import annotations

from math import inf, sqrt
from statistics import NormalDist
from typing import NamedTuple

import msgspec

LEAST = 20
"""Values that an interval of a mean needs: with fewer the formulas of `t_quantile`, and of the mean, are not good."""


class Interval(NamedTuple):
    """From where to where."""

    low: float
    high: float

    @property
    def holds_zero(self) -> bool:
        """Whether 0 may be it."""
        return self.low <= 0 <= self.high


class Moments(msgspec.Struct):
    """Count, mean and spread of numbers, added one by one (Welford 1962)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        """Count one."""
        self.count += 1
        step = value - self.mean
        self.mean += step / self.count
        self.squares += step * (value - self.mean)

    @property
    def variance_of_mean(self) -> float:
        """How much the mean varies from sample to sample."""
        return self.squares / (self.count - 1) / self.count if self.count > 1 else inf


def share_interval(hits: int, total: int, level: float) -> Interval:
    """Wilson's interval of a share; all of 0 to 1 where there is nothing."""
    if not total:
        return Interval(0.0, 1.0)
    z, share = _normal_quantile(level), hits / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def share_difference(first: tuple[int, int], second: tuple[int, int], level: float) -> Interval:
    """Newcombe's interval of the first share less the second, each given as hits and total."""
    p, q = (hits / total if total else 0.5 for hits, total in (first, second))
    a, b = share_interval(*first, level), share_interval(*second, level)
    below = sqrt((p - a.low) ** 2 + (b.high - q) ** 2)
    above = sqrt((a.high - p) ** 2 + (q - b.low) ** 2)
    return Interval(p - q - below, p - q + above)


def mean_interval(values: Moments, level: float) -> Interval | None:
    """Student's interval of a mean; None of fewer than `LEAST` values."""
    if values.count < LEAST:
        return None
    half = t_quantile(level, values.count - 1) * sqrt(values.variance_of_mean)
    return Interval(values.mean - half, values.mean + half)


def mean_difference(first: Moments, second: Moments, level: float) -> Interval | None:
    """Welch's interval of the first mean less the second; None where either has fewer than `LEAST` values."""
    if min(first.count, second.count) < LEAST:
        return None
    a, b = first.variance_of_mean, second.variance_of_mean
    freedom = (a + b) ** 2 / (a * a / (first.count - 1) + b * b / (second.count - 1)) if a + b else inf
    half = t_quantile(level, freedom) * sqrt(a + b)
    return Interval(first.mean - second.mean - half, first.mean - second.mean + half)


def t_quantile(level: float, freedom: float) -> float:
    """Student's t that a value stays within, two-sided (Abramowitz and Stegun 26.7.5; good from `LEAST` on)."""
    z = _normal_quantile(level)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, start=1))


def _normal_quantile(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)
