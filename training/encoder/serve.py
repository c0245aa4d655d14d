"""Runs an exported model over texts the way a service does: windows, maximum over windows, tags joined to entities.

Used by calibration and evaluation; a stand-in for the run-time detector, with the same pooling rules.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from training.encoder.export import feed
from training.encoder.labels import ENTITIES, TAGS
from training.encoder.tokens import Pieces, encode_all, load_tokenizer, windows

Floats = NDArray[np.float32]
BATCH_TOKENS = 2048


@dataclasses.dataclass(frozen=True)
class Scored:
    """What one text got. Window arrays have one row for each window; `entities` are (start, end, label, score)."""

    injection: Floats
    toxicity: Floats
    topic: Floats
    embedding: Floats
    entities: tuple[tuple[int, int, str, float], ...]
    windows: tuple[NDArray[np.int64], ...]


class ServedModel:
    """An ONNX model folder (`model.onnx`, `tokenizer.json`) that scores texts."""

    def __init__(self, folder: Path, *, file: str = "model.onnx", threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(str(folder / file), options, providers=["CPUExecutionProvider"])
        self._tokenizer = load_tokenizer(folder / "tokenizer.json")

    def score(self, texts: list[str]) -> list[Scored]:
        """Scores of every text, in order."""
        pieces = encode_all(self._tokenizer, texts)
        jobs = [(number, window) for number, text in enumerate(pieces) for window in windows(text)]
        answers = self._run(pieces, jobs)
        grouped: list[list[int]] = [[] for _ in texts]
        for place, (number, _) in enumerate(jobs):
            grouped[number].append(place)
        return [
            self._joined(pieces[number], [(jobs[place][1], answers[place]) for place in places])
            for number, places in enumerate(grouped)
        ]

    def _run(self, pieces: list[Pieces], jobs: list[tuple[int, tuple[int, int, int]]]) -> list[tuple[Floats, ...]]:
        """Outputs of every window; windows of like length share a batch."""
        answers: list[tuple[Floats, ...]] = [()] * len(jobs)
        order = sorted(range(len(jobs)), key=lambda place: jobs[place][1][2] - jobs[place][1][0])
        start = 0
        while start < len(order):
            length = jobs[order[start]][1][2] - jobs[order[start]][1][0] + 2
            end = min(len(order), start + max(1, BATCH_TOKENS // max(length, 8)))
            rows = []
            for place in order[start:end]:
                number, (first, _, last) = jobs[place]
                rows.append((pieces[number].ids[first:last], pieces[number].casing[first:last]))
            outputs = self._session.run(None, feed(rows))
            for offset, place in enumerate(order[start:end]):
                answers[place] = tuple(output[offset] for output in outputs)
            start = end
        return answers

    @staticmethod
    def _joined(pieces: Pieces, parts: list[tuple[tuple[int, int, int], tuple[Floats, ...]]]) -> Scored:
        if not parts:
            empty = np.zeros((0, 1), dtype=np.float32)
            return Scored(empty, empty, empty, empty, (), ())
        tags = np.concatenate([answer[4][1 + seen - first : 1 + end - first] for (first, seen, end), answer in parts])
        return Scored(
            injection=np.stack([answer[0] for _, answer in parts])[:, 0],
            toxicity=np.stack([answer[1] for _, answer in parts]),
            topic=np.stack([answer[2] for _, answer in parts]),
            embedding=np.stack([answer[3] for _, answer in parts]),
            entities=tuple(entities(pieces, softmax(tags))),
            windows=tuple(pieces.ids[first:end] for (first, _, end), _ in parts),
        )


def softmax(logits: Floats) -> Floats:
    """Softmax over the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True), dtype=np.float32)


def sigmoid(logits: Floats) -> Floats:
    """The logistic function."""
    return np.asarray(1.0 / (1.0 + np.exp(-logits)), dtype=np.float32)


def entities(pieces: Pieces, tags: Floats) -> list[tuple[int, int, str, float]]:
    """Entities from tag probabilities (one row for each piece): the first piece of a word speaks for it.

    A word belongs to the label with the largest B plus I probability, if that beats O. It begins a new entity when the
    label changes, or when B beats I and more than punctuation-free white space may lie between.
    """
    first = np.flatnonzero(np.concatenate([[True], pieces.words[1:] != pieces.words[:-1]]))
    last = np.concatenate([first[1:], [len(pieces)]]) - 1
    found: list[tuple[int, int, str, list[float]]] = []
    previous = -1
    for number, (begin, end) in enumerate(zip(first, last, strict=True)):
        probability = tags[begin]
        sums = probability[1::2] + probability[2::2]
        best = int(sums.argmax())
        if sums[best] <= probability[0]:
            continue
        label, score = ENTITIES[best], float(sums[best])
        starts, ends = int(pieces.starts[begin]), int(pieces.ends[end])
        begins = probability[TAGS.index(f"B-{label}")] > probability[TAGS.index(f"I-{label}")]
        if found and previous == number - 1 and found[-1][2] == label and not begins:
            start, _, _, scores = found[-1]
            found[-1] = (start, ends, label, [*scores, score])
        else:
            found.append((starts, ends, label, [score]))
        previous = number
    return [(start, end, label, float(np.mean(scores))) for start, end, label, scores in found]
