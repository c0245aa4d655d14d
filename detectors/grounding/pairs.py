"""What the grounding pair model reads: a claim and a piece of evidence as token ids and types.

    [CLS] claim [SEP] evidence [SEP]

Beside the ids the model gets four token types, which say where a piece stands and whether its *whole word* also occurs
on the other side: 0 claim, 1 claim and in the evidence, 2 evidence, 3 evidence and in the claim. A small model spends
no layer on finding exact matches, and a changed digit shows at once. Training and serving both call this module.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_TOKENS = 224
MAX_CLAIM_TOKENS = 96
CLS, SEP, PAD = 101, 102, 0

CLAIM, CLAIM_MATCHED, EVIDENCE, EVIDENCE_MATCHED = 0, 1, 2, 3


def pair_inputs(
    claim: Sequence[int], evidence: Sequence[int], *, continues: Sequence[bool]
) -> tuple[list[int], list[int]]:
    """Return `(input_ids, token_type_ids)` of one pair, at most `MAX_TOKENS` long.

    `claim` and `evidence` are token ids without special tokens; what does not fit is cut from their ends (callers
    report it: `fits`). `continues[id]` says that a vocabulary entry goes on with the word of the piece before it
    (`##ing`).
    """
    claim = claim[:MAX_CLAIM_TOKENS]
    evidence = evidence[: MAX_TOKENS - 3 - len(claim)]
    claim_words, evidence_words = _word_pieces(claim, continues), _word_pieces(evidence, continues)
    in_claim, in_evidence = set(claim_words), set(evidence_words)
    types = [CLAIM]
    for word in claim_words:
        types += [CLAIM_MATCHED if word in in_evidence else CLAIM] * len(word)
    types.append(CLAIM)
    for word in evidence_words:
        types += [EVIDENCE_MATCHED if word in in_claim else EVIDENCE] * len(word)
    types.append(EVIDENCE)
    return [CLS, *claim, SEP, *evidence, SEP], types


def fits(claim: Sequence[int], evidence: Sequence[int]) -> bool:
    """Whether the model sees every token of both."""
    return len(claim) <= MAX_CLAIM_TOKENS and len(claim) + len(evidence) <= MAX_TOKENS - 3


def _word_pieces(ids: Sequence[int], continues: Sequence[bool]) -> list[tuple[int, ...]]:
    words: list[tuple[int, ...]] = []
    start = 0
    for place in range(1, len(ids) + 1):
        if place == len(ids) or not continues[ids[place]]:
            words.append(tuple(ids[start:place]))
            start = place
    return words
