"""What the operator's page remembers of events: within its window, within its bounds, and nothing of the text."""

from __future__ import annotations

import msgspec
import pytest

from detectors.types import Finding
from sidecar.console.recent import BOUNDS_MS, LATEST, STOPS, WINDOW_SECONDS, Recent
from sidecar.outbox.builders import Ending, StreamInfo, decision_event, fault_event, violation_event
from sidecar.outbox.event import Event, FaultKind
from sidecar.values import Action, Decision, Direction, Exposure, Failed, FailureKind, Lane
from tests.fakes import WordScanner, plan, rule

SECRET = "plum-4711"
PLAN = plan((WordScanner("plum"), [rule(Action.BLOCK), rule(Action.REDACT, index=1)]))
PLUMS, PEARS = (each.id for each in PLAN.rules)


class Clock:
    """Tells the time that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recent(clock: Clock) -> Recent:
    return Recent(clock)


def info(stream: str = "s-1", request: str = "r-1") -> StreamInfo:
    return StreamInfo(
        stream_id=stream,
        request_id=request,
        session_id="chat-7",
        direction=Direction.OUTPUT,
        policy="words",
        policy_version="1",
        policy_digest="d",
    )


def violation(
    stream: str = "s-1", *, rule: int = 0, done: Action = Action.BLOCK, failure: Failed | None = None
) -> Event:
    decision = Decision(
        1, rule, Lane(), Finding(0, 9, "FRUIT", 1.0), done, done, Exposure(0, 0, 1.0), SECRET, failure=failure
    )
    return violation_event(info(stream), PLAN, decision, 1_000_000.0)


def ended(*, held_ms: float = 0.0, first_ms: float | None = 1.0, done: Action = Action.ALLOW) -> Event:
    ending = Ending(
        ended="blocked" if done is Action.BLOCK else "finished",
        done=done,
        duration_ms=5,
        max_held_ms=held_ms,
        first_release_ms=first_ms,
    )
    return decision_event(info(), ending, 1_000_000.0)


def test_streams_are_counted_by_how_they_ended_and_what_was_done(recent: Recent) -> None:
    recent.watch([ended(), ended(done=Action.REDACT), ended(done=Action.BLOCK)])
    counts = recent.counts()
    assert counts.ended == {"blocked": 1, "finished": 2}
    assert counts.done == {"allow": 1, "block": 1, "redact": 1}


def test_what_passed_unread_is_apart_from_faults(recent: Recent) -> None:
    recent.watch(
        [fault_event(FaultKind.UNSCANNED, "answer", 1.0), fault_event(FaultKind.DETECTOR_LATE, "injection", 1.0)]
    )
    counts = recent.counts()
    assert (counts.unread, counts.faults) == (1, {"detector_late": 1})


@pytest.mark.parametrize(
    ("held_ms", "bar"), [(0, 0), (1, 0), (1.1, 1), (20, 4), (5000, len(BOUNDS_MS) - 1), (5001, len(BOUNDS_MS))]
)
def test_a_bar_has_what_is_up_to_its_bound(recent: Recent, held_ms: float, bar: int) -> None:
    recent.watch([ended(held_ms=held_ms, first_ms=held_ms)])
    expected = [int(place == bar) for place in range(len(BOUNDS_MS) + 1)]
    assert list(recent.counts().held) == expected
    assert list(recent.counts().first) == expected


def test_a_stream_without_text_has_no_first_text(recent: Recent) -> None:
    recent.watch([ended(first_ms=None)])
    assert sum(recent.counts().first) == 0


def test_counts_leave_the_window(recent: Recent, clock: Clock) -> None:
    recent.watch([ended(), violation()])
    clock.now += WINDOW_SECONDS / 2
    recent.watch([ended()])
    assert recent.counts().ended == {"finished": 2}
    clock.now += WINDOW_SECONDS / 2 + 10
    assert recent.counts().ended == {"finished": 1}
    assert recent.counts().rules == {}
    clock.now += 10 * WINDOW_SECONDS
    assert recent.counts().ended == {}


def test_the_rules_that_act_most_come_first(recent: Recent) -> None:
    recent.watch([violation(), *[violation(rule=1, done=Action.REDACT)] * 3])
    assert list(recent.counts().rules.items()) == [
        (f"{PLAN.name}/{PEARS}", {"redact": 3}),
        (f"{PLAN.name}/{PLUMS}", {"block": 1}),
    ]


def test_the_latest_violation_comes_first_and_old_ones_go(recent: Recent) -> None:
    recent.watch([violation(f"s-{number}") for number in range(LATEST + 5)])
    latest = recent.latest()
    assert [latest[0].stream, latest[-1].stream, len(latest)] == [f"s-{LATEST + 4}", "s-5", LATEST]


def test_a_stream_is_found_by_its_id_and_by_its_requests(recent: Recent) -> None:
    recent.watch([violation("s-1"), violation("s-2", rule=1)])
    assert [seen.rule for seen in recent.of("s-2")] == [PEARS]
    assert [seen.stream for seen in recent.of("r-1")] == ["s-1", "s-2"]
    assert recent.of("nobody") == ()


def test_what_is_remembered_of_streams_is_bounded(recent: Recent) -> None:
    recent.watch([violation(f"s-{number}") for number in range(STOPS + 1)])
    assert recent.of("s-0") == ()
    assert recent.of(f"s-{STOPS}")
    recent.watch([violation("talkative", done=Action.REDACT)] * 1000)
    recent.watch([violation("talkative")])
    told = recent.of("talkative")
    assert len(told) < 100
    assert told[-1].action == "block"


def test_a_failure_is_told_as_one(recent: Recent) -> None:
    recent.watch([violation(failure=Failed(FailureKind.TIMEOUT))])
    assert recent.latest()[0].failure == "timeout"


def test_no_checked_text_is_kept(recent: Recent) -> None:
    recent.watch([violation()])
    kept = msgspec.json.encode([recent.latest(), recent.of("s-1"), recent.counts()])
    assert SECRET.encode() not in kept
