"""Runs an exported model over texts in the service's segments: what calibration learns from.

The cut, and what stands before a segment, are the service's own; the scores are the graph's, which has no card yet.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.values import Part
from training.encoder.cuts import Reader
from training.encoder.tokens import MAX_TOKENS, Pieces, encode_all, feed, load_tokenizer
from training.sessions import cpu_session
from workbench.evaluation.segments import segments_of

Floats = NDArray[np.float32]
Logits = NDArray[np.floating[Any]]
BATCH_TOKENS = 2048
OUTPUTS = ("injection", "harmless", "toxicity", "topic")


@dataclasses.dataclass(frozen=True)
class Scored:
    """What one text got: arrays with one row for each of its segments, and the word pieces that each was read with."""

    injection: Floats
    harmless: Floats
    toxicity: Floats
    topic: Floats
    pieces: tuple[NDArray[np.int64], ...]


class ServedModel:
    """An ONNX model folder (`model.onnx`, `tokenizer.json`) that scores texts."""

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        self._session = cpu_session(folder / "model.onnx", threads=threads)
        self._tokenizer = load_tokenizer(folder / "tokenizer.json")

    def score(self, texts: Sequence[str], parts: Sequence[Part] = ()) -> list[Scored]:
        """Scores of every text, in order. `parts` says whose words each is; left out: a model's."""
        own = [segments_of(Reader(), *pair) for pair in zip(texts, parts or [Part.MODEL] * len(texts), strict=True)]
        read = encode_all(self._tokenizer, [segment.text for segments in own for segment in segments])
        answers = self._run(read)
        scored, at = [], 0
        for segments in own:
            scored.append(_joined(read[at : at + len(segments)], answers[at : at + len(segments)]))
            at += len(segments)
        return scored

    def _run(self, read: list[Pieces]) -> list[list[Floats]]:
        """Outputs of every segment; segments of like length share a batch."""
        answers: list[list[Floats]] = [[] for _ in read]
        order = sorted(range(len(read)), key=lambda place: len(read[place]))
        start = 0
        while start < len(order):
            end = min(len(order), start + max(1, BATCH_TOKENS // max(len(read[order[start]]) + 2, 8)))
            rows = [
                (read[place].ids[: MAX_TOKENS - 2], read[place].casing[: MAX_TOKENS - 2]) for place in order[start:end]
            ]
            outputs = self._session.run(list(OUTPUTS), feed(rows))
            for offset, place in enumerate(order[start:end]):
                answers[place] = [output[offset] for output in outputs]
            start = end
        return answers


def _joined(read: list[Pieces], answers: list[list[Floats]]) -> Scored:
    if not answers:
        empty = np.zeros((0, 1), dtype=np.float32)
        return Scored(empty, empty[:, 0], empty, empty, ())
    injection, harmless, toxicity, topic = (np.stack(rows) for rows in zip(*answers, strict=True))
    return Scored(injection, harmless[:, 0], toxicity, topic, tuple(pieces.ids for pieces in read))


def softmax(logits: Logits) -> Floats:
    """Softmax over the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True), dtype=np.float32)


def sigmoid(logits: Logits) -> Floats:
    """The logistic function."""
    return np.asarray(1.0 / (1.0 + np.exp(-logits)), dtype=np.float32)
