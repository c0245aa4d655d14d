"""Hide some word pieces of training pairs, so that a row that comes again is not the same row."""

from __future__ import annotations

import torch
from torch import Tensor

MASK, FIRST_ORDINARY = 103, 999
"""Ids of the base's vocabulary: `[MASK]`, and the first that is neither a special token nor unused."""
UNTOUCHED_PAIRS = 0.5


def masked(batch: dict[str, Tensor], *, share: float) -> dict[str, Tensor]:
    """Return `batch` with pieces of `input_ids` `[pairs, length]` masked: half of the pairs stay whole, the others
    lose twice `share` of their pieces, so that `share` is the mean. Draws from PyTorch's own generator."""
    ids = batch["input_ids"]
    rates = 2.0 * share * (torch.rand(len(ids), 1) >= UNTOUCHED_PAIRS)
    hidden = (torch.rand(ids.shape) < rates) & (ids >= FIRST_ORDINARY)
    return batch | {"input_ids": ids.masked_fill(hidden, MASK)}
