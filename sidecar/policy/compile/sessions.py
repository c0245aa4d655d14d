"""What a policy makes of sessions, and what of it cannot be."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.base import EVERYTHING
from sidecar.policy.codes import Code
from sidecar.policy.compile.actions import default_of, translations_of
from sidecar.policy.compile.refusals import Refusals, check_wording
from sidecar.policy.compile.terms import highest_severity
from sidecar.policy.document import Place
from sidecar.policy.loader import Draft
from sidecar.policy.plan import RulePlan
from sidecar.policy.schema.policy import PolicySpec
from sidecar.policy.schema.rules import RuleSpec
from sidecar.policy.schema.session import EscalationSpec, SessionConditionSpec, SessionSpec, milliseconds
from sidecar.policy.sessions import Escalation, SessionCondition, SessionSettings
from sidecar.policy.stopped import SESSION_STOPPED
from sidecar.values import Action, Direction, FailMode, InHistory, Severity
from sidecar.wording import messages
from sidecar.wording.languages import Language


def condition_of(spec: SessionConditionSpec | None) -> SessionCondition | None:
    """What a rule insists on of its session."""
    if spec is None:
        return None
    return SessionCondition(frozenset(spec.has or ()), spec.risk or 0.0, spec.violations or 0)


def settings_of(spec: PolicySpec) -> SessionSettings:
    """The policy's `session:` section."""
    session = spec.session or SessionSpec()
    return SessionSettings(
        half_life_ms=milliseconds(session.half_life),
        untrusted=frozenset(session.untrusted or ()),
        escalations=tuple(
            _escalation(each, len(spec.rules) + number) for number, each in enumerate(session.escalation)
        ),
    )


def stoppers_of(spec: PolicySpec) -> tuple[RulePlan, ...]:
    """The rules that stop a session, numbered behind the policy's own."""
    return tuple(
        _stopper(each, len(spec.rules) + number, spec.metadata.language)
        for number, each in enumerate(escalations_of(spec.session))
    )


def escalations_of(session: SessionSpec | None) -> Sequence[EscalationSpec]:
    """When a policy stops a session."""
    return session.escalation if session is not None else ()


def check_sessions(refusals: Refusals, draft: Draft) -> None:
    """Refuse what can never be: marks of requests in answers, and escalations that nothing leads to."""
    directions = draft.match.directions if draft.match else None
    if draft.session is not None and draft.session.untrusted and directions == [Direction.OUTPUT]:
        message = "the policy takes outputs only, and strangers speak in requests"
        remedy = "remove it, or add `input` to `match.directions`"
        refusals.refuse(("session", "untrusted"), Code.READS_NOTHING, message, remedy)
    taken = set(draft.ids.values())
    language = draft.metadata.language if draft.metadata else Language.EN
    for number, each in enumerate(escalations_of(draft.session)):
        place: Place = ("session", "escalation", number)
        if each.id in taken:
            message = f"a rule, or another escalation, has the id `{each.id}` already"
            refusals.refuse((*place, "id"), Code.REPEATED_RULE, message, "give each its own id")
        taken.add(each.id)
        check_wording(refusals, (*place, "message"), each.message, language)
        if draft.has_all_rules:
            _check_reached(refusals, place, each, list(draft.rules.values()))


def _check_reached(refusals: Refusals, place: Place, spec: EscalationSpec, rules: Sequence[RuleSpec]) -> None:
    adding = [rule for rule in rules if rule.risk]
    least = Severity.of(spec.after.severity) if spec.after.severity else Severity.INFO
    if not adding:
        message = "no rule adds risk, so nothing leads to this"
        refusals.refuse((*place, "after"), Code.NOTHING_LEADS_THERE, message, "give a rule `risk: 1`")
    elif all(highest_severity(rule) < least for rule in adding):
        message = f"no rule that adds risk has the severity `{least.word}`"
        remedy = "name a lower one, or remove `severity`"
        refusals.refuse((*place, "after", "severity"), Code.NOTHING_LEADS_THERE, message, remedy)


def _escalation(spec: EscalationSpec, number: int) -> Escalation:
    after = spec.after
    return Escalation(
        rule=number,
        for_ms=milliseconds(spec.for_),
        violations=after.violations,
        risk=after.risk,
        severity=Severity.of(after.severity) if after.severity else Severity.INFO,
        within_ms=milliseconds(after.within) if after.within else 0.0,
    )


def _stopper(spec: EscalationSpec, number: int, language: Language) -> RulePlan:
    own = default_of(spec.message, language)
    return RulePlan(
        index=number,
        id=spec.id,
        detector="session",
        thresholds={SESSION_STOPPED: 1.0},
        severity=Severity.of(spec.severity),
        action=Action.BLOCK,
        enforcement=spec.enforcement,
        on_error=FailMode.FAIL_CLOSED,
        on_timeout=FailMode.FAIL_CLOSED,
        message=messages.halted(language) if own is None else own,
        translations=translations_of(spec.message),
        in_history=InHistory.REFUSE,
        reads=EVERYTHING,
    )
