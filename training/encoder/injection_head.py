"""Learns the head of injection anew on the encoder that is shipped, which stays as it is to the bit.

    python -m training.encoder.injection_head --data DATA --work WORK --model models_onnx/tidegate-encoder --out OUT \\
        --version V

How it works:

1. the units are those of `WORK/train.npz`, which `prepare` and `finish` wrote; of those that count little (other tasks'
   rows as "no injection") a quarter. The int8 graph reads each once (`pooled.py`), and `WORK/injection.npz` keeps what
   its heads read: 16 million pieces, half an hour of two processors that others use, too;
2. the head goes on from the shipped one. Each row is held a little to what the shipped head says of it (`HOLD`);
3. head and calibration are put into the graph, the version and the golden scores into the card. Toxicity, topics, the
   embedding and the tags answer the same to the bit. The card's thresholds stay, and what they cost now is told: where
   that is more than they may, they must rise.

`benchmarks.quality` and its points come next.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from detectors.models.card import MODEL_NAME
from training.encoder.calibrate_injection import calibrated, dev_examples, rows_of
from training.encoder.card import GOLDEN, golden
from training.encoder.card_file import write_model
from training.encoder.export import mixing, raw_calibration, set_constants
from training.encoder.labels import INJECTION
from training.encoder.model import PooledHead
from training.encoder.pooled import arguments_of, check, head_constants, learn, read_pooled, shipped_head
from training.encoder.restore import restored_wide
from training.encoder.serve import ServedModel
from training.encoder.train import injection_loss
from training.encoder.wide import WideBranch
from training.graph import Floats
from training.restore import tensors_of

RATE, PASSES, HOLD = 1e-4, 2, 0.3
COUNTS, SHARE = 0.35, 0.25
"""Rows that weigh less than the first are taken by the second."""
OUTPUTS = len(INJECTION) + 1
COLUMNS = ("injection", "injection_weight", "foreign", "foreign_weight")
KEPT = ("toxicity", "topic", "embedding", "tags")
Columns = dict[str, NDArray[Any]]


def main() -> None:
    """The command line."""
    arguments = arguments_of(__doc__)
    kept = arguments.work / "injection.npz"
    if not kept.exists():
        found: dict[str, Any] = _read(arguments.model, arguments.work / "train.npz", arguments.seed)
        np.savez(kept, **found)
    with np.load(kept) as file:
        read = {name: file[name] for name in file.files}
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    head = injection_head(arguments.model, read)
    shutil.copytree(arguments.model, arguments.out)
    path = arguments.out / MODEL_NAME
    set_constants(path, head_constants(path, "injection", head, read["pooled"]))
    calibrate(arguments.out, arguments.data, arguments.every)
    check(arguments.model, arguments.out, KEPT)
    served = ServedModel(arguments.out)
    write_model(arguments.out, arguments.version, [golden(served, name, text) for name, text in GOLDEN])


def _read(model: Path, units: Path, seed: int) -> Columns:
    """What the heads read of the units that say something of injection, with what they say; short ones first."""
    with np.load(units) as file:
        columns = {name: file[name] for name in ("ids", "casing", "lengths", *COLUMNS)}
    lengths = columns["lengths"]
    ends = np.cumsum(lengths)
    weight = np.max([columns[f"{name}_weight"] * (columns[name] >= 0) for name in ("injection", "foreign")], axis=0)
    drawn = np.random.default_rng(seed).random(len(weight)) < SHARE
    rows = np.flatnonzero((weight >= COUNTS) | ((weight > 0) & drawn))
    rows = rows[np.argsort(lengths[rows], kind="stable")]
    ids, casing = (columns[name].astype(np.int64) for name in ("ids", "casing"))
    places = [slice(ends[row] - lengths[row], ends[row]) for row in rows]
    pooled, said = read_pooled(model, [(ids[place], casing[place]) for place in places])
    return {"pooled": pooled, "said": said[:, :OUTPUTS], **{name: columns[name][rows] for name in COLUMNS}}


def injection_head(model: Path, read: Columns) -> PooledHead:
    """The shipped head, gone on with."""
    head = shipped_head(model, "injection", OUTPUTS).train()
    pooled, said = torch.from_numpy(read["pooled"]), torch.from_numpy(read["said"]).float().sigmoid()
    told = [torch.from_numpy(read[name]).float() for name in COLUMNS]

    def loss(rows: Tensor) -> Tensor:
        logits = head(pooled[rows].float())
        held = functional.binary_cross_entropy_with_logits(logits, said[rows], reduction="none")
        return injection_loss(logits, *(each[rows] for each in told)) + HOLD * held.mean(0).sum()

    learn(list(head.parameters()), loss, np.arange(len(pooled)), RATE, PASSES)
    return head.eval()


def calibrate(folder: Path, data: Path, every: int) -> None:
    """Fits the calibration of both labels, and tells which thresholds would cost what they may."""
    path = folder / MODEL_NAME
    before = {name: np.array(value) for name, value in tensors_of(path).items() if name in mixing(raw_calibration())}
    set_constants(path, mixing(raw_calibration()))
    rows = rows_of(ServedModel(folder), WideBranch(*restored_wide(path)), dev_examples(data, every=every))
    numbers, thresholds = calibrated(rows)
    print(f"calibration {numbers}; thresholds that hold the costs {thresholds}", flush=True)
    set_constants(path, _mixed(before, mixing({**raw_calibration(), "injection": numbers})))


def _mixed(before: dict[str, NDArray[Any]], fitted: dict[str, Floats]) -> dict[str, NDArray[Any]]:
    """The former constants with those of injection's labels in them."""
    for name in ("deep", "wide_share", "offset"):
        before[name][..., : len(INJECTION)] = fitted[name][..., : len(INJECTION)]
    return before


if __name__ == "__main__":
    main()
