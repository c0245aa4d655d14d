"""Score rows as the service does: passages chosen, pairs run in batches, answers turned into combiner features."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np

from detectors.grounding.combiner import PairAnswer, model_features
from detectors.grounding.facts import ContextFacts
from detectors.grounding.features import lexical_features
from detectors.grounding.pairs import MAX_CLAIM_TOKENS
from detectors.grounding.passages import PassageIndex, content_words
from training.grounding.pairs import PairEncoder
from training.grounding.rows import Row

PairRunner = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""`(input_ids, attention_mask, token_type_ids)` to `(label_logits [batch, 3], token_logits [batch, length])`."""

TOKEN_BUDGET = 4096


@dataclass(slots=True)
class Prepared:
    """One row with everything a model needs, and the exact features; `overlap` is the plain baseline."""

    source: str
    label: str
    is_human: bool
    lexical: list[float]
    overlap: tuple[float, ...]
    pairs: list[tuple[np.ndarray, np.ndarray]]
    is_gathered: list[bool]
    claim_tokens: int


def prepare(row: Row, encoder: PairEncoder) -> Prepared:
    """Choose evidence for a row and encode its pairs."""
    index, facts = PassageIndex(row.documents), ContextFacts(row.documents)
    evidence = index.select(row.claim)
    claim = encoder.tokenizer.encode(row.claim, add_special_tokens=False).ids
    bodies = encoder.tokenizer.encode_batch_fast([one.text for one in evidence], add_special_tokens=False)
    return Prepared(
        row.source, row.label, row.is_human,
        lexical_features(row.claim, index, facts, evidence),
        plain_overlap(row),
        [encoder.inputs(claim, body.ids) for body in bodies],
        [one.is_gathered for one in evidence],
        min(len(claim), MAX_CLAIM_TOKENS),
    )  # fmt: skip


def plain_overlap(row: Row) -> tuple[float, ...]:
    """Return the baseline: shares of claim words, content words and bigrams found in the whole context, and lengths."""
    context, claim = " ".join(row.documents).lower().split(), row.claim.lower().split()
    known = {word.strip(".,;:!?\"'()") for word in context}
    plain = [word.strip(".,;:!?\"'()") for word in claim]
    content_known, content = set(content_words(" ".join(context))), content_words(" ".join(claim))
    stripped = [word.strip(".,;:!?\"'()") for word in context]
    pairs = set(pairwise(stripped))
    bigrams = list(pairwise(plain))
    return (
        sum(word in known for word in plain) / max(len(plain), 1),
        sum(word in content_known for word in content) / max(len(content), 1),
        sum(pair in pairs for pair in bigrams) / max(len(bigrams), 1),
        float(np.log1p(len(plain))),
        float(np.log1p(len(context))),
    )


def prepare_rows(rows: Sequence[Row], encoder: PairEncoder, *, cache: Path, key: str) -> list[Prepared]:
    """Prepare rows, from `cache` where the same `key` and code version made them before."""
    version = hashlib.sha256()
    for module in ("passages", "stated", "facts", "wording", "features", "pairs"):
        version.update((Path(__file__).parents[2] / "detectors" / "grounding" / f"{module}.py").read_bytes())
    file = cache / f"prepared-{key}-{len(rows)}-{version.hexdigest()[:12]}.pickle"
    if file.exists():
        return pickle.loads(file.read_bytes())  # noqa: S301 - a cache that this script made
    prepared = [prepare(row, encoder) for row in rows]
    cache.mkdir(parents=True, exist_ok=True)
    file.write_bytes(pickle.dumps(prepared, protocol=5))
    return prepared


def run_pairs(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]], runner: PairRunner
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Run all pairs in batches of similar length; return label logits `[pairs, 3]` and each pair's token logits."""
    labels = np.zeros((len(pairs), 3), dtype=np.float32)
    tokens: list[np.ndarray] = [np.zeros(0)] * len(pairs)
    for batch in _batches([len(ids) for ids, _ in pairs]):
        label_logits, token_logits = runner(*pad([pairs[number] for number in batch]))
        for place, number in enumerate(batch):
            labels[number] = label_logits[place]
            tokens[number] = token_logits[place, : len(pairs[number][0])]
    return labels, tokens


def pad(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return padded int64 ids, attention mask and token types."""
    shape = (len(pairs), max(len(ids) for ids, _ in pairs))
    ids, mask, types = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    for row, (tokens, kinds) in enumerate(pairs):
        ids[row, : len(tokens)], mask[row, : len(tokens)], types[row, : len(tokens)] = tokens, 1, kinds
    return ids, mask, types


def score(prepared: Sequence[Prepared], runner: PairRunner) -> np.ndarray:
    """Return the model features `[rows, features]` of prepared rows."""
    labels, tokens = run_pairs([pair for row in prepared for pair in row.pairs], runner)
    features, at = [], 0
    for row in prepared:
        answers = [
            PairAnswer(
                cast("tuple[float, float, float]", tuple(map(float, labels[at + n]))),
                tokens[at + n][1 : 1 + row.claim_tokens].tolist(),
                row.is_gathered[n],
            )
            for n in range(len(row.pairs))
        ]
        at += len(row.pairs)
        features.append(model_features(answers))
    return np.array(features)


def score_cached(prepared: Sequence[Prepared], runner: PairRunner, *, cache: Path, key: str) -> np.ndarray:
    """Return `score(prepared, runner)`, from `cache` where the same `key` (which names the model) made it before."""
    digest = hashlib.sha256(f"{key}:{len(prepared)}".encode())
    for row in prepared:
        digest.update(b"".join(ids.tobytes() for ids, _ in row.pairs))
    file = cache / f"scores-{digest.hexdigest()[:16]}.npy"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(file, score(prepared, runner))
    return np.load(file)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[number] > TOKEN_BUDGET:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch
