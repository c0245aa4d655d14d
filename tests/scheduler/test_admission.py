"""How many streams are let in: a burst, streams that go on, quiet times, and tenants. A virtual clock."""

from __future__ import annotations

from itertools import count

import pytest

from sidecar.scheduler.admission import Admission, Running

THREADS = 2


def alone(streams: int) -> Running:
    """All streams are one tenant's."""
    return Running(streams, streams, 1)


def burst(admission: Admission, now_ms: float, *, running: int = 0, waiting_ms: float = 0.0) -> int:
    """How many of a thousand streams are let in that come at once."""
    return next(n for n in range(1000) if not admission.admits(alone(running + n), waiting_ms, now_ms))


def expecting(ms: float) -> Admission:
    """Streams are guessed to bring so much, and a first one did, long ago."""
    admission = Admission(THREADS)
    admission.expect(ms)
    assert admission.admits(alone(0), 0.0, -9_000.0)
    admission.brought(-9_000.0, -1, ms, -9_000.0)
    admission.left(-9_000.0, -1)
    return admission


def test_before_anything_is_known_any_number_may_run():
    assert all(Admission(THREADS).admits(alone(n), 0.0, 0.0) for n in range(5000))


@pytest.mark.parametrize(
    ("ms", "waiting_ms", "most"), [(10.0, 0.0, 180), (40.0, 0.0, 45), (10.0, 300.0, 150), (10.0, 700.0, 2)]
)
def test_a_burst_is_let_in_as_far_as_the_models_can_do_it(ms: float, waiting_ms: float, most: int):
    assert burst(expecting(ms), 0.0, waiting_ms=waiting_ms) == most


def test_while_all_is_guessed_no_more_are_let_in_than_a_few_until_one_has_shown_what_it_brings():
    admission = Admission(THREADS)
    admission.expect(10.0)
    assert burst(admission, 0.0) == 4 * THREADS
    admission.brought(0.0, 0, 1.0, 0.0)
    assert burst(admission, 0.0, running=8, waiting_ms=1.0) == pytest.approx(171, abs=1)


def test_what_the_first_of_a_burst_bring_counts_at_once_for_the_others():
    admission = Admission(THREADS)
    admission.expect(10.0)
    assert burst(admission, 0.0) == 8
    for stream in range(8):
        admission.brought(0.0, stream, 100.0, 0.0)
    more = burst(admission, 10.0, running=8, waiting_ms=600.0)
    assert 10 <= more <= 20, "120 by the guess"
    brief = Admission(THREADS)
    brief.expect(100.0)
    assert burst(brief, 0.0) == 8
    for stream in range(8):
        brief.brought(0.0, stream, 1.0, 0.0)
        brief.left(0.0, stream)
    assert burst(brief, 10.0, running=8) > 40


def test_a_stream_that_is_lost_shows_nothing_of_what_streams_bring():
    admission = expecting(10.0)
    for stream in range(50):
        assert admission.admits(alone(stream), 0.0, 0.0)
        admission.brought(0.0, stream, 1.0 if stream % 2 else 10.0, 0.0)
        if stream % 2:
            admission.lose(0.0, stream)
        admission.left(0.0, stream)
    assert burst(admission, 5000.0, running=50) == pytest.approx(180, abs=1)


def test_what_a_stream_brings_is_learnt_and_kept_across_quiet_times():
    admission = expecting(10.0)
    for second in range(60):
        for stream in range(20):
            assert admission.admits(alone(0), 0.0, second * 1000.0)
            admission.brought(second * 1000.0, 20 * second + stream, 50.0, second * 1000.0)
            admission.left(second * 1000.0, 20 * second + stream)
    assert burst(admission, 3_600_000.0) == pytest.approx(36, abs=1)


def test_streams_that_go_on_count_as_what_they_bring():
    """150 answers that need 10 ms of a model in a second each: with two workers 30 more fit in."""
    admission = expecting(10.0)
    assert all(admission.admits(alone(n), 0.0, 0.0) for n in range(150))
    for tenth in range(50):
        for stream in range(150):
            admission.brought(0.0, stream, 1.0, tenth * 100.0)
    assert burst(admission, 5000.0, running=150) == pytest.approx(30, abs=8)


def test_streams_that_have_ended_leave_room():
    admission = expecting(10.0)
    for stream in range(180):
        assert admission.admits(alone(100), 0.0, 0.0)
        admission.brought(0.0, stream, 10.0, 0.0)
        admission.left(0.0, stream)
    assert burst(admission, 1200.0, running=50) > 150


def test_strain_of_older_streams_lets_fewer_in_and_it_rises_again_with_use_alone():
    admission = expecting(10.0)
    admission.strain(9_000.0, 10_000.0)
    assert burst(admission, 10_000.0, running=50) == 162
    quiet = expecting(10.0)
    quiet.strain(9_000.0 - 2_000.0, 10_000.0)
    assert burst(quiet, 3_600_000.0, running=50) == 162
    used = expecting(10.0)
    used.strain(7_000.0, 10_000.0)
    for second in range(12, 40):
        assert used.admits(alone(0), 0.0, second * 1000.0)
        used.brought(second * 1000.0, second, 10.0, second * 1000.0)
        used.left(second * 1000.0, second)
    assert burst(used, 60_000.0, running=50) == 180


def test_one_strain_counts_once_a_second_and_not_without_end():
    admission = expecting(10.0)
    for _ in range(100):
        admission.strain(0.0, 10_000.0)
    assert burst(admission, 10_000.0, running=50) == 162
    admission = expecting(10.0)
    for second in range(11, 100):
        admission.strain(0.0, second * 1000.0)
    assert burst(admission, 200_000.0, running=50) == 60


def test_a_stream_that_has_just_begun_tells_of_no_strain():
    """It may be one too many by itself, which is what it is refused for."""
    admission = expecting(10.0)
    assert admission.admits(alone(0), 0.0, 10_000.0)
    admission.strain(10_000.0, 10_050.0)
    assert burst(admission, 10_050.0, running=50) == 179


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_few_streams_are_let_in_whatever_they_bring(threads: int):
    admission = Admission(threads)
    admission.expect(1e6)
    assert [admission.admits(alone(n), 0.0, 0.0) for n in range(4 * threads + 1)] == [True] * 4 * threads + [False]
    assert [admission.admits(alone(n), 1e6, 0.0) for n in range(threads + 1)] == [True] * threads + [False]


def test_a_tenant_with_less_than_its_part_is_let_in():
    admission = expecting(10.0)
    running = burst(admission, 0.0)
    assert not admission.admits(Running(running, running - 1, 2), 0.0, 0.0)
    assert admission.admits(Running(running, 1, 2), 0.0, 0.0)
    assert not admission.admits(Running(running + 90, 150, 2), 0.0, 0.0)


@pytest.mark.parametrize("work_ms", [4.0, 20.0, 100.0])
@pytest.mark.parametrize("seconds_each", [0.2, 1.0, 4.0])
def test_at_twice_the_capacity_what_is_let_in_is_what_can_be_done(work_ms: float, seconds_each: float):
    """Streams that bring `work_ms` evenly over their life, as many as need twice what there is; the guess is wrong."""
    admission = expecting(10.0)
    step_ms, waiting, done = 20.0, 0.0, 0.0
    streams: dict[int, float] = {}
    numbers = count()
    offered, due = 2 * THREADS * step_ms / work_ms, 0.0
    late = 0
    for step in range(1500):
        now_ms = step * step_ms
        due += offered
        while due >= 1:
            due -= 1
            if admission.admits(alone(len(streams)), waiting, now_ms):
                streams[next(numbers)] = now_ms
        for stream, began in streams.items():
            brings = work_ms * step_ms / (seconds_each * 1000)
            admission.brought(began, stream, brings, now_ms)
            waiting += brings
        for stream in [each for each, began in streams.items() if now_ms - began >= seconds_each * 1000 - step_ms]:
            admission.left(streams.pop(stream), stream)
        worked = min(waiting, THREADS * step_ms)
        waiting -= worked
        late += waiting > THREADS * 400
        done += worked if step >= 250 else 0.0
    assert done >= 0.8 * 1250 * THREADS * step_ms
    assert late <= 250
