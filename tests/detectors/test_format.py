"""Forms of texts: what is JSON, of a schema, too long, too short, or without what must come; however it is cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from detectors.base import DetectorError
from detectors.format.detector import SCHEMA_CHARS, Format, FormatParams, FormatScanner
from detectors.format.language import LanguageCount, language_of
from detectors.format.shape import NotHeldError
from sidecar.offline import guard_text
from sidecar.values import Action, FailMode
from tests.detectors.scans import every_cut, held, scan
from tests.fakes import plan, rule

SCHEMA = {
    "type": "object",
    "required": ["answer"],
    "properties": {"answer": {"type": "string", "maxLength": 5}},
    "additionalProperties": False,
}
DRAFT = "https://json-schema.org/draft/2020-12/schema"
SLOW, LONG = {"pattern": "^(a+)+$"}, "a" * 40 + "!"
JSON_ALPHABET = '{}[]:,"\\ntrue0-1.eE+ u00Af\n'


def scanner(**params: Any) -> FormatScanner:
    return Format.build(FormatParams.model_validate(params))


def found(text: str, **params: Any) -> list[tuple[str, int]]:
    expected = scan(scanner(**params), text)
    for ends in every_cut(text):
        assert scan(scanner(**params), text, ends) == expected
    assert all(each.end == each.start + 1 for each in expected)
    return [(each.label, each.start) for each in expected]


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ('{"a": [1, -2.5e+3, true, null, "x\\u00e9\\n"]}', [], "a document"),
        (' "alone" ', [], "a value is a document"),
        ("12", [], "a number that ends with the text"),
        ('{"a": 1,}', [("NOT_JSON", 8)], "a comma too many"),
        ("Sure! {}", [("NOT_JSON", 0)], "words before it"),
        ("{} {}", [("NOT_JSON", 3)], "two of them"),
        ('{"a": 1', [("NOT_JSON", 6)], "it ends too early: the last character"),
        ("[01]", [("NOT_JSON", 2)], "a number that is none"),
        ("[1e5.]", [("NOT_JSON", 4)], "a number with its parts out of order"),
        ("[-]", [("NOT_JSON", 2)], "a number without a digit"),
        ("1" * 5000, [], "a number is as long as it likes"),
        ("[-0." + "0" * 5000 + "e+" + "0" * 5000 + "1]", [], "and so are its fraction and its exponent"),
        ("[1.]", [("NOT_JSON", 3)], "a number without its fraction"),
        ("nul", [("NOT_JSON", 2)], "a word that is cut"),
        ("NaN", [("NOT_JSON", 0)], "JavaScript's, not JSON's"),
        ('"\t"', [("NOT_JSON", 1)], "a control character in a string"),
        ('"\\x"', [("NOT_JSON", 2)], "an escape that is none"),
        ("[}", [("NOT_JSON", 1)], "the wrong bracket"),
        ('{"a" 1}', [("NOT_JSON", 5)], "no colon"),
        ("[" * 300, [("NOT_JSON", 256)], "nested too deep"),
        ("   ", [("NOT_JSON", 2)], "nothing but space"),
        ("", [], "an empty text is not judged"),
    ],
)
def test_what_is_no_json_is_told_where_it_stops_being_some(text: str, expected: list[Any], why: str) -> None:
    assert found(text, json={}) == expected, why


def is_json(text: str) -> bool:
    def refuse(_: str) -> None:
        raise ValueError

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        return False
    return True


@given(
    st.one_of(
        st.text(JSON_ALPHABET, min_size=1, max_size=20),
        st.recursive(
            st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=6,
        ).map(json.dumps),
    )
)
def test_it_is_json_exactly_where_python_says_so(text: str) -> None:
    assert (not scan(scanner(json={}), text)) == is_json(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"answer": "yes"}', []),
        ('{"answer": 1}', [("WRONG_SHAPE", "not of the schema: properties/answer/type")]),
        ('{"answer": "yes", "Bob": 1}', [("WRONG_SHAPE", "not of the schema: additionalProperties")]),
        ('{"answer": "yes"', [("NOT_JSON", "it ends before the document does")]),
    ],
)
def test_a_schema_is_held_when_the_text_is_over_and_no_reason_quotes_it(text: str, expected: list[Any]) -> None:
    findings = scan(scanner(json={"schema": SCHEMA}), text)
    assert [(each.label, each.reason) for each in findings] == expected
    assert [each.start for each in findings] == [len(text) - 1] * len(expected)


@pytest.mark.parametrize(
    ("schema", "slow", "reason"),
    [
        (SLOW, json.dumps(LONG), "pattern"),
        ({"$schema": DRAFT, "items": {"$schema": DRAFT, **SLOW}}, json.dumps([LONG]), "items/pattern"),
        (
            {"$schema": DRAFT, "properties": {"a": {"$ref": "#"}}, **SLOW},
            json.dumps({"a": LONG}),
            "properties/a/pattern",
        ),
        ({"propertyNames": SLOW}, json.dumps({LONG: 1}), "propertyNames/pattern"),
        (
            {"patternProperties": {SLOW["pattern"]: True}, "additionalProperties": False},
            json.dumps({LONG: 1}),
            "additionalProperties",
        ),
        ({"patternProperties": {"^a": {"type": "null"}}}, '{"ab": 1}', "patternProperties/^a/type"),
        ({"additionalProperties": {"type": "null"}}, '{"b": null, "a": 1}', "additionalProperties/type"),
        ({"uniqueItems": True}, json.dumps([*({"n": each} for each in range(7_000)), {"n": 1}]), "uniqueItems"),
        ({"uniqueItems": True}, "[1, 1.0]", "uniqueItems"),
        ({"pattern": "x"}, '"x\\ud800"', "pattern"),
        ({"patternProperties": {"x": {}}, "additionalProperties": False}, '{"x\\ud800": 1}', "additionalProperties"),
    ],
)
def test_no_text_makes_a_schema_slow(schema: dict[str, Any], slow: str, reason: str) -> None:
    """Each of these took minutes, or for ever, with regular expressions that backtrack and items compared in pairs."""
    [finding] = scan(scanner(json={"schema": schema}), slow)
    assert (finding.label, finding.reason) == ("WRONG_SHAPE", f"not of the schema: {reason}")


BRANCH = {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/$defs/node"}}}
TWICE: dict[str, dict[str, Any]] = {
    "anyOf": {"anyOf": [BRANCH, {**BRANCH}, {"const": "leaf"}]},
    "oneOf": {"oneOf": [BRANCH, {**BRANCH, "minProperties": 2}, {"const": "leaf"}]},
    "allOf": {"anyOf": [{"allOf": [BRANCH, {**BRANCH}]}, {"const": "leaf"}]},
    "if": {"if": BRANCH, "then": {**BRANCH}, "else": {"const": "leaf"}},
    "not": {"anyOf": [{"not": {"not": BRANCH}}, {**BRANCH}, {"const": "leaf"}]},
}


@pytest.mark.parametrize("keyword", sorted(TWICE))
@pytest.mark.parametrize("leaf", ["leaf", "other"])
def test_a_schema_that_refers_to_itself_twice_does_not_double_the_work_at_each_level(keyword: str, leaf: str) -> None:
    """Each of the 25 levels doubled it: 14 took 4 s."""
    schema = {"$defs": {"node": TWICE[keyword]}, "$ref": "#/$defs/node"}
    for depth in (1, 25):
        findings = scan(scanner(json={"schema": schema}), '{"a":' * depth + json.dumps(leaf) + "}" * depth)
        assert [each.label for each in findings] == ["WRONG_SHAPE"] * (leaf != "leaf")


def test_what_an_error_is_does_not_depend_on_whether_it_was_found_before() -> None:
    part = {"properties": {"a": {"type": "string"}}}
    schema = {"$defs": {"part": part}, "anyOf": [{"$ref": "#/$defs/part"}, {"required": ["a"]}], "$ref": "#/$defs/part"}
    [finding] = scan(scanner(json={"schema": schema}), '{"a": 1}')
    assert finding.reason == "not of the schema: properties/a/type"


MANY = {"items": {"anyOf": [*({"const": each} for each in range(20)), {"type": "string"}]}}


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (MANY, json.dumps([f"{each}" for each in range(5_000)])),
        ({"items": {"$ref": "#"}}, "[" * 200 + "]" * 200),
    ],
    ids=["too many steps", "too deep"],
)
def test_a_document_that_cannot_be_held_against_a_schema_is_not_accused(schema: dict[str, Any], text: str) -> None:
    with pytest.raises(NotHeldError):
        scan(scanner(json={"schema": schema}), text)
    held_plan = plan(
        (scanner(json={"schema": schema}), [rule(Action.BLOCK, "WRONG_SHAPE", on_error=FailMode.FAIL_OPEN)])
    )
    guarded = guard_text(held_plan, text)
    assert (guarded.text(), guarded.blocked) == (text, None)
    assert [each.failure and each.failure.reason for each in guarded.decisions] == ["NotHeldError"]
    stopped = guard_text(plan((scanner(json={"schema": schema}), [rule(Action.BLOCK, "WRONG_SHAPE")])), text)
    assert stopped.blocked is not None
    assert [each.failure and each.failure.reason for each in stopped.decisions] == ["NotHeldError"]


def test_a_long_document_is_held_against_a_schema_of_several_alternatives() -> None:
    assert scan(scanner(json={"schema": MANY}), json.dumps([f"{each}" for each in range(1_000)])) == []


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"pattern": "^(a+)+$"}, '"aaa"'),
        ({"patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": False}, '{"ab": 1}'),
        ({"properties": {"b": {}}, "additionalProperties": False}, '{"b": 1}'),
        ({"uniqueItems": True}, '[1, true, "1", [1], {"a": 1, "b": 2}, {"a": 1, "b": 3}, 1.5]'),
        ({"uniqueItems": True}, "{}"),
        ({"pattern": "x"}, "1"),
        ({"patternProperties": {"x": False}, "additionalProperties": False}, "[]"),
        ({"type": "integer"}, "1.0"),
    ],
)
def test_what_is_of_a_schema_passes(schema: dict[str, Any], text: str) -> None:
    assert scan(scanner(json={"schema": schema}), text) == []


def test_a_text_past_what_is_kept_for_a_schema_is_too_long() -> None:
    text = '"' + "a" * SCHEMA_CHARS + '"'
    assert [(each.label, each.start) for each in scan(scanner(json={"schema": {}}), text)] == [
        ("TOO_LONG", SCHEMA_CHARS)
    ]


@pytest.mark.parametrize(
    ("params", "text", "expected"),
    [
        ({"chars": {"max": 3}}, "abcd ef", [("TOO_LONG", 3)]),
        ({"chars": {"min": 3}}, "ab", [("TOO_SHORT", 1)]),
        ({"chars": {"min": 2, "max": 2}}, "a\u0301", []),
        ({"words": {"max": 2}}, "one - two, three four", [("TOO_LONG", 11)]),
        ({"words": {"min": 3}}, "one two", [("TOO_SHORT", 6)]),
        ({"words": {"min": 2}}, "don't stop", []),
        ({"sentences": {"max": 1}}, "One. Two. Three.", [("TOO_LONG", 5)]),
        ({"sentences": {"max": 1}}, "It costs 3.50 today...", []),
        ({"sentences": {"max": 2}}, 'He said "Go!" and went.', []),
        ({"sentences": {"max": 2}}, "一。二！三？", [("TOO_LONG", 4)]),
        ({"sentences": {"min": 2}}, "Only one", [("TOO_SHORT", 7)]),
        ({"sentences": {"min": 1}}, "...", [("TOO_SHORT", 2)]),
    ],
)
def test_lengths_are_counted(params: dict[str, Any], text: str, expected: list[Any]) -> None:
    assert found(text, **params) == expected


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("This is NOT medical  advice. Ticket AB-12.", []),
        ("Ask your doctor. Ticket AB-12.", []),
        ("Ticket AB-12.", ["NOTE is missing"]),
        ("a doctorate", ["NOTE is missing", "TICKET is missing"]),
    ],
)
def test_what_must_come_is_missed_when_the_text_is_over(text: str, missing: list[str]) -> None:
    params = {
        "required": {"NOTE": ["not medical advice", "doctor"]},
        "required_patterns": {"TICKET": r"\b[A-Z]{2}-\d+\b"},
    }
    findings = scan(scanner(**params), text)
    assert [each.reason for each in findings] == missing
    assert all((each.label, each.start) == ("MISSING", len(text) - 1) for each in findings)
    assert found(text, **params) == [("MISSING", len(text) - 1)] * len(missing)


def test_one_character_waits_whatever_is_asked_for() -> None:
    params = {"json": {"schema": SCHEMA}, "words": {"max": 9}, "required_patterns": {"ID": r"x{1,60}y"}}
    assert held(scanner(**params), '{"answer": "xxxxxxxxxxx"}') == "}"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "name at least one"),
        ({"chars": {}}, "neither min nor max"),
        ({"words": {"min": 3, "max": 2}}, "no text can have both"),
        ({"required": {"A": []}}, "is empty"),
        ({"required": {"A": ["x"]}, "required_patterns": {"A": "x"}}, "another name"),
        ({"json": {"scheme": {}}}, "scheme"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FormatParams.model_validate(params)


@pytest.mark.parametrize(
    ("params", "said", "path"),
    [
        ({"json": {"schema": {"type": "objekt"}}}, "no JSON Schema", ("json", "schema", "type")),
        ({"json": {"schema": {"$ref": "https://example.com/x"}}}, "has to be whole", ("json", "schema")),
        ({"json": {"schema": {"items": {"$ref": "#/$defs/no"}}}}, "refers to #/[$]defs/no,", ("json", "schema")),
        ({"json": {"schema": {"$ref": "#/required/x", "required": ["a"]}}}, "which is not in it", ("json", "schema")),
        ({"json": {"schema": {"$dynamicRef": "#no"}}}, "refers to #no, which is not in it", ("json", "schema")),
        ({"json": {"schema": {"items": {"pattern": "(?=a)b"}}}}, "RE2 takes, without look-around", ("json", "schema")),
        ({"json": {"schema": {"patternProperties": {r"(a)\1": {}}}}}, "RE2 takes", ("json", "schema")),
        (
            {"json": {"schema": {"patternProperties": {"a": {}}, "unevaluatedProperties": False}}},
            "use additionalProperties",
            ("json", "schema"),
        ),
        ({"required_patterns": {"A": r"(a)\1"}}, "A: ", ("required_patterns", "A")),
    ],
)
def test_what_cannot_be_built_says_where(params: dict[str, Any], said: str, path: tuple[str, ...]) -> None:
    with pytest.raises(DetectorError, match=said) as told:
        scanner(**params)
    assert told.value.path == path


GERMAN = "Der Hund ist nicht in dem Haus, und die Katze ist auch nicht bei ihm, denn sie wird von einer Maus gejagt."
RUSSIAN = "Это не то, что было, но он был бы здесь, если бы она ему так сказала, когда мы были там."
FRENCH = "Le chien n'est pas dans la maison et le chat est avec elle, mais il ne sera pas pour nous ce que vous dites."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GERMAN, []),
        (FRENCH, [("WRONG_LANGUAGE", len(FRENCH) - 1)]),
        (FRENCH[:40], []),  # too short to be judged
        ("x = f(a, b); return {0: x} " * 6, []),  # it cannot be told
        ("ここは日本語の文章です。" * 8, [("WRONG_LANGUAGE", 95)]),
        (RUSSIAN, [("WRONG_LANGUAGE", len(RUSSIAN) - 1)]),
    ],
)
def test_a_language_is_judged_when_the_text_is_over(text: str, expected: list[Any]) -> None:
    assert found(text, language={"one_of": ["de", "en"]}) == expected


@given(st.lists(st.sampled_from([GERMAN[:30], FRENCH[:30], "да ", "日本", "und", " ", "-", "É", "1"]), max_size=12))
def test_a_language_does_not_depend_on_cuts(pieces: list[str]) -> None:
    text = "".join(pieces)
    count = LanguageCount()
    for number, char in enumerate(text):
        count.add(char)
        if number % 3 == 0:
            count = count.fork()
    assert count.language() == language_of(text)
    assert count.letters == sum(char.isalpha() for char in text)


def test_a_language_that_cannot_be_told_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"tlh cannot be told; these can: ar, bg, .*, zh"):
        scanner(language={"one_of": ["tlh"]})


def test_what_is_in_the_lists_is_told_as_that() -> None:
    """Each language's own words, and the scripts of which one language is told."""
    assert {language_of(GERMAN), language_of(FRENCH)} == {"de", "fr"}
    assert language_of("Το σκυλί δεν είναι στο σπίτι") == "el"
    assert language_of("הכלב לא בבית") == "he"
    assert language_of("") is None
