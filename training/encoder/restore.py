"""The weights of the shipped int8 encoder, to train on from: `train --start models_onnx/tidegate-encoder/model.onnx`.

Injection and toxicity are one head in the graph and two in the model (`export.py`). A head of injection with fewer
outputs than the model has today is taken as its first: the other outputs begin as what the model begins them with.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.encoder.labels import TOXICITY
from training.encoder.scripts import UNUSED_IDS
from training.graph import Floats
from training.restore import Tensors, both, dense, layers_of, plain, tensors_of, words_of


def restored(path: Path, *, topic_scale: float) -> dict[str, Floats]:
    """The weights of the int8 model at `path` by the names of `TidegateEncoder.state_dict()`.

    Positions are as many as the model reads, and outputs of the injection head as many as it has.
    """
    tensors = tensors_of(path)
    found = {
        "embeddings.word.weight": words_of(tensors),
        "embeddings.position.weight": tensors["positions.table"].astype(np.float32),
        "embeddings.token_type.weight": np.array(tensors["token_type_ids.table"]),
        "embeddings.casing.weight": np.array(tensors["casing_ids.table"]),
        **both("embeddings.norm", plain(tensors, "embeddings")),
        "prototypes": np.array(tensors["topic.prototypes"].T / topic_scale, order="C"),
        **both("tag_hidden", dense(tensors, "tags.hidden", read="tags.hidden")),
        **both("tag_out", plain(tensors, "tags.out")),
        **_pooled(tensors),
    }
    for number, layer in enumerate(layers_of(tensors)):
        found |= _layer(tensors, layer, f"layers.{number}")
    return found


def restored_letters(words: Floats, base: Floats) -> Floats:
    """What a model's word embeddings have learnt of the letters (`scripts.py`), beside the base's: a row each."""
    unused = list(UNUSED_IDS)
    return np.asarray(words[unused] - base[unused])


def restored_wide(path: Path) -> tuple[Floats, Floats]:
    """Weights (features, labels) and biases (labels) of the n-gram branch, by the labels of `wide.LABELS`.

    A model that had one label of injection lends its column to both.
    """
    tensors = tensors_of(path)
    weights = tensors["wide.table"].astype(np.float32) * np.diag(tensors["wide.logits.weight"])
    bias = tensors["wide.logits.bias"]
    if len(bias) == 1 + len(TOXICITY):
        weights, bias = np.concatenate([weights[:, :1], weights], axis=1), np.concatenate([bias[:1], bias])
    return weights, np.array(bias)


def restored_topic(path: Path) -> tuple[Floats, Floats, Floats]:
    """Vectors (buckets, size), weight (topics, size) and bias (topics) of the topics' n-gram branch."""
    tensors = tensors_of(path)
    weight, bias = plain(tensors, "topic.wide.logits")
    return tensors["topic.wide.table"].astype(np.float32), np.array(weight), np.array(bias)


def _pooled(tensors: Tensors) -> dict[str, Floats]:
    """The heads of injection and toxicity, which the graph has as one."""
    hidden, hidden_bias = dense(tensors, "pooled.hidden", read="pooled.hidden")
    out, out_bias = plain(tensors, "labels.deep")
    injection, width = len(out_bias) - len(TOXICITY), len(hidden_bias) // 2
    parts = {
        "injection": (slice(0, width), slice(0, injection)),
        "toxicity": (slice(width, None), slice(injection, None)),
    }
    found: dict[str, Floats] = {}
    for head, (inner, outer) in parts.items():
        found |= both(f"{head}.hidden", (hidden[inner], hidden_bias[inner]))
        found |= both(f"{head}.out", (out[outer, inner], out_bias[outer]))
    return found


def _layer(tensors: Tensors, graph: str, model: str) -> dict[str, Floats]:
    read = [dense(tensors, f"{graph}.{name}", read=f"{graph}.read") for name in ("query", "key", "value")]
    weights, biases = zip(*read, strict=True)
    return {
        **both(f"{model}.qkv", (np.concatenate(weights), np.concatenate(biases))),
        **both(f"{model}.attention_out", dense(tensors, f"{graph}.attended")),
        **both(f"{model}.attention_norm", plain(tensors, f"{graph}.norm1")),
        **both(f"{model}.up", dense(tensors, f"{graph}.up", read=f"{graph}.up")),
        **both(f"{model}.down", dense(tensors, f"{graph}.down")),
        **both(f"{model}.out_norm", plain(tensors, f"{graph}.norm2")),
    }
