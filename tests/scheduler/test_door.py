"""Who waits at the door, for how long, and who is next."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from sidecar.scheduler.door import Door
from tests.servers import FakeClock


class Room:
    """So many places, at most `of_one` a tenant."""

    def __init__(self, places: int, of_one: int = 100) -> None:
        self.clock = FakeClock()
        self.taken: Counter[str] = Counter()
        self.places = places
        self._of_one = of_one
        self.door = Door(self.clock, self.take, self.give_back)

    def take(self, tenant: str, _hold_ms: float) -> bool:
        has_place = self.taken.total() < self.places and self.taken[tenant] < self._of_one
        self.taken[tenant] += has_place
        return has_place

    def give_back(self, tenant: str) -> None:
        self.taken[tenant] -= 1

    async def come(self, tenant: str = "a", hold_ms: float = 1000.0) -> asyncio.Task[bool]:
        """A stream that comes to the door."""
        task = asyncio.create_task(self.door.enter(tenant, hold_ms))
        await asyncio.sleep(0)
        return task

    async def pass_time(self, ms: float) -> None:
        self.clock.advance(ms)
        for _ in range(3):
            await asyncio.sleep(0)


async def test_with_a_place_free_nobody_waits():
    assert await Room(1).door.enter("a", 1000.0)


async def test_one_waits_for_a_part_of_its_time_and_is_turned_away():
    room = Room(0)
    stream = await room.come(hold_ms=1000.0)
    for _ in range(79):
        await room.pass_time(10)
    assert (stream.done(), room.door.waiting) == (False, 1)
    await room.pass_time(10)
    assert (await stream, room.door.waiting, room.taken.total()) == (False, 0, 0)


async def test_who_came_first_goes_first_when_there_is_room():
    room = Room(0)
    streams = [await room.come() for _ in range(3)]
    room.places = 2
    await room.pass_time(10)
    assert [each.done() and each.result() for each in streams] == [True, True, False]
    assert [room.door.waiting, room.taken.total()] == [1, 2]
    await room.pass_time(800)
    assert not await streams[2]


async def test_nobody_overtakes_one_of_its_tenant():
    room = Room(0)
    first = await room.come()
    room.places = 1
    second = await room.come()
    assert not second.done()
    room.door.look()
    assert await first
    second.cancel()


async def test_a_tenant_without_room_keeps_no_other_out():
    room = Room(10, of_one=1)
    assert await room.door.enter("flood", 1000.0)
    flood = [await room.come("flood") for _ in range(3)]
    assert await room.door.enter("small", 1000.0)
    await room.pass_time(900)
    assert [await each for each in flood] == [False] * 3


@pytest.mark.parametrize("is_let_in", [False, True])
async def test_one_that_went_away_takes_no_place(is_let_in: bool):
    room = Room(0)
    stream = await room.come()
    if is_let_in:
        room.places = 1
        room.door.look()
        assert room.taken.total() == 1
    stream.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stream
    room.places = 1
    room.door.look()
    assert room.taken.total() == 0


async def test_all_are_turned_away_when_it_closes():
    room = Room(0)
    streams = [await room.come() for _ in range(3)]
    room.door.close()
    assert [await each for each in streams] == [False] * 3
    await room.pass_time(10)
    assert room.door.waiting == 0
