"""Texts to word pieces, with where each piece stands in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from detectors.base import DetectorError

_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a surrogate pair is no text to the tokenizer; its stand-in has the same length, so offsets stay."""

Ints = NDArray[np.int64]


class Pieces(msgspec.Struct, frozen=True):
    """A tokenised text without special tokens: one entry for each word piece.

    `starts` and `ends` are code points of the text; `words` numbers the words, from 0.
    """

    ids: Ints
    starts: Ints
    ends: Ints
    words: Ints


class PieceTokenizer:
    """A model's tokenizer. Truncation and padding are off: nothing is cut silently."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._knows_spaces_only = "Metaspace(" in str(tokenizer.pre_tokenizer)

    def special(self, *names: str) -> int:
        """The id of the first of `names` that the vocabulary has. Raises `DetectorError` when it has none."""
        for name in names:
            found = self._tokenizer.token_to_id(name)
            if found is not None:
                return int(found)
        raise DetectorError(f"the tokenizer has none of the special tokens {', '.join(names)}")

    def continuations(self) -> list[bool]:
        """For each entry of the vocabulary, whether it goes on with the word of the piece before it (`##ing`)."""
        table = [False] * int(self._tokenizer.get_vocab_size())
        for piece, number in self._tokenizer.get_vocab().items():
            table[number] = piece.startswith("##")
        return table

    def encode(self, texts: Sequence[str]) -> list[Pieces]:
        """The word pieces of each text."""
        readable = [_SURROGATE.sub("\ufffd", text) for text in texts]
        # One by one: `encode_batch` hands each text to a thread of its own pool, which costs more than it gains.
        pieces = [_pieces(self._tokenizer.encode(each, add_special_tokens=False)) for each in readable]
        return list(map(_parted, readable, pieces)) if self._knows_spaces_only else pieces


def _pieces(encoding: Encoding) -> Pieces:
    offsets = np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2)
    words = [-1 if word is None else word for word in encoding.word_ids]
    ids = np.asarray(encoding.ids, dtype=np.int64)
    return Pieces(ids, offsets[:, 0], offsets[:, 1], np.asarray(words, dtype=np.int64))


def _parted(text: str, pieces: Pieces) -> Pieces:
    """Pieces of a tokenizer to which a word is what stands between spaces, and its piece begins with the space.

    Their spans leave the space out, and a word also ends where letters and digits meet anything else: `(Ann` is two. A
    piece that is nothing but space belongs to the word before it, so that it does not part `Ann Smith`.
    """
    starts, ends, words = pieces.starts.copy(), pieces.ends.copy(), pieces.words.copy()
    word, before = -1, " "
    for number, (start, end) in enumerate(zip(pieces.starts.tolist(), pieces.ends.tolist(), strict=True)):
        bare = text[start:end].lstrip()
        starts[number] = end - len(bare)
        if not bare:
            starts[number] = ends[number] = start
        elif before != " " and start == starts[number] and before.isalnum() == bare[0].isalnum():
            pass  # it goes on with the word before it
        else:
            word += 1
        before = bare[-1:] or " "
        words[number] = max(word, 0)
    return Pieces(pieces.ids, starts, ends, words)


def load_tokenizer(path: Path) -> PieceTokenizer:
    """Read a `tokenizer.json`. Raises `DetectorError` when it is none."""
    try:
        return PieceTokenizer(Tokenizer.from_file(str(path)))
    except Exception as error:
        raise DetectorError(f"{path.parent.name}: {path.name} cannot be read as a tokenizer") from error
