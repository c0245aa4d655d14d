"""How well spans were found: against annotated spans, by label, for sets that annotate only some labels.

A found span hits an annotated one of the same label when they overlap enough, one to one, the best overlap first. Texts
are counted apart, so that intervals can be drawn by taking texts anew (bootstrap).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.types import Finding
from workbench.evaluation.metrics import resampled
from workbench.evaluation.rows import DataError

COVERAGE_NAME = "label_coverage.json"
ALL = "all"
OVERLAP, EXACT = 0.5, 1.0

Counts = NDArray[np.float64]
"""(texts, 3): hits, found, annotated."""


class Span(msgspec.Struct, frozen=True, gc=False):
    """An annotated or found span of one label."""

    start: int
    end: int


class Overlap(msgspec.Struct, frozen=True):
    """Which labels a row's source annotates: the others are not judged there."""

    by_source: Mapping[str, frozenset[str] | None]
    """None: all labels."""
    otherwise: frozenset[str] | None

    def labels(self, source: str | None, labels: Sequence[str]) -> list[str]:
        """Those of `labels` that are judged in rows of this source."""
        covered = self.by_source.get(source or "", self.otherwise)
        return [label for label in labels if covered is None or label in covered]


def read_coverage(data: Path, rows: Sequence[Mapping[str, Any]]) -> Overlap:
    """The coverage beside a data file: source -> list of labels, or "all". Raises `DataError` when it cannot be read.

    Without one, or for a source that it does not name, the labels that occur in the rows count as annotated; when none
    does, all do: then every span found is wrong.
    """
    used = frozenset(entity["label"] for row in rows for entity in row["entities"]) or None
    path = data.parent / COVERAGE_NAME
    if not path.is_file():
        return Overlap({}, used)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        sources = {source: None if each == ALL else frozenset(each) for source, each in content.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: expected a mapping from source to a list of labels, or {ALL!r}") from error
    return Overlap(sources, used)


def hits(annotated: Sequence[Span], found: Sequence[Span], *, least: float) -> int:
    """How many of `found` hit one of `annotated`: an overlap over union of at least `least`, one to one."""
    pairs = sorted(
        (-_overlap(one, other), number, place)
        for number, one in enumerate(annotated)
        for place, other in enumerate(found)
        if _overlap(one, other) >= least
    )
    taken: set[int] = set()
    used: set[int] = set()
    for _, number, place in pairs:
        if number not in taken and place not in used:
            taken.add(number)
            used.add(place)
    return len(taken)


def _overlap(one: Span, other: Span) -> float:
    common = min(one.end, other.end) - max(one.start, other.start)
    return common / (max(one.end, other.end) - min(one.start, other.start)) if common > 0 else 0.0


class SpanFigures:
    """Counts by label over the rows of a set, and the figures that follow from them."""

    def __init__(self, coverage: Overlap, labels: Sequence[str]) -> None:
        self._coverage = coverage
        self._labels = list(labels)
        self._rows: list[dict[str, tuple[int, int, int, int]]] = []
        self._empty: list[int] = []

    def add(self, row: Mapping[str, Any], findings: Sequence[Finding]) -> None:
        """Count a row `{entities: [{start, end, label}], source?}` with what was found in it."""
        counted = {}
        for label in self._coverage.labels(row.get("source"), self._labels):
            annotated = [Span(each["start"], each["end"]) for each in row["entities"] if each["label"] == label]
            found = [Span(each.start, each.end) for each in findings if each.label == label]
            if annotated or found:
                loose, exact = hits(annotated, found, least=OVERLAP), hits(annotated, found, least=EXACT)
                counted[label] = (loose, exact, len(found), len(annotated))
        if not row["entities"]:
            self._empty.append(sum(found for _, _, found, _ in counted.values()))
        self._rows.append(counted)

    def figures(self) -> dict[str, Any]:
        """Precision, recall and F1 over all labels and for each, at an overlap of 0.5 and exact, with intervals."""
        table = self._table()
        seen = [number for number in range(len(self._labels)) if table[:, number, 2:].any()]
        return {
            "rows": len(self._rows),
            "entities": int(table[..., 3].sum()),
            **_figures(table.sum(axis=1)),
            "empty": {
                "rows": len(self._empty),
                "flagged": sum(found > 0 for found in self._empty),
                "spans": sum(self._empty),
            },
            "labels": {self._labels[number]: _figures(table[:, number]) for number in seen},
        }

    def _table(self) -> Counts:
        table = np.zeros((len(self._rows), len(self._labels), 4))
        for number, counted in enumerate(self._rows):
            for label, counts in counted.items():
                table[number, self._labels.index(label)] = counts
        return table


def _figures(counts: Counts) -> dict[str, Any]:
    """Figures of (texts, 4) counts: hits, exact hits, found, annotated."""
    loose, exact = counts[:, (0, 2, 3)], counts[:, (1, 2, 3)]
    draws = resampled(loose)
    return {
        "annotated": int(counts[:, 3].sum()),
        "found": int(counts[:, 2].sum()),
        **_of(loose.sum(axis=0)),
        "f1_interval": _interval(draws),
        "exact": _of(exact.sum(axis=0)),
    }


def _of(counts: Counts) -> dict[str, float | None]:
    right, found, annotated = (float(count) for count in counts)
    return {
        "precision": right / found if found else None,
        "recall": right / annotated if annotated else None,
        "f1": 2 * right / (found + annotated) if found + annotated else None,
    }


def _interval(draws: Counts) -> list[float] | None:
    total = draws[:, 1] + draws[:, 2]
    values = 2 * draws[total > 0, 0] / total[total > 0]
    return [float(each) for each in np.quantile(values, (0.025, 0.975))] if len(values) else None
