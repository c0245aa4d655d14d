"""Some 200 inputs by the byte, and floods, to both servers: the own one is right, and nowhere worse than grpcio."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack
from statistics import median

import pytest

from tests.conformance.attacks import ATTACKS
from tests.conformance.costs import COPIES, Cost, cost
from tests.conformance.door import ON_SCALES, SERVERS, Door, door
from tests.conformance.flooding import Flooder, Harm, flooder
from tests.conformance.inputs import Input, all_inputs
from tests.conformance.page import FLOODS, PATH, Figures, Page, written
from tests.conformance.table import Outcome, key_of, outcomes

INPUTS = all_inputs()
TRIES = 3
ROUNDS = 3
"""Of what is doubtful: on a busy machine a figure may be anything once."""

Doors = Mapping[str, Door]
Outcomes = Mapping[str, Outcome]


@pytest.fixture
async def doors(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Doors]:
    """Both servers, on scales."""
    folder = tmp_path_factory.mktemp("doors")
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(door(name, folder, command=ON_SCALES, TIDEGATE_LOOP="asyncio"))
            for name in SERVERS
        }


async def of(running: Door, fits: Callable[[Input, Outcome], bool]) -> dict[str, Outcome]:
    """What comes of each; an input whose answer does not fit is tried again: a busy machine answers some too late."""
    found: dict[str, Outcome] = {}
    for _ in range(TRIES):
        asked = [each for each in INPUTS if key_of(each) not in found or not fits(each, found[key_of(each)])]
        found |= await outcomes(running.address, asked)
    return found


SOONER = {"frames: more DATA than the window holds": "INVALID_ARGUMENT"}
"""What comes where the kernel parts the frames, and the service reads the first message, which is none, before the rest
is there."""


def answer(case: Input, outcome: Outcome) -> str:
    said = str(outcome)
    return case.right if said == SOONER.get(key_of(case)) else said


def is_right(case: Input, outcome: Outcome) -> bool:
    return answer(case, outcome) == case.right and (
        outcome.neighbour_lives or not case.greets or "GOAWAY" in case.right
    )


def is_written(page: Page) -> Callable[[Input, Outcome], bool]:
    return lambda case, outcome: page.says(case, outcome)


async def both(doors: Doors, case: Input, said: Mapping[str, Outcomes]) -> list[Cost]:
    """What an input costs each server, side by side."""
    return await asyncio.gather(*(cost(each, case, said[name][key_of(case)]) for name, each in doors.items()))


async def costs_of_inputs(doors: Doors, said: Mapping[str, Outcomes], page: Page) -> dict[str, Figures]:
    """What each input costs; measured again where a figure is news, or the own server's is worse."""
    for case in {each.group: each for each in INPUTS}.values():
        await both(doors, case, said)  # so that little is new to the processes
    call_ms = median([(await both(doors, INPUTS[0], said))[1].cpu_ms for _ in range(ROUNDS)]) / COPIES
    found = {}
    for case in INPUTS:
        rounds: list[list[Cost]] = []
        while True:
            rounds.append(await both(doors, case, said))
            light, grpcio = (Cost.middle(each) for each in zip(*rounds, strict=True))
            figures = Figures(light, grpcio, call_ms)
            row = page.of_input(case, said["grpcio"][key_of(case)], figures)
            if len(rounds) == ROUNDS or (len(rounds) == 1 and page.has(row) and not figures.worse):
                break
        found[key_of(case)] = figures
    return found


def costs_of_floods(doors: Doors, flooding: Flooder, page: Page) -> dict[str, Figures]:
    """What each flood costs, in the same way."""
    found = {}
    for name in ATTACKS:
        rounds: list[list[Harm]] = []
        while True:
            rounds.append([flooding.harm(each, name) for each in doors.values()])
            light, grpcio = (Harm.middle(each) for each in zip(*rounds, strict=True))
            figures = Figures(light, grpcio, call_ms=1.0)
            if len(rounds) == ROUNDS or (
                len(rounds) == 1 and page.has(page.of_flood(name, figures)) and not figures.worse
            ):
                break
        found[f"{FLOODS}: {name}"] = figures
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_the_own_server_is_right_in_each_and_worse_in_none(doors: Doors):
    light = await of(doors["light"], is_right)
    said_of = {key_of(case): answer(case, light[key_of(case)]) for case in INPUTS}
    assert said_of == {key_of(each): each.right for each in INPUTS}
    ending = [key_of(each) for each in INPUTS if not light[key_of(each)].neighbour_lives and each.greets]
    assert all(str(light[key]).startswith("GOAWAY") for key in ending)
    page = Page.read()
    said = {"light": light, "grpcio": await of(doors["grpcio"], is_written(page))}
    figures = await costs_of_inputs(doors, said, page)
    with flooder() as flooding:
        figures |= await asyncio.to_thread(costs_of_floods, doors, flooding, page)
    now = written(page, INPUTS, said["grpcio"], figures)
    if os.environ.get("TIDEGATE_WRITE_PAGES"):
        PATH.write_text(now, encoding="utf-8")
    assert {key: each.worse for key, each in figures.items() if each.worse} == {}
    assert PATH.read_text(encoding="utf-8") == now, "run `make conformance-page`"


def test_no_input_is_called_like_another():
    assert len({key_of(each) for each in INPUTS}) == len(INPUTS) >= 150
