"""What both sides of a stream's canaries decided: the one that it is held to, and what the other would have done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sidecar.canaries import Went
from sidecar.outbox.builders import policy_ref
from sidecar.outbox.event import CanaryRef
from sidecar.policy.canary import would
from sidecar.policy.plan import Plan
from sidecar.values import Action, CanarySide, Decision


class Verdicts:
    """Gathers a stream's decisions. Bounded by the rules and actions that there are."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._is_any = plan.side is not None or bool(plan.canaries)
        self._done: dict[int, set[Action]] = {}
        self._failed: set[int] = set()
        self._enforced = {rule.id for rule in plan.other.rules if rule.is_enforced} if plan.other is not None else set()
        """The rules of the other version that are no mere shadow there."""
        self._others: Counter[str] = Counter()
        self._would = Action.ALLOW
        """The strongest action of the other version, or of the rules where each is on its other side."""

    def decided(self, decisions: Iterable[Decision]) -> None:
        """Take note of decisions of both sides."""
        if not self._is_any:
            return
        for decision in decisions:
            rule = self._plan.rules[decision.rule]
            if rule.is_others:
                self._other(decision)
                continue
            self._done.setdefault(decision.rule, set()).add(decision.done)
            if decision.failure is not None:
                self._failed.add(decision.rule)
            if self._plan.other is None:
                self._would = max(self._would, would(rule, decision))

    def went(self, *, has_failed: bool) -> Mapping[str, Went]:
        """How the stream went, by rule that is a canary, and under an empty name as a whole."""
        if not self._is_any:
            return {}
        rules = self._plan.rules
        found = {
            rules[index].id: Went(frozenset(self._done.get(index, ())), has_failed or index in self._failed)
            for index in self._plan.canaries
        }
        done = frozenset(action for each in self._done.values() for action in each)
        return found | {"": Went(done, has_failed or bool(self._failed))}

    def canary(self) -> CanaryRef | None:
        """Both verdicts, for the stream's event; None where nothing is tried."""
        if not self._is_any:
            return None
        plan = self._plan
        return CanaryRef(
            would=self._would.word,
            side=plan.side,
            policy=policy_ref(plan.other) if plan.other is not None else None,
            violations=dict(self._others),
            sides=dict(self._sides_of_rules()),
        )

    def sides(self) -> Mapping[str, CanarySide]:
        """On which side the stream is, by rule that is a canary, and by the version that is tried."""
        plan = self._plan
        if plan.side is None:
            return self._sides_of_rules()
        tried = plan if plan.other is None or plan.rollout is not None else plan.other
        return {**self._sides_of_rules(), tried.version: plan.side}

    def _sides_of_rules(self) -> Mapping[str, CanarySide]:
        rules = self._plan.rules
        return {rules[index].id: side for index in self._plan.canaries if (side := rules[index].side) is not None}

    def _other(self, decision: Decision) -> None:
        rule = self._plan.rules[decision.rule]
        if decision.failure is None:
            self._others[rule.id] += 1
        if rule.id in self._enforced:
            self._would = max(self._would, decision.decided)
