"""What a text states, word for word, each with its span.

`numbers` (with units, number words, percentages, money), `dates`, `names`, `quotes`, `negations` and `speakers`. A
small model reads meaning and is bad at digits, names and quotations; reading those is cheap and exact. Pure Python and
deterministic. It knows English.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from detectors.grounding.passages import STOP_WORDS, split_sentences, words


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
SPEAKER = frozenset({"i", "i'm", "i've", "i'd", "i'll", "me", "my", "myself"})
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
        if word.lower().replace("’", "'") in SPEAKER
        and not (len(word) > 1 and word.isupper())
        and not (word == "I" and before[:1].isupper() and before.lower() not in STOP_WORDS | _NOT_NAMES)
        and not any(first <= start < last for first, last in quoted)
    ]
