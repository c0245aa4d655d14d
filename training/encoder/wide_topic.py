"""The wide branch of the topic head: hashed pieces and pairs, a small vector each, summed and mapped to topics.

    python -m training.encoder.wide_topic --work WORK

Forty-nine weights a feature would be too large for the file, so the features share fifteen dimensions, learnt end to
end (as fastText does). Short requests (`set an alarm`) are told by their words; the encoder adds what those do not say.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.encoder.labels import TOPICS
from training.encoder.restore import restored_topic
from training.encoder.wide import MULTIPLIERS, SPECIAL

BUCKETS = 24001
SIZE = 15
EPOCHS = 10
BATCH = 256


def features(ids: Tensor) -> tuple[Tensor, Tensor]:
    """Bucket numbers (rows, tokens, 2) of pieces and pairs of a padded batch, and which of them count (float)."""
    real = ((ids != SPECIAL[0]) & (ids != SPECIAL[1]) & (ids != SPECIAL[2])).to(torch.float32)
    before = torch.cat([torch.zeros_like(ids[:, :1]), ids[:, :-1]], dim=1)
    real_before = torch.cat([torch.zeros_like(real[:, :1]), real[:, :-1]], dim=1)
    single = (ids * MULTIPLIERS[1]) % BUCKETS
    pair = (ids * MULTIPLIERS[0] + before * MULTIPLIERS[2] + 1) % BUCKETS
    return torch.stack([single, pair], dim=2), torch.stack([real, real * real_before], dim=2)


class WideTopic(nn.Module):
    """(rows, tokens) of ids -> (rows, topics) of logits, from an int8 table."""

    def __init__(self, vectors: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        super().__init__()
        scale = np.maximum(np.abs(vectors).max(axis=0) / 127.0, 1e-8).astype(np.float32)
        self.register_buffer("table", torch.from_numpy(np.round(vectors / scale).astype(np.int8)))
        self.register_buffer("weight", torch.from_numpy((weight * scale).astype(np.float32).T.copy()))
        self.register_buffer("bias", torch.from_numpy(bias.astype(np.float32)))

    def forward(self, ids: Tensor) -> Tensor:
        numbers, counts = features(ids)
        summed = (self.table[numbers].to(torch.float32) * counts[:, :, :, None]).sum((1, 2))
        pieces = counts[:, :, 0].sum(1, keepdim=True).clamp(min=1.0)
        return (summed[:, :, None] * self.weight[None]).sum(1) / pieces.sqrt() + self.bias


def load_wide_topic(path: Path) -> WideTopic:
    """The branch that this module's command wrote."""
    with np.load(path) as file:
        return WideTopic(file["vectors"], file["weight"], file["bias"])


def topic_rows(path: Path) -> tuple[Tensor, Tensor]:
    """Padded ids (rows, tokens) and topics of the rows of `wide.npz` that have one."""
    with np.load(path) as file:
        lengths, topics, ids = file["lengths"], file["topic"], file["ids"]
    starts = np.cumsum(lengths) - lengths
    rows = np.flatnonzero(topics >= 0)
    padded = np.zeros((len(rows), int(lengths[rows].max())), dtype=np.int64)
    for number, row in enumerate(rows):
        padded[number, : lengths[row]] = ids[starts[row] : starts[row] + lengths[row]]
    return torch.from_numpy(padded), torch.from_numpy(topics[rows].astype(np.int64))


def fit(path: Path, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Vectors (buckets, size), weight (topics, size) and bias (topics)."""
    torch.manual_seed(seed)
    ids, topics = topic_rows(path)
    vectors, out = nn.Embedding(BUCKETS, SIZE), nn.Linear(SIZE, len(TOPICS))
    nn.init.normal_(vectors.weight, std=0.1)
    optimizer = torch.optim.Adam([*vectors.parameters(), *out.parameters()], lr=1e-2)
    steps = EPOCHS * (len(ids) // BATCH + 1)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    loss = torch.tensor(0.0)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(ids)).split(BATCH):
            batch = ids[rows][:, : int((ids[rows] > 0).sum(1).max())]
            numbers, counts = features(batch)
            kept = counts * (torch.rand_like(counts) > 0.15)
            summed = (vectors(numbers) * kept[:, :, :, None]).sum((1, 2))
            logits = out(summed / kept[:, :, 0].sum(1, keepdim=True).clamp(min=1.0).sqrt())
            loss = functional.cross_entropy(logits, topics[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"loss {loss.item():.3f}", flush=True)
    return (vectors.weight.detach().numpy(), out.weight.detach().numpy(), out.bias.detach().numpy())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder with wide.npz; wide-topic.npz goes here")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--start", type=Path, help="an int8 model whose branch is taken as it is")
    arguments = parser.parse_args()
    if arguments.start is not None:
        vectors, weight, bias = restored_topic(arguments.start)
    else:
        vectors, weight, bias = fit(arguments.work / "wide.npz", arguments.seed)
    np.savez(arguments.work / "wide-topic.npz", vectors=vectors, weight=weight, bias=bias)


if __name__ == "__main__":
    main()
