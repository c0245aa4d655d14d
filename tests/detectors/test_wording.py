"""Small changes of wording that turn what a sentence says, and changes that do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.grounding.facts import ContextFacts
from detectors.grounding.features import Compared
from detectors.grounding.passages import PassageIndex
from detectors.grounding.wording import (
    changed_quantifiers,
    dropped_hedges,
    is_copy,
    is_near_copy,
    substituted_words,
    swapped_names,
)

KINDS = {"hedge", "quantifier", "order", "word", "number"}


def turned(claim: str, context: str) -> list[tuple[str, str]]:
    """What the exact checks hold against a claim."""
    checks = Compared(claim, ContextFacts([context]), PassageIndex([context]).select(claim)).failed
    return [(check.kind, claim[check.start : check.end]) for check in checks if check.kind in KINDS]


@pytest.mark.parametrize(
    ("claim", "context", "found"),
    (
        ("Coffee cures headaches.", "Coffee may cure headaches.", ("hedge", "Coffee cures headaches.")),
        ("Coffee cures headaches.", "Some experts believe coffee cures headaches.",
         ("hedge", "Coffee cures headaches.")),
        ("The mayor took the money.", "The mayor allegedly took the money.", ("hedge", "The mayor took the money.")),
        ("All members voted for the plan.", "Most members voted for the plan.", ("quantifier", "All")),
        ("Most roads are closed in winter.", "Some roads are closed in winter.", ("quantifier", "Most")),
        ("Few roads are closed in winter.", "Many roads are closed in winter.", ("quantifier", "Few")),
        ("Only members may vote in the hall.", "Members may vote in the hall.", ("quantifier", "Only")),
        ("Only members may vote in the hall.", "Members may only vote in the hall.", ("quantifier", "Only")),
        ("Acme acquired Globex in 2004.", "Globex acquired Acme in 2004.", ("order", "Acme")),
        ("It was Ann who hired Bob in May.", "It was Bob who hired Ann in May.", ("order", "Ann")),
        ("Ann scored 7 and Bob 5 goals.", "Ann scored 5 and Bob 7 goals.", ("order", "7")),
        ("The bridge was closed in spring.", "The bridge was opened in spring.", ("word", "closed")),
    ),
)  # fmt: skip
def test_what_turns_a_sentence_is_found(claim: str, context: str, found: tuple[str, str]) -> None:
    assert found in turned(claim, context)


@pytest.mark.parametrize(
    ("claim", "context"),
    (
        ("Coffee may cure headaches.", "Coffee may cure headaches."),
        ("Coffee might cure headaches.", "Some experts believe coffee cures headaches."),
        ("The bridge was opened in spring.", "The bridge was opened in May in spring."),
        ("Some members voted for the plan.", "All members voted for the plan."),
        ("Many members voted for the plan.", "Most members voted for the plan."),
        ("Members may only vote in the hall.", "Members may only vote in the hall."),
        ("He had told them to only shoot the wolves.", "He had told them to shoot only the wolves."),
        ("Acme was acquired by Globex in 2004.", "Globex acquired Acme in 2004."),
        ("Globex and Acme merged.", "Acme and Globex merged."),
        ("Caesar's nephew Octavian took the name.", "Octavian, Caesar's nephew, took the name."),
        ("In 2004, Globex acquired Acme.", "Globex acquired Acme in 2004."),
        ("The road is 3.1 miles long.", "The road is 5 km long."),
        ("It boils at 212 °F there.", "It boils at 100 °C there."),
        ("It took 90 minutes in all.", "It took 1.5 hours in all."),
        ("In total 12 people came to see it.", "5 men and 7 women came to see it."),
        ("He reigned for 20 years in Rome.", "He reigned from 1920 to 1940 in Rome."),
        ("", "Anything."),
    ),
)  # fmt: skip
def test_what_says_the_same_is_not(claim: str, context: str) -> None:
    assert turned(claim, context) == []


def test_a_number_that_is_no_sum_is_missing() -> None:
    assert turned("In total 13 people came to see it.", "5 men and 7 women came to see it.") == [("number", "13")]
    assert turned("The road is 4 miles long.", "The road is 5 km long.") == [("number", "4 miles")]


WORDS = "Ann Bob the a may only all some few hired saw by was not in May 5 7 , . “ 漢 and".split()
TEXT = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)


@given(TEXT, TEXT)
def test_whatever_is_compared_spans_lie_in_the_claim(claim: str, closest: str) -> None:
    anchors = [(start, start + 3) for start in range(len(claim) - 3) if claim[start : start + 3] in ("Ann", "Bob")]
    found = [
        *dropped_hedges(claim, closest),
        *changed_quantifiers(claim, closest),
        *swapped_names(claim, closest, anchors),
        *substituted_words(claim, closest),
    ]
    assert all(0 <= start <= end <= len(claim) for start, end in found)
    assert is_near_copy(claim, closest) in (True, False)


@given(TEXT)
def test_a_copy_turns_nothing(text: str) -> None:
    assert dropped_hedges(text, text) == []
    assert changed_quantifiers(text, text) == []
    assert substituted_words(text, text) == []


@pytest.mark.parametrize(
    ("claim", "closest", "is_one"),
    (
        ("The bridge was closed.", "The bridge was closed.", True),
        ("the bridge was closed", "“The bridge was closed!”", True),
        ("The bridge was closed.", "If the bridge was closed, ships would wait.", False),
        ("The bridge was closed.", "The bridge was closed in the story.", False),
        ("The bridge was closed.", "The bridges were closed.", False),
        ("It has 3 lanes.", "It has 8 lanes.", False),
        ("It costs 3.5 euros.", "It costs 35 euros.", False),
        ("", "", False),
    ),
)
def test_a_copy_has_the_same_words_and_no_others(claim: str, closest: str, *, is_one: bool) -> None:
    assert is_copy(claim, closest) is is_one


@pytest.mark.parametrize(
    ("claim", "context"),
    (
        ("Prices rose by 5 %.", "Prices rose by 5 $."),
        ("I have been there.", "I have been there."),
        ("The US won.", "The us won."),
    ),
)
def test_a_copy_whose_checks_fail_is_none(claim: str, context: str) -> None:
    compared = Compared(claim, ContextFacts([context]), PassageIndex([context]).select(claim))
    assert compared.is_copy == (not compared.failed)
