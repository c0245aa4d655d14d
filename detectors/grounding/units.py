"""Units of one kind measured in each other: 5 km is 3.1 miles.

Factors are those of the international yard and pound (exact since 1959), of the SI, and for data both powers of 1,000
and of 1,024, since texts use either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

ROUNDED = 0.02
"""How far a converted value may be off, as a share of it: texts round what they convert."""

_KINDS: tuple[Mapping[str, float], ...] = (
    {"km": 1e3, "m": 1.0, "cm": 1e-2, "mm": 1e-3, "mile": 1609.344, "foot": 0.3048, "inch": 0.0254, "yard": 0.9144},
    {"acre": 4046.8564224, "hectare": 1e4},
    {"kg": 1.0, "g": 1e-3, "mg": 1e-6, "ton": 1e3, "lb": 0.45359237, "ounce": 0.028349523125},
    {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0},
    {"month": 1.0, "year": 12.0, "decade": 120.0, "century": 1200.0},
    {"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12},
    {"kb": 2.0**10, "mb": 2.0**20, "gb": 2.0**30, "tb": 2.0**40},
    {"mph": 0.44704, "km/h": 1 / 3.6},
    {"mw": 1.0, "gw": 1e3},
)


def converted(value: float, unit: str) -> Iterator[tuple[float, str]]:
    """A quantity in every other unit of its kind."""
    for kind in _KINDS:
        if unit in kind:
            yield from ((value * kind[unit] / factor, other) for other, factor in kind.items() if other != unit)
    if unit == "°c":
        yield value * 1.8 + 32.0, "°f"
    elif unit == "°f":
        yield (value - 32.0) / 1.8, "°c"
