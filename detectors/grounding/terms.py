"""Words of a text as numbers in arrays: which there are, and where.

A word, or several in a row, is its hash, a number of 64 bits: that two words of a context have the same one does not
happen (once in 10**9 contexts of 100,000 words). An array takes 8 bytes for one, a set of strings 100 and more. Hashes
differ from process to process, so nothing here is to be stored.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

_Longs: TypeAlias = npt.NDArray[np.int64]
_Ints: TypeAlias = npt.NDArray[np.uint32]


class Known:
    """A set of words, or of rows of words. Immutable."""

    __slots__ = ("_terms",)

    def __init__(self, terms: _Longs | None = None) -> None:
        self._terms = np.zeros(0, np.int64) if terms is None else terms

    @classmethod
    def of(cls, words: Iterable[Hashable]) -> Known:
        """The words, each once."""
        return cls(np.unique(np.fromiter(map(hash, words), np.int64)))

    @classmethod
    def joined(cls, parts: Sequence[Known]) -> Known:
        """The words of several."""
        if len(parts) == 1:
            return parts[0]
        return cls(np.unique(np.concatenate([each._terms for each in parts]))) if parts else cls()

    def __contains__(self, word: object) -> bool:
        term = hash(word)
        at = int(self._terms.searchsorted(term))
        return at < len(self._terms) and bool(self._terms[at] == term)

    def __len__(self) -> int:
        return len(self._terms)


class Postings:
    """In which passages a word occurs. Immutable."""

    def __init__(self, terms: _Longs | None = None, begin: _Ints | None = None, places: _Ints | None = None) -> None:
        self._terms = np.zeros(0, np.int64) if terms is None else terms
        self._begin = np.zeros(1, np.uint32) if begin is None else begin
        self._places = np.zeros(0, np.uint32) if places is None else places

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> Postings:
        """Of words, each with a passage."""
        every = list(pairs)
        terms = np.fromiter((term for term, _ in every), np.int64, len(every))
        return cls._sorted(terms, np.fromiter((place for _, place in every), np.uint32, len(every)))

    @classmethod
    def joined(cls, parts: Sequence[Postings]) -> Postings:
        """All of several, which have passages of their own."""
        own = [each for each in parts if len(each._terms)]
        if len(own) <= 1:
            return own[0] if own else cls()
        terms = np.concatenate([np.repeat(each._terms, np.diff(each._begin)) for each in own])
        return cls._sorted(terms, np.concatenate([each._places for each in own]))

    @classmethod
    def _sorted(cls, terms: _Longs, places: _Ints) -> Postings:
        order = np.lexsort((places, terms))
        distinct, first = np.unique(terms[order], return_index=True)
        return cls(distinct, np.append(first, len(terms)).astype(np.uint32), places[order])

    def __contains__(self, word: object) -> bool:
        return len(self.of_word(word)) > 0

    def moved(self, passages: int) -> Postings:
        """The same, behind so many passages."""
        return Postings(self._terms, self._begin, self._places + np.uint32(passages)) if passages else self

    def of_word(self, word: object) -> _Ints:
        """The passages in which a word occurs, in order."""
        term = hash(word)
        at = int(self._terms.searchsorted(term))
        if at == len(self._terms) or self._terms[at] != term:
            return self._places[:0]
        return self._places[self._begin[at] : self._begin[at + 1]]
