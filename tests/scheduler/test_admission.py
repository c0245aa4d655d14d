"""How many streams may run: fewer after strain, more again without, and never none."""

from __future__ import annotations

import pytest

from sidecar.scheduler.admission import Admission, Running


def alone(streams: int) -> Running:
    """So many streams of one tenant."""
    return Running(streams, streams, 1)


def most(admission: Admission, now_ms: float) -> int:
    """How many streams may run now."""
    return next(count for count in range(1, 10_000) if not admission.admits(alone(count), now_ms))


def test_without_strain_any_number_may_run():
    assert Admission(threads=2).admits(alone(100_000), 0.0)


def test_after_strain_a_tenth_fewer_may_run_than_do():
    admission = Admission(threads=2)
    admission.strain(10.0)
    assert not admission.admits(alone(100), 20.0)
    assert most(admission, 20.0) == 90


def test_what_was_let_in_shows_before_the_bound_is_lowered_again():
    admission = Admission(threads=2)
    admission.strain(10.0)
    assert not admission.admits(alone(100), 20.0)
    admission.strain(130.0)
    assert not admission.admits(alone(97), 1_000.0)
    assert most(admission, 1_000.0) > 90
    assert admission.admits(alone(80), 1_010.0)
    assert not admission.admits(alone(80), 1_100.0)
    assert most(admission, 1_100.0) == 72


def test_one_strain_lowers_the_bound_once():
    admission = Admission(threads=2)
    admission.strain(10.0)
    assert not admission.admits(alone(100), 20.0)
    assert most(admission, 2_020.0) == 103


def test_streams_that_ended_since_count_as_what_was_too_much():
    admission = Admission(threads=2)
    assert admission.admits(alone(100), 0.0)
    admission.strain(10.0)
    assert admission.admits(alone(0), 500.0)
    assert most(admission, 500.0) == 90


def test_strain_of_long_ago_turns_nobody_away():
    admission = Admission(threads=2)
    assert admission.admits(alone(100), 0.0)
    admission.strain(10.0)
    assert admission.admits(alone(100_000), 60_000.0)


@pytest.mark.parametrize(("bound", "seconds", "expected"), [(100, 1, 97), (100, 10, 153), (20, 4, 24)])
def test_without_strain_the_bound_rises(bound: int, seconds: int, expected: int):
    admission = Admission(threads=1)
    admission.strain(0.0)
    assert not admission.admits(alone(bound), 1.0)
    assert most(admission, 1.0 + seconds * 1000) == expected


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_few_streams_are_always_let_in(threads: int):
    admission = Admission(threads)
    admission.strain(0.0)
    assert admission.admits(alone(1), 1.0)
    assert most(admission, 1.0) == 4 * threads


def test_a_tenant_with_less_than_its_part_is_let_in():
    admission = Admission(threads=2)
    admission.strain(0.0)
    assert not admission.admits(Running(streams=100, own=99, tenants=2), 1.0)
    assert admission.admits(Running(streams=100, own=1, tenants=2), 1.0)
    assert not admission.admits(Running(streams=140, own=45, tenants=2), 1.0)
