"""What is asked of each detector: which rows it reads, how a text's findings become scores, and which figures follow.

A text's score for a label is the highest over its segments, as a rule would see it; a topic is judged over the whole
text, by the mean of its segments' distributions weighted by their length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from detectors.grounding.detector import GroundingChecker
from detectors.injection import DIRECT, INDIRECT, Injection
from detectors.pii.detector import Pii
from detectors.topic import HEAD as TOPIC_HEAD
from detectors.topic import Topic
from detectors.toxicity import Toxicity
from detectors.types import Finding
from sidecar.policy.decide import decide
from sidecar.policy.plan import RulePlan
from sidecar.values import Action, Enforcement, FailMode, Part, Severity
from workbench.evaluation.grounding import evaluate_grounding
from workbench.evaluation.metrics import (
    Scores,
    Truth,
    at_threshold,
    auc,
    auprc,
    calibration_error,
    interval,
    macro_f1,
    recall_at_fpr,
)
from workbench.evaluation.report import Progress, Report, Rows, Subject
from workbench.evaluation.segments import findings_of, segments_of
from workbench.evaluation.spans import SpanFigures, read_coverage

_FOREIGN_KINDS = frozenset({"indirect", "document", "tool_output"})
_ATTACKS = frozenset({DIRECT, INDIRECT})
_LOW_FPR = 0.01
_TEXTS_AT_ONCE = 64
_OPEN = FailMode.FAIL_OPEN


def evaluate_injection(subject: Subject, rows: Rows, progress: Progress) -> Report:
    """Rows `{text, label: 0 | 1, kind?}`; a document or indirect attack is read as context, with its own threshold."""
    parts = [Part.CONTEXT if row.get("kind") in _FOREIGN_KINDS else Part.USER for row in rows]
    found = findings_of(subject.detector, [row["text"] for row in rows], parts=parts, progress=progress)
    scores = np.asarray(
        [max((each.score for each in findings if each.label in _ATTACKS), default=0.0) for findings in found]
    )
    truth = np.asarray([bool(row["label"]) for row in rows])
    direct = subject.thresholds[DIRECT]
    indirect = subject.thresholds.get(INDIRECT, direct)
    limits = [direct if part is Part.USER else indirect for part in parts]
    margins = scores - np.asarray(limits)
    figures = {
        "rows": len(rows),
        "auc": auc(scores, truth),
        "auc_interval": interval(auc, scores, truth),
        "calibration_error": calibration_error(scores, truth),
        "auprc": auprc(scores, truth),
        "recall_at_1pct_fpr": recall_at_fpr(scores, truth, _LOW_FPR),
        "threshold": direct,
        "indirect_threshold": indirect,
        **at_threshold(margins, truth, 0.0),
        "f1_interval": interval(_f1_at(0.0), margins, truth),
        "kinds": _by_kind(rows, margins, truth),
    }
    columns = [{"scores": {Injection.name: float(score)}} for score in scores]
    return Report(figures, columns, {Injection.name: (scores, truth)})


def _f1_at(threshold: float) -> Callable[[Scores, Truth], float | None]:
    return lambda scores, truth: at_threshold(scores, truth, threshold)["f1"]


def _by_kind(rows: Rows, margins: Scores, truth: Truth) -> dict[str, Any]:
    """Figures for each `kind` of row, where rows have one; a row with a margin of 0 or more fires."""
    kinds = np.asarray([str(row.get("kind") or "") for row in rows])
    own = {str(kind): kinds == kind for kind in np.unique(kinds) if kind}
    return {
        kind: {"rows": int(rows_of.sum()), **at_threshold(margins[rows_of], truth[rows_of], 0.0)}
        for kind, rows_of in own.items()
    }


def evaluate_toxicity(subject: Subject, rows: Rows, progress: Progress) -> Report:
    """Rows `{text, labels: {name: 0 | 1 | null}}`; a label that is null in a row is not judged there."""
    thresholds = subject.thresholds
    labels = sorted(thresholds)
    found = list(findings_of(subject.detector, [row["text"] for row in rows], progress=progress))
    table = {
        label: np.asarray([max((each.score for each in own if each.label == label), default=0.0) for own in found])
        for label in labels
    }
    per_label = {label: _label_figures(label, table[label], rows, thresholds[label]) for label in labels}
    judged = [figures["auc"] for figures in per_label.values() if figures["auc"] is not None]
    fired = np.any([table[label] >= thresholds[label] for label in labels], axis=0)
    clean = np.asarray([all(row["labels"].get(label) == 0 for label in labels) for row in rows])
    figures = {
        "rows": len(rows),
        "auc": float(np.mean(judged)) if judged else None,
        "fpr": float(fired[clean].mean()) if clean.any() else None,
        "labels": {label: figures for label, figures in per_label.items() if figures["rows"]},
    }
    columns = [{label: float(table[label][index]) for label in labels} for index in range(len(rows))]
    curves = {label: _judged(label, table[label], rows) for label in labels if per_label[label]["rows"]}
    return Report(figures, [{"scores": scores} for scores in columns], curves)


def _judged(label: str, scores: Scores, rows: Rows) -> tuple[Scores, Truth]:
    """Scores and truth of the rows that annotate the label."""
    judged = np.asarray([row["labels"].get(label) is not None for row in rows])
    truth = np.asarray([row["labels"].get(label) == 1 for row in rows])
    return scores[judged], truth[judged]


def _label_figures(label: str, scores: Scores, rows: Rows, threshold: float) -> dict[str, Any]:
    own, truth = _judged(label, scores, rows)
    return {
        "rows": len(own),
        "auc": auc(own, truth),
        "auc_interval": interval(auc, own, truth) if len(own) else None,
        "calibration_error": calibration_error(own, truth),
        "auprc": auprc(own, truth),
        "threshold": threshold,
        **at_threshold(own, truth, threshold),
    }


def evaluate_topic(subject: Subject, rows: Rows, progress: Progress) -> Report:
    """Rows `{text, topic}`. `restricted` figures let the detector choose among the file's topics only."""
    detector = subject.detector
    assert isinstance(detector, Topic)
    names = detector.encoder.card.heads[TOPIC_HEAD].labels
    answers = [row["topic"] for row in rows]
    table = _topic_scores(detector, [row["text"] for row in rows], progress)
    present = [index for index, name in enumerate(names) if name in set(answers)]
    guesses = [names[index] for index in table.argmax(axis=1)]
    restricted = [names[present[index]] for index in table[:, present].argmax(axis=1)]
    figures = {
        "rows": len(rows),
        "accuracy": _accuracy(guesses, answers),
        "macro_f1": macro_f1(guesses, answers),
        "restricted": {"accuracy": _accuracy(restricted, answers), "macro_f1": macro_f1(restricted, answers)},
    }
    best = [{names[index]: float(own[index]) for index in np.argsort(-own)[:10]} for own in table]
    return Report(figures, [{"scores": scores} for scores in best])


def _topic_scores(detector: Topic, texts: Sequence[str], progress: Progress) -> Scores:
    rows: list[Scores] = []
    for begin in range(0, len(texts), _TEXTS_AT_ONCE):
        some = texts[begin : begin + _TEXTS_AT_ONCE]
        segments = [segments_of(detector, text) for text in some]
        encodings = iter(detector.encoder.encode([each.text for own in segments for each in own], [TOPIC_HEAD]))
        for own in segments:
            heard = [next(encodings).scores[TOPIC_HEAD] for _ in own]
            weights = [each.end - each.start for each in own]
            rows.append(np.average(heard, axis=0, weights=weights) if heard else _nothing(detector))
        progress(len(some))
    return np.asarray(rows, dtype=np.float64)


def _nothing(detector: Topic) -> Scores:
    return np.zeros(len(detector.encoder.card.heads[TOPIC_HEAD].labels))


def evaluate_pii(subject: Subject, rows: Rows, progress: Progress) -> Report:
    """Rows `{text, entities: [{start, end, label}], source?}`: spans as a rule that reads all labels reports them."""
    coverage = read_coverage(subject.data, rows)
    labels = sorted(subject.thresholds)
    spans = SpanFigures(coverage, labels)
    reported: list[dict[str, Any]] = []
    for begin in range(0, len(rows), _TEXTS_AT_ONCE):
        some = rows[begin : begin + _TEXTS_AT_ONCE]
        texts = [row["text"] for row in some]
        found = zip(*(findings_of(part, texts) for part in subject.parts), strict=True)
        for row, findings in zip(some, found, strict=True):
            own = [each for part in findings for each in reported_by(part, subject.thresholds)]
            spans.add(row, own)
            reported.append({"entities": [_as_entity(each) for each in sorted(own)]})
        progress(len(some))
    return Report({**spans.figures(), "thresholds": dict(subject.thresholds)}, reported)


def reported_by(findings: Sequence[Finding], thresholds: Mapping[str, float]) -> list[Finding]:
    """What a rule with these thresholds reports of a detector's findings."""
    rule = RulePlan(0, "evaluation", "", thresholds, Severity.INFO, Action.ANNOTATE, Enforcement.ENFORCE, _OPEN, _OPEN)
    return [violation.finding for violation in decide((rule,), findings)]


def _as_entity(finding: Finding) -> dict[str, Any]:
    return {"start": finding.start, "end": finding.end, "label": finding.label, "score": finding.score}


def _accuracy(guesses: Sequence[str], answers: Sequence[str]) -> float:
    return sum(guess == answer for guess, answer in zip(guesses, answers, strict=True)) / len(answers)


@dataclass(frozen=True)
class Task:
    """How a detector is evaluated: the keys that its rows need, the parameters it is built with, and the figures."""

    needs: tuple[str, ...]
    evaluate: Callable[[Subject, Rows, Progress], Report]
    params: Mapping[str, Any] = field(default_factory=dict)
    sets: str = ""
    """The folder of the development data that holds this detector's sets, below `--data`'s root for `--all`."""


TASKS: Mapping[str, Task] = {
    Injection.name: Task(("text", "label"), evaluate_injection, sets="injection"),
    Toxicity.name: Task(("text", "labels"), evaluate_toxicity, sets="toxicity"),
    Pii.name: Task(("text", "entities"), evaluate_pii, sets="pii"),
    Topic.name: Task(("text", "topic"), evaluate_topic, {"deny": ("banking",)}, sets="topic"),
    GroundingChecker.name: Task(("context", "claim", "label"), evaluate_grounding, sets="grounding"),
}


def data_sets(root: Path, task: Task) -> list[Path]:
    """The development and test sets of a task below the data root."""
    folder = root / task.sets
    return sorted(path for path in folder.glob("*.jsonl.gz") if path.name.startswith(("dev", "test_")))
