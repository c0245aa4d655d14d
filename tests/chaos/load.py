"""The service at its limit, on a slow disk, and ended under load: what became of its callers and of its events."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import grpc.aio

from tests.integration.sidecar import Sidecar
from tidegate.v1 import guard_pb2, guard_pb2_grpc

POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: law-seven, version: "1"}
stream: {max_hold_ms: 1000, on_timeout: fail_closed}
rules:
  - id: no-order-numbers
    detect: {detector: patterns, patterns: [{label: ORDER, regex: 'ORD-[0-9]{8}'}]}
    severity: medium
    action: {redact: {with: mask}}
"""
MODEL_RULE = """\
  - {id: abuse, detect: {detector: toxicity, labels: [threat]}, severity: high, action: block}
"""
_CLIENTS = 6
_SENTENCES = 24
Shown = tuple[str, int]
"""A redaction that a client was shown: its request, and where the span starts."""


class Toll(NamedTuple):
    """What came of it. `untold` were shown and have no event; `lost` are counted, and published, as lost."""

    name: str
    ended: Counter[str]
    shown: int
    untold: int
    lost: int
    gaps: int
    longest_s: float

    @property
    def is_kept(self) -> bool:
        """Whether all that was shown is told or counted, and the numbers have no gap."""
        return self.untold <= self.lost and not self.gaps


class Caller:
    """Streams texts with order numbers, and keeps what it was shown and how each stream ended."""

    def __init__(self, *addresses: str, policy: str = "round_robin") -> None:
        config = json.dumps({"loadBalancingConfig": [{policy: {}}]})
        self._channel = grpc.aio.insecure_channel(f"ipv4:{','.join(addresses)}", [("grpc.service_config", config)])
        self._stub = guard_pb2_grpc.GuardServiceStub(self._channel)
        self.shown: set[Shown] = set()
        self.ended: Counter[str] = Counter()
        self.longest_s = 0.0

    async def stream(self, number: int, sentences: int) -> None:
        """One stream."""
        request, began = f"request-{number}", time.monotonic()
        try:
            async for response in self._stub.Stream(_requests(request, number, sentences)):
                self.shown |= {(request, each.span.start) for each in response.release.redactions}
                assert not response.HasField("verdict"), "nothing is wrong with it"
        except grpc.aio.AioRpcError as error:
            self.ended[error.code().name] += 1
        else:
            self.ended["OK"] += 1
        self.longest_s = max(self.longest_s, time.monotonic() - began)

    async def close(self) -> None:
        await self._channel.close()


async def _requests(request: str, number: int, sentences: int) -> AsyncIterator[guard_pb2.StreamRequest]:
    yield guard_pb2.StreamRequest(start=guard_pb2.Start(policy="law-seven", request_id=request))
    for place in range(sentences):
        text = f"The order {number}.{place} is ORD-{number:05d}{place:03d}, and it leaves on Monday. "
        yield guard_pb2.StreamRequest(chunk=guard_pb2.Chunk(text=text))
        await asyncio.sleep(0)
    yield guard_pb2.StreamRequest(finish=guard_pb2.Finish())


async def burst(folder: Path, name: str, streams: int, *, end: str) -> Toll:
    """More streams at once than the models can carry; the service is ended in the midst of them."""
    sidecar = _service(folder, POLICY + MODEL_RULE)
    await sidecar.start()
    caller = Caller(sidecar.address)
    all_at_once = [asyncio.create_task(caller.stream(number, _SENTENCES)) for number in range(streams)]
    while len(caller.shown) < streams // 3 and not all(each.done() for each in all_at_once):
        await asyncio.sleep(0.02)
    await asyncio.to_thread(getattr(sidecar, end))
    await asyncio.gather(*all_at_once)
    await sidecar.start()
    return await _settled(name, caller, [folder], [sidecar])


async def two_backends(folder: Path, name: str, streams: int, *, policy: str) -> Toll:
    """One of two is told to stop while clients stream through both."""
    folders = [folder / "one", folder / "other"]
    one, other = (_service(each, POLICY) for each in folders)
    await asyncio.gather(one.start(), other.start())
    caller = Caller(one.address, other.address, policy=policy)
    clients = [
        asyncio.create_task(_one_after_the_other(caller, range(first, streams, _CLIENTS))) for first in range(_CLIENTS)
    ]
    while caller.ended.total() < streams // 2:
        await asyncio.sleep(0.02)
    await asyncio.to_thread(one.stop)
    await asyncio.gather(*clients)
    return await _settled(name, caller, folders, [other])


async def ill_disk(folder: Path, name: str, streams: int, *, how: str, end: str = "") -> Toll:
    """The disk is ill until all streams are done, and until the service has ended, if it is to."""
    sidecar = _service(folder, POLICY, module="tests.chaos.ill_disk")
    await sidecar.start()
    caller = Caller(sidecar.address)
    await caller.stream(streams, _SENTENCES)
    with _ill(folder, how):
        await asyncio.gather(
            *(_one_after_the_other(caller, range(first, streams, _CLIENTS)) for first in range(_CLIENTS))
        )
        if end:
            await asyncio.to_thread(getattr(sidecar, end))
    if end:
        await sidecar.start()
    return await _settled(name, caller, [folder], [sidecar])


@contextmanager
def _ill(folder: Path, how: str) -> Iterator[None]:
    """Another process holds the file (`locked`), or what `ill_disk.py` does."""
    if how == "locked":
        with closing(sqlite3.connect(folder / "outbox.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
    else:
        sign = folder / "ill"
        sign.write_text(how)
        yield
        sign.unlink()


async def _one_after_the_other(caller: Caller, numbers: Iterable[int]) -> None:
    for number in numbers:
        await caller.stream(number, 3)


def _service(folder: Path, policy: str, *, module: str = "sidecar") -> Sidecar:
    (folder / "policies").mkdir(parents=True)
    (folder / "policies" / "law-seven.yaml").write_text(policy)
    return Sidecar(folder, {"events": {"sink": "file", "file": str(folder / "events.jsonl")}}, module=module)


async def _settled(name: str, caller: Caller, folders: list[Path], running: list[Sidecar]) -> Toll:
    """What came of it when all is told, or after a minute when it is not."""
    await caller.close()
    toll, until = _toll(name, caller, folders), time.monotonic() + 60
    while not toll.is_kept and time.monotonic() < until:
        await asyncio.sleep(0.1)
        toll = _toll(name, caller, folders)
    for sidecar in running:
        await asyncio.to_thread(sidecar.stop)
    return _toll(name, caller, folders)


def _toll(name: str, caller: Caller, folders: Iterable[Path]) -> Toll:
    events = [each for folder in folders for each in _events(folder)]
    gaps = sum(_gaps(_events(folder)) for folder in folders)
    told = {
        (each["data"]["ids"]["request"], each["data"]["where"]["span"]["start"])
        for each in events
        if each["data"]["kind"] == "violation"
    }
    lost = sum(sum(each["data"].get("lost", {}).values()) for each in events)
    shown = caller.shown
    return Toll(name, caller.ended, len(shown), len(shown - told), lost, gaps, round(caller.longest_s, 1))


def _events(folder: Path) -> list[dict[str, Any]]:
    """What is published so far; a line that is being written is not there yet."""
    file = folder / "events.jsonl"
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def _gaps(events: Iterable[dict[str, Any]]) -> int:
    """How many numbers are missing, of all producers."""
    numbers: dict[str, set[int]] = {}
    for each in events:
        numbers.setdefault(each["source"], set()).add(int(each["sequence"]))
    return sum(max(found) - len(found) for found in numbers.values())


class Ordeal(NamedTuple):
    """One of them, by its name, for so many streams, in a folder of its own."""

    name: str
    live_through: Callable[[Path, str, int], Awaitable[Toll]]


ORDEALS = (
    Ordeal("a burst, ended by kill -9", partial(burst, end="kill")),
    Ordeal("a burst, ended by SIGTERM", partial(burst, end="stop")),
    Ordeal("SIGTERM, two backends, round_robin", partial(two_backends, policy="round_robin")),
    Ordeal("SIGTERM, two backends, pick_first", partial(two_backends, policy="pick_first")),
    Ordeal("1.5 s for each commit", partial(ill_disk, how="1.5")),
    Ordeal("1.5 s for each commit, then kill -9", partial(ill_disk, how="1.5", end="kill")),
    Ordeal("a disk that hangs and comes back", partial(ill_disk, how="inf")),
    Ordeal("a disk that hangs, then kill -9", partial(ill_disk, how="inf", end="kill")),
    Ordeal("a full disk, then kill -9", partial(ill_disk, how="full", end="kill")),
    Ordeal("the file locked by another process, then kill -9", partial(ill_disk, how="locked", end="kill")),
)
