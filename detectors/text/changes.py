"""What reads otherwise in a view of a text than in the text: for people who want to see what a detector saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from detectors.types import Change

How = Callable[[int, int, str], str]
"""`(start, end, what it reads) -> by what means`, in words."""


def changes(text: str, view: str, starts: Sequence[int], ends: Sequence[int], how: How) -> tuple[Change, ...]:
    """Where the view is not the text. Character `i` of the view came from `text[starts[i]:ends[i]]`, in order."""
    return tuple(_joined(_single(text, view, starts, ends, how)))


def _single(text: str, view: str, starts: Sequence[int], ends: Sequence[int], how: How) -> Iterator[Change]:
    position = 0
    places = groupby(range(len(view)), key=lambda index: (starts[index], ends[index]))
    for (start, end), own in places:
        if start > position:
            yield Change(position, start, "", how(position, start, ""))
        read = "".join(view[index] for index in own)
        if read != text[start:end]:
            yield Change(start, end, read, how(start, end, read))
        position = max(position, end)
    if position < len(text):
        yield Change(position, len(text), "", how(position, len(text), ""))


def _joined(single: Iterator[Change]) -> Iterator[Change]:
    """Neighbours of one kind as one."""
    last: Change | None = None
    for each in single:
        if last is not None and last.end == each.start and last.how == each.how:
            last = Change(last.start, each.end, last.read + each.read, each.how)
            continue
        if last is not None:
            yield last
        last = each
    if last is not None:
        yield last
