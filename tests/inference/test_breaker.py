"""The circuit breaker: when it opens, when it tries again, and that one call at a time does."""

from __future__ import annotations

import pytest

from sidecar.inference.breaker import Breaker, BreakerState

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(failures=3, open_seconds=5.0)


def opened(breaker: Breaker, *, at: float) -> Breaker:
    for _ in range(3):
        assert breaker.admits(at)
        breaker.failed(at)
    return breaker


def test_it_opens_after_failures_in_a_row(breaker: Breaker):
    breaker.failed(1.0)
    breaker.failed(2.0)
    breaker.succeeded()
    breaker.failed(3.0)
    breaker.failed(4.0)
    assert (breaker.state(4.0), breaker.admits(4.0)) == (CLOSED, True)
    breaker.failed(5.0)
    assert (breaker.state(5.0), breaker.admits(5.0)) == (OPEN, False)


def test_it_stays_open_for_a_while_and_then_lets_one_call_through(breaker: Breaker):
    opened(breaker, at=10.0)
    assert (breaker.state(14.9), breaker.admits(14.9)) == (OPEN, False)
    assert breaker.state(15.0) is HALF_OPEN
    assert [breaker.admits(15.0) for _ in range(3)] == [True, False, False]


def test_the_call_that_tries_closes_it_or_opens_it_again(breaker: Breaker):
    opened(breaker, at=0.0)
    assert breaker.admits(5.0)
    breaker.failed(6.0)
    assert (breaker.state(10.9), breaker.state(11.0)) == (OPEN, HALF_OPEN)
    assert breaker.admits(11.0)
    breaker.succeeded()
    assert (breaker.state(11.0), breaker.admits(11.0), breaker.admits(11.0)) == (CLOSED, True, True)


def test_a_call_that_was_given_up_decides_nothing(breaker: Breaker):
    breaker.failed(0.0)
    breaker.failed(0.0)
    breaker.abandoned()
    assert breaker.state(0.0) is CLOSED
    breaker.failed(0.0)
    assert breaker.admits(5.0)
    breaker.abandoned()
    assert (breaker.state(5.0), breaker.admits(5.0)) == (HALF_OPEN, True)


def test_a_late_failure_of_an_earlier_call_keeps_it_open_for_longer(breaker: Breaker):
    assert breaker.admits(0.0)
    opened(breaker, at=0.0)
    breaker.failed(3.0)
    assert (breaker.state(7.9), breaker.state(8.0)) == (OPEN, HALF_OPEN)


def test_it_can_begin_open(breaker: Breaker):
    breaker.open(0.0)
    assert [breaker.admits(now) for now in (0.0, 4.9, 5.0, 5.0)] == [False, False, True, False]
