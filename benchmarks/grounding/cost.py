"""What a sentence costs as its context grows, beside reading all that was chosen for it, and the whole context.

Processor time of this process, one thread, so that a busy machine changes it little.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.grounding.buried import SIZES
from benchmarks.grounding.detector import Recorder
from benchmarks.grounding.quality import read_set
from detectors.context import context_of
from detectors.grounding.features import Compared
from detectors.grounding.index import facts_of, index_of
from detectors.grounding.model import Pair
from detectors.grounding.passages import Evidence, Passage, split_sentences, words
from training.grounding.buried import bury
from training.grounding.rows import Row

SET = "factscore"
WINDOW_WORDS = 110
"""What a pair can hold of a context beside a claim."""
MOST_READ_WHOLE = 20
"""Larger contexts are not read whole: it only takes longer, in proportion."""
_ANYWHERE = Passage(0, 0, 0, 0, 0)


def measure_cost(recorder: Recorder, data: Path, limit: int) -> list[dict[str, float | None]]:
    """For each size of the context the means over `limit` claims; documents are of about 2,000 characters."""
    rows = read_set(data, SET, 0)
    chosen = random.Random(4).sample(rows, min(limit, len(rows)))
    _one(recorder, chosen[0])  # the first run of a model is slower
    return [_mean([_one(recorder, row) for row in bury(chosen, passages=size, seed=3, among=rows)]) for size in SIZES]


def _one(recorder: Recorder, row: Row) -> dict[str, float | None]:
    clock, context = _Clock(), context_of(row.documents)
    index, facts = index_of(context), facts_of(context)
    index_ms = clock.lap()
    evidence = index.select(row.claim)
    Compared(row.claim, facts, evidence).features(index)
    words_ms = clock.lap()
    pairs, tokens = recorder.pairs, recorder.tokens
    recorder.checker.support(row.claim, context)
    served_ms, pairs, tokens = clock.lap(), recorder.pairs - pairs, recorder.tokens - tokens
    all_ms, all_tokens = _read(recorder, row.claim, evidence)
    is_read = len(row.documents) <= MOST_READ_WHOLE
    whole_ms, whole_tokens = _read(recorder, row.claim, list(_windows(row.documents))) if is_read else (None, None)
    return {
        "documents": len(row.documents), "index_ms": index_ms, "sentence_ms": served_ms, "words_ms": words_ms,
        "pairs": pairs, "tokens": tokens, "all_ms": all_ms + words_ms, "all_pairs": len(evidence),
        "all_tokens": all_tokens, "whole_ms": whole_ms, "whole_tokens": whole_tokens,
    }  # fmt: skip


def _read(recorder: Recorder, claim: str, evidence: Sequence[Evidence]) -> tuple[float, int]:
    """Milliseconds and tokens of the model on a claim beside each piece of evidence."""
    before, clock = recorder.tokens, _Clock()
    pieces = recorder.claim(claim)
    recorder.answers([Pair(pieces, each) for each in evidence])
    return clock.lap(), recorder.tokens - before


def _windows(documents: Sequence[str]) -> Iterator[Evidence]:
    """The whole context, cut at sentences into what a pair can hold."""
    for document in documents:
        window, size = "", 0
        for start, end in split_sentences(document):
            sentence = document[start:end]
            length = len(words(sentence))
            if window and size + length > WINDOW_WORDS:
                yield Evidence((_ANYWHERE,), window, 0.0)
                window, size = "", 0
            window, size = f"{window} {sentence}".strip(), size + length
        if window:
            yield Evidence((_ANYWHERE,), window, 0.0)


def _mean(rows: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    keys = rows[0]
    return {key: None if rows[0][key] is None else sum(row[key] for row in rows) / len(rows) for key in keys}


class _Clock:
    """Processor time between calls, in milliseconds."""

    def __init__(self) -> None:
        self._at = time.process_time()

    def lap(self) -> float:
        """Since the last call."""
        before, self._at = self._at, time.process_time()
        return 1e3 * (self._at - before)
