"""Counting spans, against figures worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detectors.types import Finding
from workbench.evaluation.spans import Overlap, Span, SpanFigures, hits, read_coverage


def spans(*bounds: tuple[int, int]) -> list[Span]:
    return [Span(*each) for each in bounds]


@pytest.mark.parametrize(
    ("annotated", "found", "loose", "exact"),
    (
        (spans((0, 4)), spans((0, 4)), 1, 1),
        (spans((0, 4)), spans((0, 8)), 1, 0),
        (spans((0, 4)), spans((0, 9)), 0, 0),
        (spans((0, 4)), spans((0, 2), (2, 4)), 1, 0),
        (spans((0, 4), (0, 4)), spans((0, 4)), 1, 1),
        (spans((0, 10), (8, 10)), spans((6, 10)), 1, 0),
        (spans((0, 4)), spans((4, 8)), 0, 0),
        ([], spans((4, 8)), 0, 0),
    ),
)
def test_a_hit_overlaps_enough_one_to_one(annotated: list[Span], found: list[Span], loose: int, exact: int) -> None:
    assert hits(annotated, found, least=0.5) == loose
    assert hits(annotated, found, least=1.0) == exact


def row(*entities: tuple[int, int, str], source: str = "a") -> dict[str, Any]:
    return {"source": source, "entities": [{"start": a, "end": b, "label": c} for a, b, c in entities]}


def test_figures() -> None:
    figures = SpanFigures(Overlap({}, None), ["CARD", "PERSON"])
    figures.add(row((0, 4, "PERSON"), (5, 9, "CARD")), [Finding(0, 6, "PERSON", 0.9), Finding(10, 12, "CARD", 0.9)])
    figures.add(row(), [Finding(0, 2, "CARD", 0.5), Finding(3, 4, "CARD", 0.5)])
    figures.add(row(), [])
    result = figures.figures()
    assert (result["rows"], result["entities"], result["annotated"], result["found"]) == (3, 2, 2, 4)
    assert (result["precision"], result["recall"], result["f1"]) == (1 / 4, 1 / 2, pytest.approx(1 / 3))
    assert result["exact"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert result["empty"] == {"rows": 2, "flagged": 1, "spans": 2}
    assert result["labels"]["PERSON"]["f1"] == 1.0
    assert result["labels"]["CARD"]["precision"] == 0.0
    low, high = result["f1_interval"]
    assert 0.0 <= low <= 1 / 3 <= high <= 1.0


def test_a_source_is_judged_by_what_it_annotates() -> None:
    coverage = Overlap({"a": frozenset({"CARD"}), "b": None}, frozenset({"PERSON"}))
    labels = ["CARD", "PERSON"]
    assert coverage.labels("a", labels) == ["CARD"]
    assert coverage.labels("b", labels) == labels
    assert coverage.labels("c", labels) == coverage.labels(None, labels) == ["PERSON"]


def test_without_a_file_the_labels_that_occur_are_annotated(tmp_path: Path) -> None:
    data = tmp_path / "rows.jsonl"
    assert read_coverage(data, [row((0, 1, "CARD")), row()]).labels("a", ["CARD", "PERSON"]) == ["CARD"]
    assert read_coverage(data, [row()]).labels("a", ["CARD", "PERSON"]) == ["CARD", "PERSON"]
