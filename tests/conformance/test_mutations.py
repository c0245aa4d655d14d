"""Sound calls of which some bytes were changed, to both servers: each end is told, and neighbours have their status."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Final

import grpc
import pytest

from tests.conformance.classes import MEMORY
from tests.conformance.door import ON_SCALES, SERVERS, Door, door
from tests.conformance.inputs import OK, Input, all_inputs
from tests.conformance.table import Outcome, key_of, outcomes
from tests.transport.peer import Peer
from tidegate.v1 import guard_pb2 as pb
from tidegate.v1 import guard_pb2_grpc as rpc

MUTATIONS: Final = 100
_MOST_CHANGES: Final = 3


def mutations() -> list[Input]:
    """Calls that were in order, each changed in its own way, which is the same in each run."""
    sound = [each for each in all_inputs() if each.right == OK and each.greets]
    return [_mutation(number, random.Random(number).choice(sound)) for number in range(MUTATIONS)]


def _mutation(number: int, case: Input) -> Input:
    def build(peer: Peer) -> bytes:
        return changed(case.build(peer), random.Random(number))

    return Input(case.group, f"{case.name}, {number}", OK, build)


def changed(sent: bytes, source: random.Random) -> bytes:
    """The bytes with some flipped, put in, left out or doubled."""
    for _ in range(source.randint(1, _MOST_CHANGES)):
        at, size = source.randrange(len(sent)), source.randint(1, 9)
        way = source.randrange(4)
        middle = (bytes([sent[at] ^ 1 << source.randrange(8)]), source.randbytes(size), b"", sent[at : at + size] * 2)[
            way
        ]
        sent = sent[:at] + middle + sent[at + (1, 0, size, size)[way] :]
        sent = sent or b"\x00"
    return sent


async def weighed(running: Door, cases: list[Input]) -> tuple[dict[str, Outcome], float]:
    """What comes of each, and how many bytes the server had more meanwhile; then it serves as before."""
    await asyncio.to_thread(running.ask, "rest")
    found = dict(await outcomes(running.address, cases))
    memory = (await asyncio.to_thread(running.ask, "read"))["memory"]
    async with grpc.aio.insecure_channel(running.address) as channel:
        answer = await rpc.GuardServiceStub(channel).Check(pb.CheckRequest(text="a plum"), timeout=60)
    assert answer.text == "a ‹fruit›"
    return found, memory


@pytest.mark.slow
async def test_changed_calls_cost_no_neighbour_its_status_and_no_more_memory(tmp_path: Path):
    cases, found, memory = mutations(), {}, {}
    for name in SERVERS:
        with door(name, tmp_path, command=ON_SCALES, TIDEGATE_LOOP="asyncio") as running:
            found[name], memory[name] = await weighed(running, cases)
    left_alone = {
        key_of(each): str(found["light"][key_of(each)])
        for each in cases
        if not found["light"][key_of(each)].neighbour_lives and found["grpcio"][key_of(each)].neighbour_lives
    }
    assert {key: said for key, said in left_alone.items() if not said.startswith("GOAWAY")} == {}
    assert not MEMORY.is_worse(memory["light"], memory["grpcio"]), memory
