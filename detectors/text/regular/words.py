"""Thousands of words or phrases as one tree: a trie, so that the automaton stays small and the longest term wins."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeAlias

from detectors.text.regular.charset import CharSet, category
from detectors.text.regular.tree import Alt, At, Chars, Node, Place, Repeat, Seq

MAX_TERM_CHARS = 128
_SPACES = Repeat(Chars(category("s")), 1, 4)
_BOUNDARY = At(Place.BOUNDARY)
_END = ""
_Trie: TypeAlias = dict[str, Any]
"""Character -> the trie below; `_END` -> whether the term that ends here ends in a word character."""


def keywords(terms: Iterable[str], *, ignore_case: bool = True, whole_words: bool = True) -> Node:
    r"""A tree that matches any of the terms, the longest where several begin at one place.

    A space in a term stands for one to four white-space characters. With `whole_words` a term that begins (ends) with a
    word character has a word boundary there: `C++` needs one before the C only, and Chinese, Japanese or Thai none,
    because no spaces divide their words. Raises `ValueError` for an empty or overlong term.
    """
    tries: dict[bool, _Trie] = {}
    for term in terms:
        words = " ".join(term.split())
        if not 0 < len(words) <= MAX_TERM_CHARS:
            raise ValueError(f"a keyword has {len(words)} characters (1 to {MAX_TERM_CHARS} are allowed)")
        _add(
            tries.setdefault(whole_words and _is_word(words[0]), {}),
            words,
            whole_words=whole_words,
            ignore_case=ignore_case,
        )
    branches = tuple(_front(_tree(trie, ignore_case), bounded=bounded) for bounded, trie in tries.items())
    return branches[0] if len(branches) == 1 else Alt(branches)


def asks_for_boundary(term: str) -> bool:
    """Whether a term, as a whole word, has a word boundary before or after it."""
    return any(map(_is_word, term.strip()[:1] + term.strip()[-1:]))


def _add(trie: _Trie, term: str, *, whole_words: bool, ignore_case: bool) -> None:
    for char in term:
        trie = trie.setdefault(_key(char, ignore_case), {})
    trie[_END] = whole_words and _is_word(term[-1])


def _front(tree: Node, *, bounded: bool) -> Node:
    return Seq((_BOUNDARY, tree)) if bounded else tree


def _tree(trie: _Trie, ignore_case: bool) -> Node:
    """Longer terms come first, the end of a term last."""
    branches = [_branch(key, below, ignore_case) for key, below in trie.items() if key != _END]
    if _END in trie:
        branches.append(_BOUNDARY if trie[_END] else Seq())
    return branches[0] if len(branches) == 1 else Alt(tuple(branches))


def _branch(key: str, below: _Trie, ignore_case: bool) -> Node:
    """One character and what follows it, without a level of its own for each character of an unshared ending."""
    items = [_item(key, ignore_case)]
    while len(below) == 1 and _END not in below:
        ((key, below),) = below.items()
        items.append(_item(key, ignore_case))
    return Seq((*items, _tree(below, ignore_case)))


@lru_cache(maxsize=4096)
def _item(key: str, ignore_case: bool) -> Node:
    return _SPACES if key.isspace() else Chars(_set_of(key, ignore_case))


@lru_cache(maxsize=4096)
def _key(char: str, ignore_case: bool) -> str:
    return chr(_set_of(char, ignore_case).ranges[0][0])


@lru_cache(maxsize=4096)
def _set_of(char: str, ignore_case: bool) -> CharSet:
    one = CharSet.from_text(char)
    return one.folded() if ignore_case else one


_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Scripts that put no spaces between words: Thai, Lao, Burmese, Khmer, Chinese, Japanese."""


def _is_word(char: str) -> bool:
    """Whether a word boundary can be asked for beside the character."""
    return (char.isalnum() or char == "_") and not _UNSPACED.match(char)
