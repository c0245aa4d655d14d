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

from detectors.base import Detector
from detectors.injection import Injection
from detectors.topic import HEAD as TOPIC_HEAD
from detectors.topic import Topic
from detectors.toxicity import Toxicity
from sidecar.evaluation.metrics import Scores, at_threshold, auc, auprc, macro_f1, recall_at_fpr
from sidecar.evaluation.segments import findings_of, segments_of
from sidecar.values import Part

Progress = Callable[[int], None]

_FOREIGN_KINDS = frozenset({"indirect", "document"})
_LOW_FPR = 0.01
_TEXTS_AT_ONCE = 64


@dataclass(frozen=True)
class Report:
    """Figures of one run, and a row of scores for each row read, in order."""

    figures: dict[str, Any]
    scores: list[dict[str, Any]] = field(default_factory=list)


def evaluate_injection(
    detector: Detector, rows: Sequence[Mapping[str, Any]], thresholds: Mapping[str, float], progress: Progress
) -> Report:
    """Rows `{text, label: 0 | 1, kind?}`; a document or indirect attack is read as context."""
    parts = [Part.CONTEXT if row.get("kind") in _FOREIGN_KINDS else Part.USER for row in rows]
    found = findings_of(detector, [row["text"] for row in rows], parts=parts, progress=progress)
    scores = np.asarray([max((each.score for each in findings), default=0.0) for findings in found])
    truth = np.asarray([bool(row["label"]) for row in rows])
    threshold = thresholds[Injection.name]
    figures = {
        "rows": len(rows),
        "auc": auc(scores, truth),
        "auprc": auprc(scores, truth),
        "recall_at_1pct_fpr": recall_at_fpr(scores, truth, _LOW_FPR),
        "threshold": threshold,
        **at_threshold(scores, truth, threshold),
    }
    return Report(figures, [{"scores": {Injection.name: float(score)}} for score in scores])


def evaluate_toxicity(
    detector: Detector, rows: Sequence[Mapping[str, Any]], thresholds: Mapping[str, float], progress: Progress
) -> Report:
    """Rows `{text, labels: {name: 0 | 1 | null}}`; a label that is null in a row is not judged there."""
    labels = sorted(thresholds)
    found = list(findings_of(detector, [row["text"] for row in rows], progress=progress))
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
    return Report(figures, [{"scores": scores} for scores in columns])


def _label_figures(label: str, scores: Scores, rows: Sequence[Mapping[str, Any]], threshold: float) -> dict[str, Any]:
    judged = np.asarray([row["labels"].get(label) is not None for row in rows])
    truth = np.asarray([row["labels"].get(label) == 1 for row in rows])[judged]
    own = scores[judged]
    return {
        "rows": int(judged.sum()),
        "auc": auc(own, truth),
        "auprc": auprc(own, truth),
        "threshold": threshold,
        **at_threshold(own, truth, threshold),
    }


def evaluate_topic(
    detector: Detector, rows: Sequence[Mapping[str, Any]], thresholds: Mapping[str, float], progress: Progress
) -> Report:
    """Rows `{text, topic}`. `restricted` figures let the detector choose among the file's topics only."""
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


def _accuracy(guesses: Sequence[str], answers: Sequence[str]) -> float:
    return sum(guess == answer for guess, answer in zip(guesses, answers, strict=True)) / len(answers)


@dataclass(frozen=True)
class Task:
    """How a detector is evaluated: the keys that its rows need, the parameters it is built with, and the figures."""

    needs: tuple[str, ...]
    evaluate: Callable[[Detector, Sequence[Mapping[str, Any]], Mapping[str, float], Progress], Report]
    params: Mapping[str, Any] = field(default_factory=dict)
    sets: str = ""
    """The folder of the development data that holds this detector's sets, below `--data`'s root for `--all`."""


TASKS: Mapping[str, Task] = {
    Injection.name: Task(("text", "label"), evaluate_injection, sets="injection"),
    Toxicity.name: Task(("text", "labels"), evaluate_toxicity, sets="toxicity"),
    Topic.name: Task(("text", "topic"), evaluate_topic, {"deny": ("banking",)}, sets="topic"),
}


def data_sets(root: Path, task: Task) -> list[Path]:
    """The development and test sets of a task below the data root."""
    folder = root / task.sets
    return sorted(path for path in folder.glob("*.jsonl.gz") if path.name.startswith(("dev", "test_")))
