"""Writes the trained model as ONNX: float32, and statically quantised to int8.

    python -m training.encoder.export --base BASE --work WORK --out MODEL_DIR

How it works:

1. the checkpoint and the n-gram branches become plain arrays (`parts`);
2. `training/encoder/graph.py` builds the float32 graph from them, with the calibration that changes nothing;
   `calibrate.py` sets the calibration's constants afterwards, so that a probability is just a sigmoid (injection,
   toxicity) or a softmax (topic, tags);
3. training segments of all tasks show the range of what goes into every product, and the same builder writes int8 with
   fixed scales: a text's scores cannot depend on what it is batched with.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.encoder.graph import Grams, Heads, Parts, build
from training.encoder.labels import INJECTION, TOPICS, TOXICITY
from training.encoder.model import EncoderConfig, TidegateEncoder, load_base
from training.encoder.tokens import MAX_TOKENS, feed
from training.encoder.train import Units
from training.encoder.wide import WideBranch
from training.encoder.wide_topic import WideTopic, load_wide_topic
from training.graph import Encoder, Feed, Floats, Layer, Linear, Norm, input_ranges


def set_calibration(path: Path, calibration: dict[str, Any]) -> None:
    """Writes a calibration into an exported graph: only a few small constants change."""
    set_constants(path, mixing(calibration))


def set_constants(path: Path, values: Mapping[str, Floats]) -> None:
    """Writes constants into an exported graph by their names; ValueError names those that it has not."""
    model = onnx.load(path)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    if missing := sorted(values.keys() - tensors.keys()):
        raise ValueError(f"{path} has no constants named {missing}")
    for name, value in values.items():
        kind = onnx.helper.tensor_dtype_to_np_dtype(tensors[name].data_type)
        tensors[name].CopyFrom(onnx.numpy_helper.from_array(np.asarray(value, dtype=kind), name))
    onnx.save(model, path)


def mixing(calibration: dict[str, Any]) -> dict[str, Floats]:
    """The constants of the graph that a calibration sets, by their names.

    Of injection each label has [encoder, harmless, n-grams, offset], of toxicity [encoder, n-grams, offset].
    """
    injection = [calibration["injection"][name] for name in INJECTION]
    toxicity = [calibration["toxicity"][name] for name in TOXICITY]
    labels = [(encoder, wide, offset) for encoder, _, wide, offset in injection] + [tuple(each) for each in toxicity]
    own, wide, offset = np.asarray(labels, dtype=np.float32).T.copy()
    harmless = np.asarray([*(each[1] for each in injection), *[0.0] * len(TOXICITY)], dtype=np.float32)
    deep = np.insert(np.diag(own), len(INJECTION), harmless, axis=0)
    values = {"deep": deep, "wide_share": wide, "offset": offset}
    for name, factor in zip(("topic_deep", "topic_wide"), calibration["topic"], strict=True):
        values[name] = np.full(len(TOPICS), factor, dtype=np.float32)
    return values


def raw_calibration() -> dict[str, Any]:
    """The calibration that changes nothing: the encoder's own logits, without the wide branch."""
    return {
        "injection": {name: [1.0, 0.0, 0.0, 0.0] for name in INJECTION},
        "toxicity": {name: [1.0, 0.0, 0.0] for name in TOXICITY},
        "topic": [1.0, 0.0],
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


def parts(model: TidegateEncoder, wide: WideBranch, wide_topic: WideTopic) -> Parts:
    """The weights of everything that ships, as arrays."""
    return Parts(
        encoder=_encoder(model),
        heads=_heads(model),
        wide=Grams(_array(wide.table), Linear(np.diag(_array(wide.scale)), _array(wide.bias))),
        wide_topic=Grams(_array(wide_topic.table), Linear(_array(wide_topic.weight).T, _array(wide_topic.bias))),
    )


def _encoder(model: TidegateEncoder) -> Encoder:
    embeddings, epsilon = model.embeddings, model.config.norm_epsilon
    return Encoder(
        words=_array(embeddings.words()),
        positions=_array(embeddings.position.weight)[:MAX_TOKENS],
        kinds={"token_type_ids": _array(embeddings.token_type.weight), "casing_ids": _array(embeddings.casing.weight)},
        norm=_norm(embeddings.norm, epsilon),
        layers=[
            Layer(
                **{part: _linear(layer.qkv).part(at, 3) for at, part in enumerate(("query", "key", "value"))},
                attended=_linear(layer.attention_out),
                attended_norm=_norm(layer.attention_norm, epsilon),
                up=_linear(layer.up),
                down=_linear(layer.down),
                down_norm=_norm(layer.out_norm, epsilon),
            )
            for layer in model.layers
        ],
        attention_heads=model.config.attention_heads,
    )


def _heads(model: TidegateEncoder) -> Heads:
    """Injection and toxicity become one head: their hidden layers one after the other, their outputs side by side."""
    pooled = [model.injection, model.toxicity]
    prototypes = _array(model.prototypes)
    sizes = np.sqrt(np.square(prototypes).sum(1, keepdims=True) + 1e-9)
    return Heads(
        pooled_hidden=Linear(
            np.concatenate([_array(head.hidden.weight) for head in pooled]),
            np.concatenate([_array(head.hidden.bias) for head in pooled]),
        ),
        pooled_out=Linear(
            _array(torch.block_diag(*(head.out.weight for head in pooled))),
            np.concatenate([_array(head.out.bias) for head in pooled]),
        ),
        topic=(model.config.topic_scale * prototypes / sizes).astype(np.float32),
        tag_hidden=_linear(model.tag_hidden),
        tag_out=_linear(model.tag_out),
    )


def _linear(module: nn.Linear) -> Linear:
    return Linear(_array(module.weight), _array(module.bias))


def _norm(module: nn.LayerNorm, epsilon: float) -> Norm:
    return Norm(_array(module.weight), _array(module.bias), epsilon)


def _array(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().numpy()


def segments(units: Units, count: int, seed: int) -> Iterator[Feed]:
    """Training segments, one at a time, that show the range of every activation."""
    for row in np.random.default_rng(seed).choice(len(units.lengths), count, replace=False):
        ids, casing = units.raw(int(row))
        yield feed([(ids[: MAX_TOKENS - 2], casing[: MAX_TOKENS - 2])])


def main() -> None:
    """The command line."""
    arguments = _arguments()
    made = parts(
        load_encoder(arguments.base, arguments.checkpoint or arguments.work / "checkpoint.pt"),
        load_wide(arguments.work / "wide-weights.npz"),
        load_wide_topic(arguments.work / "wide-topic.npz"),
    )
    calibration = mixing(raw_calibration())
    plain, watched = build(made, calibration)
    shown = segments(Units(arguments.work / "train.npz"), arguments.segments, seed=7)
    quantised, _ = build(made, calibration, input_ranges(plain, watched, shown))
    arguments.out.mkdir(parents=True, exist_ok=True)
    onnx.save(plain, arguments.out / "model-float.onnx")
    onnx.save(quantised, arguments.out / "model.onnx")
    shutil.copy(arguments.work / "tokenizer.json", arguments.out / "tokenizer.json")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="folder with model.safetensors and tokenizer.json")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder with train.npz and the weights of the branches"
    )
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--checkpoint", type=Path, help="default: checkpoint.pt of the work folder")
    parser.add_argument("--segments", type=int, default=128, help="segments that show the ranges")
    return parser.parse_args()


if __name__ == "__main__":
    main()
