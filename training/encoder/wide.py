"""The wide branch: a linear model over hashed word-piece n-grams, beside the encoder in the same graph.

    python -m training.encoder.wide --work WORK [--start MODEL.onnx --labels injection indirect_injection]

Bags of n-grams remember what a small encoder smooths over (a slur, a known jailbreak's phrase). The branch adds

    sum over pieces, pairs and triples of weight[feature] / sqrt(pieces)

to the logits of injection and toxicity. Features are word-piece ids, and pairs and triples hashed by integer
arithmetic, so that the graph can compute them from `input_ids` alone. How much the branch counts is fitted in
`calibrate.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from training.encoder.labels import INJECTION, TOXICITY
from training.encoder.restore import restored_wide

VOCABULARY = 30522
BUCKETS = 65521
MULTIPLIERS = (49157, 7919, 104729)
LABELS = (*INJECTION, *TOXICITY)
SPECIAL = (0, 101, 102)
COLUMNS = ("injection", "injection_weight", "foreign", "foreign_weight")


def features(ids: Tensor) -> tuple[Tensor, Tensor]:
    """Feature numbers (rows, tokens, 3) of a padded batch, and which of them count (same shape, float).

    A pair or triple ends at its piece; special tokens are part of none.
    """
    real = ((ids != SPECIAL[0]) & (ids != SPECIAL[1]) & (ids != SPECIAL[2])).to(torch.float32)
    before, earlier = _shifted(ids, 1), _shifted(ids, 2)
    real_before, real_earlier = _shifted(real, 1), _shifted(real, 2)
    pair = VOCABULARY + (ids * MULTIPLIERS[0] + before * MULTIPLIERS[1]) % BUCKETS
    triple = VOCABULARY + (ids * MULTIPLIERS[2] + before * MULTIPLIERS[0] + earlier * MULTIPLIERS[1] + 1) % BUCKETS
    counts = torch.stack([real, real * real_before, real * real_before * real_earlier], dim=2)
    return torch.stack([ids, pair, triple], dim=2), counts


def _shifted(values: Tensor, by: int) -> Tensor:
    """The values moved `by` places to the right, zeros moved in."""
    return torch.cat([torch.zeros_like(values[:, :by]), values[:, : values.shape[1] - by]], dim=1)


class WideBranch(nn.Module):
    """The branch with int8 weights: (rows, tokens) of ids -> (rows, labels) of logits."""

    def __init__(self, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        super().__init__()
        scale = np.maximum(np.quantile(np.abs(weights), 0.9999, axis=0) / 127.0, 1e-8).astype(np.float32)
        table = np.clip(np.round(weights / scale), -127, 127).astype(np.int8)
        self.register_buffer("table", torch.from_numpy(table))
        self.register_buffer("scale", torch.from_numpy(scale))
        self.register_buffer("bias", torch.from_numpy(bias.astype(np.float32)))

    def forward(self, ids: Tensor) -> Tensor:
        numbers, counts = features(ids)
        weights = self.table[numbers].to(torch.float32) * counts[:, :, :, None]
        pieces = counts[:, :, 0].sum(1, keepdim=True).clamp(min=1.0)
        return weights.sum((1, 2)) * self.scale / pieces.sqrt() + self.bias


def wide_logits(wide: WideBranch, pieces: tuple[NDArray[np.int64], ...]) -> NDArray[np.float64]:
    """Logits of the wide branch for each segment, (segments, labels)."""
    with torch.no_grad():
        return np.concatenate([wide(torch.from_numpy(ids)[None]).numpy() for ids in pieces]).astype(np.float64)


def matrix(path: Path) -> tuple[csr_matrix, dict[str, NDArray[np.float32]]]:
    """The sparse feature rows of a file that `prepare.py` wrote, and its label columns."""
    with np.load(path) as file:
        columns = {name: file[name] for name in ("toxicity", "lengths", *COLUMNS)}
        ids = file["ids"].astype(np.int64)
    lengths = columns["lengths"]
    places = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    before, earlier = np.roll(ids, 1), np.roll(ids, 2)
    pair = VOCABULARY + (ids * MULTIPLIERS[0] + before * MULTIPLIERS[1]) % BUCKETS
    triple = VOCABULARY + (ids * MULTIPLIERS[2] + before * MULTIPLIERS[0] + earlier * MULTIPLIERS[1] + 1) % BUCKETS
    rows = np.repeat(np.arange(len(lengths)), lengths)
    numbers = np.concatenate([ids, pair[places >= 1], triple[places >= 2]])
    owners = np.concatenate([rows, rows[places >= 1], rows[places >= 2]])
    values = (1.0 / np.sqrt(lengths))[owners].astype(np.float32)
    shape = (len(lengths), VOCABULARY + BUCKETS)
    return csr_matrix((values, (owners, numbers)), shape=shape), columns


def fit(
    path: Path, weights: NDArray[np.float32], bias: NDArray[np.float32], labels: Sequence[str], *, strength: float
) -> None:
    """Fits the columns of `labels` in weights (features, labels) and biases (labels).

    One logistic regression a label, over the rows that know it.
    """
    x, columns = matrix(path)
    frequency = np.asarray((x > 0).sum(0)).ravel()
    idf = np.log((1 + x.shape[0]) / (1 + frequency)).astype(np.float32) / 5.0
    idf[frequency < 2] = 0.0
    x = csr_matrix(x.multiply(idf[None, :]))
    for label in labels:
        number = LABELS.index(label)
        target, importance = _labels(columns, number)
        sure = ((target == 0) | (target == 1)) & (importance > 0)
        known = np.flatnonzero(sure & ((importance >= 0.35) | (np.arange(len(target)) % 3 == 0)))
        positives = int((target[known] == 1).sum())
        rarity = min(max((len(known) - positives) / max(positives, 1), 1.0), 8.0) ** 0.5
        importance = importance[known] * np.where(target[known] == 1, rarity, 1.0)
        model = LogisticRegression(C=strength, solver="liblinear", dual=True, max_iter=60, tol=1e-2)
        model.fit(x[known], target[known], sample_weight=importance)
        weights[:, number] = model.coef_[0] * idf
        bias[number] = model.intercept_[0]
        print(f"{label}: {positives} of {len(known)} rows", flush=True)


def _begun(start: Path | None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights and biases before anything is fitted: those of a model, or zeros."""
    if start is not None:
        return restored_wide(start)
    return np.zeros((VOCABULARY + BUCKETS, len(LABELS)), dtype=np.float32), np.zeros(len(LABELS), dtype=np.float32)


def _labels(columns: dict[str, NDArray[np.float32]], number: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The targets of a label and what each counts."""
    if number < len(INJECTION):
        name = COLUMNS[2 * number]
        return columns[name], columns[f"{name}_weight"]
    target = columns["toxicity"][:, number - len(INJECTION)]
    return target, np.ones(len(target), dtype=np.float32)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder with wide.npz; wide-weights.npz goes here")
    parser.add_argument("--strength", type=float, default=4.0, help="inverse of the L2 penalty")
    parser.add_argument("--start", type=Path, help="an int8 model whose columns stay but for those of `--labels`")
    parser.add_argument("--labels", nargs="+", choices=LABELS, default=LABELS, help="the columns to fit")
    arguments = parser.parse_args()
    weights, bias = _begun(arguments.start)
    fit(arguments.work / "wide.npz", weights, bias, arguments.labels, strength=arguments.strength)
    np.savez(arguments.work / "wide-weights.npz", weights=weights, bias=bias)


if __name__ == "__main__":
    main()
