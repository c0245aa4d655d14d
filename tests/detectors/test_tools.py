"""Calls of tools: what may be called, with which arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from detectors.base import DetectorError, ToolCall
from detectors.calls import Names
from detectors.tools import Tools, ToolsParams, ToolsScanner, steps_of
from detectors.types import Finding

TOO_MUCH = "the arguments have a longer number, or nest deeper, than what is judged"


def judged(call: ToolCall, text: str, **params: Any) -> list[tuple[str, int, str]]:
    """What is found in a call's text, which came whole."""
    scanner = Tools.build(ToolsParams.model_validate(params))
    call.add(text)
    call.is_over = True
    found = scanner.start_call(call).advance(text, 0, is_final=True)
    return [(each.label, each.start, each.reason) for each in found]


def of_name(name: str, **params: Any) -> list[str]:
    return [label for label, _, _ in judged(ToolCall(name, is_name=True), name, **params)]


def wrong(arguments: str, constraint: dict[str, Any], path: str = "a") -> str:
    found = judged(ToolCall("t"), arguments, arguments={"t": {path: constraint}})
    assert len(found) <= 1
    assert not found or found[0][:2] == ("ARGUMENT_NOT_ALLOWED", len(arguments) - 1)
    return found[0][2] if found else ""


@pytest.mark.parametrize(
    ("name", "params", "is_found"),
    [
        ("search", {"allow": ["search"]}, False),
        ("search2", {"allow": ["search"]}, True),
        ("Search", {"allow": ["search"]}, True),
        ("mcp__files__read", {"allow": ["mcp__files__*"]}, False),
        ("mcp__mail__send", {"allow": ["mcp__files__*"]}, True),
        ("a.b", {"allow": ["a.b"]}, False),
        ("axb", {"allow": ["a.b"]}, True),
        ("search", {"deny": ["send_*"]}, False),
        ("send_mail", {"deny": ["send_*"]}, True),
        ("send_mail", {"allow": ["*"], "deny": ["send_*"]}, True),
        ("anything", {"arguments": {"t": {"a": {"type": "string"}}}}, False),
    ],
)
def test_names(name: str, params: dict[str, Any], is_found: bool) -> None:
    assert of_name(name, **params) == ["TOOL_NOT_ALLOWED"] * is_found


def test_a_call_whose_name_was_not_told_is_not_allowed() -> None:
    assert [label for label, _, _ in judged(ToolCall(), "{}", deny=["send"])] == ["TOOL_NOT_NAMED"]


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        ({"type": "string"}, ['"x"'], ["1", "null", "[]", "{}"]),
        ({"type": "integer"}, ["1", "1.0"], ["1.5", "true", '"1"']),
        ({"type": "number"}, ["1", "1.5"], ["true", '"1"']),
        ({"type": "boolean"}, ["true"], ["1", "0"]),
        ({"type": "null"}, ["null"], ["0"]),
        ({"equals": "x"}, ['"x"', '"\\u0078"'], ['"X"', "1"]),
        ({"equals": True}, ["true"], ["1", '"true"']),
        ({"equals": None}, ["null"], ["0", '""']),
        ({"one_of": ["x", 1]}, ['"x"', "1", "1.0"], ["true", '"1"']),
        ({"matches": "/workspace/[a-z/]*"}, ['"/workspace/a"'], ['"/workspace/../b"', "1", '"/workspace/a\\n"']),
        ({"max_chars": 3}, ['"abc"', "[1]"], ['"abcd"', "[1,2]"]),
        ({"min": 0, "max": 10}, ["0", "10", "5.5"], ["-1", "11", "true", '"5"']),
        (
            {"hosts": ["example.org", "*.corp.example"]},
            ['"https://example.org/a"', '"a.corp.example/x"', '"jane@example.org"', '"EXAMPLE.org:443"'],
            ['"https://evil.test"', '"https://example.org@evil.test"', '"https://example.org.evil.test"', '"evil.test"',
             '"https:\\\\\\\\evil.test"', "1"],
        ),
    ],
)  # fmt: skip
def test_constraints(constraint: dict[str, Any], good: list[str], bad: list[str]) -> None:
    for value in good:
        assert wrong(f'{{"a":{value}}}', constraint) == "", value
    for value in bad:
        assert wrong(f'{{"a":{value}}}', constraint).startswith("a: "), value


@pytest.mark.parametrize(
    ("path", "arguments", "is_wrong"),
    [
        ("a.b", '{"a":{"b":1}}', True),
        ("a.b", '{"a":[{"b":1}]}', False),
        ("a[0]", '{"a":[1,"x"]}', True),
        ("a[1]", '{"a":[1,"x"]}', False),
        ("a[*].b", '{"a":[{"b":"x"},{"b":1}]}', True),
        ('["a b"].c', '{"a b":{"c":1}}', True),
        ("missing", "{}", False),
    ],
)
def test_paths(path: str, arguments: str, is_wrong: bool) -> None:
    assert wrong(arguments, {"type": "string"}, path) == (f"{path}: type" if is_wrong else "")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ('{"a":"x","a":"y"}', "a key stands twice in the arguments"),
        ('{"b":{"a":1,"a":2}}', "a key stands twice in the arguments"),
        ("[1]", "the arguments are no JSON object"),
        ('{"a":"x"} {}', "the arguments are no JSON object"),
        ('{"a":', "the arguments are no JSON"),
        ('{"a"]', "the arguments are no JSON"),
        ('{"a":"' + "x" * 300_000 + '"}', "the arguments are longer than what is judged"),
        ("[" * 100_000, "the arguments are no JSON object"),
        ('{"a":' * 40_000 + "1" + "}" * 40_000, TOO_MUCH),
        ('{"a":' + "1" * 5_000 + "}", TOO_MUCH),
    ],
    ids=range(10),
)
def test_what_readers_may_read_differently_is_not_allowed(arguments: str, reason: str) -> None:
    assert wrong(arguments, {"type": "string"}) == reason


def probed(scanner: ToolsScanner, call: ToolCall, pieces: Iterable[str]) -> list[Sequence[Finding]]:
    """What is told of a call behind each piece if it were over there, as where another lane comes between."""
    run, at, told = scanner.start_call(call), 0, list[Sequence[Finding]]()
    for piece in pieces:
        call.add(piece)
        run.advance(piece, at, is_final=False)
        told.append(run.fork().advance(piece, at, is_final=True))
        at += len(piece)
    return told


@pytest.mark.parametrize(
    "arguments",
    ('{"a":{"b":"}{\\"[","c":[1,{}]}}' + " " * 200, "[" * 200, '{"a":"' + "}" * 200 + '"}', '{"a":1}' + "}" * 200),
)
def test_arguments_are_not_parsed_anew_at_each_change_of_lanes(arguments: str) -> None:
    scanner = Tools.build(ToolsParams.model_validate({"arguments": {"t": {"a": {"type": "boolean"}}}}))
    with patch("detectors.tools.json.loads", wraps=json.loads) as parsing:
        told = probed(scanner, ToolCall("t"), arguments)
    assert any(told)
    assert parsing.call_count <= 1


@given(st.recursive(st.text('a"\\{}[] ', max_size=4) | st.integers(), lambda inner: st.dictionaries(
    st.text('a{"\\', max_size=2), inner, max_size=3) | st.lists(inner, max_size=3), max_leaves=5
), st.sampled_from(("", "x", "{", "]", " ")), st.data())  # fmt: skip
def test_a_call_is_judged_where_its_arguments_are_whole_however_they_come(
    value: Any, behind: str, data: st.DataObject
) -> None:
    """Where that is, Python says; what can be no object is refused where that is certain."""
    text = f" {json.dumps(value)}{behind}"
    scanner = Tools.build(ToolsParams.model_validate({"arguments": {"t": {"a": {"type": "boolean"}}}}))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text) - 1), max_size=6)))
    pieces = [text[start:end] for start, end in pairwise((0, *cuts, len(text)))]
    told = probed(scanner, ToolCall("t"), pieces)
    so_far = [*accumulate(pieces)]
    for each, findings in zip(so_far, told, strict=True):
        reason = next((found.reason for found in findings), "")
        if (whole := document_of(each)) is None:
            assert reason in ("", "the arguments are no JSON object")
            assert not (reason and each.lstrip().startswith("{") and document_of(each + "}" * 9) is not None)
        else:
            assert reason == ("a: type" if "a" in whole and not isinstance(whole["a"], bool) else "")


def document_of(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def test_a_name_is_compared_in_linear_time() -> None:
    """With expressions that backtrack, 2,000 characters took eleven seconds, and each more of them more."""
    long = "a" * 100_000
    assert of_name(long, deny=["*a*a*a*b"]) == []
    assert of_name(long + "b", deny=["*a*a*a*b"]) == ["TOOL_NOT_ALLOWED"]


@given(st.text("ab*", min_size=1, max_size=8), st.text("ab", max_size=8))
def test_a_star_stands_for_any_characters(pattern: str, name: str) -> None:
    assert Names([pattern]).has(name) == (re.fullmatch(pattern.replace("*", ".*"), name) is not None)


def test_a_value_that_is_no_text_matches_nothing() -> None:
    assert wrong('{"a":"x\\ud800"}', {"matches": "x.*"}) == "a: matches"


def test_unfinished_arguments_are_not_judged_before_their_end() -> None:
    scanner = Tools.build(ToolsParams.model_validate({"arguments": {"t": {"a": {"type": "string"}}}}))
    call = ToolCall("t")
    run = scanner.start_call(call)
    call.add('{"a":')
    run.advance('{"a":', 0, is_final=False)
    assert run.fork().advance("", 5, is_final=True) == ()
    call.add("1}")
    assert [each.start for each in run.fork().advance("1}", 5, is_final=True)] == [6]


def test_the_reason_holds_no_value() -> None:
    assert "hunter2" not in wrong('{"a":"hunter2"}', {"matches": "x"})


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "at least one of allow, deny, arguments"),
        ({"allow": ["a"], "deny": ["a"]}, "both have a"),
        ({"arguments": {"a": {}}}, "a has no path"),
        ({"deny": ["a"], "arguments": {"a": {"b": {"type": "string"}}}}, "a is denied"),
        ({"allow": ["c"], "arguments": {"a": {"b": {"type": "string"}}}}, "a is not in allow"),
        ({"allow": ["a b"]}, "match pattern"),
        ({"arguments": {"a": {"b..c": {"type": "string"}}}}, "is no path"),
        ({"arguments": {"a": {".b": {"type": "string"}}}}, "is no path"),
        ({"arguments": {"a": {"b": {}}}}, "says nothing"),
        ({"arguments": {"a": {"b": {"equals": 1, "one_of": [1]}}}}, "keep one of the two"),
        ({"arguments": {"a": {"b": {"min": 2, "max": 1}}}}, "max is less than min"),
        ({"arguments": {"a": {"b": {"type": "integer", "matches": "x"}}}}, "no value can have both"),
        ({"arguments": {"a": {"b": {"type": "string", "min": 1}}}}, "no value can have both"),
        ({"arguments": {"a": {"b": {"length": 1}}}}, "Extra inputs"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ToolsParams.model_validate(params)


def test_a_regex_that_cannot_run_is_refused() -> None:
    params = ToolsParams.model_validate({"arguments": {"a": {"b": {"matches": "(?=x)"}}}})
    with pytest.raises(DetectorError) as refused:
        Tools.build(params)
    assert refused.value.path == ("arguments", "a", "b", "matches")


def test_steps() -> None:
    assert steps_of('a.b[0][*]["c d"]') == ["a", "b", 0, None, "c d"]
