"""An outbox and its publisher in a process of their own, fed with events at an even pace: `driver.py SETTINGS.json`.

Each line on stdin is answered with a line of JSON on stdout: how it stands. The end of stdin ends it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from sidecar.outbox.event import Event
from sidecar.outbox.kafka import KafkaSink
from sidecar.outbox.publisher import Publisher
from sidecar.outbox.settings import EventSettings, KafkaSettings, OutboxSettings
from sidecar.outbox.sqlite import SqliteOutbox
from tests.outbox.samples import INFO, a_fault, a_stream_decision, a_violation

_SESSIONS = 30


class Lines(logging.Handler):
    """Counts what is logged, by anybody."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


class Driver:
    """Feeds an outbox, and says how it stands."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._per_second = float(settings["per_second"])
        self._lines = Lines()
        logging.getLogger().addHandler(self._lines)
        logging.getLogger().setLevel(logging.WARNING)
        self._outbox = SqliteOutbox(OutboxSettings(path=Path(settings["outbox"])))
        self._sink = KafkaSink(KafkaSettings.model_validate(settings["kafka"]))
        self._publisher = Publisher(self._outbox, self._sink, EventSettings(max_backoff_ms=5000))
        self._numbers = itertools.count()
        self._waits_ms: list[float] = []
        self._put = 0
        self._is_feeding = True

    async def run(self) -> None:
        await self._outbox.start()
        await self._publisher.start()
        feeding = asyncio.create_task(self._feed())
        while line := await asyncio.to_thread(sys.stdin.readline):
            self._is_feeding = line.strip() != "drain"
            print(json.dumps(self._state()), flush=True)
        feeding.cancel()
        await self._publisher.stop()
        await self._outbox.stop()

    async def _feed(self) -> None:
        while True:
            await asyncio.sleep(1 / self._per_second)
            if self._is_feeding:
                began = time.monotonic()
                await self._outbox.put([self._event(next(self._numbers))])
                self._waits_ms.append((time.monotonic() - began) * 1000)
                self._put += 1

    def _event(self, number: int) -> Event:
        info = replace(INFO, session_id=f"session-{number % _SESSIONS}", stream_id=f"stream-{number}")
        return [a_violation, a_stream_decision, a_fault][number % 3](info)

    def _state(self) -> dict[str, Any]:
        stats, usage = self._publisher.stats(), resource.getrusage(resource.RUSAGE_SELF)
        waits, self._waits_ms = self._waits_ms, []
        return {
            "put": self._put,
            "published": stats.published,
            "waiting": self._outbox.stats().waiting_events,
            "lost": sum(self._outbox.stats().lost.values()),
            "next": self._outbox.stats().next_sequence,
            "error": stats.error,
            "lookups": self._sink.cluster.lookups,
            "lines": self._lines.count,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "waits_ms": waits,
        }


if __name__ == "__main__":
    asyncio.run(Driver(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))).run())
