"""What is recorded of one stream: its decisions as events, its end, and what metrics count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from sidecar.clock import Clock
from sidecar.core.stream import LaneCoverage
from sidecar.outbox.event import (
    Ending,
    Event,
    EvidenceKey,
    FaultKind,
    HowEnded,
    StreamInfo,
    decision_event,
    fault_event,
    grounding_of,
    lane_coverage,
    violation_event,
)
from sidecar.outbox.outbox import Outbox
from sidecar.policy.plan import Plan
from sidecar.summary import Tally, is_violation
from sidecar.telemetry.metrics import Metrics
from sidecar.values import Decision, Direction, FailureKind, GroundingTally, Release, tokens_of

_FAULTS: Mapping[FailureKind, FaultKind] = {
    FailureKind.ERROR: FaultKind.DETECTOR_FAILED,
    FailureKind.TIMEOUT: FaultKind.DETECTOR_LATE,
    FailureKind.SHED: FaultKind.LOAD_SHED,
}


class Recorder:
    """See the module's text. `ended` is how the stream would have ended by now."""

    def __init__(
        self,
        plan: Plan,
        info: StreamInfo,
        *,
        outbox: Outbox,
        clock: Clock,
        metrics: Metrics,
        evidence_key: EvidenceKey | None,
    ) -> None:
        self._plan = plan
        self._info = info
        self._outbox = outbox
        self._clock = clock
        self._metrics = metrics
        self._counters = metrics.plan(plan)
        self._evidence_key = evidence_key
        self._faults_told: set[tuple[str, FailureKind]] = set()
        self._started_ms = clock.now_ms()
        self.tally = Tally()
        self.ended: HowEnded = "cancelled"
        self.is_done = False
        """Whether the stream's end is recorded."""

    def released(self, release: Release, now_ms: float) -> None:
        """Count what left."""
        held_ms = self.tally.released(release, now_ms)
        if held_ms is not None:
            self._counters.held.observe(held_ms / 1000)

    def coverage(self, looked_at: Sequence[LaneCoverage]) -> tuple[LaneCoverage, ...]:
        """What was looked at, per lane. All that came counts as received, also what was still in the inbox."""
        return tuple(msgspec.structs.replace(each, received_chars=self.tally.received(each.lane)) for each in looked_at)

    async def record(self, decisions: Sequence[Decision]) -> None:
        """Commit the events of decisions; returns when that is done."""
        if not decisions:
            return
        occurred = self._clock.unix_seconds()
        self.tally.decided(decisions)
        events: list[Event] = []
        for decision in decisions:
            if is_violation(decision):
                self._counters.count(decision)
            events.append(violation_event(self._info, self._plan, decision, occurred, evidence_key=self._evidence_key))
            events += self._fault(decision, occurred)
        await self._outbox.put(events)

    async def record_end(
        self, coverage: Sequence[LaneCoverage], grounding: GroundingTally | None, max_held_chars: int
    ) -> None:
        """Commit how the stream ended."""
        self.is_done = True
        self._counters.ended[self.ended].inc()
        self._counters.received_chars.inc(self.tally.received_chars)
        self._counters.released_chars.inc(self.tally.released_chars)
        self._counters.restored.inc(self.tally.restored)
        if grounding is not None:
            self._counters.count_answer(grounding)
        ending = self._ending(coverage, grounding, max_held_chars)
        await self._outbox.put([decision_event(self._info, ending, self._clock.unix_seconds())])

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
        return [fault_event(_FAULTS[failure.kind], detector, occurred, info=self._info, reason=failure.reason)]

    def _ending(
        self, coverage: Sequence[LaneCoverage], grounding: GroundingTally | None, max_held_chars: int
    ) -> Ending:
        tally = self.tally
        return Ending(
            ended=self.ended,
            done=tally.action,
            duration_ms=self._clock.now_ms() - self._started_ms,
            violations={self._plan.rules[rule].id: count for rule, count in tally.count_by_rule.items()},
            coverage=[
                lane_coverage(
                    each.lane,
                    received_chars=each.received_chars,
                    released_chars=each.released_chars,
                    unscanned_chars=each.unscanned_chars,
                    reasons=each.reasons,
                )
                for each in coverage
            ],
            leaked_chars=tally.leaked_chars,
            max_held_chars=max_held_chars,
            max_held_ms=tally.held.max_ms,
            median_held_ms=tally.held.median_ms,
            grounding=None if grounding is None else grounding_of(grounding),
            estimated_output_tokens=self._estimated_output_tokens(),
            restored=tally.restored,
        )

    def _estimated_output_tokens(self) -> int | None:
        is_stopped_answer = self.ended == "blocked" and self._info.direction is Direction.OUTPUT
        return tokens_of(self.tally.released_chars) if is_stopped_answer else None
