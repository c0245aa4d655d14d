"""From what a tag head says of each word to the spans of names: the likeliest path through the tags, then clean edges.

1. A word's probabilities are those of its first piece; a word is what the tokenizer takes for one. Words that are a
   known name together (`detectors.pii.known`) are likelier to be what it is.
2. Words that are certainly nothing part the text into stretches. In each, the likeliest path is chosen among those that
   make sense: what goes on (`I-PERSON`) must have begun (`B-PERSON`). So one doubtful word does not break a name.
3. Spans of one label that only a hyphen, an apostrophe or the like parts are one (`Jean-Luc`, `O'Brien`); places that a
   comma parts are two (`Lawrence, Kansas`).
4. The edges are cleaned of what is no part of a name: punctuation, the genitive, a title before a person, small words
   behind it. What is no name at all (`detectors.pii.words`, `detectors.pii.rows`) is left out.

A span's score is the mean over its words of the probability of its label, begun or going on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.models.encoder import Floats, Tags
from detectors.pii.known import KNOWN, MOST_WORDS
from detectors.pii.rows import is_of_program
from detectors.pii.words import LOCATION, PERSON, is_nothing, without_last_words

OUTSIDE = "O"
CERTAINLY_NOTHING = 0.99
"""A word that is outside with this probability is outside."""
SOMETHING = 0.6
"""Log weight for a word to be something rather than nothing: where labels share a word, each is less than `O` alone."""

_LEAST = 1e-6
_NEVER = -1e9


class Span(msgspec.Struct, frozen=True, gc=False):
    """A name in a text."""

    start: int
    end: int
    label: str
    score: float


class TagSet:
    """The tags of a head: `O`, and `B-` and `I-` of each label. A tag without either counts as `I-`."""

    def __init__(self, tags: Sequence[str]) -> None:
        names = [tag[2:] if tag[:2] in ("B-", "I-") else tag for tag in tags]
        self.labels = tuple(dict.fromkeys(name for name in names if name != OUTSIDE))
        self._outside = tags.index(OUTSIDE)
        self._label = np.asarray([-1 if name == OUTSIDE else self.labels.index(name) for name in names])
        begun = {tag[2:] for tag in tags if tag.startswith("B-")}
        goes_on = [not tag.startswith("B-") and name in begun for tag, name in zip(tags, names, strict=True)]
        self._begins = np.asarray([tag.startswith("B-") for tag in tags])
        self._first = np.where(goes_on, _NEVER, 0.0)
        """Log weight of a stretch that begins with a tag."""
        self._weights = np.where(self._label < 0, 0.0, SOMETHING)
        follows = self._label[:, None] == self._label[None, :]
        self._steps = np.where(np.asarray(goes_on)[None, :] & ~follows, _NEVER, 0.0)
        """Log weight of a tag (column) after another (row)."""

    def spans(self, text: str, tags: Tags, *, begin: int = 0) -> list[Span]:
        """The names in `text[begin:]`, by start, without overlaps; of one that began before, the rest."""
        first, last = _word_bounds(tags.pieces.words)
        words = tags.scores[first]
        starts, ends = tags.pieces.starts[first], tags.pieces.ends[last]
        found = []
        for low, high in _stretches(words[:, self._outside]):
            place = starts[low:high], ends[low:high]
            found += self._in_stretch(self._with_known(text, words[low:high], *place), *place)
        cleaned = (_cleaned(text, each, begin) for each in _parted(text, _joined(text, found)))
        return [each for each in cleaned if each is not None]

    def _with_known(self, text: str, words: Floats, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Floats:
        """The probabilities, where known names are likelier to be what they are."""
        raised = words
        for first, last in _known(text, starts.tolist(), ends.tolist()):
            label, odds = KNOWN[text[starts[first] : ends[last]]]
            if label not in self.labels:
                continue
            raised = words.copy() if raised is words else raised
            own = raised[first : last + 1]
            own[:, self._label == self.labels.index(label)] *= odds
            own /= own.sum(axis=1, keepdims=True)
        return raised

    def _in_stretch(self, words: Floats, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> list[Span]:
        path = self._likeliest(words)
        found = []
        for begin, end in self._runs(path):
            label = self._label[path[begin]]
            score = float(words[begin:end, self._label == label].sum(axis=1).mean())
            found.append(Span(int(starts[begin]), int(ends[end - 1]), self.labels[label], min(score, 1.0)))
        return found

    def _likeliest(self, words: Floats) -> list[int]:
        """The likeliest sequence of tags, one for each word (Viterbi)."""
        logs = np.log(words.astype(np.float64) + _LEAST) + self._weights
        best = logs[0] + self._first
        came_from = []
        for word in logs[1:]:
            routes = best[:, None] + self._steps
            came_from.append(routes.argmax(axis=0))
            best = routes.max(axis=0) + word
        path = [int(best.argmax())]
        for sources in reversed(came_from):
            path.append(int(sources[path[-1]]))
        return path[::-1]

    def _runs(self, path: Sequence[int]) -> Iterator[tuple[int, int]]:
        """The words of each name in a path."""
        begin = -1
        for number, tag in enumerate([*path, self._outside]):
            goes_on = begin >= 0 and self._label[tag] == self._label[path[begin]] and not self._begins[tag]
            if goes_on:
                continue
            if begin >= 0:
                yield begin, number
            begin = number if self._label[tag] >= 0 else -1


def _word_bounds(words: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first and the last piece of each word."""
    if not len(words):
        return words, words
    changes = np.flatnonzero(words[1:] != words[:-1])
    return np.concatenate([[0], changes + 1]), np.concatenate([changes, [len(words) - 1]])


def _stretches(outside: Floats) -> Iterator[tuple[int, int]]:
    """The runs of words that may be something."""
    begin = -1
    for number, nothing in enumerate([*(outside >= CERTAINLY_NOTHING).tolist(), True]):
        if nothing:
            if begin >= 0:
                yield begin, number
            begin = -1
        elif begin < 0:
            begin = number


def _known(text: str, starts: Sequence[int], ends: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first and last word of each known name, the longest at a place."""
    free = 0
    for first, start in enumerate(starts):
        if first < free:
            continue
        for last in reversed(range(first, min(first + MOST_WORDS, len(starts)))):
            if text[start : ends[last]] in KNOWN:
                yield first, last
                free = last + 1
                break


# ---------------------------------------------------------------- edges

_JOINTS = frozenset(("", "-", "\u2010", "\u2011", "'", "\u2019", ".", "&"))
"""What may stand between the words of one name without white space."""
_LEADING = re.compile(r"[\W_]+")
_GENITIVE = re.compile(r"['\u2019]s\Z")
_TRAILING = re.compile(r"[^\w.)]+\Z")
_ABBREVIATED = re.compile(
    r"(?:(?<![^\W_])[^\W\d_]|[^\W\d_]\.[^\W\d_]|\b(?:inc|jr|sr|co|ltd|corp|st|ave|rd|blvd))\Z", re.I
)
_TITLE = re.compile(
    r"(?:(?:mr|mrs|ms|miss|mx|dr|prof|professor|sir|madam|dear|president|prime minister|minister|emperor|empress"
    r"|senator|sen|rep|governor|gov|mayor|judge|captain|capt|colonel|col|general|gen|lieutenant|lt"
    r"|sergeant|sgt|pope|aunt|uncle)\b\.?\s+)+(?!of\b)(?=\w)",
    re.IGNORECASE,
)
_COMMA = re.compile(r"\s*,\s+")


def _joined(text: str, spans: Sequence[Span]) -> list[Span]:
    """Spans of one label that touch, or that only a joint parts, as one."""
    joined: list[Span] = []
    for span in spans:
        before = joined[-1] if joined else None
        if before is not None and before.label == span.label and text[before.end : span.start] in _JOINTS:
            weights = before.end - before.start, span.end - span.start
            score = (before.score * weights[0] + span.score * weights[1]) / sum(weights)
            joined[-1] = Span(before.start, span.end, span.label, score)
        else:
            joined.append(span)
    return joined


def _parted(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """The spans; of places with commas between them, each."""
    for span in spans:
        start = span.start
        for comma in _COMMA.finditer(text, span.start, span.end) if span.label == LOCATION else ():
            yield Span(start, comma.start(), span.label, span.score)
            start = comma.end()
        yield Span(start, span.end, span.label, span.score)


def _cleaned(text: str, span: Span, begin: int) -> Span | None:
    """The span from `begin` on without what does not belong to it, or None when nothing is left."""
    start, end = max(span.start, begin), span.end
    if start >= end:
        return None
    leading = _LEADING.match(text, start, end)
    start = leading.end() if leading else start
    if span.label == PERSON and (title := _TITLE.match(text, start, end)):
        start = title.end()
    end = without_last_words(text, start, _end_of_name(text, start, end), span.label)
    if start >= end or is_nothing(text, start, end, span.label) or is_of_program(text, start, end, span.label):
        return None
    return Span(start, end, span.label, span.score)


def _end_of_name(text: str, start: int, end: int) -> int:
    """Where a name ends that was said to end at `end`."""
    kept = _TRAILING.sub("", _GENITIVE.sub("", text[start:end]))
    if kept.endswith(")") and "(" not in kept:
        kept = kept.rstrip(").,;: ")
    if kept.endswith(".") and not _ABBREVIATED.search(kept[:-1]):
        kept = kept.rstrip(".")
    return start + len(kept)
