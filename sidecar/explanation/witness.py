"""Looks on while the core guards a text, and remembers what it saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from detectors.types import Finding
from sidecar.core.stream import Stream
from sidecar.core.trace import Holder, Reader
from sidecar.policy.decide import Violation
from sidecar.policy.plan import BatchPlan
from sidecar.values import Lane, Outcome, Output, Segment


class Judged(msgspec.Struct, frozen=True):
    """What a detector found at once, and which of it were violations."""

    reader: Reader
    segment: Segment | None
    findings: Sequence[Finding]
    violations: Sequence[Violation]


class Answered(msgspec.Struct, frozen=True):
    """What a batch detector was given, and what it said."""

    batch: BatchPlan
    segment: Segment
    outcome: Outcome


class Step(msgspec.Struct, frozen=True):
    """A chunk, or the end: what left with it, and what held text back after it."""

    outputs: tuple[Output, ...]
    holders: tuple[Holder, ...]


@dataclass(slots=True)
class Witness:
    """An `offline.Watch` of one lane."""

    lane: Lane
    judgements: list[Judged] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def judged(
        self,
        lane: Lane,
        reader: Reader,
        segment: Segment | None,
        findings: Sequence[Finding],
        violations: Sequence[Violation],
    ) -> None:
        """See `core.trace.Trace`."""
        if lane == self.lane:
            self.judgements.append(Judged(reader, segment, findings, violations))

    def answered(self, batch: BatchPlan, segment: Segment, outcome: Outcome) -> None:
        """See `offline.Watch`."""
        self.answers.append(Answered(batch, segment, outcome))

    def stepped(self, stream: Stream, outputs: Sequence[Output]) -> None:
        """See `offline.Watch`."""
        self.steps.append(Step(tuple(outputs), stream.holders(self.lane)))
