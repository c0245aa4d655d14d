"""Small changes of wording that turn what a sentence says: a claim beside the sentence of the context closest to it.

A near copy shares all its words but one with what it was copied from, so that word overlap is nearly whole and a small
model agrees; which word differs, and whether the same words stand in another order, can be looked up. Here are

* `is_copy`: no word differs;
* `dropped_hedges`: the context says "may" or "some experts believe", the claim states it as a fact;
* `changed_quantifiers`: "most" or "all" for "some", "many" for "few", an "only" that the context has not, or elsewhere;
* `swapped_names`: names, or numbers, that stand the other way round, the voice being the same;
* `substituted_words`: another word in the same place of an otherwise equal run.

Pure Python, deterministic, made for English. All but the first return spans of the claim, empty where nothing differs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import combinations
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
NEAR_COPY = 0.75
"""The share of a claim's words that its closest sentence must have for the wording of the two to be compared."""
MUCH_LONGER = 1.7
FEW_WORDS = 3
"""How many times as many words the closest sentence may have, and so many beside: a longer one says more."""
_IN_ORDER = 0.6
"""The share of a claim's words that must stand in the same order for it to be compared word by word."""
_ALIKE = 0.9
"""How alike, in words and their order, two sentences must be for names that change places to mean something else."""
_LONGEST_CHANGE = 2


class _Word(NamedTuple):
    """A word of a text: its common form, whether it carries meaning, and where it stands."""

    stem: str
    has_meaning: bool
    start: int
    end: int


def is_near_copy(claim: str, closest: str) -> bool:
    """Whether `closest` has nearly all words of the claim, in whatever order, and few others."""
    own, other = _words(claim), {word.stem for word in _words(closest)}
    known = sum(word.stem in other for word in own)
    return bool(own) and known >= NEAR_COPY * len(own) and len(words(closest)) <= len(own) * MUCH_LONGER + FEW_WORDS


def is_copy(claim: str, closest: str) -> bool:
    """Whether `closest` has the claim's words and no others, in its order, whatever their case and punctuation.

    A sentence that only begins with a claim may take it back: "if", "he denied that", "in the story".
    """
    own, other = ([word.lower() for word, _, _ in words(text)] for text in (claim, closest))
    return bool(own) and own == other


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
    if bool(_PASSIVE.search(claim)) != bool(_PASSIVE.search(closest)) or not _are_alike(claim, closest, anchors):
        return []
    places = {span: _only_place(claim[slice(*span)], closest) for span in anchors}
    known = [(span, place) for span, place in places.items() if place >= 0]
    swapped = {
        span
        for (first, before), (second, after) in combinations(known, 2)
        if before > after and _are_apart(claim[first[1] : second[0]]) and _are_apart(closest[after:before])
        for span in (first, second)
    }
    return sorted(swapped)


def _are_apart(between: str) -> bool:
    """Whether what stands between two names relates them: they are neither listed, nor one the other's description."""
    return not _SIDE_BY_SIDE.match(between) and any(word.islower() for word, _, _ in words(between))


def _are_alike(claim: str, closest: str, anchors: Sequence[Span]) -> bool:
    """Whether the words besides the anchors are nearly all the same, in the same order."""
    names = {stem(claim[slice(*span)]) for span in anchors}
    own, other = ([word.stem for word in _words(text) if word.stem not in names] for text in (claim, closest))
    return SequenceMatcher(None, own, other, autojunk=False).ratio() >= _ALIKE


def substituted_words(claim: str, closest: str) -> list[Span]:
    """The words of a near copy that stand where `closest` has another that carries meaning, and are nowhere in it."""
    own, other = _words(claim), _words(closest)
    matcher = SequenceMatcher(None, [word.stem for word in own], [word.stem for word in other], autojunk=False)
    steps = matcher.get_opcodes()
    same = sum(end - start for kind, start, end, _, _ in steps if kind == "equal")
    if not own or same < _IN_ORDER * len(own):
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
    """The "only" of a claim that stands beside other words than it does in the context, or that the context lacks."""
    other = _onlys(closest).values()
    for span, beside in _onlys(claim).items():
        if not any(beside & each or beside == each for each in other):
            yield span


def _onlys(text: str) -> dict[Span, set[str]]:
    """Where a text says "only", with the word right before it and the next behind that carry meaning."""
    every = _words(text)
    return {
        (word.start, word.end): {
            near.stem
            for near in [*every[max(0, place - 1) : place], *[m for m in every[place + 1 :] if m.has_meaning][:1]]
            if near.has_meaning
        }
        for place, word in enumerate(every)
        if word.stem in _ONLY
    }


def _only_place(text: str, closest: str) -> int:
    """Where `closest` has a text, when it has it once; else -1."""
    found = [match.start() for match in re.finditer(rf"(?<!\w){re.escape(text)}(?!\w)", closest)]
    return found[0] if len(found) == 1 else -1
