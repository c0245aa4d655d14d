"""Decides: findings in, violations out. Pure; a few dictionary look-ups per finding, nothing at all without findings.

1. A finding violates a rule when the rule has a threshold for its label and the score reaches it.
2. Within one rule, a violation is dropped when another one **dominates** it: it contains its span, and has the higher
   score, or the same score and a longer span, or the same span and score and the label that sorts first. Whoever reads
   the events then sees one violation for one thing, and it does not matter in which order findings came.

Sorted by start (the longer, the higher score and the smaller label first), a violation's dominators all stand before
it, so one sweep is enough: what came before and reaches furthest is kept as a front of (end, score) pairs, ends
rising and scores falling. Work is O(n log n) in the findings of a call.

Where a judge was asked, its word counts for the findings that the rule leaves to it: `judged`.

What follows from a violation (strongest action, union of redactions, position of a block) is the core's part.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from detectors.types import Finding
from sidecar.policy.judging import Escalation
from sidecar.policy.plan import RulePlan
from sidecar.values import Judged


class Violation(msgspec.Struct, frozen=True, gc=False):
    """A finding that met a rule."""

    rule: RulePlan
    finding: Finding


def decide(
    rules: Sequence[RulePlan],
    findings: Sequence[Finding],
    earlier: Sequence[Violation] = (),
    judged: Judged | None = None,
) -> Sequence[Violation]:
    """The violations of `rules` among `findings`, by start, then by rule, then by span and label.

    `rules` read the detector that made the findings. A scanner's findings come in several calls, by start: `earlier`
    are the violations of the calls before that reach past the first new finding's start, so that the answer does not
    depend on how the text was cut. They are not returned again.
    """
    if not findings:
        return ()
    violations = [
        Violation(rule, finding)
        for rule in rules
        for finding in _undominated(_met(rule, findings, judged), _met_earlier(rule, earlier))
    ]
    violations.sort(key=_place)
    return violations


def _met(rule: RulePlan, findings: Iterable[Finding], judged: Judged | None) -> list[Finding]:
    thresholds = rule.thresholds
    if judged is not None and rule.judge is not None:
        return [*_met_as_judged(rule, rule.judge, findings, judged)]
    return [
        finding
        for finding in findings
        if (threshold := thresholds.get(finding.label)) is not None and finding.score >= threshold
    ]


def _met_as_judged(
    rule: RulePlan, escalation: Escalation, findings: Iterable[Finding], judged: Judged
) -> Iterator[Finding]:
    """The findings that are violations; of those that were unclear, the reason says what the judge said."""
    confirmed = judged.confirms(escalation.labels)
    for finding in findings:
        if (threshold := rule.thresholds.get(finding.label)) is None:
            continue
        is_met, is_unclear = finding.score >= threshold, escalation.covers(finding)
        if is_unclear and confirmed is not None:
            is_met = confirmed
        if is_met:
            said = f"{finding.reason}; {judged.reason}" if finding.reason else judged.reason
            yield msgspec.structs.replace(finding, reason=said) if is_unclear else finding


def _met_earlier(rule: RulePlan, earlier: Sequence[Violation]) -> list[Finding]:
    return [violation.finding for violation in earlier if violation.rule.index == rule.index]


def _undominated(findings: list[Finding], earlier: list[Finding]) -> list[Finding]:
    """The findings that no other one dominates, nor any of `earlier`; repeats come once."""
    if len(findings) + len(earlier) <= 1:
        return findings
    front = _Front()
    for finding in sorted(earlier, key=_sweep_order):
        front.admit(finding)
    return [finding for finding in sorted(findings, key=_sweep_order) if front.admit(finding)]


class _Front:
    """How far the findings swept so far reach, by score: ends rise, scores fall. `scores` are negated, so both rise."""

    __slots__ = ("_ends", "_scores")

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._scores: list[float] = []

    def admit(self, finding: Finding) -> bool:
        """Whether nothing swept before dominates `finding`; it is then part of the front."""
        ends, scores = self._ends, self._scores
        reach = bisect_left(ends, finding.end)
        if reach < len(ends) and scores[reach] <= -finding.score:
            return False
        covered = slice(bisect_left(scores, -finding.score), bisect_right(ends, finding.end))
        ends[covered] = [finding.end]
        scores[covered] = [-finding.score]
        return True


def _sweep_order(finding: Finding) -> tuple[int, int, float, str, str]:
    return (finding.start, -finding.end, -finding.score, finding.label, finding.reason)


def _place(violation: Violation) -> tuple[int, int, int, str, float]:
    finding = violation.finding
    return (finding.start, violation.rule.index, finding.end, finding.label, -finding.score)
