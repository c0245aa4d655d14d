"""Cuts a text the way a language model emits it: pieces of words, digits by threes, marks alone."""

from __future__ import annotations

import re

_TOKEN = re.compile(r" ?[^\W\d_]{1,6}|\d{1,3}|\s|.", re.DOTALL)


def tokens(text: str) -> list[str]:
    """The pieces of a text, in order; together they are the text."""
    return _TOKEN.findall(text)
