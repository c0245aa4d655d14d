"""Write a checkpoint as ONNX, in fp32 and as static int8.

    python -m training.grounding.export --data DATA --base BASE --work DIR [--checkpoint FILE --checkpoint FILE]

Of several checkpoints of one run the mean of the weights is written: it is surer of less, and better on new data.

int8: the weights of every MatMul per output channel, activations with scales fixed on held-out training pairs.
Static, because dynamic scales are taken over the whole batch, and then a score would depend on what it was batched
with. One scale for a whole activation wastes its steps on a few channels that are far wider than the rest, so these are
narrowed before, by the square root of how much wider they are than the median, and their rows of the weights widened as
much: that halves what int8 adds to a logit (a mean of 0.14 for 0.25). The label and token heads stay in fp32.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper, numpy_helper
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


def load_weights(base: Path, *checkpoints: Path) -> tuple[dict[str, np.ndarray], PairModel]:
    """Return the weights of a checkpoint, or the mean of several, and the model that holds them, in fp32."""
    model = PairModel.from_base(base)
    states = [torch.load(checkpoint, weights_only=True) for checkpoint in checkpoints]
    by_name = dict(model.named_parameters())
    with torch.no_grad():
        for name, *values in zip(states[0]["names"], *(state["masters"] for state in states), strict=True):
            by_name[name].copy_(torch.stack(values).mean(0))
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
    onnx.save(build(weights, **shape, quantize_embeddings=False), arguments.work / "fp32" / "model.onnx")
    before = arguments.work / "int8" / "before.onnx"
    pairs = calibration_pairs(arguments)
    onnx.save(balanced(build(weights, **shape, quantize_embeddings=True), pairs), before)
    quantize(before, arguments.work / "int8" / "model.onnx", pairs)
    before.unlink()
    print({name: (arguments.work / name / "model.onnx").stat().st_size for name in ("fp32", "int8")})


def balanced(model: onnx.ModelProto, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> onnx.ModelProto:
    """Return the same function with the widest channels that go into each weight MatMul of the encoder narrowed."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = [node for node in model.graph.node if _is_encoder_weight(node, weights)]
    widths = _channel_widths(model, sorted({node.input[0] for node in nodes}), pairs)
    for node in nodes:
        weight = numpy_helper.to_array(weights[node.input[1]])
        width = widths[node.input[0]]
        factor = np.sqrt(np.maximum(width / np.median(width), 1.0)).astype(np.float32)
        weights[node.input[1]].CopyFrom(numpy_helper.from_array(weight * factor[:, None], node.input[1]))
        divided, name = f"{node.output[0]}.balanced", f"{node.output[0]}.factor"
        model.graph.initializer.append(numpy_helper.from_array(1 / factor, name))
        place = list(model.graph.node).index(node)
        model.graph.node.insert(place, helper.make_node("Mul", [node.input[0], name], [divided], name=f"{divided}/Mul"))
        node.input[0] = divided
    return model


def _is_encoder_weight(node: onnx.NodeProto, constants: Container[str]) -> bool:
    return node.op_type == "MatMul" and node.input[1] in constants and not node.name.startswith("head.")


def _channel_widths(
    model: onnx.ModelProto, names: Sequence[str], pairs: Sequence[tuple[np.ndarray, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Return the largest magnitude of each channel of some tensors over the tokens of `pairs`, padding left out."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    widths = {name: np.zeros(1, dtype=np.float32) for name in names}
    batches = Pairs(pairs)
    while feeds := batches.get_next():
        seen = feeds["attention_mask"] > 0
        for name, value in zip(names, session.run(list(names), feeds), strict=True):
            widths[name] = np.maximum(widths[name], np.abs(value[seen]).max(axis=0))
    return widths


def quantize(before: Path, after: Path, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
    """Quantise the encoder's weight MatMuls, outputs left in float so that nothing is rounded twice."""
    model = onnx.load(before)
    constants = {tensor.name for tensor in model.graph.initializer}
    others = [n.name for n in model.graph.node if n.op_type == "MatMul" and not _is_encoder_weight(n, constants)]
    quantize_static(
        before,
        after,
        Pairs(pairs),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["MatMul"],
        nodes_to_exclude=others,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
        extra_options={"MatMulConstBOnly": True, "OpTypesToExcludeOutputQuantization": ["MatMul"]},
    )


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, action="append", help="default: checkpoint.pt of the work folder")
    return parser.parse_args()


if __name__ == "__main__":
    export(parse())
