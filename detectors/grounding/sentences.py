"""What of an answer is to be checked: its sentences and their citations.

* `claims` cuts a segment into sentences; the segmenter has done most of it, but for a citation that stands directly
  behind a full stop (`... in 1932.[1] It ...`).
* `Claim.text` has everything in it that is no part of the claim (citations, bullets, list numbers, marks of emphasis)
  replaced by spaces, so that offsets stay.

Which of them claim nothing, `neutral` says. Pure Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_CITATION = re.compile(r"[\[【]\^?([\w.:-]{1,64}(?:\s*[,;]\s*[\w.:-]{1,64})*)(?:†[^】\]]{0,64})?[\]】]")
_BREAK = re.compile(r"[.!?…][\"'”’)]*(?:[\[【][^\]】\n]{1,80}[\]】])+(?=\s)")
_LEADING = re.compile(r"\s*(?:[-*•–>]+\s+|#+\s+|\(?\d{1,3}[.)]\s+)*")
_MARKS = re.compile(r"\*\*|__|`|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)")


class Claim(NamedTuple):
    """A sentence, `[start, end)` of its segment's text, as it is to be compared, and what it cites."""

    start: int
    end: int
    text: str
    citations: tuple[str, ...]


def claims(text: str, begin: int = 0) -> Iterator[Claim]:
    """The sentences of `text[begin:]` that hold anything; spans are those in `text`, without white space around."""
    start = begin
    for match in _BREAK.finditer(text, begin):
        yield from _claim(text, start, match.end())
        start = match.end()
    yield from _claim(text, start, len(text))


def _claim(text: str, start: int, end: int) -> Iterator[Claim]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        own = text[start:end]
        cited = [part.strip() for match in _CITATION.finditer(own) for part in re.split("[,;]", match[1])]
        yield Claim(start, end, _bare(own), tuple(dict.fromkeys(cited)))


def _bare(sentence: str) -> str:
    for pattern in (_LEADING, _MARKS, _CITATION):
        sentence = pattern.sub(_blank, sentence, count=1 if pattern is _LEADING else 0)
    return sentence


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])
