"""Some 170 inputs by the byte, to both servers: the own one is right in each, and the table says what grpcio does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest

from sidecar.config import Grpc
from sidecar.values import Action
from tests.conformance.inputs import all_inputs
from tests.conformance.table import Outcome, key_of, outcomes, written
from tests.fakes import WordScanner, plan, rule
from tests.servers import serving

PAGE = Path(__file__).parents[2] / "docs" / "grpc-inputs.md"
POLICY = plan((WordScanner("plum"), [rule(Action.REDACT)]))
INPUTS = all_inputs()


async def of(server: Literal["light", "grpcio"]) -> dict[str, Outcome]:
    async with serving(POLICY, grpc=Grpc(listen=("127.0.0.1:0",), server=server)) as running:
        return dict(await outcomes(running.address, INPUTS))


@pytest.mark.slow
async def test_the_own_server_is_right_in_each_and_the_page_says_what_both_do():
    light = await of("light")
    assert {key_of(case): str(light[key_of(case)]) for case in INPUTS} == {key_of(each): each.right for each in INPUTS}
    ending = [key_of(each) for each in INPUTS if not light[key_of(each)].neighbour_lives and each.greets]
    assert all(str(light[key]).startswith("GOAWAY") for key in ending)
    page = written(INPUTS, light, await of("grpcio"))
    if os.environ.get("TIDEGATE_WRITE_PAGES"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "run `make conformance-page`"


def test_no_input_is_called_like_another():
    assert len({key_of(each) for each in INPUTS}) == len(INPUTS) >= 150
