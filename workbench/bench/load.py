"""Open-loop load over gRPC: streams begin at random times, and each token has its time, whatever the service does.

A token's delay is counted from the time at which it was to be sent, not from when there was room to send it: a service
that holds up its caller is not measured to be fast. The generator's own lateness is measured beside it (`lag_ms`):
where that is large, the machine was too small for both, and the figures say little.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

from tidegate import AsyncClient, GuardBlocked, Release, Summary, TidegateError
from workbench.bench.texts import pieces_of

_FINISH_SECONDS = 10.0
"""How long streams may take to end after the last token."""


@dataclass(frozen=True, slots=True)
class Load:
    """What to offer: on average `streams` at a time, for `seconds`, each sending `tokens_per_second`."""

    streams: int
    seconds: float
    tokens_per_second: float = 50.0
    tokens_per_message: int = 1
    coalesces: bool = False
    """Whether the client joins messages that are there before it can send them."""
    policy: str = ""
    seed: int = 0
    context: tuple[str, ...] = ()
    """Documents that each stream brings."""


@dataclass(slots=True)
class Samples:
    """What was seen. Times are milliseconds."""

    first_token_ms: list[float] = field(default_factory=list)
    """From a stream's first token to its first release."""
    hold_ms: list[float] = field(default_factory=list)
    """From a token's time to the release that accounts for it, one for each token."""
    stall_ms: list[float] = field(default_factory=list)
    """How much longer than in the source it took from one token to the next, one for each token but the first."""
    lag_ms: list[float] = field(default_factory=list)
    """How late the generator was with a message while the service took what it was given."""
    outcomes: Counter[str] = field(default_factory=Counter)
    tokens_sent: int = 0
    seconds: float = 0.0


async def offer(target: str, load: Load, texts: Iterator[str], advance: Callable[[float], None]) -> Samples:
    """Offer the load and wait for its end; `advance` is told the seconds that went by."""
    samples = Samples()
    rng = random.Random(load.seed)  # noqa: S311 - arrivals, not secrets
    began = time.perf_counter()
    async with AsyncClient(target, coalesce=load.coalesces) as client, asyncio.TaskGroup() as group:
        ticker = group.create_task(_tell(advance, load.seconds))
        streams = [
            group.create_task(_stream(client, load, next(texts), began + start, samples))
            for start in _arrivals(rng, load, texts)
        ]
        late = began + load.seconds + _FINISH_SECONDS - time.perf_counter()
        _, unfinished = await asyncio.wait(streams, timeout=late)
        for stream in unfinished:
            stream.cancel()
        samples.outcomes["unfinished"] += len(unfinished)
        ticker.cancel()
    samples.seconds = time.perf_counter() - began
    return samples


def _arrivals(rng: random.Random, load: Load, texts: Iterator[str]) -> Iterator[float]:
    """When streams begin: at random, so often that on average as many run as are wanted; at least one does."""
    length = sum(len(pieces_of(next(texts))) for _ in range(50)) / 50 / load.tokens_per_second
    rate = load.streams / length
    at = 0.0
    while at < load.seconds:
        yield at
        at += rng.expovariate(rate)


async def _stream(client: AsyncClient, load: Load, text: str, start: float, samples: Samples) -> None:
    """One stream, from its beginning to its end or the load's."""
    await asyncio.sleep(max(0.0, start - time.perf_counter()))
    watch = _Watch(samples, start, load)
    try:
        async for shown in client.stream(watch.tokens(text), policy=load.policy, context=load.context):
            if isinstance(shown, Release):
                watch.released(shown.input.end)
            elif isinstance(shown, Summary):
                samples.outcomes["finished"] += 1
    except GuardBlocked:
        samples.outcomes["blocked"] += 1
    except TidegateError as error:
        samples.outcomes[f"failed: {type(error).__name__}"] += 1


class _Watch:
    """The tokens of one stream, and when each was due, and when released."""

    def __init__(self, samples: Samples, start: float, load: Load) -> None:
        self._samples = samples
        self._start = start
        self._load = load
        self._ends: list[int] = []
        self._due: list[float] = []
        self._next = 0
        self._last = 0.0

    async def tokens(self, text: str) -> AsyncIterator[str]:
        """The messages, each when its last token is due."""
        load, pieces = self._load, pieces_of(text)
        end = 0
        asked = time.perf_counter()
        for first in range(0, len(pieces), load.tokens_per_message):
            message = pieces[first : first + load.tokens_per_message]
            due = self._start + (first + len(message)) / load.tokens_per_second
            if due > self._start + load.seconds:
                return
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            self._samples.lag_ms.append(max(0.0, time.perf_counter() - max(due, asked)) * 1000)
            for number, piece in enumerate(message, start=first + 1):
                end += len(piece)
                self._ends.append(end)
                self._due.append(self._start + number / load.tokens_per_second)
            self._samples.tokens_sent += len(message)
            yield "".join(message)
            asked = time.perf_counter()

    def released(self, position: int) -> None:
        """Text up to here may be shown."""
        now, samples = time.perf_counter(), self._samples
        if not self._next and self._ends and position >= self._ends[0]:
            samples.first_token_ms.append((now - self._due[0]) * 1000)
        while self._next < len(self._ends) and self._ends[self._next] <= position:
            samples.hold_ms.append((now - self._due[self._next]) * 1000)
            if self._next:
                pace = self._due[self._next] - self._due[self._next - 1]
                samples.stall_ms.append(max(0.0, now - self._last - pace) * 1000)
            self._last = now
            self._next += 1


async def _tell(advance: Callable[[float], None], seconds: float) -> None:
    for _ in range(round(seconds * 2)):
        await asyncio.sleep(0.5)
        advance(0.5)
