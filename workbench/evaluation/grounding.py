"""How well claims that a context bears out are told from others: by claims, by responses, by sentences.

Rows `{context, claim, label, spans?}`: `context` is a text or a list of texts; of one text that shows its passages as
"passage 1: ... passage 2: ...", each is one. `label` is `supported` or anything else; `spans` are the parts of the
claim that are not.

* **Claims** (the figures on top): each row's claim as one, however many sentences it has, and if it states nothing too.
* **Responses**: an answer as a stream reads it, as well supported as its least supported sentence; one without a
  claim is supported.
* **Sentences** whose label is known: all of a supported claim; of another one those that a span touches are unsupported
  and the rest supported, and without spans only a single sentence is known.

The positive class is what is to be found: unsupported. Scores are 1 - support.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from detectors.base import UNSUPPORTED, BatchItem
from detectors.context import Context, context_of
from detectors.grounding.detector import GroundingChecker
from detectors.types import Finding
from workbench.evaluation.metrics import (
    Scores,
    Truth,
    at_threshold,
    auc,
    auprc,
    balanced_accuracy,
    calibration_error,
    interval,
)
from workbench.evaluation.report import Progress, Report, Rows, Subject
from workbench.evaluation.segments import segments_of

_SUPPORTED = "supported"
_MARK = re.compile(r"(?:^|(?<=\s))passage \d+: ")
_ROWS_AT_ONCE = 16


class _Judged(NamedTuple):
    """A sentence's place in its claim, its score, and whether it is known to be unsupported."""

    start: int
    end: int
    score: float
    is_unsupported: bool | None


class _Claim(NamedTuple):
    """A row's claim: its score as one, and its sentences that claim something."""

    score: float
    sentences: tuple[_Judged, ...]

    @property
    def least(self) -> float:
        """The score of the least supported sentence."""
        return max((each.score for each in self.sentences), default=0.0)


def evaluate_grounding(subject: Subject, rows: Rows, progress: Progress) -> Report:
    """Figures at the policy's default threshold, and at those of the model's card; see the module's text for rows."""
    detector = subject.detector
    assert isinstance(detector, GroundingChecker)
    judged: list[_Claim] = []
    for begin in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[begin : begin + _ROWS_AT_ONCE]
        judged += _judge(detector, some)
        progress(len(some))
    scores = np.asarray([each.score for each in judged], dtype=np.float64)
    least = np.asarray([each.least for each in judged], dtype=np.float64)
    truth = np.asarray([row["label"] != _SUPPORTED for row in rows], dtype=np.bool_)
    known = [each for own in judged for each in own.sentences if each.is_unsupported is not None]
    threshold = subject.thresholds[UNSUPPORTED]
    recommended = {name: 1 - support for name, support in detector.recommended.items()}
    figures = {
        "rows": len(rows),
        **_figures(scores, truth, threshold),
        "auc_interval": interval(auc, scores, truth),
        "calibration_error": calibration_error(scores, truth),
        "at": {name: _at(scores, truth, each) for name, each in recommended.items()},
        "responses": {
            "without_claims": sum(not each.sentences for each in judged),
            **_figures(least, truth, threshold),
        },
        "sentences": {"rows": len(known), **_of_sentences(known, threshold)},
    }
    return Report(figures, [_shown(each) for each in judged], {UNSUPPORTED: (scores, truth)})


def context_of_row(context: str | Sequence[str]) -> Context:
    """The passages of a row."""
    if not isinstance(context, str):
        return context_of(list(context))
    parts = [part.strip() for part in _MARK.split(context)] if _MARK.match(context) else [context]
    return context_of([part for part in parts if part])


def _judge(detector: GroundingChecker, rows: Rows) -> Iterator[_Claim]:
    """Each row's claim, and its sentences, those of all rows in one batch."""
    claims = [segments_of(detector, row["claim"]) for row in rows]
    contexts = [context_of_row(row["context"]) for row in rows]
    items = [
        BatchItem(segment.text, segment.begin, context=context)
        for own, context in zip(claims, contexts, strict=True)
        for segment in own
    ]
    answers = iter(detector.detect(items))
    for row, own, context in zip(rows, claims, contexts, strict=True):
        found = [each for segment in own for each in segment.to_lane(next(answers)) if each.label == UNSUPPORTED]
        sentences = tuple(_Judged(each.start, each.end, each.score, _truth(row, each, len(found))) for each in found)
        is_one = len(sentences) == 1 and len(own) == 1
        score = sentences[0].score if is_one else 1 - detector.support(row["claim"], context)
        yield _Claim(score, sentences)


def _truth(row: Mapping[str, Any], found: Finding, sentences: int) -> bool | None:
    if row["label"] == _SUPPORTED:
        return False
    if row.get("spans"):
        return any(start < found.end and found.start < end for start, end in row["spans"])
    return True if sentences == 1 else None


def _of_sentences(known: Sequence[_Judged], threshold: float) -> dict[str, Any]:
    scores = np.asarray([each.score for each in known], dtype=np.float64)
    truth = np.asarray([each.is_unsupported for each in known], dtype=np.bool_)
    return _figures(scores, truth, threshold)


def _figures(scores: Scores, truth: Truth, threshold: float) -> dict[str, Any]:
    return {"auc": auc(scores, truth), "auprc": auprc(scores, truth), **_at(scores, truth, threshold)}


def _at(scores: Scores, truth: Truth, threshold: float) -> dict[str, Any]:
    balanced = balanced_accuracy(scores, truth, threshold)
    return {"threshold": threshold, "balanced_accuracy": balanced, **at_threshold(scores, truth, threshold)}


def _shown(claim: _Claim) -> dict[str, Any]:
    sentences = [
        {"start": each.start, "end": each.end, "support": round(1 - each.score, 4)} for each in claim.sentences
    ]
    return {"scores": {UNSUPPORTED: claim.score}, "sentences": sentences}
