"""Write a checkpoint as ONNX, in fp32 and as static int8.

    python -m training.grounding.export --data DATA --base BASE --work DIR [--checkpoint FILE]

int8: the weights of every MatMul per output channel, activations with scales fixed on held-out training pairs.
Static, because dynamic scales are taken over the whole batch, and then a score would depend on what it was batched
with. The label and token heads stay in fp32 (they cost nothing).
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

from training.grounding.graph import build
from training.grounding.model import PairModel
from training.grounding.pairs import Example, PairEncoder, encode_rows, load_tokenizer
from training.grounding.rows import is_held_out, may_use, read_split
from training.grounding.scoring import pad

CALIBRATION_PAIRS = 128
BATCH = 8


class Pairs(CalibrationDataReader):
    """Hands batches of pairs to the calibration."""

    def __init__(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        self._batches = self._make(sorted(pairs, key=lambda pair: len(pair[0])))

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._batches, None)

    @staticmethod
    def _make(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
        for start in range(0, len(pairs), BATCH):
            yield dict(
                zip(("input_ids", "attention_mask", "token_type_ids"), pad(pairs[start : start + BATCH]), strict=True)
            )


def load_weights(base: Path, checkpoint: Path) -> tuple[dict[str, np.ndarray], PairModel]:
    """Return the weights of a checkpoint and the model that holds them, in fp32."""
    model = PairModel.from_base(base)
    state = torch.load(checkpoint, weights_only=True)
    by_name = dict(model.named_parameters())
    with torch.no_grad():
        for name, value in zip(state["names"], state["masters"], strict=True):
            by_name[name].copy_(value)
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
    weights, model = load_weights(arguments.base, arguments.checkpoint or arguments.work / "checkpoint.pt")
    config = model.encoder.config
    shape = {"heads": config.num_attention_heads, "layers": config.num_hidden_layers, "epsilon": config.layer_norm_eps}
    tokenizer = load_tokenizer(arguments.base / "tokenizer.json")  # without the base's own truncation and padding
    for name in ("fp32", "int8"):
        (arguments.work / name).mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(arguments.work / name / "tokenizer.json"), pretty=False)
    onnx.save(build(weights, **shape, quantize_embeddings=False), arguments.work / "fp32" / "model.onnx")
    before = arguments.work / "int8" / "before.onnx"
    onnx.save(build(weights, **shape, quantize_embeddings=True), before)
    quantize(before, arguments.work / "int8" / "model.onnx", calibration_pairs(arguments), method=arguments.method)
    before.unlink()
    print({name: (arguments.work / name / "model.onnx").stat().st_size for name in ("fp32", "int8")})


def quantize(before: Path, after: Path, pairs: Sequence[tuple[np.ndarray, np.ndarray]], *, method: str) -> None:
    """Quantise the encoder's weight MatMuls, outputs left in float so that nothing is rounded twice."""
    model = onnx.load(before)
    constants = {tensor.name for tensor in model.graph.initializer}
    heads = [
        node.name
        for node in model.graph.node
        if node.op_type == "MatMul" and (node.name.startswith("head.") or node.input[1] not in constants)
    ]
    quantize_static(
        before,
        after,
        Pairs(pairs),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["MatMul"],
        nodes_to_exclude=heads,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod[method],
        extra_options={"MatMulConstBOnly": True, "OpTypesToExcludeOutputQuantization": ["MatMul"]},
    )


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, help="default: checkpoint.pt of the work folder")
    parser.add_argument("--method", default="MinMax", choices=("MinMax", "Percentile", "Entropy"))
    return parser.parse_args()


if __name__ == "__main__":
    export(parse())
