"""What a test expected beside what came, so that a person sees at once where the two part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

Place: TypeAlias = tuple[str | int, ...]

_SHOWN_CHARS = 40
"""How much of a long text is shown on either side of the place."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that came out wrong. `place` is where in the test it was expected; `at` where two texts part."""

    what: str
    expected: str
    actual: str
    note: str = ""
    place: Place = ()
    at: int | None = None
    pointer: int | None = None
    """Under which character of `expected` and `actual` the texts part."""


def of_values(what: str, expected: Any, actual: Any, *, place: Place = (), note: str = "") -> Iterator[Difference]:
    """The difference of two values, if there is one."""
    if expected != actual:
        yield Difference(what, show(expected), show(actual), note, place)


def of_texts(what: str, expected: str, actual: str, *, place: Place = (), note: str = "") -> Iterator[Difference]:
    """The difference of two texts, if there is one: both are shown around the place where they part."""
    if expected == actual:
        return
    at = first_difference(expected, actual)
    before = expected[:at]
    start = 0 if at <= _SHOWN_CHARS else at - _SHOWN_CHARS
    lead = "…" if start else ""
    pointer = 1 + len(_visible(lead + before[start:]))
    left, right = [_quoted(lead + _upto(text, at)[start:]) for text in (expected, actual)]
    yield Difference(what, left, right, note or f"they differ from character {at} on", place, at, pointer)


def first_difference(expected: str, actual: str) -> int:
    """Where two texts part."""
    pairs = enumerate(zip(expected, actual, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(expected), len(actual)))


def show(value: Any) -> str:
    """A value as a failed test shows it."""
    if isinstance(value, tuple | list | frozenset):
        return "[" + ", ".join(map(show, sorted(value) if isinstance(value, frozenset) else value)) + "]"
    if isinstance(value, msgspec.Struct) and type(value).__str__ is object.__str__:
        return repr(msgspec.structs.asdict(value))
    return str(value) if isinstance(value, msgspec.Struct) else repr(value)


def _upto(text: str, at: int) -> str:
    end = at + _SHOWN_CHARS
    return text if len(text) <= end else text[:end] + "…"


def _quoted(text: str) -> str:
    """The text in quotes, always the same ones, so that both stand under each other."""
    return f"'{_visible(text)}'"


def _visible(text: str) -> str:
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
