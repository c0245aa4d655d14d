"""Tidegate's detectors over labelled sets as the service runs them: its segments, windows, views and thresholds."""

from __future__ import annotations

import hashlib
import json
import shutil
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.quality.sets import LabelledSet, author_topics
from detectors import registry
from detectors.models.card import CARD_NAME, MODEL_NAME
from detectors.parts import parts_of
from detectors.topic import Topic
from workbench.evaluation.metrics import macro_f1
from workbench.evaluation.report import Subject
from workbench.evaluation.segments import findings_of
from workbench.evaluation.targets import AUTHORS
from workbench.evaluation.tasks import TASKS

NOTHING = ""


def figures_of(one: LabelledSet, data: Path, model: str) -> dict[str, Any]:
    """The figures of one set, with the CPU seconds that a thousand characters took."""
    begun = time.process_time()
    figures = _by_examples(one, data, model) if one.name == AUTHORS else _by_task(one, model)
    chars = sum(len(row["text"]) for row in one.rows)
    return {**figures, "cpu_ms_per_1000_chars": 1e6 * (time.process_time() - begun) / chars}


def float_folder(model: Path, file: Path, place: Path) -> Path:
    """A model folder in `place` like `model`, with another ONNX file, which need not give the golden scores exactly."""
    folder = place / model.name
    shutil.copytree(model, folder)
    shutil.copyfile(file, folder / MODEL_NAME)
    yaml = YAML(typ="safe", pure=True)
    card = yaml.load(folder / CARD_NAME)
    card["files"][MODEL_NAME] = hashlib.sha256(file.read_bytes()).hexdigest()
    card["golden"] = []
    (folder / CARD_NAME).write_text(json.dumps(card, default=str), encoding="utf-8")
    return folder


def _by_task(one: LabelledSet, model: str) -> dict[str, Any]:
    task, kind = TASKS[one.head], registry.get(one.head)
    params = kind.params.model_validate({**task.params, "model": model})
    subject = Subject([part.build() for part in parts_of(kind, params)], kind.labels_of(params), one.path)
    return task.evaluate(subject, one.rows, _quiet).figures


def _by_examples(one: LabelledSet, data: Path, model: str) -> dict[str, Any]:
    """Topics that an author defines: a text is of the topic with the highest finding, whatever its score."""
    answers = [f"own_{row['topic']}" for row in one.rows]
    topics = sorted({row["topic"] for row in one.rows})
    scores = []
    for examples in author_topics(data, topics):
        detector = Topic.build(Topic.params.model_validate({"deny": examples, "model": model}))
        scores.append(macro_f1(_guesses(detector, [row["text"] for row in one.rows]), answers))
    return {
        "rows": len(one.rows),
        "macro_f1": statistics.fmean(scores),
        "lowest_draw": min(scores),
        "draws": len(scores),
    }


def _guesses(detector: Any, texts: Sequence[str]) -> list[str]:
    guesses = []
    for findings in findings_of(detector, texts):
        best: Mapping[str, float] = {}
        for each in findings:
            best = {**best, each.label: max(each.score, best.get(each.label, 0.0))}
        guesses.append(max(best, key=lambda label: best[label]) if best else NOTHING)
    return guesses


def _quiet(_: int) -> None:
    """Progress is told by set."""
