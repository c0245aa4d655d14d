"""How well supported answers are told from the rest."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.grounding.detector import Recorder
from detectors.context import Context, context_of
from detectors.grounding.neutral import is_neutral
from detectors.grounding.passages import split_sentences, words
from training.grounding.rows import Row, read_split
from workbench.evaluation.metrics import auc

LIMITS = {
    "dev": (0.84, 0.88), "snli": (0.94, 0.96), "mnli": (0.84, 0.90), "fm2": (0.70, 0.80),
    "fever_symmetric": (0.78, 0.85),
    "climate_fever": (0.75, 0.82), "wice_claim_dev": (0.80, 0.85), "begin": (0.94, 0.96), "factscore": (0.83, 0.87),
    "summedits": (0.66, 0.72), "anli": (0.0, 0.0),
}  # fmt: skip
"""For each set the area that must be reached, and the one that is aimed at; 0 where none is promised."""


def read_set(data: Path, name: str, limit: int) -> list[Row]:
    """The rows of a set, or `limit` of them drawn at random; of dev those that people labelled."""
    rows = read_split(data, name if name == "dev" else f"test_{name}")
    rows = [row for row in rows if row.is_human]
    return random.Random(2).sample(rows, limit) if 0 < limit < len(rows) else rows


def measure_quality(recorder: Recorder, data: Path, name: str, limit: int) -> dict[str, Any]:
    """The figures of one set."""
    rows = read_set(data, name, limit)
    must, aim = LIMITS.get(name, (0.0, 0.0))
    return {**score(recorder, rows), "must": must, "aim": aim}


def score(recorder: Recorder, rows: Sequence[Row], *, sentences: bool = True) -> dict[str, Any]:
    """The areas of word overlap, of the pair model alone and of the detector, and what a claim took.

    `auc` judges a claim as one; `least_auc`, unless `sentences` is false, as its least supported sentence.
    """
    asked_before, pairs, tokens = recorder.claims, recorder.pairs, recorder.tokens
    contexts = [context_of(row.documents) for row in rows]
    served, alone = [], []
    for row, context in zip(rows, contexts, strict=True):
        recorder.take()
        served.append(recorder.checker.support(row.claim, context))
        alone.append(recorder.take())
    asked = max(recorder.claims - asked_before, 1)
    truth = np.array([row.is_supported for row in rows])
    figures = {
        "rows": len(rows),
        "overlap": auc(np.array([overlap(row) for row in rows]), truth),
        "model": auc(np.array(alone), truth),
        "auc": auc(np.array(served), truth),
        "pairs": (recorder.pairs - pairs) / asked,
        "tokens": (recorder.tokens - tokens) / asked,
    }
    if sentences:
        least = [_least(recorder, *each) for each in zip(rows, contexts, served, strict=True)]
        figures["least_auc"] = auc(np.array(least), truth)
    return figures


def overlap(row: Row) -> float:
    """The share of the claim's words that occur in its context."""
    known = {word.lower() for document in row.documents for word, _, _ in words(document)}
    own = [word.lower() for word, _, _ in words(row.claim)]
    return sum(word in known for word in own) / max(len(own), 1)


def _least(recorder: Recorder, row: Row, context: Context, as_one: float) -> float:
    """The support of the claim's least supported sentence; of a single sentence, that of the claim."""
    sentences = [row.claim[start:end] for start, end in split_sentences(row.claim)]
    own = [sentence for sentence in sentences if not is_neutral(sentence)]
    return as_one if len(own) <= 1 else min(recorder.checker.support(sentence, context) for sentence in own)
