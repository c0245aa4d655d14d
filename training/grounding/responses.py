"""Measures the bar of an answer's worst sentence (`answer_sentences`), and looks at the share of all words.

    python -m training.grounding.responses --data DATA --work WORK --model MODEL [--sample 1300]

1. How the supports of dev's supported claims are spread, as the card states it, and the bar of an answer by its length.
   Then with the spread of every second claim alone, on answers drawn from the others: how many that are supported are
   flagged, and how many with one unsupported claim, at a random place, are found.
2. Answers of begin with two sentences or more: what each threshold flags of the supported, and finds of the others.
3. The combiner's log odds with the share of a claim's words that the context holds added, by weight: a set's AUC.

Prints, writes nothing but its cache. The README has what came of it.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from detectors.base import AnswerBar
from detectors.grounding.passages import split_sentences
from training.grounding.combine import spread
from training.grounding.evaluate import Scorer, load_scorer
from training.grounding.rows import Row, read_split

BALANCED = 0.48
THRESHOLDS = (BALANCED, 0.3, 0.2, 0.106)
SENTENCES = (1, 2, 3, 4, 5, 8, 10, 20)
WEIGHTS = (0.0, 0.5, 1.0, 2.0, 3.0)
ANSWERS = 200
DRAWN = 20_000
SEED = 2

Floats = np.ndarray


def sampled(data: Path, name: str, count: int) -> list[Row]:
    """So many rows of a set that people labelled."""
    rows = [row for row in read_split(data, name) if row.is_human]
    random.Random(SEED).shuffle(rows)
    return rows[:count]


def scored(scorer: Scorer, rows: list[Row], key: str) -> tuple[Floats, Floats, Floats]:
    """The support of each row, the share of its words that the context holds, and whether it is supported."""
    prepared = scorer.prepared(rows, f"responses-{key}")
    _, supports = scorer.scores(prepared)
    return supports, np.array([row.overlap[0] for row in prepared]), np.array([row.is_supported for row in rows])


def bar_of(sentences: int, supported: Floats) -> AnswerBar:
    """The bar of answers of so many sentences, by the spread of these supports."""
    return AnswerBar(sentences, tuple((1 - support, share) for support, share in reversed(spread(supported))))


def by_length(supported: Floats) -> None:
    """The spread, and the bar for answers of so many sentences."""
    share = float((supported < BALANCED).mean())
    print(
        f"{share:.3f} of {len(supported)} supported claims are below {BALANCED}; supported_below: {spread(supported)}"
    )
    for count in SENTENCES:
        print(f"  {count} sentences: {1 - bar_of(count, supported).least(1 - BALANCED, 1):.3f}")


def drawn(supports: Floats, truth: Floats) -> None:
    """What is flagged of answers drawn from every second claim, with the spread of the others, by length and bar."""
    known, supported, wrong = supports[0::2][truth[0::2]], supports[1::2][truth[1::2]], supports[1::2][~truth[1::2]]
    generator = np.random.default_rng(SEED)
    for count in SENTENCES:
        right = generator.choice(supported, (DRAWN, count))
        mixed = right.copy()
        mixed[np.arange(DRAWN), generator.integers(count, size=DRAWN)] = generator.choice(wrong, DRAWN)
        for stated in (None, 1, 5, count):
            bar = None if stated is None else bar_of(stated, known)
            least = [1 - (bar.least(1 - BALANCED, n + 1) if bar else 1 - BALANCED) for n in range(count)]
            flagged, found = ((answers < least).any(axis=1).mean() for answers in (right, mixed))
            print(f"  {count} sentences, answer_sentences {stated}: {flagged:.3f} flagged, {found:.3f} found")


def answers(scorer: Scorer, data: Path) -> None:
    """The worst sentence of begin's longer answers at each threshold."""
    rows = [row for row in read_split(data, "test_begin") if len(split_sentences(row.claim)) > 1]
    random.Random(SEED).shuffle(rows)
    rows = rows[:ANSWERS]
    parts = [
        (number, Row(row.documents, row.claim[start:end], row.label, None, row.source))
        for number, row in enumerate(rows)
        for start, end in split_sentences(row.claim)
    ]
    supports, _, _ = scored(scorer, [part for _, part in parts], "answers")
    worst = np.ones(len(rows))
    np.minimum.at(worst, [number for number, _ in parts], supports)
    truth = np.array([row.is_supported for row in rows])
    for threshold in THRESHOLDS:
        flagged = worst < threshold
        print(
            f"  {threshold}: {flagged[truth].mean():.3f} of {truth.sum()} flagged, {flagged[~truth].mean():.3f} found"
        )


def by_weight(name: str, supports: Floats, words: Floats, truth: Floats) -> None:
    """The AUC of a set with the words' share at each weight."""
    logits = np.log(supports / (1 - supports))
    values = ", ".join(f"{weight}: {roc_auc_score(truth, logits + weight * words):.4f}" for weight in WEIGHTS)
    print(f"{name}: words alone {roc_auc_score(truth, words):.4f}; with a weight of {values}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder with model.onnx, tokenizer.json, model.yaml")
    parser.add_argument("--sample", type=int, default=1300, help="rows of dev; of begin 1,000 at most")
    arguments = parser.parse_args()
    scorer = load_scorer(arguments.model, combiner=None, cache=arguments.work / "eval", threads=1)
    sizes = {
        "dev": arguments.sample,
        "test_begin": min(arguments.sample, 1000),
        "test_wice_claim_dev": arguments.sample,
    }
    for name, count in sizes.items():
        supports, words, truth = scored(scorer, sampled(arguments.data, name, count), name)
        by_weight(name, supports, words, truth)
        if name == "dev":
            by_length(supports[truth])
            drawn(supports, truth)
    answers(scorer, arguments.data)


if __name__ == "__main__":
    main()
