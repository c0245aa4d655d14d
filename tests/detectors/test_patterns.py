"""Author-supplied patterns and keywords: what a policy may say, what is refused and how, and what is found."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from detectors.base import DetectorError
from detectors.patterns import Patterns, PatternsParams
from detectors.types import Finding
from tests.detectors.scans import every_cut, held, scan


def params(**values: Any) -> PatternsParams:
    return PatternsParams.model_validate(values)


def found(text: str, **values: Any) -> list[tuple[str, str, float]]:
    """What is found however the text is cut, as (label, text, score)."""
    scanner = Patterns.build(params(**values))
    expected = scan(scanner, text)
    for ends in every_cut(text):
        assert scan(scanner, text, ends) == expected
    return [(finding.label, text[finding.start : finding.end], finding.score) for finding in expected]


ORDER = {"label": "ORDER_ID", "regex": r"\bORD-\d{8}\b"}


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("see ORD-12345678.", {"patterns": [ORDER]}, [("ORDER_ID", "ORD-12345678", 1.0)]),
        ("see ORD-123456789.", {"patterns": [ORDER]}, []),
        ("ord-12345678", {"patterns": [{"label": "A", "regex": "(?i)ORD-[0-9]+"}]}, [("A", "ord-12345678", 1.0)]),
        ("pin 1234", {"patterns": [{"label": "P", "regex": r"n (?P<value>\d+)", "score": 0.6}]}, [("P", "1234", 0.6)]),
        ("Ääkkönen on täällä", {"patterns": [{"label": "W", "regex": r"\bt\w+\b"}]}, [("W", "täällä", 1.0)]),
        ("٣٤ and 12", {"patterns": [{"label": "N", "regex": r"\d{2}"}]}, [("N", "٣٤", 1.0), ("N", "12", 1.0)]),
        ("Ask ACME or acmeist", {"keywords": {"RIVAL": ["Acme"]}}, [("RIVAL", "ACME", 1.0)]),
        ("Acme Cloud", {"keywords": {"RIVAL": ["Acme", "Acme Cloud"]}}, [("RIVAL", "Acme Cloud", 1.0)]),
        ("Acme\n Cloud", {"keywords": {"RIVAL": ["Acme Cloud"]}}, [("RIVAL", "Acme\n Cloud", 1.0)]),
        ("I like C++ and C", {"keywords": {"LANG": ["C++"]}}, [("LANG", "C++", 1.0)]),
        ("unkraken Kraken", {"keywords": {"X": {"terms": ["Kraken"], "case_sensitive": True}}}, [("X", "Kraken", 1.0)]),
        ("unkraken", {"keywords": {"X": {"terms": ["Kraken"], "whole_words": False}}}, [("X", "kraken", 1.0)]),
        ("Привет, СОСЕД", {"keywords": {"X": ["сосед", "привет"]}}, [("X", "Привет", 1.0), ("X", "СОСЕД", 1.0)]),
        ("我爱北京天安门", {"keywords": {"X": ["天安门"]}}, [("X", "天安门", 1.0)]),
        ("我爱Acme公司", {"keywords": {"X": ["acme公司", "爱"]}}, [("X", "爱", 1.0)]),
        (
            "a1 b2",
            {"patterns": [{"label": "X", "regex": "a1"}], "keywords": {"Y": ["b2"]}},
            [("X", "a1", 1.0), ("Y", "b2", 1.0)],
        ),
    ],
)  # fmt: skip
def test_what_is_found(text: str, values: dict[str, Any], expected: list[tuple[str, str, float]]) -> None:
    assert found(text, **values) == expected


@pytest.mark.parametrize(
    ("regex", "message"),
    [
        (r"(?<!\d)\d{4}", r"pattern X: a look-around cannot run in linear time at position 0; use \b"),
        (r"(a|b)c\1", "pattern X: a back-reference cannot run in linear time at position 6; write"),
        (r"x*", "pattern X: it matches the empty text; make"),
        (r"(?:a{1,300}b){1,4}", "pattern X: a match may be 1204 characters long (limit 1024); bound"),
        (r"a)", "pattern X: not a valid regular expression (unbalanced parenthesis) at position 1"),
        (r"(?:[a-z]{1,1000}){1,1000}", "pattern X: a match may be 1000000 characters long"),
    ],
)
def test_a_bad_pattern_is_refused_by_name_place_and_remedy(regex: str, message: str) -> None:
    with pytest.raises(DetectorError) as refused:
        Patterns.build(params(patterns=[{"label": "X", "regex": regex}]))
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("term", ["", "   ", "x" * 129])
def test_a_bad_keyword_is_refused_by_its_list(term: str) -> None:
    with pytest.raises(DetectorError, match="keywords X: a keyword has"):
        Patterns.build(params(keywords={"X": [term]}))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"patterns": [{"label": "X", "regexp": "a"}]},
        {"patterns": [{"label": "no spaces", "regex": "a"}]},
        {"patterns": [{"label": "X", "regex": "a", "score": 0}]},
        {"keywords": {"X": []}},
        {"keywords": {"X": {"terms": ["a"], "case": True}}},
        {"patterns": [ORDER], "unknown": 1},
    ],
)
def test_a_wrong_shape_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        params(**values)


def test_labels_are_the_authors() -> None:
    some = params(patterns=[ORDER], keywords={"RIVAL": ["Acme"]})
    assert set(Patterns.labels_of(some)) == Patterns.build(some).labels == {"ORDER_ID", "RIVAL"}


def test_a_run_away_pattern_is_harmless() -> None:
    scanner = Patterns.build(
        params(patterns=[{"label": "X", "regex": r"(?:\w+\s?)+$"}, {"label": "Y", "regex": "(a|aa)+!"}])
    )
    assert [finding.label for finding in scan(scanner, "a" * 3000, range(0, 3000, 50))] == ["X"]


def test_thousands_of_keywords_at_once() -> None:
    terms = [f"term{number:04x}" for number in range(0, 4000, 2)]
    scanner = Patterns.build(params(keywords={"T": terms}))
    text = "some term0002 and term0003 and TERM0abc, term0abcd"
    assert scan(scanner, text, range(0, len(text), 3)) == [
        Finding(5, 13, "T", 1.0, "keywords T"),
        Finding(31, 39, "T", 1.0, "keywords T"),
    ]


def test_keywords_may_have_thousands_of_different_characters() -> None:
    terms = [chr(first) + chr(first + 1) for first in range(0x4E00, 0x5E00, 2)]
    scanner = Patterns.build(params(keywords={"X": [*terms, "Acme"]}))
    text = "x\u4e01\u4e02 Acme \u4e02\u4e03\u5d00\u5d01\U0001f600"
    assert [(one.start, one.end) for one in scan(scanner, text, range(len(text)))] == [(4, 8), (9, 11), (11, 13)]


@pytest.mark.parametrize(
    ("arrived", "expected"),
    [
        ("see OR", "OR"),
        ("see ORD-12", "ORD-12"),
        ("see ORD-x", ""),
        ("see ", ""),
        ("fOR", ""),
        ("use Acme C", "Acme C"),
        ("use Acme to", ""),
    ],
)
def test_only_what_may_become_a_match_is_held(arrived: str, expected: str) -> None:
    scanner = Patterns.build(
        params(patterns=[ORDER], keywords={"RIVAL": {"terms": ["Acme Cloud"], "case_sensitive": True}})
    )
    assert held(scanner, arrived) == expected
