"""`tidegate policy`: exit status, what is printed where, and JSON for programs."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sidecar.cli.policy import policy, schema_text
from sidecar.values import Channel, Part

RIGHT = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: codes, version: "1", owner: us}
match: {directions: [output], labels: {app: shop}}
rules:
  - id: no-codes
    detect: {detector: patterns, keywords: {CODENAME: [Kraken]}}
    severity: high
    action: {redact: {with: mask}}
tests:
  - {name: a codename is masked, output: the Kraken plan, expect: {output: the •••••• plan, violations: [no-codes]}}
  - {name: other words pass, output: the other plan, expect: {violations: []}}
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(policy, [str(argument) for argument in arguments])


@pytest.fixture
def right(tmp_path: Path) -> Path:
    path = tmp_path / "right.yaml"
    path.write_text(RIGHT, encoding="utf-8")
    return path


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "wrong.yaml"
    path.write_text(RIGHT.replace("severity", "severty"), encoding="utf-8")
    return path


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    path = tmp_path / "failing.yaml"
    path.write_text(RIGHT.replace("the •••••• plan", "the K••••• plan"), encoding="utf-8")
    return path


def test_lint_of_what_is_right(right: Path) -> None:
    result = run("lint", right)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "1 policy in 1 file: no errors\n", "")


def test_lint_of_what_is_wrong_says_so_on_stderr(wrong: Path) -> None:
    result = run("lint", wrong)
    assert (result.exit_code, result.stdout) == (1, "")
    assert (
        result.stderr
        == f"{wrong}:9:5: error TG101: rules[0].severty: unknown key `severty`. Did you mean `severity`?\n"
    )


def test_lint_of_a_directory_sees_names_that_two_files_claim(right: Path) -> None:
    (right.parent / "second.yaml").write_text(RIGHT, encoding="utf-8")
    result = run("lint", right.parent)
    assert result.exit_code == 1
    assert result.stderr.count(": error TG401: ") == 1
    assert "second.yaml:4:18: error TG401: metadata.name:" in result.stderr


def test_lint_as_json(wrong: Path) -> None:
    result = run("lint", wrong, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "files": 1,
        "policies": [],
        "errors": [
            {
                "code": "TG101",
                "file": str(wrong),
                "line": 9,
                "column": 5,
                "path": "rules[0].severty",
                "message": "unknown key `severty`",
                "remedy": "Did you mean `severity`?",
            }
        ],
        "warnings": [],
    }


def test_lint_warns_of_a_rule_that_blocks_without_a_message(tmp_path: Path) -> None:
    path = tmp_path / "silent.yaml"
    path.write_text(
        RIGHT.replace("action: {redact: {with: mask}}", "action: block").partition("tests:")[0], encoding="utf-8"
    )
    result = run("lint", path)
    assert result.exit_code == 0
    assert "rule `no-codes` blocks without a message: people read a default text" in result.stderr


def test_lint_warns_of_a_notice_where_no_rule_redacts(tmp_path: Path) -> None:
    path = tmp_path / "noticing.yaml"
    text = RIGHT.replace("rules:", "stream: {notice: paragraph}\nrules:", 1).partition("tests:")[0]
    for action, is_warned in (("annotate", True), ("{redact: {with: mask}}", False)):
        path.write_text(text.replace("action: {redact: {with: mask}}", f"action: {action}"), encoding="utf-8")
        result = run("lint", path)
        assert result.exit_code == 0
        assert ("`notice` tells of redactions, and no rule redacts" in result.stderr) is is_warned


@pytest.mark.parametrize("command", ["lint", "test", "show"])
def test_a_path_that_is_not_there_is_misuse(command: str, tmp_path: Path) -> None:
    result = run(command, tmp_path / "none.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is no such file or directory" in result.stderr


@pytest.mark.parametrize("command", ["lint", "test", "show"])
def test_a_folder_that_may_not_be_read_is_told(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "right.yaml").write_text(RIGHT, encoding="utf-8")
    closed = tmp_path / "closed"
    (tmp_path / "lost+found").mkdir()
    closed.mkdir()
    _close(monkeypatch, closed, tmp_path / "lost+found")
    result = run(command, tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    told = f"{closed}: error TG001: the folder cannot be read: Permission denied. Check its permissions.\n"
    assert result.stderr == told
    closed.rmdir()
    assert run(command, tmp_path).exit_code == 0


def _close(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """Let nobody list these folders; permissions do not keep root out, who may run the tests."""
    iterdir = Path.iterdir

    def listed(path: Path) -> Iterator[Path]:
        if path in folders:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", listed)


@pytest.mark.parametrize("command", ["lint", "test", "show"])
def test_a_directory_without_policies_is_misuse(command: str, tmp_path: Path) -> None:
    result = run(command, tmp_path)
    assert (result.exit_code, result.stderr) == (2, f"Error: there is no *.yaml or *.yml file in {tmp_path}\n")


def test_tests_that_pass(right: Path) -> None:
    result = run("test", right)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{right}: codes: 2 tests, ")
    assert result.stdout.endswith(" runs: passed\n")


def test_a_test_that_fails_says_where_how_it_was_cut_and_what_differs(failing: Path) -> None:
    result = run("test", failing)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"{failing}:12:5: failed: codes: a codename is masked",
        "  cut: whole",
        f"  output, {failing}:12:76 (they differ from character 4 on)",
        "    expected: 'the K••••• plan'",
        "    actual:   'the •••••• plan'",
        "                   ^",
        "  decided: no-codes redact: CODENAME 1.00 (from 0.5) [4, 10): keywords CODENAME",
    ]


def test_tests_as_json(failing: Path) -> None:
    result = run("test", failing, "--json", "-k", "codename")
    shown = json.loads(result.stdout)
    assert (result.exit_code, shown["passed"], shown["failed"]) == (1, 0, 1)
    (tested,) = shown["tests"]
    assert (tested["policy"], tested["test"], tested["passed"], tested["chunking"]) == (
        "codes",
        "a codename is masked",
        False,
        "whole",
    )
    (difference,) = tested["differences"]
    assert difference == {
        "what": "output",
        "expected": "'the K••••• plan'",
        "actual": "'the •••••• plan'",
        "place": f"{failing}:12:76",
    }
    (decided,) = tested["decisions"]
    assert (decided["score"], decided["threshold"], decided["reason"]) == (1.0, 0.5, "keywords CODENAME")


def test_a_run_without_any_test_is_no_success(right: Path) -> None:
    result = run("test", right, "-k", "nothing is called so")
    assert (result.exit_code, "there are no tests to run: no name holds" in result.stderr) == (1, True)
    assert "passed" not in result.stdout


def test_a_misspelt_name_of_a_test_is_told(right: Path) -> None:
    [name] = {each["test"] for each in json.loads(run("test", right, "--json").stdout)["tests"][:1]}
    result = run("test", right, "-k", f"{name[:-1]}x")
    assert f"did you mean {name!r}?" in result.stderr


def test_tests_of_a_policy_that_is_not_there_are_misuse(right: Path) -> None:
    assert run("test", right, "--policy", "other").exit_code == 2


def test_tests_of_a_wrong_policy_are_not_run(wrong: Path) -> None:
    result = run("test", wrong)
    assert (result.exit_code, "unknown key `severty`" in result.stderr) == (1, True)


@pytest.mark.parametrize("command", ["lint", "test", "show"])
def test_a_program_is_told_of_errors_in_json_too(command: str, wrong: Path) -> None:
    (error,) = json.loads(run(command, wrong, "--json").stdout)["errors"]
    assert (error["line"], error["path"]) == (9, "rules[0].severty")


def test_show_as_json(right: Path) -> None:
    result = run("show", right, "--json")
    (shown,) = json.loads(result.stdout)
    (rule,) = shown.pop("rules")
    assert (shown["name"], shown["owner"], shown["order"], len(shown["digest"])) == ("codes", "us", 100, 64)
    assert shown["stream"]["tool_calls"] == "stream"
    stated = {key: said for key, said in shown["match"].items() if said}
    assert stated == {"directions": ["output"], "labels": {"app": "shop"}}
    assert rule.pop("holds") > 0
    assert rule == {
        "id": "no-codes",
        "detector": "patterns",
        "labels": {"CODENAME": 0.5},
        "parts": sorted(Part),
        "channels": sorted(Channel),
        "severity": "high",
        "action": "redact",
        "operator": "mask",
        "enforcement": "enforce",
        "on_error": "fail_closed",
        "on_timeout": "fail_closed",
    }


def test_show_for_people(right: Path) -> None:
    result = run("show", right)
    lines = result.stdout.splitlines()
    assert (result.exit_code, lines[0]) == (0, "codes 1")
    assert lines[1].startswith("  digest  ")
    assert lines[2:8] == [
        "  takes   directions output; labels app=shop (order 100)",
        "  stream  strict, holds at most 16384 characters and 400 ms, segments of 24 to 64 tokens,"
        " read early after 6, 6 tokens",
        "  calls   stream as other text does",
        "  rule no-codes: redact with mask, severity high",
        "    detector    patterns",
        "    from 0.5    CODENAME",
    ]
    assert lines[8].startswith("    holds back  at most ")
    assert lines[9] == "    on error    fail_closed, on timeout fail_closed"


def test_schema_is_printed_written_and_compared(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    assert run("schema").stdout == schema_text()
    assert run("schema", "--output", path).exit_code == 0
    assert run("schema", "--check", path).exit_code == 0
    path.write_text("{}", encoding="utf-8")
    result = run("schema", "--check", path)
    assert (result.exit_code, "is out of date" in result.stderr) == (1, True)


@pytest.mark.parametrize("command", ["import", "lint", "test", "schema", "show"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = run(command, "--help")
    assert (result.exit_code, f"Example: tidegate policy {command}" in result.stdout) == (0, True)


def test_show_says_what_a_policy_makes_of_sessions(tmp_path: Path) -> None:
    path = tmp_path / "sessions.yaml"
    path.write_text(
        'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: sessions, version: "1"}\n'
        "session:\n  untrusted: [tool_result, context]\n"
        "  escalation: [{id: three, after: {violations: 3, within: 10m, risk: 20}, for: 1h, enforcement: shadow}]\n"
        "rules:\n  - id: mails\n    detect: {detector: patterns, keywords: {MAIL: [mail]}}\n    action: block\n"
        "    risk: 5\n    marks: [sends]\n    session: {has: [sensitive], violations: 2}\n"
    )
    lines = [line.strip() for line in run("show", path).stdout.splitlines()]
    assert "session marked untrusted by context, tool_result" in lines
    assert "session stopped for 3600 s after risk of 20 or 3 violations within 600 s: three (shadow)" in lines
    assert "acts        in a session that has sensitive and with 2 violations" in lines
    assert "tells       risk 5, sends" in lines


def test_show_says_what_a_rule_requires(tmp_path: Path) -> None:
    path = tmp_path / "requires.yaml"
    path.write_text(
        'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: requires, version: "1"}\nrules:\n'
        "  - {id: names, detect: {detector: patterns, keywords: {NAME: [Bob]}}, action: allow}\n"
        "  - id: mails\n    detect: {detector: patterns, keywords: {MAIL: [mail]}}\n    action: redact\n"
        "    requires: {all: [names, MAIL], at_least: 2, within: 100}\n"
    )
    lines = [line.strip() for line in run("show", path).stdout.splitlines()]
    assert "requires    2 of names and MAIL at most 100 characters before" in lines


def test_a_failed_test_says_that_a_rule_fails_closed(tmp_path: Path) -> None:
    """A label that no stream has: the condition cannot be told, so a rule that redacts stops the text."""
    file = tmp_path / "mail.yaml"
    file.write_text(
        'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: p, version: "1"}\nrules:\n'
        "  - {id: mail, detect: {detector: patterns, keywords: {A: [plum]}}, action: redact,\n"
        '     when: \'stream.labels["desk"] == "a"\'}\n'
        "tests: [{name: masks, output: a plum, expect: {violations: [mail]}}]\n"
    )
    result = run("test", file)
    assert (
        result.exit_code,
        "decided: mail block: it fails closed [2, 6): its `when` could not be told" in result.stderr,
    ) == (
        1,
        True,
    ), result.stderr
