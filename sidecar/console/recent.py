"""What the events of the last minutes say, in bounded memory: counts by time, the latest violations, who was stopped.

Everything comes out of the events as they are recorded. They hold no checked text, so nothing here does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from sidecar.outbox.event import (
    Checkpoint,
    Drift,
    Event,
    Fault,
    FaultKind,
    Label,
    PolicyChange,
    StreamDecision,
    Violation,
)

SLOT_SECONDS = 10
WINDOW_SECONDS = 600
"""How far back counts go."""
LATEST = 100
"""How many violations are listed."""
STOPS = 5_000
"""How many of the latest streams with a violation are remembered, for whoever asks why one was stopped."""
_RULES = 10
_STOPS_OF_ONE = 20

BOUNDS_MS: Sequence[float] = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Upper bounds of the charts' bars, in milliseconds; one more bar has what is longer."""


class Seen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A violation as the page tells of it. `time` is RFC 3339."""

    time: str
    stream: str
    request: str = ""
    session: str = ""
    tenant: str = ""
    policy: str
    rule: str
    label: str
    action: str
    severity: str
    where: str
    reason: str = ""
    shadow: bool = False
    failure: str = ""
    """`error`, `timeout` or `shed` where a detector gave no answer: then this says nothing about the text."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What the streams that ended within the window came to."""

    ended: Mapping[str, int]
    done: Mapping[str, int]
    unread: int
    """Requests and answers that passed unread."""
    faults: Mapping[str, int]
    rules: Mapping[str, Mapping[str, int]]
    """The ten rules that acted most, as `policy/rule`: how often, by what was done."""
    held: Sequence[int]
    """Streams by the longest that text was held in them, a bar for each of `BOUNDS_MS` and one for longer."""
    first: Sequence[int]
    """Streams by the time until their first text left, likewise."""


class _Slot:
    """The counts of ten seconds."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.counts: Counter[tuple[str, ...]] = Counter()


class Recent:
    """Watches events go by. One thread, the event loop's, owns it."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` tells Unix time in seconds."""
        self._now = now
        self._slots: deque[_Slot] = deque(maxlen=WINDOW_SECONDS // SLOT_SECONDS)
        self._latest: deque[Seen] = deque(maxlen=LATEST)
        self._by_stream: OrderedDict[str, list[Seen]] = OrderedDict()

    def watch(self, events: Iterable[Event]) -> None:
        """Take note of events that were recorded."""
        counts = self._slot().counts
        for event in events:
            match event.data:
                case Violation() as violation:
                    self._violation(counts, violation)
                case StreamDecision() as decision:
                    _count_stream(counts, decision)
                case Fault() as fault:
                    kind = "unread" if fault.fault is FaultKind.UNSCANNED else "fault"
                    counts[kind, fault.fault.value] += 1
                case PolicyChange() | Checkpoint() | Label() | Drift():
                    pass  # the page says what is in force, and what was refused; labels are no service's

    def latest(self) -> Sequence[Seen]:
        """The latest violations, newest first."""
        return tuple(reversed(self._latest))

    def of(self, name: str) -> Sequence[Seen]:
        """What rules did to a stream, or to the streams of a request, as far as it is remembered, oldest first."""
        if name in self._by_stream:
            return tuple(self._by_stream[name])
        return tuple(seen for own in self._by_stream.values() for seen in own if seen.request == name)

    def counts(self) -> Counts:
        """The window's counts."""
        oldest = self._number() - WINDOW_SECONDS // SLOT_SECONDS
        total: Counter[tuple[str, ...]] = Counter()
        for slot in self._slots:
            if slot.number > oldest:
                total.update(slot.counts)
        return Counts(
            ended=_named(total, "ended"),
            done=_named(total, "done"),
            unread=sum(_named(total, "unread").values()),
            faults=_named(total, "fault"),
            rules=_busiest(total),
            held=_bars(total, "held"),
            first=_bars(total, "first"),
        )

    def _violation(self, counts: Counter[tuple[str, ...]], violation: Violation) -> None:
        counts["rule", violation.policy.name, violation.policy.rule, violation.done] += 1
        seen = _seen(violation)
        self._latest.append(seen)
        own = self._by_stream.setdefault(seen.stream, [])
        self._by_stream.move_to_end(seen.stream)
        if len(own) < _STOPS_OF_ONE or seen.action == "block":
            own.append(seen)
        if len(self._by_stream) > STOPS:
            self._by_stream.popitem(last=False)

    def _number(self) -> int:
        return int(self._now()) // SLOT_SECONDS

    def _slot(self) -> _Slot:
        number = self._number()
        if not self._slots or self._slots[-1].number != number:
            self._slots.append(_Slot(number))
        return self._slots[-1]


def _seen(violation: Violation) -> Seen:
    policy, where = violation.policy, violation.where
    return Seen(
        time=violation.time.occurred,
        stream=violation.ids.stream,
        request=violation.ids.request,
        session=violation.ids.session,
        tenant=violation.ids.tenant,
        policy=policy.name,
        rule=policy.rule,
        label=violation.detector.label,
        action=violation.done,
        severity=policy.severity,
        where=f"{where.direction.value}: {where.part.value}, {where.channel.value}",
        reason=violation.detector.reason,
        shadow=policy.enforcement.value == "shadow",
        failure=violation.failure.kind if violation.failure else "",
    )


def _count_stream(counts: Counter[tuple[str, ...]], decision: StreamDecision) -> None:
    counts["ended", decision.ended] += 1
    counts["done", decision.done] += 1
    counts["held", str(bisect_left(BOUNDS_MS, decision.max_held_ms))] += 1
    if decision.first_release_ms is not None:
        counts["first", str(bisect_left(BOUNDS_MS, decision.first_release_ms))] += 1


def _named(total: Counter[tuple[str, ...]], kind: str) -> dict[str, int]:
    return {key[1]: count for key, count in sorted(total.items()) if key[0] == kind}


def _bars(total: Counter[tuple[str, ...]], kind: str) -> Sequence[int]:
    return [total[kind, str(bar)] for bar in range(len(BOUNDS_MS) + 1)]


def _busiest(total: Counter[tuple[str, ...]]) -> Mapping[str, Mapping[str, int]]:
    rules: dict[str, Counter[str]] = {}
    for (kind, *key), count in total.items():
        if kind == "rule":
            policy, rule, done = key
            rules.setdefault(f"{policy}/{rule}", Counter())[done] += count
    busiest = sorted(rules.items(), key=lambda each: (-each[1].total(), each[0]))[:_RULES]
    return {rule: dict(done) for rule, done in busiest}
