"""Whether a regex can match: what no text fulfils is told, and never what some text does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.text.regular import can_match, parse
from detectors.text.regular.render import least_width


@pytest.mark.parametrize(
    "regex",
    [r"ORD$\d+", r"a\bb", r"\d^x", r"[^\s\S]", r"x\Bx\b\w", r"(?m)a$b", r"(a\bb|\d\Ac)+", r"\bé\b\w", r"(?m)a^b"],
)
def test_what_no_text_fulfils_matches_nothing(regex: str) -> None:
    assert not can_match(parse(regex))


@pytest.mark.parametrize(
    "regex",
    [r"\bORD\b", r"a\b b", r"(?m)a$\nb", r"(a\bb)?c", r"^x$", r"a\Bb", r"\B-\B", r"(?a:é\b\w)", r"x*", r"(?m)$\n^x"],
)
def test_what_some_text_fulfils_can_match(regex: str) -> None:
    assert can_match(parse(regex))


PIECES = st.sampled_from(["a", "-", r"\n", r"\b", r"\B", "^", "$", r"\A", r"\w", r"\W", "[^a]", "(?:a|-)"])
REGEXES = st.recursive(
    PIECES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda each: f"(?:{'|'.join(each)})"),
        st.builds(lambda each, times: f"(?:{each}){times}", inner, st.sampled_from(["*", "+", "?", "{2}"])),
    ),
    max_leaves=6,
)


@given(REGEXES, st.sampled_from(["", "(?m)"]), st.lists(st.text("ab-\n", max_size=4), max_size=40))
def test_what_matches_a_text_can_match(regex: str, flags: str, texts: list[str]) -> None:
    # `$` without (?m) is here the very end of the text, which `re` calls \Z.
    own = re.compile(flags + (regex if flags else regex.replace("$", r"\Z")))
    if any(own.search(text) for text in texts):
        assert can_match(parse(flags + regex))


@given(REGEXES)
def test_what_can_match_matches_a_short_text(regex: str) -> None:
    """All texts of up to five characters of every kind are long enough for so small a regex, but for few.

    What it takes at least leaves room for a character on either side, which `\\b` and `^` look at.
    """
    own = re.compile(regex.replace("$", r"\Z"))
    found = any(own.search(text) for text in SHORT)
    is_small = len(regex) <= MOST_FOR_SHORT and least_width(parse(regex)) <= LONGEST - 2
    assert found or not can_match(parse(regex)) or not is_small


LONGEST = 5
SHORT = [""]
for _ in range(LONGEST):
    SHORT += [text + char for text in SHORT if len(text) == len(SHORT[-1]) for char in "ab-\n"]
MOST_FOR_SHORT = 16
