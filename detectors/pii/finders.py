"""One recognizer, ready to run: Presidio's class with our patterns, and what its results are worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from detectors.pii import phones, presidio
from detectors.pii.catalogue import FLOOR, ID_THRESHOLD, Entry
from detectors.pii.context import ContextWords
from detectors.pii.patterns import FLAGS, IBAN_LENGTHS, Form, localised, whole

PHONE_NUMBER = "PHONE_NUMBER"
PHONE_THRESHOLD = ID_THRESHOLD
_PHONE_CONTEXT = (
    *("phone", "telephone", "tel", "cell", "cellphone", "mobile", "fax", "whatsapp", "sms", "mobil", "handy"),
    *("call", "text", "reach", "dial", "contact", "telefon", "telefono", "teléfono", "telefone", "téléphone"),
    *("телефон", "telefonum", "móvil", "cellulare", "mon numéro"),
)
"""Presidio's, without `number`, which says nothing, and with the word in other languages."""


class Finder(Protocol):
    """Finds one label."""

    label: str
    reason: str
    """For the findings: which recognizer."""
    regexes: Sequence[str]
    """Patterns of which one matches wherever this finds anything."""

    def find(self, text: str, *, in_context: bool) -> Iterator[tuple[int, int, float]]:
        """Start, end and score of what is there; without a context word around, what needs one may be left out."""
        ...

    def judged(self, score: float, words: str) -> float:
        """What a result is worth after these words (of `words_before`); 0 when it is no finding."""
        ...

    def has_context(self, words: str) -> bool:
        """Whether a context word is among these (of `words_around`)."""
        ...


class PresidioFinder:
    """Runs a recognizer of Presidio's. Immutable once made."""

    def __init__(self, entry: Entry) -> None:
        forms = _forms(entry)
        recognizer = _recognizer(entry, forms)
        self.label = entry.label
        self.reason = entry.class_name
        self.regexes: Sequence[str] = [form.regex for form in forms]
        self._analyze: Callable[[str, list[str]], list[presidio.Result]] = recognizer.analyze
        self._labels = [entry.label]
        self._bare = entry.bare
        self._guard = entry.guard
        self._context = ContextWords({*(recognizer.context or ()), *entry.context} - {*entry.no_context})
        self._analyze("", self._labels)  # Presidio compiles its patterns at their first use

    def find(self, text: str, *, in_context: bool) -> Iterator[tuple[int, int, float]]:
        """Start, end and score of what Presidio's recognizer finds and the guard lets pass."""
        if not in_context and self._bare < FLOOR:
            return
        for result in self._analyze(text, self._labels):
            if self._guard is None or self._guard(text, result.start, result.end):
                yield result.start, result.end, result.score

    def judged(self, score: float, words: str) -> float:
        """Better after a context word; at most `bare` without."""
        score = self._context.boost(score, words) or min(score, self._bare)
        return score if score >= FLOOR else 0.0

    def has_context(self, words: str) -> bool:
        """Whether a context word is among these."""
        return self._context.is_among(words)


class PhoneFinder:
    """Phone numbers as some regions write them."""

    label = PHONE_NUMBER
    reason = "PhoneRecognizer"
    regexes: Sequence[str] = (phones.CANDIDATE,)

    def __init__(self, regions: Sequence[str], *, needs_context: bool) -> None:
        self._regions = tuple(regions)
        self._needs_context = needs_context
        self._context = ContextWords(_PHONE_CONTEXT)

    def find(self, text: str, *, in_context: bool) -> Iterator[tuple[int, int, float]]:
        """Start, end and score of the phone numbers."""
        if not in_context and self._needs_context:
            return
        for phone in phones.find_phones(text, self._regions, sure_only=not in_context):
            yield phone.start, phone.end, phone.score

    def judged(self, score: float, words: str) -> float:
        """Better after a context word; nothing without, when the writing alone says too little."""
        boosted = self._context.boost(score, words)
        if boosted is None and (self._needs_context or score <= phones.WEAK):
            return 0.0
        return boosted or score

    def has_context(self, words: str) -> bool:
        """Whether a context word is among these."""
        return self._context.is_among(words)


def _forms(entry: Entry) -> list[Form]:
    forms = entry.forms or [
        Form(pattern.name, localised(pattern.regex), pattern.score)
        for pattern in presidio.recognizer_class(entry.module, entry.class_name).PATTERNS
        if pattern.name not in entry.without
    ]
    return [Form(form.name, whole(form.regex), form.score) for form in forms]


def _recognizer(entry: Entry, forms: Sequence[Form]) -> presidio.Recognizer:
    patterns = [presidio.make_pattern(*form) for form in forms]
    if not entry.module:
        plain: presidio.Recognizer = presidio.base_class(entry.class_name)(entry.label, patterns=patterns, context=[])
        return plain
    options: dict[str, Any] = {}
    if entry.label == "IBAN_CODE":
        presidio.add_iban_countries(IBAN_LENGTHS)
        options["regex_flags"] = FLAGS
    recognizer: presidio.Recognizer = presidio.recognizer_class(entry.module, entry.class_name)(
        patterns=patterns, **options
    )
    return recognizer
