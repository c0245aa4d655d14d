"""Judges in tests of policies, where nobody is asked: what a test has them say, and what lint says of their bands."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sidecar.offline import guard
from sidecar.policy.cases import check, make_case
from sidecar.policy.compiler import compile_file
from sidecar.policy.judging import scripted
from sidecar.policy.lint.policies import warnings
from sidecar.policy.schema.cases import CaseSpec, JudgeSays
from sidecar.trials import guard_with
from sidecar.values import Action, Lane
from tests.judges.test_judges import judged

UNCLEAR = "This is odd."
TODAY = date(2026, 11, 29)


@pytest.mark.parametrize(
    ("text", "says", "violations", "reason"),
    [
        (UNCLEAR, "safe", [], ""),
        (UNCLEAR, "unsafe", ["rule-0"], "judge guard: unsafe"),
        (UNCLEAR, ["hate", "crime"], ["rule-0"], "judge guard: unsafe (crime, hate)"),
        (UNCLEAR, "undecided", ["rule-0"], "judge guard: cannot decide"),
        (UNCLEAR, "late", ["rule-0"], "judge guard: late"),
        ("This is weak.", "unsafe", ["rule-0"], "judge guard: unsafe"),
        ("This is weak.", "failed", [], ""),
        ("This is bad.", "safe", ["rule-0"], ""),
        ("This is fine.", "unsafe", [], ""),
    ],
)
def test_a_test_has_a_judge_say_something(text: str, says: JudgeSays, violations: list[str], reason: str) -> None:
    spec = CaseSpec(name="t", output=text, judges={"guard": says}, expect={"violations": violations})  # type: ignore[arg-type]  # as YAML has it
    result = check(make_case(spec), guard_with(judged()))
    assert result.is_passed, result
    assert [each.reason for each in result.observed.decisions] == (
        [f"words; {reason}" if reason else "words"] if violations else []
    )


def test_a_judge_that_must_answer_and_does_not_has_the_fail_mode_act() -> None:
    plan = judged(Action.BLOCK, is_needed=True)
    verdicts = {"guard": scripted("guard", "late")}
    assert any(each.failure is not None for each in guard(plan, [(Lane(), UNCLEAR)], verdicts=verdicts).decisions)
    assert not any(each.failure is not None for each in guard(plan, [(Lane(), UNCLEAR)]).decisions)


def test_of_another_judge_the_local_verdict_stands() -> None:
    spec = CaseSpec(name="t", output=UNCLEAR, judges={"other": "safe"}, expect={"violations": ["rule-0"]})  # type: ignore[arg-type]  # as above
    assert check(make_case(spec), guard_with(judged())).is_passed


@pytest.mark.parametrize(
    ("between", "said"),
    [
        ("[0.4, 0.9]", None),
        ("[0, 0.9]", "every text in which the model sees anything is sent to `guard`"),
        ("[0.7, 0.7]", "`guard` is asked about the score 0.7 alone"),
    ],
)
def test_lint_tells_of_a_band_that_makes_no_sense(tmp_path: Path, between: str, said: str | None) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: p, version: "1"}\nrules:\n  - id: rude\n'
        "    detect: {detector: toxicity, labels: {insult: 0.7}}\n"
        f"    judge: {{name: guard, between: {between}}}\n    action: annotate\n"
    )
    told = warnings(compile_file(path).policies, TODAY)
    assert [(each.code, each.path, each.message) for each in told if each.code == "TG614"] == (
        [] if said is None else [("TG614", "rules[0].judge.between", said)]
    )
