"""Streams with a clock: every token has its time, whatever the service does, and each release is timed.

The **added delay** of a release is counted from the time at which the token was due that completed what is let go:
what a service would add that takes no time at all is not in it. It is simulated with the service's own core.
"""

from __future__ import annotations

import asyncio
import random
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from sidecar.core.stream import Stream
from sidecar.policy.plan import Plan
from sidecar.values import Found, Lane, Release
from tidegate import AsyncClient, GuardBlocked, Overloaded, Summary, TidegateError
from tidegate import Release as Shown
from workbench.bench.policies import GUARDED
from workbench.bench.texts import made_text, pieces_of

_PATIENCE_SECONDS = 20.0


@dataclass
class Seen:
    """What came of all streams. Times are milliseconds."""

    added_ms: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)
    lag_ms: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    finished_unread_chars: int = 0
    """Characters of streams that ended well and that some detector did not read: what failed open."""


@dataclass(frozen=True)
class Text:
    """A text in messages, and how far it can have been let go once each message has come."""

    messages: tuple[str, ...]
    reached: tuple[int, ...]

    def completed_by(self, position: int) -> int:
        """The message that must have come before text up to here can leave."""
        return min(bisect_left(self.reached, position), len(self.messages) - 1)


def text_of(plan: Plan, seed: int, *, sentences: int, tokens_per_message: int) -> Text:
    """A made text, cut and simulated."""
    pieces = pieces_of(made_text(random.Random(seed), sentences=sentences, is_violating=False))
    messages = ["".join(pieces[at : at + tokens_per_message]) for at in range(0, len(pieces), tokens_per_message)]
    return Text(tuple(messages), tuple(_reached(plan, messages)))


async def offer(target: str, texts: Sequence[Text], *, streams: int, seconds: float, rate: float) -> Seen:
    """Keep so many streams running for so long; each sends `rate` messages a second, one text after the other."""
    seen = Seen()
    began = time.perf_counter() + 0.2
    async with AsyncClient(target) as client, asyncio.TaskGroup() as group:
        for number in range(streams):
            begin = began + number / streams / rate  # spread over one message's time
            group.create_task(_slot(client, texts, number, begin, began + seconds, rate, seen))
    return seen


async def _slot(
    client: AsyncClient, texts: Sequence[Text], number: int, begin: float, end: float, rate: float, seen: Seen
) -> None:
    """One stream after the other until the time is over. The first begins anywhere in its text's time."""
    offset = random.Random(number).random() * len(texts[0].messages) / rate
    begin += min(offset, (end - begin) / 2)
    while begin < end:
        text = texts[number % len(texts)]
        number += 7
        await _one(client, text, begin, rate, seen)
        begin = max(begin + len(text.messages) / rate, time.perf_counter())


async def _one(client: AsyncClient, text: Text, begin: float, rate: float, seen: Seen) -> None:
    is_first = True

    async def tokens() -> AsyncIterator[str]:
        for place, message in enumerate(text.messages):
            due = begin + place / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            seen.lag_ms.append(max(0.0, time.perf_counter() - due) * 1000)
            seen.tokens += 1
            yield message

    try:
        async with asyncio.timeout(len(text.messages) / rate + _PATIENCE_SECONDS):
            async for shown in client.stream(tokens(), policy=GUARDED):
                if isinstance(shown, Shown):
                    now = time.perf_counter()
                    due = begin + text.completed_by(shown.input.end) / rate
                    seen.added_ms.append(max(0.0, now - due) * 1000)
                    if is_first:
                        seen.first_ms.append((now - begin) * 1000)
                        is_first = False
                elif isinstance(shown, Summary):
                    seen.outcomes["finished"] += 1
                    seen.finished_unread_chars += sum(each.unscanned_chars for each in shown.coverage)
    except GuardBlocked:
        seen.outcomes["blocked"] += 1
    except Overloaded:
        seen.outcomes["refused"] += 1
    except (TidegateError, TimeoutError) as error:
        seen.outcomes[f"failed: {type(error).__name__}"] += 1


def _reached(plan: Plan, messages: Sequence[str]) -> list[int]:
    """How far the core lets text go with each message, when models answer at once; all of it with the last."""
    stream, reached, at = Stream(plan), [], 0
    for message in messages:
        for batch, segment in stream.feed(Lane(), message):
            stream.resolve(segment.number, batch.index, Found())
        while (output := stream.next_output()) is not None:
            if isinstance(output, Release):
                at = max(at, output.end)
        reached.append(at)
    return reached
