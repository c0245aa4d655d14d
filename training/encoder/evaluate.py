"""Evaluates a model folder on every visible set and prints the table of figures against their targets.

    python -m training.encoder.evaluate --data DATA --model MODEL_DIR [--out quality.json] [--limit N] [--float]

Texts are scored as a service sees them (`serve.py`): windows, the maximum over windows for injection and toxicity. The
thresholds are those that `calibrate.py` chose on dev and wrote to `model.yaml`. Tags are scored over the labels that a
set annotates and the tag head knows; ids with a pattern (cards, phones) are the pattern recognizers' work.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score

from training.encoder import hidden
from training.encoder.labels import ENTITIES, TOPICS, TOXICITY
from training.encoder.rows import read_rows
from training.encoder.serve import Floats, Scored, ServedModel, sigmoid

Figures = dict[str, Any]
Row = dict[str, Any]

HEADS = ("injection", "toxicity", "topic", "pii")

TARGETS: tuple[tuple[str, str, str, float | None, float, float, bool], ...] = (
    # head, set and figure, key, TF-IDF + logistic regression, must, aim, whether smaller is better
    ("injection", "dev: recall at 1 % FPR", "injection.dev.recall_at_1pct_fpr", 0.84, 0.92, 0.97, False),
    ("injection", "test_deepset: AUC", "injection.test_deepset.auc", 0.907, 0.94, 0.98, False),
    ("injection", "test_deepset: F1", "injection.test_deepset.f1", 0.73, 0.86, 0.94, False),
    ("injection", "test_jailbreak_llms: AUC", "injection.test_jailbreak_llms.auc", 0.981, 0.975, 0.99, False),
    ("injection", "test_mitre_frr: false positives", "injection.test_mitre_frr.fpr", 0.21, 0.05, 0.02, True),
    ("injection", "test_xstest_safe: false positives", "injection.test_xstest_safe.fpr", 0.0, 0.02, 0.01, True),
    ("injection", "test_cyberseceval_pi: recall", "injection.test_cyberseceval_pi.recall", 0.13, 0.60, 0.75, False),
    ("injection", "test_tensor_trust: recall", "injection.test_tensor_trust.recall", 0.87, 0.85, 0.92, False),
    ("injection", "hidden in documents: AUC", "injection.hidden_documents.auc", None, 0.90, 0.96, False),
    ("injection", "hidden in documents: false positives", "injection.hidden_documents.fpr", None, 0.03, 0.01, True),
    ("toxicity", "test_davidson: AUC (toxicity)", "toxicity.test_davidson.toxicity_auc", 0.982, 0.982, 0.985, False),
    (
        "toxicity",
        "test_tweeteval_offensive: AUC (toxicity)",
        "toxicity.test_tweeteval_offensive.toxicity_auc",
        0.815,
        0.87,
        0.89,
        False,
    ),
    (
        "toxicity",
        "test_civil_spans: mean AUC over labels",
        "toxicity.test_civil_spans.mean_auc",
        0.83,
        0.87,
        0.92,
        False,
    ),
    ("toxicity", "test_xstest_safe: any label fires", "toxicity.test_xstest_safe.any_fires", 0.112, 0.04, 0.02, True),
    ("topic", "test_clinc150: accuracy (restricted)", "topic.test_clinc150.accuracy", 0.967, 0.96, 0.975, False),
    ("topic", "test_hwu64: accuracy (restricted)", "topic.test_hwu64.accuracy", 0.934, 0.93, 0.95, False),
    ("topic", "test_agnews: accuracy (restricted)", "topic.test_agnews.accuracy", 0.647, 0.78, 0.88, False),
    (
        "topic",
        "author-defined, clinc150, 5 examples: macro-F1",
        "topic.author_defined.macro_f1",
        None,
        0.80,
        0.90,
        False,
    ),
    ("pii", "test_worldwide: F1", "pii.test_worldwide.f1", 0.66, 0.70, 0.82, False),
    ("pii", "test_web_uner: F1", "pii.test_web_uner.f1", 0.64, 0.69, 0.78, False),
    ("pii", "test_tweets_btc: F1", "pii.test_tweets_btc.f1", 0.53, 0.63, 0.72, False),
    (
        "pii",
        "test_synth_unseen_templates: F1, labels of the tag head",
        "pii.test_synth_unseen_templates.f1",
        0.63,
        0.88,
        0.93,
        False,
    ),
    ("pii", "test_hard_negatives: texts flagged of 994", "pii.test_hard_negatives.flagged", 668, 15, 5, True),
)
"""The baseline of the pii rows is Presidio with spaCy."""


class Evaluation:
    """Scores sets with one model; `limit` takes that many rows of a set, evenly spread."""

    def __init__(self, model: ServedModel, contract: Row, data: Path, limit: int | None) -> None:
        self._model = model
        heads = contract["heads"]
        self._thresholds = {name: heads[name]["thresholds"] for name in ("toxicity", "pii")}
        self._thresholds["injection"] = heads["injection"]["thresholds"]
        self._data = data
        self._limit = limit

    def run(self, heads: list[str]) -> dict[str, dict[str, Figures]]:
        """Every figure of these heads, by head and set."""
        evaluations = {
            "injection": self._injection,
            "toxicity": self._toxicity,
            "topic": self._topic,
            "pii": self._pii,
        }
        return {head: evaluations[head]() for head in heads}

    def _rows(self, head: str, name: str) -> list[Row]:
        return self._thinned(list(read_rows(self._data / head / f"{name}.jsonl.gz")))

    def _thinned(self, rows: list[Row]) -> list[Row]:
        if self._limit is None or len(rows) <= self._limit:
            return rows
        return [rows[int(place)] for place in np.linspace(0, len(rows) - 1, self._limit)]

    def _scored(self, rows: list[Row]) -> list[Scored]:
        return self._model.score([row["text"] for row in rows])

    def _injection(self) -> dict[str, Figures]:
        names = [path.name.removesuffix(".jsonl.gz") for path in sorted((self._data / "injection").glob("test_*"))]
        sets = {name: self._rows("injection", name) for name in ("dev", *names)}
        sets["hidden_documents"] = self._thinned(hidden.rows(self._data, count=2000, seed=41))
        foreign = ("hidden_documents",)
        return {
            name: self._binary(rows, "indirect_injection" if name in foreign else "injection")
            for name, rows in sets.items()
        }

    def _binary(self, rows: list[Row], label: str) -> Figures:
        labels = np.asarray([row["label"] for row in rows])
        scores = sigmoid(np.asarray([largest(scored.injection) for scored in self._scored(rows)]))
        return binary_figures(labels, scores, self._thresholds["injection"][label])

    def _toxicity(self) -> dict[str, Figures]:
        names = [path.name.removesuffix(".jsonl.gz") for path in sorted((self._data / "toxicity").glob("test_*"))]
        return {name: self._labels(self._rows("toxicity", name)) for name in ("dev", *names)}

    def _labels(self, rows: list[Row]) -> Figures:
        scores = sigmoid(np.stack([scored.toxicity.max(0) for scored in self._scored(rows)]))
        thresholds = np.asarray([self._thresholds["toxicity"][name] for name in TOXICITY])
        figures: Figures = {"any_fires": float((scores >= thresholds).any(1).mean()), "rows": len(rows)}
        for number, name in enumerate(TOXICITY):
            known = np.asarray([row["labels"][name] is not None for row in rows])
            if not known.any():
                continue
            labels = np.asarray([row["labels"][name] for row, is_known in zip(rows, known, strict=True) if is_known])
            figures[name] = binary_figures(labels, scores[known, number], float(thresholds[number]))
        aucs = [figures[name]["auc"] for name in TOXICITY if "auc" in figures.get(name, {})]
        if aucs:
            figures["mean_auc"] = float(np.mean(aucs))
        if "auc" in figures.get("toxicity", {}):
            figures["toxicity_auc"] = figures["toxicity"]["auc"]
        return figures

    def _topic(self) -> dict[str, Figures]:
        figures = {
            name: self._accuracy(self._rows("topic", name))
            for name in ("dev", "test_clinc150", "test_hwu64", "test_agnews", "test_indomain")
        }
        return {**figures, "author_defined": self._author_defined()}

    def _accuracy(self, rows: list[Row]) -> Figures:
        logits = np.stack([scored.topic.mean(0) for scored in self._scored(rows)])
        truth = np.asarray([TOPICS.index(row["topic"]) for row in rows])
        present = np.unique(truth)
        restricted = present[logits[:, present].argmax(1)]
        return {
            "rows": len(rows),
            "accuracy": float((restricted == truth).mean()),
            "accuracy_unrestricted": float((logits.argmax(1) == truth).mean()),
            "macro_f1": float(f1_score(truth, restricted, average="macro")),
        }

    def _author_defined(self, *, examples: int = 5, draws: int = 5) -> Figures:
        """Topics made of a few example sentences each, matched by the embedding alone: the mean over several draws."""
        rows = self._rows("topic", "test_clinc150")
        truth = np.asarray([TOPICS.index(row["topic"]) for row in rows])
        vectors = unit(np.stack([scored.embedding.mean(0) for scored in self._scored(rows)]))
        pool = [row for row in read_rows(self._data / "topic" / "train.jsonl.gz") if row["source"] == "clinc150"]
        rng = np.random.default_rng(5)
        f1 = []
        for _ in range(draws):
            centres = []
            for topic in np.unique(truth):
                texts = [row["text"] for row in pool if row["topic"] == TOPICS[topic]]
                chosen = self._model.score([texts[place] for place in rng.choice(len(texts), examples, replace=False)])
                centres.append(np.stack([scored.embedding[0] for scored in chosen]))
            similarity = np.stack([vectors @ unit(centre.mean(0)) for centre in centres], axis=1)
            f1.append(f1_score(truth, np.unique(truth)[similarity.argmax(1)], average="macro"))
        return {"rows": len(rows), "macro_f1": float(np.mean(f1)), "lowest_draw": float(np.min(f1))}

    def _pii(self) -> dict[str, Figures]:
        coverage = json.loads((self._data / "pii" / "label_coverage.json").read_text(encoding="utf-8"))
        names = [path.name.removesuffix(".jsonl.gz") for path in sorted((self._data / "pii").glob("test_*"))]
        return {name: self._spans(self._rows("pii", name), coverage) for name in ("dev", *names)}

    def _spans(self, rows: list[Row], coverage: dict[str, Any]) -> Figures:
        counts = {label: np.zeros(3, dtype=np.int64) for label in ENTITIES}
        flagged = 0
        for row, scored in zip(rows, self._scored(rows), strict=True):
            covered = coverage[row["source"]]
            labels = [label for label in ENTITIES if covered == "all" or label in covered]
            found = [entity for entity in scored.entities if entity[3] >= self._thresholds["pii"][entity[2]]]
            flagged += bool(found)
            for label in labels:
                truth = [(e["start"], e["end"]) for e in row["entities"] if e["label"] == label]
                counts[label] += matched(truth, [(start, end) for start, end, name, _ in found if name == label])
        total = sum(counts.values(), np.zeros(3, dtype=np.int64))
        return {
            "rows": len(rows),
            "flagged": flagged,
            **span_figures(total),
            "labels": {label: span_figures(count) for label, count in counts.items() if count.any()},
        }


def largest(logits: Floats) -> float:
    """The maximum over windows; a text without any word piece is as harmless as can be."""
    return float(logits.max()) if len(logits) else -20.0


def unit(vectors: Floats) -> Floats:
    """The vectors at length one."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float32)


def binary_figures(labels: NDArray[np.int64], scores: Floats, threshold: float) -> Figures:
    """AUC, F1 and the like where both classes are there; recall or false positive rate where one is."""
    fired = scores >= threshold
    figures: Figures = {"rows": len(labels), "threshold": round(threshold, 4)}
    if (labels == 1).any():
        figures["recall"] = float(fired[labels == 1].mean())
    if (labels == 0).any():
        figures["fpr"] = float(fired[labels == 0].mean())
    if len(np.unique(labels)) == 2:
        figures["auc"] = float(roc_auc_score(labels, scores))
        figures["f1"] = float(f1_score(labels, fired))
        figures["recall_at_1pct_fpr"] = recall_at(labels, scores, 0.01)
    return figures


def recall_at(labels: NDArray[np.int64], scores: Floats, rate: float) -> float:
    """Recall at the lowest threshold that lets at most `rate` of the negatives fire."""
    threshold = np.quantile(scores[labels == 0], 1.0 - rate)
    return float((scores[labels == 1] > threshold).mean())


def matched(truth: list[tuple[int, int]], found: list[tuple[int, int]]) -> NDArray[np.int64]:
    """(hits, found, true) of one label in one text; a hit overlaps at IoU 0.5 or more, one to one."""
    left = list(truth)
    hits = 0
    for start, end in found:
        for span in left:
            common = min(end, span[1]) - max(start, span[0])
            if common > 0 and common / (max(end, span[1]) - min(start, span[0])) >= 0.5:
                left.remove(span)
                hits += 1
                break
    return np.asarray([hits, len(found), len(truth)], dtype=np.int64)


def span_figures(counts: NDArray[np.int64]) -> Figures:
    """Precision, recall and F1 of (hits, found, true)."""
    hits, found, true = (int(count) for count in counts)
    precision, recall = hits / max(found, 1), hits / max(true, 1)
    return {"precision": precision, "recall": recall, "f1": 2 * hits / max(found + true, 1)}


def table(figures: dict[str, dict[str, Figures]]) -> str:
    """The figures against their targets, as Markdown."""
    lines = ["| head | set | TF-IDF + LR | must | aim | measured | reached |", "|---|---|---|---|---|---|---|"]
    for head, title, key, baseline, must, aim, smaller in TARGETS:
        if head not in figures:
            continue
        value = _looked_up(figures, key.split("."))
        verdicts = [(value <= limit if smaller else value >= limit) for limit in (must, aim)]
        word = "aim" if verdicts[1] else "must" if verdicts[0] else "**no**"
        shown = "-" if baseline is None else f"{baseline:g}"
        lines.append(f"| {head} | {title} | {shown} | {must:g} | {aim:g} | {value:.3f} | {word} |")
    return "\n".join(lines)


def _looked_up(figures: Row, keys: Iterable[str]) -> float:
    value: Any = figures
    for key in keys:
        value = value[key]
    return float(value)


def main() -> None:
    """The command line."""
    arguments = _arguments()
    contract = yaml.safe_load((arguments.model / "model.yaml").read_text(encoding="utf-8"))
    model = ServedModel(
        arguments.model, file="model-float.onnx" if arguments.float else "model.onnx", threads=arguments.threads
    )
    began = time.process_time()
    figures = Evaluation(model, contract, arguments.data, arguments.limit).run(arguments.heads)
    print(table(figures))
    print(f"\n{time.process_time() - began:.0f} s of CPU time")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with injection/, toxicity/, topic/, pii/")
    parser.add_argument("--model", type=Path, required=True, help="model folder")
    parser.add_argument("--out", type=Path, help="JSON file for all figures")
    parser.add_argument("--limit", type=int, help="at most this many rows of a set, evenly spread")
    parser.add_argument("--float", action="store_true", help="the float32 graph instead of the quantised one")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--heads", nargs="+", choices=HEADS, default=list(HEADS))
    return parser.parse_args()


if __name__ == "__main__":
    main()
