"""Rows as model inputs: passages chosen as the service chooses them, tokenised once, cached.

Each row becomes up to four *views*: the claim with one choice of evidence each. An epoch shows one view of a row. A
supported claim is shown only with evidence that holds about all of its words that the whole context holds; an
unsupported one with any, since no part of the context supports it.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from detectors.grounding.pairs import MAX_CLAIM_TOKENS, pair_inputs
from detectors.grounding.passages import Evidence, PassageIndex, content_words, split_sentences
from training.grounding.rows import Row

LABELS = ("supported", "unsupported", "contradicted")
UNKNOWN = -100
MAX_VIEWS = 4
KEEP_RECALL = 0.85


@dataclass(slots=True)
class Example:
    """One row, ready to train on; `label` is an index into LABELS, or 3 for "unsupported or contradicted"."""

    source: str
    label: int
    views: list[tuple[np.ndarray, np.ndarray]]
    token_labels: np.ndarray | None


NOT_SUPPORTED = 3
_TELLS_APART = ("snli", "mnli", "fm2", "fever", "climate", "anli")


def label_index(row: Row) -> int:
    """Return the class of a row; where a source never says "contradicted", the union of the unsupported classes."""
    if row.is_supported:
        return 0
    if row.label == "contradicted":
        return 2
    return 1 if row.source.startswith(_TELLS_APART) else NOT_SUPPORTED


def load_tokenizer(path: Path) -> Tokenizer:
    """Load a tokenizer without its own truncation and padding."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def continuation_table(tokenizer: Tokenizer) -> list[bool]:
    """Return, for each vocabulary id, whether it continues the word of the piece before it."""
    table = [False] * tokenizer.get_vocab_size()
    for piece, number in tokenizer.get_vocab().items():
        table[number] = piece.startswith("##")
    return table


class PairEncoder:
    """Makes examples of rows; one per process."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Keep the tokenizer and its continuation table."""
        self.tokenizer = tokenizer
        self.continues = continuation_table(tokenizer)

    def example(self, row: Row) -> Example | None:
        """Return the example of a row, or None where its evidence was lost in selecting passages."""
        index = PassageIndex(row.documents)
        chosen = training_views(row, index)
        if not chosen:
            return None
        claim = self.tokenizer.encode(row.claim, add_special_tokens=False)
        bodies = self.tokenizer.encode_batch_fast([evidence.text for evidence in chosen], add_special_tokens=False)
        views = [self.inputs(claim.ids, body.ids) for body in bodies]
        return Example(row.source, label_index(row), views, token_labels(row, claim.offsets))

    def inputs(self, claim: Sequence[int], evidence: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return the token ids and token types of one pair."""
        ids, types = pair_inputs(claim, evidence, continues=self.continues)
        return np.array(ids, dtype=np.int32), np.array(types, dtype=np.int8)


def training_views(row: Row, index: PassageIndex) -> list[Evidence]:
    """Return the evidence a row may be shown with, best first."""
    evidence = sorted(index.select(row.claim), key=lambda e: -e.recall)
    if not evidence:
        return []
    best = evidence[0].recall
    if row.is_supported:
        if best < 0.6 * index.recall(content_words(row.claim)):
            return []
        evidence = [e for e in evidence if e.recall >= KEEP_RECALL * best]
    return evidence[:MAX_VIEWS]


def token_labels(row: Row, offsets: Sequence[tuple[int, int]]) -> np.ndarray | None:
    """Return 1 for claim tokens inside an unsupported span, 0 outside, or None where the spans are unknown."""
    if row.is_supported:
        return np.zeros(min(len(offsets), MAX_CLAIM_TOKENS), dtype=np.int8)
    if not row.spans:
        return None
    inside = [any(start < b and a < end for a, b in row.spans) for start, end in offsets[:MAX_CLAIM_TOKENS]]
    return np.array(inside, dtype=np.int8)


def one_sentence_rows(row: Row) -> Iterator[Row]:
    """Yield what a row says about single sentences, which is what the service asks.

    A supported text supports each of its sentences; of an unsupported one only the sentences of its spans are known
    to be unsupported, and without spans nothing is known. SummEdits is split already, where it can be (`edits.py`).
    """
    sentences = split_sentences(row.claim)
    if len(sentences) <= 1 or row.source.startswith(
        ("summedits", "halueval", "hard:", "syn_pair:tail", "syn_passage:tail")
    ):
        yield row
        return
    for start, end in sentences:
        claim = row.claim[start:end]
        if row.is_supported:
            yield Row(row.documents, claim, row.label, None, row.source)
        elif row.spans:
            spans = tuple((max(a, start) - start, min(b, end) - start) for a, b in row.spans if a < end and start < b)
            yield Row(row.documents, claim, row.label if spans else "supported", spans or None, row.source)
        elif row.source.startswith(("begin", "fm2", "snli", "mnli", "scitail", "fever")):
            yield row
            return


def encode_rows(rows: Sequence[Row], encoder: PairEncoder, *, cache: Path, key: str) -> list[Example]:
    """Return the examples of `rows`, from `cache` if it was made with the same `key` and number of rows."""
    digest = hashlib.sha256(f"{key}:{len(rows)}".encode()).hexdigest()[:16]
    file = cache / f"examples-{digest}.pickle"
    if file.exists():
        return pickle.loads(file.read_bytes())  # noqa: S301 - our own cache, made a moment ago
    made = (encoder.example(single) for row in rows for single in one_sentence_rows(row))
    examples = [example for example in made if example is not None]
    cache.mkdir(parents=True, exist_ok=True)
    file.write_bytes(pickle.dumps(examples, protocol=5))
    return examples
