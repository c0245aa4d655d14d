"""Fits the calibration and the recommended thresholds on the dev sets, and writes them into the model folder.

    python -m training.encoder.calibrate --data DATA --work WORK --model MODEL_DIR

How it works:

1. the quantised model, without calibration, scores the segments, as the service cuts them, of the dev rows that the
   licence rule allows, and of own rows made with another seed for the labels that those lack;
2. for injection and each toxicity label, three numbers are fitted by maximum likelihood on each text's strongest
   segment: logit = deep * encoder + wide * n-grams + offset, with a prior that keeps labels with few rows near
   (1, 0.3, 0);
3. the topic logits get two factors, for the encoder and for the n-grams;
4. thresholds: injection lets 1 % of the benign dev rows fire, of documents and of the rest, and 3 % of own rows that
   look like attacks; a toxicity label takes the best F1, but never fires on more than 0.5 % of the clean rows, nor of
   the plain text of the other tasks' dev sets, nor of harmless sentences with violent words. Those of
   entities are `entity_thresholds.py`'s work; until then they are `UNKNOWN`.

The numbers become constants in the graph, so at run time a probability is a plain sigmoid or softmax.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.metrics import f1_score

from sidecar.values import Part
from training.encoder import rows as data_rows
from training.encoder.calibrate_injection import calibrated, dev_examples, rows_of
from training.encoder.export import load_wide, raw_calibration, set_calibration
from training.encoder.labels import ENTITIES, INJECTION, TOPICS, TOXICITY
from training.encoder.prepare import is_plain, without_test_text
from training.encoder.rows import Example
from training.encoder.serve import Scored, ServedModel, sigmoid, softmax
from training.encoder.synthetic.figures_of_speech import FIGURES_OF_SPEECH, figures_of_speech
from training.encoder.synthetic.toxicity_pairs import toxicity_pairs
from training.encoder.wide import WideBranch, wide_logits
from training.encoder.wide_topic import WideTopic, load_wide_topic

Array = NDArray[np.float64]
PRIOR = np.asarray([1.0, 0.3, 0.0])
PRIOR_STRENGTH = np.asarray([2.0, 2.0, 0.05])
WIDEST_SHARE = 0.5
"""The n-grams know the dev set's templates better than the world's: their factor is at most this share of the other."""
THRESHOLDS = np.arange(0.05, 0.96, 0.01)
UNKNOWN = 0.5
TOPIC_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
CLEAN_RATE = 0.005
SKIPPED = len(INJECTION)
"""The outputs of injection stand before those of toxicity."""
LEAST = 0.7
"""No threshold is lower: harmless text of the world is less like the dev sets' than they are like each other."""
CLEAN_LABELS = 8
"""A row counts as clean when at least so many toxicity labels are known to be 0."""
MARGIN = 6.0
TWEETS = ("btc", "wnut17")
"""Text of the other tasks that may well swear."""


class Strongest:
    """For each text the encoder's and the n-grams' logits of its strongest segment, per output."""

    def __init__(self, scored: list[Scored], wide: WideBranch) -> None:
        kept = [(np.concatenate([s.injection, s.toxicity], axis=1), wide_logits(wide, s.pieces)) for s in scored]
        self.deep = np.stack([_strongest(deep, deep, thin) for deep, thin in kept])
        self.wide = np.stack([_strongest(thin, deep, thin) for deep, thin in kept])


def _strongest(values: NDArray[Any], deep: NDArray[Any], wide: NDArray[Any]) -> NDArray[Any]:
    best = (deep + PRIOR[1] * wide).argmax(0)
    return np.asarray(values[best, np.arange(values.shape[1])])


def fit(deep: Array, wide: Array, labels: NDArray[np.int64]) -> list[float]:
    """The three numbers of one output."""
    x = np.stack([deep, wide, np.ones_like(deep)], axis=1)
    sign = 2.0 * labels - 1.0

    def loss(numbers: Array) -> float:
        likelihood = np.logaddexp(0.0, -sign * (x @ numbers)).sum()
        return float(likelihood + (PRIOR_STRENGTH * (numbers - PRIOR) ** 2).sum())

    found = minimize(loss, PRIOR, bounds=[(0.2, 4.0), (0.0, 2.0), (-MARGIN, MARGIN)], method="L-BFGS-B").x
    if found[1] > WIDEST_SHARE * found[0]:
        found = minimize(
            lambda two: loss(np.asarray([two[0], WIDEST_SHARE * two[0], two[1]])),
            [1.0, 0.0],
            bounds=[(0.2, 4.0), (-MARGIN, MARGIN)],
            method="L-BFGS-B",
        ).x
        found = np.asarray([found[0], WIDEST_SHARE * found[0], found[1]])
    return [round(float(number), 5) for number in found]


def probabilities(strongest: Strongest, numbers: list[float], output: int) -> Array:
    """Calibrated probabilities of one output for each text."""
    deep, wide = strongest.deep[:, output], strongest.wide[:, output]
    return sigmoid(numbers[0] * deep + numbers[1] * wide + numbers[2]).astype(np.float64)


def threshold_by_rate(clean: Array, rate: float) -> float:
    """The lowest threshold that at most `rate` of the clean rows reach."""
    return float(np.quantile(clean, 1.0 - rate))


def threshold_by_f1(labels: NDArray[np.int64], scores: Array) -> float:
    """The threshold of the best F1, the lowest among equals."""
    return float(max(THRESHOLDS, key=lambda threshold: f1_score(labels, scores >= threshold)))


def rounded(threshold: float, *, least: float) -> float:
    """A threshold as it is published: two decimals, at least `least`, at most 0.98."""
    return float(min(max(np.ceil(threshold * 100) / 100, least), 0.98))


class Calibrator:
    """Fits every head of one exported model."""

    def __init__(self, model: ServedModel, wide: WideBranch, wide_topic: WideTopic, data: Path, every: int) -> None:
        self._model, self._wide, self._wide_topic, self._data, self._every = model, wide, wide_topic, data, every

    def run(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """(calibration, recommended thresholds)."""
        injection, injection_threshold = self._injection()
        toxicity, toxicity_thresholds = self.toxicity()
        topic = self.topic()
        thresholds = {
            "injection": injection_threshold,
            "toxicity": toxicity_thresholds,
            "topic": 0.5,
            "pii": dict.fromkeys(ENTITIES, UNKNOWN),
        }
        return {"injection": injection, "toxicity": toxicity, "topic": topic}, thresholds

    def _scored(self, examples: list[Example], part: Part = Part.MODEL) -> tuple[list[Example], list[Scored]]:
        """The examples that have segments, with their scores; `part` says whose words those of other tasks are."""
        parts = [part] * len(examples)
        pairs = zip(examples, self._model.score([example.text for example in examples], parts), strict=True)
        kept = [(example, scored) for example, scored in pairs if len(scored.injection)]
        return [example for example, _ in kept], [scored for _, scored in kept]

    def _injection(self) -> tuple[dict[str, list[float]], dict[str, float]]:
        examples = dev_examples(self._data, every=self._every)
        return calibrated(rows_of(self._model, self._wide, examples))

    def toxicity(self) -> tuple[dict[str, list[float]], dict[str, float]]:
        """Calibration and thresholds by label."""
        own = without_test_text(toxicity_pairs(random.Random(991), positives=30, harmless=700), self._data)
        annotated = data_rows.toxicity_examples(self._data, "dev")[:: (self._every + 1) // 2] + own
        examples, scored = self._scored(annotated + self._plain() + without_test_text(figures_of_speech(), self._data))
        strongest = Strongest(scored, self._wide)
        values = np.asarray([[-1 if value is None else value for value in e.toxicity or ()] for e in examples])
        plain = np.asarray([example.kind != "toxicity" for example in examples])
        unseen = np.asarray([example.source == FIGURES_OF_SPEECH for example in examples])
        clean = ((values == 0).sum(1) >= CLEAN_LABELS) & ~plain & ~unseen
        calibration, thresholds = {}, {}
        for number, name in enumerate(TOXICITY):
            known = (values[:, number] >= 0) & ~unseen
            labels = values[known, number]
            calibration[name] = fit(
                strongest.deep[known, number + SKIPPED], strongest.wide[known, number + SKIPPED], labels
            )
            scores = probabilities(strongest, calibration[name], number + SKIPPED)
            by_rate = max(threshold_by_rate(scores[rows], CLEAN_RATE) for rows in (clean, plain, unseen))
            best = max(threshold_by_f1(labels, scores[known]), by_rate)
            thresholds[name] = rounded(best, least=LEAST)
        return calibration, thresholds

    def _plain(self) -> list[Example]:
        """Plain text of the other tasks, taken as not toxic in any way."""
        rows = data_rows.pii_examples(self._data, "dev") + data_rows.topic_examples(self._data, "dev")
        plain = [row for row in rows if is_plain(row) and not row.source.startswith(TWEETS)][:: self._every]
        return [dataclasses.replace(each, toxicity=(0,) * len(TOXICITY)) for each in plain]

    def topic(self) -> list[float]:
        """The factors of the encoder and of the n-grams."""
        examples, scored = self._scored(data_rows.topic_examples(self._data, "dev")[:: self._every])
        deep = np.stack([one.topic.mean(0) for one in scored])
        wide = np.stack([self._wide_topic_logits(one) for one in scored])
        truth = np.asarray([TOPICS.index(example.topic or "") for example in examples])

        def loss(factors: tuple[float, float]) -> float:
            chosen = softmax(factors[0] * deep + factors[1] * wide)[np.arange(len(truth)), truth]
            return float(-np.log(np.maximum(chosen, 1e-9)).mean())

        grid = [(a, a * share) for a in np.linspace(0.4, 1.6, 25) for share in TOPIC_SHARES]
        return [round(float(factor), 4) for factor in min(grid, key=loss)]

    def _wide_topic_logits(self, scored: Scored) -> Array:
        with torch.no_grad():
            rows = [self._wide_topic(torch.from_numpy(ids)[None]).numpy()[0] for ids in scored.pieces]
        return np.mean(rows, axis=0, dtype=np.float64)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with injection/, toxicity/, topic/, pii/")
    parser.add_argument("--work", type=Path, required=True, help="folder with wide-weights.npz")
    parser.add_argument("--model", type=Path, required=True, help="model folder that export.py wrote")
    parser.add_argument("--every", type=int, default=1, help="score every n-th dev row only")
    arguments = parser.parse_args()
    files = [arguments.model / name for name in ("model.onnx", "model-float.onnx")]
    for file in files:
        set_calibration(file, raw_calibration())
    wide = load_wide(arguments.work / "wide-weights.npz")
    wide_topic = load_wide_topic(arguments.work / "wide-topic.npz")
    calibration, thresholds = Calibrator(
        ServedModel(arguments.model), wide, wide_topic, arguments.data, arguments.every
    ).run()
    found = {"calibration": calibration, "recommended_thresholds": thresholds}
    (arguments.model / "calibration.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    for file in files:
        set_calibration(file, calibration)


if __name__ == "__main__":
    main()
