"""The weights of an exported int8 model, to train on from: `train --start models_onnx/tidegate-grounding/model.onnx`.

A checkpoint is three times the size of the model that is shipped and is kept nowhere; the model is. Its int8 matrices
are within half a step of what was trained, and a few minutes of training take up the difference. What the export did
to keep int8 small (`training/graph.py`) is undone: narrowed inputs are widened again, and the copies of wide neurons,
which come last, are left out. Values that were narrowed where attention makes them stay so, which is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from training.graph import SPARE, Floats

HEADS = ("hidden", "labels", "tokens")
NORMS = {"norm1": "attention.output.LayerNorm", "norm2": "output.LayerNorm"}
PRODUCTS = {
    "query": ("attention.self.query", "read"),
    "key": ("attention.self.key", "read"),
    "value": ("attention.self.value", "read"),
    "attended": ("attention.output.dense", None),
    "up": ("intermediate.dense", "up"),
    "down": ("output.dense", None),
}
"""Name in the graph -> name in the model, and the input whose narrowing is undone."""


def restored(path: Path) -> dict[str, Floats]:
    """The weights of the int8 model at `path` by the names of `PairModel.state_dict()`."""
    tensors = {one.name: numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}
    prefix = "encoder.embeddings"
    found = {
        f"{prefix}.word_embeddings.weight": tensors["words.rows"].astype(np.float32) * tensors["words.scales"],
        f"{prefix}.position_embeddings.weight": tensors["positions.table"],
        f"{prefix}.token_type_embeddings.weight": tensors["token_type_ids.table"],
        **_both(tensors, "embeddings", f"{prefix}.LayerNorm"),
    }
    for head in HEADS:
        found |= {f"{head}.weight": tensors[f"{head}.weight"].T, f"{head}.bias": tensors[f"{head}.bias"]}
    layer = 0
    while f"layer{layer}.query.weight" in tensors:
        found |= _layer(tensors, f"layer{layer}", f"encoder.encoder.layer.{layer}")
        layer += 1
    return {name: np.array(value, order="C") for name, value in found.items()}  # an initialiser is read-only


def _layer(tensors: Mapping[str, Floats], graph: str, model: str) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for name, target in NORMS.items():
        found |= _both(tensors, f"{graph}.{name}", f"{model}.{target}")
    for name, (target, read) in PRODUCTS.items():
        weight = tensors[f"{graph}.{name}.weight"].T.astype(np.float32) * tensors[f"{graph}.{name}.scale"][:, None]
        bias = tensors[f"{graph}.{name}.bias"]
        if read is not None:
            weight = weight * tensors[f"{graph}.{read}.factor"]
        if name == "up":
            weight, bias = weight[:-SPARE], bias[:-SPARE]
        if name == "down":
            weight = weight[:, :-SPARE]
        found |= {f"{model}.{target}.weight": weight, f"{model}.{target}.bias": bias}
    return found


def _both(tensors: Mapping[str, Floats], graph: str, model: str) -> dict[str, Floats]:
    return {f"{model}.{kind}": tensors[f"{graph}.{kind}"] for kind in ("weight", "bias")}
