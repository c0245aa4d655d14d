"""Small changes of wording that turn what a sentence says: a claim beside the sentence of the context closest to it.

A near copy shares all its words but one with what it was copied from, so that word overlap is nearly whole and a small
model agrees; which word differs, and whether the same words stand in another order, can be looked up. Here are

* `dropped_hedges`: the context says "may" or "some experts believe", the claim states it as a fact;
* `changed_quantifiers`: "most" or "all" for "some", "many" for "few", an "only" that the context has not, or elsewhere;
* `swapped_names`: names, or numbers, that stand the other way round, the voice being the same;
* `substituted_words`: another word in the same place of an otherwise equal run.

Pure Python, deterministic, made for English. Each returns spans of the claim, empty where nothing differs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import combinations, pairwise
from typing import NamedTuple

from detectors.grounding.passages import STOP_WORDS, stem, words

Span = tuple[int, int]

_HEDGE = re.compile(
    r"""\b(?:
      may(?!\s+\d)|might|could|possibly|perhaps|probably|presumably|likely|reportedly|allegedly|apparently|supposedly
    | purportedly|seem(?:s|ed)?\ to|appear(?:s|ed)?\ to|tend(?:s|ed)?\ to
    | (?:is|are|was|were|been)\ (?:widely\ |often\ |generally\ )?
      (?:believed|thought|said|rumou?red|alleged|claimed|considered|expected|reported|estimated|assumed|suspected)\b
    | (?:some|many|several|most|a\ few)\ (?:\w+\ )?
      (?:experts?|scientists?|researchers?|critics?|historians?|scholars?|people|observers?|analysts?|studies|sources?)
      \ (?:believe|think|say|claim|argue|suggest|suspect|contend|maintain|hold|consider)
    | suggest(?:s|ed)?\ that|claim(?:s|ed)?\ (?:that|to)|alleg(?:es?|ed)\ that|speculat\w+
    )\b""",
    re.VERBOSE | re.IGNORECASE,
)
_MONTH_MAY = re.compile(r"\bMay\b")
_QUANTIFIERS = {
    "none": "no none never nobody nothing",
    "few": "few little rarely seldom hardly",
    "some": "some several sometimes partly partially occasionally",
    "many": "many numerous often frequently",
    "most": "most mostly usually mainly largely generally majority",
    "all": "all every each always entirely completely everyone everybody everything",
}
_AMOUNTS = tuple(_QUANTIFIERS)
_AMOUNT_OF = {word: place for place, listed in enumerate(_QUANTIFIERS.values()) for word in listed.split()}
_ONLY = frozenset({"only", "solely", "exclusively"})
_PASSIVE = re.compile(r"\b(?:is|are|was|were|be|been|being)\b(?:\s+\w+){0,2}\s+by\b", re.IGNORECASE)
_SIDE_BY_SIDE = re.compile(r"^\s*(?:,|and|or|&|,?\s*(?:and|or)|with|versus|vs\.?|between)?\s*$", re.IGNORECASE)
_NEAR_COPY = 0.6
"""The share of a claim's words that must stand in the same order for it to be compared word by word."""
_LONGEST_CHANGE = 2


class _Word(NamedTuple):
    """A word of a text: its common form, whether it carries meaning, and where it stands."""

    stem: str
    has_meaning: bool
    start: int
    end: int


def dropped_hedges(claim: str, closest: str) -> list[Span]:
    """The whole claim where `closest` only says that something may be so, and the claim that it is."""
    return [(0, len(claim))] if _hedges(closest) and not _hedges(claim) else []


def changed_quantifiers(claim: str, closest: str) -> list[Span]:
    """The words of the claim that say how much or how many, where `closest` says another amount."""
    known = {_AMOUNT_OF[word] for word, _ in _amounts(closest)}
    changed = [span for word, span in _amounts(claim) if known and not _agrees(_AMOUNT_OF[word], known)]
    return sorted([*changed, *_moved_only(claim, closest)])


def swapped_names(claim: str, closest: str, anchors: Sequence[Span]) -> list[Span]:
    """Those of the claim's `anchors` (names, or numbers: spans of it) that `closest` has in the other order.

    "The cat was chased by the dog" is the other way round from "the dog chased the cat", and says the same.
    """
    if bool(_PASSIVE.search(claim)) != bool(_PASSIVE.search(closest)):
        return []
    places = {span: _only_place(claim[slice(*span)], closest) for span in anchors}
    known = [(span, place) for span, place in places.items() if place >= 0]
    swapped = {
        span
        for (first, before), (second, after) in combinations(known, 2)
        if before > after and not _SIDE_BY_SIDE.match(claim[first[1] : second[0]])
        for span in (first, second)
    }
    return sorted(swapped)


def substituted_words(claim: str, closest: str) -> list[Span]:
    """The words of a near copy that stand where `closest` has another that carries meaning, and are nowhere in it."""
    own, other = _words(claim), _words(closest)
    matcher = SequenceMatcher(None, [word.stem for word in own], [word.stem for word in other], autojunk=False)
    steps = matcher.get_opcodes()
    same = sum(end - start for kind, start, end, _, _ in steps if kind == "equal")
    if not own or same < _NEAR_COPY * len(own):
        return []
    known = {word.stem for word in other}
    return [
        (word.start, word.end)
        for before, step, after in _with_neighbours(steps)
        if step[0] == "replace" and _stands_between(before, after) and _is_short(step)
        if any(each.has_meaning for each in other[step[3] : step[4]])
        for word in own[step[1] : step[2]]
        if word.has_meaning and word.stem not in known
    ]


_Step = tuple[str, int, int, int, int]


def _with_neighbours(steps: Sequence[_Step]) -> Iterator[tuple[_Step | None, _Step, _Step | None]]:
    padded: list[_Step | None] = [None, *steps, None]
    for number, step in enumerate(steps):
        yield padded[number], step, padded[number + 2]


def _stands_between(before: _Step | None, after: _Step | None) -> bool:
    """Whether what is replaced stands in a run that is the same on each side that there is."""
    sides = [step for step in (before, after) if step is not None]
    return bool(sides) and all(step[0] == "equal" for step in sides)


def _is_short(step: _Step) -> bool:
    return step[2] - step[1] <= _LONGEST_CHANGE and step[4] - step[3] <= _LONGEST_CHANGE


def _words(text: str) -> list[_Word]:
    return [_Word(stem(word), word.lower() not in STOP_WORDS, start, end) for word, start, end in words(text)]


def _hedges(text: str) -> list[Span]:
    months = {match.start() for match in _MONTH_MAY.finditer(text) if match.start() > 0}
    return [match.span() for match in _HEDGE.finditer(text) if match.start() not in months]


def _amounts(text: str) -> Iterator[tuple[str, Span]]:
    for word, start, end in words(text):
        if word.lower() in _AMOUNT_OF:
            yield word.lower(), (start, end)


def _agrees(amount: int, known: Iterable[int]) -> bool:
    """Whether some amount of the context is this one, or more of the same kind: all of them are some of them."""
    some = _AMOUNTS.index("some")
    return any(amount == other or some <= amount < other for other in known)


def _moved_only(claim: str, closest: str) -> Iterator[Span]:
    """The "only" of a claim that stands before another word than it does in the context, or that the context lacks."""
    other = {after.stem for before, after in pairwise(_words(closest)) if before.stem in _ONLY}
    last = _words(closest)[-1:]
    other |= {word.stem for word in last if word.stem in _ONLY}
    for before, after in pairwise(_words(claim)):
        if before.stem in _ONLY and after.stem not in other:
            yield before.start, before.end


def _only_place(text: str, closest: str) -> int:
    """Where `closest` has a text, when it has it once; else -1."""
    found = [match.start() for match in re.finditer(rf"(?<!\w){re.escape(text)}(?!\w)", closest)]
    return found[0] if len(found) == 1 else -1
