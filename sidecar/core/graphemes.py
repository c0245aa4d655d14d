r"""Where a user-perceived character begins, so that no cut and no redaction splits one.

Boundaries are those of Unicode's extended grapheme clusters (UAX #29), as the `regex` library's `\X` has them. One
longer than `MAX_CLUSTER_CHARS` (a pile of combining marks) is taken as several: held text stays bounded.
"""

from __future__ import annotations

import regex

MAX_CLUSTER_CHARS = 32

LOOK_BACK_CHARS = 256
"""How far left of a position its cluster is looked for. Flags in a row are told apart only within this."""

_CLUSTER = regex.compile(r"\X")
_INVISIBLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}]+")


def is_invisible(text: str) -> bool:
    """Whether the text shows nothing by itself: zero-width, bidi, tag and other format characters only."""
    return _INVISIBLE.fullmatch(text) is not None


def floor_boundary(text: str, position: int, *, is_final: bool) -> int:
    """The last certain boundary at or before `position` (an index into `text`).

    The end of an unfinished text is not certain: the next character may belong to the last one.
    """
    if position >= len(text):
        if is_final or not text:
            return len(text)
        return _cluster_start(text, len(text) - 1)
    return _cluster_start(text, position) if position > 0 else 0


def ceil_boundary(text: str, position: int, *, is_final: bool) -> int | None:
    """The first boundary at or after `position`, or None while the text that has arrived cannot tell."""
    if position <= 0:
        return 0
    if position < len(text):
        start = _cluster_start(text, position)
        if start == position:
            return position
        end = _cluster_end(text, start)
        if end < len(text):
            return end
        position = len(text)
    if is_final:
        return len(text)
    start = _cluster_start(text, len(text) - 1)
    return len(text) if len(text) - start >= MAX_CLUSTER_CHARS else None


def _cluster_start(text: str, position: int) -> int:
    """Where the cluster that holds `text[position]` begins."""
    if position == 0 or _breaks_before(text, position):
        return position
    nearest = max(0, position - LOOK_BACK_CHARS)
    start = position - 1
    while start > nearest and not _breaks_before(text, start):
        start -= 1
    while (end := _cluster_end(text, start)) <= position:
        start = end
    return start


def _cluster_end(text: str, start: int) -> int:
    found = _CLUSTER.match(text, start)
    end = found.end() if found else start + 1
    return min(end, start + MAX_CLUSTER_CHARS)


def _breaks_before(text: str, position: int) -> bool:
    """Whether a boundary before `text[position]` is plain from its two neighbours."""
    left, right = text[position - 1], text[position]
    return _is_plain(left) and _is_plain(right) and not (left == "\r" and right == "\n")


def _is_plain(character: str) -> bool:
    """ASCII, precomposed Latin and Cyrillic letters, and Han: they never join with one another."""
    return (
        character < "\x80"
        or "\u00c0" <= character <= "\u024f"
        or "\u0400" <= character <= "\u0482"
        or "\u3400" <= character <= "\u9fff"
    )
