"""Files of tests beside policies: which policies they mean, which policy takes a stream, what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from sidecar.cli.policy import policy, schema_text_of_tests
from sidecar.policy.loader import files_of_tests, policy_files
from sidecar.policy.store import PolicyStore

HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {{name: {0}, version: "1"}}\n'
SHOP = (
    HEAD.format("shop")
    + """\
match: {directions: [output], labels: {app: shop}}
rules:
  - id: codenames
    detect: {detector: patterns, keywords: {CODENAME: [Kraken]}}
    action: {redact: {with: mask}}
  - id: rivals
    detect: {detector: patterns, keywords: {RIVAL: [Globex]}}
    action: annotate
"""
)
REST = (
    HEAD.format("default")
    + """\
rules:
  - id: orders
    detect: {detector: patterns, keywords: {ORDER: [delete all]}}
    action: {block: {message: No.}}
"""
)
TESTS = """\
apiVersion: tidegate.dev/v1
kind: PolicyTest
policies: [.]
tests:
  - name: the shop's answers take the shop's policy
    stream: {labels: {app: shop}}
    expect: {policy: shop}
  - name: others take the default one
    direction: input
    expect: {policy: default}
  - name: a conversation is guarded by both
    stream: {labels: {app: shop}}
    turns:
      - {user: please delete all, expect: {blocked: orders}}
      - {model: the Kraken plan, expect: {output: the •••••• plan, violations: [codenames]}}
  - name: a policy by its name
    policy: shop
    input: Kraken
    expect: {output: ••••••}
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(policy, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.yaml").write_text(SHOP, encoding="utf-8")
    (tmp_path / "rest.yaml").write_text(REST, encoding="utf-8")
    (tmp_path / "both_test.yaml").write_text(TESTS, encoding="utf-8")
    return tmp_path


def with_tests(folder: Path, tests: str) -> Path:
    path = folder / "both_test.yaml"
    path.write_text(tests, encoding="utf-8")
    return path


def test_tests_beside_policies_are_run_with_them_or_by_themselves(folder: Path) -> None:
    for paths in ((folder,), (folder / "both_test.yaml",), (*folder.glob("*.yaml"),)):
        result = run("test", *paths)
        assert (result.exit_code, result.stderr) == (0, "")
        assert f"{folder / 'both_test.yaml'}: 4 tests, " in result.stdout


def test_they_are_never_served(folder: Path) -> None:
    assert [path.name for path in policy_files([folder])] == ["rest.yaml", "shop.yaml"]
    assert [path.name for path in files_of_tests([folder])] == ["both_test.yaml"]
    store = PolicyStore([folder])
    store.load()
    assert sorted(store.plans) == ["default", "shop"]


def test_a_file_without_policies_means_the_one_that_it_is_named_after(folder: Path) -> None:
    text = TESTS[: TESTS.index("policies:")] + "tests: [{name: t, output: Kraken, expect: {output: ••••••}}]\n"
    (folder / "shop_test.yaml").write_text(text.replace("tests:", "policy: shop\ntests:"), encoding="utf-8")
    assert run("test", folder / "shop_test.yaml").exit_code == 0


def test_a_stream_that_another_policy_takes_fails_its_test(folder: Path) -> None:
    with_tests(folder, TESTS.replace("expect: {policy: shop}", "expect: {policy: default}"))
    result = run("test", folder)
    assert result.exit_code == 1
    assert "  policy, " in result.stderr
    assert "both_test.yaml:7:22" in result.stderr
    assert "    expected: 'default'\n    actual:   'shop'\n" in result.stderr


@pytest.mark.parametrize(
    ("taken", "expected", "code"),
    [("{app: other}", "false", 0), ("{app: shop}", "true", 0), ("{app: shop}", "false", 1)],
)
def test_whether_any_policy_takes_a_stream(folder: Path, taken: str, expected: str, code: int) -> None:
    (folder / "rest.yaml").unlink()
    head = TESTS[: TESTS.index("tests:")]
    with_tests(folder, f"{head}tests: [{{name: t, stream: {{labels: {taken}}}, expect: {{policy: {expected}}}}}]\n")
    assert run("test", folder).exit_code == code


def test_a_policys_own_tests_may_say_what_it_takes(folder: Path) -> None:
    own = "tests:\n  - {name: takes, stream: {labels: {app: shop}}, expect: {policy: true}}\n"
    own += "  - {name: leaves, direction: input, stream: {labels: {app: shop}}, expect: {policy: false}}\n"
    (folder / "shop.yaml").write_text(SHOP + own, encoding="utf-8")
    assert run("test", folder / "shop.yaml").exit_code == 0


def test_a_text_that_no_policy_takes_is_told(folder: Path) -> None:
    (folder / "rest.yaml").unlink()
    with_tests(folder, f"{TESTS[: TESTS.index('tests:')]}tests: [{{name: t, input: a, expect: {{output: a}}}}]\n")
    result = run("test", folder)
    assert result.exit_code == 1
    assert "no policy takes this input: name one, or say in `stream` what it matches" in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("kind: PolicyTest", "kind: PolicyTests", ":2:7:", "Write `PolicyTest`"),
        ("policy: shop\n    input", "policy: shp\n    input", ":17:13:", "there is no policy `shp` among these"),
        ("expect: {policy: shop}", "expect: {policy: shp}", ":7:22:", "Did you mean `shop`?"),
        ("blocked: orders", "blocked: ordrs", ":14:53:", "there is no rule `ordrs`"),
        ("policies: [.]", "policies: [elsewhere]", ":3:11:", "/elsewhere: there is no such file or directory"),
        ("turns:", "turn:", ":13:5:", "Did you mean `turns`?"),
        ("tests:", "---\ntests:", ":1:1:", "a file of tests is one document, this one has 2"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(folder: Path, old: str, new: str, place: str, message: str) -> None:
    path = with_tests(folder, TESTS.replace(old, new))
    result = run("test", folder)
    assert result.exit_code == 1
    assert any(line.startswith(f"{path}{place}") and message in line for line in result.stderr.splitlines())


def test_coverage_says_which_rules_fired_and_which_were_left_alone(folder: Path) -> None:
    result = run("test", folder, "--coverage")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    shop, rest = folder / "shop.yaml", folder / "rest.yaml"
    assert f"{rest}:5:9: default: orders: fired in 1 test, never shown not to fire" in lines
    assert f"{shop}:6:9: shop: codenames: fired in 2 tests, never shown not to fire" in lines
    assert f"{shop}:9:9: shop: rivals: never fired, left alone what it should in 1" in lines
    assert lines[-1] == "coverage: 2 of 3 rules fired (66.7 %), 1 shown not to fire"


def test_too_little_coverage_is_a_failure(folder: Path) -> None:
    assert run("test", folder, "--min-coverage", "66").exit_code == 0
    result = run("test", folder, "--min-coverage", "67", "--json")
    assert result.exit_code == 1
    shown = json.loads(result.stdout)["coverage"]
    assert (shown["percent"], [each["rule"] for each in shown["rules"] if not each["fired"]]) == (66.7, ["rivals"])


def test_a_test_that_fails_covers_nothing(folder: Path) -> None:
    with_tests(folder, TESTS.replace("violations: [codenames]", "violations: [rivals]").replace("••••••}", "x}"))
    result = run("test", folder, "--coverage")
    assert "shop: codenames: never fired" in result.stdout


def test_the_schema_is_a_schema_and_takes_what_the_reader_takes() -> None:
    schema = json.loads(schema_text_of_tests())
    jsonschema.Draft202012Validator.check_schema(schema)
    document = YAML(typ="safe", pure=True).load(TESTS)
    assert [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(document)] == []


def test_the_schema_beside_the_policies_is_the_one_that_is_made() -> None:
    """When this fails: tidegate policy schema --tests --output policies/tests.schema.json."""
    path = Path(__file__).parents[2] / "policies" / "tests.schema.json"
    assert path.read_text(encoding="utf-8") == schema_text_of_tests()
