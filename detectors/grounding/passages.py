"""Choose what a claim is checked against: context split into passages, the best few per claim.

A pair model reads a claim and at most a few hundred tokens of context, so the choice of passages comes first, and it is
the same at training and at run time because both call this module:

1. a document is split into sentences, and sentences into passages of at most `MAX_SENTENCES` sentences and
   `MAX_WORDS` words, each overlapping the one before by one sentence;
2. an index over all passages of a stream keeps, for each stemmed content word, where it occurs and its idf;
3. for a claim, passages are ranked by the idf-weighted share of the claim's words they hold (`recall`), and the answer
   is the best `top` of them and, gathered, the sentences of the best ones that together hold most of the claim's
   words: what bears out a claim often stands in several places;
4. a passage from inside a document is read behind the document's first few words (its title, mostly), because there it
   says "he" or "the company" where the claim says the name.

Pure Python, no model, deterministic: the same context and claim give the same evidence whatever else is running. Cost
of a selection is the number of postings of the claim's words. It does not promise to find evidence that shares no word
with the claim; callers with an embedding add passages of their own through `extra`.
"""

from __future__ import annotations

import functools
import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import NamedTuple, overload

import numpy as np

from detectors.grounding.terms import Postings

MAX_SENTENCES = 3
MAX_WORDS = 70
MAX_SENTENCE_CHARS = 600
TOP_PASSAGES = 2
GATHERED_FROM = 8
"""From how many of the best passages sentences are gathered."""
NEARLY = 0.55
"""What share of the best passage's words a document must have in a passage to be gathered from."""
ROOM_WORDS = 140
"""How many words a claim and what is gathered for it have at most: about what the pair model reads."""
GATHERED_WORDS = 100
"""How many words are gathered for a claim: with as many as there is room for, claims are told apart no better."""
LONG_CLAIM_WORDS = 25
"""A claim of more words says several things, and has all that there is room for gathered."""
BRIEF_WORDS = 45
"""How many are gathered at first for a claim on a long context."""
REPEATED = 0.3
"""What a sentence gains for a word of the claim that a gathered one has already, in shares of what a new word gains."""
LEAD_WORDS = 10
"""Words of a document's beginning that a passage from further inside is read behind."""
ELLIPSIS = " … "
_REMEMBERED_SENTENCES = 1024
"""Some 2 MB. What a sentence is compared with is looked for in the same ones: 0.9 ms, without it 1.6."""

_WORD = re.compile(r"[^\W_]+(?:[.,'’][^\W_]+)*")
_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|\n+")
_ABBREVIATIONS = frozenset({
    "mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "vs", "no", "vol", "fig", "ed", "eds", "pp", "ch", "co",
    "corp", "inc", "ltd", "dept", "approx", "est", "ca", "cf", "al", "gen", "col", "capt", "lt", "sgt", "rev",
    "hon", "gov", "sen", "rep", "pres", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct",
    "nov", "dec", "e.g", "i.e", "u.s", "u.k", "a.m", "p.m", "ph.d", "b.c", "a.d", "etc",
})  # fmt: skip

_SUFFIXES = (
    ("ies", "y"), ("sses", "ss"), ("ing", ""), ("ied", "y"), ("edly", ""), ("ed", ""), ("ly", ""), ("es", ""),
    ("s", ""),
)  # fmt: skip

STOP_WORDS = frozenset({
    "a", "about", "above", "after", "again", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be",
    "because", "been", "before", "being", "below", "between", "both", "but", "by", "can", "could", "did", "do",
    "does", "doing", "down", "during", "each", "etc", "few", "for", "from", "further", "had", "has", "have",
    "having", "he", "her", "here", "hers", "herself", "him", "himself", "his", "how", "i", "if", "in", "into",
    "is", "it", "its", "itself", "just", "like", "may", "me", "might", "more", "most", "must", "my", "myself",
    "no", "nor", "not", "now", "of", "off", "on", "once", "one", "only", "or", "other", "our", "ours", "out",
    "over", "own", "per", "said", "same", "says", "shall", "she", "should", "so", "some", "such", "than", "that",
    "the", "their", "theirs", "them", "themselves", "then", "there", "these", "they", "this", "those", "through",
    "to", "too", "under", "until", "up", "upon", "us", "very", "was", "we", "were", "what", "when", "where",
    "which", "while", "who", "whom", "whose", "why", "will", "with", "within", "without", "would", "yes", "you",
    "your", "yours", "yourself", "s", "t", "d", "ll", "m", "re", "ve", "don", "didn", "doesn", "isn", "wasn",
    "weren", "aren", "hasn", "haven", "hadn", "won", "wouldn", "couldn", "shouldn", "according", "text", "passage",
    "document", "article", "context",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of whole sentences of one document: `[start, end)` are code points of that document."""

    document: int
    first_sentence: int
    last_sentence: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one pair is made of: passages, in document order, and the text the model reads.

    `recall` is the idf-weighted share of the claim's content words that occur in the text, 0..1. `is_gathered` says
    that these are the sentences that together hold most of those words; one passage alone may be that, too.
    """

    passages: tuple[Passage, ...]
    text: str
    recall: float
    is_gathered: bool = False


@functools.lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Return a crude common form of an inflected English word; equal words stay equal, names change little.

    Remembered for the words met last: it is called for every word of every context, 13 us apart from that.
    """
    word = word.lower().replace("’", "'").removesuffix("'s").strip("'")
    if len(word) <= 3 or any(character.isdigit() for character in word):
        return word.replace(",", "")
    for suffix, keep in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and not word.endswith(("ss", "us", "is")):
            word = word[: -len(suffix)] + keep
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lse":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


def words(text: str) -> list[tuple[str, int, int]]:
    """Return `(word, start, end)` of every word of `text`, numbers kept whole (`1,200.5`)."""
    return [(match.group(), match.start(), match.end()) for match in _WORD.finditer(text)]


def content_words(text: str) -> list[str]:
    """Return the stems of the words that carry meaning, in order, repeats kept; all words if there are no others."""
    every = [match.group() for match in _WORD.finditer(text)]
    kept = [stem(word) for word in every if word.lower() not in STOP_WORDS]
    return kept or [stem(word) for word in every]


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Return the spans of the sentences of `text`, without surrounding white space; newlines always end one."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if match.group()[0] != "\n" and _is_abbreviation(text, match.start(), match.end()):
            continue
        _append_trimmed(spans, text, start, match.end())
        start = match.end()
    _append_trimmed(spans, text, start, len(text))
    return spans


def split_passages(text: str, *, document: int = 0) -> list[Passage]:
    """Split one document into overlapping passages that together hold every sentence of it."""
    return _passages([_sentence(text, start, end) for start, end in split_sentences(text)], document=document)


class PassageIndex:
    """The passages of one context, indexed once for many claims.

    `documents` are the texts as the caller supplied them; `add` takes more later, after which idf is that of all. Words
    are kept as numbers in arrays: two to four bytes for a character, where objects take twenty and more.
    """

    def __init__(self, documents: Iterable[str] = ()) -> None:
        """Index `documents`; an empty index selects nothing."""
        self._parts: list[_Part] = []
        self._passages = _Passages(())
        self._postings = Postings()
        for document in documents:
            self.add(document)

    @classmethod
    def joined(cls, indexes: Iterable[PassageIndex]) -> PassageIndex:
        """One index of the documents of several, without reading them again."""
        whole, postings, count = cls(), [], 0
        for each in indexes:
            postings.append(each._postings.moved(count))
            whole._parts += each._parts
            count += len(each.passages)
        whole._passages = _Passages(whole._parts)
        whole._postings = Postings.joined(postings)
        return whole

    def add(self, document: str) -> None:
        """Append one document; its number is its place in `documents`."""
        part = _Part(document)
        own = Postings.of(part.terms()).moved(len(self.passages))
        self._postings = Postings.joined([self._postings, own])
        self._parts.append(part)
        self._passages = _Passages(self._parts)

    @property
    def documents(self) -> list[str]:
        """The texts, in order."""
        return [part.text for part in self._parts]

    @property
    def passages(self) -> Sequence[Passage]:
        """All passages, in order of their documents."""
        return self._passages

    def idf(self, word: str) -> float:
        """Return the weight of a stem: 1 for a word of every passage, growing with rarity, most for unseen words."""
        return 1.0 + math.log((len(self.passages) + 1) / (len(self._postings.of_word(word)) + 1))

    def recall(self, claim_stems: Iterable[str], *, within: Container[str] | None = None) -> float:
        """Return the idf-weighted share of distinct claim stems that are `within` some stems, default anywhere."""
        weights = {word: self.idf(word) for word in dict.fromkeys(claim_stems)}
        known = self._postings if within is None else within
        total = sum(weights.values())
        return sum(weight for word, weight in weights.items() if word in known) / total if total else 0.0

    def _ranked(self, stems: Sequence[str]) -> list[int]:
        """Return passage numbers, best first by weighted overlap, in document order where equal; none without a hit."""
        scores: dict[int, float] = defaultdict(float)
        for word in dict.fromkeys(stems):
            weight = self.idf(word)
            for number in self._postings.of_word(word).tolist():
                scores[number] += weight
        return sorted(scores, key=lambda number: (-scores[number], number))

    def select(self, claim: str, *, top: int = TOP_PASSAGES, extra: Sequence[int] = ()) -> list[Evidence]:
        """Return the evidence to pair with `claim`, at most `top + len(extra) + 1` entries, best single passage first.

        `extra` are numbers of passages that another ranking (an embedding) wants to see too. A context with no word of
        the claim in it still gives its first passage, so that every claim is judged against something; an empty one
        gives `[]`.
        """
        passages = self.passages
        if not passages:
            return []
        stems = content_words(claim)
        ranked = self._ranked(stems) or [0]
        singles = [(passages[number],) for number in (*ranked[:top], *extra)]
        gathered = self._gathered(ranked, stems, room=_room(len(_WORD.findall(claim)))) or singles[0]
        return [
            Evidence(
                parts,
                "".join(self._text(parts)),
                self.recall(stems, within=self._held(parts)),
                is_gathered=parts == gathered,
            )
            for parts in dict.fromkeys([*singles, gathered])
        ]

    def brief(self, claim: str) -> Evidence:
        """Return the few sentences that together hold most of a claim's words; of a context that is not empty."""
        stems = content_words(claim)
        ranked = self._ranked(stems) or [0]
        parts = self._gathered(ranked, stems, room=BRIEF_WORDS) or (self.passages[ranked[0]],)
        return Evidence(
            parts, "".join(self._text(parts)), self.recall(stems, within=self._held(parts)), is_gathered=True
        )

    def _gathered(self, ranked: Sequence[int], stems: Sequence[str], *, room: int) -> tuple[Passage, ...]:
        """Return sentences of the best passages, each taken for the words of the claim that it adds; in their order.

        Together they have at most `room` words.
        """
        weights = {word: self.idf(word) for word in stems}
        open_to: dict[tuple[int, int], _Sentence] = {}
        for passage in self._near(ranked, stems):
            for number in range(passage.first_sentence, passage.last_sentence + 1):
                open_to[passage.document, number] = self._parts[passage.document].sentence(number)
        held: set[str] = set()
        taken: list[Passage] = []
        while open_to:
            gains = {place: _gain(sentence.stems, held, weights) for place, sentence in open_to.items()}
            place = max(gains, key=lambda place: gains[place])
            sentence = open_to.pop(place)
            if gains[place] <= 0:
                break
            if sentence.words <= room:
                room -= sentence.words
                held |= sentence.stems
                taken.append(Passage(place[0], place[1], place[1], sentence.start, sentence.end))
        return tuple(merge(taken))

    def _near(self, ranked: Sequence[int], stems: Sequence[str]) -> list[Passage]:
        """Return the best passages of the documents that hold nearly as much in one of them as the best document does.

        What is gathered from a document that only shares a word or two makes a wrong claim look right.
        """
        passages = self.passages
        best = [passages[number] for number in ranked[:GATHERED_FROM]]
        shares = [self.recall(stems, within=self._held([passage])) for passage in best]
        near = {passage.document for passage, share in zip(best, shares, strict=True) if share >= NEARLY * shares[0]}
        of_near = (each for each in map(passages.__getitem__, ranked) if each.document in near)
        return list(islice(of_near, GATHERED_FROM))

    def _text(self, parts: Sequence[Passage]) -> Iterator[str]:
        """The parts behind one another, what was left out between parts of one document marked."""
        document = -1
        for part in parts:
            if part.document == document:
                yield ELLIPSIS
            else:
                yield " " if document >= 0 else ""
                yield lead_words(self._parts[part.document].text) + ELLIPSIS if part.first_sentence else ""
            document = part.document
            yield self._parts[part.document].text[part.start : part.end]

    def _held(self, parts: Sequence[Passage]) -> set[str]:
        """The stems of the parts."""
        held: set[str] = set()
        for part in parts:
            own = self._parts[part.document]
            for number in range(part.first_sentence, part.last_sentence + 1):
                held |= own.sentence(number).stems
        return held


class _Part:
    """One document: where its sentences are, and which of them make its passages. Immutable."""

    def __init__(self, text: str) -> None:
        self.text = text
        sentences = [_sentence(text, start, end) for start, end in split_sentences(text)]
        passages = _passages(sentences, document=0)
        self._spans = np.array([(each.start, each.end) for each in sentences], np.uint32).reshape(-1, 2)
        self._reaches = np.array([(each.first_sentence, each.last_sentence) for each in passages], np.uint32).reshape(
            -1, 2
        )

    def __len__(self) -> int:
        return len(self._reaches)

    def sentence(self, number: int) -> _Sentence:
        """A sentence, its words read again."""
        start, end = self._spans[number].tolist()
        return _sentence(self.text, start, end)

    def passage(self, number: int, document: int) -> Passage:
        """A passage, said to be of a document of that number."""
        first, last = self._reaches[number].tolist()
        return Passage(document, first, last, int(self._spans[first, 0]), int(self._spans[last, 1]))

    def terms(self) -> Iterator[tuple[int, int]]:
        """Each word of each passage, as a number, and the passage."""
        stems = [self.sentence(number).stems for number in range(len(self._spans))]
        for passage, (first, last) in enumerate(self._reaches.tolist()):
            own = frozenset().union(*stems[first : last + 1])
            for word in own or set(content_words(self.text[self._spans[first, 0] : self._spans[last, 1]])):
                yield hash(word), passage


class _Passages(Sequence[Passage]):
    """The passages of several documents."""

    def __init__(self, parts: Sequence[_Part]) -> None:
        self._parts = parts
        self._begin = [0, *accumulate(map(len, parts))]

    def __len__(self) -> int:
        return self._begin[-1]

    @overload
    def __getitem__(self, number: int) -> Passage: ...

    @overload
    def __getitem__(self, number: slice) -> list[Passage]: ...

    def __getitem__(self, number: int | slice) -> Passage | list[Passage]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        number %= len(self)
        document = bisect_right(self._begin, number) - 1
        return self._parts[document].passage(number - self._begin[document], document)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def lead_words(document: str) -> str:
    """Return the first words of the first sentence, at most `LEAD_WORDS`."""
    start, end = next(iter(split_sentences(document[:MAX_SENTENCE_CHARS])), (0, 0))
    spans = words(document[start:end])[:LEAD_WORDS]
    return document[start : start + spans[-1][2]] if spans else document[start:end]


def merge(passages: Sequence[Passage]) -> list[Passage]:
    """Join passages of one document that overlap or touch; order by document and place."""
    merged: list[Passage] = []
    for passage in sorted(passages, key=lambda p: (p.document, p.start)):
        previous = merged[-1] if merged else None
        if previous and previous.document == passage.document and passage.first_sentence <= previous.last_sentence + 1:
            last = max(previous, passage, key=lambda p: p.last_sentence)
            merged[-1] = Passage(
                previous.document, previous.first_sentence, last.last_sentence, previous.start, last.end
            )
        else:
            merged.append(passage)
    return merged


def _room(claim_words: int) -> int:
    """How many words may be gathered for a claim of so many."""
    return GATHERED_WORDS if claim_words <= LONG_CLAIM_WORDS else ROOM_WORDS - claim_words


class _Sentence(NamedTuple):
    """`[start, end)` of a document, how many words that is, and the stems of those that carry meaning."""

    start: int
    end: int
    words: int
    stems: frozenset[str]


def _sentence(document: str, start: int, end: int) -> _Sentence:
    return _Sentence(start, end, *_words_of(document[start:end]))


@functools.lru_cache(maxsize=_REMEMBERED_SENTENCES)
def _words_of(sentence: str) -> tuple[int, frozenset[str]]:
    """How many words, and the stems of those that carry meaning."""
    found = _WORD.findall(sentence)
    return len(found), frozenset(stem(word) for word in found if word.lower() not in STOP_WORDS)


@functools.lru_cache(maxsize=_REMEMBERED_SENTENCES)
def content_of(sentence: str) -> frozenset[str]:
    """Return the `content_words` of a sentence of a context, each once; remembered for those met last."""
    return frozenset(content_words(sentence))


def _passages(sentences: Sequence[_Sentence], *, document: int) -> list[Passage]:
    passages: list[Passage] = []
    first = 0
    while first < len(sentences):
        last = _last_sentence(sentences, first)
        passages.append(Passage(document, first, last, sentences[first].start, sentences[last].end))
        if last == len(sentences) - 1:
            break
        first = max(last, first + 1)
    return passages


def _last_sentence(sentences: Sequence[_Sentence], first: int) -> int:
    last, total = first, sentences[first].words
    while (
        last + 1 < len(sentences)
        and last - first + 1 < MAX_SENTENCES
        and total + sentences[last + 1].words <= MAX_WORDS
    ):
        last += 1
        total += sentences[last].words
    return last


def _gain(stems: frozenset[str], held: set[str], weights: Mapping[str, float]) -> float:
    """What a sentence adds to a claim whose words weigh `weights`, beside what is `held`."""
    return sum(weight * (REPEATED if word in held else 1.0) for word, weight in weights.items() if word in stems)


def _is_abbreviation(text: str, start: int, end: int) -> bool:
    if text[start:end] != ".":
        return False
    word_start = max(text.rfind(" ", 0, start), text.rfind("\n", 0, start)) + 1
    word = text[word_start:start].lstrip("(\"'“‘[")
    return (len(word) == 1 and word.isalpha() and word.isupper()) or word.lower() in _ABBREVIATIONS


def _append_trimmed(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while end - start > MAX_SENTENCE_CHARS:
        cut = text.rfind(" ", start + 1, start + MAX_SENTENCE_CHARS)
        cut = cut if cut > start else start + MAX_SENTENCE_CHARS
        spans.append((start, cut))
        start = cut
        while start < end and text[start].isspace():
            start += 1
    if end > start:
        spans.append((start, end))
