"""Context words: a number after "account" is likelier an account number.

As Presidio's `LemmaContextAwareEnhancer`: a word of the label among the five words before a finding adds 0.35 to its
score, and makes it at least 0.4. The differences, each a fault there:

* words are compared whole (with a plural `s`), not as parts: `lic` is not in `public`, `us` not in `customer`;
* phrases of several words count (`national insurance`), which single tokens can never equal;
* in scripts without spaces a context word may be a part of what stands before: `电话是`;
* the word directly before a number may say that it is another's (`account settings; build 2024113009171`): then no
  other word does;
* words before another long number are about that one, and numbers are not counted as words;
* the nearest word counts for a little more, so that `account 12345678, SSN 123456789` is told apart;
* only the `REACH` characters before a finding are read, so that it does not depend on how much came earlier.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from detectors.pii.characters import UNSPACED

REACH = 200
"""Characters before a finding in which its context words are looked for."""
WORDS = 5
BOOST = 0.35
LEAST = 0.4
NEARNESS = 0.01
LONG_NUMBER = 5
LONG_GROUPS = 9
"""Digits, in one word and in neighbouring ones (more than a date has), that make another number."""

_ANOTHER = re.compile(
    r" (?:isbn|issn|doi|sku|upc|ean|asin|orders?|invoices?|tickets?|tracking|batch|serial|part|model|version|ver"
    r"|release|build|revision|commit|port|error|hash|uuid|guid|timestamp|epoch|pid|issue|bug|item|rfc|patent|page|lines?|row"
    r"|offset|bytes|size|total|sum|count|seed|index)(?: (?:number|no|nr|code|ref))? \Z"
)
"""Words that say whose the number is that directly follows them."""
_UNSPACED = re.compile(f"[{UNSPACED}]")

_WORD = re.compile(r"[^\W_]+")
_REST_OF_WORD = re.compile(r"\A[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_FILLERS = frozenset(
    "a an and are as at be below by can could de del der di do el en es est et following for from had has have he her "
    "his i if in is it its la le les my of on or our please por s she so that the their then there these they this to "
    "und value was we were which who will with would y you your".split()
)


def words_before(text: str, start: int) -> str:
    """The last words before `start`, lower-case, without fillers, each with a space on both sides."""
    words: list[str] = []
    digits = 0
    for word in reversed(_words_in(text, start, start)):
        count = sum(map(str.isdigit, word))
        digits = digits + count if count else 0
        if count >= LONG_NUMBER or digits >= LONG_GROUPS or len(words) == WORDS:
            break
        if not word.isdigit():
            words.append(word)
    return _spaced(reversed(words))


def words_around(text: str, begin: int, end: int) -> str:
    """At least the words that `words_before` gives for any position in `[begin, end)`."""
    return _spaced(word for word in _words_in(text, begin, end) if not word.isdigit())


def _words_in(text: str, begin: int, end: int) -> list[str]:
    low = max(0, begin - REACH)
    before = text[low:end]
    if low > 0:  # the first word may be the rest of a longer one
        before = _REST_OF_WORD.sub("", before)
    return [word for word in _WORD.findall(_HUMP.sub(" ", before).lower()) if word not in _FILLERS]


def _spaced(words: Iterable[str]) -> str:
    return f" {' '.join(words)} "


class ContextWords:
    """The context words of one label."""

    def __init__(self, words: Iterable[str]) -> None:
        self.phrases = frozenset(_normalised(phrase) for phrase in words) - {""}
        phrases = self.phrases
        spaced = [phrase for phrase in phrases if not _UNSPACED.search(phrase)]
        inside = [phrase for phrase in phrases if _UNSPACED.search(phrase)]
        options = [f" (?P<spaced>{_any_of(spaced)})s?(?= )"] if spaced else []
        options += [f"(?P<inside>{_any_of(inside)})" + "[^ ]{0,12}(?= )"] if inside else []
        self._last = re.compile(f".*(?:{'|'.join(options)})") if options else None

    def boost(self, score: float, words: str) -> float | None:
        """The score of a finding after these words (of `words_before`); None when none of them is a context word."""
        found = self._last.match(words) if self._last else None
        if found is None:
            return None
        distance = words.count(" ", found.end()) - 1
        if distance > 0 and _ANOTHER.search(words):
            return None
        return min(1.0, max(LEAST, score + BOOST) + NEARNESS * (WORDS - distance))

    def word(self, words: str) -> str:
        """The context word for which `boost` gives a finding after these words more; empty when it does not."""
        found = self._last.match(words) if self._last and self.boost(0.0, words) is not None else None
        return next(filter(None, found.groupdict().values()), "") if found else ""

    def is_last(self, words: str) -> bool:
        """Whether the last of these words (of `words_before`) is a context word, or ends in one."""
        found = self._last.match(words) if self._last else None
        return found is not None and found.end() == len(words) - 1

    def is_among(self, words: str) -> bool:
        """Whether a context word is among these (of `words_around`)."""
        return self._last is not None and self._last.match(words) is not None


def _any_of(phrases: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, phrases), key=len, reverse=True))


def _normalised(phrase: str) -> str:
    return " ".join(word for word in _WORD.findall(phrase.lower()) if word not in _FILLERS)
