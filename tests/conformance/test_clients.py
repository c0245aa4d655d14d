"""Foreign clients with their default settings, against both servers: Go's, Node's two, and grpcio's own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.conformance.door import ROOT, SERVERS, Door, door, run
from tests.conformance.tools import NODE, node, program
from tests.transport.peer import greeted
from tidegate.v1 import guard_pb2 as pb
from tidegate.v1 import guard_pb2_grpc as rpc

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=SERVERS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with door(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


def peer(gopeer: Path, mode: str, address: str, number: int) -> dict[str, Any]:
    """What the Go client says at its end."""
    return last_line(run([gopeer, mode, address, str(number)]))


def last_line(output: str) -> dict[str, Any]:
    return dict(json.loads(output.strip().splitlines()[-1]))


def test_short_calls_in_a_row_use_one_connection(served: Door, missing: Callable[[str], None]):
    said = peer(program("gopeer", missing), "unary", served.address, 2_000)
    assert (said["codes"], said["connections"], said["failed_attempts"]) == ({"OK": 2_000}, 1, 0)


def test_bulk_both_ways_is_right(served: Door, missing: Callable[[str], None]):
    said = peer(program("gopeer", missing), "bulk", served.address, 4)
    assert (said["codes"], said["connections"]) == ({"OK": 4}, 1)


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_that_freezes_is_noticed_by_keepalive(server: str, tmp_path: Path, missing: Callable[[str], None]):
    """10 s, and 3 s for the answer, behind 60 short calls: pings that were taken amiss made it a minute and more."""
    gopeer = program("gopeer", missing)
    with door(server, tmp_path) as running:
        client = subprocess.Popen([gopeer, "frozen", running.address, "60"], stdout=subprocess.PIPE, text=True)
        assert client.stdout is not None
        client.stdout.readline()
        running.signal(signal.SIGSTOP)
        said = last_line(client.communicate(timeout=100)[0])
        running.signal(signal.SIGCONT)
    assert (said["codes"], said["code"], said["connections"]) == ({"OK": 60}, "Unavailable", 1)
    assert said["noticed_after_seconds"] < 30  # the client's own clock: 13, or over 60 when pings were punished


@pytest.mark.parametrize("server", SERVERS)
def test_no_call_fails_while_one_of_two_backends_drains(server: str, tmp_path: Path, missing: Callable[[str], None]):
    gopeer = program("gopeer", missing)
    with door(server, tmp_path / "a") as first, door(server, tmp_path / "b") as second:
        both = f"{first.address},{second.address}"
        client = subprocess.Popen([gopeer, "balance", both, "6"], stdout=subprocess.PIPE, text=True)
        assert client.stdout is not None
        client.stdout.readline()
        first.signal(signal.SIGTERM)
        said = last_line(client.communicate(timeout=100)[0])
    assert (list(said["codes"]), said["failed_attempts"]) == (["OK"], 0)


LONG = pytest.mark.skipif(
    os.environ.get("TIDEGATE_CONFORMANCE") != "long", reason="takes minutes: make conformance-long"
)


@LONG
@pytest.mark.parametrize("server", SERVERS)
def test_a_hundred_slow_readers_on_one_connection_live(server: str, tmp_path: Path, missing: Callable[[str], None]):
    with door(server, tmp_path) as running:
        said = peer(program("gopeer", missing), "slow", running.address, 100)
    assert (said["codes"], said["connections"]) == ({"OK": 100}, 1)


@LONG
@pytest.mark.parametrize("seconds", [65, 240])
@pytest.mark.parametrize("server", SERVERS)
def test_an_idle_connection_that_pings_as_often_as_it_may_lives(
    server: str, seconds: int, tmp_path: Path, missing: Callable[[str], None]
):
    with door(server, tmp_path) as running:
        said = last_line(run([program("gopeer", missing), "idle", running.address, str(seconds)], timeout=400))
    assert (said["codes"], said["connections"]) == ({"OK": 2}, 1)


@LONG
@pytest.mark.parametrize("server", SERVERS)
async def test_a_client_that_is_dead_is_noticed_after_forty_seconds(server: str, tmp_path: Path):
    """No answer to the ping: 30 s of silence, and 10 s for the answer."""
    with door(server, tmp_path) as running:
        dead = await greeted(running.address)
        began = asyncio.get_running_loop().time()
        while await dead.reader.read(1 << 16):
            pass
        assert 39 < asyncio.get_running_loop().time() - began < 50
        dead.writer.close()


@pytest.fixture(scope="module")
def descriptors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The API as buf describes it, for clients that read descriptors."""
    found = tmp_path_factory.mktemp("buf") / "guard.binpb"
    subprocess.run([ROOT / ".venv" / "bin" / "buf", "build", ROOT / "proto", "--output", found], check=True)
    return found


@pytest.mark.parametrize("library", ["grpc-js", "connect"])
def test_nodes_clients_are_served_right(served: Door, library: str, descriptors: Path, missing: Callable[[str], None]):
    output = run([node(missing), NODE / "peer.mjs", library, served.address, ROOT / "proto", descriptors])
    assert last_line(output) == {
        "checks": 300,
        "streams": 20,
        "bulk": True,
        "cancelled": "CANCELLED",
        "late": "DEADLINE_EXCEEDED",
        "unknown_policy": "NOT_FOUND",
        "out_of_order": "FAILED_PRECONDITION",
        "too_large": "INVALID_ARGUMENT",
        "zipped": True,
    }


def test_grpcios_client_with_its_defaults_stays_connected(served: Door):
    """Its probe of the bandwidth pings behind each answer."""
    states: list[grpc.ChannelConnectivity] = []
    with grpc.insecure_channel(served.address) as channel:
        channel.subscribe(states.append)
        stub = rpc.GuardServiceStub(channel)
        for _ in range(300):
            assert stub.Check(pb.CheckRequest(text="a plum")).text == "a ‹fruit›"
        for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
            assert stub.Check(pb.CheckRequest(text="a plum " * 99), compression=compression).text == "a ‹fruit› " * 99
        start, finish = pb.StreamRequest(start=pb.Start()), pb.StreamRequest(finish=pb.Finish())
        words = [pb.StreamRequest(chunk=pb.Chunk(text=f"plum {number}. ")) for number in range(500)]
        text = "".join(each.release.text for each in stub.Stream(iter([start, *words, finish])))
    assert text == "".join(f"‹fruit› {number}. " for number in range(500))
    assert states.count(grpc.ChannelConnectivity.READY) == 1
    assert grpc.ChannelConnectivity.TRANSIENT_FAILURE not in states
