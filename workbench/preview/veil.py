"""Texts that may be shown to whoever reads a report: without what is sensitive.

What either version found gives way to its label, and so does what the detectors `pii` and `secrets` find. Of all other
words only those in small letters stay; names, numbers and codes give way to their shape (`Aaaa`, `99`), as do words of
scripts that have no small letters. So a report can be handed on; who may read the texts asks for them (`--show-text`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import msgspec

from detectors import registry
from detectors.base import PatternScanner
from detectors.parts import parts_of
from sidecar.outbox.evidence import shape_of

_WORD = re.compile(r"\S+")
_PLAIN = re.compile(r"[^\W\d_]+")
_EDGES = "\"'([{<.,;:!?)]}>…«»„“”’"
AROUND_CHARS = 60
"""How much of a text is shown on either side of what was found."""
MOST_CHARS = 240


class Found(msgspec.Struct, frozen=True, order=True):
    """Something in a text that gives way to its label."""

    start: int
    end: int
    label: str


def veiled(text: str, found: Iterable[Found], *, at: Found | None = None) -> str:
    """A text without what is sensitive, around `at`, or the first of what was found."""
    return _shown(text, found, at, is_veiled=True)


def bared(text: str, found: Iterable[Found], *, at: Found | None = None) -> str:
    """A text as it is, around `at`, or the first of what was found, which is marked."""
    return _shown(text, found, at, is_veiled=False)


def _shown(text: str, found: Iterable[Found], at: Found | None, *, is_veiled: bool) -> str:
    own = [*found]
    start, end = _window(text, at or min(own, default=None))
    spans = apart([*own, *always(text)] if is_veiled else own)
    pieces, place = [], start
    for each in spans:
        if each.end <= start or each.start >= end:
            continue
        pieces.append(_between(text[place : max(place, each.start)], is_veiled=is_veiled))
        pieces.append(f"‹{each.label}›" if is_veiled else f"‹{each.label}: {text[each.start : each.end]}›")
        place = each.end
    pieces.append(_between(text[place : max(place, end)], is_veiled=is_veiled))
    return ("…" if start else "") + "".join(pieces) + ("…" if end < len(text) else "")


def _window(text: str, at: Found | None) -> tuple[int, int]:
    if at is None:
        return 0, min(len(text), MOST_CHARS)
    return max(0, at.start - AROUND_CHARS), min(len(text), at.end + AROUND_CHARS)


def apart(found: Iterable[Found]) -> list[Found]:
    """The same, sorted, with those that overlap made one."""
    merged: list[Found] = []
    for each in sorted(found):
        if merged and each.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = Found(last.start, max(last.end, each.end), last.label)
        else:
            merged.append(each)
    return merged


def _between(text: str, *, is_veiled: bool) -> str:
    return _WORD.sub(lambda match: _word(match[0]), text) if is_veiled else text


def _word(word: str) -> str:
    core = word.strip(_EDGES)
    if not core or (core.islower() and _PLAIN.fullmatch(core)):
        return word
    return shape_of(word)


def always(text: str) -> Iterable[Found]:
    """What is never shown, whatever the policies look for."""
    for scanner in _scanners():
        for each in scanner.start().advance(text, 0, is_final=True):
            yield Found(each.start, each.end, each.label)


@cache
def _scanners() -> tuple[PatternScanner, ...]:
    made = []
    for name in ("pii", "secrets"):
        kind = registry.get(name)
        params = kind.params()
        made += [part.build() for part in parts_of(kind, params) if part.is_default]
    return tuple(each for each in made if isinstance(each, PatternScanner))
