"""The exact half of grounding: what of a claim can be looked up in the context word for word.

* `Compared.failed`: which number, date, name, quotation, negation, mention of its author or turn of wording (`wording`)
  a claim has that the context does not bear out, with its span;
* `Compared.features`: the same and word overlap as numbers, for the combiner that joins them with the pair model.

Pure Python and deterministic; training and serving both call it, so they cannot differ. A number may be stated in
another unit, or be the sum or the difference of two that stand together. Relative dates ("two years later") are not
resolved: such a number counts as not found, and the combiner has learnt how much that means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise

from detectors.grounding.facts import YEARS, ContextFacts
from detectors.grounding.passages import (
    STOP_WORDS,
    Evidence,
    PassageIndex,
    content_of,
    content_words,
    split_sentences,
    stem,
    words,
)
from detectors.grounding.stated import Number, dates, names, negations, numbers, quotes, speakers
from detectors.grounding.terms import Known
from detectors.grounding.wording import (
    changed_quantifiers,
    dropped_hedges,
    is_copy,
    is_near_copy,
    substituted_words,
    swapped_names,
)

FEATURES = (
    "best_recall", "context_recall", "sentence_recall", "bigram_recall", "trigram_recall",
    "numbers_missing", "dates_missing", "names_missing", "quotes_missing", "negation_mismatch",
    "speaker_missing", "is_long", "word_changed", "turned",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """Something in `[start, end)` of the claim that the context does not bear out.

    `kind` is number, date, name, quote, negation, speaker, hedge, quantifier, order or word.
    """

    kind: str
    start: int
    end: int


CLOSE = 0.6
"""The share of a claim's content words that the closest sentence must hold for their negations to be compared."""
LONG_PASSAGES = 3
"""From how many passages beside the first on a context counts as fully long; overlap says more there."""


class Compared:
    """A claim beside its evidence: what it states, and what the sentence closest to it says, each looked up once.

    Wording (negation, hedges, quantifiers, order, single words) is compared with that one sentence, the rest with the
    whole context. No document bears out what a text says of its author, unless it speaks of its own.
    """

    def __init__(self, claim: str, facts: ContextFacts, evidence: Sequence[Evidence]) -> None:
        self._claim = claim
        self._facts = facts
        self._evidence = evidence
        self._closest = closest_sentence(claim, evidence)
        self._turned = _turned(claim, self._closest)
        self._numbers = [(n.start, n.end, self._has_number(n)) for n in _bare_numbers(claim)]
        self._dates = [(d.start, d.end, facts.has_date(d)) for d in dates(claim)]
        self._names = [(*span, _has_name(claim[slice(*span)], facts)) for span in names(claim)]
        self._quotes = [(*span, facts.has_quote(claim[slice(*span)])) for span in quotes(claim)]
        self._is_negated = _negation_mismatch(claim, self._closest)
        self._speakers = [] if facts.has_speaker else speakers(claim)

    @property
    def is_copy(self) -> bool:
        """Whether the closest sentence says the claim word for word, and no check has failed."""
        return is_copy(self._claim, self._closest[0]) and not self.failed

    @cached_property
    def failed(self) -> list[FailedCheck]:
        """What of the claim the context does not bear out, in the order of the claim."""
        looked_up = {"number": self._numbers, "date": self._dates, "name": self._names, "quote": self._quotes}
        failed = [
            FailedCheck(kind, start, end)
            for kind, every in looked_up.items()
            for start, end, is_there in every
            if not is_there
        ]
        if self._is_negated:
            failed.append(FailedCheck("negation", *next(iter(negations(self._claim)), (0, len(self._claim)))))
        failed += [FailedCheck("speaker", *span) for span in self._speakers[:1]]
        failed += [FailedCheck(kind, *span) for kind, spans in self._turned.items() for span in spans[:1]]
        return sorted(failed, key=lambda check: (check.start, check.end, check.kind))

    def features(self, index: PassageIndex) -> list[float]:
        """The values of `FEATURES`, all 0..1; a claim without numbers (names, quotes) misses none."""
        stems = [stem(word) for word, _, _ in words(self._claim)]
        return [
            max((one.recall for one in self._evidence), default=0.0),
            index.recall(content_words(self._claim)),
            self._closest[1],
            _share(pairwise(stems), self._facts.bigrams),
            _share(zip(stems, stems[1:], stems[2:], strict=False), self._facts.trigrams),
            *(_missing(every) for every in (self._numbers, self._dates, self._names, self._quotes)),
            float(self._is_negated),
            float(bool(self._speakers)),
            max(0.0, min(1.0, (len(index.passages) - 1) / LONG_PASSAGES)),
            float(bool(self._turned["word"])),
            float(any(self._turned[kind] for kind in TURNS)),
        ]

    def _has_number(self, number: Number) -> bool:
        return self._facts.has_number(number) or is_computed(number, self._closest[0])


def lexical_features(claim: str, index: PassageIndex, facts: ContextFacts, evidence: Sequence[Evidence]) -> list[float]:
    """The values of `FEATURES`; see `Compared`."""
    return Compared(claim, facts, evidence).features(index)


TURNS = ("hedge", "quantifier", "order")
"""Changes of wording after which a near copy says something else, whatever else the two have in common."""


def _turned(claim: str, closest: tuple[str, float]) -> dict[str, list[tuple[int, int]]]:
    """Where the claim's wording turns what the closest sentence says, by kind: `TURNS`, and word."""
    sentence = closest[0]
    if not is_near_copy(claim, sentence):
        return {kind: [] for kind in (*TURNS, "word")}
    figures = [(number.start, number.end) for number in _bare_numbers(claim)]
    taken = [(date.start, date.end) for date in dates(claim)]
    return {
        "hedge": dropped_hedges(claim, sentence),
        "quantifier": changed_quantifiers(claim, sentence),
        "order": swapped_names(claim, sentence, _capitalised(claim)) or swapped_names(claim, sentence, figures),
        "word": [span for span in substituted_words(claim, sentence) if not _is_within(span, figures + taken)],
    }


def _is_within(span: tuple[int, int], spans: Iterable[tuple[int, int]]) -> bool:
    return any(start < span[1] and span[0] < end for start, end in spans)


def _capitalised(text: str) -> list[tuple[int, int]]:
    """The words that may be names: written so in two sentences, a word that opens one of them is one."""
    return [(start, end) for word, start, end in words(text) if word[0].isupper() and word.lower() not in STOP_WORDS]


def is_computed(number: Number, sentence: str) -> bool:
    """Whether a number is the sum or the difference of two of a sentence, of its unit, or years between two dates."""
    stated = numbers(sentence)[:_MOST_ADDED]
    values = [each.value for each in stated if each.unit == number.unit]
    sums = {round(total, 6) for a, b in combinations(values, 2) for total in (a + b, abs(a - b))}
    if len(values) > 2:
        sums.add(round(sum(values), 6))
    if number.unit == "year":
        years = [each.value for each in stated if not each.unit and YEARS[0] <= each.value <= YEARS[1]]
        sums |= {abs(a - b) for a, b in combinations(years, 2)}
    return number.value > 0 and round(number.value, 6) in sums


_MOST_ADDED = 16


def closest_sentence(claim: str, evidence: Sequence[Evidence]) -> tuple[str, float]:
    """Return the sentence of the evidence that holds most of the claim's content words, and which share of them."""
    content = set(content_words(claim))
    best, share = "", -1.0
    for sentence in dict.fromkeys(one.text[start:end] for one in evidence for start, end in split_sentences(one.text)):
        found = len(content & content_of(sentence)) / len(content) if content else 0.0
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
    return share >= CLOSE and bool(negations(claim)) != bool(negations(sentence))


def _share(grams: Iterable[tuple[str, ...]], known: Known) -> float:
    found = [gram in known for gram in grams]
    return sum(found) / len(found) if found else 1.0


def _missing(looked_up: Sequence[tuple[int, int, bool]]) -> float:
    return 1.0 - sum(is_there for *_, is_there in looked_up) / len(looked_up) if looked_up else 0.0
