"""What learns a head anew on the encoder that is shipped, which stays as it is to the bit.

The int8 graph reads each unit once; what its heads read is kept, and a head learns from that in a minute. It goes back
into the graph in int8, bounded as before (`training/bounded.py`), into its own half of the matrices that the heads of
injection and toxicity share (`export.py`).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper
from torch import Tensor, nn

from detectors.models.card import MODEL_NAME, TOKENIZER_NAME
from training.bounded import bounded
from training.encoder.card import GOLDEN
from training.encoder.model import EncoderConfig, PooledHead
from training.encoder.restore import restored
from training.encoder.tokens import encode_all, feed, load_tokenizer
from training.graph import Floats, int8_rows
from training.restore import Tensors, tensors_of
from training.sessions import cpu_session

HeadName = Literal["injection", "toxicity"]
Pair = tuple[NDArray[np.int64], NDArray[np.int64]]
Loss = Callable[[Tensor], Tensor]
READ = ("pooled", "labels.deep")
BATCH, ROWS = 16, 512
"""Segments that are read at once, and rows of a step of training."""
WARM_UP = 50


def arguments_of(told: str | None) -> argparse.Namespace:
    """The command line of a program that learns heads; `told` is what it does."""
    parser = argparse.ArgumentParser(description=told, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with injection/, toxicity/, topic/, pii/")
    parser.add_argument("--model", type=Path, required=True, help="folder of the shipped model")
    parser.add_argument("--work", type=Path, required=True, help="folder for what is read once")
    parser.add_argument("--out", type=Path, required=True, help="a folder that is not there yet")
    parser.add_argument("--version", required=True, help="the new model's version")
    parser.add_argument("--every", type=int, default=1, help="calibrate on every n-th dev row only")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def read_pooled(model: Path, rows: Sequence[Pair]) -> tuple[NDArray[np.float16], Floats]:
    """What the heads read of each row (rows, 1152), and the logits of injection and toxicity (rows, 12).

    Rows are (piece ids, casing ids) without special tokens, those of like length one after the other.
    """
    graph = onnx.load(model / MODEL_NAME)
    graph.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in READ)
    session = cpu_session(graph.SerializeToString(), threads=1)
    pooled, said = [], []
    for at in range(0, len(rows), BATCH):
        batch = list(rows[at : at + BATCH])
        found = session.run(list(READ), feed(batch))
        pooled.append(found[0].reshape(len(batch), -1).astype(np.float16))
        said.append(found[1].reshape(len(batch), -1))
        if at // BATCH % 500 == 0:
            print(f"read {at:,} of {len(rows):,}", flush=True)
    return np.concatenate(pooled), np.concatenate(said)


def shipped_head(model: Path, name: HeadName, outputs: int) -> PooledHead:
    """A head of the int8 graph, to go on with."""
    head = PooledHead(EncoderConfig(), outputs)
    found = restored(model / MODEL_NAME, topic_scale=EncoderConfig().topic_scale)
    own = {key.removeprefix(f"{name}."): value for key, value in found.items() if key.startswith(f"{name}.")}
    head.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in own.items()})
    return head


def learn(parameters: list[nn.Parameter], loss: Loss, rows: NDArray[np.int64], rate: float, passes: int) -> None:
    """So many passes over the rows in random order; the rate rises for a moment and falls to zero."""
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.01)
    step, steps = 0, passes * (len(rows) // ROWS)
    for number in range(passes):
        order = torch.from_numpy(np.random.default_rng(number).permutation(rows))
        for at in range(0, len(rows) - ROWS + 1, ROWS):
            optimizer.param_groups[0]["lr"] = rate * min(1.0, (step + 1) / WARM_UP) * (1 - step / steps)
            optimizer.zero_grad()
            loss(order[at : at + ROWS]).backward()
            optimizer.step()
            step += 1


def head_constants(path: Path, name: HeadName, head: PooledHead, pooled: NDArray[np.float16]) -> Mapping[str, Floats]:
    """The graph's constants with this head in them; what the other head reads of the same matrices stays."""
    tensors = tensors_of(path)
    inner, outer = _places(tensors, name, head)
    return {**_hidden(tensors, inner, head.hidden, pooled), **_out(tensors, inner, outer, head.out)}


def check(before: Path, after: Path, kept: Sequence[str]) -> None:
    """SystemExit where one of the outputs that should stay answers otherwise than before."""
    read = encode_all(load_tokenizer(before / TOKENIZER_NAME), [text for _, text in GOLDEN])
    asked = feed([(each.ids, each.casing) for each in read])
    old, new = (cpu_session(folder / MODEL_NAME, threads=1).run(list(kept), asked) for folder in (before, after))
    if changed := [name for name, *pair in zip(kept, old, new, strict=True) if not np.array_equal(*pair)]:
        raise SystemExit(f"{after}: other answers of {', '.join(changed)}")


def _places(tensors: Tensors, name: HeadName, head: PooledHead) -> tuple[slice, slice]:
    """Which neurons and which outputs are the head's: injection's stand first, toxicity's last."""
    if name == "injection":
        return slice(0, head.hidden.out_features), slice(0, head.out.out_features)
    inner, outer = len(tensors["pooled.hidden.bias"]), len(tensors["labels.deep.bias"])
    return slice(inner - head.hidden.out_features, inner), slice(outer - head.out.out_features, outer)


def _hidden(
    tensors: Tensors, inner: slice, layer: nn.Linear, pooled: NDArray[np.float16]
) -> Mapping[str, NDArray[Any]]:
    """The hidden layer's own half, in int8 with no pair that overflows."""
    factor, step, zero = (tensors[f"pooled.hidden.{name}"] for name in ("factor", "input.scale", "input.zero"))
    rows, steps = int8_rows(layer.weight.detach().numpy() / factor)
    seen = pooled[:: max(1, len(pooled) // 5000)].astype(np.float64) * factor
    seen = (np.clip(np.round(seen / step) + zero, 0, 255) - float(zero)) * step
    weights, widths = bounded(rows.T, steps[:, 0].astype(np.float64), seen.T @ seen / len(seen))
    found = {name: np.array(tensors[f"pooled.hidden.{name}"]) for name in ("weight", "scale", "bias")}
    found["weight"][:, inner], found["scale"][inner] = weights, widths
    found["bias"][inner] = layer.bias.detach().numpy()
    return {f"pooled.hidden.{name}": value for name, value in found.items()}


def _out(tensors: Tensors, inner: slice, outer: slice, layer: nn.Linear) -> Mapping[str, NDArray[Any]]:
    weight, bias = (np.array(tensors[f"labels.deep.{name}"]) for name in ("weight", "bias"))
    weight[inner, outer], bias[outer] = layer.weight.detach().numpy().T, layer.bias.detach().numpy()
    return {"labels.deep.weight": weight, "labels.deep.bias": bias}
