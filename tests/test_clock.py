"""Time on either event loop: a timer never comes before its time, so nobody who waits for one wakes up in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from sidecar.clock import Alarm, LoopClock

TENTHS = range(1, 20)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_an_alarm_for_a_part_of_a_millisecond_rings_once(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert max(runner.run(_wakes())) == 1


async def _wakes() -> list[int]:
    """How often somebody was woken who sets an alarm until its time has come."""
    clock, woken, wakes = LoopClock(), asyncio.Event(), list[int]()
    alarm = Alarm(clock, woken.set)
    for tenth in TENTHS:
        due_ms, count = clock.now_ms() + 1 + tenth / 10, 0
        while clock.now_ms() < due_ms:
            woken.clear()
            alarm.set(due_ms)
            await woken.wait()
            count += 1
        wakes.append(count)
    return wakes
