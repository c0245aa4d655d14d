"""What a model's answer took, in tokens, and what that costs by the operator's price table.

Providers count differently what was read from a cache; here `input_tokens` holds all of the input, however it was
read, as OpenTelemetry's conventions have it, and `cached_tokens` and `cache_written_tokens` are the parts of it that
were read from, or written to, the provider's cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

PRICED_TOKENS = 1_000_000
"""Prices are for so many tokens."""
MOST_TOKENS = 2**53
"""The largest count that is taken: whatever JSON can hold exactly. An upstream may write what it likes."""

Source: TypeAlias = Literal["provider", "application"]
"""Who counted: the provider in its answer, or the application that tells the Guard API of it."""


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one answer; what nobody said is None."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_written_tokens: int | None = None

    def joined(self, later: Usage | None) -> Usage:
        """With what was told later, field by field: providers repeat counts as they grow."""
        if later is None:
            return self
        told = {name: value for name in later.__struct_fields__ if (value := getattr(later, name)) is not None}
        return msgspec.structs.replace(self, **told)


class Spent(msgspec.Struct, frozen=True):
    """What an answer took, in tokens, money and time; what is not known is None."""

    usage: Usage
    source: Source | None = None
    """Absent where nobody counted."""
    cost: float | None = None
    currency: str = ""
    """What `cost` is in."""
    first_token_ms: float | None = None
    """From when the model was asked until the first text of its answer came here."""
    tokens_per_second: float | None = None
    """While the answer came: its output tokens but for the first, by the time between its first and its last text."""


class Price(msgspec.Struct, frozen=True):
    """Of a model: for `PRICED_TOKENS` of input, of output, and of input that the provider's cache gave or took."""

    input: float
    output: float
    cached: float
    cache_written: float


class Prices:
    """What models cost. A name may end with `*`; an exact name wins, then the longest that fits."""

    def __init__(self, prices: Mapping[str, Price], currency: str = "") -> None:
        self.currency = currency if prices else ""
        self._exact = {name: price for name, price in prices.items() if not name.endswith("*")}
        begins = ((name.removesuffix("*"), price) for name, price in prices.items() if name.endswith("*"))
        self._begins = sorted(begins, key=lambda each: len(each[0]), reverse=True)

    def of(self, model: str) -> Price | None:
        """The price of a model, if the table has one."""
        exact = self._exact.get(model)
        if exact is not None:
            return exact
        return next((price for begin, price in self._begins if model.startswith(begin)), None)

    def cost(self, model: str, usage: Usage | None) -> float | None:
        """What an answer cost, in the table's currency; None where a price or a count is not known.

        Input times its price and output times its own; of the input, what the cache gave or took at those of the cache.
        """
        price = self.of(model)
        if price is None or usage is None or usage.input_tokens is None or usage.output_tokens is None:
            return None
        cached, written = usage.cached_tokens or 0, usage.cache_written_tokens or 0
        plain = max(0, usage.input_tokens - cached - written)
        paid = plain * price.input + cached * price.cached + written * price.cache_written
        return (paid + usage.output_tokens * price.output) / PRICED_TOKENS


NO_PRICES = Prices({})


def count_of(document: Any, *path: str) -> int | None:
    """A count of tokens in a provider's document, by the names of the fields that lead to it; None for what is none."""
    for name in path:
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document if type(document) is int and 0 <= document <= MOST_TOKENS else None


def total_of(*counts: int | None) -> int | None:
    """The sum of counts, of which all but the first may be missing; None without the first."""
    first, *others = counts
    return None if first is None else first + sum(each or 0 for each in others)


def told(**counts: int | None) -> Usage | None:
    """The usage that these counts make; None where none was told."""
    return Usage(**counts) if any(each is not None for each in counts.values()) else None
