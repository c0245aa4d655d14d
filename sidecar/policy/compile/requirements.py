"""What rules require beside a finding, and what of it could never stand there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from detectors.suggestion import closest
from sidecar.policy.canary import with_rules
from sidecar.policy.codes import Code
from sidecar.policy.compile.refusals import Refusals
from sidecar.policy.document import Place
from sidecar.policy.plan import Plan, RulePlan
from sidecar.policy.requirement import MOST_STANDING, Kind, Requirement
from sidecar.policy.schema.policy import PolicySpec
from sidecar.policy.schema.requires import RequiresSpec


def with_requirements(refusals: Refusals, spec: PolicySpec, plan: Plan) -> Plan:
    """The plan with what its rules require."""
    stated = {number: rule.requires for number, rule in enumerate(spec.rules) if rule.requires is not None}
    if not stated:
        return plan
    compiler = _Requirements(refusals, plan, frozenset(stated))
    required = {number: compiler.compile(number, each) for number, each in stated.items()}
    counted = frozenset(required).union(*(each.rules for each in required.values()))

    def changed(rule: RulePlan) -> RulePlan:
        return replace(rule, requires=required.get(rule.index), is_counted=rule.index in counted)

    return with_rules(plan, changed)


class _Requirements:
    """Compiles what the rules of a plan require; `requiring` are those that require something."""

    def __init__(self, refusals: Refusals, plan: Plan, requiring: frozenset[int]) -> None:
        self._refusals = refusals
        self._plan = plan
        self._requiring = requiring
        self._late = frozenset(rule.index for batch in plan.batches for rule in batch.rules if not plan.is_strict)
        """The rules for which text does not wait."""

    def compile(self, number: int, spec: RequiresSpec) -> Requirement:
        """What the rule of a number requires."""
        place: Place = ("rules", number, "requires")
        rule, key = self._plan.rules[number], "any" if spec.any_ else "all"
        kinds = [self._kind((*place, key, position), rule, name) for position, name in enumerate(spec.names)]
        if spec.any_:
            kinds = [frozenset[tuple[int, str]]().union(*kinds)]
        if number in self._late:
            message = f"in optimistic mode text leaves before `{rule.detector}` answers, so nothing is known in time"
            self._refuse(place, message, "use `mode: strict`, or leave `requires` out")
        if spec.at_least == 1 and spec.at_most is None and all(self._finds_all_of(rule, kind) for kind in kinds):
            message = "this always holds: what the rule finds counts itself"
            remedy = "raise `at_least`, or say `at_most`"
            self._refusals.refuse(place, Code.CONTRADICTION, message, remedy, at_key=True)
        most = spec.at_most or MOST_STANDING
        return Requirement(tuple(kinds), spec.at_least, spec.within, tuple(spec.names), most)

    def _kind(self, place: Place, rule: RulePlan, name: str) -> Kind:
        """What counts under a name: all that a rule of that id finds, or whatever rules find with that label."""
        found = [*self._named(name)]
        if not found:
            known = [*(each.id for each in self._plan.rules), *(label for _, label in self._all())]
            meant = closest(name, known)
            remedy = f"did you mean `{meant}`?" if meant else "add a rule that finds it, with `action: allow`"
            self._refuse(place, f"no rule of the policy is called, or finds, `{name}`", remedy)
            return frozenset()
        objections = {each: self._objection(rule, self._plan.rules[each]) for each, _ in found}
        kind = frozenset(each for each in found if not objections[each[0]])
        if not kind:
            self._refuse(place, *next(each for each in objections.values() if each))
        return kind

    def _named(self, name: str) -> Iterator[tuple[int, str]]:
        of_rule = [(index, label) for index, label in self._all() if self._plan.rules[index].id == name]
        return iter(of_rule or [each for each in self._all() if each[1] == name])

    def _all(self) -> Iterator[tuple[int, str]]:
        return ((rule.index, label) for rule in self._plan.rules for label in rule.thresholds)

    def _objection(self, rule: RulePlan, other: RulePlan) -> tuple[str, str] | None:
        """Why nothing that another rule finds can be counted, and what to do about it."""
        if other.index == rule.index:
            return None
        if other.index in self._requiring or other.session is not None:
            what = "`requires` something" if other.index in self._requiring else "insists on a session"
            return f"rule `{other.id}` {what} itself, so it cannot be counted", "count a rule that always acts"
        if other.index in self._late:
            message = f"in optimistic mode text does not wait for `{other.detector}`, so `{other.id}` is late"
            return message, "use `mode: strict`, or count what a scanner finds"
        if not (rule.reads.parts & other.reads.parts and rule.reads.channels & other.reads.channels):
            return f"rule `{other.id}` reads none of the texts that this rule reads", "let both read the same"
        return None

    def _finds_all_of(self, rule: RulePlan, kind: Kind) -> bool:
        return all((rule.index, label) in kind for label in rule.thresholds)

    def _refuse(self, place: Place, message: str, remedy: str) -> None:
        self._refusals.refuse(place, Code.NEVER_STANDS_THERE, message, remedy)
