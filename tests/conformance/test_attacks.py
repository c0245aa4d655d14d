"""What floods cost the own server: memory, and whether others are served. `python -m benchmarks.door` has the times."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import grpc
import pytest

from tests.conformance.attacks import ATTACKS
from tests.conformance.door import ROOT, Door, door
from tidegate.v1 import guard_pb2 as pb
from tidegate.v1 import guard_pb2_grpc as rpc

SECONDS = "3"
MOST_MORE = 32 << 20


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A service that has served."""
    with door("light", tmp_path_factory.mktemp("door")) as running:
        with grpc.insecure_channel(running.address) as channel:
            for _ in range(200):
                rpc.GuardServiceStub(channel).Check(pb.CheckRequest(text="a plum " * 500))
        yield running


class Watch:
    """The most that a process had in memory while the body ran."""

    def __init__(self, watched: Door) -> None:
        self._watched = watched
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.most = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._is_over.wait(0.02):
            self.most = max(self.most, self._watched.resident_bytes)


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_a_flood_costs_little_memory_and_others_are_served(name: str, warm: Door):
    before = warm.resident_bytes
    flood = subprocess.Popen([sys.executable, "-m", "tests.conformance.attacks", name, warm.address, SECONDS], cwd=ROOT)
    with Watch(warm) as watch, grpc.insecure_channel(warm.address) as channel:
        stub, answers = rpc.GuardServiceStub(channel), 0
        while flood.poll() is None:
            assert stub.Check(pb.CheckRequest(text="a plum"), timeout=60).text == "a ‹fruit›"
            answers += 1
    assert flood.returncode == 0
    assert answers > 3
    assert (watch.most - before) >> 20 <= MOST_MORE >> 20
