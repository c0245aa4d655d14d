"""What floods of one peer cost a server, and others who ask it something meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from subprocess import PIPE
from typing import Final, Self

import grpc

from tests.conformance.door import ROOT, Door
from tidegate.v1 import guard_pb2 as pb
from tidegate.v1 import guard_pb2_grpc as rpc

SECONDS: Final = 0.5
_BETWEEN_SECONDS: Final = 0.01


@dataclass(frozen=True)
class Harm:
    """Bytes more at most; milliseconds of processor time in a second; and until others have their answers."""

    memory: float
    cpu_ms: float
    wait_ms: float

    @classmethod
    def middle(cls, harms: Sequence[Self]) -> Self:
        """The medians."""
        return cls(*(median(getattr(each, name) for each in harms) for name in ("memory", "cpu_ms", "wait_ms")))


class Flooder:
    """A process that floods when it is told to."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def harm(self, door: Door, name: str) -> Harm:
        """Flood a server for a while, and ask it something again and again."""
        with grpc.insecure_channel(door.address) as channel:
            stub = rpc.GuardServiceStub(channel)
            _seconds_of_a_check(stub)
            door.ask("rest")
            began = time.monotonic()
            self._begin(door.address, name)
            waits = []
            while time.monotonic() - began < SECONDS:
                waits.append(_seconds_of_a_check(stub))
                time.sleep(_BETWEEN_SECONDS)
            self._wait()
            found = door.ask("read")
            seconds = time.monotonic() - began
        return Harm(found["memory"], found["cpu_ms"] / seconds, median(waits) * 1000)

    def _begin(self, address: str, name: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, address, SECONDS]).encode() + b"\n")
        self._process.stdin.flush()

    def _wait(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.readline()


@contextmanager
def flooder() -> Iterator[Flooder]:
    """Start it; it ends with the context."""
    command = [sys.executable, "-m", "tests.conformance.attacks"]
    with subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE) as process:
        try:
            yield Flooder(process)
        finally:
            process.terminate()


def _seconds_of_a_check(stub: rpc.GuardServiceStub) -> float:
    began = time.perf_counter()
    try:
        stub.Check(pb.CheckRequest(text="a plum"), timeout=20)
    except grpc.RpcError:
        return 20.0  # nobody waits longer than one who is refused
    return time.perf_counter() - began
