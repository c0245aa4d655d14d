"""Write a checkpoint as ONNX, in fp32 and as static int8.

    python -m training.grounding.export --data DATA --base BASE --work DIR [--checkpoint FILE --checkpoint FILE]

Of several checkpoints the mean of the weights is written: it is surer of less, and better on new data. They come from
one run, or from runs with one beginning; an exported int8 model.onnx may be one of them.

int8 and its fixed scales are those of `training/graph.py`; held-out training pairs show the ranges. Static, because
dynamic scales are taken over the whole batch, and then a score would depend on what it was batched with. The label and
token heads stay in fp32.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch

from training.graph import Feed, input_ranges
from training.grounding.graph import INPUTS, build
from training.grounding.model import PairModel
from training.grounding.pairs import Example, PairEncoder, encode_rows, load_tokenizer
from training.grounding.rows import is_held_out, may_use, read_split
from training.grounding.scoring import pad
from training.grounding.train import mean_weights

CALIBRATION_PAIRS = 128
BATCH = 8


def feeds(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Iterator[Feed]:
    """Return batches of pairs of like length, as the model takes them."""
    by_length = sorted(pairs, key=lambda pair: len(pair[0]))
    for start in range(0, len(pairs), BATCH):
        yield dict(zip(INPUTS, pad(by_length[start : start + BATCH]), strict=True))


def load_weights(base: Path, *checkpoints: Path) -> tuple[dict[str, np.ndarray], PairModel]:
    """Return the weights of a checkpoint, or the mean of several, and the model that holds them, in fp32."""
    model = PairModel.from_base(base)
    found = mean_weights(checkpoints)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name in found:  # the base's words are not trained
                value[: len(found[name])].copy_(found[name])
    return {name: value.detach().float().numpy() for name, value in model.state_dict().items()}, model.eval()


def calibration_pairs(arguments: argparse.Namespace) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return one view each of held-out train rows, a few of every source."""
    rows = [row for row in read_split(arguments.data, "train") if is_held_out(row) and may_use(row, research=False)]
    rng = random.Random(11)
    rng.shuffle(rows)
    chosen = sorted(rows, key=lambda row: not row.is_human)[: CALIBRATION_PAIRS * 3 // 4]
    chosen += [row for row in rows if not row.is_human][: CALIBRATION_PAIRS // 4]
    encoder = PairEncoder(load_tokenizer(arguments.base / "tokenizer.json"))
    examples: list[Example] = encode_rows(chosen, encoder, cache=arguments.work / "cache", key="calibration")
    return [rng.choice(example.views) for example in examples]


def export(arguments: argparse.Namespace) -> None:
    """Write `fp32/model.onnx` and `int8/model.onnx` with the tokenizer below the work folder."""
    weights, model = load_weights(arguments.base, *arguments.checkpoint or [arguments.work / "checkpoint.pt"])
    config = model.encoder.config
    shape = {"heads": config.num_attention_heads, "layers": config.num_hidden_layers, "epsilon": config.layer_norm_eps}
    tokenizer = load_tokenizer(arguments.base / "tokenizer.json")  # without the base's own truncation and padding
    for name in ("fp32", "int8"):
        (arguments.work / name).mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(arguments.work / name / "tokenizer.json"), pretty=False)
    plain, watched = build(weights, **shape)
    ranges = input_ranges(plain, watched, feeds(calibration_pairs(arguments)))
    onnx.save(plain, arguments.work / "fp32" / "model.onnx")
    onnx.save(build(weights, **shape, ranges=ranges)[0], arguments.work / "int8" / "model.onnx")
    print({name: (arguments.work / name / "model.onnx").stat().st_size for name in ("fp32", "int8")})


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument(
        "--checkpoint", type=Path, action="append", help="or model.onnx; default: checkpoint.pt of the work folder"
    )
    return parser.parse_args()


if __name__ == "__main__":
    export(parse())
