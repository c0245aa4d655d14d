"""Resident memory of the real service under mixed traffic with contexts, with all shipped policies and detectors.

    python -m benchmarks.mixed_memory [--minutes N]

At once, without end: checks of whole texts, answers in messages, long questions, answers over retrieved documents
(each with a context of its own, from 2,000 to 500,000 characters), texts full of addresses, and clients that leave. No
context comes twice, so that caches are full. The service runs as a process of its own with its default limits; its
resident set is read from outside, once a second.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks.results import table, write
from benchmarks.stream_cost.texts import mixed, plain
from tidegate import AsyncClient, GuardBlocked, Overloaded, TidegateError
from workbench.bench.server import Service, serving

POLICIES = Path(__file__).parents[2] / "policies"
MOST_MIB = 512
WORDS = plain(1_000_000)
PERSONAL = mixed(200_000)
CONTEXT_CHARS = (2_000, 10_000, 50_000, 200_000, 495_000)
DOCUMENT_CHARS = 4_000
KEY = {"redaction": "a key of the benchmark's own, 32 bytes"}
_source = random.Random(5)


def main() -> None:
    """Measure, print and write the results; the exit status says whether the bound holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    minutes = parser.parse_args().minutes
    policies = {file.stem: YAML(typ="safe").load(file) for file in sorted(POLICIES.glob("*.yaml"))}
    with serving(policies, keys=KEY) as service:
        begun = _resident_mib(service)
        seen, outcomes = asyncio.run(_measure(service, minutes * 60))
    rows = [
        ["before the first stream", begun],
        *([f"after {minute} minutes" if minute else "the most", mib] for minute, mib in _picked(seen)),
    ]
    markdown = table(["when", "resident MiB"], rows)
    told = ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))
    markdown += f"\n\nStreams: {told}. The bound is {MOST_MIB} MiB."
    print(markdown)
    figures = {"minutes": minutes, "begun_mib": begun, "resident_mib": seen, "outcomes": outcomes}
    print(write("mixed_memory", figures, markdown))
    if max(seen) > MOST_MIB:
        raise SystemExit(1)


def _picked(seen: list[float]) -> list[tuple[int, float]]:
    """The resident set at the end of each minute, and the most of all."""
    return [(at // 60, seen[at - 1]) for at in range(60, len(seen) + 1, 60)] + [(0, max(seen))]


async def _measure(service: Service, seconds: float) -> tuple[list[float], Counter[str]]:
    outcomes: Counter[str] = Counter()
    seen: list[float] = []
    until = time.monotonic() + seconds
    async with AsyncClient(service.target) as client, asyncio.TaskGroup() as group:
        for work, at_once in ((_check, 2), (_answer, 8), (_question, 1), (_grounded, 6), (_personal, 1), (_leaver, 2)):
            for _ in range(at_once):
                group.create_task(_again_and_again(client, work, until, outcomes))
        while time.monotonic() < until:
            await asyncio.sleep(1)
            seen.append(_resident_mib(service))
    return seen, outcomes


async def _again_and_again(
    client: AsyncClient, work: Callable[[AsyncClient], Awaitable[object]], until: float, outcomes: Counter[str]
) -> None:
    while time.monotonic() < until:
        outcome = "done"
        try:
            await work(client)
        except Overloaded as error:
            outcome = "refused"
            await asyncio.sleep(error.retry_after or 1)
        except GuardBlocked:
            outcome = "blocked"
        except TidegateError as error:
            outcome = type(error).__name__
        outcomes[outcome] += 1


def _text(chars: int, of: str = WORDS) -> str:
    start = _source.randrange(len(of) - chars)
    return f"{_source.random()} {of[start : start + chars]}"


async def _check(client: AsyncClient) -> None:
    await client.check(_text(1_000), policy="chat-safety", direction="input", timeout=30)


async def _answer(client: AsyncClient) -> None:
    async for _ in client.stream(_tokens(2_000), policy="pii-names"):
        pass


async def _question(client: AsyncClient) -> None:
    await client.check(_text(20_000), policy="pii-redact", direction="input", timeout=60)


async def _grounded(client: AsyncClient) -> None:
    size = _source.choice(CONTEXT_CHARS)
    context = [_text(DOCUMENT_CHARS) for _ in range(max(1, size // DOCUMENT_CHARS - 1))]
    async for _ in client.stream(_tokens(1_000), policy="grounded-answers", context=context):
        pass


async def _personal(client: AsyncClient) -> None:
    await client.check(_text(50_000, PERSONAL), policy="pii-redact", timeout=60)


async def _leaver(client: AsyncClient) -> None:
    """Goes away in the middle."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_source.random() * 3):
            await _answer(client)


async def _tokens(chars: int) -> AsyncIterator[str]:
    text = _text(chars)
    for start in range(0, chars, 20):
        yield text[start : start + 20]
        await asyncio.sleep(0.05)


def _resident_mib(service: Service) -> float:
    resident = service.memory_mib()
    assert resident is not None
    return resident


if __name__ == "__main__":
    main()
