# ruff: noqa: E501 - a message is one line, as its reader sees it
"""What of a rule's judge is refused at load, word for word; and that no other rule waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from sidecar.config import load_settings
from sidecar.errors import ConfigError
from sidecar.judges.escalation import judges_of
from sidecar.judges.settings import JudgeSettings
from sidecar.policy.compiler import CompiledFile, compile_file
from sidecar.policy.judging import Escalation, JudgeFacts
from sidecar.policy.plan import Plan
from tests.policy.doubles import CATALOG

HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: p, version: "1"}\n'
TONE = "detect: {detector: tone, labels: {rude: 0.7}}"
GUARD = {"guard": JudgeFacts(300, frozenset({"hate", "privacy"}))}


def compiled(path: Path, text: str, judges: Mapping[str, JudgeFacts] | None = None) -> CompiledFile:
    file = path / "p.yaml"
    file.write_text(HEAD + text, encoding="utf-8")
    return compile_file(file, catalog=CATALOG, judges=judges)


def plan_of(path: Path, text: str) -> Plan:
    found = compiled(path, text, GUARD)
    assert found.errors == ()
    [(_, plan)] = found.policies
    return plan


@pytest.mark.parametrize(
    ("judge", "code", "message"),
    [
        ("{name: gard, between: [0.5, 0.9]}", "TG380", "no judge `gard` is configured. Did you mean `guard`?"),
        ("{name: guard, between: [0.9, 0.5]}", "TG382", "no score lies between 0.9 and 0.5"),
        ("{name: guard, between: [0.8, 0.9]}", "TG382", "the threshold of `rude` is 0.7: on its far side a surer finding would count less"),
        ("{name: guard, between: [0.5, 0.9], labels: [hatred]}", "TG384", "`guard` says nothing of `hatred`"),
    ],
)  # fmt: skip
def test_a_judge_of_whom_nothing_would_come_is_refused(tmp_path: Path, judge: str, code: str, message: str) -> None:
    [error] = compiled(tmp_path, f"rules: [{{id: a, {TONE}, action: block, judge: {judge}}}]\n", GUARD).errors
    assert error.code == code
    assert message in str(error)
    assert "rules[0].judge" in str(error)


def test_a_judge_that_may_take_longer_than_text_is_held_is_refused(tmp_path: Path) -> None:
    rule = f"{{id: a, {TONE}, action: block, judge: {{name: guard, between: [0.5, 0.9]}}}}"
    [error] = compiled(tmp_path, f"stream: {{max_hold_ms: 300}}\nrules: [{rule}]\n", GUARD).errors
    assert error.code == "TG383"
    assert "`guard` may take 300 ms, and text is held 300 ms at most" in str(error)


def test_a_scanner_has_no_judge(tmp_path: Path) -> None:
    rule = (
        "{id: a, detect: {detector: words, words: {NAME: [Bob]}}, action: block, judge: {name: guard, between: [0, 1]}}"
    )
    [error] = compiled(tmp_path, f"rules: [{rule}]\n", GUARD).errors
    assert error.code == "TG381"


def test_where_no_settings_are_known_any_judge_will_do(tmp_path: Path) -> None:
    rule = f"{{id: a, {TONE}, action: block, judge: {{name: nobody, between: [0.5, 0.9]}}}}"
    assert compiled(tmp_path, f"rules: [{rule}]\n").errors == ()
    [error] = compiled(tmp_path, f"rules: [{rule}]\n", {}).errors
    assert "set `judges` in the configuration" in str(error).lower()


def test_a_rule_with_a_judge_reads_its_detector_alone(tmp_path: Path) -> None:
    judged = "judge: {name: guard, between: [0.5, 0.9], labels: [hate], on_late: fail}"
    rules = [f"{{id: a, {TONE}, action: block}}", f"{{id: b, {TONE}, action: annotate, {judged}}}",
             f"{{id: c, {TONE}, action: block}}"]  # fmt: skip
    plan = plan_of(tmp_path, f"rules: [{', '.join(rules)}]\n")
    assert [[rule.id for rule in batch.rules] for batch in plan.batches] == [["a", "c"], ["b"]]
    assert plan.batches[0].detector is plan.batches[1].detector
    assert [batch.is_gating for batch in plan.batches] == [True, False]
    assert plan.rules[1].judge == Escalation("guard", 0.5, 0.9, frozenset({"hate"}), is_needed=True)


def test_severities_reach_down_to_what_a_judge_may_confirm(tmp_path: Path) -> None:
    severities = "severity: {%s: low, 0.9: high}"
    rule = f"id: a, {TONE}, action: block, judge: {{name: guard, between: [0.5, 0.9]}}"
    [error] = compiled(tmp_path, f"rules: [{{{rule}, {severities % 0.7}}}]\n", GUARD).errors
    assert error.code == "TG314"
    assert plan_of(tmp_path, f"rules: [{{{rule}, {severities % 0.5}}}]\n").rules[0].severity_of(0.5).word == "low"


# --- settings ---------------------------------------------------------------------------------------------------------


def test_settings_name_judges(tmp_path: Path) -> None:
    file = tmp_path / "tidegate.yaml"
    file.write_text("judges: {guard: {url: 'http://guard:8000/v1', model: m, prompt: llama-guard, timeout_ms: 200}}\n")
    facts = judges_of(load_settings(file, {}).judges)
    assert facts["guard"].timeout_ms == 200
    assert {"hate", "code_interpreter_abuse"} <= facts["guard"].labels


@pytest.mark.parametrize(
    "wrong",
    [{"prompt": "file"}, {"prompt_file": "x"}, {"url": "guard:8000"}, {"sample": 0}, {"budget": {"per_minute": 0}}],
)
def test_settings_that_cannot_be_kept_are_refused(wrong: dict[str, object]) -> None:
    right = {"url": "http://guard:8000/v1", "model": "m", "prompt": "llama-guard"}
    JudgeSettings.model_validate(right)
    with pytest.raises(ValidationError):
        JudgeSettings.model_validate({**right, **wrong})


def test_a_prompt_of_ones_own_says_where_the_text_stands(tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    judge = JudgeSettings(url="http://guard/v1", model="m", prompt="file", prompt_file=file, labels={"rude": "rude"})
    with pytest.raises(ConfigError, match="cannot read"):
        judges_of({"guard": judge})
    file.write_text("Is this rude?")
    with pytest.raises(ConfigError, match="does not say where the text stands"):
        judges_of({"guard": judge})
    file.write_text("Is this rude? {text}")
    assert judges_of({"guard": judge})["guard"].labels == {"rude"}
