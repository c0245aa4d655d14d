"""What a rule asks of a finding beyond its threshold: its condition, its exceptions, its severities by score."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise

from sidecar.policy.cel import VARIABLES, Complaint, Condition, WrongConditionError, compile_condition
from sidecar.policy.codes import Code
from sidecar.policy.compile.refusals import Refusals
from sidecar.policy.conditions import Exemption, Terms
from sidecar.policy.document import Place
from sidecar.policy.explain import suggest
from sidecar.policy.facts import Glob
from sidecar.policy.schema.exceptions import ExceptionSpec
from sidecar.policy.schema.rules import RuleSpec
from sidecar.values import Severity


def terms_of(refusals: Refusals, place: Place, rule: RuleSpec) -> Terms | None:
    """The terms of the rule at `place`; None where it has none, or they are wrong."""
    if rule.when is None and not rule.except_:
        return None
    when = _condition(refusals, (*place, "when"), rule.when)
    exemptions = [
        _exemption(refusals, (*place, "except", number), spec) for number, spec in enumerate(rule.except_ or ())
    ]
    return Terms(when, tuple(exemptions))


def highest_severity(rule: RuleSpec) -> Severity:
    """The severity of the rule, or the highest of those by score."""
    return max(map(Severity.of, [rule.severity] if isinstance(rule.severity, str) else rule.severity.values()))


def bands_of(
    refusals: Refusals, place: Place, rule: RuleSpec, thresholds: Mapping[str, float]
) -> tuple[tuple[float, Severity], ...]:
    """The severities by score, lowest first. What no finding can have is refused, and what has no severity."""
    if isinstance(rule.severity, str):
        return ()
    where = (*place, "severity")
    bands = sorted((float(score), Severity.of(word)) for score, word in rule.severity.items())
    least = min(thresholds.values(), default=0.0)
    if bands[0][0] > least:
        message = f"a finding with a score of {least:g} has no severity: the lowest stated is from {bands[0][0]:g} on"
        remedy = f"begin with {least:g}, the least score that counts, or raise the threshold"
        refusals.refuse(where, Code.SCORES_WITHOUT_SEVERITY, message, remedy)
    for (score, _), (following, _) in pairwise(bands):
        if following <= least:
            message = f"no finding has the severity from {score:g} on: the least score that counts is {least:g}"
            refusals.refuse(where, Code.SCORES_WITHOUT_SEVERITY, message, "remove it, or lower the threshold")
    return tuple(bands)


def _condition(refusals: Refusals, place: Place, text: str | None) -> Condition | None:
    if text is None:
        return None
    try:
        return compile_condition(text)
    except WrongConditionError as error:
        for each in error.complaints:
            _refuse(refusals, place, each)
    return None


def _refuse(refusals: Refusals, place: Place, complaint: Complaint) -> None:
    remedy = complaint.remedy
    if complaint.name:
        # A word of no group is most likely a text without quotes.
        quoted = f'write "{complaint.name}" in quotes if it is text'
        remedy = suggest(complaint.name, VARIABLES) if "." in complaint.name else quoted
    refusals.refuse(place, Code.WRONG_CONDITION, complaint.message, remedy, offset=complaint.offset)


def _exemption(refusals: Refusals, place: Place, spec: ExceptionSpec) -> Exemption:
    values = [spec.value] if isinstance(spec.value, str) else spec.value or []
    return Exemption(
        reason=spec.reason,
        owner=spec.owner,
        last_day=date.fromisoformat(spec.expires) if spec.expires else None,
        words=frozenset(each for each in values if "*" not in each),
        globs=tuple(Glob(each) for each in values if "*" in each),
        when=_condition(refusals, (*place, "when"), spec.when),
    )
