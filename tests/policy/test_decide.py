"""Deciding: thresholds, dominance, and that neither order nor portions of findings matter."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.types import Finding
from sidecar.policy.decide import Violation, decide
from sidecar.policy.plan import RulePlan
from sidecar.values import Action, Enforcement, FailMode, Severity


def rule(index: int, **thresholds: float) -> RulePlan:
    return RulePlan(
        index=index,
        id=f"rule-{index}",
        detector="any",
        thresholds=thresholds,
        severity=Severity.MEDIUM,
        action=Action.ANNOTATE,
        enforcement=Enforcement.ENFORCE,
        on_error=FailMode.FAIL_OPEN,
        on_timeout=FailMode.FAIL_OPEN,
    )


RULES = (rule(0, A=0.5, B=0.5), rule(1, B=0.8))

findings = st.lists(
    st.builds(
        lambda start, length, label, score: Finding(start, start + length, label, score),
        st.integers(0, 12),
        st.integers(1, 8),
        st.sampled_from("ABC"),
        st.sampled_from([0.4, 0.5, 0.7, 0.8, 1.0]),
    ),
    max_size=12,
)


def seen(violations: Sequence[Violation]) -> list[tuple[int, Finding]]:
    return [(violation.rule.index, violation.finding) for violation in violations]


@pytest.mark.parametrize(
    ("score", "violates"),
    [
        pytest.param(0.49, False, id="below"),
        pytest.param(0.5, True, id="at the threshold"),
        pytest.param(1.0, True, id="above"),
    ],
)
def test_a_finding_violates_when_its_score_reaches_the_threshold(score: float, violates: bool) -> None:
    assert bool(decide([rule(0, A=0.5)], [Finding(0, 4, "A", score)])) is violates


def test_a_label_without_a_threshold_never_violates() -> None:
    assert seen(decide([rule(0, A=0.0)], [Finding(0, 4, "B", 1.0)])) == []


def test_each_rule_decides_for_itself() -> None:
    finding = Finding(0, 4, "B", 0.9)
    assert seen(decide(RULES, [finding])) == [(0, finding), (1, finding)]


@pytest.mark.parametrize(
    ("kept", "dropped"),
    [
        pytest.param(Finding(0, 9, "A", 0.9), Finding(2, 5, "B", 0.8), id="inside, with a lower score"),
        pytest.param(Finding(0, 9, "B", 0.9), Finding(2, 5, "A", 0.9), id="inside, with the same score"),
        pytest.param(Finding(0, 9, "A", 0.9), Finding(0, 9, "B", 0.9), id="the same span and score, a later label"),
        pytest.param(Finding(0, 9, "B", 0.9), Finding(0, 9, "A", 0.8), id="the same span, a lower score"),
        pytest.param(Finding(0, 9, "A", 0.9), Finding(0, 5, "A", 0.9), id="a shorter one from the same start"),
        pytest.param(
            Finding(0, 9, "A", 0.9, "x"), Finding(0, 9, "A", 0.9, "y"), id="the same again for another reason"
        ),
    ],
)
def test_a_dominated_finding_is_dropped(kept: Finding, dropped: Finding) -> None:
    assert seen(decide([RULES[0]], [dropped, kept])) == [(0, kept)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(Finding(0, 9, "A", 0.8), Finding(2, 5, "B", 0.9), id="inside, with a higher score"),
        pytest.param(Finding(0, 5, "A", 1.0), Finding(3, 9, "B", 0.5), id="overlapping"),
        pytest.param(Finding(0, 5, "A", 1.0), Finding(5, 9, "B", 0.5), id="touching"),
    ],
)
def test_findings_that_say_something_of_their_own_stay(one: Finding, other: Finding) -> None:
    assert seen(decide([RULES[0]], [other, one])) == [(0, one), (0, other)]


def test_a_finding_below_the_threshold_dominates_nothing() -> None:
    inner = Finding(2, 5, "A", 0.6)
    assert seen(decide([rule(0, A=0.6, B=0.9)], [Finding(0, 9, "B", 0.8), inner])) == [(0, inner)]


def test_nothing_is_made_without_findings() -> None:
    assert decide(RULES, []) is decide(RULES, ())


@given(findings=findings, data=st.data())
def test_the_order_of_findings_does_not_matter(findings: list[Finding], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(findings))
    assert seen(decide(RULES, findings)) == seen(decide(RULES, shuffled))


@given(findings=findings)
def test_the_answer_is_what_the_definition_says(findings: list[Finding]) -> None:
    """The sweep against the definition, pair by pair."""
    expected = set()
    for each in RULES:
        met = {finding for finding in findings if finding.score >= each.thresholds.get(finding.label, 2)}
        expected |= {(each.index, one) for one in met if not any(dominates(other, one) for other in met)}
    assert set(seen(decide(RULES, findings))) == expected


def dominates(one: Finding, other: Finding) -> bool:
    contains = one.start <= other.start and other.end <= one.end
    key_of_one = (one.score, one.end - one.start)
    key_of_other = (other.score, other.end - other.start)
    return contains and (key_of_one > key_of_other or (key_of_one == key_of_other and one.label < other.label))


@given(findings=findings, cuts=st.sets(st.integers(1, 12)))
def test_findings_that_come_in_portions_by_start_give_the_same_violations(
    findings: list[Finding], cuts: set[int]
) -> None:
    """However a scanner's text was cut, with the violations that still reach past the cut handed back."""
    violations: list[Violation] = []
    bounds = [0, *sorted(cuts), 99]
    for low, high in itertools.pairwise(bounds):
        portion = [finding for finding in findings if low <= finding.start < high]
        earlier = [violation for violation in violations if violation.finding.end > low]
        violations += decide(RULES, portion, earlier)
    assert seen(violations) == seen(decide(RULES, findings))
