"""Runs one outage: feeds events before, during and after it, and has another library's consumer judge what arrived."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from sidecar.outbox.settings import KafkaSettings
from tests.chaos.outages import Outage, make_topics
from tests.integration.kafka_cluster import KafkaCluster
from tests.integration.kafka_tools import judge, own_topics, settings_of

_BEFORE_S = 2.0
_ROOT = Path(__file__).parents[2]
_DRAIN_S = 120.0


class Outcome(msgspec.Struct, frozen=True):
    """What came of an outage. Metadata requests, lines and processor time are of the outage and what follows.

    Waits are how long a stream waits for its events to be recorded: the median before, and what was in it.
    """

    name: str
    put: int
    missing: int
    repeats: int
    disordered: int
    lost: int
    seconds: float
    lookups_per_second: float
    lines_per_second: float
    cpu_share: float
    median_wait_before_ms: float
    median_wait_ms: float
    longest_wait_ms: float
    drained_s: float


class _Driver:
    """The driver's process."""

    def __init__(self, folder: Path, kafka: KafkaSettings, per_second: float) -> None:
        folder.mkdir()
        config = folder / "driver.json"
        values = {"outbox": str(folder / "outbox.db"), "kafka": kafka.model_dump(mode="json"), "per_second": per_second}
        config.write_text(json.dumps(values), encoding="utf-8")
        self._log = folder / "driver.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.driver", str(config)],
                cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip

    async def ask(self, what: str = "") -> dict[str, Any]:
        return await asyncio.to_thread(self._ask, what)

    def _ask(self, what: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self._log.read_text(errors="replace")
        state: dict[str, Any] = json.loads(line)
        return state

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


async def live_through(
    cluster: KafkaCluster, outage: Outage, folder: Path, *, seconds: float, per_second: float
) -> Outcome:
    """One outage of so many seconds."""
    kafka = settings_of(cluster, own_topics())
    await make_topics(cluster, kafka, replicas=outage.replicas, in_sync=outage.in_sync)
    driver = _Driver(folder, kafka, per_second)
    loop = asyncio.get_running_loop()
    try:
        before = await _published(driver, per_second * _BEFORE_S)
        began = loop.time()
        await outage.begin(cluster, kafka)
        begun = await driver.ask()
        await asyncio.sleep(max(0.0, began + seconds - loop.time()))
        during = await driver.ask()
        took = loop.time() - began
        await outage.end(cluster, kafka)
        mended = loop.time()
        await asyncio.sleep(1)
        after = await _drained(driver)
        drained_s = loop.time() - mended
    finally:
        driver.stop()
    judged = await asyncio.to_thread(judge, kafka.bootstrap_servers, kafka.topics.names)
    waits = [*begun["waits_ms"], *during["waits_ms"], *after["waits_ms"]]
    first = begun["next"] if outage.forgets else 1
    numbers = {number for found in judged.numbers.values() for number in found}
    return Outcome(
        name=outage.name,
        put=after["put"],
        missing=len(set(range(first, after["next"])) - numbers),
        repeats=judged.repeats,
        disordered=judged.disordered,
        lost=after["lost"],
        seconds=round(took, 1),
        lookups_per_second=round((during["lookups"] - before["lookups"]) / took, 2),
        lines_per_second=round((during["lines"] - before["lines"]) / took, 2),
        cpu_share=round((during["cpu_s"] - before["cpu_s"]) / took, 3),
        median_wait_before_ms=round(median(before["waits_ms"]), 1),
        median_wait_ms=round(median(waits), 1),
        longest_wait_ms=round(max(waits), 1),
        drained_s=round(drained_s, 1),
    )


async def _published(driver: _Driver, count: float) -> dict[str, Any]:
    waits: list[float] = []
    async with asyncio.timeout(_DRAIN_S):
        while (state := await driver.ask())["published"] < count:
            waits += state["waits_ms"]
            await asyncio.sleep(0.1)
    return state | {"waits_ms": waits + state["waits_ms"]}


async def _drained(driver: _Driver) -> dict[str, Any]:
    """Feed no more, and wait until the outbox is empty."""
    waits = (await driver.ask("drain"))["waits_ms"]
    async with asyncio.timeout(_DRAIN_S):
        while (state := await driver.ask("drain"))["waiting"]:
            await asyncio.sleep(0.1)
    return state | {"waits_ms": waits}
