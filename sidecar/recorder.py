"""What is recorded of one stream: its decisions as events, its end, and what metrics count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from sidecar.canaries import Canaries, rates_of
from sidecar.clock import Clock
from sidecar.core.stream import LaneCoverage
from sidecar.drift.reading import NoReading
from sidecar.outbox.builders import (
    Ending,
    StreamInfo,
    decision_event,
    fault_event,
    grounding_of,
    lane_coverage,
    policy_event,
    session_of,
    usage_of,
    violation_event,
)
from sidecar.outbox.event import Event, FaultKind, PolicyStep, RetrievalSummary
from sidecar.outbox.evidence import Keeping
from sidecar.outbox.outbox import Inlet
from sidecar.policy.plan import Plan
from sidecar.summary import Tally, is_violation
from sidecar.telemetry.expenses import Payer
from sidecar.telemetry.metrics import Metrics
from sidecar.telemetry.tracing import Guarded, Guarding, exemplar_of
from sidecar.usage import NO_PRICES, Prices, Source, Spent, Usage
from sidecar.values import (
    Action,
    Decision,
    Direction,
    FailureKind,
    GroundingTally,
    HowEnded,
    Judged,
    Release,
    SessionStanding,
    tokens_of,
)
from sidecar.verdicts import Verdicts

if TYPE_CHECKING:
    from sidecar.telemetry.spans import Spans, StreamSpan

_FAULTS: Mapping[FailureKind, FaultKind] = {
    FailureKind.ERROR: FaultKind.DETECTOR_FAILED,
    FailureKind.TIMEOUT: FaultKind.DETECTOR_LATE,
    FailureKind.SHED: FaultKind.LOAD_SHED,
}


_APP = "app"
"""The label that names an application."""
_SHORTEST_MS = 10.0
"""An answer that came in less time has no pace: it came at once, however it was written."""


class Recorder:
    """See the module's text. `ended` is how the stream would have ended by now; `info` is what its events say of it."""

    def __init__(
        self,
        plan: Plan,
        info: StreamInfo,
        *,
        outbox: Inlet,
        clock: Clock,
        metrics: Metrics,
        keeping: Keeping,
        most_of_rule: int,
        canaries: Canaries,
        spans: Spans | None = None,
        prices: Prices = NO_PRICES,
        asked_ms: float | None = None,
        reading: NoReading,
    ) -> None:
        """`asked_ms` is when the model was asked, where the pace of its answer is to be measured."""
        self._plan = plan
        self._span = None if spans is None else _span_of(spans, plan, info)
        self.hears = None if self._span is None else self._judged
        """Who is told what judges say; None where nobody wants to know."""
        self._said: Counter[str] = Counter()
        self._longest_wait_ms = 0.0
        self.info = info if self._span is None else msgspec.structs.replace(info, trace=self._span.traceparent)
        self._exemplar = exemplar_of(self.info.trace)
        self._named_ms = 0.0
        """How long text was held when the exemplar was given last."""
        self._prices = prices
        self._asked_ms = asked_ms
        self._counted: Callable[[], Usage | None] | None = None
        self._source: Source = "provider"
        self.spent: Spent | None = None
        """What the answer took; known once the stream's end is recorded."""
        self._outbox = outbox
        self._clock = clock
        self._metrics = metrics
        self._counters = metrics.plan(plan)
        self._keeping = keeping
        self._most_of_rule = most_of_rule
        self._canaries = canaries
        self._reading = reading
        self._verdicts = Verdicts(plan)
        self._told: Counter[int] = Counter()
        self._untold: Counter[int] = Counter()
        self._faults_told: set[tuple[str, FailureKind]] = set()
        self._started_ms = clock.now_ms()
        self._first_release_ms: float | None = None
        self.tally = Tally()
        self.ended: HowEnded = "cancelled"
        self.is_done = False
        """Whether the stream's end is recorded."""

    def released(self, release: Release, now_ms: float) -> None:
        """Count what left."""
        held_ms = self.tally.released(release, now_ms)
        if held_ms is None:
            return
        self._counters.held.observe(held_ms / 1000, self._held_exemplar(held_ms))
        if self._first_release_ms is None:
            self._first_release_ms = now_ms - self._started_ms

    def _held_exemplar(self, held_ms: float) -> dict[str, str] | None:
        """The trace, where text was held twice as long as when it was named last: it costs more than the count does."""
        if self._exemplar is None or held_ms < 2 * self._named_ms:
            return None
        self._named_ms = max(held_ms, 1.0)
        return self._exemplar

    def coverage(self, looked_at: Sequence[LaneCoverage]) -> tuple[LaneCoverage, ...]:
        """What was looked at, per lane. All that came counts as received, also what was still in the inbox."""
        return tuple(msgspec.structs.replace(each, received_chars=self.tally.received(each.lane)) for each in looked_at)

    async def record(self, decisions: Sequence[Decision]) -> None:
        """Commit the events of decisions, but for those that are recorded already; returns when that is done."""
        self._verdicts.decided(decisions)
        decisions = [each for each in decisions if not self._plan.rules[each.rule].is_others]
        self.tally.decided(decisions)
        news = [each for each in decisions if not each.is_repeated]
        if not news:
            return
        occurred = self._clock.unix_seconds()
        events: list[Event] = []
        for decision in news:
            if is_violation(decision):
                self._counters.count(decision)
            if self._is_told(decision):
                event = violation_event(self.info, self._plan, decision, occurred, keeping=self._keeping)
                events.append(event)
                if self._span is not None:
                    self._span.violated(decision, event.id)
            events += self._fault(decision, occurred)
        await self._outbox.put(events)

    def _is_told(self, decision: Decision) -> bool:
        """Whether a decision gets an event: a block always, others of a rule up to a number."""
        counts = self._told
        if counts[decision.rule] >= self._most_of_rule and decision.done is not Action.BLOCK:
            counts = self._untold
        counts[decision.rule] += 1
        return counts is self._told

    def _judged(self, judged: Judged, waited_ms: float) -> None:
        self._said[judged.reason] += 1
        self._longest_wait_ms = max(self._longest_wait_ms, waited_ms)

    async def record_faults(self, decisions: Sequence[Decision]) -> None:
        """Commit only why detectors gave no answers: nothing is decided of the text."""
        occurred = self._clock.unix_seconds()
        await self._outbox.put([event for decision in decisions for event in self._fault(decision, occurred)])

    async def record_end(
        self,
        coverage: Sequence[LaneCoverage],
        grounding: GroundingTally | None,
        max_held_chars: int,
        standing: SessionStanding | None = None,
        retrieval: RetrievalSummary | None = None,
    ) -> None:
        """Commit how the stream ended, how its session stands, and how good its retrieval was."""
        self.is_done = True
        self._counters.ended[self.ended].inc()
        self._reading.ended(self.tally.action, self.tally.violation_count, grounding)
        self._counters.received_chars.inc(self.tally.received_chars)
        self._counters.repeated.inc(self.tally.repeated_by_rule.total())
        self._counters.released_chars.inc(self.tally.released_chars)
        self._counters.restored.inc(self.tally.restored)
        if grounding is not None:
            self._counters.count_answer(grounding, self._exemplar)
        self.spent = self._spend()
        session = None if standing is None else session_of(standing)
        canary = self._verdicts.canary()
        ending = msgspec.structs.replace(
            self._ending(coverage, grounding, max_held_chars),
            session=session,
            canary=canary,
            usage=None if self.spent is None else usage_of(self.spent),
            retrieval=retrieval,
        )
        now = self._clock.unix_seconds()
        await self._outbox.put([decision_event(self.info, ending, now), *self._stopped(now)])
        if self._span is not None:
            self._span.end(self._guarded(ending, grounding))

    def counts_by(self, read: Callable[[], Usage | None], source: Source) -> None:
        """Say who knows, at the stream's end, what the answer took."""
        self._counted, self._source = read, source

    def _spend(self) -> Spent | None:
        """What the answer took, counted; None of a prompt, and where nothing is known."""
        usage = self._counted() if self._counted is not None else None
        first_ms, asked_ms = self.tally.first_ms, self._asked_ms
        waited_ms = None if first_ms is None or asked_ms is None else max(0.0, first_ms - asked_ms)
        if usage is None and waited_ms is None:
            return None
        cost = self._prices.cost(self.info.model, usage)
        spent = Spent(
            usage or Usage(),
            None if usage is None else self._source,
            cost=cost,
            currency="" if cost is None else self._prices.currency,
            first_token_ms=waited_ms,
            tokens_per_second=self._pace(usage),
        )
        self._metrics.expenses.count(_payer_of(self.info), spent, self._exemplar)
        return spent

    def _pace(self, usage: Usage | None) -> float | None:
        """Output tokens a second, where they came one after the other."""
        first_ms, tokens = self.tally.first_ms, None if usage is None else usage.output_tokens
        if first_ms is None or tokens is None or self._asked_ms is None:
            return None
        span_ms = self.tally.last_ms - first_ms
        return round((tokens - 1) / (span_ms / 1000), 3) if tokens > 1 and span_ms >= _SHORTEST_MS else None

    def _guarded(self, ending: Ending, grounding: GroundingTally | None) -> Guarded:
        """How the stream ended, for its span."""
        return Guarded(
            ended=ending.ended,
            done=ending.done.word,
            violations=ending.violations,
            leaked_chars=ending.leaked_chars,
            unscanned_chars=sum(each.unscanned_chars for each in ending.coverage),
            max_held_ms=ending.max_held_ms,
            said=self._said,
            max_judge_wait_ms=self._longest_wait_ms,
            grounding=grounding,
        )

    def _stopped(self, now: float) -> list[Event]:
        """The events of canaries that stop by how this stream went."""
        went = self._verdicts.went(has_failed=self.ended == "failed")
        for canary, side in self._verdicts.sides().items():
            self._metrics.count_canary(self._plan.name, canary, side)
        return [
            policy_event(
                PolicyStep.CANARY_STOPPED,
                self._plan.name,
                now,
                plan=self._plan,
                reason=progress.said,
                canary=rates_of(progress),
            )
            for progress in self._canaries.ended(self._plan, went)
        ]

    def _fault(self, decision: Decision, occurred: float) -> list[Event]:
        """The fault that a decision follows from, told once a stream for each detector and kind."""
        failure = decision.failure
        if failure is None:
            return []
        detector = self._plan.rules[decision.rule].detector
        if failure.kind is FailureKind.TIMEOUT:
            self._metrics.detector(detector).count(failure)
        if (detector, failure.kind) in self._faults_told:
            return []
        self._faults_told.add((detector, failure.kind))
        return [fault_event(_FAULTS[failure.kind], detector, occurred, info=self.info, reason=failure.reason)]

    def _ending(
        self, coverage: Sequence[LaneCoverage], grounding: GroundingTally | None, max_held_chars: int
    ) -> Ending:
        tally = self.tally
        known = [each for each in coverage if each.is_known]
        return Ending(
            ended=self.ended,
            done=tally.action,
            duration_ms=self._clock.now_ms() - self._started_ms,
            violations=self._by_id(tally.count_by_rule),
            repeated=self._by_id(tally.repeated_by_rule),
            known_texts=tally.passed_texts + len(known),
            known_chars=tally.passed_chars + sum(each.received_chars for each in known),
            coverage=[
                lane_coverage(
                    each.lane,
                    received_chars=each.received_chars,
                    released_chars=each.released_chars,
                    unscanned_chars=each.unscanned_chars,
                    reasons=each.reasons,
                )
                for each in coverage
                if not each.is_known or each.unscanned_chars
            ],
            leaked_chars=tally.leaked_chars,
            max_held_chars=max_held_chars,
            max_held_ms=tally.held.max_ms,
            median_held_ms=tally.held.median_ms,
            grounding=None if grounding is None else grounding_of(grounding),
            estimated_output_tokens=self._estimated_output_tokens(),
            first_release_ms=self._first_release_ms,
            untold={self._plan.rules[rule].id: count for rule, count in self._untold.items()},
            restored=tally.restored,
            decided_by="" if tally.decided_by is None else self._plan.rules[tally.decided_by].id,
        )

    def _by_id(self, counts: Mapping[int, int]) -> dict[str, int]:
        return {self._plan.rules[rule].id: count for rule, count in counts.items()}

    def _estimated_output_tokens(self) -> int | None:
        is_stopped_answer = self.ended == "blocked" and self.info.direction is Direction.OUTPUT
        return tokens_of(self.tally.released_chars) if is_stopped_answer else None


def _span_of(spans: Spans, plan: Plan, info: StreamInfo) -> StreamSpan:
    guarding = Guarding(
        trace=info.trace,
        stream=info.stream_id,
        direction=info.direction,
        session=info.session_id,
        tenant=info.tenant,
        model=info.model,
        prompt_version=info.prompt_version,
        app=info.labels.get(_APP, ""),
    )
    return spans.stream(plan, guarding)


def _payer_of(info: StreamInfo) -> Payer:
    return Payer(info.tenant, info.labels.get(_APP, ""), info.model, info.prompt_version)
