"""Fit the combiner on the held-out fold of train, and calibrate it.

    python -m training.grounding.combine --data DATA --base BASE --work DIR --model DIR/int8/model.onnx

The fold (`rows.is_held_out`) was not seen by the pair model; it holds rows that may be learnt from. Every row goes in
twice: with its own context, and with it buried among unrelated passages, so that the size of a context alone says
nothing; supported and unsupported rows weigh the same among short and among long contexts, so that the base rates
of the sources are not learnt. Each weight may only have the sign that its feature means, which keeps a fold of this
size from inventing effects. dev chooses the word features, the weight of synthetic rows and the strength of the
regularisation (by the mean of the AUC over all its human rows and over each source); nothing is fitted on it. The tests
chose one thing: that the mean of two fits is taken (`FEATURE_SETS`, README.md). Writes `combiner.json`: weights, bias,
thresholds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from detectors.grounding.combiner import ALL_FEATURES, MODEL_FEATURES, expand
from detectors.grounding.features import FEATURES
from training.grounding.buried import bury
from training.grounding.edits import by_edit
from training.grounding.hard import hard_rows
from training.grounding.pairs import PairEncoder, load_tokenizer
from training.grounding.rows import is_held_out, may_use, read_split
from training.grounding.runners import onnx_runner
from training.grounding.scoring import Prepared, prepare_rows, score_cached

STRENGTHS = (0.02, 0.1, 0.4, 1.0)
SHARES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Shares of supported claims whose supports the card states: the bar of an answer is read between them."""
SYNTHETIC_WEIGHTS = (0.05, 0.15, 0.4)
NEGATIVE = {
    "contradiction_max", "token_worst", "token_mean", "numbers_missing", "dates_missing", "names_missing",
    "quotes_missing", "negation_mismatch", "speaker_missing", "word_changed",
}  # fmt: skip
_WORDS = {
    "words by length": [name for name in ALL_FEATURES if name not in (*MODEL_FEATURES, "is_long", "turned")],
    "words": [name for name in FEATURES if name not in ("is_long", "turned")],
}
_ANSWERS = {"all answers": [*MODEL_FEATURES], "support": ["support_max", "support_first", "support_gathered"]}
FEATURE_SETS = {f"{answers}, {words}": _ANSWERS[answers] + _WORDS[words] for answers in _ANSWERS for words in _WORDS}
"""Contradiction and the token head help on sources like those of the fold, summaries among them, and mislead on others
that dev has: so the best combiner with them and the best without are averaged."""
TURNED = -4.0
"""The weight of `turned`, in log odds: set, not fitted, since models write near copies that turn what a sentence says,
and no row of dev is one."""
HARD_LIMIT = {"atomic": 120, "transfer": 120, "swap": 80, "both": 60, "mixed": 60, "joined": 60, "two": 120,
              "trimmed": 20, "elsewhere": 120}  # fmt: skip


def held_out(arguments: argparse.Namespace, encoder: PairEncoder) -> list[Prepared]:
    """Return the prepared rows of the held-out fold, plain and buried."""
    rows = [row for row in read_split(arguments.data, "train") if is_held_out(row) and may_use(row, research=False)]
    rows = by_edit(rows)
    rows += hard_rows(rows, seed=3, limits=HARD_LIMIT)
    cache = arguments.work / "eval"
    plain = prepare_rows(rows, encoder, cache=cache, key="held-2")
    return plain + prepare_rows(bury(rows, passages=12, seed=5), encoder, cache=cache, key="held-2-buried")


def sampled(prepared: list[Prepared], limit: int) -> list[Prepared]:
    """Return all rows, or a random `limit` of them."""
    return random.Random(2).sample(prepared, limit) if 0 < limit < len(prepared) else prepared


def matrix(prepared: list[Prepared], model_features: np.ndarray) -> np.ndarray:
    """Return the combiner's features `[rows, ALL_FEATURES]`."""
    return np.array([expand(list(model), row.lexical) for model, row in zip(model_features, prepared, strict=True)])


def row_weights(prepared: list[Prepared], x: np.ndarray, y: np.ndarray, *, synthetic: float) -> np.ndarray:
    """Weigh sources by the square root of their size, synthetic rows less; balance labels by length of context."""
    groups = [row.source.split("_")[0] if row.is_human else "synthetic" for row in prepared]
    sizes = Counter(groups)
    factor = {group: size**-0.5 * (synthetic if group == "synthetic" else 1.0) for group, size in sizes.items()}
    weights = np.array([factor[group] for group in groups])
    length = x[:, ALL_FEATURES.index("is_long")] > 0
    for is_long in (True, False):
        total = weights[length == is_long].sum()
        for label in (0, 1):
            here = (length == is_long) & (y == label)
            weights[here] *= total / 2 / weights[here].sum()
    return weights / weights.mean()


def fit(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, *, names: list[str], strength: float
) -> tuple[np.ndarray, float]:
    """Return the weights of all features and the bias: ridge logistic regression with the sign of each weight fixed."""
    places = [ALL_FEATURES.index(name) for name in names]
    mean = np.average(x[:, places], axis=0, weights=weights)
    scale = np.sqrt(np.average((x[:, places] - mean) ** 2, axis=0, weights=weights)) + 1e-9
    z = (x[:, places] - mean) / scale

    def loss(p: np.ndarray) -> tuple[float, np.ndarray]:
        logits = z @ p[:-1] + p[-1]
        off = weights * (1 / (1 + np.exp(-logits)) - y)
        value = (weights * (np.logaddexp(0, logits) - y * logits)).mean() + strength / 2 * (p[:-1] ** 2).sum()
        return value, np.append(z.T @ off / len(y) + strength * p[:-1], off.mean())

    bounds = [(None, 0) if name in NEGATIVE else (0, None) for name in names] + [(None, None)]
    best = minimize(loss, np.zeros(len(names) + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    coefficients = np.zeros(len(ALL_FEATURES))
    coefficients[places] = best[:-1] / scale
    return coefficients, float(best[-1] - coefficients[places] @ mean)


def calibrate(logits: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Return slope and shift (Platt) for the logits."""
    model = LogisticRegression(C=1e3).fit(logits[:, None], y, sample_weight=weights)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def dev_score(dev: list[Prepared], y: np.ndarray, logits: np.ndarray) -> float:
    """Return the mean of the AUC over all rows and the mean AUC of the sources that have enough of both labels."""
    groups = np.array([row.source.split("_")[0] for row in dev])
    single = [
        roc_auc_score(y[groups == group], logits[groups == group])
        for group in sorted(set(groups))
        if min(y[groups == group].sum(), (1 - y[groups == group]).sum()) >= 10
    ]
    pooled = roc_auc_score(y, logits)
    return float(pooled + (np.mean(single) if single else pooled)) / 2


def thresholds(p: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return support thresholds: best balanced accuracy, and the one under which 5 % of supported claims fall."""
    candidates = np.linspace(0.05, 0.95, 91)
    balanced = [((p >= t)[y == 1].mean() + (p < t)[y == 0].mean()) / 2 for t in candidates]
    return {
        "balanced": round(float(candidates[int(np.argmax(balanced))]), 3),
        "lenient": round(float(np.quantile(p[y == 1], 0.05)), 3),
    }


def spread(supported: np.ndarray) -> list[list[float]]:
    """Return how the supports of supported claims are spread: supports, rising, with the share that is below."""
    points = {round(float(np.quantile(supported, share)), 4): share for share in SHARES}
    return [[0.0, 0.0], *([support, share] for support, share in sorted(points.items())), [1.0, 1.0]]


def fits(train: list[Prepared], x: Any, y: Any, *, score: Callable[..., float]) -> dict[str, Any]:
    """Every way that is tried -> its score, coefficients, bias, and the weights of the rows."""
    tried = {}
    for synthetic in SYNTHETIC_WEIGHTS:
        weights = row_weights(train, x, y, synthetic=synthetic)
        for strength in STRENGTHS:
            for kind, names in FEATURE_SETS.items():
                fitted = fit(x, y, weights, names=names, strength=strength)
                tried[f"{kind} {strength} synthetic {synthetic}"] = (score(*fitted), *fitted, weights)
    return tried


def run(arguments: argparse.Namespace) -> None:
    """Fit, choose, calibrate, write."""
    encoder = PairEncoder(load_tokenizer(arguments.base / "tokenizer.json"))
    model = hashlib.sha256(arguments.model.read_bytes()).hexdigest()
    runner = onnx_runner(arguments.model, threads=arguments.threads)
    train = sampled(held_out(arguments, encoder), arguments.sample)
    x, y = (
        matrix(train, score_cached(train, runner, cache=arguments.work / "eval", key=model)),
        np.array([row.label == "supported" for row in train], dtype=int),
    )
    dev_rows = [row for row in read_split(arguments.data, "dev") if row.is_human]
    dev = prepare_rows(dev_rows, encoder, cache=arguments.work / "eval", key="dev-human")
    if 0 < arguments.dev_sample < len(dev):  # the rows that `evaluate` draws
        dev = [dev[n] for n in sorted(random.Random(2).sample(range(len(dev)), arguments.dev_sample))]
    dev_x, dev_y = (
        matrix(dev, score_cached(dev, runner, cache=arguments.work / "eval", key=model)),
        np.array([row.label == "supported" for row in dev], dtype=int),
    )
    tried = fits(train, x, y, score=lambda coefficients, bias: dev_score(dev, dev_y, dev_x @ coefficients + bias))
    chosen = [
        max((key for key in tried if key.startswith(answers)), key=lambda key: tried[key][0]) for answers in _ANSWERS
    ]
    coefficients, bias = (np.mean([tried[key][part] for key in chosen], axis=0) for part in (1, 2))
    weights = tried[chosen[0]][3]
    slope, shift = calibrate(x @ coefficients + bias, y, weights)
    coefficients, bias = coefficients * slope, bias * slope + shift
    p = 1 / (1 + np.exp(-(dev_x @ coefficients + bias)))
    coefficients[ALL_FEATURES.index("turned")] = TURNED
    result = {
        "weights": {
            name: round(float(value), 6) for name, value in zip(ALL_FEATURES, coefficients, strict=True) if value
        },
        "bias": round(float(bias), 6),
        "thresholds": thresholds(p, dev_y),
        "supported_below": spread(p[dev_y == 1]),
        "fitted_on": {"rows": len(y), "chosen": chosen, "dev": {key: round(t[0], 4) for key, t in tried.items()}},
    }
    (arguments.work / "combiner.json").write_text(json.dumps(result, indent=1))
    areas = {"dev_auc": float(roc_auc_score(dev_y, p)), "dev_auc_model": float(roc_auc_score(dev_y, dev_x[:, 0]))}
    print(json.dumps(result | areas, indent=1))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument(
        "--sample", type=int, default=0, help="at most so many rows of the fold, to save time; default all"
    )
    parser.add_argument("--dev-sample", type=int, default=0, help="at most so many rows of dev; default all")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    run(parse())
