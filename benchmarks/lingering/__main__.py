"""What it brings, and costs, that segments wait a moment for company (`scheduler.linger_ms`).

    python -m benchmarks.lingering

A simulation in virtual time: streams of 50 tokens a second, cut by the real core, wait in the scheduler's own batcher
for two workers. What a batch takes is fitted to the shipped model's own runs, in this process and by processor time:
batches of several sizes in turn, between which other work takes the caches, as in a service. So batches and delays are
the rule's; the time that they save is this machine's.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from benchmarks.results import table, write
from benchmarks.scale.plans import guarded_plan
from benchmarks.stream_cost.texts import mixed
from detectors.models.encoded import DEFAULT_MODEL, shared_encoder
from sidecar.config import SchedulerSettings
from sidecar.core.stream import Stream
from sidecar.policy.plan import Plan
from sidecar.scheduler.batcher import Ask, Batcher, Request
from sidecar.scheduler.runner import Job, Question
from sidecar.values import Direction, Found, Lane, Outcome
from workbench.bench.report import percentile
from workbench.bench.texts import pieces_of

HOLD_MS = 400
TOKEN_MS = 20.0
WORKERS = 2
STREAMS = (8, 64, 150)
LINGER_MS = (0, 10, 20, 30, 60)
SECONDS = 10
HEADER = (
    "streams",
    "linger, ms",
    "batches a second",
    "segments a batch",
    "model, us a token",
    "of that without",
    "waited for: delay, ms, median",
    "p99",
    "others: median",
    "p99",
    "late",
)
_TEXTS = 40
_CHARS = 900
_SIZES = (1, 2, 4, 8)
_ROUNDS = 16
_OTHER_WORK_BYTES = 48 << 20
_MEAN_TOKENS = 36
"""Of a segment: what the scheduler has learnt of a token's cost, where each runs alone."""


class Costs(NamedTuple):
    """What a batch takes: so much, and so much for each word piece. Milliseconds."""

    batch_ms: float
    piece_ms: float

    def of(self, pieces: int) -> float:
        """What one with so many pieces takes."""
        return self.batch_ms + pieces * self.piece_ms


class Wanted(NamedTuple):
    """A segment that a stream has read, so long after its beginning; the first request leads the others."""

    after_ms: float
    requests: tuple[Request, ...]
    pieces: int


class Text(NamedTuple):
    """What a stream has read while its text comes."""

    tokens: int
    wanted: Sequence[Wanted]


class Coming(NamedTuple):
    """A segment that is complete at a time, of a stream that began then."""

    at_ms: float
    began_ms: float
    number: int
    wanted: Wanted


class Fared(NamedTuple):
    """What came of a load. Delays are from when a segment was complete to its verdict."""

    batches: int
    segments: int
    model_ms: float
    awaited_ms: Sequence[float]
    lingering_ms: Sequence[float]
    late: int


def main() -> None:
    """Measure what batches take, simulate, and write the result."""
    plan = guarded_plan(HOLD_MS)
    texts = [_text(plan, mixed(_CHARS, seed)) for seed in range(_TEXTS)]
    costs = _costs([wanted for text in texts for wanted in text.wanted])
    rows = []
    for streams in STREAMS:
        load = _load(texts, streams)
        fared = [_simulated(load, linger_ms, costs) for linger_ms in LINGER_MS]
        rows += [_row(streams, linger_ms, each, fared[0]) for linger_ms, each in zip(LINGER_MS, fared, strict=True)]
    figures = {"costs": costs._asdict(), "rows": [dict(zip(HEADER, row, strict=True)) for row in rows]}
    print(write("lingering", figures, f"{_told(costs)}\n\n{table(HEADER, rows)}"))


def _told(costs: Costs) -> str:
    return (
        f"{SECONDS} s of streams at {1000 / TOKEN_MS:.0f} tokens a second, two workers. A batch takes"
        f" {costs.batch_ms:.2f} ms, and {costs.piece_ms * 1000:.0f} us for each word piece, by a fit. Waited for are an"
        " answer's first words and its end; others linger. Delays hold a batch's own time."
    )


def _row(streams: int, linger_ms: int, fared: Fared, without: Fared) -> tuple[object, ...]:
    def delays(found: Sequence[float]) -> tuple[float, float]:
        return round(percentile(found, 50) or 0.0, 1), round(percentile(found, 99) or 0.0, 1)

    return (
        streams,
        linger_ms,
        round(fared.batches / SECONDS, 1),
        round((fared.segments - fared.late) / fared.batches, 2),
        round(fared.model_ms * TOKEN_MS / SECONDS / streams, 1),
        round(fared.model_ms / without.model_ms, 2),
        *delays(fared.awaited_ms),
        *delays(fared.lingering_ms),
        fared.late,
    )


# -- what is read ------------------------------------------------------------------------------------------------------


class _Reader:
    is_open = True

    def deliver(self, segment: int, batch: int, outcome: Outcome) -> None:
        """Nobody waits for it."""


def _text(plan: Plan, text: str) -> Text:
    """What a stream of this text has read, where models answer at once: then its first words leave early."""
    encoder = shared_encoder(DEFAULT_MODEL)
    stream, lane, tokens, reader = Stream(plan), Lane(), pieces_of(text), _Reader()
    wanted, has_left = list[Wanted](), False
    for number, token in enumerate((*tokens, None)):
        asked = stream.close() if token is None else stream.feed(lane, token)
        for segment in dict.fromkeys(segment.number for _, segment in asked):
            own = [(batch, each) for batch, each in asked if each.number == segment]
            own.sort(key=lambda each: each[0].is_gating, reverse=True)
            requests = tuple(
                Request(batch, each, Direction.OUTPUT, 0, 0, reader, may_linger=has_left and token is not None)
                for batch, each in own
            )
            pieces = encoder.tokenise([own[0][1].text]).count
            wanted.append(Wanted(number * TOKEN_MS, requests, pieces))
        for batch, each in asked:
            stream.resolve(each.number, batch.index, Found())
        while stream.next_output() is not None:
            has_left = True
    return Text(len(tokens), wanted)


def _load(texts: Sequence[Text], streams: int) -> list[Coming]:
    """So many streams at a time, one text behind the other, from anywhere in the first one; in order of time."""
    rng, found, number = random.Random(1), list[Coming](), 0
    for _ in range(streams):
        at_ms = -rng.random() * texts[0].tokens * TOKEN_MS
        while at_ms < SECONDS * 1000:
            text, number = rng.choice(texts), number + 1
            found += [Coming(at_ms + each.after_ms, at_ms, number, each) for each in text.wanted]
            at_ms += (text.tokens + rng.random()) * TOKEN_MS
    return sorted((each for each in found if 0 <= each.at_ms < SECONDS * 1000), key=lambda each: each.at_ms)


# -- what it takes -----------------------------------------------------------------------------------------------------


def _costs(wanted: Sequence[Wanted]) -> Costs:
    """What batches take on a worker, with tokenising and reading what the heads say."""
    rng, seen = random.Random(1), list[tuple[int, float]]()
    whole = [each for each in wanted if not each.requests[0].segment.is_early]
    others = np.zeros(_OTHER_WORK_BYTES, dtype=np.uint8)
    for _ in range(_ROUNDS):
        for size in _SIZES:
            batch = rng.sample(whole, size)
            others[::64] += 1
            began = time.thread_time()
            Job([_question(each.requests) for each in batch]).run()
            seen.append((sum(each.pieces for each in batch), (time.thread_time() - began) * 1000))
    pieces, took = np.array(seen[len(_SIZES) :]).T
    slope, intercept = np.polyfit(pieces, took, 1)
    return Costs(float(intercept), float(slope))


def _question(requests: Sequence[Request]) -> Question:
    return Question(requests[0].item, tuple(each.detector for each in requests))


# -- what comes of it --------------------------------------------------------------------------------------------------


def _simulated(load: Sequence[Coming], linger_ms: int, costs: Costs) -> Fared:
    workers = _Workers(linger_ms, costs)
    for each in load:
        workers.run_until(each.at_ms)
        workers.put(each)
    workers.run_until(inf)
    return Fared(workers.batches, len(load), workers.model_ms, workers.awaited_ms, workers.lingering_ms, workers.late)


class _Workers:
    """Two workers and what waits for them; a batch is taken when one is idle, as the scheduler does it."""

    def __init__(self, linger_ms: int, costs: Costs) -> None:
        settings = SchedulerSettings(linger_ms=linger_ms)
        self.batches, self.model_ms, self.late = 0, 0.0, 0
        self.awaited_ms, self.lingering_ms = list[float](), list[float]()
        self._batcher = Batcher(
            max_items=settings.max_batch_items, max_tokens=settings.max_batch_tokens, linger_ms=linger_ms
        )
        self._costs = costs
        self._came: dict[int, Coming] = {}
        self._idle_ms = [0.0] * WORKERS
        self._now_ms = 0.0

    def put(self, coming: Coming) -> None:
        """Have a segment wait."""
        self._now_ms = coming.at_ms
        for each in coming.wanted.requests:
            asked = replace(
                each,
                deadline_ms=coming.at_ms + HOLD_MS,
                hold_ms=HOLD_MS,
                began_ms=coming.began_ms,
                stream=coming.number,
            )
            if not self._batcher.join(asked):
                self._batcher.add(asked)
                self._came[id(asked)] = coming

    def run_until(self, until_ms: float) -> None:
        """Take all batches that are taken before then."""
        while self._batcher.depth:
            due_ms = self._now_ms if self._batcher.has_full_batch else self._batcher.due_ms(self._token_ms)
            at_ms = max(self._now_ms, min(self._idle_ms), due_ms)
            if at_ms >= until_ms:
                return
            self._now_ms = at_ms
            self.late += len(self._batcher.take_late(at_ms))
            self._run(self._batcher.take(at_ms, self._token_ms))

    def _token_ms(self, _: int) -> float:
        return self._costs.batch_ms / _MEAN_TOKENS + self._costs.piece_ms

    def _run(self, batch: Sequence[Ask]) -> None:
        if not batch:
            return
        took_ms = self._costs.of(sum(self._came[id(ask.first)].wanted.pieces for ask in batch))
        self._idle_ms[self._idle_ms.index(min(self._idle_ms))] = self._now_ms + took_ms
        self.batches += 1
        self.model_ms += took_ms
        for ask in batch:
            delay_ms = self._now_ms + took_ms - self._came.pop(id(ask.first)).at_ms
            (self.lingering_ms if ask.first.may_linger else self.awaited_ms).append(delay_ms)


if __name__ == "__main__":
    main()
