"""What is read as context is judged by the threshold of indirect injection."""

from __future__ import annotations

from pathlib import Path

from tests.fakes import SegmentFlagger
from workbench.evaluation.report import Subject
from workbench.evaluation.tasks import evaluate_injection

ROWS = (
    {"text": "attack, please", "label": 1, "kind": "direct"},
    {"text": "a document with an attack", "label": 0, "kind": "document"},
)


def test_documents_have_a_threshold_of_their_own():
    detector = SegmentFlagger("attack", label="injection")
    figures = evaluate_injection(
        Subject([detector], {"injection": 0.5, "indirect_injection": 1.1}, Path()), ROWS, lambda _: None
    ).figures
    assert (figures["recall"], figures["fpr"]) == (1.0, 0.0)
    assert (figures["threshold"], figures["indirect_threshold"]) == (0.5, 1.1)
    one_for_all = Subject([detector], {"injection": 0.5}, Path())
    assert evaluate_injection(one_for_all, ROWS, lambda _: None).figures["fpr"] == 1.0
