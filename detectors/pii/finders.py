"""One recognizer, ready to run: its patterns, its checks, and what its results are worth.

A finder is asked what *begins* in a stretch of text. What it says of a place depends on the characters around that
place alone (`context.REACH` before it, `blocks.WIDTH` behind), never on what it found before: so the same is found
however a text was cut, and a number that fails its check hides no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Protocol

from detectors.pii import phones, presidio
from detectors.pii.catalogue import FLOOR, ID_THRESHOLD, Entry
from detectors.pii.context import ContextWords, words_around, words_before
from detectors.pii.patterns import FLAGS, IBAN_LENGTHS, Form, localised, whole, without_edges
from detectors.regular import Node, parse
from detectors.regular.charset import CharSet, category
from detectors.regular.tree import Alt, Atomic, Chars, Group, Repeat, Seq

PHONE_NUMBER = "PHONE_NUMBER"
PHONE_THRESHOLD = ID_THRESHOLD
_PHONE_NAMES = (
    *("phone", "telephone", "tel", "cell", "cellphone", "mobile", "fax", "whatsapp", "call", "dial", "phone number"),
    *("telephone number", "mobile number", "cell number", "phone no", "tel no", "telefon", "telefono", "teléfono"),
    *("telefone", "téléphone", "телефон", "telefoon", "telefonnummer", "rufnummer", "celular", "móvil", "hotline"),
    *("电话", "手机", "電話", "전화"),
)
"""Words before a number that can be about nothing else."""
_PHONE_CONTEXT = (
    *("phone", "telephone", "tel", "cell", "cellphone", "mobile", "fax", "whatsapp", "sms", "mobil", "handy", "ph"),
    *("call", "text", "reach", "dial", "contact", "telefon", "telefono", "teléfono", "telefone", "téléphone"),
    *("телефон", "telefonum", "móvil", "cellulare", "mon numéro", "hotline", "helpline", "celular", "telefoon", "tlf"),
    *("portable", "gsm", "telefonnummer", "rufnummer", "电话", "手机", "電話", "전화", "puhelin", "telefonu", "numara"),
)
"""Presidio's, without `number`, which says nothing, and with the word in other languages."""


class Surroundings:
    """A text, and the context words before its places."""

    def __init__(self, text: str, begin: int, end: int) -> None:
        self.text = text
        self.begin = begin
        self.end = end
        self._before: dict[int, str] = {}

    def words_before(self, start: int) -> str:
        """The last words before a place."""
        words = self._before.get(start)
        if words is None:
            words = self._before[start] = words_before(self.text, start)
        return words

    @cached_property
    def words_around(self) -> str:
        """At least the words before any place that is asked about."""
        return words_around(self.text, self.begin, self.end)

    @cached_property
    def digits(self) -> int:
        """How many digits there are, those that a match may go on with included."""
        return sum(map(str.isdigit, self.text[self.begin :]))


class Finder(Protocol):
    """Finds one label."""

    context: ContextWords | None
    """Without one of these words around it finds nothing; None: it may."""

    label: str
    reason: str
    """For the findings: which recognizer."""

    def find(self, around: Surroundings) -> Iterator[tuple[int, int, float]]:
        """Start, end and final score of what begins between `around.begin` and `around.end`."""
        ...


class PatternFinder:
    """Runs the patterns of an entry, and its recognizer's checks. Immutable once made."""

    def __init__(self, entry: Entry) -> None:
        self.label = entry.label
        self.reason = entry.reason or entry.class_name
        self.forms = _forms(entry)
        self.regexes: Sequence[str] = [form.regex for form in self.forms]
        self._patterns = [(_searcher(form.regex), form.score) for form in self.forms]
        trees = [parse(without_edges(form.regex), FLAGS) for form in self.forms]
        self._digits = min(_least(tree, _DIGITS) for tree in trees)
        self._signs = [each for each in "@:" if min(_least(tree, CharSet.from_text(each)) for tree in trees)]
        self._check = _check(entry)
        self._bare = entry.bare
        self._guard = entry.guard
        own = _recognizer_context(entry)
        self._context = ContextWords({*own, *entry.context} - {*entry.no_context})
        self.context = None if entry.bare >= FLOOR else self._context

    def find(self, around: Surroundings) -> Iterator[tuple[int, int, float]]:
        """Start, end and score of what the patterns match, the check passes and the guard lets pass."""
        if not self._may_find(around):
            return
        for start, end, form_score in self._matches(around.text, around.begin, around.end):
            checked = self._check(around.text[start:end], form_score)
            if checked > 0 and (self._guard is None or self._guard(around.text, start, end)):
                score = self._judged(checked, around.words_before(start))
                if score >= FLOOR:
                    yield start, end, score

    def _may_find(self, around: Surroundings) -> bool:
        """Whether there is what every match has, and a context word if one is needed."""
        if self._digits and around.digits < self._digits:
            return False
        if any(around.text.find(each, around.begin) < 0 for each in self._signs):
            return False
        return self.context is None or self.context.is_among(around.words_around)

    def _matches(self, text: str, begin: int, end: int) -> Iterator[tuple[int, int, float]]:
        """The matches that begin in the stretch, the best of each pattern at each place."""
        for search, score in self._patterns:
            match = search(text, begin)
            while match is not None and match.start() < end:
                yield match.start(), match.end(), score
                match = search(text, match.start() + 1)

    def _judged(self, score: float, words: str) -> float:
        """Better after a context word; at most `bare` without."""
        return self._context.boost(score, words) or min(score, self._bare)


class PhoneFinder:
    """Phone numbers: of some regions wherever they are written as such, of more after a context word."""

    label = PHONE_NUMBER
    context: ContextWords | None = None
    reason = "PhoneRecognizer"
    regexes: Sequence[str] = (phones.CANDIDATE,)

    def __init__(self, regions: Sequence[str], more: Sequence[str]) -> None:
        self._regions = tuple(regions)
        self._all = (*regions, *more)
        self._context = ContextWords(_PHONE_CONTEXT)
        self._names = ContextWords(_PHONE_NAMES)

    def find(self, around: Surroundings) -> Iterator[tuple[int, int, float]]:
        """Start, end and score of the phone numbers."""
        if around.digits < phones.LEAST_DIGITS:
            return
        may_have_context = self._context.is_among(around.words_around)
        for start, first in phones.starts(around.text, around.begin, around.end):
            words = around.words_before(start) if may_have_context else ""
            said = self._said_by(words)
            regions = self._all if said else self._regions
            phone = phones.longest(around.text, start, first, regions, words=said)
            if phone is not None:
                yield phone.start, phone.end, self._context.boost(phone.score, words) or phone.score

    def _said_by(self, words: str) -> phones.Words:
        """What the words before a number say of it."""
        if not words or self._context.boost(0.0, words) is None:
            return phones.Words.NONE
        if self._names.is_last(words):
            return phones.Words.NAME
        return phones.Words.NEXT if self._context.is_last(words) else phones.Words.NEAR


def _searcher(regex: str) -> Callable[[str, int], re.Match[str] | None]:
    return re.compile(regex, FLAGS).search


_DIGITS = category("d")


def _least(node: Node, chars: CharSet) -> int:
    """The fewest characters out of a set that a match has, or fewer."""
    match node:
        case Chars(own):
            return int((own | chars).ranges == chars.ranges)
        case Seq(items):
            return sum(_least(item, chars) for item in items)
        case Alt(branches):
            return min(_least(branch, chars) for branch in branches)
        case Repeat(item, low):
            return _least(item, chars) * low
        case Group(_, item) | Atomic(item):
            return _least(item, chars)
        case _:
            return 0


def _forms(entry: Entry) -> list[Form]:
    forms = entry.forms or [
        Form(pattern.name, localised(pattern.regex), pattern.score)
        for pattern in presidio.recognizer_class(entry.module, entry.class_name).PATTERNS
        if pattern.name not in entry.without
    ]
    return [form if form.has_edges else form._replace(regex=whole(form.regex)) for form in forms]


def _recognizer(entry: Entry) -> presidio.Recognizer:
    if entry.label == "IBAN_CODE":
        presidio.add_iban_countries(IBAN_LENGTHS)
    recognizer: presidio.Recognizer = presidio.recognizer_class(entry.module, entry.class_name)()
    return recognizer


def _recognizer_context(entry: Entry) -> Sequence[str]:
    return _recognizer(entry).context or () if entry.module else ()


_SEPARATORS = str.maketrans("", "", "-+./ :()")


def _check(entry: Entry) -> Callable[[str, float], float]:
    """What a match is worth: its pattern's score, 1 when a check is passed that proves it, 0 when one fails."""
    if not entry.module:
        own = entry.check
        return lambda found, score: score if own is None or own(_pure(found, entry).upper()) else 0.0
    recognizer = _recognizer(entry)

    def check(found: str, score: float) -> float:
        written = _pure(found, entry)
        is_valid = recognizer.validate_result(written)
        if is_valid is False or recognizer.invalidate_result(written):
            return 0.0
        return 1.0 if is_valid else score

    return check


def _pure(found: str, entry: Entry) -> str:
    """What was found, a number without what stands between its groups."""
    return found.translate(_SEPARATORS) if entry.in_groups else found
