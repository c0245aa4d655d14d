"""Reads float32 weights back out of an exported int8 model: what `training/graph.py` did to keep int8 small is undone.

A checkpoint is three times the size of the model that is shipped and is kept nowhere; the model is. Its int8 matrices
are within half a step of what was trained, and a few minutes of training take up the difference. Narrowed inputs are
widened again, and the copies of wide neurons, which come last, are left out. Values that were narrowed where attention
makes them stay so, which is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from training.graph import SPARE, Floats

Tensors = Mapping[str, Floats]


def tensors_of(path: Path) -> Tensors:
    """The constants of the model at `path`, by their names."""
    return {one.name: numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}


def words_of(tensors: Tensors) -> Floats:
    """The word embeddings."""
    return tensors["words.rows"].astype(np.float32) * tensors["words.scales"]


def layers_of(tensors: Tensors) -> list[str]:
    """The names of the encoder's layers, in order."""
    found: list[str] = []
    while f"layer{len(found)}.query.weight" in tensors:
        found.append(f"layer{len(found)}")
    return found


def dense(tensors: Tensors, name: str, *, read: str | None = None) -> tuple[Floats, Floats]:
    """Weight (out, in) and bias of an int8 layer; `read` names the input whose narrowing is undone."""
    weight = tensors[f"{name}.weight"].T.astype(np.float32) * tensors[f"{name}.scale"][:, None]
    bias = tensors[f"{name}.bias"]
    if read is not None:
        weight = weight * tensors[f"{read}.factor"]
    if name.endswith(".up"):
        return weight[:-SPARE], bias[:-SPARE]
    return (weight[:, :-SPARE], bias) if name.endswith(".down") else (weight, bias)


def plain(tensors: Tensors, name: str) -> tuple[Floats, Floats]:
    """Weight (out, in) and bias of a layer that stays in float32; of a normalisation, weight and bias."""
    return tensors[f"{name}.weight"].T, tensors[f"{name}.bias"]


def both(target: str, values: tuple[Floats, Floats]) -> dict[str, Floats]:
    """A layer's two arrays by the names of a state dict, writable: a constant of a model is not."""
    return {
        f"{target}.{kind}": np.array(value, order="C") for kind, value in zip(("weight", "bias"), values, strict=True)
    }
