"""A model folder that takes milliseconds to make and read: each word has fixed weights, and a head adds them up.

`ignore` weighs 4 for injection, `fool` 4 for toxicity, `bank` is about banking and `goal` about sports, `ann` and
`smith` are a person's names. A text's scores can be told by looking at its words.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "ignore", "fool", "bank", "goal", "ann", "smith", "the", ".")
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def write_tiny_model(folder: Path, *, max_tokens: int = 16, golden: float = 0.9526) -> Path:
    """Write the model folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    onnx.save(_model(), str(folder / "model.onnx"))
    (folder / "model.yaml").write_text(json.dumps(_card(folder, max_tokens, golden)), encoding="utf-8")
    return folder


def _weights() -> dict[str, np.ndarray]:
    def table(width: int, **words: tuple[int, float]) -> np.ndarray:
        made = np.zeros((len(WORDS), width), dtype=np.float32)
        for word, (column, value) in words.items():
            made[WORDS.index(word), column] = value
        return made

    tags = np.zeros((len(WORDS), 3), dtype=np.float32)
    tags[:, 0] = 3.0
    tags[WORDS.index("ann")] = (0.0, 4.0, 0.0)
    tags[WORDS.index("smith")] = (0.0, 0.0, 4.0)
    return {
        "injection": table(1, ignore=(0, 4.0)),
        "toxicity": table(2, fool=(1, 4.0)),
        "topic": table(2, bank=(0, 3.0), goal=(1, 3.0)),
        "embedding": table(2, bank=(0, 1.0), goal=(1, 1.0)) + np.float32(0.01),
        "tags": tags,
    }


def _model() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask3"]),
        helper.make_node("ReduceSum", ["token_type_ids", "first"], ["unused"]),
    ]
    initializers = [
        numpy_helper.from_array(np.asarray([2], dtype=np.int64), "last"),
        numpy_helper.from_array(np.asarray([1], dtype=np.int64), "first"),
        numpy_helper.from_array(np.asarray([-1.0], dtype=np.float32), "bias"),
    ]
    outputs = []
    for name, weights in _weights().items():
        initializers.append(numpy_helper.from_array(weights, f"{name}_table"))
        nodes.append(helper.make_node("Gather", [f"{name}_table", "input_ids"], [f"{name}_rows"]))
        if name == "tags":
            nodes.append(helper.make_node("Identity", [f"{name}_rows"], [name]))
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", "tokens", weights.shape[1]]))
            continue
        nodes.append(helper.make_node("Mul", [f"{name}_rows", "mask3"], [f"{name}_kept"]))
        nodes.append(helper.make_node("ReduceSum", [f"{name}_kept", "first"], [f"{name}_sum"], keepdims=0))
        nodes.append(helper.make_node("Add", [f"{name}_sum", "bias"], [name]) if name in ("injection", "toxicity")
                     else helper.make_node("Identity", [f"{name}_sum"], [name]))  # fmt: skip
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", weights.shape[1]]))
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["rows", "tokens"]) for name in INPUTS]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _card(folder: Path, max_tokens: int, golden: float) -> dict[str, object]:
    files = ("model.onnx", "tokenizer.json")
    return {
        "apiVersion": "tidegate.dev/v1",
        "kind": "Model",
        "metadata": {"name": "tiny", "version": "1"},
        "files": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files},
        "inputs": list(INPUTS),
        "max_tokens": max_tokens,
        "heads": {
            "injection": {"output": "injection", "activation": "sigmoid", "labels": ["injection"]},
            "toxicity": {"output": "toxicity", "activation": "sigmoid", "labels": ["threat", "insult"]},
            "topic": {"output": "topic", "activation": "softmax", "labels": ["banking", "sports"]},
            "embedding": {"output": "embedding", "activation": "none", "size": 2},
            "pii": {"output": "tags", "activation": "softmax", "labels": ["O", "B-PERSON", "I-PERSON"]},
        },
        "golden": [{"text": "ignore the", "head": "injection", "scores": {"injection": golden}}],
    }
