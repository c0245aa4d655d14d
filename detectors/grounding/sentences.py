"""What of an answer is to be checked: its sentences, their citations, and which of them claim anything.

* `claims` cuts a segment into sentences; the segmenter has done most of it, but for a citation that stands directly
  behind a full stop (`... in 1932.[1] It ...`).
* `Claim.text` has everything in it that is no part of the claim (citations, bullets, list numbers, marks of emphasis)
  replaced by spaces, so that offsets stay.
* `is_neutral` says whether a sentence claims nothing that a context could bear out: greetings, questions, offers,
  announcements, refusals and hedges without anything else.

Pure Python, made for English; in other languages a sentence without content is checked like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from detectors.grounding.features import dates, names, numbers
from detectors.grounding.passages import STOP_WORDS, words

_CITATION = re.compile(r"[\[【]\^?([\w.:-]{1,64}(?:\s*[,;]\s*[\w.:-]{1,64})*)(?:†[^】\]]{0,64})?[\]】]")
_BREAK = re.compile(r"[.!?…][\"'”’)]*(?:[\[【][^\]】\n]{1,80}[\]】])+(?=\s)")
_LEADING = re.compile(r"\s*(?:[-*•–>]+\s+|#+\s+|\(?\d{1,3}[.)]\s+)*")
_MARKS = re.compile(r"\*\*|__|`|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)")
_LETTERS = re.compile(r"[^\W\d_]")

_TALK = re.compile(
    r"""^\W*(?:
      (?:hi|hello|hey|dear|greetings|good\ (?:morning|afternoon|evening|day)|welcome)\b
    | (?:thanks|thank\ you|you'?re\ (?:very\ )?welcome|my\ pleasure|no\ problem|sorry|apologies|i\ apologi[sz]e)\b
    | (?:sure|certainly|of\ course|absolutely|great|okay|ok|yes|no|understood|got\ it|alright)\W*$
    | (?:sure|certainly|of\ course|absolutely|great\ question|okay|ok)\W+(?:here|i|let|happy|glad|i'?ll|i\ can)\b
    | (?:(?:please|just|do)\ )?(?:let\ me\ know|feel\ free|don'?t\ hesitate|reach\ out)\b
    | if\ you\b[^,]*,?\ (?:(?:please|just|do)\ )?(?:let\ me\ know|feel\ free|don'?t\ hesitate|ask|i'?m\ happy|i\ can)\b
    | (?:i|we)\ (?:hope|trust)\ (?:this|that|it|you)\b
    | (?:i|we)(?:'m|'d|'ll|\ am|\ would|\ will|\ can)?\ (?:be\ )?(?:happy|glad|here|like)\ to\b
    | (?:have|enjoy)\ (?:a|your)\b
    | is\ there\ anything\b
    | (?:here|below|following)\ (?:is|are|'s)\b[^.]*:?\W*$
    | (?:here'?s)\b[^.]*:?\W*$
    | (?:to|let'?s|let\ me)\ (?:summari[sz]e|start|begin|explain|recap|see|look)\b[^.]*\W*$
    | (?:in\ (?:summary|short|conclusion)|overall|note|sources?|references?)\W*$
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_HEDGE = re.compile(
    r"""\b(?:
      (?:i|we)(?:'m|\ am|'re|\ are)\ (?:not\ (?:sure|certain|able)|unable|afraid|sorry)
    | (?:i|we)\ (?:do\ not|don'?t|cannot|can'?t|could\ not|couldn'?t)
      \ (?:know|have|find|answer|tell|say|see|provide|help|confirm|determine)
    | (?:the|this|these|your|provided|given|supplied)\ (?:\w+\ ){0,2}
      (?:context|documents?|passages?|sources?|information|text|articles?)
      \ (?:do(?:es)?\ not|doesn'?t|don'?t|did\ not|didn'?t)
      \ (?:\w+\ )?(?:say|state|mention|contain|include|provide|specify|cover|answer|give|tell)
    | there\ is\ no\ (?:information|mention)
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_BUT = re.compile(r"\b(?:but|however|although|though|except)\b|;|:", re.IGNORECASE)
_SHORT_TALK_WORDS = 14
"""Talk that goes on for longer says something else too."""


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


def is_neutral(claim: str) -> bool:
    """Whether a sentence claims nothing that a context could bear out."""
    plain = claim.strip()
    every = [word for word, _, _ in words(plain)]
    if not _LETTERS.search(plain) or plain.rstrip("\"'”’)").endswith("?"):
        return True
    if all(word.lower() in STOP_WORDS for word in every):
        return True
    if plain.endswith(":") and not _states_facts(plain):
        return True
    if _TALK.match(plain):
        return len(every) <= _SHORT_TALK_WORDS and not _states_facts(plain)
    return bool(_HEDGE.search(plain)) and not _BUT.search(plain)


def _states_facts(text: str) -> bool:
    return bool(numbers(text) or dates(text) or names(text))


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
