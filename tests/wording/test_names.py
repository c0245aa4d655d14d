"""What labels are called, and the form in which that is written."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import registry
from sidecar.wording.forms import as_target, is_word_character, joined, quoted
from sidecar.wording.languages import Language
from sidecar.wording.names import name_of

PARAMS: dict[str, dict[str, Any]] = {
    "format": {
        "json": {"schema": {}},
        "chars": {"min": 1, "max": 2},
        "required": {"A": ["a"]},
        "language": {"one_of": ["en"]},
    },
    "pii": {"dates": True},
    "tools": {"allow": ["a"], "arguments": {"a": {"b": {"type": "string"}}}},
    "topic": {"deny": ["medical"]},
}


def shipped_labels() -> list[str]:
    kinds = {name: registry.get(name) for name in registry.names() if name != "patterns"}
    return sorted(
        label for name, kind in kinds.items() for label in kind.labels_of(kind.params(**PARAMS.get(name, {})))
    )


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("label", shipped_labels())
def test_every_label_of_a_shipped_detector_is_called_something_in_words(label: str, language: Language) -> None:
    name = name_of(label, language)
    assert name
    assert all(is_word_character(each) or each in " -" for each in name)


@pytest.mark.parametrize(
    ("label", "language", "name"),
    [
        ("EMAIL_ADDRESS", Language.EN, "email address"),
        ("EMAIL_ADDRESS", Language.DE, "E-Mail-Adresse"),
        ("US_SSN", Language.FR, "numéro de sécurité sociale"),
        ("GITHUB_TOKEN", Language.EN, "GitHub token"),
        ("GITHUB_TOKEN", Language.PT, "GitHub token"),
        ("self_harm", Language.EN, "self harm"),
        ("ORDER_ID", Language.NL, "order ID"),
        ("customer-number", Language.EN, "customer number"),
    ],
)
def test_names(label: str, language: Language, name: str) -> None:
    assert name_of(label, language) == name


@given(words=st.text(max_size=40), value=st.text("0123456789abcdef", max_size=8))
def test_a_form_is_one_word_whatever_is_written(words: str, value: str) -> None:
    form = quoted(words, value)
    assert shlex.split(f"echo {form}") == ["echo", form]
    assert json.loads(f'"{form}"') == form
    assert not set(form) & set("<>&\"'`\\$*_~#[](){}|!^%=+:;,.?/@ \t\n")


@pytest.mark.parametrize(
    ("replacement", "link", "image"),
    [
        ("‹email-address›", "#email-address", "about:blank#email-address"),
        ("[not in the documents]", "#not-in-the-documents", "about:blank#not-in-the-documents"),
        ("", "#", "about:blank#"),
        ("<CREDIT_CARD>", "#CREDIT_CARD", "about:blank#CREDIT_CARD"),
    ],
)
def test_a_target_leads_to_nowhere(replacement: str, link: str, image: str) -> None:
    assert (as_target(replacement, is_image=False), as_target(replacement, is_image=True)) == (link, image)


@pytest.mark.parametrize(
    ("replacement", "replaced", "left", "right", "expected"),
    [
        ("‹a›", "jane", True, True, "\u2060‹a›\u2060"),
        ("‹a›", "jane", False, True, "‹a›\u2060"),
        ("‹a›", "+1 415 555", True, True, "‹a›\u2060"),
        ("‹a›", "(415)", True, True, "‹a›"),
        ("•••• 1111", "4111 1111", True, True, "\u2060•••• 1111"),
        ("", "jane", True, True, ""),
    ],
)
def test_a_mark_that_stands_for_a_letter_is_joined_to_a_delimiter(
    replacement: str, replaced: str, left: bool, right: bool, expected: str
) -> None:
    assert joined(replacement, replaced, is_bound_left=left, is_bound_right=right) == expected
