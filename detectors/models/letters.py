"""Reads letters that a model's vocabulary has no piece for: hashed n-grams of them in a logistic regression.

Of a text in NFKC only the letters and marks of the card's scripts count, in lower case; a run of anything else is one
space. Each distinct n-gram of 1 to 5 characters has a weight by its hash. The logit is the sum of those weights by the
square root of their number, and an offset for each label: n-grams of characters need no words, and Thai puts no space
between them. Pure; work is linear in the text.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
import regex
from numpy.typing import NDArray

LETTERS = "letters"
"""Where a card tells of the branch, among its parameters."""
FILE_NAME = "letters.npy"
BITS = 15
BUCKETS = 1 << BITS
SIZES = (1, 2, 3, 4, 5)
_LABELS = {"injection", "indirect_injection"}
LEAST_LETTERS = 4
"""With fewer letters a text says nothing."""
LEAST_OTHER = 12
"""With fewer letters of other scripts, what stands between is not read by itself: names, units, commands."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_FOLD, _SPREAD = np.uint64(29), np.uint64(64 - BITS)


class Script:
    """The letters and marks of some scripts, by Unicode's names of them, such as `Thai`."""

    def __init__(self, names: Sequence[str]) -> None:
        own = "".join(rf"\p{{Script={name}}}" for name in names)
        self._own, self._other = regex.compile(f"[{own}]+"), regex.compile(f"[^{own}]+")

    def only(self, text: str) -> str:
        """The letters of the scripts, with one space for each run of anything else."""
        return str(self._other.sub(" ", unicodedata.normalize("NFKC", text))).lower().strip()

    def without(self, text: str) -> str:
        """The text with a space for each run of them; nothing when hardly a letter is left."""
        rest = str(self._own.sub(" ", text)).strip()
        return rest if _letters(rest) >= LEAST_OTHER else ""

    def is_most_of(self, text: str) -> bool:
        """Whether more than half of a text's letters are of them."""
        if text.isascii():
            return False
        own = sum(map(_letters, self._own.findall(text)))
        return own >= LEAST_LETTERS and own * 2 > _letters(text)


class Letters(msgspec.Struct, frozen=True, dict=True):
    """The branch of one model: `weights` are int8, one for each bucket; a logit is `scale` times their sum, shifted.

    `scripts` are those that were learnt; `offsets` has one for each label of the detector `injection`.
    """

    scripts: tuple[str, ...]
    scale: float
    offsets: Mapping[str, float]
    weights: NDArray[np.int8]

    @cached_property
    def script(self) -> Script:
        """Their letters."""
        return Script(self.scripts)

    def score(self, text: str, label: str) -> float:
        """The probability of a label."""
        found = buckets(self.script.only(text))
        logit = self.scale * float(self.weights[found].sum(dtype=np.int64)) / math.sqrt(len(found))
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(15.0, logit + self.offsets[label]))))


class _Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    scripts: tuple[str, ...]
    scale: float
    offsets: dict[str, float]


def read_letters(folder: Path, told: object) -> Letters:
    """The branch that a card tells of. Raises `ValueError` or `OSError` when there is none."""
    card = msgspec.convert(told, _Told)
    if card.offsets.keys() != _LABELS:
        raise ValueError(f"offsets are of {', '.join(card.offsets)}; there are {', '.join(sorted(_LABELS))}")
    weights = np.load(folder / FILE_NAME, allow_pickle=False)
    if weights.shape != (BUCKETS,) or weights.dtype != np.int8:
        raise ValueError(f"{FILE_NAME} has not {BUCKETS} weights of eight bits")
    return Letters(card.scripts, card.scale, card.offsets, weights)


def buckets(plain: str) -> NDArray[np.int64]:
    """The buckets of a text's distinct n-grams, which each count once; of no text, those of a space."""
    codes = np.frombuffer(f" {plain} ".encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    return np.unique(np.concatenate([_hashed(codes, size) for size in SIZES if len(codes) >= size]))


def _hashed(codes: NDArray[np.uint64], size: int) -> NDArray[np.int64]:
    """The bucket of every n-gram of a size: its characters are mixed in one after the other, modulo 2^64."""
    count = len(codes) - size + 1
    value = np.full(count, size, dtype=np.uint64)
    for place in range(size):
        value = (value ^ codes[place : place + count]) * _FACTOR
        value ^= value >> _FOLD
    return ((value * _FACTOR) >> _SPREAD).astype(np.int64)


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))
