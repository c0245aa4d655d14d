"""The pair model: claims with pieces of evidence in, what it says of each pair out.

1. Claims and evidence become word pieces; those of the evidence are remembered, since passages are chosen again and
   again.
2. A pair is padded to a multiple of `_STEP` tokens and runs with pairs of that length alone, so that what the model
   says of it does not depend on the rest of its batch, to the last bit. One that comes twice is read once: a sentence
   that cites is often compared with the same passage twice.

Immutable and thread-safe. Which evidence to choose, and what follows from the answers, is `grounding`'s part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.base import DetectorError
from detectors.grounding.combiner import PairAnswer
from detectors.grounding.pairs import MAX_CLAIM_TOKENS, MAX_TOKENS, PAD, fits, pair_inputs
from detectors.grounding.passages import Evidence
from detectors.models.card import MODEL_NAME, TOKENIZER_NAME, Card, read_card, verify_files
from detectors.models.encoder import GOLDEN_TOLERANCE
from detectors.models.runtime import Runtime
from detectors.models.session import open_session
from detectors.models.tokenizer import Pieces, PieceTokenizer, load_tokenizer

if TYPE_CHECKING:
    from detectors.models.session import ModelSession

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

TASK = "pairs"
LABELS_OUTPUT, TOKENS_OUTPUT = "label_logits", "token_logits"

_STEP = 4
_BATCH_TOKENS = 4096
_REMEMBERED_TEXTS = 2048


class Pair(NamedTuple):
    """A claim, as word pieces, and a piece of evidence to compare it with."""

    claim: Pieces
    evidence: Evidence


class _Inputs(NamedTuple):
    """One row of a batch, before padding."""

    ids: list[int]
    types: list[int]


class PairModel:
    """A loaded pair model."""

    def __init__(self, card: Card, session: ModelSession, tokenizer: PieceTokenizer) -> None:
        self.card = card
        self._session = session
        self._tokenizer = tokenizer
        self._continues = tokenizer.continuations()
        self._pieces_of = lru_cache(maxsize=_REMEMBERED_TEXTS)(self._tokenise)

    def claim(self, text: str) -> Pieces:
        """A claim as word pieces."""
        return self._tokenizer.encode([text])[0]

    def fits(self, pair: Pair) -> bool:
        """Whether the model sees every word of both."""
        return fits(pair.claim.ids.tolist(), self._pieces_of(pair.evidence.text))

    def answers(self, pairs: Sequence[Pair]) -> list[PairAnswer]:
        """What the model says of each pair."""
        distinct = {_place(pair): pair for pair in pairs}
        read = dict(zip(distinct, self._read([self._inputs(pair) for pair in distinct.values()]), strict=True))
        return [_answer(pair, *read[_place(pair)]) for pair in pairs]

    def check_golden(self) -> None:
        """Raise `DetectorError` when a golden pair of the card does not get its scores."""
        for golden in self.card.golden:
            evidence = Evidence((), golden.pair, 0.0)
            labels, _ = self._run([self._inputs(Pair(self.claim(golden.text), evidence))])
            shares = np.exp(labels[0] - labels[0].max())
            shares /= shares.sum()
            for label, expected in golden.scores.items():
                actual = float(shares[self.card.heads[golden.head].labels.index(label)])
                if abs(actual - expected) > GOLDEN_TOLERANCE:
                    raise DetectorError(
                        f"model {self.card.identity} gives a golden pair {actual:.3f} for {label} instead of "
                        f"{expected:.3f}: the file or this build of ONNX Runtime is not right for it"
                    )

    def _tokenise(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer.encode([text])[0].ids.tolist())

    def _inputs(self, pair: Pair) -> _Inputs:
        evidence = self._pieces_of(pair.evidence.text)
        return _Inputs(*pair_inputs(pair.claim.ids.tolist(), evidence, continues=self._continues))

    def _read(self, inputs: Sequence[_Inputs]) -> list[tuple[Floats, Floats]]:
        """Of each row the logits of its labels and of its tokens."""
        read: dict[int, tuple[Floats, Floats]] = {}
        for numbers, length in _batches([len(each.ids) for each in inputs]):
            labels, tokens = self._run([inputs[number] for number in numbers], length)
            read |= {number: (labels[row], tokens[row]) for row, number in enumerate(numbers)}
        return [read[number] for number in range(len(inputs))]

    def _run(self, rows: Sequence[_Inputs], length: int = 0) -> tuple[Floats, Floats]:
        shape = (len(rows), length or _padded(len(rows[0].ids)))
        ids = np.full(shape, PAD, dtype=np.int64)
        mask, types = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for number, row in enumerate(rows):
            size = len(row.ids)
            ids[number, :size], mask[number, :size], types[number, :size] = row.ids, 1, row.types
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        labels, tokens = self._session.run([LABELS_OUTPUT, TOKENS_OUTPUT], inputs)
        return labels, tokens


def load_pair_model(folder: Path, runtime: Runtime | None = None) -> PairModel:
    """Load a model folder, check its files and its golden pairs. Raises `DetectorError`."""
    card = read_card(folder)
    if card.task != TASK:
        raise DetectorError(f"model {card.identity} reads {card.task}, not pairs; name a model for pairs")
    if card.max_tokens != MAX_TOKENS:
        raise DetectorError(f"model {card.identity} has max_tokens: {card.max_tokens}; pairs have up to {MAX_TOKENS}")
    verify_files(folder, card)
    session = open_session(folder / MODEL_NAME, runtime, is_bounded=card.bounded)
    model = PairModel(card, session, load_tokenizer(folder / TOKENIZER_NAME))
    model.check_golden()
    return model


def _batches(lengths: Sequence[int]) -> Iterator[tuple[list[int], int]]:
    """Pairs of one padded length together, a batch at a time: their numbers, and that length."""
    groups: dict[int, list[int]] = defaultdict(list)
    for number, length in enumerate(lengths):
        groups[_padded(length)].append(number)
    for length, numbers in sorted(groups.items()):
        size = max(1, _BATCH_TOKENS // length)
        for start in range(0, len(numbers), size):
            yield numbers[start : start + size], length


def _padded(length: int) -> int:
    return -(-length // _STEP) * _STEP


def _place(pair: Pair) -> tuple[bytes, str]:
    """The same for pairs of which the model says the same."""
    return pair.claim.ids.tobytes(), pair.evidence.text


def _answer(pair: Pair, labels: Floats, tokens: Floats) -> PairAnswer:
    supported, unsupported, contradicted = labels.tolist()
    size = min(len(pair.claim.ids), MAX_CLAIM_TOKENS)
    return PairAnswer((supported, unsupported, contradicted), tokens[1 : 1 + size].tolist(), pair.evidence.is_gathered)
