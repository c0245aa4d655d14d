"""A judgement of the whole text: are segments' scores, combined, better than the worst of them on unseen sources?

    python -m training.encoder.whole --data DATA --model MODEL [--every 4] [--part user|context] [--tests]

A logistic regression over what is known once a text is over: the highest, second and mean score of its segments by
either label, how harmless they are, how many there are, how long they are and where the worst stands. It learns from
dev of the first data and from sources that trained nothing (`unseen.py`), each of these left out in turn, and is told
beside the score that is served: the highest of the segments'. Writes nothing; the README has what came of it.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sidecar.values import Part
from training.encoder.cuts import PARTS
from training.encoder.rows import Example, injection_examples, second_examples
from training.encoder.serve import Scored, ServedModel
from training.encoder.unseen import UNSEEN, is_unseen
from workbench.evaluation.metrics import auc

Floats = NDArray[np.float64]
NAMES = ("own", "other", "harmless", "second", "mean", "harmless mean", "segments", "pieces", "place")
TRIED = {
    "own and other": ("own", "other"),
    "own and harmless": ("own", "harmless"),
    "scores": ("own", "other", "harmless"),
    "own, segments": ("own", "segments"),
    "own, pieces": ("own", "pieces"),
    "own, mean": ("own", "mean"),
    "all": NAMES,
}
NO_SECOND = -7.0
"""Stands for the second segment's logit of a text that has one."""
LARGEST_SOURCE = 150
"""So many texts of a source and label count whole; of more each counts less."""
RATES = (0.005, 0.01, 0.03)
TESTS = ("deepset", "jailbreak_llms", "mitre_frr", "tensor_trust", "cyberseceval_pi", "xstest_safe")


@dataclass(frozen=True)
class Text:
    """A text's label, the unseen source that it, or its carrier, is of (if any), and a number for each of `NAMES`."""

    label: int
    source: str
    numbers: Floats


def texts_of(model: ServedModel, examples: Sequence[Example], part: Part) -> list[Text]:
    """The examples whose kind is read as that part, scored."""
    own = [each for each in examples if each.injection is not None and PARTS[each.kind] is part]
    own = [each for each in own if each.kind != "system_prompt"]
    column = 0 if part is Part.USER else 1
    scored = model.score([each.text for each in own], [part] * len(own))
    return [
        Text(int(each.injection[0]), _source(each), numbers(answer, column))
        for each, answer in zip(own, scored, strict=True)
        if each.injection is not None and len(answer.injection)
    ]


def numbers(answer: Scored, column: int) -> Floats:
    """A number for each of `NAMES`; scores are logits."""
    logits, sizes = answer.injection.astype(np.float64), [len(each) for each in answer.pieces]
    own, harmless = logits[:, column], answer.harmless.astype(np.float64)
    worst, count = int(own.argmax()), len(own)
    second = float(np.sort(own)[-2]) if count > 1 else NO_SECOND
    means = [float(np.average(each, weights=sizes)) for each in (own, harmless)]
    place = worst / max(count - 1, 1)
    scores = [own.max(), logits[:, 1 - column].max(), harmless.min(), second, *means]
    return np.asarray([*scores, math.log(count), math.log(sum(sizes)), place])


def _source(example: Example) -> str:
    """Which unseen source the example, or its carrier, is of."""
    parts = example.source.split(" in ")[::-1]
    return next((name for part in parts for name in UNSEEN if part.startswith(name)), "")


def fitted(texts: Sequence[Text], names: Sequence[str]) -> Pipeline:
    """The combination that those texts make."""
    sizes = Counter((each.source, each.label) for each in texts)
    shares = [min(1.0, LARGEST_SOURCE / sizes[each.source, each.label]) for each in texts]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    model.fit(_table(texts, names), [each.label for each in texts], logisticregression__sample_weight=shares)
    return model


def left_out(texts: Sequence[Text], names: Sequence[str]) -> tuple[Floats, NDArray[np.bool_]]:
    """The scores of each unseen source's texts by a combination that did not learn from it, and the truth."""
    scores: list[float] = []
    labels: list[int] = []
    for source in sorted({each.source for each in texts} - {""}):
        model = fitted([each for each in texts if each.source != source], names)
        own = [each for each in texts if each.source == source]
        scores += model.decision_function(_table(own, names)).tolist()
        labels += [each.label for each in own]
    return np.asarray(scores), np.asarray(labels, dtype=bool)


def _table(texts: Sequence[Text], names: Sequence[str]) -> Floats:
    return np.stack([each.numbers for each in texts])[:, [NAMES.index(name) for name in names]]


def _row(name: str, scores: Floats, truth: NDArray[np.bool_]) -> None:
    bars = [np.quantile(scores[~truth], 1 - rate) for rate in RATES]
    found = ", ".join(f"{(scores[truth] > bar).mean():.3f}" for bar in bars)
    print(f"{name}: AUC {auc(scores, truth):.3f}; found at {', '.join(map(str, RATES))} false positives {found}")


def _tests(model: ServedModel, data: Path, texts: Sequence[Text]) -> None:
    """The test sets at the bar of 3 % of unseen harmless texts, served and combined: a look, so after a choice only."""
    sets = {name: texts_of(model, injection_examples(data, f"test_{name}", research=True), Part.USER) for name in TESTS}
    for name, names in {"served": ("own",), **TRIED}.items():
        scores, truth = left_out(texts, names)
        bar, combined = np.quantile(scores[~truth], 0.97), fitted(texts, names)
        shares = {
            f"{each} {label}": float(np.mean(combined.decision_function(_table(own, names)) > bar))
            for each, rows in sets.items()
            for label in (0, 1)
            if (own := [row for row in rows if row.label == label])
        }
        print(name, {key: round(value, 3) for key, value in shares.items()})


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with injection/ and injection2/")
    parser.add_argument("--model", type=Path, required=True, help="model folder")
    parser.add_argument("--every", type=int, default=4, help="every n-th text only")
    parser.add_argument("--part", choices=("user", "context"), default="user", help="whose words are judged")
    parser.add_argument("--tests", action="store_true", help="show the test sets, too")
    arguments = parser.parse_args()
    model = ServedModel(arguments.model)
    unseen = [each for each in second_examples(arguments.data) if is_unseen(each)]
    examples = [*injection_examples(arguments.data, "dev"), *unseen][:: arguments.every]
    texts = texts_of(model, examples, Part(arguments.part))
    strange = [each for each in texts if each.source]
    served = np.asarray([each.numbers[0] for each in strange])
    _row("served", served, np.asarray([each.label for each in strange], dtype=bool))
    for name, names in TRIED.items():
        _row(name, *left_out(texts, names))
    if arguments.tests:
        _tests(model, arguments.data, texts)


if __name__ == "__main__":
    main()
