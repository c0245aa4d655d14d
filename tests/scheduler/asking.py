"""What the scheduler's tests share: who asks, and requests."""

from __future__ import annotations

import asyncio

from detectors.base import BatchDetector
from sidecar.policy.plan import BatchPlan
from sidecar.scheduler.batcher import Ask, Request
from sidecar.values import Direction, Lane, Outcome, Segment
from tests.fakes import SegmentFlagger

FLAGGER = SegmentFlagger("bad", label="FLAG")


class Asker:
    """Collects outcomes by segment and batch detector, each at most once."""

    def __init__(self, awaited: int = 1) -> None:
        self.is_open = True
        self.by_detector: dict[tuple[int, int], Outcome] = {}
        self.is_answered = asyncio.Event()
        self.awaited = awaited

    @property
    def outcomes(self) -> dict[int, Outcome]:
        """The outcomes of the first detector, by segment."""
        return {segment: outcome for (segment, batch), outcome in self.by_detector.items() if batch == 0}

    def deliver(self, segment: int, batch: int, outcome: Outcome) -> None:
        assert (segment, batch) not in self.by_detector
        self.by_detector[segment, batch] = outcome
        if len(self.by_detector) >= self.awaited:
            self.is_answered.set()


def request(
    number: int,
    text: str = "fine",
    *,
    asker: Asker,
    detector: BatchDetector = FLAGGER,
    index: int = 0,
    deadline_ms: float = 1e9,
    tenant: str = "",
) -> Request:
    """A request for a segment that begins at lane offset 100."""
    segment = Segment(number, Lane(), 100, 100 + len(text), text, 0)
    return Request(BatchPlan(index, detector, ()), segment, Direction.OUTPUT, deadline_ms, deadline_ms, asker, tenant)


def numbers(asks: list[Ask]) -> list[int]:
    """The segments of a batch."""
    return [ask.first.segment.number for ask in asks]
