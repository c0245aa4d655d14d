"""What a rule can expect at other thresholds: how much is found, and how much is taken for it that is none.

    python -m benchmarks.quality.points --data DATA [--model models_onnx/tidegate-encoder] [--limit 400]

Writes the points into the model's card (`heads.HEAD.points`), from where `tidegate policy show` and `lint` read them.
Each label is judged over the labelled sets that annotate it, at most LIMIT rows of each. Of attacks in documents and
tools' results stands what `benchmarks.work` found on agents' work, which is harder than any set.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality.sets import LabelledSet, labelled_sets
from detectors import registry
from detectors.injection import INDIRECT
from detectors.models.card import CARD_NAME
from detectors.parts import parts_of
from workbench.evaluation.report import Subject
from workbench.evaluation.tasks import TASKS

THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995)
SETS = {
    "injection": ("dev", "test_deepset", "test_jailbreak_llms", "test_mitre_frr", "test_xstest_safe"),
    "toxicity": ("dev", "test_davidson", "test_tweeteval_offensive", "test_civil_spans", "test_xstest_safe"),
}
FOREIGN = frozenset({"indirect", "document", "tool_output"})
"""Kinds of rows that are read as documents, of which the label is another one."""
WORK = Path("benchmarks/results/work.json")
LEAST = 40
"""Of so many positive and negative texts at least a figure is told."""

Curve = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with injection/, toxicity/")
    parser.add_argument("--model", type=Path, default=Path("models_onnx/tidegate-encoder"))
    parser.add_argument("--limit", type=int, default=400, help="rows of each set")
    arguments = parser.parse_args()
    points = {head: points_of(arguments.data, head, arguments) for head in SETS}
    points["injection"][INDIRECT] = points_of_work(json.loads(WORK.read_text(encoding="utf-8")))
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
    rows = [row for row in one.rows if row.get("kind") not in FOREIGN]
    return task.evaluate(subject, rows, lambda _: None).curves


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


def points_of_work(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The points of attacks in documents, as they were measured on agents' work."""
    return [
        {
            "threshold": row["least score"],
            "recall": row["attacks found"],
            "false_positives": round(
                (row["first half flagged"] + row["second half flagged"]) / (row["of"] + row["of them"]), 4
            ),
            "texts": [row["of attacks"], row["of"] + row["of them"]],
        }
        for row in results["figures"]["thresholds"]
    ]


def write(card: Path, points: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> None:
    """Put the points into a card, a row each; all else in it stays as it is, to the letter."""
    lines = card.read_text(encoding="utf-8").split("\n")
    for head, labels in points.items():
        begin = lines.index(f"  {head}:")
        end = next(number for number in range(begin + 1, len(lines)) if not lines[number].startswith("    "))
        old = next((number for number in range(begin, end) if lines[number] == "    points:"), end)
        rows = [f"      {label}:{''.join(map(_row, table))}" for label, table in sorted(labels.items())]
        lines[old:end] = ["    points:", *rows]
    card.write_text("\n".join(lines), encoding="utf-8")


def _row(point: Mapping[str, Any]) -> str:
    return f"\n      - {{{', '.join(f'{key}: {value}' for key, value in point.items())}}}"


if __name__ == "__main__":
    main()
