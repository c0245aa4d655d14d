"""What a rule can expect at other thresholds: how much is found, and how much is taken for it that is none.

    python -m benchmarks.quality.points --data DATA [--model models_onnx/tidegate-encoder] [--limit 800]

Writes the points into the model's card (`heads.HEAD.points`), from where `tidegate policy show` and `lint` read them.
Each label is judged over the labelled sets that annotate it, at most LIMIT rows of each; the one for documents is made
by `benchmarks.quality.sets`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from benchmarks.quality.sets import LabelledSet, labelled_sets
from detectors import registry
from detectors.injection import DIRECT, INDIRECT
from detectors.models.card import CARD_NAME
from detectors.parts import parts_of
from workbench.evaluation.report import Subject
from workbench.evaluation.targets import HIDDEN
from workbench.evaluation.tasks import TASKS

THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995)
SETS = {
    "injection": ("dev", "test_deepset", "test_jailbreak_llms", "test_mitre_frr", "test_xstest_safe", HIDDEN),
    "toxicity": ("dev", "test_davidson", "test_tweeteval_offensive", "test_civil_spans", "test_xstest_safe"),
}
FOREIGN = frozenset({"indirect", "document", "tool_output"})
"""Kinds of rows that are read as documents, of which the label is another one."""
LEAST = 40
"""Of so many positive and negative texts at least a figure is told."""

Curve = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with injection/, toxicity/")
    parser.add_argument("--model", type=Path, default=Path("models_onnx/tidegate-encoder"))
    parser.add_argument("--limit", type=int, default=800, help="rows of each set")
    arguments = parser.parse_args()
    points = {head: points_of(arguments.data, head, arguments) for head in SETS}
    write(arguments.model / CARD_NAME, points)


def points_of(data: Path, head: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """The points of a head, by label."""
    curves: dict[str, list[Curve]] = {}
    for each in labelled_sets(data, [head], arguments.limit, SETS[head]):
        for label, curve in curves_of(each, str(arguments.model)).items():
            curves.setdefault(label, []).append(curve)
    joined = {label: join(parts) for label, parts in curves.items()}
    return {label: table(curve) for label, curve in sorted(joined.items()) if is_telling(curve)}


def curves_of(one: LabelledSet, model: str) -> Mapping[str, Curve]:
    """The scores and the truth of a set's rows, by label."""
    task, kind = TASKS[one.head], registry.get(one.head)
    params = kind.params.model_validate({**task.params, "model": model})
    subject = Subject([part.build() for part in parts_of(kind, params)], kind.labels_of(params), one.path)
    is_hidden = one.name == HIDDEN
    rows = [row for row in one.rows if is_hidden or row.get("kind") not in FOREIGN]
    curves = task.evaluate(subject, rows, lambda _: None).curves
    return {INDIRECT if is_hidden and label == DIRECT else label: curve for label, curve in curves.items()}


def join(parts: Iterable[Curve]) -> Curve:
    """Several sets as one."""
    scores, truths = zip(*parts, strict=True)
    return np.concatenate(scores), np.concatenate(truths)


def is_telling(curve: Curve) -> bool:
    """Whether there are enough texts of both kinds."""
    truth = curve[1]
    return bool(min(truth.sum(), (~truth).sum()) >= LEAST)


def table(curve: Curve) -> list[dict[str, Any]]:
    """A row for each threshold: shares of 0 to 1, and of how many texts."""
    scores, truth = curve
    positives, negatives = scores[truth], scores[~truth]
    return [
        {
            "threshold": threshold,
            "recall": round(float((positives >= threshold).mean()), 4),
            "false_positives": round(float((negatives >= threshold).mean()), 4),
            "texts": [len(positives), len(negatives)],
        }
        for threshold in THRESHOLDS
    ]


def write(card: Path, points: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> None:
    """Put the points into a card; all else in it stays."""
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 120
    document = yaml.load(card)
    for head, labels in points.items():
        document["heads"][head]["points"] = labels
    yaml.dump(document, card)


if __name__ == "__main__":
    main()
