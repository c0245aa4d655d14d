"""More comes than the models can do: what can be done is done, in the first burst too, and nobody innocent is accused.

In virtual time (`virtual`): a token takes a millisecond of one of two workers, and text may wait for a second.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from sidecar.errors import Draining
from sidecar.start import StreamStart
from tests.scheduler.virtual import HOLD_MS, THREADS, Fared, Service, Text, a_text, virtually

WINDOW_S = THREADS * HOLD_MS / 1000
"""What the models can do while a text may wait, in seconds of them."""


def cost_s(chars: int) -> float:
    """What the models need for a stream of that size that is alone, in seconds."""

    async def alone() -> float:
        async with Service() as service:
            assert (await service.play([Text(0.0, a_text(0, chars))])).seen == {"finished": 1}
            return service.model.spent_s

    return virtually(alone())


def burst(count: int, sizes: Sequence[int], first: int = 0) -> list[Text]:
    """So many at once, with these sizes in turn."""
    return [Text(0.0, a_text(first + number, sizes[number % len(sizes)])) for number in range(count)]


def at_random(per_second: float, seconds: float, sizes: Sequence[int], chars_per_s: float = 0.0) -> Iterator[Text]:
    """So many a second on average."""
    rng, at, number = random.Random(7), 0.0, 0
    while (at := at + rng.expovariate(per_second)) < seconds:
        number += 1
        yield Text(at, a_text(number, rng.choice(sizes)), chars_per_s)


def done_s(texts: Sequence[Text], fared: Fared, costs: dict[int, float]) -> float:
    """What the models need for those that finished."""
    return sum(costs[len(text.text)] for text, how in zip(texts, fared.by_number, strict=True) if how == "finished")


@pytest.mark.parametrize(("sizes", "times"), [((60,), 2), ((240,), 1), ((240,), 10), ((900,), 5), ((60, 240, 900), 2)])
def test_of_a_burst_what_can_be_done_is_done_the_first_time_and_later(sizes: tuple[int, ...], times: int):
    costs = {chars: cost_s(chars) for chars in sizes}
    count = round(times * WINDOW_S * len(sizes) / sum(costs.values()))

    async def bursts() -> None:
        async with Service() as service:
            for number in range(2):
                texts = burst(count, sizes, number * count)
                fared = await service.play(texts)
                could_s = min(WINDOW_S, sum(costs[len(each.text)] for each in texts))
                done = done_s(texts, fared, costs)
                assert done >= 0.8 * could_s, (number, fared.seen)
                assert done >= 0.8 * service.model.spent_s - max(costs.values()), "it was spent on those that finished"

    virtually(bursts())


@pytest.mark.parametrize(("chars", "times"), [(60, 2), (240, 1), (240, 10), (900, 5)])
def test_on_a_machine_that_got_slower_fewer_finish_and_not_none(chars: int, times: int):
    """Four times as slow as when its models were timed, and its event loop busy with each text for a while."""
    slowness, cost = 4.0, cost_s(chars)
    could = WINDOW_S / slowness / cost

    async def bursts() -> None:
        async with Service(slowness=slowness, message_ms=0.1) as service:
            for number in range(2):
                count = max(2, round(times * could))
                fared = await service.play(burst(count, [chars], number * count))
                assert fared.seen["finished"] >= max(1, int(0.8 * could)), (number, fared.seen)

    virtually(bursts())


@pytest.mark.parametrize(("sizes", "times"), [((240,), 0.5), ((240,), 10), ((60, 240, 900, 2500), 2)])
def test_of_what_keeps_coming_as_much_is_done_as_can_be(sizes: tuple[int, ...], times: float):
    costs, seconds = {chars: cost_s(chars) for chars in sizes}, 5.0
    texts = list(at_random(times * THREADS * len(sizes) / sum(costs.values()), seconds, sizes))

    async def all_of_them() -> None:
        async with Service() as service:
            fared = await service.play(texts)
            could_s = min(THREADS * seconds, sum(costs[len(each.text)] for each in texts))
            assert done_s(texts, fared, costs) >= (0.8 if times > 1 else 0.97) * could_s, fared.seen

    virtually(all_of_them())


@pytest.mark.parametrize("times", [0.5, 2])
def test_answers_that_are_let_in_are_read_to_their_end(times: float):
    """Paced answers, 200 characters a second."""
    cost, seconds = cost_s(900), 15.0
    texts = list(at_random(times * THREADS / cost, seconds, [900], 200.0))

    async def all_of_them() -> None:
        async with Service() as service:
            fared = await service.play(texts)
            could = min(len(texts), THREADS * seconds / cost)
            assert fared.seen["finished"] >= (0.8 if times > 1 else 0.97) * could, fared.seen
            assert fared.seen["begun"] <= 0.1 * len(texts)

    virtually(all_of_them())


def test_the_older_of_two_that_came_at_the_same_time_finishes():
    """Far too much, of one size, at one moment: those that finish are those that were let in first."""

    async def one_burst() -> None:
        async with Service() as service:
            fared = await service.play(burst(60, [900]))
            finished = [number for number, how in enumerate(fared.by_number) if how == "finished"]
            assert finished == list(range(len(finished)))
            assert len(finished) >= 4

    virtually(one_burst())


def test_who_waits_at_the_door_of_a_service_that_drains_goes_elsewhere():
    async def drained() -> None:
        async with Service(max_streams=100) as service:
            await service.play(burst(1, [60]))
            service.engine.drain()
            with pytest.raises(Draining):
                async with service.engine.open(StreamStart()):
                    pass

    virtually(drained())
