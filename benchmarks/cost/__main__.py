"""What a guarded token costs against one bare pass of the encoder, where the rest goes, and that it does not grow.

    python -m benchmarks.cost [--seconds S] [--streams N,N] [--coalesce] [--linger-ms MS]

1. **Cost**: `tidegate bench` with one, four and sixteen tokens a message, with few streams and with many; all detectors
   but grounding. Deadlines are long here, so that nothing is shed on a busy machine and all text is read. The bounds
   (`MUST`) are looked at for each number of streams.
2. **Batching**: the segments of the same texts through the encoder alone, one at a time and sixteen at a time; and the
   whole service with batches of one segment and with its own, many streams at a time.
3. **Length**: the core alone, and what it gives the encoder to read, for streams of 100 to 100,000 tokens.
4. **Streams**: the whole service over gRPC, the same 500 streams one after the other and many at a time.
5. **Floor** (`benchmarks.floor`): what a message costs servers that do nothing with it, beside the service.

All is processor time, and each table compares within itself: the machine may be as busy as it likes, if it stays so.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from benchmarks.floor import __main__ as floors
from benchmarks.results import table, write
from benchmarks.scale.plans import guarded_plan
from benchmarks.stream_cost.texts import mixed
from detectors.models.encoded import DEFAULT_MODEL, shared_encoder
from sidecar.config import SchedulerSettings
from tidegate import AsyncClient
from workbench.bench.costs import messages_of, replay
from workbench.bench.policies import GUARDED, guarded_policy
from workbench.bench.run import Offered, run
from workbench.bench.server import Service, serving
from workbench.bench.texts import made_text, pieces_of

HOLD_MS = 60_000
QUEUE_LIMIT = 8_192
"""Room for every segment of the streams: one that is shed would end its stream, and its cost be left out."""
PER_MESSAGE = (1, 4, 16)
MUST = {1: 2.5, 4: 1.8}
LENGTHS = (100, 1_000, 10_000, 100_000)
STREAMS = (1, 10, 100, 500)
STREAMS_EACH, TOKENS_EACH = 500, 16
GROWTH = 1.1
FLOOR_SECONDS, FLOOR_ROUNDS = 3.0, 3
_CHARS = 900
_TEXTS = 400


def main() -> None:
    """Measure all five and write the result."""
    options = _options()
    texts = tuple(mixed(_CHARS, seed) for seed in range(_TEXTS))
    costs = []
    for streams in options.streams:
        for per_message in PER_MESSAGE:
            costs.append(_cost(texts, streams, per_message, options))
            _tell(str(costs[-1]))
    batching = _batching(texts[:20])
    _tell(f"batching: {batching}")
    lengths = [_length(tokens) for tokens in LENGTHS]
    _tell(f"lengths: {lengths}")
    gains = [asyncio.run(_gain(items)) for items in (1, SchedulerSettings().max_batch_items)]
    _tell(f"gains: {gains}")
    streams = asyncio.run(_streams(options.most_streams))
    floor = floors.measured(FLOOR_SECONDS, FLOOR_ROUNDS)
    figures = {"cost": costs, "batching": batching, "gains": gains, "lengths": lengths, "streams": streams}
    report = "\n\n".join([_markdown(costs, batching, gains, lengths, streams), floors.markdown(floor)])
    print(write("cost", {**figures, "floor": floor}, report))


# -- cost -------------------------------------------------------------------------------------------------------------


def _cost(texts: tuple[str, ...], streams: int, per_message: int, options: argparse.Namespace) -> dict[str, Any]:
    offered = Offered(
        streams=streams,
        seconds=options.seconds,
        tokens_per_message=per_message,
        coalesces=options.coalesce,
        linger_ms=options.linger_ms,
        max_hold_ms=HOLD_MS,
        texts=texts,
    )
    result = run(offered, lambda _: None).result
    bare = result["bare_encoder_cpu_seconds_per_1000_tokens"]
    split = result["cpu_split_seconds_per_1000_tokens"]
    scheduler = result["guarded"]["scheduler"]
    return {
        "streams": streams,
        "tokens_per_message": per_message,
        "ratio": result["cost_ratio_to_bare_encoder"],
        "reason": result["cost_ratio_reason"],
        "bare_us_per_token": round(bare * 1000, 1),
        "parts_in_bare_passes": {name: round(seconds / bare, 3) for name, seconds in split.items()},
        "segments_per_batch": scheduler["segments_per_batch"],
        "cache_hits": scheduler["cache_hits"],
        "segments": scheduler["segments"],
        "shed": scheduler["shed"],
    }


# -- batching ---------------------------------------------------------------------------------------------------------


def _batching(texts: Sequence[str]) -> dict[str, float]:
    """Microseconds for a word piece of the segments that a stream makes."""
    encoder, plan = shared_encoder(DEFAULT_MODEL), guarded_plan(HOLD_MS)
    segments = [*dict.fromkeys(segment.text for _, segment in replay(plan, texts).asked)]
    pieces = encoder.tokenise(segments).count
    heads = ("injection", "toxicity", "topic")
    found = {}
    for size in (1, 4, 16):
        encoder.encode(segments[:size], heads)
        began = time.process_time()
        for start in range(0, len(segments), size):
            encoder.encode(segments[start : start + size], heads)
        found[f"us_per_piece_in_batches_of_{size}"] = round((time.process_time() - began) / pieces * 1e6, 1)
    found["pieces_per_segment"] = round(pieces / len(segments), 1)
    return found


async def _gain(items: int) -> dict[str, Any]:
    """The whole service with batches of at most so many segments, as fast as it takes many streams."""
    settings = {"scheduler": {"cache_entries": 0, "queue_limit": QUEUE_LIMIT, "max_batch_items": items}}
    with serving({GUARDED: guarded_policy(HOLD_MS)}, **settings) as service:
        await _run_streams(service, 1, 5)
        began = time.perf_counter()
        found = await _run_streams(service, 100, STREAMS_EACH)
        seconds = time.perf_counter() - began
    return {
        "most_segments_a_batch": items,
        "tokens_per_second": round(STREAMS_EACH * TOKENS_EACH / seconds),
        "cpu_us_per_token": found["cpu_us_per_token"],
    }


# -- growth -----------------------------------------------------------------------------------------------------------


def _length(tokens: int) -> dict[str, Any]:
    """Streams of one length, so many that about 20,000 tokens are sent at least."""
    text = made_text(random.Random(tokens), sentences=tokens // 8, is_violating=False)
    text = "".join(pieces_of(text)[:tokens])
    plan, encoder = guarded_plan(HOLD_MS), shared_encoder(DEFAULT_MODEL)
    streams = max(1, 20_000 // tokens)
    replayed = replay(plan, [text] * streams)
    segments = {id(segment): segment.text for _, segment in replayed.asked}
    once = [*segments.values()][: len(segments) // streams]
    return {
        "tokens": tokens,
        "core_us_per_token": round(replayed.seconds / tokens / streams * 1e6, 1),
        "pieces_read_per_token": round(encoder.tokenise(once).count / tokens, 3),
        "pieces_per_token": round(encoder.tokenise([text]).count / tokens, 3),
    }


async def _streams(most: int) -> list[dict[str, Any]]:
    """The same streams one after the other and many at a time, as fast as they are taken."""
    found = []
    settings = {"scheduler": {"cache_entries": 0, "queue_limit": QUEUE_LIMIT}}
    with serving({GUARDED: guarded_policy(HOLD_MS)}, **settings) as service:
        await _run_streams(service, 1, 5)
        for streams in (each for each in STREAMS if each <= most):
            found.append(await _run_streams(service, streams, STREAMS_EACH))
            _tell(str(found[-1]))
    return found


async def _run_streams(service: Service, at_a_time: int, streams: int) -> dict[str, Any]:
    before = service.cpu()
    places = asyncio.Semaphore(at_a_time)
    async with AsyncClient(service.target, coalesce=False) as client, asyncio.TaskGroup() as group:
        for number in range(streams):
            group.create_task(_send(client, number, places))
    after = service.cpu()
    assert before is not None
    assert after is not None
    used = after.since(before)
    tokens = streams * TOKENS_EACH
    return {
        "at_a_time": at_a_time,
        "cpu_us_per_token": round(used.total / tokens * 1e6, 1),
        "event_loop_us_per_token": round(used.event_loop / tokens * 1e6, 1),
    }


async def _send(client: AsyncClient, number: int, places: asyncio.Semaphore) -> None:
    text = made_text(random.Random(number), sentences=TOKENS_EACH // 8 + 1, is_violating=False)
    messages = messages_of(text, 1)[:TOKENS_EACH]

    async def sending() -> AsyncIterator[str]:
        for message in messages:
            yield message
            await asyncio.sleep(0)

    async with places:
        async for _ in client.stream(sending(), policy=GUARDED):
            pass


# -- the result -------------------------------------------------------------------------------------------------------


def _checks(
    costs: Sequence[dict[str, Any]], lengths: Sequence[dict[str, Any]], streams: Sequence[dict[str, Any]]
) -> dict[str, bool]:
    flat = [each["core_us_per_token"] for each in lengths]
    return {
        **{
            f"at most {MUST[each['tokens_per_message']]} at {each['tokens_per_message']} a message with"
            f" {each['streams']} streams": (each["ratio"] or 99) <= MUST[each["tokens_per_message"]]
            for each in costs
            if each["tokens_per_message"] in MUST
        },
        "the core's cost is flat from 100 to 100,000 tokens": max(flat[1:]) <= GROWTH * flat[0],
        "no more than 10 % growth from 1 to many streams": (
            max(each["cpu_us_per_token"] for each in streams) <= GROWTH * streams[0]["cpu_us_per_token"]
        ),
    }


def _markdown(
    costs: Sequence[dict[str, Any]],
    batching: dict[str, float],
    gains: Sequence[dict[str, Any]],
    lengths: Sequence[dict[str, Any]],
    streams: Sequence[dict[str, Any]],
) -> str:
    parts = [*costs[0]["parts_in_bare_passes"]]
    rows = [
        (
            each["streams"],
            each["tokens_per_message"],
            each["bare_us_per_token"],
            each["ratio"],
            *(each["parts_in_bare_passes"][part] for part in parts),
            each["segments_per_batch"],
        )
        for each in costs
    ]
    checks = _checks(costs, lengths, streams)
    return "\n\n".join(
        [
            "Processor time of the service for a guarded token, in bare passes of the encoder over the same text."
            " The parts add up to the cost.",
            table(("streams", "tokens a message", "bare pass, us a token", "cost", *parts, "segments a batch"), rows),
            "The encoder alone, over the segments that streams make:",
            table([*batching], [[*batching.values()]]),
            f"The whole service, {STREAMS_EACH} streams of {TOKENS_EACH} tokens, 100 at a time:",
            table([*gains[0]], [[*each.values()] for each in gains]),
            "Streams of one length (the core alone; word pieces that the encoder reads for a token, and that it has):",
            table([*lengths[0]], [[*each.values()] for each in lengths]),
            f"{STREAMS_EACH} streams of {TOKENS_EACH} tokens, a token a message, so many at a time:",
            table([*streams[0]], [[*each.values()] for each in streams]),
            "Must hold: " + ", ".join(f"{name}: {'yes' if holds else 'NO'}" for name, holds in checks.items()),
        ]
    )


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument("--seconds", type=float, default=24.0, help="for each number of tokens (default: %(default)s)")
    parser.add_argument(
        "--streams",
        type=_numbers,
        default=[12, 64, 128],
        help="at a time, on average (default: 12,64,128)",
        metavar="N,N",
    )
    parser.add_argument("--coalesce", action="store_true", help="have the client join messages that wait to be sent")
    parser.add_argument(
        "--linger-ms",
        type=int,
        default=SchedulerSettings().linger_ms,
        help="how long segments wait for company (default: %(default)s)",
    )
    parser.add_argument("--most-streams", type=int, default=500, help="in the last table (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
