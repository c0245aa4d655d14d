"""The waiting requests, by detector, and which of them make the next batch. No clock, no I/O.

The detector whose most urgent request is due first is served first; its batch is filled in order of deadline, up to a
number of items and of estimated tokens. Requests whose stream is gone are dropped when a batch is taken.
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import Protocol

import msgspec

from detectors.base import BatchDetector
from sidecar.policy.plan import BatchPlan
from sidecar.values import Direction, Outcome, Segment

_CHARS_PER_TOKEN = 4


class Receiver(Protocol):
    """Who asked. Used on the event loop only."""

    @property
    def is_open(self) -> bool:
        """Whether the outcome is still wanted."""
        ...

    def deliver(self, segment: int, batch: int, outcome: Outcome) -> None:
        """Take the outcome of a segment for the batch detector of that index."""
        ...


class Request(msgspec.Struct, frozen=True):
    """A segment for a batch detector. Times are milliseconds of the scheduler's clock."""

    batch: BatchPlan
    segment: Segment
    direction: Direction
    deadline_ms: float
    submitted_ms: float
    receiver: Receiver

    @property
    def detector(self) -> BatchDetector:
        """Who is to look at it."""
        return self.batch.detector

    @property
    def tokens(self) -> int:
        """About how many tokens it has."""
        return 1 + len(self.segment.text) // _CHARS_PER_TOKEN

    def answer(self, outcome: Outcome) -> None:
        """Hand the outcome to whoever asked."""
        self.receiver.deliver(self.segment.number, self.batch.index, outcome)


_Queue = list[tuple[float, int, Request]]
"""One detector's requests, as a heap by deadline and order of arrival."""


class Batcher:
    """See the module's text. One owner."""

    def __init__(self, *, max_items: int, max_tokens: int) -> None:
        self._max_items = max_items
        self._max_tokens = max_tokens
        self._queues: dict[int, _Queue] = {}
        self._numbers = count()
        self.depth = 0
        """Requests that wait, dead ones included."""
        self.tokens = 0
        """About how many tokens they have together."""

    def add(self, request: Request) -> None:
        """Queue a request."""
        queue = self._queues.setdefault(id(request.detector), [])
        heapq.heappush(queue, (request.deadline_ms, next(self._numbers), request))
        self.tokens += request.tokens
        self.depth += 1

    def take(self) -> list[Request]:
        """The next batch: requests for one detector, most urgent first; empty when nothing waits."""
        self._drop_dead()
        if not self._queues:
            return []
        queue = min(self._queues.values(), key=lambda each: each[0][:2])
        batch: list[Request] = []
        room = self._max_tokens
        while queue and len(batch) < self._max_items:
            request = queue[0][2]
            if batch and request.tokens > room:
                break
            self._pop(queue)
            if request.receiver.is_open:
                batch.append(request)
                room -= request.tokens
        self._drop_dead()
        return batch

    def _drop_dead(self) -> None:
        for key, queue in list(self._queues.items()):
            while queue and not queue[0][2].receiver.is_open:
                self._pop(queue)
            if not queue:
                del self._queues[key]

    def _pop(self, queue: _Queue) -> None:
        request = heapq.heappop(queue)[2]
        self.tokens -= request.tokens
        self.depth -= 1
