"""Which of several texts a reader is told, by what a header says of their languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.wording.languages import MOST_LANGUAGES, best_liked, chosen, preferred

TEXTS = {"de": "nein", "pt-br": "não", "fr": "non"}


@pytest.mark.parametrize(
    ("accepted", "languages"),
    [
        pytest.param("de", ("de",), id="one"),
        pytest.param("de-CH, de;q=0.9, en;q=0.8, *;q=0.5", ("de-ch", "de", "en"), id="as browsers say it"),
        pytest.param("en;q=0.1,fr;q=0.7,de", ("de", "fr", "en"), id="by weight"),
        pytest.param("fr;q=0.5,de;q=0.5", ("fr", "de"), id="in the order of equals"),
        pytest.param("fr;q=0, de", ("de",), id="one that is not wanted"),
        pytest.param("", (), id="nothing"),
        pytest.param("*", (), id="any"),
        pytest.param("de_DE, <script>, ;q=1, fr;q=x", (), id="no languages"),
        pytest.param("de,de,DE;q=0.3", ("de",), id="one three times"),
    ],
)
def test_a_header_names_languages(accepted: str, languages: tuple[str, ...]) -> None:
    assert preferred(accepted) == languages


@given(st.text(max_size=400))
def test_whatever_a_header_holds_it_names_few_languages(accepted: str) -> None:
    assert len(preferred(accepted)) <= MOST_LANGUAGES


@pytest.mark.parametrize(
    ("languages", "text"),
    [
        pytest.param((), "no", id="nobody says which"),
        pytest.param(("de",), "nein", id="one of them"),
        pytest.param(("de-at",), "nein", id="a region of one"),
        pytest.param(("pt",), "no", id="not a region for the whole"),
        pytest.param(("pt-br",), "não", id="a region"),
        pytest.param(("ja", "fr", "de"), "non", id="the best liked that there is"),
        pytest.param(("ja",), "no", id="none of them"),
    ],
)
def test_a_reader_is_told_in_their_language(languages: tuple[str, ...], text: str) -> None:
    assert chosen("no", TEXTS, languages) == text


def test_readers_of_other_languages_are_told_what_is_for_them() -> None:
    texts = {**TEXTS, "default": "sorry"}
    assert chosen("no", texts, ("ja",)) == "sorry"
    assert chosen("no", texts, ()) == "no"


def test_the_best_liked_language_is_without_its_region() -> None:
    assert best_liked(preferred("fr;q=0.5, de-CH")) == "de"
    assert best_liked(()) == ""
