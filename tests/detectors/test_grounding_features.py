"""Exact checks of grounding: what counts as stated by the context, and what does not."""

from __future__ import annotations

import pytest

from detectors.grounding.facts import ContextFacts
from detectors.grounding.features import FEATURES, Compared, closest_sentence, lexical_features
from detectors.grounding.passages import PassageIndex
from detectors.grounding.stated import dates, names, negations, numbers, quotes, speakers

CONTEXT = (
    "George Washington was born on February 22, 1732, in Virginia. The budget was $3.5 million in 1998. "
    'Twenty-five people did not attend; 12% of 1,200 staff (United Nations) said: "we will not go". '
    "He ran 5 km in the 1990s. The Canadian team won the third match. Revenue was 3,482,000 euros."
)


def failed(claim: str, context: str = CONTEXT) -> list[tuple[str, str]]:
    index = PassageIndex([context])
    checks = Compared(claim, ContextFacts([context]), index.select(claim)).failed
    return [(check.kind, claim[check.start : check.end]) for check in checks]


@pytest.mark.parametrize(
    ("text", "found"),
    (
        ("1,200 staff", [(1200.0, "")]),
        ("$3.5 million", [(3_500_000.0, "usd")]),
        ("3.5 million dollars", [(3_500_000.0, "usd")]),
        ("£20bn", [(20e9, "gbp")]),
        ("12%", [(12.0, "%")]),
        ("twelve per cent", [(12.0, "%")]),
        ("twenty-five people", [(25.0, "")]),
        ("two hundred and five days", [(205.0, "day")]),
        ("one of them", []),
        ("the third match", [(3.0, "")]),
        ("the 21st century", [(21.0, "century")]),
        ("in the 1990s", [(1990.0, "decade")]),
        ("5 kilometres", [(5.0, "km")]),
        ("version 1.2.3", [(1.2, "")]),
    ),
)
def test_numbers_are_read_with_their_units(text: str, found: list[tuple[float, str]]) -> None:
    assert [(number.value, number.unit) for number in numbers(text)] == found


@pytest.mark.parametrize(
    ("text", "found"),
    (
        ("on February 22, 1732,", [(1732, 2, 22)]),
        ("on the 22nd of February", [(None, 2, 22)]),
        ("22 Feb 1732", [(1732, 2, 22)]),
        ("since March 2020", [(2020, 3, None)]),
        ("on 2020-03-05", [(2020, 3, 5)]),
        ("in May", [(None, 5, None)]),
        ("you may go", []),
    ),
)
def test_dates_are_read_in_their_usual_forms(text: str, found: list[tuple[int | None, int, int | None]]) -> None:
    assert [(date.year, date.month, date.day) for date in dates(text)] == found


@pytest.mark.parametrize(
    ("text", "found"),
    (
        ("He met George Washington in Virginia.", ["George Washington", "Virginia"]),
        ("However, the Bank of England refused.", ["Bank of England"]),
        ("Painters met.", []),
        ("NASA said so.", ["NASA"]),
        ("The University Press. Yes.", ["University Press"]),
    ),
)
def test_names_are_capitalised_words_that_do_not_just_open_a_sentence(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in names(text)] == found


def test_quotes_have_two_words_and_negations_are_found() -> None:
    text = "She said “never again” and 'ok' and didn't \"go\"."
    assert [text[start:end] for start, end in quotes(text)] == ["never again"]
    assert [text[start:end] for start, end in negations(text)] == ["never", "didn't"]


@pytest.mark.parametrize(
    ("text", "found"),
    (
        ("I was there, and i’ve told my friends.", ["I", "i’ve", "my"]),
        ("So I went.", ["I"]),
        ("World War I began after Elizabeth I of England.", []),
        ("She said “I will not go home”.", []),
        ("The coal mine was treated for ME in Portland.", []),
    ),
)
def test_a_text_speaks_of_its_author(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in speakers(text)] == found


def test_what_a_claim_says_of_its_author_is_borne_out_only_where_documents_speak_of_theirs() -> None:
    claim = "I have been to Canada."
    assert ("speaker", "I") in failed(claim, "Canada is a country.")
    assert failed(claim, "In May I went to Canada.") == []


@pytest.mark.parametrize(
    "claim",
    (
        "Washington was born on 22 February 1732.",
        "The budget was 3.5 million dollars.",
        "The UN said “we will not go”.",
        "12 percent of 1200 staff did not attend.",
        "He ran five km.",
        "Canada won the 3rd match.",
        "The revenue was about 3.5 million euros.",
        "Born in 1732, Washington was a Virginian.",
    ),
)
def test_what_the_context_states_passes(claim: str) -> None:
    assert failed(claim) == []


@pytest.mark.parametrize(
    ("claim", "check"),
    (
        ("Washington was born on 23 February 1732.", ("date", "23 February 1732")),
        ("The budget was 3.4 million dollars.", ("number", "3.4 million dollars")),
        ("He ran 5 miles.", ("number", "5 miles")),
        ("He ran in the 1980s.", ("number", "1980s")),
        ("Thomas Jefferson was born in Virginia.", ("name", "Thomas Jefferson")),
        ("The staff said “we will go home”.", ("quote", "we will go home")),
        ("He did not run 5 km in the 1990s.", ("negation", "not")),
        ("12% of 1,250 staff said so.", ("number", "1,250")),
        ("The third match was won by Australia.", ("name", "Australia")),
    ),
)
def test_what_the_context_does_not_state_fails_with_its_span(claim: str, check: tuple[str, str]) -> None:
    assert check in failed(claim)


def test_numbers_may_be_rounded_only_where_they_are_large_or_called_rough() -> None:
    context = "The lake holds 100,200 litres. 49 people came in 1998."
    assert failed("The lake holds 100,000 litres.", context) == []
    assert failed("About 50 people came.", context) == []
    assert failed("Exactly 50 people came.", context) == [("number", "50")]
    assert failed("They came in 1997.", context) == [("number", "1997")]


def test_facts_grow_with_documents() -> None:
    facts = ContextFacts(["Rosa has 3 cats."])
    (number,) = numbers("4 dogs")
    assert not facts.has_number(number)
    facts.add("She has 4 dogs.")
    assert facts.has_number(number)


def test_features_have_the_stated_order_and_range() -> None:
    index, facts = PassageIndex([CONTEXT]), ContextFacts([CONTEXT])
    claim = "Thomas Jefferson ran 6 km in the 1990s."
    values = dict(zip(FEATURES, lexical_features(claim, index, facts, index.select(claim)), strict=True))
    assert values["names_missing"] == 1.0
    assert values["numbers_missing"] == pytest.approx(0.5)
    assert values["quotes_missing"] == values["dates_missing"] == values["negation_mismatch"] == 0.0
    assert all(0.0 <= value <= 1.0 for value in values.values())


def test_a_literal_copy_has_full_overlap_and_no_failed_check() -> None:
    claim = "The Canadian team won the third match."
    index, facts = PassageIndex([CONTEXT]), ContextFacts([CONTEXT])
    values = dict(zip(FEATURES, lexical_features(claim, index, facts, index.select(claim)), strict=True))
    assert values["best_recall"] == values["context_recall"] == values["bigram_recall"] == pytest.approx(1.0)
    assert failed(claim) == []


def test_no_context_supports_nothing() -> None:
    index, facts = PassageIndex(), ContextFacts()
    values = dict(zip(FEATURES, lexical_features("It has 3 lanes.", index, facts, []), strict=True))
    assert values["best_recall"] == values["context_recall"] == 0.0
    assert values["numbers_missing"] == 1.0
    assert closest_sentence("It has 3 lanes.", []) == ("", 0.0)
