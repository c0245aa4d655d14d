"""Everything that a context states, collected once, document by document: what claims are looked up in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from detectors.grounding.passages import stem, words
from detectors.grounding.stated import SPEAKER, Date, Number, dates, names, numbers
from detectors.grounding.terms import Known
from detectors.grounding.units import ROUNDED, converted

YEARS = (1000, 2100)
"""What a bare number of four digits may be."""
MIN_ROOT = 4
MAX_ENDING = 4
_ROOT_ENDS = "aeiy"


class ContextFacts:
    """Everything that claims are looked up in, collected from the documents of one context; grows with `add`.

    Words are kept as numbers in arrays (`detectors.grounding.terms`).
    """

    def __init__(self, documents: Iterable[str] = ()) -> None:
        """Collect the facts of `documents`."""
        found = _Found()
        for document in documents:
            found.add(document)
        self.words, self.stems = Known.of(found.words), Known.of(found.stems)
        self.bigrams, self.trigrams = Known.of(found.bigrams), Known.of(found.trigrams)
        self._beginnings, self._roots = Known.of(found.beginnings), Known.of(found.roots)
        self._initials = Known.of(found.initials)
        self._numbers = _Numbers(found.numbers)
        self._dates = np.array(sorted(map(_packed_date, found.dates)), np.int64)
        self._plain = tuple(found.plain)

    @classmethod
    def joined(cls, parts: Iterable[ContextFacts]) -> ContextFacts:
        """The facts of several collections in one."""
        whole, every = cls(), list(parts)
        for name in ("words", "stems", "bigrams", "trigrams", "_beginnings", "_roots", "_initials"):
            setattr(whole, name, Known.joined([getattr(each, name) for each in every]))
        whole._numbers = _Numbers.joined([each._numbers for each in every])
        whole._dates = np.unique(np.concatenate([whole._dates, *(each._dates for each in every)]))
        whole._plain = tuple(plain for each in every for plain in each._plain)
        return whole

    def add(self, document: str) -> None:
        """Collect the facts of one more document."""
        vars(self).update(vars(self.joined([self, ContextFacts([document])])))

    @property
    def has_speaker(self) -> bool:
        """Whether any document speaks of its author: "I", "my"."""
        return any(word in self.words for word in SPEAKER)

    def has_number(self, number: Number) -> bool:
        """Whether the context states this value: with this unit, in another of its kind, or one leaves the unit out."""
        if number.unit == "decade" and number.value >= YEARS[0]:
            return any(number.value <= value < number.value + 10 for value, _ in self._numbers.near(number.value, 10.0))
        tolerance = 0.05 if number.is_rough else 0.005 if number.value >= 10_000 or number.value % 1 else 0.0
        near = self._numbers.near(number.value, tolerance * abs(number.value) if tolerance else 0.0)
        if any(not number.unit or unit in ("", number.unit) for _, unit in near):
            return True
        return any(
            unit == other
            for value, other in converted(number.value, number.unit)
            for _, unit in self._numbers.near(value, max(tolerance, ROUNDED) * abs(value))
        )

    def has_date(self, date: Date) -> bool:
        """Whether the context has a date that agrees; it may leave out the year, not the day that the claim gives."""
        return any(
            month == date.month
            and (date.year is None or year in {date.year, None})
            and (date.day is None or day == date.day)
            for year, month, day in map(_date_of, self._dates.tolist())
        )

    def has_name_word(self, word: str) -> bool:
        """Whether a word of a name occurs, as it is, inflected (Canada, Canadian) or among initials (UN)."""
        word = word.lower().replace("’", "'").removesuffix("'s").strip("'.")
        if word in self.words or stem(word) in self.stems or word in self._initials or f"{word}'s" in self.words:
            return True
        root = word.rstrip(_ROOT_ENDS)
        shorter = (word[:length] for length in _root_lengths(word))
        return (len(root) >= MIN_ROOT and root in self._beginnings) or any(
            part in self.words or part in self._roots for part in shorter
        )

    def has_initials_of(self, name: str) -> bool:
        """Whether the context has the initials of a name of several words."""
        return len(_initials(name)) >= 2 and _initials(name) in self.words

    def has_quote(self, quote: str) -> bool:
        """Whether the words of a quotation occur in this order, punctuation and case aside."""
        plain = f" {' '.join(word.lower() for word, _, _ in words(quote))} "
        return any(plain in document for document in self._plain)


class _Found:
    """The facts of some documents, while they are being collected."""

    def __init__(self) -> None:
        self.words: set[str] = set()
        self.stems: set[str] = set()
        self.bigrams: set[tuple[str, str]] = set()
        self.trigrams: set[tuple[str, str, str]] = set()
        self.beginnings: set[str] = set()
        self.roots: set[str] = set()
        self.initials: set[str] = set()
        self.numbers: set[tuple[float, str]] = set()
        self.dates: set[_DateParts] = set()
        self.plain: list[str] = []

    def add(self, document: str) -> None:
        """Collect the facts of one more document."""
        found = [word.lower() for word, _, _ in words(document)]
        stems = [stem(word) for word in found]
        self.words.update(found)
        self.stems.update(stems)
        self.bigrams.update(pairwise(stems))
        self.trigrams.update(zip(stems, stems[1:], stems[2:], strict=False))
        self.beginnings.update(word[:length] for word in set(found) for length in _root_lengths(word))
        self.roots.update(word.rstrip(_ROOT_ENDS) for word in found)
        self.initials.update(_initials(document[start:end]) for start, end in names(document))
        self.numbers.update((number.value, number.unit) for number in numbers(document))
        self.dates.update((date.year, date.month, date.day) for date in dates(document))
        self.plain.append(f" {' '.join(found)} ")


class _Numbers:
    """Values with their units, by value."""

    def __init__(self, found: Iterable[tuple[float, str]] = ()) -> None:
        every = sorted(found)
        self._units = tuple(sorted({unit for _, unit in every}))
        places = {unit: place for place, unit in enumerate(self._units)}
        self._values = np.array([value for value, _ in every], np.float64)
        self._unit_of = np.array([places[unit] for _, unit in every], np.uint32)

    @classmethod
    def joined(cls, parts: Sequence[_Numbers]) -> _Numbers:
        """Those of several."""
        return parts[0] if len(parts) == 1 else cls({pair for each in parts for pair in each.near(0.0, math.inf)})

    def near(self, value: float, by: float) -> Iterator[tuple[float, str]]:
        """Those that differ from a value by so much at most."""
        by = by if math.isfinite(value) else 0.0
        first, last = np.searchsorted(self._values, value - by), np.searchsorted(self._values, value + by, side="right")
        for each, unit in zip(self._values[first:last].tolist(), self._unit_of[first:last].tolist(), strict=True):
            yield each, self._units[unit]


_DateParts: TypeAlias = tuple[int | None, int, int | None]
_BASE = 100


def _packed_date(date: _DateParts) -> int:
    """A date as one number; 0 stands for what is left out."""
    year, month, day = date
    return ((year or 0) * _BASE + month) * _BASE + (day or 0)


def _date_of(packed: int) -> _DateParts:
    months, day = divmod(packed, _BASE)
    year, month = divmod(months, _BASE)
    return year or None, month, day or None


def _root_lengths(word: str) -> range:
    """Lengths of what may be the common part of a place and its people: Canad|a, Canad|ian, Japan|ese."""
    return range(max(MIN_ROOT, len(word) - MAX_ENDING), len(word))


def _initials(name: str) -> str:
    parts = [part for part in re.split(r"[ -]", name) if part[:1].isupper()]
    return "".join(part[0] for part in parts).lower() if len(parts) > 1 else ""
