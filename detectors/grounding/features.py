"""The exact half of grounding: what of a claim can be looked up in the context word for word.

A small model reads meaning and is bad at digits, names and quotations; comparing those is cheap and exact. Here are

* readers for what a text states: `numbers` (with units, number words, percentages, money), `dates`, `names`,
  `quotes`, `negations`, `speakers`, each with its span;
* `ContextFacts`: all of that for a whole context, collected once, document by document;
* `failed_checks`: which number, date, name, quotation, negation or mention of its author a claim has that the context
  does not bear out, with its span;
* `lexical_features`: the same and word overlap as numbers, for the combiner that joins them with the pair model.

Pure Python and deterministic; training and serving both call it, so they cannot differ. It knows English. It does not
resolve sums, conversions of units or relative dates ("two years later"): such a number counts as not found, and the
combiner has learnt how much that means.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from detectors.grounding.passages import STOP_WORDS, Evidence, PassageIndex, content_words, split_sentences, stem, words
from detectors.grounding.terms import Known

# --- What a text states ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """A quantity: its value, its unit in normal form ("" if bare), whether the text calls it approximate."""

    value: float
    unit: str
    is_rough: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Date:
    """A calendar date as far as the text gives it."""

    year: int | None
    month: int
    day: int | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """Something in `[start, end)` of the claim that the context does not bear out.

    `kind` is number, date, name, quote, negation or speaker.
    """

    kind: str
    start: int
    end: int


_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "dozen": 12.0}
_SHORT_SCALES = {"k": 1e3, "m": 1e6, "mn": 1e6, "bn": 1e9, "b": 1e9}
_WORD_VALUES = {word: float(value) for value, word in enumerate(_SMALL)} | {
    word: 10.0 * value for value, word in enumerate(_TENS, start=2)
}
_ORDINALS = {
    "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10,
    "eleventh": 11, "twelfth": 12, "thirteenth": 13, "twentieth": 20,
}  # fmt: skip
_UNITS = {
    "%": "%", "percent": "%", "per cent": "%", "percentage": "%",
    "$": "usd", "dollar": "usd", "€": "eur", "euro": "eur", "£": "gbp", "pound": "gbp", "¥": "jpy", "yen": "jpy",
    "km": "km", "kilometer": "km", "kilometre": "km", "m": "m", "meter": "m", "metre": "m", "cm": "cm",
    "centimeter": "cm", "centimetre": "cm", "mm": "mm", "millimeter": "mm", "millimetre": "mm", "mile": "mile",
    "mi": "mile", "foot": "foot", "feet": "foot", "ft": "foot", "inch": "inch", "inche": "inch", "yard": "yard",
    "acre": "acre", "hectare": "hectare", "kg": "kg", "kilogram": "kg", "g": "g", "gram": "g", "mg": "mg",
    "milligram": "mg", "ton": "ton", "tonne": "ton", "lb": "lb", "ounce": "ounce",
    "second": "second", "minute": "minute", "min": "minute", "hour": "hour", "hr": "hour", "day": "day", "week": "week",
    "month": "month", "year": "year", "decade": "decade", "century": "century", "°c": "°c", "°f": "°f",
    "degree": "degree", "kb": "kb", "mb": "mb", "gb": "gb", "tb": "tb", "mph": "mph", "km/h": "km/h", "kwh": "kwh",
    "mw": "mw", "gw": "gw",
}  # fmt: skip
_NUMBER = re.compile(
    r"(?P<currency>[$€£¥])?\s?(?<![\w.])(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?P<tail>(?:st|nd|rd|th|s|k|m|mn|bn|b)\b)?"
    r"|\b(?P<word>(?:" + "|".join([*_SMALL[2:], *_TENS, *_SCALES, *_ORDINALS])
    + r"|one(?=[- ](?:hundred|thousand|million|billion)))"
    r"(?:[- ](?:and )?(?:" + "|".join([*_SMALL, *_TENS, *_SCALES]) + r"))*)\b",
    re.IGNORECASE,
)  # fmt: skip
_SCALE_AFTER = re.compile(r"[- ]?(hundred|thousand|million|billion|trillion|dozen)\b", re.IGNORECASE)
_UNIT_AFTER = re.compile(r"[- ]?(%|per ?cent(?:age)?\b|°[CF]\b|km/h\b|[A-Za-z]+)")
_ROUGH_BEFORE = re.compile(
    r"\b(?:about|around|roughly|approximately|approx\.?|nearly|almost|over|under|some|circa|more than|less than|"
    r"at least|up to|~)\s*$",
    re.IGNORECASE,
)

_MONTH_NAMES = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, start=1)}
_MONTHS |= {name[:3]: number for name, number in _MONTHS.items()} | {"sept": 9}
_MONTH = r"(?P<{}>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_DATE = re.compile(
    r"\b(?:"
    + _MONTH.format("m1") + r" (?P<d1>\d{1,2})(?:st|nd|rd|th)?\b(?:,? (?P<y1>\d{4})\b)?"
    + r"|(?P<d2>\d{1,2})(?:st|nd|rd|th)?(?: of)? " + _MONTH.format("m2") + r"(?:,? (?P<y2>\d{4})\b)?"
    + r"|" + _MONTH.format("m3") + r",? (?P<y3>\d{4})\b"
    + r"|(?P<y4>\d{4})-(?P<m4>\d{2})-(?P<d4>\d{2})\b"
    + r"|(?<=in )" + _MONTH.format("m5")
    + r")",
    re.IGNORECASE,
)  # fmt: skip

_NAME = re.compile(
    r"\b[A-Z][\w’'&-]*(?:\.[A-Z]\b\.?)*(?:(?: (?:of|the|de|la|van|von|al|bin|&) (?=[A-Z])| (?=[A-Z]))[A-Z][\w’'&-]*)*"
)
_NOT_NAMES = frozenset(_MONTH_NAMES) | {
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "yes", "no", "ok", "okay", "however",
    "although", "though", "additionally", "furthermore", "moreover", "therefore", "meanwhile", "overall", "finally",
    "first", "second", "third", "also", "since", "despite", "according", "based", "hello", "hi", "thanks", "please",
    "sorry", "sure", "well", "mr", "mrs", "ms", "dr",
}  # fmt: skip
_QUOTE = re.compile(r"[\"“”]([^\"“”]{4,200})[\"“”]")
_SPEAKER = frozenset({"i", "i'm", "i've", "i'd", "i'll", "me", "my", "myself"})
"""Without "mine", which is a pit more often."""
_NEGATION = re.compile(
    r"\b(?:not|never|no|none|neither|nor|without|cannot|nobody|nothing|nowhere|hardly|barely|"
    r"(?:do|does|did|is|are|was|were|has|have|had|wo|would|could|should|ca|must|need)n[’']?t|"
    r"(?:fail(?:s|ed)?|refuse[sd]?|unable) to)\b",
    re.IGNORECASE,
)


def numbers(text: str) -> list[Number]:
    """Return the quantities of a text; digits that are part of a date count as numbers too, "one" alone does not."""
    found: list[Number] = []
    for match in _NUMBER.finditer(text):
        if found and match.start() < found[-1].end:
            continue
        value, unit, end = _magnitude(match, text)
        start = match.start() + len(match.group()) - len(match.group().lstrip())
        is_rough = bool(_ROUGH_BEFORE.search(text, max(0, start - 20), start))
        found.append(Number(value, unit, is_rough, start, end))
    return found


def _magnitude(match: re.Match[str], text: str) -> tuple[float, str, int]:
    end, tail = match.end(), (match["tail"] or "").lower()
    value = float(match["digits"].replace(",", "")) if match["digits"] else _word_value(match["word"])
    unit = _UNITS.get(match["currency"] or "", "")
    if tail in _SHORT_SCALES and (unit or tail in {"bn", "mn"}):
        value *= _SHORT_SCALES[tail]
    elif tail in {"m", "k"}:
        unit = "m" if tail == "m" else unit
        value *= 1e3 if tail == "k" else 1.0
    elif tail == "s":
        unit = "decade"
    scale = _SCALE_AFTER.match(text, end) if match["digits"] else None
    if scale:
        value *= _SCALES[scale[1].lower()]
        end = scale.end()
    after = _UNIT_AFTER.match(text, end)
    if after and not unit:
        name = after[1].lower().replace("per cent", "percent")
        unit = _UNITS.get(name) or _UNITS.get(name.removesuffix("s"), "")
        end = after.end() if unit else end
    return value, unit, end


def _word_value(phrase: str) -> float:
    total = current = 0.0
    for word in re.split(r"[- ]", phrase.lower()):
        if word in _ORDINALS:
            current += _ORDINALS[word]
        elif word == "hundred":
            current = (current or 1.0) * 100.0
        elif word in _SCALES:
            total, current = total + (current or 1.0) * _SCALES[word], 0.0
        else:
            current += _WORD_VALUES.get(word, 0.0)
    return total + current


def dates(text: str) -> list[Date]:
    """Return the dates of a text that name a month; a year alone is a number."""
    found: list[Date] = []
    for match in _DATE.finditer(text):
        for form in "12345":
            month = match[f"m{form}"]
            if month is None:
                continue
            number = int(month) if month.isdigit() else _MONTHS[month.lower()]
            groups = match.groupdict()
            day, year = groups.get(f"d{form}"), groups.get(f"y{form}")
            found.append(
                Date(int(year) if year else None, number, int(day) if day else None, match.start(), match.end())
            )
    return found


def names(text: str) -> list[tuple[int, int]]:
    """Return the spans of capitalised names; a single capitalised word that opens a sentence is not taken for one."""
    opens = {start for start, _ in split_sentences(text)}
    found: list[tuple[int, int]] = []
    for match in _NAME.finditer(text):
        start, end = match.span()
        head = re.match(r"[\w’'&-]+", text[start:end])
        first = head.group() if head else ""
        if start in opens and first.lower() in STOP_WORDS | _NOT_NAMES:
            start += len(first)
            start += len(text[start:end]) - len(text[start:end].lstrip())
        elif start in opens and " " not in match.group() and first[1:].islower():
            continue
        word = text[start:end].lower()
        if end - start > 1 and word not in STOP_WORDS and word not in _NOT_NAMES:
            found.append((start, end))
    return found


def quotes(text: str) -> list[tuple[int, int]]:
    """Return the spans inside quotation marks that hold at least two words."""
    return [match.span(1) for match in _QUOTE.finditer(text) if len(words(match[1])) >= 2]


def negations(text: str) -> list[tuple[int, int]]:
    """Return the spans of the words that negate."""
    return [match.span() for match in _NEGATION.finditer(text)]


def speakers(text: str) -> list[tuple[int, int]]:
    """Return the spans of the words by which a text speaks of its author; not a quotation's, nor "Type I" or "ME"."""
    quoted = quotes(text)
    return [
        (start, end)
        for (before, *_), (word, start, end) in pairwise([("", 0, 0), *words(text)])
        if word.lower().replace("’", "'") in _SPEAKER
        and not (len(word) > 1 and word.isupper())
        and not (word == "I" and before[:1].isupper() and before.lower() not in STOP_WORDS | _NOT_NAMES)
        and not any(first <= start < last for first, last in quoted)
    ]


# --- What the context states -----------------------------------------------------------------------------------------


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
        return any(word in self.words for word in _SPEAKER)

    def has_number(self, number: Number) -> bool:
        """Whether the context states this value with this unit, or one of the two leaves the unit out."""
        if number.unit == "decade" and number.value >= 1000:
            return any(number.value <= value < number.value + 10 for value, _ in self._numbers.near(number.value, 10.0))
        tolerance = 0.05 if number.is_rough else 0.005 if number.value >= 10_000 or number.value % 1 else 0.0
        near = self._numbers.near(number.value, tolerance * abs(number.value) if tolerance else 0.0)
        return any(not number.unit or unit in ("", number.unit) for _, unit in near)

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


# --- Checks and features ---------------------------------------------------------------------------------------------

FEATURES = (
    "best_recall", "context_recall", "sentence_recall", "bigram_recall", "trigram_recall",
    "numbers_missing", "dates_missing", "names_missing", "quotes_missing", "negation_mismatch",
    "speaker_missing", "is_long",
)  # fmt: skip
_NEGATION_RECALL = 0.6
LONG_PASSAGES = 3
"""From how many passages beside the first on a context counts as fully long; overlap says more there."""


def failed_checks(claim: str, facts: ContextFacts, evidence: Sequence[Evidence]) -> list[FailedCheck]:
    """Return what of `claim` the context does not bear out, in the order of the claim.

    Negation is compared with the one sentence of `evidence` that is closest to the claim, the rest with the whole
    context. No document bears out what a text says of its author, unless it speaks of its own.
    """
    failed = [FailedCheck("number", n.start, n.end) for n in _bare_numbers(claim) if not facts.has_number(n)]
    failed += [FailedCheck("date", d.start, d.end) for d in dates(claim) if not facts.has_date(d)]
    failed += [FailedCheck("name", start, end) for start, end in names(claim) if not _has_name(claim[start:end], facts)]
    failed += [
        FailedCheck("quote", start, end) for start, end in quotes(claim) if not facts.has_quote(claim[start:end])
    ]
    if _negation_mismatch(claim, closest_sentence(claim, evidence)):
        start, end = next(iter(negations(claim)), (0, len(claim)))
        failed.append(FailedCheck("negation", start, end))
    if not facts.has_speaker:
        failed += [FailedCheck("speaker", start, end) for start, end in speakers(claim)[:1]]
    return sorted(failed, key=lambda check: (check.start, check.end, check.kind))


def lexical_features(claim: str, index: PassageIndex, facts: ContextFacts, evidence: Sequence[Evidence]) -> list[float]:
    """Return the values of `FEATURES`, all 0..1; a claim without numbers (names, quotes) misses none."""
    stems = [stem(word) for word, _, _ in words(claim)]
    content = content_words(claim)
    closest = closest_sentence(claim, evidence)
    number_list, name_list, date_list, quote_list = _bare_numbers(claim), names(claim), dates(claim), quotes(claim)
    return [
        max((one.recall for one in evidence), default=0.0),
        index.recall(content),
        closest[1],
        _share(pairwise(stems), facts.bigrams),
        _share(zip(stems, stems[1:], stems[2:], strict=False), facts.trigrams),
        _missing(facts.has_number(number) for number in number_list),
        _missing(facts.has_date(date) for date in date_list),
        _missing(_has_name(claim[start:end], facts) for start, end in name_list),
        _missing(facts.has_quote(claim[start:end]) for start, end in quote_list),
        float(_negation_mismatch(claim, closest)),
        float(not facts.has_speaker and bool(speakers(claim))),
        max(0.0, min(1.0, (len(index.passages) - 1) / LONG_PASSAGES)),
    ]


def closest_sentence(claim: str, evidence: Sequence[Evidence]) -> tuple[str, float]:
    """Return the sentence of the evidence that holds most of the claim's content words, and which share of them."""
    content = set(content_words(claim))
    best, share = "", -1.0
    for sentence in dict.fromkeys(one.text[start:end] for one in evidence for start, end in split_sentences(one.text)):
        found = len(content.intersection(content_words(sentence))) / len(content) if content else 0.0
        if found > share:
            best, share = sentence, found
    return best, max(share, 0.0)


def _bare_numbers(claim: str) -> list[Number]:
    """Numbers of a claim less those that a date of it holds; the date check covers them."""
    taken = [(date.start, date.end) for date in dates(claim)]
    return [n for n in numbers(claim) if not any(start <= n.start < end for start, end in taken)]


def _has_name(name: str, facts: ContextFacts) -> bool:
    parts = [part for part in re.split(r"[ -]", name) if len(part) > 1 and part.lower() not in STOP_WORDS]
    return all(facts.has_name_word(part) for part in parts) or facts.has_initials_of(name)


def _negation_mismatch(claim: str, closest: tuple[str, float]) -> bool:
    sentence, share = closest
    return share >= _NEGATION_RECALL and bool(negations(claim)) != bool(negations(sentence))


def _share(grams: Iterable[tuple[str, ...]], known: Known) -> float:
    found = [gram in known for gram in grams]
    return sum(found) / len(found) if found else 1.0


def _missing(found: Iterable[bool]) -> float:
    answers = list(found)
    return 1.0 - sum(answers) / len(answers) if answers else 0.0
