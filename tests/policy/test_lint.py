"""Warnings: what is hardly meant is told, and what is meant is left alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from detectors.scores import Point, expected
from sidecar.cli.policy import policy
from sidecar.policy.cases import public_keys
from sidecar.policy.compiler import compile_file, compile_policy
from sidecar.policy.facts import Glob, Match, StreamFacts
from sidecar.policy.lint.policies import warnings
from sidecar.policy.loader import load_text
from sidecar.values import Direction

HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {{name: {name}, version: "1"{more}}}\n'
CARDS = "detect: {detector: pii, labels: [CREDIT_CARD]}"
RULE = f"rules:\n  - {{id: a, {CARDS}, action: redact}}\n"
TEST = "tests:\n  - {name: t, output: '4111 1111 1111 1111', expect: {violations: [a]}}\n"


def head(name: str = "p", more: str = "") -> str:
    return HEAD.format(name=name, more=more)


def told(*texts: str) -> list[str]:
    loaded = [each for text in texts for each in load_text(text)]
    found = warnings([(each, compile_policy(each, public_keys())) for each in loaded], date(2026, 11, 29))
    return [each.code for each in found]


WORDS = st.text("ab*", max_size=4)
TEXTS = st.text("ab", max_size=5)
ENTRIES = st.dictionaries(st.sampled_from("kl"), WORDS.map(Glob), max_size=2).map(lambda each: tuple(each.items()))
GLOBS = st.lists(WORDS.map(Glob), max_size=2).map(tuple)
MATCHES = st.builds(
    Match, st.frozensets(st.sampled_from(Direction)), labels=ENTRIES, tenants=GLOBS, models=GLOBS, attributes=ENTRIES
)
FACTS = st.builds(
    StreamFacts,
    st.sampled_from(Direction),
    TEXTS,
    TEXTS,
    labels=st.dictionaries(st.sampled_from("kl"), TEXTS),
    attributes=st.dictionaries(st.sampled_from("kl"), TEXTS),
)


@given(MATCHES, MATCHES, FACTS)
def test_what_covers_another_match_takes_its_streams(one: Match, other: Match, facts: StreamFacts) -> None:
    if one.covers(other) and other.accepts(facts):
        assert one.accepts(facts)


@given(WORDS, TEXTS)
def test_a_form_covers_itself_and_what_it_matches(word: str, text: str) -> None:
    assert Glob(word).covers(Glob(word))
    assert Glob(word).covers(Glob(text)) is Glob(word).matches(text)


SHOP = "match: {labels: {app: shop}}\n"


@pytest.mark.parametrize(
    ("first", "second", "is_shadowed"),
    [
        pytest.param(head("a"), head("b") + SHOP, True, id="one that takes all stands before"),
        pytest.param(head("b"), head("a") + SHOP, False, id="it stands behind"),
        pytest.param(head("b", ", order: 1"), head("a") + SHOP, True, id="it is tried before, by its order"),
        pytest.param(head("a") + SHOP, head("b") + SHOP, True, id="the same streams"),
        pytest.param(head("a") + SHOP, head("b"), False, id="one takes more"),
        pytest.param(head("a"), head("default"), True, id="nothing is left for the default one"),
        pytest.param(head("default"), head("z") + SHOP, False, id="the default one is tried last"),
    ],
)
def test_a_policy_is_shadowed_by_one_that_takes_all_of_its_streams(first: str, second: str, is_shadowed: bool) -> None:
    assert ("TG601" in told(first + RULE + TEST, second + RULE + TEST)) is is_shadowed


def test_two_policies_shadow_a_third_one_together() -> None:
    halves = [head(f"a-{each}") + f"match: {{directions: [{each}]}}\n" for each in Direction]
    tests = [TEST.replace("output:", f"{each}:") for each in Direction]
    texts = [half + RULE + test for half, test in zip(halves, tests, strict=True)]
    assert told(*texts, head("b") + RULE + TEST) == ["TG601"]


@pytest.mark.parametrize(
    ("first", "second", "codes"),
    [
        pytest.param("action: block", "action: redact", ["TG604"], id="a stronger one stands first"),
        pytest.param("action: redact", "action: block", ["TG604"], id="a stronger one stands behind"),
        pytest.param("action: redact", "action: redact", ["TG605"], id="the same"),
        pytest.param("action: redact", "action: {redact: {with: mask}}", ["TG604"], id="another operator"),
        pytest.param("action: redact, enforcement: shadow", "action: redact", [], id="shadow first"),
        pytest.param("action: redact", "action: annotate, enforcement: shadow", [], id="shadow second"),
        pytest.param("action: redact", "action: redact, severity: high", [], id="a graver one"),
        pytest.param("action: redact", "action: redact, on_error: fail_open", [], id="another fail mode"),
    ],
)
def test_a_rule_is_idle_behind_one_that_does_as_much(first: str, second: str, codes: list[str]) -> None:
    rules = f"rules:\n  - {{id: a, {CARDS}, {first}}}\n  - {{id: b, {CARDS}, {second}}}\n"
    test = TEST.replace("[a]", "[a, b]")
    assert [each for each in told(head() + rules + test) if each != "TG611"] == codes


def test_a_rule_that_is_counted_is_not_idle() -> None:
    rules = f"rules:\n  - {{id: a, {CARDS}, action: redact}}\n  - {{id: b, {CARDS}, action: allow}}\n"
    counting = "  - {id: c, detect: {detector: pii, labels: [IBAN_CODE]}, action: redact, requires: {any: [b]}}\n"
    assert "TG604" in told(head() + rules + TEST)
    assert "TG604" not in told(head() + rules + counting + TEST)


@pytest.mark.parametrize(
    ("second", "codes"),
    [
        pytest.param("{detector: pii, labels: [CREDIT_CARD, IBAN_CODE]}", [], id="another label"),
        pytest.param("{detector: pii, labels: {CREDIT_CARD: 0.1}}", [], id="a lower threshold"),
        pytest.param("{detector: pii, labels: {CREDIT_CARD: 0.9}}", ["TG604"], id="a higher threshold"),
        pytest.param("{detector: pii, labels: [CREDIT_CARD], countries: [us]}", [], id="other parameters"),
        pytest.param("{detector: pii, labels: [CREDIT_CARD], parts: [user]}", ["TG604"], id="fewer parts"),
    ],
)
def test_a_rule_is_idle_only_where_the_other_one_finds_the_same(second: str, codes: list[str]) -> None:
    rules = f"rules:\n  - {{id: a, {CARDS}, action: redact}}\n  - {{id: b, detect: {second}, action: redact}}\n"
    assert told(head() + rules + TEST.replace("[a]", "[a, b]")) == codes


def test_a_backslash_in_single_quotes_is_the_authors() -> None:
    rules = "rules: [{id: a, detect: {detector: patterns, patterns: [{label: X, regex: '\\bORD'}]}, action: redact}]\n"
    assert told(head() + rules + TEST) == []


def test_a_rule_is_tested_by_a_file_of_tests_too(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(head() + RULE, encoding="utf-8")
    run = CliRunner().invoke
    assert "TG610" in run(policy, ["lint", str(tmp_path)]).stderr
    kind = "apiVersion: tidegate.dev/v1\nkind: PolicyTest\n"
    (tmp_path / "p_test.yaml").write_text(kind + TEST, encoding="utf-8")
    result = run(policy, ["lint", str(tmp_path)])
    assert (result.exit_code, result.stderr, result.stdout) == (0, "", "1 policy in 2 files: no errors\n")


def test_lint_reads_files_of_tests_too(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(head() + RULE, encoding="utf-8")
    kind = "apiVersion: tidegate.dev/v1\nkind: PolicyTest\n"
    (tmp_path / "p_test.yaml").write_text(kind + TEST.replace("[a]", "[aa]"), encoding="utf-8")
    result = CliRunner().invoke(policy, ["lint", str(tmp_path)])
    assert (result.exit_code, "p_test.yaml:4:" in result.stderr, "error TG502" in result.stderr) == (1, True, True)


@pytest.mark.parametrize(
    ("threshold", "recall", "false_positives"),
    [(0.1, 0.8, 0.2), (0.2, 0.8, 0.2), (0.3, 0.6, 0.1), (0.4, 0.4, 0.0), (1.0, 0.4, 0.0)],
)
def test_what_is_expected_lies_between_what_was_measured(
    threshold: float, recall: float, false_positives: float
) -> None:
    point = expected([Point(0.2, 0.8, 0.2), Point(0.4, 0.4, 0.0)], threshold)
    assert point is not None
    assert (point.recall, point.false_positives) == pytest.approx((recall, false_positives))


def test_nothing_is_expected_where_nothing_was_measured() -> None:
    assert expected([], 0.5) is None


def test_show_says_what_to_expect_of_the_shipped_model() -> None:
    """The policy's threshold is one that the card has a point for, so nothing lies between two."""
    card = yaml.safe_load(Path("models_onnx/tidegate-encoder/model.yaml").read_text())
    points = card["heads"]["injection"]["points"]["indirect_injection"]
    (point,) = (each for each in points if each["threshold"] == 0.87)
    result = CliRunner().invoke(policy, ["show", "policies/chat-safety.yaml"])
    told = f"{point['recall']:.1%} of indirect_injection found, {point['false_positives']:.1%} of other texts"
    assert f"expects     {told} taken for it" in result.stdout


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2026-12-31", None),
        ("2027-01-01", "ends with 2027-01-31; web team answers for it"),
        ("2027-01-31", "ends with 2027-01-31; web team answers for it"),
        ("2027-02-01", "ended with 2027-01-31; web team answers for it"),
    ],
)
def test_an_exception_is_told_a_month_before_it_ends(day: str, said: str | None, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: p, version: "1"}\nrules:\n'
        "  - id: codes\n    detect: {detector: patterns, keywords: {CODE: [alpha]}}\n    action: redact\n    except:\n"
        "      - {value: alpha, reason: r, owner: web team, expires: 2027-01-31}\n"
        "tests: [{name: t, output: alpha beta, expect: {violations: [codes]}}]\n"
    )
    told = warnings(compile_file(path).policies, date.fromisoformat(day))
    assert [(each.code, each.path, each.line, each.message) for each in told] == (
        [] if said is None else [("TG613", "rules[0].except[0].expires", 9, f"this exception of rule `codes` {said}")]
    )
