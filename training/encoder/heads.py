"""Learns the heads of toxicity and topic anew on the encoder that is shipped, which stays as it is to the bit.

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

import argparse
import collections
import dataclasses
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper
from torch import Tensor, nn
from torch.nn import functional

from detectors.models.card import MODEL_NAME, TOKENIZER_NAME
from training.bounded import bounded
from training.encoder.calibrate import Calibrator
from training.encoder.card import GOLDEN, golden
from training.encoder.card_file import write_model, write_thresholds
from training.encoder.export import mixing, raw_calibration, set_constants
from training.encoder.labels import INJECTION, TOPICS, TOXICITY
from training.encoder.model import EncoderConfig, PooledHead
from training.encoder.prepare import BagOfWordsJudge, Unit, build, cut
from training.encoder.restore import restored, restored_topic, restored_wide
from training.encoder.rows import Example, injection_examples
from training.encoder.serve import ServedModel
from training.encoder.tokens import MAX_TOKENS, encode_all, feed, load_tokenizer
from training.encoder.train import POSITIVE_WEIGHTS, SMOOTHING
from training.encoder.wide import WideBranch
from training.encoder.wide_topic import WideTopic
from training.graph import Floats, int8_rows
from training.restore import Tensors, tensors_of
from training.sessions import cpu_session

MOST, MOST_PLAIN = 6000, 1500
"""Units of a source: of toxicity's and topics' own rows, and of the plain text of other tasks."""
OF_SOURCE = {"huffpost": 9000, "own:hate-functions": 9000, "own:court-news": 3500}
RARE = ("threat", "sexual_explicit", "self_harm", "violence")
"""Public rows with one of these labels are all taken."""
BATCH, ROWS = 16, 512
"""Segments that are read at once, and rows of a step of training."""
TOXICITY_RATE, TOPIC_RATE, PASSES = 3e-4, 3e-3, 3
WARM_UP = 50
MEAN = slice(384, 768)
"""Where the mean of the states is in what the heads read; at unit length it is the embedding."""
READ = ("pooled", "labels.deep")
KEPT = ("injection", "harmless", "embedding", "tags")
Heads = tuple[PooledHead, Tensor]
Loss = Callable[[Tensor], Tensor]


@dataclasses.dataclass(frozen=True)
class Read:
    """What the heads read of each unit (units, 1152), what toxicity's said of it, and its labels; -1: unknown."""

    pooled: NDArray[np.float16]
    said: Floats
    toxicity: NDArray[np.int8]
    topic: NDArray[np.int64]


def main() -> None:
    """The command line."""
    arguments = _arguments()
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
    check(arguments.model, arguments.out)
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
    """What the int8 graph gives its heads, a batch of like length at a time."""
    graph = onnx.load(model / MODEL_NAME)
    graph.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in READ)
    session = cpu_session(graph.SerializeToString(), threads=1)
    pooled, said = [], []
    for at in range(0, len(units), BATCH):
        batch = units[at : at + BATCH]
        found = session.run(list(READ), feed([_pieces(unit) for unit in batch]))
        pooled.append(found[0].reshape(len(batch), -1).astype(np.float16))
        said.append(found[1].reshape(len(batch), -1)[:, len(INJECTION) + 1 :])
        if at // BATCH % 500 == 0:
            print(f"read {at:,} of {len(units):,}", flush=True)
    return Read(np.concatenate(pooled), np.concatenate(said), *labels_of(units))


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
    head = PooledHead(EncoderConfig(), len(TOXICITY))
    found = restored(model / MODEL_NAME, topic_scale=EncoderConfig().topic_scale)
    own = {name.removeprefix("toxicity."): value for name, value in found.items() if name.startswith("toxicity.")}
    head.load_state_dict({name: torch.from_numpy(value) for name, value in own.items()})
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

    _learn(list(head.parameters()), loss, rows, TOXICITY_RATE)
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

    _learn([found], loss, rows, TOPIC_RATE)
    return found.detach()


def _learn(parameters: list[nn.Parameter], loss: Loss, rows: NDArray[np.int64], rate: float) -> None:
    """`PASSES` over the rows in random order; the rate rises for a moment and falls to zero."""
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.01)
    step, steps = 0, PASSES * (len(rows) // ROWS)
    for number in range(PASSES):
        order = torch.from_numpy(np.random.default_rng(number).permutation(rows))
        for at in range(0, len(rows) - ROWS + 1, ROWS):
            optimizer.param_groups[0]["lr"] = rate * min(1.0, (step + 1) / WARM_UP) * (1 - step / steps)
            optimizer.zero_grad()
            loss(order[at : at + ROWS]).backward()
            optimizer.step()
            step += 1


# -- writing ----------------------------------------------------------------------------------------------------------


def put(path: Path, learnt: Heads, read: Read) -> None:
    """The learnt heads in the graph's constants; what other heads read of the same matrices stays."""
    head, topics = learnt
    tensors = tensors_of(path)
    config = EncoderConfig()
    unit = functional.normalize(topics, dim=1).numpy()
    set_constants(
        path,
        {
            **_hidden(tensors, head.hidden, read),
            **_out(tensors, head.out),
            "topic.prototypes": (config.topic_scale * unit).T.astype(np.float32),
        },
    )


def _hidden(tensors: Tensors, layer: nn.Linear, read: Read) -> Mapping[str, Floats]:
    """The hidden layer's half that is toxicity's, in int8 with no pair that overflows."""
    factor, step, zero = (tensors[f"pooled.hidden.{name}"] for name in ("factor", "input.scale", "input.zero"))
    rows, steps = int8_rows(layer.weight.detach().numpy() / factor)
    seen = read.pooled[:: max(1, len(read.pooled) // 5000)].astype(np.float64) * factor
    seen = (np.clip(np.round(seen / step) + zero, 0, 255) - float(zero)) * step
    weights, widths = bounded(rows.T, steps[:, 0].astype(np.float64), seen.T @ seen / len(seen))
    own = slice(len(tensors["pooled.hidden.bias"]) - len(widths), None)
    found = {name: np.array(tensors[f"pooled.hidden.{name}"]) for name in ("weight", "scale", "bias")}
    found["weight"][:, own], found["scale"][own] = weights, widths
    found["bias"][own] = layer.bias.detach().numpy()
    return {f"pooled.hidden.{name}": value for name, value in found.items()}


def _out(tensors: Tensors, layer: nn.Linear) -> Mapping[str, Floats]:
    weight, bias = (np.array(tensors[f"labels.deep.{name}"]) for name in ("weight", "bias"))
    inner, own = slice(len(weight) - layer.in_features, None), slice(len(bias) - layer.out_features, None)
    weight[inner, own], bias[own] = layer.weight.detach().numpy().T, layer.bias.detach().numpy()
    return {"labels.deep.weight": weight, "labels.deep.bias": bias}


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


def check(before: Path, after: Path) -> None:
    """SystemExit where something else than toxicity and topics answers otherwise than before."""
    read = encode_all(load_tokenizer(before / TOKENIZER_NAME), [text for _, text in GOLDEN])
    asked = feed([(each.ids, each.casing) for each in read])
    old, new = (cpu_session(folder / MODEL_NAME, threads=1).run(list(KEPT), asked) for folder in (before, after))
    if changed := [name for name, *pair in zip(KEPT, old, new, strict=True) if not np.array_equal(*pair)]:
        raise SystemExit(f"{after}: other answers of {', '.join(changed)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with injection/, toxicity/, topic/, pii/")
    parser.add_argument("--model", type=Path, required=True, help="folder of the shipped model")
    parser.add_argument("--work", type=Path, required=True, help="folder for what is read once")
    parser.add_argument("--out", type=Path, required=True, help="a folder that is not there yet")
    parser.add_argument("--version", required=True, help="the new model's version")
    parser.add_argument("--every", type=int, default=1, help="calibrate on every n-th dev row only")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    main()
