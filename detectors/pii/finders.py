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
from detectors.pii.catalogue import FLOOR, ID_THRESHOLD, PROOFS, Entry
from detectors.pii.context import ContextWords, words_around, words_before
from detectors.pii.patterns import FLAGS, IBAN_LENGTHS, Form, localised, whole, without_edges
from detectors.text.regular import Node, parse
from detectors.text.regular.charset import CharSet, category
from detectors.text.regular.tree import Alt, Atomic, Chars, Group, Repeat, Seq
from detectors.types import Finding

PHONE_NUMBER = "PHONE_NUMBER"
PHONE_THRESHOLD = ID_THRESHOLD
_PHONE_NAMES = (
    *("phone", "telephone", "tel", "cell", "cellphone", "mobile", "fax", "whatsapp", "call", "dial", "phone number"),
    *("telephone number", "mobile number", "cell number", "phone no", "tel no", "telefon", "telefono", "teléfono"),
    *("telefone", "téléphone", "телефон", "telefoon", "telefonnummer", "rufnummer", "celular", "móvil", "hotline"),
    *("whats app", "mob", "gsm", "natel", "mobile no", "cell no", "telefón", "telefonszám", "puhelin", "тел", "моб"),
    *("телефону", "τηλέφωνο", "τηλ", "κινητό", "טלפון", "נייד", "هاتف", "جوال", "telepon", "điện thoại"),
    *("电话", "手机", "電話", "携帯", "전화", "โทร"),
)
"""Words before a number that can be about nothing else."""
_PHONE_CONTEXT = (
    *("sms", "mobil", "handy", "ph", "text", "reach", "contact", "telefonum", "cellulare", "mon numéro", "helpline"),
    *("mi número", "mio numero", "mój numer", "meu número", "mijn nummer", "tlf", "portable", "telefonu", "numara"),
    *("numaram", "mitt nummer", "min nummer", "meine nummer", "moje číslo", "мой номер", "мій номер"),
    *("제 번호", "내 번호"),
    *("llámame", "llámanos", "llámeme", "llámenos", "llamar", "appelez", "joindre", "chiamami", "chiamare", "anrufen"),
    *("bellen", "ringa", "zadzwoń", "dzwonić", "звоните", "позвоните", "звонить", "zavolejte", "zavolajte"),
    *_PHONE_NAMES,
)
"""Presidio's, without `number`, which says nothing, and with the words in other languages."""


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

    def find(self, around: Surroundings) -> Iterator[Finding]:
        """What begins between `around.begin` and `around.end`, with its final score and what speaks for it."""
        ...


class PatternFinder:
    """Runs the patterns of an entry, and its recognizer's checks. Immutable once made."""

    def __init__(self, entry: Entry) -> None:
        self.label = entry.label
        self.forms = _forms(entry)
        self.regexes: Sequence[str] = [form.regex for form in self.forms]
        self._patterns = [(_searcher(form.regex), form) for form in self.forms]
        trees = [parse(without_edges(form.regex), FLAGS) for form in self.forms]
        self._digits = min(_least(tree, _DIGITS) for tree in trees)
        self._signs = [each for each in "@:" if min(_least(tree, CharSet.from_text(each)) for tree in trees)]
        self._check = _check(entry)
        self._proof = PROOFS.get(entry.class_name, "") if entry.module else entry.proof
        self._bare = entry.bare
        self._guard = entry.guard
        self._context = context_of(entry)
        self.context = None if entry.bare >= FLOOR else self._context

    def find(self, around: Surroundings) -> Iterator[Finding]:
        """What the patterns match, the check passes and the guard lets pass."""
        if not self._may_find(around):
            return
        for start, end, form in self._matches(around.text, around.begin, around.end):
            checked, is_proved = self._check(around.text[start:end], form.score)
            if checked > 0 and (self._guard is None or self._guard(around.text, start, end)):
                words = around.words_before(start)
                score = self._judged(checked, words)
                if score >= FLOOR:
                    proof = self._proof if is_proved else ""
                    yield Finding(start, end, self.label, score, reason_of(form.called, proof, self._context, words))

    def _may_find(self, around: Surroundings) -> bool:
        """Whether there is what every match has, and a context word if one is needed."""
        if self._digits and around.digits < self._digits:
            return False
        if any(around.text.find(each, around.begin) < 0 for each in self._signs):
            return False
        return self.context is None or self.context.is_among(around.words_around)

    def _matches(self, text: str, begin: int, end: int) -> Iterator[tuple[int, int, Form]]:
        """The matches that begin in the stretch, the best of each pattern at each place."""
        for search, form in self._patterns:
            match = search(text, begin)
            while match is not None and match.start() < end:
                yield match.start(), match.end(), form
                match = search(text, match.start() + 1)

    def _judged(self, score: float, words: str) -> float:
        """Better after a context word; at most `bare` without."""
        return self._context.boost(score, words) or min(score, self._bare)


class PhoneFinder:
    """Phone numbers: of some regions wherever they are written as such, of more after a context word."""

    label = PHONE_NUMBER
    context: ContextWords | None = None
    regexes: Sequence[str] = (phones.CANDIDATE,)

    def __init__(self, regions: Sequence[str], more: Sequence[str]) -> None:
        self._regions = tuple(regions)
        self._all = (*regions, *more)
        self._context = ContextWords(_PHONE_CONTEXT)
        self._names = ContextWords(_PHONE_NAMES)

    def find(self, around: Surroundings) -> Iterator[Finding]:
        """The phone numbers."""
        if around.digits < phones.LEAST_DIGITS:
            return
        may_have_context = self._context.is_among(around.words_around)
        for start, first in phones.starts(around.text, around.begin, around.end):
            words = around.words_before(start) if may_have_context else ""
            said = self._said_by(words)
            regions = self._all if said else self._regions
            phone = phones.longest(around.text, start, first, regions, words=said)
            if phone is not None:
                score = self._context.boost(phone.score, words) or phone.score
                proof = "" if said is phones.Words.NAME else "valid in a numbering plan"
                reason = reason_of(f"phone number {phone.written}", proof, self._context, words)
                yield Finding(phone.start, phone.end, PHONE_NUMBER, score, reason)

    def _said_by(self, words: str) -> phones.Words:
        """What the words before a number say of it."""
        if not words or self._context.boost(0.0, words) is None:
            return phones.Words.NONE
        if self._names.is_last(words):
            return phones.Words.NAME
        return phones.Words.NEXT if self._context.is_last(words) else phones.Words.NEAR


def reason_of(form: str, proof: str, context: ContextWords, words: str) -> str:
    """What speaks for a finding behind these words: its form, the check that it passed, the word that names it."""
    word = context.word(words)
    said = f"context word '{word}'" if word else ""
    return ", ".join(filter(None, (form, proof, said)))


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


def context_of(entry: Entry) -> ContextWords:
    """The context words of an entry: its recognizer's and its own."""
    own = _recognizer(entry).context or () if entry.module else ()
    return ContextWords({*own, *entry.context} - {*entry.no_context})


_SEPARATORS = str.maketrans("", "", "-+./ :()")


def _check(entry: Entry) -> Callable[[str, float], tuple[float, bool]]:
    """What a match is worth, and whether it passed a check: its pattern's score, 1 when it is proved, 0 for none."""
    own = entry.check
    if own is not None:
        return lambda found, score: (score, True) if own(_pure(found, entry).upper()) else (0.0, False)
    if not entry.module:
        return lambda _, score: (score, False)
    recognizer = _recognizer(entry)

    def check(found: str, score: float) -> tuple[float, bool]:
        written = _pure(found, entry)
        is_valid = recognizer.validate_result(written)
        if is_valid is False or recognizer.invalidate_result(written):
            return 0.0, False
        return (1.0, True) if is_valid else (score, False)

    return check


def _pure(found: str, entry: Entry) -> str:
    """What was found, a number without what stands between its groups."""
    return found.translate(_SEPARATORS) if entry.in_groups else found
