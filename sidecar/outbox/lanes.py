"""What the publisher holds: claimed events by lane, each lane with its own order, its own trouble and its own retries.

A lane is what keeps events in order: a partition of a topic, or the whole of a file. Lanes do not wait for each other:

1. A lane that works takes events up to a bound. Past it, or while it fails, its events are **passed over**: they stay
   in the outbox without a number, where a full outbox may lose them, and no other lane's with them.
2. What a lane was given before it failed is tried again, the same events first, ever more seldom.
3. When it works again, or has room, the outbox is looked through once more from the first event that was passed over.

Pure: time is handed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence

import msgspec

from sidecar.outbox.event import Kind
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.sqlite import MEMORY

Lane = Hashable
_FIRST_BACKOFF_S = 0.1
NEVER = float("inf")
SLOW_S = 1.0
"""A full lane without an answer for so long is passed over; until then everybody waits for it, to keep the order."""


class Trouble(msgspec.Struct, frozen=True):
    """Why a lane fails, how often in a row it has, and when to try again."""

    reason: str
    failures: int
    retry_at: float


def lane_of(numbered: Numbered, route: Callable[[Kind, str], Lane]) -> Lane:
    """Where an event goes; one that belongs to no session goes by its producer."""
    return route(numbered.event.kind, numbered.event.key or numbered.producer)


class _Queue:
    """The events of one lane."""

    __slots__ = ("events", "moved_at", "on_way", "passed_over", "tried", "trouble")

    def __init__(self, now: float) -> None:
        self.events: deque[Numbered] = deque()
        self.on_way = 0
        self.tried = 0
        """How many at the head were sent, and may be there already: nothing comes before them any more."""
        self.trouble: Trouble | None = None
        self.moved_at = now
        self.passed_over = False

    def put(self, numbered: Numbered) -> None:
        """Add an event in its place: one from a lane that is no more may be older than some that are here."""
        is_next = not self.events or self.events[-1].position <= numbered.position
        self.events.append(numbered)
        if not is_next:
            events = list(self.events)
            rest = sorted(events[self.tried :], key=lambda each: each.position)
            self.events = deque(events[: self.tried] + rest)


class Lanes:
    """All lanes. `lane_of` says where an event goes by its kind and key."""

    def __init__(self, *, limit: int, longest_backoff_s: float, chance: Callable[[], float]) -> None:
        self._limit = limit
        self._longest = longest_backoff_s
        self._chance = chance
        self._queues: dict[Lane, _Queue] = {}
        self._held: set[int] = set()
        self._after = 0
        self._after_memory = 0
        self._first_passed: int | None = None
        self.looks = 0
        """How often the outbox was looked through anew: a claim that was made before does not move the cursor."""

    # --- Claiming -----------------------------------------------------------------------------------------------------

    def admission(self, lane_of: Callable[[Kind, str], Lane], now: float) -> LaneAdmission:
        """What a claim may take: a picture of the lanes as they are, which the outbox's thread may use."""
        closed = {lane for lane, queue in self._queues.items() if queue.trouble or queue.passed_over}
        room = {lane: self._bound - len(queue.events) for lane, queue in self._queues.items()}
        slow = {lane for lane, queue in self._queues.items() if queue.events and now - queue.moved_at > SLOW_S}
        return LaneAdmission(
            lane_of=lane_of,
            cursors=(self._after, self._after_memory),
            held=frozenset(self._held),
            closed=frozenset(closed),
            room=room,
            bound=self._bound,
            slow=frozenset(slow),
            looks=self.looks,
        )

    def take(self, admission: LaneAdmission, claimed: Sequence[Numbered], now: float) -> None:
        """Take in what was claimed, and note what was passed over."""
        for numbered in claimed:
            self.add(lane_of(numbered, admission.lane_of), numbered, now)
        if admission.looks == self.looks:
            self._after, self._after_memory = admission.after, admission.after_memory
        for lane in admission.passed_over:
            self._queue(lane, now).passed_over = True
        if admission.first_passed is not None:
            self._first_passed = min(admission.first_passed, self._first_passed or admission.first_passed)
        if any(self._may_open(self._queues[lane]) for lane in admission.passed_over):
            self._look_again()  # it came to work while the claim was made

    def add(self, lane: Lane, numbered: Numbered, now: float) -> None:
        """Put an event at the end of a lane."""
        queue = self._queue(lane, now)
        if not queue.events:
            queue.moved_at = now
        queue.put(numbered)
        self._held.add(numbered.position)

    def is_full(self, now: float) -> bool:
        """Whether some lane that works has no room, so that it is too early for another claim."""
        bound = self._bound
        return any(
            len(queue.events) >= bound
            and not queue.trouble
            and not queue.passed_over
            and now - queue.moved_at <= SLOW_S
            for queue in self._queues.values()
        )

    @property
    def _bound(self) -> int:
        return max(20, 4 * self._limit // max(1, len(self._queues)))

    # --- Sending ------------------------------------------------------------------------------------------------------

    def ready(self, now: float) -> list[Lane]:
        """The lanes that have events, of which none is on its way, and that may be tried."""
        return [
            lane
            for lane, queue in self._queues.items()
            if queue.events and not queue.on_way and (queue.trouble is None or queue.trouble.retry_at <= now)
        ]

    def next_of(self, lane: Lane) -> list[Numbered]:
        """The events at a lane's head, at most the limit; they are on their way until the lane is `sent`."""
        queue = self._queues[lane]
        batch = list(queue.events)[: self._limit]
        queue.on_way = queue.tried = len(batch)
        return batch

    def sent(self, lane: Lane, taken: int, error: str, now: float, *, retry_s: float = 0.0) -> None:
        """So many events at a lane's head were taken; with an error, the rest was not, and waits for `retry_s`."""
        queue = self._queues[lane]
        for _ in range(taken):
            self._held.discard(queue.events.popleft().position)
        queue.on_way = 0
        queue.tried = queue.tried - taken if error else 0
        if taken:
            queue.moved_at = now
        if error:
            self.fail(lane, error, now, anew=bool(taken), retry_s=retry_s)
        else:
            queue.trouble = None
            if queue.passed_over and self._may_open(queue):
                self._look_again()

    def fail(self, lane: Lane, reason: str, now: float, *, anew: bool = False, retry_s: float = 0.0) -> None:
        """A lane cannot be sent to; it is tried again later, not before `retry_s`."""
        queue = self._queue(lane, now)
        failures = 1 if anew or queue.trouble is None else queue.trouble.failures + 1
        longest = min(self._longest, _FIRST_BACKOFF_S * 2 ** min(failures - 1, 30))
        pause = max(retry_s, longest * (0.5 + 0.5 * self._chance()))
        queue.trouble = Trouble(reason, failures, now + pause)

    def follow(self, troubles: Mapping[Lane, str], now: float) -> None:
        """Close the lanes that are known not to work, and open those that are known no more, or have nothing to try."""
        for lane, reason in troubles.items():
            self._queue(lane, now).trouble = Trouble(reason, 1, NEVER)
        for lane, queue in self._queues.items():
            trouble = queue.trouble
            is_over = trouble is not None and (trouble.retry_at == NEVER or not queue.events)
            if lane not in troubles and is_over:
                queue.trouble = None
        if any(queue.passed_over and self._may_open(queue) for queue in self._queues.values()):
            self._look_again()

    def gone(self, exists: Callable[[Lane], bool]) -> list[Lane]:
        """The lanes that are no more, and have nothing on its way."""
        return [lane for lane, queue in self._queues.items() if not queue.on_way and not exists(lane)]

    def drop_lane(self, lane: Lane) -> list[Numbered]:
        """Forget a lane that is no more; its events, for other lanes."""
        queue = self._queues.pop(lane)
        self._held.difference_update(numbered.position for numbered in queue.events)
        if queue.passed_over:
            self._look_again()
        return list(queue.events)

    # --- How it stands ------------------------------------------------------------------------------------------------

    @property
    def troubles(self) -> Mapping[Lane, Trouble]:
        """The lanes that fail, and why."""
        return {lane: queue.trouble for lane, queue in self._queues.items() if queue.trouble is not None}

    @property
    def is_idle(self) -> bool:
        """Whether no lane that works has anything to send."""
        return not any(queue.events and queue.trouble is None for queue in self._queues.values())

    def next_try(self, now: float) -> float | None:
        """In how many seconds a lane that fails may be tried again."""
        times = [
            queue.trouble.retry_at for queue in self._queues.values() if queue.trouble is not None and not queue.on_way
        ]
        return max(0.0, min(times) - now) if times and min(times) < NEVER else None

    def _queue(self, lane: Lane, now: float) -> _Queue:
        if lane not in self._queues:
            self._queues[lane] = _Queue(now)
        return self._queues[lane]

    def _may_open(self, queue: _Queue) -> bool:
        """Whether a lane that was passed over works, and has room again."""
        return queue.trouble is None and len(queue.events) * 2 < self._bound

    def _look_again(self) -> None:
        """Have the next claim begin at the first event that was passed over; lanes that fail pass theirs again."""
        if self._first_passed is not None:
            self._after = min(self._after, self._first_passed - 1)
            self._after_memory = min(self._after_memory, max(self._first_passed - 1, MEMORY - 1))
        self._first_passed = None
        self.looks += 1
        for queue in self._queues.values():
            queue.passed_over = False


class LaneAdmission:
    """Which events a claim may take. Used by the outbox's thread while the lanes go on; see `Lanes.admission`."""

    def __init__(
        self,
        *,
        lane_of: Callable[[Kind, str], Lane],
        cursors: tuple[int, int],
        held: frozenset[int],
        closed: frozenset[Lane],
        room: Mapping[Lane, int],
        bound: int,
        slow: frozenset[Lane],
        looks: int,
    ) -> None:
        self.lane_of = lane_of
        self._cursors = cursors
        self._held = held
        self._closed = closed
        self._room = room
        self._bound = bound
        self._slow = slow
        self.looks = looks
        self.restart()

    def restart(self) -> None:
        """Forget what was asked before."""
        self.after, self.after_memory = self._cursors
        self.passed_over: set[Lane] = set()
        self.first_passed: int | None = None
        self.looked_at = 0
        self._left = dict(self._room)
        self.is_over = False

    def admits(self, position: int, kind: Kind, key: str) -> bool:
        """Whether the event may be claimed now. Once a lane that works is full, nothing more is looked at."""
        if self.is_over:
            return False
        lane = self.lane_of(kind, key)
        if position not in self._held and not self._is_open(lane):
            if lane not in self._closed | self.passed_over and lane not in self._slow:
                self.is_over = True  # it will have room in a moment: wait, so that numbers keep the order of commits
                return False
            self._pass_over(position, lane)
        self._move_to(position)
        return position not in self._held and lane not in self.passed_over

    def _is_open(self, lane: Lane) -> bool:
        """Whether a lane takes one more, which is counted."""
        if lane in self._closed or lane in self.passed_over:
            return False
        left = self._left.get(lane, self._bound)
        self._left[lane] = left - 1
        return left > 0

    def _pass_over(self, position: int, lane: Lane) -> None:
        self.passed_over.add(lane)
        if self.first_passed is None:
            self.first_passed = position

    def _move_to(self, position: int) -> None:
        self.looked_at += 1
        if position < MEMORY:
            self.after = position
        else:
            self.after_memory = position
