"""Raises the recommended thresholds of toxicity until harmless posts cost what they may, and writes them into the card.

    python -m training.encoder.toxicity_thresholds --data DATA --model MODEL_DIR [--dry-run]

A minute of one processor; runs in the service's environment, after `card.py` and before `later`. The best F1, which
`calibrate.py` takes, is that of dev sets two thirds of which are toxic; traffic is not. So each threshold rises until
at most `RATE` of the dev posts fire in which people found nothing toxic. For each label it prints what that costs.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detectors.toxicity import HEAD, Toxicity
from training.encoder.card_file import write_thresholds
from training.encoder.labels import TOXICITY
from training.encoder.later import Draft, Floats, Text, harmless_posts, read
from training.encoder.rows import toxicity_examples

RATE = 0.02
HIGHEST = 0.98


def scores_of(texts: Sequence[Text]) -> Floats:
    """The highest score of each text, (texts, labels)."""
    return np.asarray([1.0 / (1.0 + np.exp(-text.logits.max(axis=0))) for text in texts])


def raised(threshold: float, harmless: Floats) -> float:
    """The lowest threshold from this one on that at most `RATE` of the scores reach, if `HIGHEST` is enough."""
    needed = math.ceil(float(np.quantile(harmless, 1.0 - RATE)) * 100 + 1e-6) / 100
    return min(max(threshold, needed), max(threshold, HIGHEST))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with toxicity/")
    parser.add_argument("--model", type=Path, required=True, help="model folder, with its card")
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    arguments = parser.parse_args()
    params = Toxicity.params.model_validate({"model": str(arguments.model)})
    detector, before = Toxicity.build(params), Toxicity.labels_of(params)
    harmless = scores_of(read(detector, [Draft(text, "posts") for text in harmless_posts(arguments.data)]))
    dev = toxicity_examples(arguments.data, "dev")
    thresholds = {}
    for number, label in enumerate(TOXICITY):
        thresholds[label] = raised(before[label], harmless[:, number])
        toxic = [each.text for each in dev if each.toxicity and each.toxicity[number] == 1]
        found = scores_of(read(detector, [Draft(text, "posts") for text in toxic]))[:, number]
        bars = (before[label], thresholds[label])
        told = [f"{(of >= bar).mean():.3f}" for of in (harmless[:, number], found) for bar in bars]
        print(
            f"{label:16} {bars[0]:.2f} to {bars[1]:.2f}: harmless {told[0]} to {told[1]} of {len(harmless)}, "
            f"toxic {told[2]} to {told[3]} of {len(found)}"
        )
    if not arguments.dry_run:
        write_thresholds(arguments.model, HEAD, thresholds)


if __name__ == "__main__":
    main()
