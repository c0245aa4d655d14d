"""Both products decide alike: LLM Guard as it was recorded, the others as their released packages say here."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from sidecar.cli.policy import policy
from sidecar.offline import guard_text
from sidecar.policy.cases import public_keys
from sidecar.policy.compiler import compile_policy
from sidecar.policy.loader import load_text
from sidecar.policy.plan import Plan
from sidecar.values import Direction, Lane
from tests.workbench.moving.texts import NEMO_CONFIG, NEMO_TEXTS, PLACE, RAIL
from workbench.moving import nemo

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-inside/bin/python"


@pytest.fixture(scope="module")
def peer(missing: Callable[[str], None]) -> Callable[[str], dict[str, Any]]:
    """What another product itself says."""
    if not PYTHON.exists():
        missing("the environment of the frameworks that the client works inside (make inside)")

    def told(name: str) -> dict[str, Any]:
        kept = {each: os.environ[each] for each in ("PATH", "HOME") if each in os.environ}
        env = {**kept, "PYTHONPATH": f"{ROOT}", "PYTHONWARNINGS": "ignore", "OTEL_SDK_DISABLED": "true"}
        command = [str(PYTHON), "-m", "tests.workbench.moving.peers", name]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    return told


def imported(folder: Path, product: str, name: str, text: str) -> tuple[Plan, dict[str, Any]]:
    """The policy that comes of a file, and what is said of it."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(policy, ["import", product, str(path), "--json"])
    told = json.loads(result.stdout)
    assert result.exit_code == 0, told
    [loaded] = load_text(told["policy"])
    return compile_policy(loaded, public_keys()), told


def is_valid(plan: Plan, text: str, direction: Direction) -> bool:
    """Whether nothing of a policy is violated."""
    guarded = guard_text(plan, [text], lane=Lane(part=direction.speaker), direction=direction)
    return not guarded.decisions


# Decided by llm-guard 0.3.16's own scanners, with bc-detect-secrets 1.5.52: the second value of `scan`.
RECORDED: list[tuple[str, dict[str, Any], bool, dict[str, bool]]] = [
    (
        "BanSubstrings",
        {"substrings": ["test", "badword"], "match_type": "word"},
        False,
        {"a test here": False, "testing it": True, "A TEST": False, "fine": True, "x badword.": False},
    ),
    (
        "BanSubstrings",
        {"substrings": ["test"]},
        False,
        {"testing it": False, "con-test": False, "TeSt": False, "x": True},
    ),
    (
        "BanSubstrings",
        {"substrings": ["Kraken"], "case_sensitive": True},
        False,
        {"the Kraken plan": False, "the kraken plan": True},
    ),
    ("BanSubstrings", {"substrings": ["Kraken"], "redact": True}, False, {"the Kraken plan": False, "fine": True}),
    (
        "Regex",
        {"patterns": ["Bearer [A-Za-z0-9-._~+/]+"]},
        False,
        {"use Bearer abc.def-1 now": False, "bearer abc": True, "Bearer": True, "fine": True},
    ),
    (
        "Regex",
        {"patterns": [r"\d+"], "match_type": "fullmatch", "redact": False},
        False,
        {"12345": False, "a 12345": True, "no": True},
    ),
    ("Regex", {"patterns": [r"\bAB-\d+\b"], "is_blocked": False}, True, {"see AB-12": True, "see it": False}),
    (
        "InvisibleText",
        {},
        False,
        {
            "pay\u200bload": False,
            "tag\U000e0041x": False,
            "bidi\u202ex": False,
            "plain": True,
            "caf\u00e9": True,
            "emoji \U0001f600": True,
        },
    ),
    ("ReadingTime", {"max_time": 0.05}, True, {"one two three": True, "w " * 10: True, "w " * 11: False}),
]
DIFFERS = ("soft\u00adhyphen", "\U0001f468\u200d\U0001f469")
"""What InvisibleText calls invalid, and is meant to be there: a hyphen for the end of a line, a joiner of emoji."""


@pytest.mark.parametrize(("scanner", "params", "is_answer", "decided"), RECORDED, ids=lambda each: str(each)[:30])
def test_a_scanners_texts_are_decided_alike(
    scanner: str, params: dict[str, Any], is_answer: bool, decided: dict[str, bool], tmp_path: Path
) -> None:
    key = "output_scanners" if is_answer else "input_scanners"
    plan, _ = imported(tmp_path, "llm-guard", "s.yml", yaml.safe_dump({key: [{"type": scanner, "params": params}]}))
    direction = Direction.OUTPUT if is_answer else Direction.INPUT

    assert {text: is_valid(plan, text, direction) for text in decided} == decided


def test_what_is_meant_to_be_invisible_is_no_violation(tmp_path: Path) -> None:
    plan, _ = imported(tmp_path, "llm-guard", "s.yml", "input_scanners: [{type: InvisibleText}]")
    assert all(is_valid(plan, text, Direction.INPUT) for text in DIFFERS)


def test_secrets_are_decided_alike(tmp_path: Path) -> None:
    """Recorded as above. Values are put together here, so that no scanner of repositories takes them for real ones."""
    plan, _ = imported(tmp_path, "llm-guard", "s.yml", "input_scanners: [{type: Secrets}]")
    decided = {
        "token " + "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a" + " here": False,
        "key " + "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc": False,
        "slack " + "xoxb-" + "263594206564-2343594206574-FGqddMF8t08v8N7Oq4i57vs1": False,
        "nothing here": True,
    }
    assert {text: is_valid(plan, text, Direction.INPUT) for text in decided} == decided


def test_where_both_decide_otherwise_the_note_says_it(tmp_path: Path) -> None:
    """Recorded as above: LLM Guard's JSON passes all these answers, and its Secrets stops this key."""
    text = "input_scanners: [{type: Secrets}]\noutput_scanners: [{type: JSON}]"
    plan, said = imported(tmp_path, "llm-guard", "s.yml", text)
    told = {each["what"]: each["why"] for each in said["notes"]}

    assert not any(is_valid(plan, each, Direction.OUTPUT) for each in ("no json", 'say {"a": 1} ok', '{"a": 1'))
    assert is_valid(plan, '{"a": 1}', Direction.OUTPUT)
    assert "there an answer passes that has no JSON, that has words around it, or whose JSON breaks off" in told["JSON"]
    assert is_valid(plan, "key " + "AKIA" + "IOSFODNN7EXAMPLE", Direction.INPUT)
    assert "AWS's that end in EXAMPLE" in told["Secrets"]


@pytest.mark.inside
@pytest.mark.slow
def test_nemos_rails_are_all_known_and_a_regex_decides_alike(
    peer: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    told = peer("nemo")
    plan, _ = imported(tmp_path, "nemo", "config.yml", NEMO_CONFIG)

    assert [not is_valid(plan, text, Direction.INPUT) for text in NEMO_TEXTS] == told["decided"]
    assert sorted({nemo.name_of(each) for each in told["flows"]} - set(nemo.FLOWS)) == []
    assert sorted(set(told["keys"]) - set(nemo.SETTINGS)) == []


@pytest.mark.inside
@pytest.mark.slow
def test_a_guard_that_guardrails_itself_wrote_is_read(peer: Callable[[str], dict[str, Any]], tmp_path: Path) -> None:
    told = peer("guardrails-ai")
    plan, _ = imported(tmp_path, "guardrails-ai", "guard.json", json.dumps(told["guard"]))
    rail, said = imported(tmp_path, "guardrails-ai", "a.rail", RAIL)
    same, _ = imported(tmp_path, "guardrails-ai", "rail.json", json.dumps(told["rail"]))

    assert [each.id for each in plan.rules] == ["output-valid-length"]
    assert (is_valid(plan, "short", Direction.OUTPUT), is_valid(plan, "much too long", Direction.OUTPUT)) == (
        True,
        False,
    )
    assert any(PLACE in each["what"] for each in said["notes"])
    for text, is_right in (
        ('{"name": "a", "tags": ["x"]}', True),
        ('{"name": "a", "tags": [], "age": 3}', True),
        ('{"name": "a"}', False),
        ('{"name": 1, "tags": []}', False),
        ("no JSON", False),
    ):
        assert (is_valid(rail, text, Direction.OUTPUT), is_valid(same, text, Direction.OUTPUT)) == (is_right, is_right)
