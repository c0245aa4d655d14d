"""Some 170 inputs by the byte, to both servers: the own one is right in each, and the table says what grpcio does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from sidecar.config import Grpc
from sidecar.values import Action
from tests.conformance.inputs import Input, all_inputs
from tests.conformance.table import Outcome, key_of, outcomes, row, written
from tests.fakes import WordScanner, plan, rule
from tests.servers import serving

PAGE = Path(__file__).parents[2] / "docs" / "grpc-inputs.md"
POLICY = plan((WordScanner("plum"), [rule(Action.REDACT)]))
INPUTS = all_inputs()


TRIES = 3


async def of(server: Literal["light", "grpcio"], fits: Callable[[Input, Outcome], bool]) -> dict[str, Outcome]:
    """What comes of each; an input whose answer does not fit is tried again: a busy machine answers some too late."""
    found: dict[str, Outcome] = {}
    async with serving(POLICY, grpc=Grpc(listen=("127.0.0.1:0",), server=server)) as running:
        for _ in range(TRIES):
            asked = [each for each in INPUTS if key_of(each) not in found or not fits(each, found[key_of(each)])]
            found |= await outcomes(running.address, asked)
    return found


def is_right(case: Input, outcome: Outcome) -> bool:
    return str(outcome) == case.right and (outcome.neighbour_lives or not case.greets or "GOAWAY" in case.right)


def is_written(page: str) -> Callable[[Input, Outcome], bool]:
    return lambda case, outcome: row(case, outcome) in page


@pytest.mark.slow
async def test_the_own_server_is_right_in_each_and_the_page_says_what_both_do():
    light = await of("light", is_right)
    assert {key_of(case): str(light[key_of(case)]) for case in INPUTS} == {key_of(each): each.right for each in INPUTS}
    ending = [key_of(each) for each in INPUTS if not light[key_of(each)].neighbour_lives and each.greets]
    assert all(str(light[key]).startswith("GOAWAY") for key in ending)
    page = written(INPUTS, await of("grpcio", is_written(PAGE.read_text(encoding="utf-8"))))
    if os.environ.get("TIDEGATE_WRITE_PAGES"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "run `make conformance-page`"


def test_no_input_is_called_like_another():
    assert len({key_of(each) for each in INPUTS}) == len(INPUTS) >= 150
