"""What of an answer is to be checked: sentences, citations, and which of them claim anything."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.grounding.sentences import claims, is_neutral


@pytest.mark.parametrize(
    ("text", "expected"),
    (
        ("The arch is long.", [("The arch is long.", ())]),
        ("  The arch is long [1].\n", [("The arch is long [1].", ("1",))]),
        ("It opened.[1] It is big.[2][a-3]", [("It opened.[1]", ("1",)), ("It is big.[2][a-3]", ("2", "a-3"))]),
        ("It opened in 1932 [1, 2; doc.4].", [("It opened in 1932 [1, 2; doc.4].", ("1", "2", "doc.4"))]),
        ("It opened【3†source】.", [("It opened【3†source】.", ("3",))]),
        (" \n ", []),
    ),
)  # fmt: skip
def test_a_segment_is_cut_into_sentences_with_their_citations(
    text: str, expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    assert [(text[each.start : each.end], each.citations) for each in claims(text)] == expected


@pytest.mark.parametrize(
    ("sentence", "bare"),
    (
        ("- **Price**: 30 euros [2].", "Price : 30 euros ."),
        ("1. Returns are free.", "Returns are free."),
        ("2 cups of flour, snake_case stays.", "2 cups of flour, snake_case stays."),
    ),
)
def test_what_is_no_part_of_the_claim_is_blank_and_offsets_stay(sentence: str, bare: str) -> None:
    (claim,) = claims(sentence)
    assert len(claim.text) == len(sentence)
    assert claim.text.split() == bare.split()


def test_the_left_context_is_no_part_of_it() -> None:
    assert [(each.start, each.end) for each in claims("Before. The arch is long.", 7)] == [(8, 25)]


@given(st.text("a.![1] \n*-é漢", max_size=40), st.integers(0, 5))
def test_claims_are_in_order_and_hold_all_that_is_visible(text: str, begin: int) -> None:
    found = list(claims(text, min(begin, len(text))))
    covered = {place for each in found for place in range(each.start, each.end)}
    assert all(before.end <= after.start for before, after in pairwise(found))
    assert [n for n in range(min(begin, len(text)), len(text)) if not text[n].isspace() and n not in covered] == []


@pytest.mark.parametrize(
    "sentence",
    (
        "Hello there!", "Thanks for asking.", "You're welcome!", "Sure, here is what I found:", "Of course!", "Yes.",
        "Is it big?", 'He asked "why?"', "Let me know if you have questions.", "If you need more, just let me know.",
        "I hope this helps!", "I'm happy to help with that.", "Here are the details:", "I'm not sure about that.",
        "I don't know.", "The provided context does not mention the price.", "There is no information about it.",
        "To summarize:", "---", "1.", "Great question, let me explain.", "Feel free to ask.", "Have a nice day!",
    ),
)  # fmt: skip
def test_a_sentence_that_claims_nothing_is_neutral(sentence: str) -> None:
    assert is_neutral(sentence)


@pytest.mark.parametrize(
    "sentence",
    (
        "The arch is long.", "No refunds are given.", "Yes, returns are free.", "Thank you for ordering 30 jackets.",
        "I'm not sure, but the bridge was opened in 1952.", "I don't know the price; the toll is 4 euros.",
        "According to the document, returns are free.", "Here is the year it opened: 1932.",
        "Here is Ann Miller's bridge.",
        "Drivers pay a toll.", "It rains.", "漢字です。",
    ),
)  # fmt: skip
def test_a_sentence_that_claims_something_is_not(sentence: str) -> None:
    assert not is_neutral(sentence)
