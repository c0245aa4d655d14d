"""Resident memory of the real service, per open stream: idle ones, and ones that have carried 64 KiB.

    python -m benchmarks.memory [--streams N]

The service runs as a process of its own with the policy `policies/pii-redact.yaml`; streams are real gRPC streams over
loopback. The figure is the growth of its resident set, divided by the streams that are open; what a fresh process
allocates once is paid before, by a round of streams that is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks.results import table, write
from benchmarks.stream_cost.texts import plain
from tidegate import AsyncClient
from workbench.bench.server import Service, serving

POLICY = Path(__file__).parents[2] / "policies" / "pii-redact.yaml"
CHARS = 65_536
CHUNK = 1_024


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=200)
    streams = parser.parse_args().streams
    with serving({"pii-redact": YAML(typ="safe").load(POLICY)}) as service:
        figures = asyncio.run(_measure(service, streams))
    head = ["open streams", "each has carried", "resident KiB per stream"]
    rows = [[streams, f"{each['chars']} characters", each["kib_per_stream"]] for each in figures]
    markdown = table(head, rows)
    print(markdown)
    print(write("memory", {"streams": streams, "rounds": figures}, markdown))


async def _measure(service: Service, streams: int) -> list[dict[str, float]]:
    async with AsyncClient(service.target) as client:
        await _round(service, client, streams, CHARS)
        return [await _round(service, client, streams, chars) for chars in (0, CHARS)]


async def _round(service: Service, client: AsyncClient, streams: int, chars: int) -> dict[str, float]:
    """Open streams, let each carry its text, and look at the process while all are open."""
    before = _resident_kib(service)
    done = asyncio.Event()
    carried = [asyncio.Event() for _ in range(streams)]
    async with AsyncExitStack() as stack:
        tasks = [asyncio.create_task(_stream(client, chars, each, done)) for each in carried]
        stack.callback(done.set)
        for each in carried:
            await each.wait()
        grown = _resident_kib(service) - before
    await asyncio.gather(*tasks)
    return {"chars": chars, "kib_per_stream": grown / streams}


async def _stream(client: AsyncClient, chars: int, carried: asyncio.Event, done: asyncio.Event) -> None:
    text = plain(chars) if chars else ""

    async def chunks() -> AsyncIterator[str]:
        yield "Hello. "
        for start in range(0, chars, CHUNK):
            yield text[start : start + CHUNK]
        if not chars:
            carried.set()
        await done.wait()

    received = 0
    async for piece in client.stream(chunks(), policy="pii-redact").text():
        received += len(piece)
        if received >= chars:
            carried.set()


def _resident_kib(service: Service) -> float:
    resident = service.memory_mib()
    assert resident is not None
    return resident * 1024


if __name__ == "__main__":
    main()
