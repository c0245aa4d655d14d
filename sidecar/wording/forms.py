"""The form of a replacement: `‹email-address›`.

Its marks (U+2039, U+203A) and what stands between them, letters, digits and `-`, mean nothing to CommonMark, GFM, HTML,
LaTeX, JSON and a shell, and there is no blank in it: it is one word to a shell, one destination to a link, one cell to
a table, and never broken over two lines. Only next to a run of `*`, `_` or `~` does Markdown look at what kind of
character stands there: a letter or a mark. Where a mark stands for a letter, a word joiner (U+2060), which nobody sees
and which counts as a letter, keeps the run what it was: see `joined`.

A mask's `•` (U+2022) is such a mark too.
"""

from __future__ import annotations

import re
import unicodedata

MASK = "•"
DELIMITERS = "*_~"
_WORD_JOINER = "\u2060"
_NO_WORDS = "redacted"
_APART = re.compile(r"[\s\-]+")
_NOT_IN_URLS = re.compile(r"""[\s"'()<>\[\]\\^`{|}‹›]+""")


def is_word_character(character: str) -> bool:
    """Whether the character may stand between a form's marks: a letter, a digit, a mark of one, an apostrophe."""
    return character.isalnum() or unicodedata.category(character).startswith("M") or character == "’"


def quoted(words: str, value: str = "") -> str:
    """`‹words-value›`. Other characters than a form may have become `-`."""
    text = "".join(each if is_word_character(each) else "-" for each in f"{words} {value}")
    return f"‹{_APART.sub('-', text).strip('-') or _NO_WORDS}›"


def as_target(replacement: str, *, is_image: bool) -> str:
    """The replacement as where a link leads, or where an image comes from: to nothing, and nothing is asked for."""
    words = _NOT_IN_URLS.sub("-", replacement).strip("-")
    return f"about:blank#{words}" if is_image else f"#{words}"


def as_split(replacement: str, replaced: str) -> str:
    """The replacement with a blank in it if what it replaces has one: a word alone would be a target."""
    if len(replaced.split()) < 2 or len(replacement.split()) != 1:
        return replacement
    return f"{replacement[:1]} {replacement[1:]}"


def is_letter_like(character: str) -> bool:
    """Whether Markdown takes it for neither blank nor punctuation, next to a run of delimiters."""
    return not character.isspace() and unicodedata.category(character)[0] not in "PSZ"


def joined(replacement: str, replaced: str, *, is_bound_left: bool, is_bound_right: bool) -> str:
    """The replacement with a word joiner where it is bound to a delimiter and a mark stands for a letter."""
    if not replacement or not replaced:
        return replacement
    left = is_bound_left and is_letter_like(replaced[0]) and not is_letter_like(replacement[0])
    right = is_bound_right and is_letter_like(replaced[-1]) and not is_letter_like(replacement[-1])
    return f"{_WORD_JOINER if left else ''}{replacement}{_WORD_JOINER if right else ''}"
