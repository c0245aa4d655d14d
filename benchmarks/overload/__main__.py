"""What finishes when twice as much comes as the models can do, and what becomes of the rest.

    python -m benchmarks.overload [--seconds N]

The service runs as a process of its own with the shipped encoder; the client shares its processors. All texts are
harmless: a block is an accusation of an innocent. In one run, so that the ratios hold on any machine:

1. **capacity**: so many whole texts at a time that the models are never idle, and few enough that none is late;
2. **first burst**: a fresh service is given at once twice what the models can do within `max_hold_ms`;
3. **sustained**: twice the capacity comes at random times, and nobody tries again;
4. **answers**: the same for paced streams, 50 tokens a second, as many as need twice the models;
5. **with remarks**: capacity's load beside a grounding rule that only annotates, on long contexts: what cannot block.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import grpc

from benchmarks.results import table, write
from benchmarks.stream_cost.texts import plain
from tidegate import AsyncClient, GuardBlocked, Overloaded, TidegateError
from tidegate.v1 import guard_pb2 as pb
from tidegate.v1 import guard_pb2_grpc as rpc
from workbench.bench.server import Service, serving

HOLD_MS = 1000
TEXT_CHARS = 900
TOKENS_PER_SECOND = 50
TOKEN_CHARS = 4
TOKENS_A_MESSAGE = 10
"""As many small messages would measure the event loop and the client, not the models."""
ANSWER_SECONDS = 4.0
AT_A_TIME = 4
WORDS = plain(200_000)


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    figures = asyncio.run(_measure(parser.parse_args().seconds))
    rows = [
        [
            each["what"],
            each["offered"],
            each["could"],
            each["finished"],
            each["finished"] / each["could"],
            each["refused"],
            each["late"],
            each["blocked"],
            each["other"],
        ]
        for each in figures
    ]
    head = [
        "load",
        "offered",
        "the models could do",
        "finished",
        "share",
        "refused, to try again",
        "of them begun",
        "blocked",
        "other",
    ]
    markdown = table(head, rows)
    print(markdown)
    print(write("overload", {"rounds": figures}, markdown))


class Caller:
    """A client that does not try again."""

    def __init__(self, target: str) -> None:
        self.client = AsyncClient(target)
        self._channel = grpc.aio.insecure_channel(target, [("grpc.enable_retries", 0)])
        self._check = rpc.GuardServiceStub(self._channel).Check

    async def __aenter__(self) -> Caller:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        await self._channel.close()

    async def check(self, request: pb.CheckRequest) -> str:
        """What becomes of a whole text."""
        try:
            answer = await self._check(request, timeout=20)
        except grpc.aio.AioRpcError as error:
            return "refused" if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED else str(error.code())
        return "blocked" if answer.HasField("verdict") else "ok"


async def _measure(seconds: float) -> list[dict[str, Any]]:
    figures = []
    with serving({"innocent": _policy()}) as service:
        async with Caller(service.target) as client:
            capacity = await _capacity(client, seconds / 2)
        figures.append(
            _row("capacity", capacity * seconds / 2, capacity * seconds / 2, Counter(ok=round(capacity * seconds / 2)))
        )
    within = capacity * HOLD_MS / 1000
    with serving({"innocent": _policy()}) as service:
        async with Caller(service.target) as client:
            offered = round(2 * within)
            seen = await _at_once([_check(client) for _ in range(offered)])
            seen["late"] = _late(service)
            figures.append(_row("first burst", offered, within, seen))
            await asyncio.sleep(2)
            before, seen = _late(service), await _spread(client, 2 * capacity, seconds, _check)
            seen["late"] = _late(service) - before
            figures.append(_row("sustained", 2 * capacity * seconds, capacity * seconds, seen))
            await asyncio.sleep(2)
            able = await _able(service, client)
            before, seen = _late(service), await _spread(client, 2 * able, seconds, _answer)
            seen["late"] = _late(service) - before
            figures.append(_row("answers", 2 * able * seconds, able * seconds, seen))
    with serving({"innocent": _policy(remarks=True)}) as service:
        async with Caller(service.target) as client:
            seen = await _spread(client, 0.5 * capacity, seconds, _grounded)
            seen["late"] = _late(service)
            figures.append(_row("half of it, with remarks", 0.5 * capacity * seconds, 0.5 * capacity * seconds, seen))
    return figures


def _row(what: str, offered: float, could: float, seen: Counter[str]) -> dict[str, Any]:
    other = sum(count for name, count in seen.items() if name not in {"ok", "refused", "blocked", "late"})
    return {
        "what": what,
        "offered": round(offered),
        "could": round(could),
        "finished": seen["ok"],
        "refused": seen["refused"],
        "late": seen["late"],
        "blocked": seen["blocked"],
        "other": other,
    }


async def _capacity(client: Caller, seconds: float) -> float:
    """Whole texts a second, some at a time, one after the other."""
    await _at_once([_check(client) for _ in range(AT_A_TIME)])
    until = time.perf_counter() + seconds

    async def one_after_the_other() -> int:
        done = 0
        while time.perf_counter() < until:
            done += await _check(client) == "ok"
        return done

    return sum(await asyncio.gather(*(one_after_the_other() for _ in range(AT_A_TIME)))) / seconds


async def _able(service: Service, client: Caller) -> float:
    """Answers a second that the models could do: their time for one at a small load, of all workers' time."""
    before, _ = _model_seconds(service), await _spread(client, 2.0, ANSWER_SECONDS, _answer)
    spent = (_model_seconds(service) - before) / (2.0 * ANSWER_SECONDS)
    return 2 / spent


def _model_seconds(service: Service) -> float:
    names = ("tidegate_inference_seconds_sum", "tidegate_tokenise_seconds_sum")
    return sum(value for (name, _), value in service.counters().items() if name in names)


def _late(service: Service) -> int:
    """How many streams were let in and refused then."""
    name = ("tidegate_streams_refused_total", (("reason", "late"),))
    return round(service.counters().get(name, 0))


async def _spread(client: Caller, per_second: float, seconds: float, work: Any) -> Counter[str]:
    """So many a second on average, at random times."""
    rng = random.Random(7)
    at, calls = rng.expovariate(per_second), []

    async def later(delay: float) -> str:
        await asyncio.sleep(delay)
        outcome: str = await work(client)
        return outcome

    while at < seconds:
        calls.append(later(at))
        at += rng.expovariate(per_second)
    return await _at_once(calls)


async def _at_once(calls: list[Coroutine[Any, Any, str]]) -> Counter[str]:
    return Counter(await asyncio.gather(*calls))


_numbers = iter(range(1 << 30))


def _text(chars: int) -> str:
    """A harmless text that no other one repeats: known findings would cost nothing."""
    number = next(_numbers)
    start = WORDS.index(" ", number * 997 % 190_000) + 1
    return f"Note {number}. {WORDS[start : start + chars]}"


async def _check(caller: Caller) -> str:
    return await caller.check(pb.CheckRequest(start=pb.Start(direction=pb.DIRECTION_INPUT), text=_text(TEXT_CHARS)))


async def _grounded(caller: Caller) -> str:
    passages = [pb.Passage(text=_text(2000)) for _ in range(4)]
    start = pb.Start(direction=pb.DIRECTION_OUTPUT, context=passages)
    return await caller.check(pb.CheckRequest(start=start, text=_text(TEXT_CHARS)))


async def _answer(caller: Caller) -> str:
    text = _text(round(ANSWER_SECONDS * TOKENS_PER_SECOND * TOKEN_CHARS))

    async def tokens() -> AsyncIterator[str]:
        size = TOKEN_CHARS * TOKENS_A_MESSAGE
        for start in range(0, len(text), size):
            yield text[start : start + size]
            await asyncio.sleep(TOKENS_A_MESSAGE / TOKENS_PER_SECOND)

    try:
        async for _ in caller.client.stream(tokens()):
            pass
    except Overloaded:
        return "refused"
    except GuardBlocked:
        return "blocked"
    except TidegateError as error:
        return type(error).__name__
    return "ok"


def _policy(*, remarks: bool = False) -> dict[str, Any]:
    detect = {"detector": "injection", "parts": ["user", "model"], "threshold": 0.999999}
    rules: list[dict[str, Any]] = [{"id": "injection", "detect": detect, "action": "block"}]
    if remarks:
        rules.append({"id": "grounding", "detect": {"detector": "grounding"}, "action": "annotate"})
    return {
        "apiVersion": "tidegate.dev/v1",
        "kind": "Policy",
        "metadata": {"name": "default", "version": "1"},
        "stream": {"max_hold_ms": HOLD_MS},
        "rules": rules,
    }


if __name__ == "__main__":
    main()
