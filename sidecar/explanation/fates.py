"""What became of everything that was found: at each rule, and in the text."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping

from detectors.base import ONE_BY_ONE
from detectors.types import Finding
from sidecar.explanation.account import DecisionAccount, FindingAccount, RuleFate
from sidecar.explanation.witness import Judged
from sidecar.offline import Guarded
from sidecar.policy.cel import Condition, ConditionError
from sidecar.policy.conditions import Candidate, Circumstances, Exemption
from sidecar.policy.plan import Plan, RulePlan
from sidecar.policy.requirement import Precedent, Requirement
from sidecar.values import Action, Blocked, Decision, FailMode, Lane, Redaction

_CLOSE = 0.01
"""A score nearer to its threshold is told with more decimals."""
_Met = Mapping[int, Mapping[Finding, None]]
"""The findings that are violations of a rule, in text order, by the rule's number."""
_Key = tuple[int, str, float, str, tuple[int, int] | None]


class Fates:
    """Reads what a witness saw of a text. `text` is as the detectors read it, `raw` as it was given."""

    def __init__(
        self,
        plan: Plan,
        guarded: Guarded,
        *,
        text: str,
        raw: str,
        numbers: Mapping[int, int],
        lane: Lane,
        circumstances: Circumstances,
    ) -> None:
        """`numbers` are the segments' numbers of the account, by the stream's."""
        self._plan = plan
        self._lane = lane
        self._circumstances = circumstances
        self._guarded = guarded
        self._text = text
        self._raw = raw
        self._numbers = numbers
        self._puts = [each for each in guarded.redactions if not each.is_restored]
        self._put_ends = [each.end for each in self._puts]
        self._met: _Met = {}
        self._decided = {self._key(each.rule, each.finding) for each in guarded.decisions}

    def findings(
        self, judgements: Iterable[Judged], *, why_unread: Mapping[int, str] | None = None
    ) -> list[FindingAccount]:
        """All findings by where they stand, each once. `why_unread`: no rule reads them, and why not, by rule."""
        seen: dict[tuple[str, Finding], FindingAccount] = {}
        every = [*judgements]
        met: dict[int, dict[Finding, None]] = defaultdict(dict)
        for violation in (one for each in every for one in each.violations):
            met[violation.rule.index][violation.finding] = None
        self._met = met
        for each in every:
            for finding in each.findings:
                key = (each.reader.detector.name, finding)
                if key not in seen:
                    seen[key] = self._finding(each, finding, why_unread)
        return sorted(seen.values(), key=lambda each: (each.start, each.end, each.detector, each.label, -each.score))

    def _finding(self, judged: Judged, finding: Finding, why_unread: Mapping[int, str] | None) -> FindingAccount:
        fates = (
            self._fate(rule, finding)
            if why_unread is None
            else RuleFate(
                rule=rule.id,
                threshold=rule.thresholds.get(finding.label),
                fate="not_read",
                why=f"{why_unread[rule.index]}; {_compared(rule, finding)}",
            )
            for rule in judged.reader.rules
        )
        return FindingAccount(
            detector=judged.reader.detector.name,
            label=finding.label,
            start=finding.start,
            end=finding.end,
            text=self._text[finding.start : finding.end],
            score=round(finding.score, 4),
            reason=finding.reason,
            segment=None if judged.segment is None else self._numbers.get(judged.segment.number),
            is_read=why_unread is None,
            fates=tuple(fates),
        )

    def _fate(self, rule: RulePlan, finding: Finding) -> RuleFate:
        threshold = rule.thresholds.get(finding.label)

        def told(fate: str, why: str) -> RuleFate:
            return RuleFate(rule=rule.id, threshold=threshold, fate=fate, why=why)  # type: ignore[arg-type]  # below

        if threshold is None:
            return told("label_not_asked", f"the rule asks for {', '.join(sorted(rule.thresholds))}")
        if finding.score < threshold:
            return told("under_threshold", _compared(rule, finding))
        own = self._met.get(rule.index, {})
        if finding not in own:
            better = next((each for each in own if each.start <= finding.start and finding.end <= each.end), None)
            if better is not None:
                place = f"[{better.start}, {better.end})"
                return told("dominated", f"{better.label} {better.score:.2f} at {place} contains it: one is told of")
        elif self._key(rule.index, finding) in self._decided:
            return told("decided", _compared(rule, finding))
        return told("not_decided", self._why_not(rule, finding))

    def _key(self, rule: int, finding: Finding) -> _Key:
        """A rule's finding. In text that was read decoded a decision has another place."""
        place = (finding.start, finding.end) if self._text == self._raw else None
        return rule, finding.label, finding.score, finding.reason, place

    def _why_not(self, rule: RulePlan, finding: Finding) -> str:
        """Why nothing was decided about a finding whose score is enough."""
        blocked = self._guarded.blocked
        if blocked is not None and finding.end > blocked.position:
            is_at_it = blocked.rule == rule.index and blocked.position == finding.start
            if is_at_it and (objection := self._objection(rule, finding)):
                return objection
            return f"it stands behind the place where rule {self._plan.rules[blocked.rule].id} stopped the text"
        if objection := self._objection(rule, finding):
            return objection
        if rule.requires is not None and not self._stands(rule.requires, finding):
            return f"the rule requires {rule.requires}, and that does not stand there"
        if rule.session is not None:
            return f"the rule acts in a session {rule.session}; --session says what this one is like"
        if rule.reading.answer is not None:
            return "the rule judges the whole answer: at this sentence its bar is higher"
        if rule.reading != ONE_BY_ONE:
            return "the rule counts: not enough sentences have failed for it to fire"
        return "a stand-in at this place keeps it from being a violation"

    def _stands(self, required: Requirement, finding: Finding) -> bool:
        standing = [
            Precedent(rule, each.label, each.start, each.end)
            for rule in required.rules
            for each in self._met.get(rule, {})
            if not self._objection(self._plan.rules[rule], each)
        ]
        return required.holds(finding.start, finding.end, standing)

    def _objection(self, rule: RulePlan, finding: Finding) -> str:
        """What of the terms of a rule keeps a finding from being a violation, in words; empty when nothing does."""
        if rule.terms is None:
            return ""
        found = self._text[finding.start : finding.end]
        try:
            by = self._circumstances.objection(rule.terms, Candidate(finding, self._lane, rule.detector), lambda: found)
        except ConditionError:
            then = "stops the text" if rule.on_error is FailMode.FAIL_CLOSED else "lets the text pass"
            return f"its condition could not be told (of a label that the stream has not, ask `has` first): it {then}"
        match by:
            case Condition():
                return f"its condition does not hold: {by.text}"
            case Exemption():
                end = f", until {by.last_day.isoformat()}" if by.last_day else ""
                return f"it is excepted{end}: {by.reason} ({by.owner})"
            case None:
                return ""

    def decisions(self) -> list[DecisionAccount]:
        """All decisions, in the order in which they were made."""
        return [self._decision(each) for each in self._guarded.decisions]

    def _decision(self, decision: Decision) -> DecisionAccount:
        rule, finding = self._plan.rules[decision.rule], decision.finding
        winner, why = self._winner(decision)
        return DecisionAccount(
            rule=rule.id,
            severity=rule.severity_of(finding.score).word,
            label=finding.label,
            start=finding.start,
            end=finding.end,
            text=self._raw[finding.start : finding.end],
            score=None if decision.failure else round(finding.score, 4),
            threshold=rule.thresholds.get(finding.label),
            reason=finding.reason,
            decided=decision.decided.word,
            done=decision.done.word,
            winner=self._plan.rules[winner].id,
            why=why,
        )

    def _winner(self, decision: Decision) -> tuple[int, str]:
        """The rule whose action shows where a decision stands, and why that one."""
        match decision.done:
            case Action.BLOCK:
                return self._stopped(decision, self._guarded.blocked)
            case Action.WITHHOLD | Action.REDACT if (put := self._put(decision)) is not None:
                return put.rule, self._replaced(decision, put)
            case _:
                return decision.rule, self._left(decision)

    def _stopped(self, decision: Decision, blocked: Blocked | None) -> tuple[int, str]:
        if blocked is None or blocked.rule == decision.rule:
            if decision.failure is None:
                return decision.rule, "it stopped the text here"
            why = decision.failure.reason or decision.failure.kind
            return decision.rule, f"there was no verdict ({why}), and the rule fails closed: it stopped the text here"
        other = self._plan.rules[blocked.rule].id
        if decision.decided is Action.BLOCK:
            return blocked.rule, f"rule {other} stopped the text first: it begins earlier, or stands before this rule"
        return blocked.rule, f"rule {other} stopped the text here: to block is stronger"

    def _put(self, decision: Decision) -> Redaction | None:
        """What was put in the place where a decision stands."""
        start, end = decision.finding.start, decision.finding.end
        index = bisect_right(self._put_ends, start)
        found = self._puts[index] if index < len(self._puts) else None
        return found if found is not None and found.start < end else None

    def _replaced(self, decision: Decision, put: Redaction) -> str:
        other = self._plan.rules[put.rule].id
        if decision.done is Action.WITHHOLD:
            return "all of the text gave way to the sentence of " + (
                "this rule" if put.rule == decision.rule else other
            )
        if put.rule == decision.rule:
            is_own = put.label == decision.finding.label
            return "its replacement stands here" if is_own else f"one replacement, of {put.label}, stands for both"
        if decision.decided < Action.REDACT or not decision.is_enforced:
            return f"rule {other} replaced the text that it is about"
        return f"both replace this place: rule {other} stands first in the policy, so its replacement stands here"

    def _left(self, decision: Decision) -> str:
        if not decision.is_enforced:
            return "in shadow: recorded, and nothing changed"
        if decision.failure is not None:
            return f"the detector gave no answer ({decision.failure.kind}), and the rule lets the text pass then"
        if decision.done is Action.ANNOTATE:
            return "a remark beside the text, which left"
        if decision.done is Action.ADVISE:
            return f"the text left, and the model is told beside it: {self._plan.rules[decision.rule].advice}"
        if decision.decided > decision.done:
            return "the text had left before: nothing could be done any more"
        return "recorded, and nothing changed"


def _compared(rule: RulePlan, finding: Finding) -> str:
    threshold = rule.thresholds.get(finding.label)
    if threshold is None:
        return f"the rule does not ask for {finding.label}"
    score = f"{finding.score:.2f}" if abs(finding.score - threshold) >= _CLOSE else f"{finding.score:.6g}"
    told = f"{score} {'reaches' if finding.score >= threshold else 'is under'} {threshold:g}"
    judge = rule.judge
    if judge is None or not judge.covers(finding):
        return told
    return f"{told}; between {judge.low:g} and {judge.high:g} judge {judge.judge} decides, and here nobody asks it"
