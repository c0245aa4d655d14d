"""Would other weights of the combiner hold on sources that had no say in them? Judged by leaving each source out.

    python -m training.grounding.left_out --data DATA --work DIR --model models_onnx/tidegate-grounding

1. The rows of dev and of the held-out fold that people labelled are read as served, once; their features are cached.
2. Each combination of `CHOICES` is scored: the mean of the area over all rows and of the mean area of the sources.
3. For each source the best combination on the other sources is taken, and its area there is shown beside the card's
   and that of word overlap.

Prints, writes nothing but its cache. What came of it, and of a look at the tests, is in the README.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import yaml

from detectors.context import context_of
from detectors.grounding.combiner import ALL_FEATURES, COPIED, expand, model_features
from detectors.grounding.detector import GroundingChecker
from detectors.grounding.index import facts_of
from detectors.grounding.model import load_pair_model
from detectors.grounding.passages import words
from detectors.grounding.sentences import Claim
from training.grounding.rows import Row, is_held_out, read_split
from workbench.evaluation.metrics import auc

CHOICES: Mapping[str, Sequence[float]] = {
    "support_mean": (0.0, 0.2, 0.35),
    "words_known": (0.0, 0.5, 1.0, 1.5, 2.0),
    "length": (0.0, 0.75, 1.5),
    "speaker_missing": (-0.733, -2.25),
    "best_recall": (0.347, 0.0),
}
"""Weights in log odds, in place of the card's (2026.11.6) or beside them; the first of each is the card's."""
MORE = ("support_mean", "words_known", "length")
"""What the combiner is not given as yet: the mean support over what was read, the share of a claim's words that the
context holds, and how long the claim is."""
COLUMNS = (*ALL_FEATURES, *MORE)
MANY_WORDS = 60
LEAST_ROWS = 40
"""A source with fewer says too little to count."""

Floats = np.ndarray


def read(data: Path, folder: Path, cache: Path) -> tuple[Floats, list[Row]]:
    """The features of the rows that people labelled, as served, and the rows: dev's, then the fold's."""
    fold = [row for row in read_split(data, "train") if is_held_out(row) and not row.source.startswith("factscore")]
    rows = [row for row in [*read_split(data, "dev"), *fold] if row.is_human]
    if not cache.exists():
        checker = GroundingChecker(load_pair_model(folder))
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.save(cache, np.array([features(checker, row) for row in rows]))
    return np.load(cache), rows


def features(checker: GroundingChecker, row: Row) -> list[float]:
    """The values of `COLUMNS` for a row."""
    context = context_of(row.documents)
    judged = checker._judged(Claim(0, len(row.claim), row.claim, ()), context)
    checker._ask([judged])
    answers, known = judged.answers or [COPIED], facts_of(context).words
    own = [word.lower() for word, _, _ in words(row.claim)]
    return [
        *expand(model_features(answers), judged.lexical),
        sum(answer.support for answer in answers) / len(answers),
        sum(word in known for word in own) / max(len(own), 1),
        min(1.0, math.log1p(len(own)) / math.log1p(MANY_WORDS)),
    ]


def area(scores: Floats, truth: Floats) -> float:
    """The area under the ROC curve of rows of which some are supported and some are not."""
    found = auc(scores, truth)
    assert found is not None
    return found


class Judged:
    """One combination on all rows: the area of each source, and of all rows but a source's."""

    def __init__(self, scores: Floats, truth: Floats, groups: Mapping[str, Floats]) -> None:
        self.of = {name: area(scores[own], truth[own]) for name, own in groups.items()}
        self._pooled = area(scores, truth)
        self._without = {name: area(scores[~own], truth[~own]) for name, own in groups.items()}

    def score(self, left_out: str | None = None) -> float:
        """The mean of the area over all rows and of the mean area of the sources, one left out."""
        others = [own for name, own in self.of.items() if name != left_out]
        return (float(np.mean(others)) + (self._without[left_out] if left_out else self._pooled)) / 2


def combinations(weights: Mapping[str, float]) -> Iterator[dict[str, float]]:
    """The weights of a card with each combination of `CHOICES`."""
    for values in product(*CHOICES.values()):
        yield {**weights, **dict(zip(CHOICES, values, strict=True))}


def logits(x: Floats, weights: Mapping[str, float]) -> Floats:
    """The log odds without a bias."""
    return x @ np.array([weights.get(name, 0.0) for name in COLUMNS])


def groups_of(rows: Sequence[Row], truth: Floats) -> dict[str, Floats]:
    """Which rows are of each source that has enough of them, and both labels."""
    names = np.array([row.source.split("_")[0] for row in rows])
    groups = {str(name): names == name for name in sorted(set(names))}
    return {name: own for name, own in groups.items() if own.sum() >= LEAST_ROWS and 0 < truth[own].mean() < 1}


def table(judged: Mapping[str, Mapping[str, float]]) -> str:
    """A line for each source, its area by each of these."""
    names = next(iter(judged.values()))
    lines = [f"| source | {' | '.join(judged)} |", "| --- " * (len(judged) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(f'{each[name]:.3f}' for each in judged.values())} |" for name in names]
    return "\n".join(lines)


def run(data: Path, work: Path, folder: Path) -> None:
    """Print what is found."""
    start = yaml.safe_load((folder / "model.yaml").read_text())["parameters"]["combiner"]["weights"]
    x, rows = read(data, folder, work / "left-out.npy")
    truth = np.array([row.is_supported for row in rows])
    groups = groups_of(rows, truth)
    tried = [(weights, Judged(logits(x, weights), truth, groups)) for weights in combinations(start)]
    weights, best = max(tried, key=lambda pair: pair[1].score())
    others = {name: max((each for _, each in tried), key=lambda each: each.score(name)).of[name] for name in groups}
    before = Judged(logits(x, start), truth, groups)
    known = Judged(x[:, COLUMNS.index("words_known")], truth, groups)
    print(table({"word overlap": known.of, "card": before.of, "chosen by the others": others, "by all": best.of}))
    print({name: weights[name] for name in CHOICES}, f"score {best.score():.4f}, the card's {before.score():.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="the model's folder")
    arguments = parser.parse_args()
    run(arguments.data, arguments.work, arguments.model)
