"""The servers that a message's cost is compared with answer as often as they say, and processor time is read finely."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from benchmarks.floor.__main__ import Spent, _columns
from benchmarks.floor.echoes import FRAMES, _Counted, _Socket
from workbench.bench.server import Service


class Sink(asyncio.Transport):
    """Counts what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))


@pytest.mark.parametrize("every", [1, 20])
@pytest.mark.parametrize("at_once", [1, 7])
def test_a_socket_answers_as_often_as_it_should_with_one_write_a_read(every: int, at_once: int):
    sink, echo = Sink(), _Socket(every)
    echo.connection_made(sink)
    frames = FRAMES[: len(FRAMES) // 140 * 140]
    for start in range(0, len(frames), at_once):
        echo.data_received(b"".join(frames[start : start + at_once]))
    answers = sum(map(len, sink.writes)) / len(echo._answer)
    assert answers == pytest.approx(len(frames) / every, rel=0.02)
    assert len(sink.writes) <= len(frames) / at_once


def test_all_but_the_message_that_is_answered_are_taken():
    counted, taken = _Counted(3), []
    for _ in range(6):
        taken.append(counted.take(b""))
        if not taken[-1]:
            counted.reset()
    assert taken == [True, True, False] * 2


def test_the_median_round_counts_and_all_are_shown():
    rounds = [Spent(10.0, 1.0), Spent(30.0, 2.0), Spent(14.0, 0.5)]
    assert _columns(8, rounds) == {"us, 8 streams": 14.0, "range, 8": "10 to 30", "sleeps, 8": 1.0}


def test_a_process_is_read_to_less_than_a_tick_of_the_kernels_clock():
    service = Service("", os.getpid())
    before, began = service.cpu(), time.thread_time()
    while time.thread_time() < began + 0.003:
        pass
    after = service.cpu()
    assert before is not None
    assert after is not None
    used = after.since(before).event_loop
    assert 0.0029 < used < 0.009, "ticks are of 0.01 s"
    assert after.total == pytest.approx(time.process_time(), rel=0.2)
