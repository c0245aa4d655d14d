"""Evaluate a model folder on every visible set, as the service scores: Markdown to the terminal, JSON to the folder.

    python -m training.grounding.evaluate --data DATA --work DIR --model models_onnx/tidegate-grounding \
        [--sets snli,mnli]

Three scores a set: plain word overlap, the pair model alone, and the combiner. "sentences" judges each sentence of the
claim alone and takes the least supported one, as a stream does; "buried" puts the evidence among 50 unrelated passages.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from detectors.grounding.combiner import Combiner
from detectors.grounding.passages import split_sentences
from training.grounding.buried import bury
from training.grounding.pairs import PairEncoder, load_tokenizer
from training.grounding.rows import TESTS, Row, read_split
from training.grounding.runners import onnx_runner
from training.grounding.scoring import PairRunner, Prepared, prepare, prepare_rows, score_cached

TARGETS = {
    "dev": (0.84, 0.88), "snli": (0.94, 0.96), "mnli": (0.84, 0.90), "fm2": (0.70, 0.80),
    "fever_symmetric": (0.78, 0.85),
    "climate_fever": (0.75, 0.82), "wice_claim_dev": (0.80, 0.85), "begin": (0.94, 0.96), "factscore": (0.83, 0.87),
    "summedits": (0.66, 0.72),
}  # fmt: skip
BURIED_PASSAGES = 50


@dataclass(slots=True)
class Scorer:
    """A model folder, ready to score rows."""

    encoder: PairEncoder
    runner: PairRunner
    combiner: Combiner
    cache: Path
    model: str

    def prepared(self, rows: Sequence[Row], key: str) -> list[Prepared]:
        """Prepare rows, cached by `key`."""
        return prepare_rows(rows, self.encoder, cache=self.cache, key=key)

    def prepared_one(self, row: Row) -> Prepared:
        """Prepare one row, not cached."""
        return prepare(row, self.encoder)

    def scores(self, prepared: Sequence[Prepared]) -> tuple[np.ndarray, np.ndarray]:
        """Return the pair model's best support logit and the combiner's probability for each row."""
        features = score_cached(prepared, self.runner, cache=self.cache, key=self.model)
        combined = [self.combiner.support(list(f), row.lexical) for f, row in zip(features, prepared, strict=True)]
        return features[:, 0], np.array(combined)


def load_scorer(folder: Path, *, combiner: Path | None, cache: Path, threads: int) -> Scorer:
    """Open a model folder; `combiner` is a JSON file to use in place of the card's."""
    card = (
        json.loads(combiner.read_text())
        if combiner
        else yaml.safe_load((folder / "model.yaml").read_text())["parameters"]["combiner"]
    )
    return Scorer(
        PairEncoder(load_tokenizer(folder / "tokenizer.json")),
        onnx_runner(folder / "model.onnx", threads=threads),
        Combiner.from_card(card),
        cache,
        hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
    )


def auc(rows: Sequence[Prepared], scores: Sequence[float] | np.ndarray) -> float:
    """Return the area under the ROC curve of supported against the rest."""
    return float(roc_auc_score([row.label == "supported" for row in rows], scores))


def evaluate_set(scorer: Scorer, rows: Sequence[Row], name: str, *, sample: int, sentences: bool) -> dict[str, float]:
    """Return the figures of one set, or of `sample` rows of it."""
    prepared = scorer.prepared(rows, name)
    if 0 < sample < len(rows):
        chosen = sorted(random.Random(2).sample(range(len(rows)), sample))
        rows, prepared, name = [rows[n] for n in chosen], [prepared[n] for n in chosen], f"{name}-{sample}"
    model, combined = scorer.scores(prepared)
    figures = {
        "rows": len(rows),
        "overlap": auc(prepared, [row.overlap[0] for row in prepared]),
        "model": auc(prepared, model),
        "combined": auc(prepared, combined),
        "accuracy_at_half": float(
            balanced_accuracy_score([row.label == "supported" for row in prepared], combined >= 0.5)
        ),
        "pairs": float(np.mean([len(row.pairs) for row in prepared])),
        "tokens": float(np.mean([sum(len(ids) for ids, _ in row.pairs) for row in prepared])),
    }
    return figures | ({"sentences": by_sentence(scorer, rows, name, prepared, combined)} if sentences else {})


def by_sentence(
    scorer: Scorer, rows: Sequence[Row], name: str, prepared: Sequence[Prepared], whole: np.ndarray
) -> float:
    """Return the AUC of the least supported sentence of each claim."""
    parts, owners = [], []
    for number, row in enumerate(rows):
        spans = split_sentences(row.claim)
        if len(spans) > 1:
            parts += [Row(row.documents, row.claim[start:end], row.label, None, row.source) for start, end in spans]
            owners += [number] * len(spans)
    if not parts:
        return auc(prepared, whole)
    _, supports = scorer.scores(scorer.prepared(parts, f"{name}-sentences"))
    least = whole.copy()
    least[owners] = 1.0
    np.minimum.at(least, owners, supports)
    return auc(prepared, least)


def evaluate_buried(scorer: Scorer, rows: Sequence[Row], name: str, *, limit: int) -> dict[str, float]:
    """Return the combined AUC of a sample with its own context, and with it among unrelated passages."""
    sample = random.Random(1).sample(list(rows), min(limit, len(rows)))
    figures = {}
    for key, passages in (("plain", 0), ("buried", BURIED_PASSAGES)):
        prepared = scorer.prepared(bury(sample, passages=passages, seed=9), f"test_{name}-buried{passages}")
        figures[key] = auc(prepared, scorer.scores(prepared)[1])
        figures[f"{key}_pairs"] = float(np.mean([len(row.pairs) for row in prepared]))
    return figures


def run(arguments: argparse.Namespace) -> None:
    """Evaluate and print."""
    scorer = load_scorer(
        arguments.model, combiner=arguments.combiner, cache=arguments.work / "eval", threads=arguments.threads
    )
    wanted = arguments.sets.split(",") if arguments.sets else ["dev", *TESTS]
    results: dict[str, dict[str, float]] = {}
    print("| set | rows | overlap | model | combined | by sentence | must | aim | pairs | balanced accuracy at .5 |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in wanted:
        rows = read_split(arguments.data, "dev" if name == "dev" else f"test_{name}")
        rows = [row for row in rows if row.is_human] if name == "dev" else rows
        results[name] = r = evaluate_set(
            scorer,
            rows,
            "dev-human" if name == "dev" else f"test_{name}",
            sample=arguments.sample,
            sentences=not arguments.no_sentences,
        )
        must, aim = TARGETS.get(name, (float("nan"), float("nan")))
        print(
            f"| {name} | {r['rows']} | {r['overlap']:.3f} | {r['model']:.3f} | {r['combined']:.3f} "
            f"| {r.get('sentences', float('nan')):.3f} | {must:.2f} | {aim:.2f} "
            f"| {r['pairs']:.2f} | {r['accuracy_at_half']:.3f} |",
            flush=True,
        )
    if arguments.buried:
        print(
            f"\n| set | alone | among {BURIED_PASSAGES} passages | pairs alone | pairs among |\n|---|---|---|---|---|"
        )
        for name in [name for name in wanted if name != "dev"]:
            b = evaluate_buried(scorer, read_split(arguments.data, f"test_{name}"), name, limit=arguments.buried_rows)
            results[name] |= b
            print(
                f"| {name} | {b['plain']:.3f} | {b['buried']:.3f} | {b['plain_pairs']:.2f} | {b['buried_pairs']:.2f} |",
                flush=True,
            )
    (arguments.work / "evaluation.json").write_text(json.dumps(results, indent=1))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder with model.onnx, tokenizer.json, model.yaml")
    parser.add_argument("--combiner", type=Path, help="a combiner.json to use in place of the card's")
    parser.add_argument("--sets", help="comma-separated, default all")
    parser.add_argument("--sample", type=int, default=0, help="at most so many rows a set, default all")
    parser.add_argument("--no-sentences", action="store_true", help="leave out the column by sentence")
    parser.add_argument("--buried-rows", type=int, default=300)
    parser.add_argument("--buried", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    run(parse())
