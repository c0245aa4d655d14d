"""Scoring of spans: per label, precision, recall, F1 and F2.

A prediction counts when it has the label of an annotated span and covers it with intersection over union of at least
0.5, one to one. Predictions are made non-overlapping first: higher score wins, then the longer. A label is checked only
in rows whose source was annotated for it.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

LEAST_IOU = 0.5


class Span(NamedTuple):
    """A labelled stretch of text; annotated spans score 1."""

    start: int
    end: int
    label: str
    score: float = 1.0


@dataclass(frozen=True)
class Row:
    """One annotated text."""

    text: str
    spans: tuple[Span, ...]
    source: str


@dataclass
class Counts:
    """Hits and misses of one label."""

    hits: int = 0
    missed: int = 0
    false: int = 0

    @property
    def precision(self) -> float:
        """The share of predictions that are right (1 without predictions)."""
        return self.hits / (self.hits + self.false) if self.hits + self.false else 1.0

    @property
    def recall(self) -> float:
        """The share of annotated spans that were found (1 without any)."""
        return self.hits / (self.hits + self.missed) if self.hits + self.missed else 1.0

    def f(self, beta: float) -> float:
        """The F score that values recall `beta` times as much as precision."""
        weight = beta * beta
        total = (1 + weight) * self.hits + weight * self.missed + self.false
        return (1 + weight) * self.hits / total if total else 1.0


@dataclass
class Tally:
    """Counts per label over many rows."""

    labels: Mapping[str, Sequence[str] | str]
    """Per source, the labels that were annotated, or "all"."""
    counts: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))

    def add(self, row: Row, predictions: Iterable[Span]) -> tuple[list[Span], list[Span]]:
        """Count one row; returns the spans missed and the predictions that are wrong."""
        annotated = self.labels.get(row.source, ())
        wanted = [span for span in row.spans if annotated == "all" or span.label in annotated]
        chosen = [span for span in apart(predictions) if annotated == "all" or span.label in annotated]
        pairs = _pairs(wanted, chosen)
        missed = [span for span in wanted if span not in pairs]
        false = [span for span in chosen if span not in pairs.values()]
        for span in wanted:
            counts = self.counts[span.label]
            counts.hits += span in pairs
            counts.missed += span not in pairs
        for span in false:
            self.counts[span.label].false += 1
        return missed, false


def apart(predictions: Iterable[Span]) -> list[Span]:
    """Non-overlapping predictions: the better score first, then the longer."""
    kept: list[Span] = []
    for span in sorted(predictions, key=lambda each: (-each.score, each.start - each.end, each)):
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    return kept


def iou(one: Span, other: Span) -> float:
    """Characters in both over characters in either."""
    both = min(one.end, other.end) - max(one.start, other.start)
    return both / (one.end - one.start + other.end - other.start - both) if both > 0 else 0.0


def _pairs(wanted: Sequence[Span], chosen: Sequence[Span]) -> dict[Span, Span]:
    candidates = [(iou(span, guess), span, guess) for span in wanted for guess in chosen if span.label == guess.label]
    pairs: dict[Span, Span] = {}
    taken: set[Span] = set()
    for overlap, span, guess in sorted(candidates, reverse=True):
        if overlap >= LEAST_IOU and span not in pairs and guess not in taken:
            pairs[span] = guess
            taken.add(guess)
    return pairs


def read_rows(path: Path, limit: int | None = None) -> list[Row]:
    """The rows of a gzipped JSON-lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [_row(json.loads(line)) for line in islice(lines, limit)]


def _row(data: Mapping[str, object]) -> Row:
    entities = data["entities"]
    assert isinstance(entities, list)
    spans = tuple(Span(each["start"], each["end"], each["label"]) for each in entities)
    return Row(str(data["text"]), spans, str(data["source"]))
