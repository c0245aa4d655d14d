"""An answer as a pair checker sees it: one sentence after the other, each with what became of it.

Outcomes come in any order, but a rule may ask for several failed sentences in a row, or for a share of the answer; so
they are taken in the order of the text (`take`). `read` then says which rules a sentence violates, and which sentences
that pass a rule wants annotated. What became of each sentence is counted up to where the answer was stopped, if it was
(`sentences`), so that the counts do not depend on what was checked behind a block.

Pure; one for each lane and pair checker, owned by the lane.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import msgspec

from detectors.base import NEUTRAL, SUPPORTED, UNCHECKED, UNSUPPORTED
from detectors.types import Finding
from sidecar.policy.decide import Violation, decide
from sidecar.policy.plan import BatchPlan, RulePlan
from sidecar.values import Failed, Outcome, Segment, Standing

_EVEN = 0.5
"""From this score on a sentence counts as unsupported where no rule says from which."""


@dataclass(slots=True)
class Sentences:
    """Counts over an answer's sentences. `used` are the passages that supported one."""

    counts: Counter[Standing] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """Why sentences were not checked."""
    used: set[str] = field(default_factory=set)

    def add(self, other: Sentences) -> None:
        """Count another text's sentences, too."""
        self.counts += other.counts
        self.reasons += other.reasons
        self.used |= other.used


class Remark(msgspec.Struct, frozen=True, gc=False):
    """Evidence for a sentence that passed a rule: shown, and no violation."""

    violation: Violation


class _Judged(msgspec.Struct, frozen=True, gc=False):
    """A sentence that is not counted yet."""

    start: int
    verdict: Standing
    note: str
    """The passage that supports it, or why it was not checked."""


class Answer:
    """See the module's text."""

    def __init__(self, batch: BatchPlan) -> None:
        self._runs = [_Run(rule) for rule in batch.rules]
        self._least = _least_of(batch.rules)
        self._turns: deque[int] = deque()
        self._early: dict[int, tuple[Segment, Outcome]] = {}
        self._judged: deque[_Judged] = deque()
        self._counted = Sentences()

    def expect(self, segment: Segment) -> None:
        """Say that an outcome for this segment is going to come, behind those that were said before."""
        self._turns.append(segment.number)

    def take(self, segment: Segment, outcome: Outcome) -> Iterator[tuple[Segment, Outcome]]:
        """The outcomes whose turn it is now that this one has come, in the order of the text."""
        self._early[segment.number] = (segment, outcome)
        while self._turns and self._turns[0] in self._early:
            yield self._early.pop(self._turns.popleft())

    def read(self, findings: Sequence[Finding]) -> Iterator[Violation | Remark]:
        """What follows from the findings of one segment, by rule; the sentences in it are judged one by one."""
        for _, sentence in groupby(findings, key=_span):
            yield from self._read_sentence(list(sentence))

    def note_failure(self, segment: Segment, failed: Failed) -> None:
        """Note that a segment was not checked."""
        self._judged.append(_Judged(segment.start, Standing.UNCHECKED, failed.kind.value))

    def sentences(self, end: int | None = None) -> Sentences:
        """The counts of the sentences that begin at `end` or before; all without one."""
        while self._judged and (end is None or self._judged[0].start <= end):
            judged = self._judged.popleft()
            self._counted.counts[judged.verdict] += 1
            if judged.verdict is Standing.UNCHECKED:
                self._counted.reasons[judged.note] += 1
            elif judged.verdict is Standing.SUPPORTED:
                self._counted.used.add(judged.note)
        return self._counted

    def _read_sentence(self, findings: Sequence[Finding]) -> Iterator[Violation | Remark]:
        main = next((each for each in findings if each.label in _VERDICTS), None)
        if main is None:
            return
        self._judge(main)
        if main.label == NEUTRAL:
            return
        for run in self._runs:
            own = decide((run.rule,), run.counting(findings))
            if (own or main.label == UNSUPPORTED) and run.fires(has_failed=bool(own)):
                yield from own
            elif not own and main.label == UNSUPPORTED and run.rule.reading.evidence:
                yield Remark(Violation(run.rule, _passed(main)))

    def _judge(self, main: Finding) -> None:
        verdict = _VERDICTS[main.label]
        if verdict is Standing.UNSUPPORTED and main.score < self._least:
            verdict = Standing.SUPPORTED
        note = main.reason if verdict is Standing.UNCHECKED else main.grounding.passage if main.grounding else ""
        self._judged.append(_Judged(main.start, verdict, note))


class _Run:
    """How the checked sentences so far stand to one rule."""

    def __init__(self, rule: RulePlan) -> None:
        self.rule = rule
        self._in_a_row = 0
        self._failed = 0
        self._checked = 0

    def counting(self, findings: Sequence[Finding]) -> Sequence[Finding]:
        """The findings that count at the next sentence; with a bar that rises along the answer, those that reach it."""
        answer, thresholds = self.rule.reading.answer, self.rule.thresholds
        if answer is None:
            return findings
        number = self._checked + 1
        return [
            each
            for each in findings
            if each.label in thresholds and each.score >= answer.least(thresholds[each.label], number)
        ]

    def fires(self, *, has_failed: bool) -> bool:
        """Whether the rule is violated, now that one more sentence was checked."""
        self._checked += 1
        self._failed += has_failed
        self._in_a_row = self._in_a_row + 1 if has_failed else 0
        reading = self.rule.reading
        if not has_failed or self._in_a_row < reading.consecutive:
            return False
        if reading.ratio is None:
            return True
        return self._checked >= reading.ratio_after and self._failed > reading.ratio * self._checked


_VERDICTS: Mapping[str, Standing] = {
    UNSUPPORTED: Standing.UNSUPPORTED,
    NEUTRAL: Standing.NEUTRAL,
    UNCHECKED: Standing.UNCHECKED,
}


def _least_of(rules: Sequence[RulePlan]) -> float:
    """The score from which on a sentence is unsupported, by the first rule that says so."""
    return next((rule.thresholds[UNSUPPORTED] for rule in rules if UNSUPPORTED in rule.thresholds), _EVEN)


def _span(finding: Finding) -> tuple[int, int]:
    return (finding.start, finding.end)


def _passed(main: Finding) -> Finding:
    """What is shown of a sentence that passed: its support, which is better the higher it is."""
    support = main.grounding.support if main.grounding else 1 - main.score
    return msgspec.structs.replace(main, label=SUPPORTED, score=support, reason="")
