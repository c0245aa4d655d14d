"""Ways of cutting a text: what a streaming thing is fed with, and must not notice."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from hypothesis import strategies as st

NASTY = "a.!? \n\r\t0149-@:/é\u0301\u200d\u200b\u202e👩🏽‍💻🇩🇪漢。"
"""A small, nasty alphabet: boundaries, white space, combining marks, joiners, emoji, right-to-left, wide marks."""


def by_character(text: str) -> list[str]:
    """One character at a time."""
    return list(text)


def cut_at(text: str, positions: list[int]) -> list[str]:
    """Cut at the given positions; empty pieces are possible, as on the wire."""
    bounds = [0, *sorted(positions), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(bounds)]


def every_cut(text: str) -> Iterator[list[str]]:
    """Every way of cutting a text in two."""
    for position in range(len(text) + 1):
        yield [text[:position], text[position:]]


def random_cuts(text: str, count: int, seed: int = 7) -> Iterator[list[str]]:
    """`count` ways of cutting a text into token-sized pieces."""
    source = random.Random(seed)
    for _ in range(count):
        pieces, position = [], 0
        while position < len(text):
            size = source.choice((1, 1, 2, 3, 4, 5, 9, 40))
            pieces.append(text[position : position + size])
            position += size
        yield pieces


def all_cuts(text: str) -> Iterator[list[str]]:
    """Whole, by character, every single cut, and ten random ones."""
    yield [text]
    yield by_character(text)
    yield from every_cut(text)
    yield from random_cuts(text, 10)


def cuts_of(text: str) -> st.SearchStrategy[list[str]]:
    """Any way of cutting `text`."""
    return st.lists(st.integers(0, len(text)), max_size=12).map(lambda positions: cut_at(text, positions))
