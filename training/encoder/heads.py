"""Learns the heads of toxicity and topic anew on the encoder that is shipped (`pooled.py`).

    python -m training.encoder.heads --data DATA --model models_onnx/tidegate-encoder --work WORK --out OUT --version V

How it works:

1. the rows that say something of toxicity or of a topic, public and own, are cut as for `prepare.py`, at most so many
   of a source (`MOST`, `OF_SOURCE`);
2. the int8 graph reads each once, and what its heads read is kept in `WORK/heads.npz`: 3.5 million pieces, half an
   hour of one processor without VNNI. What is there already is taken as it is;
3. the head of toxicity goes on from the shipped one. Where a row says nothing of a label, the shipped head does, so
   that what few rows teach is not unlearnt. The topics' prototypes go on from theirs. A minute for both;
4. both are written into the graph, int8 and bounded as before (`training/bounded.py`), with their calibration fitted
   anew, and into the card: version, thresholds, golden scores. Injection, the embedding and the tags answer the same
   to the bit.

`toxicity_thresholds` comes next, then `benchmarks.quality` and its points.
"""

from __future__ import annotations

import collections
import dataclasses
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from detectors.models.card import MODEL_NAME, TOKENIZER_NAME
from training.encoder.calibrate import Calibrator
from training.encoder.card import GOLDEN, golden
from training.encoder.card_file import write_model, write_thresholds
from training.encoder.export import mixing, raw_calibration, set_constants
from training.encoder.labels import INJECTION, TOPICS, TOXICITY
from training.encoder.model import EncoderConfig, PooledHead
from training.encoder.pooled import arguments_of, check, head_constants, learn, read_pooled, shipped_head
from training.encoder.prepare import BagOfWordsJudge, Unit, build, cut
from training.encoder.restore import restored, restored_topic, restored_wide
from training.encoder.rows import Example, injection_examples
from training.encoder.serve import ServedModel
from training.encoder.tokens import MAX_TOKENS, encode_all, load_tokenizer
from training.encoder.train import POSITIVE_WEIGHTS, SMOOTHING
from training.encoder.wide import WideBranch
from training.encoder.wide_topic import WideTopic
from training.graph import Floats
from training.restore import tensors_of

MOST, MOST_PLAIN = 6000, 1500
"""Units of a source: of toxicity's and topics' own rows, and of the plain text of other tasks."""
OF_SOURCE = {"huffpost": 9000, "own:hate-functions": 9000, "own:court-news": 3500}
RARE = ("threat", "sexual_explicit", "self_harm", "violence")
"""Public rows with one of these labels are all taken."""
TOXICITY_RATE, TOPIC_RATE, PASSES = 3e-4, 3e-3, 3
MEAN = slice(384, 768)
"""Where the mean of the states is in what the heads read; at unit length it is the embedding."""
KEPT = ("injection", "harmless", "embedding", "tags")
Heads = tuple[PooledHead, Tensor]


@dataclasses.dataclass(frozen=True)
class Read:
    """What the heads read of each unit (units, 1152), what toxicity's said of it, and its labels; -1: unknown."""

    pooled: NDArray[np.float16]
    said: Floats
    toxicity: NDArray[np.int8]
    topic: NDArray[np.int64]


def main() -> None:
    """The command line."""
    arguments = arguments_of(__doc__)
    arguments.work.mkdir(parents=True, exist_ok=True)
    kept = arguments.work / "heads.npz"
    if not kept.exists():
        read = read_units(arguments.model, units_of(arguments.data, arguments.model, random.Random(arguments.seed)))
        np.savez(kept, **vars(read))
    with np.load(kept) as file:
        read = Read(**file)
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    learnt = toxicity_head(arguments.model, read), prototypes(arguments.model, read)
    shutil.copytree(arguments.model, arguments.out)
    put(arguments.out / MODEL_NAME, learnt, read)
    calibrate(arguments.out, arguments.data, arguments.every)
    check(arguments.model, arguments.out, KEPT)
    served = ServedModel(arguments.out)
    write_model(arguments.out, arguments.version, [golden(served, head, text) for head, text in GOLDEN])


# -- rows -------------------------------------------------------------------------------------------------------------


def units_of(data: Path, model: Path, rng: random.Random) -> list[Unit]:
    """The windows to learn from, short ones first; no source gives more than it may."""
    judge = BagOfWordsJudge(injection_examples(data, "train"))
    told = [each for each in build(data, judge, research=False, rng=rng) if each.toxicity or each.topic]
    pieces = encode_all(load_tokenizer(model / TOKENIZER_NAME), [each.text for each in told])
    units = [unit for pair in zip(told, pieces, strict=True) for unit in cut(*pair, judge, rng)]
    rng.shuffle(units)
    return sorted(_capped(units), key=lambda unit: unit.end - unit.start)


def _capped(units: Sequence[Unit]) -> Iterator[Unit]:
    taken: collections.Counter[tuple[str, str, bool]] = collections.Counter()
    for unit in units:
        source = unit.example.source.split("/")[0]
        kind = unit.example.kind if unit.example.kind in ("toxicity", "topic") else "plain"
        most = OF_SOURCE.get(source, MOST_PLAIN if kind == "plain" else MOST)
        key = (kind, source, unit.example.toxicity is not None)
        if taken[key] < most or _is_rare(unit.example):
            taken[key] += 1
            yield unit


def _is_rare(example: Example) -> bool:
    if example.toxicity is None or example.source.startswith("own:"):
        return False
    return any(example.toxicity[TOXICITY.index(name)] == 1 for name in RARE)


def read_units(model: Path, units: Sequence[Unit]) -> Read:
    """What the int8 graph gives its heads, and what the rows say."""
    pooled, said = read_pooled(model, [_pieces(unit) for unit in units])
    return Read(pooled, said[:, len(INJECTION) + 1 :], *labels_of(units))


def labels_of(units: Sequence[Unit]) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Toxicity's labels (units, 9) and topics (units,), -1 where a row says nothing."""
    blank = (None,) * len(TOXICITY)
    toxicity = [[-1 if value is None else value for value in unit.example.toxicity or blank] for unit in units]
    topics = [TOPICS.index(unit.example.topic) if unit.example.topic else -1 for unit in units]
    return np.asarray(toxicity, dtype=np.int8), np.asarray(topics, dtype=np.int64)


def _pieces(unit: Unit) -> tuple[NDArray[Any], NDArray[Any]]:
    where = slice(unit.start, min(unit.end, unit.start + MAX_TOKENS - 2))
    return unit.pieces.ids[where], unit.pieces.casing[where]


# -- learning ---------------------------------------------------------------------------------------------------------


def toxicity_head(model: Path, read: Read) -> PooledHead:
    """The shipped head, gone on with."""
    head = shipped_head(model, "toxicity", len(TOXICITY))
    rows = np.flatnonzero((read.toxicity >= 0).any(axis=1))
    pooled, labels = torch.from_numpy(read.pooled), torch.from_numpy(read.toxicity).float()
    said = torch.from_numpy(read.said).sigmoid()
    positive = torch.tensor([POSITIVE_WEIGHTS.get(name, 1.0) for name in TOXICITY])

    def loss(batch: Tensor) -> Tensor:
        logits, known = head(pooled[batch].float()), (labels[batch] >= 0).float()
        bce = functional.binary_cross_entropy_with_logits
        told = bce(logits, labels[batch].clamp(min=0), reduction="none", pos_weight=positive) * known
        held = bce(logits, said[batch], reduction="none") * (1 - known)
        return told.sum() / known.sum().clamp(min=1) + held.sum() / (1 - known).sum().clamp(min=1)

    learn(list(head.parameters()), loss, rows, TOXICITY_RATE, PASSES)
    return head.eval()


def prototypes(model: Path, read: Read) -> Tensor:
    """The topics' prototypes (topics, 384), gone on with."""
    scale = EncoderConfig().topic_scale
    found = nn.Parameter(torch.from_numpy(restored(model / MODEL_NAME, topic_scale=scale)["prototypes"]))
    rows = np.flatnonzero(read.topic >= 0)
    embeddings = functional.normalize(torch.from_numpy(read.pooled[:, MEAN].astype(np.float32)), dim=1)
    topics = torch.from_numpy(read.topic)

    def loss(batch: Tensor) -> Tensor:
        logits = scale * embeddings[batch] @ functional.normalize(found, dim=1).T
        return functional.cross_entropy(logits, topics[batch], label_smoothing=SMOOTHING)

    learn([found], loss, rows, TOPIC_RATE, PASSES)
    return found.detach()


# -- writing ----------------------------------------------------------------------------------------------------------


def put(path: Path, learnt: Heads, read: Read) -> None:
    """The learnt heads in the graph's constants."""
    head, topics = learnt
    unit = functional.normalize(topics, dim=1).numpy()
    prototypes = (EncoderConfig().topic_scale * unit).T.astype(np.float32)
    found = head_constants(path, "toxicity", head, read.pooled)
    set_constants(path, {**found, "topic.prototypes": prototypes})


def calibrate(folder: Path, data: Path, every: int) -> None:
    """Fits the calibration of both heads, and the recommended thresholds of toxicity; injection's stays."""
    path = folder / MODEL_NAME
    before = {name: np.array(value) for name, value in tensors_of(path).items() if name in mixing(raw_calibration())}
    set_constants(path, mixing(raw_calibration()))
    branches = WideBranch(*restored_wide(path)), WideTopic(*restored_topic(path))
    calibrator = Calibrator(ServedModel(folder), *branches, data, every)
    toxicity, thresholds = calibrator.toxicity()
    fitted = mixing({**raw_calibration(), "toxicity": toxicity, "topic": calibrator.topic()})
    outputs = len(INJECTION)
    for name in ("deep", "wide_share", "offset"):
        fitted[name][..., :outputs] = before[name][..., :outputs]
    set_constants(path, fitted)
    write_thresholds(folder, "toxicity", thresholds)


if __name__ == "__main__":
    main()
