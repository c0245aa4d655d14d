"""The exact half of grounding: what of a claim can be looked up in the context word for word.

* `failed_checks`: which number, date, name, quotation, negation, mention of its author or turn of wording (`wording`) a
  claim has that the context does not bear out, with its span;
* `lexical_features`: the same and word overlap as numbers, for the combiner that joins them with the pair model.

Pure Python and deterministic; training and serving both call it, so they cannot differ. A number may be stated in
another unit, or be the sum or the difference of two that stand together. Relative dates ("two years later") are not
resolved: such a number counts as not found, and the combiner has learnt how much that means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from detectors.grounding.facts import YEARS, ContextFacts
from detectors.grounding.passages import STOP_WORDS, Evidence, PassageIndex, content_words, split_sentences, stem, words
from detectors.grounding.stated import Number, dates, names, negations, numbers, quotes, speakers
from detectors.grounding.terms import Known
from detectors.grounding.wording import (
    changed_quantifiers,
    dropped_hedges,
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


def failed_checks(claim: str, facts: ContextFacts, evidence: Sequence[Evidence]) -> list[FailedCheck]:
    """Return what of `claim` the context does not bear out, in the order of the claim.

    Wording (negation, hedges, quantifiers, order, single words) is compared with the one sentence of `evidence` that is
    closest to the claim, the rest with the whole context. No document bears out what a text says of its author, unless
    it speaks of its own.
    """
    closest = closest_sentence(claim, evidence)
    failed = [
        FailedCheck("number", n.start, n.end)
        for n in _bare_numbers(claim)
        if not facts.has_number(n) and not is_computed(n, closest[0])
    ]
    failed += [FailedCheck("date", d.start, d.end) for d in dates(claim) if not facts.has_date(d)]
    failed += [FailedCheck("name", start, end) for start, end in names(claim) if not _has_name(claim[start:end], facts)]
    failed += [
        FailedCheck("quote", start, end) for start, end in quotes(claim) if not facts.has_quote(claim[start:end])
    ]
    if _negation_mismatch(claim, closest):
        start, end = next(iter(negations(claim)), (0, len(claim)))
        failed.append(FailedCheck("negation", start, end))
    if not facts.has_speaker:
        failed += [FailedCheck("speaker", start, end) for start, end in speakers(claim)[:1]]
    failed += [FailedCheck(kind, *span) for kind, spans in _turned(claim, closest).items() for span in spans[:1]]
    return sorted(failed, key=lambda check: (check.start, check.end, check.kind))


def lexical_features(claim: str, index: PassageIndex, facts: ContextFacts, evidence: Sequence[Evidence]) -> list[float]:
    """Return the values of `FEATURES`, all 0..1; a claim without numbers (names, quotes) misses none."""
    stems = [stem(word) for word, _, _ in words(claim)]
    content = content_words(claim)
    closest = closest_sentence(claim, evidence)
    number_list, name_list, date_list, quote_list = _bare_numbers(claim), names(claim), dates(claim), quotes(claim)
    turned = _turned(claim, closest)
    return [
        max((one.recall for one in evidence), default=0.0),
        index.recall(content),
        closest[1],
        _share(pairwise(stems), facts.bigrams),
        _share(zip(stems, stems[1:], stems[2:], strict=False), facts.trigrams),
        _missing(facts.has_number(number) or is_computed(number, closest[0]) for number in number_list),
        _missing(facts.has_date(date) for date in date_list),
        _missing(_has_name(claim[start:end], facts) for start, end in name_list),
        _missing(facts.has_quote(claim[start:end]) for start, end in quote_list),
        float(_negation_mismatch(claim, closest)),
        float(not facts.has_speaker and bool(speakers(claim))),
        max(0.0, min(1.0, (len(index.passages) - 1) / LONG_PASSAGES)),
        float(bool(turned["word"])),
        float(any(turned[kind] for kind in TURNS)),
    ]


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
    return share >= CLOSE and bool(negations(claim)) != bool(negations(sentence))


def _share(grams: Iterable[tuple[str, ...]], known: Known) -> float:
    found = [gram in known for gram in grams]
    return sum(found) / len(found) if found else 1.0


def _missing(found: Iterable[bool]) -> float:
    answers = list(found)
    return 1.0 - sum(answers) / len(answers) if answers else 0.0
