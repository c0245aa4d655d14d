"""What becomes of events and of callers when the service is at its limit, or is stopped while it is: short, in CI."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.integration.sidecar import Sidecar
from tidegate.v1 import guard_pb2, guard_pb2_grpc

pytestmark = [pytest.mark.slow]

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
Shown = tuple[str, int]
"""A redaction that a client was shown: its request, and where the span starts."""


class Caller:
    """Streams texts with order numbers, and keeps what it was shown and how each stream ended."""

    def __init__(self, *addresses: str, policy: str = "round_robin") -> None:
        config = json.dumps({"loadBalancingConfig": [{policy: {}}]})
        self._channel = grpc.aio.insecure_channel(f"ipv4:{','.join(addresses)}", [("grpc.service_config", config)])
        self._stub = guard_pb2_grpc.GuardServiceStub(self._channel)
        self.shown: set[Shown] = set()
        self.ended: Counter[str] = Counter()

    async def stream(self, number: int, sentences: int) -> None:
        """One stream."""
        request = f"request-{number}"
        try:
            async for response in self._stub.Stream(_requests(request, number, sentences)):
                self.shown |= {(request, each.span.start) for each in response.release.redactions}
                assert not response.HasField("verdict"), "nothing is wrong with it"
        except grpc.aio.AioRpcError as error:
            self.ended[error.code().name] += 1
        else:
            self.ended["OK"] += 1

    async def close(self) -> None:
        await self._channel.close()


async def _requests(request: str, number: int, sentences: int) -> AsyncIterator[guard_pb2.StreamRequest]:
    yield guard_pb2.StreamRequest(start=guard_pb2.Start(policy="law-seven", request_id=request))
    for place in range(sentences):
        text = f"The order {number}.{place} is ORD-{number:05d}{place:03d}, and it leaves on Monday. "
        yield guard_pb2.StreamRequest(chunk=guard_pb2.Chunk(text=text))
        await asyncio.sleep(0)
    yield guard_pb2.StreamRequest(finish=guard_pb2.Finish())


def service(folder: Path, policy: str) -> Sidecar:
    (folder / "policies").mkdir(parents=True)
    (folder / "policies" / "law-seven.yaml").write_text(policy)
    return Sidecar(folder, {"events": {"sink": "file", "file": str(folder / "events.jsonl")}})


def events_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def recorded(folder: Path) -> set[Shown]:
    """The redactions that events tell of."""
    found = [each["data"] for each in events_of(folder) if each["data"]["kind"] == "violation"]
    return {(each["ids"]["request"], each["where"]["span"]["start"]) for each in found}


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_no_shown_action_of_a_burst_lacks_its_event_however_the_service_ends(end: str, tmp_path: Path) -> None:
    sidecar = service(tmp_path, POLICY + MODEL_RULE)
    await sidecar.start()
    caller = Caller(sidecar.address)
    burst = [asyncio.create_task(caller.stream(number, 24)) for number in range(60)]
    while len(caller.shown) < 20 and not all(each.done() for each in burst):
        await asyncio.sleep(0.02)
    await asyncio.to_thread(getattr(sidecar, end))
    await asyncio.gather(*burst)
    await caller.close()
    await sidecar.start()
    while not caller.shown <= recorded(tmp_path):
        await asyncio.sleep(0.1)  # the outbox is published; what is missing is told by the test's own time-out
    sidecar.stop()
    assert caller.shown
    assert set(caller.ended) <= {"OK", "RESOURCE_EXHAUSTED", "UNAVAILABLE"}
    numbers = sorted(int(each["sequence"]) for each in events_of(tmp_path))
    assert [*dict.fromkeys(numbers)] == list(range(1, numbers[-1] + 1)), "each is there, or counted as lost"


@pytest.mark.parametrize("policy", ["round_robin", "pick_first"])
async def test_with_two_backends_no_stream_fails_when_one_is_told_to_stop(policy: str, tmp_path: Path) -> None:
    one, other = (service(tmp_path / name, POLICY) for name in ("one", "other"))
    await asyncio.gather(one.start(), other.start())
    caller, done = Caller(one.address, other.address, policy=policy), asyncio.Event()

    async def one_after_the_other(first: int) -> None:
        number = first
        while not done.is_set():
            number += 1
            await caller.stream(number, 3)

    clients = [asyncio.create_task(one_after_the_other(1000 * number)) for number in range(6)]
    while caller.ended["OK"] < 30:
        await asyncio.sleep(0.02)
    await asyncio.to_thread(one.stop)
    before = caller.ended["OK"]
    while caller.ended["OK"] < before + 30 and set(caller.ended) == {"OK"}:
        await asyncio.sleep(0.02)
    done.set()
    await asyncio.gather(*clients)
    await caller.close()
    other.stop()
    assert set(caller.ended) == {"OK"}, caller.ended
    assert caller.shown <= recorded(tmp_path / "one") | recorded(tmp_path / "other")
