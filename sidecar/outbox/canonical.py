"""The canonical form of a JSON value, RFC 8785 (JCS): whoever has the same value writes the same bytes.

What `msgspec` writes is canonical already, but for two things: the order of keys, which JCS takes from UTF-16, and
numbers with a fraction, which it writes as ECMAScript does. Both are put right in the tree before it is written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder()
_EXACT = 2**53
"""Up to here a whole number is written as it stands; beyond, as the nearest double."""
_PLAIN_FROM, _PLAIN_TO = -7, 21
"""The decimal exponents between which ECMAScript writes digits only."""


def canonical(value: object) -> bytes:
    """The canonical bytes of a JSON value, as `msgspec` decodes one. Raises `ValueError` for what JSON cannot carry."""
    return _encoder.encode(_ordered(value))


def _ordered(value: Any) -> Any:
    match value:
        case str() | bool() | None:
            return value
        case dict():
            return _ordered_fields(value)
        case list() | tuple():
            return [_ordered(item) for item in value]
        case int():
            return value if -_EXACT < value < _EXACT else msgspec.Raw(number(float(value)))
        case float():
            return msgspec.Raw(number(value))
        case _:
            raise ValueError(f"{type(value).__name__} is no JSON value")


def _ordered_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    names: Sequence[str] = sorted(fields)
    if not all(map(str.isascii, names)):
        names = sorted(fields, key=_utf_16)
    return {name: _ordered(fields[name]) for name in names}


def _utf_16(name: str) -> bytes:
    """What names are compared by; a half of a surrogate pair stands for itself."""
    return name.encode("utf-16-be", "surrogatepass")


def number(value: float) -> bytes:
    """A double as ECMAScript writes it (`Number::toString`). Raises `ValueError` for infinities and NaN."""
    if not math.isfinite(value):
        raise ValueError("JSON has no infinities and no NaN")
    if value.is_integer() and abs(value) < _EXACT:
        return b"%d" % value
    sign = b"-" if value < 0 else b""
    mantissa, _, power = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction.rstrip("0" if fraction.strip("0") else fraction)).lstrip("0")
    leading = len(whole + fraction) - len((whole + fraction).lstrip("0"))
    point = len(whole) + int(power or 0) - leading
    return sign + _written(digits.rstrip("0"), point).encode()


def _written(digits: str, point: int) -> str:
    """The digits with the decimal point behind so many of them."""
    if len(digits) <= point <= _PLAIN_TO:
        return digits.ljust(point, "0")
    if 0 < point <= _PLAIN_TO:
        return f"{digits[:point]}.{digits[point:]}"
    if point - 1 > _PLAIN_FROM and point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"
