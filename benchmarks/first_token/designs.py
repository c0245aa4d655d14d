"""Designs that collect text before a check: what has been let go once each token has arrived. Checks take no time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

Released = list[int]
"""How many characters have been let go once each token has arrived; the last entry is for the end of the text."""
_SENTENCE = re.compile(r"[.!?][\"')\]]*\s+|\n")


def at_once(tokens: Sequence[str]) -> Released:
    """Everything leaves as it comes."""
    return [*accumulate(map(len, tokens)), sum(map(len, tokens))]


def whole(tokens: Sequence[str]) -> Released:
    """Everything leaves at the end."""
    return [0] * len(tokens) + [sum(map(len, tokens))]


def windows(tokens: Sequence[str], size: int, overlap: int) -> Released:
    """A window leaves when it is full, but for what the next one reads again."""
    lengths = [len(token) for token in tokens]
    released, reached = [], 0
    for count in range(1, len(tokens) + 1):
        if count >= size and not (count - size) % (size - overlap):
            reached = sum(lengths[: count - overlap])
        released.append(reached)
    return [*released, sum(lengths)]


def sentences(tokens: Sequence[str]) -> Released:
    """A sentence leaves when the next one has begun."""
    return _when_reached(tokens, [found.end() for found in _SENTENCE.finditer("".join(tokens))])


def byte_windows(tokens: Sequence[str], size: int) -> Released:
    """A window leaves when so many bytes have come; the texts are ASCII."""
    return _when_reached(tokens, range(size, sum(map(len, tokens)), size))


def _when_reached(tokens: Sequence[str], ends: Sequence[int]) -> Released:
    released, reached, waiting = [], 0, list(ends)
    for arrived in accumulate(map(len, tokens)):
        while waiting and waiting[0] <= arrived:
            reached = waiting.pop(0)
        released.append(reached)
    return [*released, sum(map(len, tokens))]
