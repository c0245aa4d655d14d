r"""Sets of characters, and the alphabets that make a regular expression a machine over bytes.

RE2 reads bytes. Fed with UTF-8 it wants offsets turned back into code points, its `\b` and `\d` know ASCII only, and
a class such as `\w` costs hundreds of instructions for each of its repeats. So patterns are compiled over alphabets of
our own, **one byte for each code point**: byte offsets are character offsets, a class is one instruction, and lone
surrogates are no problem.

* `Alphabet` is exact for one pattern: characters that the pattern cannot tell apart share a byte. Word characters get
  bytes that RE2 calls word characters, so `\b` means what it means in Python.
* `coarse()` is one fixed alphabet for all patterns: ASCII is itself, other characters are hashed to bytes of the
  same kind (letters to letters, digits to digits, the rest to 128..255). It only ever makes different characters look
  alike, so a pattern over it matches wherever the exact one could: right for filters, never for an answer.
"""

from __future__ import annotations

import codecs
import importlib
import re
import sys
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from itertools import accumulate
from operator import xor
from typing import TypeVar

LAST = 0x10FFFF
_UNCASED_FROM = 0x40000
"""No letter, digit or space lies at or above this code point (Unicode 14: the last letter is U+3134A)."""

_WORD_BYTES = tuple(b for b in range(128) if chr(b).isalnum() or b == ord("_"))
_OTHER_BYTES = tuple(b for b in range(256) if b not in _WORD_BYTES and b != ord("\n"))
_MANY_RANGES = 8
"""A set with more ranges is cut up once for all patterns: such sets are few, and in many (words, digits)."""


class TooManyCharactersError(Exception):
    """One pattern tells more characters apart than there are bytes."""


@dataclass(frozen=True, slots=True)
class CharSet:
    """A set of code points: sorted, disjoint, not adjacent, inclusive ranges."""

    ranges: tuple[tuple[int, int], ...] = ()
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(self.ranges))

    def __hash__(self) -> int:
        return self._hash

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> CharSet:
        """The set of all code points in `ranges`, in any order and overlapping or not."""
        merged: list[tuple[int, int]] = []
        for low, high in sorted(ranges):
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return cls(tuple(merged))

    @classmethod
    def from_text(cls, characters: str) -> CharSet:
        """The set of the characters of a string."""
        return cls.of((ord(char), ord(char)) for char in characters)

    def __or__(self, other: CharSet) -> CharSet:
        if not (self.ranges and other.ranges):
            return self if self.ranges else other
        return _union(self, other)

    def negated(self) -> CharSet:
        """All other code points."""
        return _negated(self)

    def __contains__(self, code_point: int) -> bool:
        at = bisect_right(self.ranges, (code_point, LAST + 1)) - 1
        return at >= 0 and self.ranges[at][1] >= code_point

    def ascii_only(self) -> CharSet:
        """The part below 128."""
        return CharSet.of((low, min(high, 127)) for low, high in self.ranges if low < 128)

    def folded(self, *, ascii_only: bool = False) -> CharSet:
        """With every character that Python's IGNORECASE takes for one of these."""
        return _folded(self, ascii_only)


ANY = CharSet(((0, LAST),))
NEWLINE = CharSet.from_text("\n")


@lru_cache(maxsize=256)
def _union(one: CharSet, other: CharSet) -> CharSet:
    return CharSet.of(one.ranges + other.ranges)


@lru_cache(maxsize=256)
def _negated(chars: CharSet) -> CharSet:
    gaps, start = [], 0
    for low, high in chars.ranges:
        if low > start:
            gaps.append((start, low - 1))
        start = high + 1
    if start <= LAST:
        gaps.append((start, LAST))
    return CharSet(tuple(gaps))


@lru_cache(maxsize=256)
def _folded(chars: CharSet, ascii_only: bool) -> CharSet:
    groups = _case_groups(ascii_only)
    if sum(high - low for low, high in chars.ranges) < len(groups):
        members = [c for low, high in chars.ranges for c in range(low, high + 1) if c in groups]
    else:
        members = [c for c in groups if c in chars]
    if not members:
        return chars
    return CharSet.of((*chars.ranges, *(pair for member in members for pair in _pairs(groups[member]))))


def _pairs(code_points: Iterable[int]) -> list[tuple[int, int]]:
    return [(c, c) for c in code_points]


@cache
def _all_cased_from() -> str:
    return "".join(map(chr, range(_UNCASED_FROM)))


@cache
def category(letter: str, *, ascii_only: bool = False) -> CharSet:
    r"""What `\w`, `\d` or `\s` (by its letter) matches in a Python `str` pattern."""
    flags = re.ASCII if ascii_only else 0
    found = re.compile(rf"\{letter}+", flags).finditer(_all_cased_from())
    return CharSet(tuple((match.start(), match.end() - 1) for match in found))


@cache
def _case_groups(ascii_only: bool) -> dict[int, tuple[int, ...]]:
    """Code point -> all that IGNORECASE takes for it, as `re` itself decides it; only those that have others."""
    if ascii_only:
        return {c: (upper, upper + 32) for upper in range(ord("A"), ord("Z") + 1) for c in (upper, upper + 32)}
    lower = importlib.import_module("_sre").unicode_tolower
    extra: Mapping[int, tuple[int, ...]] = importlib.import_module("re._casefix")._EXTRA_CASES
    groups: dict[int, set[int]] = {}
    for code_point in range(_UNCASED_FROM):
        low = lower(code_point)
        if low != code_point:
            groups.setdefault(low, {low}).add(code_point)
    for low, others in extra.items():
        joined = set().union({low}, *(groups.get(c, {c}) for c in (low, *others)))
        for member in joined:
            groups[lower(member)] = joined
    return {member: tuple(sorted(group)) for group in groups.values() for member in group}


class Alphabet:
    """Characters that the given sets cannot tell apart share a byte; see the module.

    `word` is what counts as a word character for a word boundary, or None where the pattern has none.
    Raises `TooManyCharactersError` when there are more kinds of characters than bytes. Take it from `alphabet`.
    """

    unit = 1
    """Bytes for each code point."""

    def __init__(self, sets: Iterable[CharSet], *, word: CharSet | None) -> None:
        atoms = [*dict.fromkeys(sets)]
        shared = (word or CharSet(), *(atom for atom in atoms if len(atom.ranges) > _MANY_RANGES))
        own = (NEWLINE, *(atom for atom in atoms if len(atom.ranges) <= _MANY_RANGES))
        self._shared, self._own = _shared_pieces(shared), _Pieces(own, first_bit=len(shared))
        self._bytes_of_mask = _assign_bytes(self._masks(), newline=1 << len(shared), word=1 if word is not None else 0)
        self._index = {atom: position for position, atom in enumerate(shared + own)}
        self._code_map = _CodeMap(self.code)
        self.class_of = cache(self._class_of)
        """RE2's words for one character of one of the sets."""

    def _masks(self) -> Iterator[int]:
        """Which sets hold the pieces of both kinds of sets together, in the order of their code points."""
        for start, end, mask in self._own:
            for shared in self._shared.masks_between(start, end):
                yield shared | mask

    def code(self, code_point: int) -> int:
        """The byte of a code point."""
        return self._bytes_of_mask[self._shared.mask_of(code_point) | self._own.mask_of(code_point)]

    @cached_property
    def _ascii(self) -> bytes:
        return bytes(self.code(c) for c in range(128)) + bytes(128)

    def bytes_of(self, chars: CharSet) -> frozenset[int]:
        """The bytes of one of the sets that the alphabet was made for."""
        bit = 1 << self._index[chars]
        return frozenset(code for mask, code in self._bytes_of_mask.items() if mask & bit)

    def _class_of(self, chars: CharSet) -> str:
        return re2_class(self.bytes_of(chars))

    def encode(self, text: str) -> bytes:
        """One byte for each code point."""
        if text.isascii():
            return text.encode("ascii").translate(self._ascii)
        return codecs.charmap_encode(text, "strict", self._code_map)[0]


@lru_cache(maxsize=512)
def alphabet(sets: frozenset[CharSet], word: CharSet | None) -> Alphabet:
    """The `Alphabet` of these sets, shared by the patterns that hold them: it would be half of the work for each."""
    return Alphabet(sets, word=word)


class PairAlphabet:
    r"""Two bytes for each code point, for lists of terms in scripts of thousands of characters.

    The first byte is below 128 and the second is not, so a match cannot begin in the middle of a character. RE2's `\b`
    and `(?m)^` mean nothing here. Raises `TooManyCharactersError` beyond 16,384 kinds of characters.
    """

    unit = 2

    def __init__(self, sets: Iterable[CharSet]) -> None:
        atoms = list(dict.fromkeys(sets))
        self._pieces = _Pieces(atoms)
        self._kinds = {mask: kind for kind, mask in enumerate(dict.fromkeys(self._pieces.masks))}
        if len(self._kinds) > 128 * 128:
            raise TooManyCharactersError
        self._kinds_of: dict[CharSet, list[int]] = {atom: [] for atom in atoms}
        for mask, kind in self._kinds.items():
            for position in _bits(mask):
                self._kinds_of[atoms[position]].append(kind)
        self._code_map = _CodeMap(self.code)
        self.class_of = cache(self._class_of)
        """RE2's words for one character of one of the sets."""

    def code(self, code_point: int) -> bytes:
        """The bytes of a code point."""
        kind = self._kinds[self._pieces.mask_of(code_point)]
        return bytes((kind // 128, 128 + kind % 128))

    def _class_of(self, chars: CharSet) -> str:
        second: dict[int, set[int]] = {}
        for kind in self._kinds_of[chars]:
            second.setdefault(kind // 128, set()).add(128 + kind % 128)
        pairs = (f"{_escape(first)}{re2_class(frozenset(codes))}" for first, codes in second.items())
        return f"(?:{'|'.join(pairs) or re2_class(frozenset())})"

    def encode(self, text: str) -> bytes:
        """Two bytes for each code point."""
        return codecs.charmap_encode(text, "strict", self._code_map)[0]


def _bits(mask: int) -> Iterator[int]:
    """The positions of the bits that are set."""
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1


_Code = TypeVar("_Code")


class _CodeMap(dict[int, _Code]):
    """Code point -> code, filled as characters are met; bounded, because the text is a stranger's."""

    LIMIT = 8192

    def __init__(self, code: Callable[[int], _Code]) -> None:
        super().__init__()
        self._code: Callable[[int], _Code] = code

    def __missing__(self, code_point: int) -> _Code:
        code = self._code(code_point)
        if len(self) < self.LIMIT:
            self[code_point] = code
        return code


class _Pieces:
    """The code points, cut where a set begins or ends. A piece's mask has a bit for each set that holds it."""

    def __init__(self, atoms: Sequence[CharSet], *, first_bit: int = 0) -> None:
        toggles: dict[int, int] = {0: 0}
        for bit, atom in enumerate(atoms, first_bit):
            for low, high in atom.ranges:
                toggles[low] = toggles.get(low, 0) ^ (1 << bit)
                toggles[high + 1] = toggles.get(high + 1, 0) ^ (1 << bit)
        self.starts = sorted(toggles)
        self.masks: list[int] = list(accumulate((toggles[start] for start in self.starts), xor))

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Each piece: its first code point, the one behind its last, and its mask."""
        return zip(self.starts, (*self.starts[1:], sys.maxsize), self.masks, strict=True)

    def mask_of(self, code_point: int) -> int:
        """Which sets hold a code point."""
        return self.masks[bisect_right(self.starts, code_point) - 1]

    def masks_between(self, start: int, end: int) -> Iterable[int]:
        """The masks of the code points in `[start, end)`, each once."""
        return dict.fromkeys(self.masks[bisect_right(self.starts, start) - 1 : bisect_left(self.starts, end)])


@lru_cache(maxsize=256)
def _shared_pieces(atoms: tuple[CharSet, ...]) -> _Pieces:
    return _Pieces(atoms)


def _assign_bytes(masks: Iterable[int], *, newline: int, word: int) -> dict[int, int]:
    """A byte for each kind of characters. The bit `newline` keeps its byte; the bit `word`, if any, gets a word's."""
    words, others = iter(_WORD_BYTES), iter(_OTHER_BYTES if word else (*_OTHER_BYTES, *_WORD_BYTES))
    assigned: dict[int, int] = {}
    try:
        for mask in masks:
            if mask not in assigned:
                assigned[mask] = ord("\n") if mask & newline else next(words if mask & word else others)
    except StopIteration:
        raise TooManyCharactersError from None
    return assigned


class Coarse:
    """One alphabet for all patterns; see the module. `ascii_words` sends all characters beyond ASCII to 128..255.

    Take it from `coarse`: its table has 1.1 MB and takes 40 ms to make.
    """

    def __init__(self, *, ascii_words: bool) -> None:
        self.ascii_words = ascii_words
        self._table = _coarse_table(ascii_words=ascii_words)
        self.class_of = cache(self._class_of)

    def encode(self, text: str) -> bytes:
        """One byte for each code point."""
        if text.isascii():
            return text.encode("ascii")
        return codecs.charmap_encode(text, "strict", self._table)[0]

    def bytes_of(self, chars: CharSet) -> frozenset[int]:
        """The bytes that characters of the set may have."""
        found: set[int] = set()
        for low, high in chars.ranges:
            periodic_from = max(low, _UNCASED_FROM)  # from here on the table repeats itself every 128 code points
            found.update(self._table[low : min(high, periodic_from + 127) + 1])
        return frozenset(found)

    def _class_of(self, chars: CharSet) -> str:
        return re2_class(self.bytes_of(chars))


@cache
def coarse(*, ascii_words: bool = False) -> Coarse:
    """The alphabet with the word characters of Unicode, or of ASCII."""
    return Coarse(ascii_words=ascii_words)


def _coarse_table(*, ascii_words: bool) -> bytes:
    """The byte of every code point."""
    table = bytearray(bytes(range(128, 256)) * ((LAST + 1) // 128))
    table[:128] = bytes(range(128))
    if ascii_words:
        return bytes(table)
    letters = bytes(range(ord("a"), ord("z") + 1))
    for low, high in category("w").ranges:
        if low >= 128:
            size = high - low + 1
            table[low : high + 1] = (letters * (size // 26 + 2))[low % 26 : low % 26 + size]
    for low, high in category("d").ranges:
        for code_point in range(max(low, 128), high + 1):
            table[code_point] = ord("0") + unicodedata.decimal(chr(code_point))
    for folded, code_point in (("k", 0x212A), ("s", 0x17F), ("i", 0x130), ("i", 0x131)):
        table[code_point] = ord(folded)
    return bytes(table)


@cache
def re2_class(codes: frozenset[int]) -> str:
    """RE2's words for one byte out of `codes`, which must be read as Latin-1."""
    if len(codes) == 1:
        return _escape(next(iter(codes)))
    if len(codes) > 128:
        return f"[^{_ranges(frozenset(range(256)) - codes)}]" if len(codes) < 256 else r"[\x00-\xff]"
    return f"[{_ranges(codes)}]" if codes else r"[^\x00-\xff]"


def _ranges(codes: frozenset[int]) -> str:
    spans = CharSet.of(_pairs(codes)).ranges
    return "".join(_escape(low) if low == high else f"{_escape(low)}-{_escape(high)}" for low, high in spans)


def _escape(code: int) -> str:
    return chr(code) if chr(code).isalnum() and code < 128 else rf"\x{code:02x}"
