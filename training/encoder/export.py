"""Writes the trained model as ONNX: float32, then statically quantised to int8.

    python -m training.encoder.export --base BASE --work WORK --out MODEL_DIR

How it works:

1. the checkpoint, the wide branch and the calibration become one module; `calibrate.py` then sets the calibration's
   constants in the graph, so that a probability is just a sigmoid (injection, toxicity) or a softmax (topic, tags);
2. the word embeddings become an int8 table with one scale for each row (58 MB to 12 MB), positions are cut to what is
   used, and the module is exported;
3. matrix products with constant weights are quantised *statically*: activation ranges come from training segments of
   all tasks, so a text's scores cannot depend on what it is batched with, as they would with dynamic scales.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

from training.encoder.labels import TOPICS, TOXICITY
from training.encoder.model import EncoderConfig, TidegateEncoder, load_base
from training.encoder.train import CLS, SEP, Units
from training.encoder.wide import WideBranch
from training.encoder.wide_topic import WideTopic, load_wide_topic

MAX_TOKENS = 128
INPUTS = ("input_ids", "attention_mask", "token_type_ids", "casing_ids")
OUTPUTS = ("injection", "toxicity", "topic", "embedding", "tags")
OPSET = 17


class QuantizedEmbedding(nn.Module):
    """An embedding table in int8 with one scale for each row."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        scale = weight.abs().amax(1).clamp(min=1e-8) / 127.0
        self.register_buffer("table", (weight / scale[:, None]).round().clamp(-127, 127).to(torch.int8))
        self.register_buffer("scale", scale)

    def forward(self, ids: Tensor) -> Tensor:
        return self.table[ids].to(torch.float32) * self.scale[ids][:, :, None]


class SmoothLinear(nn.Module):
    """A linear layer whose input channels are scaled to like ranges before the product, and the weights back.

    Per-tensor activation scales waste their 256 steps on the few channels with outliers; after this they do not
    (Xiao et al., SmoothQuant). In exact arithmetic nothing changes.
    """

    def __init__(self, linear: nn.Linear, largest: Tensor) -> None:
        super().__init__()
        weight = linear.weight.detach()
        smooth = (largest.clamp(min=1e-5).sqrt() / weight.abs().amax(0).clamp(min=1e-5).sqrt()).clamp(0.05, 100.0)
        self.register_buffer("shrink", 1.0 / smooth)
        self.linear = nn.Linear(linear.in_features, linear.out_features)
        self.linear.weight.data.copy_(weight * smooth)
        self.linear.bias.data.copy_(linear.bias.detach())

    def forward(self, values: Tensor) -> Tensor:
        return self.linear(values * self.shrink)


def smooth(encoder: TidegateEncoder, units: Units, *, segments: int, seed: int) -> None:
    """Replaces the linear layers of the transformer by `SmoothLinear`, from the ranges that training segments show."""
    largest: dict[nn.Module, Tensor] = {}

    def watch(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen = inputs[0].detach().abs().flatten(0, -2).amax(0)
        largest[module] = torch.maximum(largest[module], seen) if module in largest else seen

    parents = [(layer, name) for layer in encoder.layers for name in ("qkv", "attention_out", "up", "down")]
    hooks = [getattr(layer, name).register_forward_pre_hook(watch) for layer, name in parents]
    with torch.no_grad():
        for inputs in Segments(units, segments, seed):
            encoder(*(torch.from_numpy(inputs[name]) for name in INPUTS))
    for hook in hooks:
        hook.remove()
    for layer, name in parents:
        linear = getattr(layer, name)
        setattr(layer, name, SmoothLinear(linear, largest[linear]))


class ShippedModel(nn.Module):
    """Encoder, wide branch and calibration as one graph."""

    def __init__(
        self, encoder: TidegateEncoder, wide: WideBranch, wide_topic: WideTopic, calibration: dict[str, Any]
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.wide = wide
        self.wide_topic = wide_topic
        mixing = [calibration["injection"], *(calibration["toxicity"][name] for name in TOXICITY)]
        for number, part in enumerate(("deep", "wide_share", "offset")):
            self.register_buffer(part, torch.tensor([row[number] for row in mixing], dtype=torch.float32))
        for name, factor in zip(("topic_deep", "topic_wide"), calibration["topic"], strict=True):
            self.register_buffer(name, torch.full((len(TOPICS),), float(factor)))

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor, casing_ids: Tensor
    ) -> tuple[Tensor, ...]:
        heads = self.encoder(input_ids, attention_mask, token_type_ids, casing_ids)
        deep = torch.cat([heads.injection, heads.toxicity], dim=1)
        logits = self.deep * deep + self.wide_share * self.wide(input_ids) + self.offset
        topic = self.topic_deep * heads.topic + self.topic_wide * self.wide_topic(input_ids)
        return logits[:, :1], logits[:, 1:], topic, heads.embedding, heads.tags


def set_calibration(path: Path, calibration: dict[str, Any]) -> None:
    """Writes a calibration into an exported graph: only a few small constants change."""
    model = onnx.load(path)
    mixing = np.asarray(
        [calibration["injection"], *(calibration["toxicity"][name] for name in TOXICITY)], dtype=np.float32
    )
    values = {
        "deep": mixing[:, 0],
        "wide_share": mixing[:, 1],
        "offset": mixing[:, 2],
        "topic_deep": np.full(len(TOPICS), calibration["topic"][0], dtype=np.float32),
        "topic_wide": np.full(len(TOPICS), calibration["topic"][1], dtype=np.float32),
    }
    for tensor in model.graph.initializer:
        if tensor.name in values:
            tensor.CopyFrom(onnx.numpy_helper.from_array(values.pop(tensor.name).copy(), tensor.name))
    if values:
        raise ValueError(f"{path} has no constants named {sorted(values)}")
    onnx.save(model, path)


def raw_calibration() -> dict[str, Any]:
    """The calibration that changes nothing: the encoder's own logits, without the wide branch.

    The offsets are not quite zero, because an addition of zero is optimised away and could not be set later.
    """
    return {
        "injection": [1.0, 0.0, 1e-6],
        "toxicity": {name: [1.0, 0.0, 1e-6] for name in TOXICITY},
        "topic": [1.0, 1e-6],
    }


def load_encoder(base: Path, checkpoint: Path) -> TidegateEncoder:
    """The trained encoder in float32, ready for inference."""
    model = TidegateEncoder(EncoderConfig())
    load_base(model, base / "model.safetensors")
    state = torch.load(checkpoint, weights_only=True)["weights"]
    missing = set(state) - set(model.state_dict())
    if missing:
        raise ValueError(f"{checkpoint} has weights the model lacks: {sorted(missing)[:3]}")
    model.load_state_dict(state, strict=False)
    return model.eval()


def load_wide(path: Path) -> WideBranch:
    """The wide branch that `wide.py` fitted."""
    with np.load(path) as file:
        return WideBranch(file["weights"], file["bias"])


def shrink(encoder: TidegateEncoder) -> None:
    """Puts the word embeddings into int8 and drops positions past `MAX_TOKENS`."""
    encoder.embeddings.word = QuantizedEmbedding(encoder.embeddings.word.weight.detach())  # type: ignore[assignment]
    kept = encoder.embeddings.position.weight.detach()[:MAX_TOKENS].clone()
    encoder.embeddings.position = nn.Embedding.from_pretrained(kept)


def export_float(model: ShippedModel, path: Path) -> None:
    """Writes the float32 graph (the embedding tables are int8 already)."""
    example = torch.ones((2, 16), dtype=torch.int64)
    axes = {name: {0: "rows", 1: "tokens"} for name in (*INPUTS, "tags")}
    axes |= {name: {0: "rows"} for name in OUTPUTS if name != "tags"}
    torch.onnx.export(
        model,
        (example * 1000, example, example * 0, example),
        str(path),
        input_names=list(INPUTS),
        output_names=list(OUTPUTS),
        dynamic_axes=axes,
        opset_version=OPSET,
        dynamo=False,
    )


class Segments(CalibrationDataReader):
    """Training segments, one at a time, that show the quantiser the range of every activation."""

    def __init__(self, units: Units, count: int, seed: int) -> None:
        self._rows = self._feeds(units, np.random.default_rng(seed).choice(len(units.lengths), count, replace=False))

    @staticmethod
    def _feeds(units: Units, rows: NDArray[np.int64]) -> Iterator[dict[str, NDArray[np.int64]]]:
        for row in rows:
            ids, casing = units.raw(int(row))
            yield feed([(ids[: MAX_TOKENS - 2], casing[: MAX_TOKENS - 2])])

    def get_next(self) -> dict[str, NDArray[np.int64]] | None:
        """The next segment, or None at the end (as onnxruntime wants it)."""
        return next(self._rows, None)


def feed(rows: list[tuple[NDArray[np.int64], NDArray[np.int64]]], *, width: int = 0) -> dict[str, NDArray[np.int64]]:
    """The inputs for rows of (piece ids, casing ids) without special tokens, padded to `width` or the longest row."""
    width = max(width, max(len(ids) for ids, _ in rows) + 2)
    input_ids, mask, casing = (np.zeros((len(rows), width), dtype=np.int64) for _ in range(3))
    for number, (ids, cases) in enumerate(rows):
        input_ids[number, : len(ids) + 2] = [CLS, *ids, SEP]
        mask[number, : len(ids) + 2] = 1
        casing[number, 1 : len(ids) + 1] = cases
    return dict(zip(INPUTS, (input_ids, mask, np.zeros_like(mask), casing), strict=True))


def quantize(
    source: Path, target: Path, units: Units, *, segments: int, method: str, seed: int, keep: tuple[str, ...]
) -> None:
    """Statically quantises the matrix products of `source`; nodes whose name holds one of `keep` stay in float32."""
    prepared = target.with_suffix(".prepared.onnx")
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    names = [node.name for node in onnx.load(prepared).graph.node if any(part in node.name for part in keep)]
    options: dict[str, Any] = {"MatMulConstBOnly": True, "OpTypesToExcludeOutputQuantization": ["MatMul", "Gemm"]}
    if method == "Percentile":
        options["CalibPercentile"] = 99.999
    quantize_static(
        str(prepared),
        str(target),
        Segments(units, segments, seed),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        weight_type=QuantType.QInt8,
        activation_type=QuantType.QUInt8,
        calibrate_method=CalibrationMethod[method],
        nodes_to_exclude=names,
        extra_options=options,
    )
    prepared.unlink()


def main() -> None:
    """The command line."""
    arguments = _arguments()
    torch.manual_seed(0)
    units = Units(arguments.work / "train.npz")
    encoder = load_encoder(arguments.base, arguments.work / "checkpoint.pt")
    shrink(encoder)
    smooth(encoder, units, segments=256, seed=11)
    model = ShippedModel(
        encoder,
        load_wide(arguments.work / "wide-weights.npz"),
        load_wide_topic(arguments.work / "wide-topic.npz"),
        raw_calibration(),
    ).eval()
    arguments.out.mkdir(parents=True, exist_ok=True)
    plain = arguments.out / "model-float.onnx"
    export_float(model, plain)
    quantize(
        plain,
        arguments.out / "model.onnx",
        units,
        segments=arguments.segments,
        method=arguments.method,
        seed=7,
        keep=tuple(arguments.keep),
    )
    shutil.copy(arguments.base / "tokenizer.json", arguments.out / "tokenizer.json")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="folder with model.safetensors and tokenizer.json")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder with checkpoint.pt, train.npz, wide-weights.npz"
    )
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--segments", type=int, default=128, help="segments shown to the quantiser")
    parser.add_argument("--method", choices=("MinMax", "Percentile", "Entropy"), default="MinMax")
    parser.add_argument("--keep", nargs="*", default=[], help="parts of node names that stay in float32")
    return parser.parse_args()


if __name__ == "__main__":
    main()
