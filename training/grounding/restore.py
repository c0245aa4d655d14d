"""The weights of the shipped int8 model, to train on from: `--start models_onnx/tidegate-grounding/model.onnx`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.graph import Floats
from training.restore import Tensors, both, dense, layers_of, plain, tensors_of, words_of

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
    tensors = tensors_of(path)
    prefix = "encoder.embeddings"
    found = {
        f"{prefix}.word_embeddings.weight": words_of(tensors),
        f"{prefix}.position_embeddings.weight": tensors["positions.table"].astype(np.float32),
        f"{prefix}.token_type_embeddings.weight": np.array(tensors["token_type_ids.table"]),
        **both(f"{prefix}.LayerNorm", plain(tensors, "embeddings")),
    }
    for head in HEADS:
        found |= both(head, plain(tensors, head))
    for number, layer in enumerate(layers_of(tensors)):
        found |= _layer(tensors, layer, f"encoder.encoder.layer.{number}")
    return found


def _layer(tensors: Tensors, graph: str, model: str) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for name, target in NORMS.items():
        found |= both(f"{model}.{target}", plain(tensors, f"{graph}.{name}"))
    for name, (target, read) in PRODUCTS.items():
        narrowed = None if read is None else f"{graph}.{read}"
        found |= both(f"{model}.{target}", dense(tensors, f"{graph}.{name}", read=narrowed))
    return found
