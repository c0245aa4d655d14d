"""What holds at a place in a stream, for rules that insist on something: of the session, or of what else was found.

A rule that `requires` other findings sees those of its lane that stand there (`policy.requirement`). The session is
as it was when the stream began, and what the stream itself established by then: the marks and the risk of violations
that stand at or before the place in its lane, or in text of other lanes that came before. Each rule counts once in a
stream. Only what a place waits for is taken: what scanners find, and models for whose verdict its text waits. So it
depends neither on chunks nor on time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, groupby

from sidecar.core.items import Item
from sidecar.policy.plan import Plan, RulePlan
from sidecar.policy.requirement import MOST_STANDING, Precedent, Requirement
from sidecar.policy.session_facts import NOTHING_KNOWN, SessionFacts
from sidecar.values import Action, Lane, Part, SessionMark


class Established:
    """See the module's text."""

    __slots__ = ("_facts", "_first", "_standing", "is_asked")

    def __init__(self, plan: Plan, facts: SessionFacts = NOTHING_KNOWN) -> None:
        self._facts = facts
        self.is_asked = any(rule.is_conditional for rule in plan.rules)
        """Whether a rule insists on anything."""
        self._first: dict[tuple[int, Lane], tuple[RulePlan, int, int]] = {}
        """For each rule that tells something, and lane: where it is violated first, and in which run of text."""
        self._standing: dict[tuple[int, Lane], deque[Precedent]] = {}
        """For each rule that is counted, and lane: what it found last."""

    def concerns(self, item: Item) -> bool:
        """Whether a violation has to be looked at once its place is certain."""
        rule = item.violation.rule
        return self.is_asked and item.failed is None and (rule.is_telling or rule.is_counted or rule.is_conditional)

    def standing(self, lane: Lane, items: Iterable[Item]) -> Iterator[Item]:
        """The items, in text order: each once all that begins by where it does is there to be counted."""
        for _, group in groupby(items, key=lambda item: item.start):
            together = [*group]
            for each in together:
                self._stand(each, lane)
            yield from together

    def admits(self, item: Item, lane: Lane, *, is_request: bool) -> bool:
        """Whether a violation is one, as the session stands at its place; all that stands before it is known.

        What a model said earlier in a session was judged as the session stood then, so no such rule reads it again.
        """
        rule = item.violation.rule
        if rule.requires is not None and not self._has(rule.requires, item, lane):
            return False
        condition = rule.session
        if condition is None:
            return True
        if is_request and lane.part is Part.MODEL:
            return False
        return condition.holds(self._at(item, lane))

    def note(self, item: Item, lane: Lane, *, is_awaited: bool) -> None:
        """Take what a violation says of the session."""
        rule = item.violation.rule
        if not (rule.is_telling and rule.is_enforced and is_awaited):
            return
        key = (rule.index, lane)
        _, start, run = self._first.get(key, (rule, item.start, item.source.run))
        self._first[key] = (rule, min(start, item.start), min(run, item.source.run))

    def _stand(self, item: Item, lane: Lane) -> None:
        rule, label = item.violation.rule, item.violation.finding.label
        if rule.is_counted and not (item.is_rest or item.is_remark):
            found = self._standing.setdefault((rule.index, lane), deque(maxlen=MOST_STANDING))
            found.append(Precedent(rule.index, label, item.start, item.end))

    def _has(self, required: Requirement, item: Item, lane: Lane) -> bool:
        found = (self._standing.get((rule, lane), ()) for rule in required.rules)
        return required.holds(item.start, item.end, chain.from_iterable(found))

    def _at(self, item: Item, lane: Lane) -> SessionFacts:
        rules = {
            rule.index: rule
            for (_, own), (rule, start, run) in self._first.items()
            if (start <= item.start if own == lane else run < item.source.run)
        }
        rules.pop(item.violation.rule.index, None)
        marks = item.violation.rule.marks.union(*[each.marks for each in rules.values()])
        counting = [each for each in rules.values() if each.risk]
        return replace(
            self._facts,
            risk=self._facts.risk + sum(each.risk for each in counting),
            violations=self._facts.violations + len(counting),
            untrusted=self._facts.untrusted or SessionMark.UNTRUSTED in marks,
            sensitive=self._facts.sensitive or SessionMark.SENSITIVE in marks,
            sends=self._facts.sends or SessionMark.SENDS in marks,
        )


def waits_for(item: Item, *, is_waiting: bool) -> bool:
    """Whether text waits for what found a violation."""
    return item.is_scanned or (is_waiting and item.violation.rule.is_gating and item.action >= Action.REDACT)
