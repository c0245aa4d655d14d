"""Texts to model inputs: word pieces, casing ids, and the windows that a service would look at.

A window is what the model sees in one pass: a segment of at most `SEGMENT_TOKENS` word pieces, cut at a sentence end
where there is one, with at most `CONTEXT_TOKENS` pieces of the text before it. Training and evaluation use the same
cut, so the model is never asked at run time for what it was not trained on.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

MAX_TOKENS = 128
"""The model's window, with both marks."""
CLS, SEP = 101, 102
INPUTS = ("input_ids", "attention_mask", "token_type_ids", "casing_ids")
SEGMENT_TOKENS = 64
CONTEXT_TOKENS = 32
SENTENCE_TOKENS = 16
"""A segment may end at a sentence end once it has this many pieces."""

Ints = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Pieces:
    """A tokenised text without special tokens. All arrays have one entry for each word piece.

    `starts` and `ends` are code points of the text, `words` numbers the words (split at white space and punctuation).
    """

    text: str
    ids: Ints
    casing: Ints
    starts: Ints
    ends: Ints
    words: Ints

    def __len__(self) -> int:
        return len(self.ids)


def load_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer of a model folder, with its own truncation and padding switched off."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def casing_of(piece: str) -> int:
    """The casing id (index into `labels.CASINGS`) of the characters that one word piece covers in the original text."""
    if piece.isalpha():
        if piece.islower():
            return 1
        if piece.istitle():
            return 3
        if piece.isupper():
            return 2
        return 4 if piece.lower() != piece else 6
    return 5 if any(character.isdigit() for character in piece) else 6


def pieces_of(text: str, encoding: Encoding) -> Pieces:
    """Word pieces of one encoding that was made with `add_special_tokens=False`."""
    offsets = np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2)
    casing = [casing_of(text[start:end]) for start, end in encoding.offsets]
    return Pieces(
        text=text,
        ids=np.asarray(encoding.ids, dtype=np.int64),
        casing=np.asarray(casing, dtype=np.int64),
        starts=offsets[:, 0],
        ends=offsets[:, 1],
        words=np.asarray([-1 if word is None else word for word in encoding.word_ids], dtype=np.int64),
    )


def encode_all(tokenizer: Tokenizer, texts: list[str], batch: int = 2000) -> list[Pieces]:
    """`pieces_of` for many texts."""
    out: list[Pieces] = []
    for at in range(0, len(texts), batch):
        part = texts[at : at + batch]
        encodings = tokenizer.encode_batch(part, add_special_tokens=False)
        out += [pieces_of(text, encoding) for text, encoding in zip(part, encodings, strict=True)]
    return out


def windows(pieces: Pieces, *, context: int = CONTEXT_TOKENS) -> list[tuple[int, int, int]]:
    """The windows of a text as (first piece seen, first piece of the segment, end of the segment)."""
    cuts = _segment_ends(pieces)
    starts = [0, *cuts[:-1]]
    return [(max(0, start - context), start, end) for start, end in zip(starts, cuts, strict=True)]


def _segment_ends(pieces: Pieces) -> list[int]:
    total = len(pieces)
    if total <= SEGMENT_TOKENS:
        return [total] if total else []
    ends: list[int] = []
    start = 0
    while start < total:
        limit = min(start + SEGMENT_TOKENS, total)
        end = limit if limit == total else _last_boundary(pieces, start, limit)
        ends.append(end)
        start = end
    return ends


def _last_boundary(pieces: Pieces, start: int, limit: int) -> int:
    for end in range(limit, start + SENTENCE_TOKENS, -1):
        if _is_sentence_end(pieces, end):
            return end
    for end in range(limit, start + SENTENCE_TOKENS, -1):
        if pieces.words[end] != pieces.words[end - 1]:
            return end
    return limit


def _is_sentence_end(pieces: Pieces, end: int) -> bool:
    gap = pieces.text[pieces.ends[end - 1] : pieces.starts[end]]
    if "\n" in gap:
        return True
    return bool(gap) and pieces.text[pieces.ends[end - 1] - 1] in ".!?\u3002"


def feed(rows: list[tuple[NDArray[np.int64], NDArray[np.int64]]], *, width: int = 0) -> dict[str, NDArray[np.int64]]:
    """The inputs for rows of (piece ids, casing ids) without special tokens, padded to `width` or the longest row."""
    width = max(width, max(len(ids) for ids, _ in rows) + 2)
    input_ids, mask, casing = (np.zeros((len(rows), width), dtype=np.int64) for _ in range(3))
    for number, (ids, cases) in enumerate(rows):
        input_ids[number, : len(ids) + 2] = [CLS, *ids, SEP]
        mask[number, : len(ids) + 2] = 1
        casing[number, 1 : len(ids) + 1] = cases
    return dict(zip(INPUTS, (input_ids, mask, np.zeros_like(mask), casing), strict=True))
