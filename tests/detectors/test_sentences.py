"""What of an answer is to be checked: sentences, citations, and which of them claim anything."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.grounding.neutral import is_neutral
from detectors.grounding.sentences import claims


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
        "The passages don't say who designed it.", "Neither of the documents mentions a price.",
        "None of the sources specify a date.",
        "The year of its opening is not mentioned in the passages.", "The designer's name isn't given.",
        "No information about Ann Miller is provided in the context.", "There is not enough information to answer.",
        "Nothing in the provided documents speaks of Berlin.", "It is unclear whether the toll is due.",
        "It is not specified who paid for it.", "Whether the bridge has a name remains unclear.",
        "I couldn't find anything about the harbour.", "The text provided does not explicitly state the reason.",
        "Based on the provided passages, here are the main points about the Harbour Bridge:",
        "The key facts about Ann Miller are:", "According to passage 2:", "This answer is based on the passages above.",
        "See the documents for more.", "I will summarise the passages.", "For more details, see the documents.",
        "Perhaps the toll was meant to pay for it.", "It is possible that drivers were against it.",
        "I think the arch is the best part.",
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
        "The document was not mentioned in the will.", "Perhaps 500 people died there.", "It is likely to rain in May.",
        "The report doesn't state a price, but the toll is 4 euros.", "The contract does not cover theft.",
        "The main arch is made of steel.", "The old law was not mentioned by the king.", "I read law in Oxford.",
        "Smoking is not found among monks.", "The toll is not given back.", "The bridge does not include a path.",
        "Drivers pay a toll.", "It rains.", "漢字です。",
    ),
)  # fmt: skip
def test_a_sentence_that_claims_something_is_not(sentence: str) -> None:
    assert not is_neutral(sentence)
