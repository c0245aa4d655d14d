"""Tidegate's side: the real service over gRPC, without its cache."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from benchmarks.first_token.waits import Releases
from benchmarks.peers.choices import TIDEGATE, TOKEN_MS, Measured, card_chars_out
from tidegate import AsyncClient
from workbench.bench.policies import GUARDED, guarded_policy
from workbench.bench.server import Service, serving
from workbench.bench.texts import pieces_of

ROUNDS = 20
"""How often it is given the texts: once takes it less time than a clock can tell."""
HOLD_MS = 60_000
"""Nothing is shed here, whatever else the machine does."""


def chunks_of(text: str, tokens: int) -> list[str]:
    """The text in chunks of so many tokens."""
    pieces = pieces_of(text)
    return ["".join(pieces[at : at + tokens]) for at in range(0, len(pieces), tokens)]


class Way(NamedTuple):
    """How the service is given texts."""

    name: str
    tokens_a_chunk: int
    at_once: int


@contextmanager
def guarding() -> Iterator[Service]:
    """The service, with every detector on."""
    with serving({GUARDED: guarded_policy(HOLD_MS)}, scheduler={"cache_entries": 0}) as service:
        yield service


def measured(service: Service, way: Way, texts: Sequence[str], violating: str) -> Measured:
    """What the service takes for the texts; of one stream at a time, also what it makes wait and what it lets out."""
    chunks = [chunks_of(text, way.tokens_a_chunk) for text in texts]
    seconds = asyncio.run(_cpu_seconds(service, chunks, way.at_once)) / ROUNDS
    sent = sum(map(len, chunks))
    if way.at_once > 1:
        return Measured(way.name, TIDEGATE, sent, seconds)
    releases = [asyncio.run(_released(service, text, way.tokens_a_chunk)) for text in texts]
    output = asyncio.run(_output(service, chunks_of(violating, way.tokens_a_chunk)))
    return Measured(way.name, TIDEGATE, sent, seconds, releases, card_chars_out(violating, output))


async def _cpu_seconds(service: Service, texts: Sequence[Sequence[str]], at_once: int) -> float:
    async with AsyncClient(service.target) as client:
        room = asyncio.Semaphore(at_once)

        async def stream(chunks: Sequence[str]) -> None:
            async with room:
                async for _ in client.stream(_arriving(chunks), policy=GUARDED).text():
                    pass

        await asyncio.gather(*(stream(chunks) for chunks in texts))  # not measured: what first streams make for all
        before = service.cpu()
        await asyncio.gather(*(stream(chunks) for _ in range(ROUNDS) for chunks in texts))
        after = service.cpu()
    assert before is not None
    assert after is not None
    return after.since(before).total


async def _output(service: Service, chunks: Sequence[str]) -> str:
    async with AsyncClient(service.target) as client:
        return "".join([piece async for piece in client.stream(_arriving(chunks), policy=GUARDED).text()])


async def _released(service: Service, text: str, tokens_a_chunk: int) -> Releases:
    releases, chars = list[tuple[float, int]](), 0
    async with AsyncClient(service.target) as client:
        async for _ in client.stream(_arriving(["Connect first."]), policy=GUARDED).text():
            pass
        begun = time.monotonic()
        async for piece in client.stream(_paced(text, tokens_a_chunk, begun), policy=GUARDED).text():
            chars += len(piece)
            releases.append(((time.monotonic() - begun) * 1000, chars))
    return releases


async def _arriving(chunks: Sequence[str]) -> AsyncIterator[str]:
    for chunk in chunks:
        yield chunk
        await asyncio.sleep(0)


async def _paced(text: str, tokens_a_chunk: int, begun: float) -> AsyncIterator[str]:
    """Each chunk when its last token is due, and the end a token's time after the last."""
    tokens = len(pieces_of(text))
    for number, chunk in enumerate(chunks_of(text, tokens_a_chunk), start=1):
        await _until(begun, min(number * tokens_a_chunk, tokens) - 1)
        yield chunk
    await _until(begun, tokens)


async def _until(begun: float, token: int) -> None:
    await asyncio.sleep(max(begun + token * TOKEN_MS / 1000 - time.monotonic(), 0.0))
