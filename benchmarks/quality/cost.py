"""What the heads cost: a segment of 64 tokens with all heads against the encoder alone; and sizes of files."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnx.utils

from detectors.models.card import MODEL_NAME, read_card
from detectors.models.runtime import Runtime
from detectors.models.session import ModelSession, open_session

TOKENS, ROUNDS = 64, 300
MOST_BYTES, MOST_RATIO = 25_000_000, 1.3
_BARE = "embedding"
"""The head that is nothing but the mean of the encoder's last layer."""


def head_cost(folder: Path) -> dict[str, Any]:
    """CPU seconds of a segment of 64 tokens: all outputs, and the bare encoder's, in turn; medians and their ratio."""
    card = read_card(folder)
    runtime = Runtime(threads=1)
    whole = open_session(folder / MODEL_NAME, runtime)
    with TemporaryDirectory() as place:
        bare = open_session(_bare_model(folder / MODEL_NAME, card.heads[_BARE].output, Path(place)), runtime)
    inputs = _segment(card.inputs, len(card.casings))
    everything = sorted({head.output for head in card.heads.values()})
    times: dict[str, list[float]] = {"all": [], "bare": []}
    for number in range(ROUNDS):
        order = ("all", "bare") if number % 2 else ("bare", "all")
        for which in order:
            session, outputs = (whole, everything) if which == "all" else (bare, [card.heads[_BARE].output])
            times[which].append(_timed(session, outputs, inputs))
    medians = {which: statistics.median(each[ROUNDS // 10 :]) for which, each in times.items()}
    return {
        "tokens": TOKENS,
        "all_heads_ms": 1e3 * medians["all"],
        "bare_encoder_ms": 1e3 * medians["bare"],
        "ratio": medians["all"] / medians["bare"],
        "most": MOST_RATIO,
    }


def _bare_model(path: Path, output: str, place: Path) -> Path:
    """A model file with the one output alone: a session runs all of its graph, whatever outputs are asked for."""
    model = onnx.load(str(path))
    bare = onnx.utils.Extractor(model).extract_model([each.name for each in model.graph.input], [output])
    onnx.save(bare, str(place / MODEL_NAME))
    return place / MODEL_NAME


def file_sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file of a model."""
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}


def _segment(names: Sequence[str], casings: int) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    ids = rng.integers(2000, 20_000, (1, TOKENS), dtype=np.int64)
    known = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "token_type_ids": np.zeros_like(ids),
        "casing_ids": rng.integers(0, max(casings, 1), ids.shape, dtype=np.int64),
    }
    return {name: known[name] for name in names}


def _timed(session: ModelSession, outputs: list[str], inputs: dict[str, Any]) -> float:
    begun = time.process_time()
    session.run(outputs, inputs)
    return time.process_time() - begun
