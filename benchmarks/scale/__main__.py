"""Delay against the number of streams, up to what the machine sustains and past it.

    python -m benchmarks.scale [--streams 5,10,20,40,80] [--seconds S] [--per-message N] [--hold-ms MS]

The real service over gRPC with every detector on and without its cache, at 50 tokens a second for each stream. The load
generator runs on the same machine, so what is sustained here is less than a sidecar sustains beside an application on
other cores; `generator lag` says how late the generator itself was. `added delay` is from the token that completes what
is let go. Streams that are shed are blocked, because the policy's rules fail closed: what ended well was read whole.
New ones are refused while segments wait for long; each tries again when its text would have ended.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.results import table, write
from benchmarks.scale.plans import guarded_plan
from benchmarks.scale.streams import Seen, offer, text_of
from workbench.bench.policies import GUARDED, guarded_policy
from workbench.bench.report import percentile, scheduler_figures
from workbench.bench.server import Service, serving

TOKENS_PER_SECOND = 50
TEXTS = 40
SENTENCES = 10


def main() -> None:
    """Measure all numbers of streams, each against the same service."""
    options = _options()
    counts = [int(each) for each in options.streams.split(",")]
    plan = guarded_plan(options.hold_ms)
    texts = [text_of(plan, seed, sentences=SENTENCES, tokens_per_message=options.per_message) for seed in range(TEXTS)]
    rate = TOKENS_PER_SECOND / options.per_message
    points = []
    with serving({GUARDED: guarded_policy(options.hold_ms)}, scheduler={"cache_entries": 0}) as service:
        asyncio.run(offer(service.target, texts, streams=2, seconds=2.0, rate=rate))  # what is learnt first
        for count in counts:
            points.append(_point(service, texts, count, options.seconds, rate, options.per_message))
            print(points[-1], flush=True)
    print(write("scale", {"hold_ms": options.hold_ms, "points": points}, _markdown(points, options.hold_ms)))


def _point(
    service: Service, texts: Sequence[Any], streams: int, seconds: float, rate: float, per_message: int
) -> dict[str, Any]:
    before, cpu_before, began = service.counters(), service.cpu(), time.perf_counter()
    seen = asyncio.run(offer(service.target, texts, streams=streams, seconds=seconds, rate=rate))
    took, cpu_after = time.perf_counter() - began, service.cpu()
    assert cpu_before is not None
    assert cpu_after is not None
    figures = scheduler_figures(before, service.counters())
    used = cpu_after.since(cpu_before).total
    tokens = seen.tokens * per_message
    return {
        "streams": streams,
        "tokens_per_second": round(tokens / took),
        "service_cores": round(used / took, 2),
        "cpu_ms_per_token": round(used * 1000 / max(tokens, 1), 3),
        **_delays(seen),
        "segments_per_batch": figures["segments_per_batch"],
        "shed": figures["shed"],
        "outcomes": dict(seen.outcomes),
        "failed_open_chars": seen.finished_unread_chars,
    }


def _delays(seen: Seen) -> dict[str, float | None]:
    return {
        "added_delay_ms_p50": _rounded(percentile(seen.added_ms, 50)),
        "added_delay_ms_p99": _rounded(percentile(seen.added_ms, 99)),
        "first_token_ms_p50": _rounded(percentile(seen.first_ms, 50)),
        "generator_lag_ms_p99": _rounded(percentile(seen.lag_ms, 99)),
    }


def _markdown(points: Sequence[dict[str, Any]], hold_ms: int) -> str:
    header = ("streams", "tokens/s", "cores used", "added delay p50, ms", "p99, ms", "generator lag p99, ms",
              "segments a batch", "shed requests", "streams ended", "failed open, characters")  # fmt: skip
    rows = [
        (each["streams"], each["tokens_per_second"], each["service_cores"], each["added_delay_ms_p50"],
         each["added_delay_ms_p99"], each["generator_lag_ms_p99"], each["segments_per_batch"], each["shed"],
         ", ".join(f"{count} {name}" for name, count in each["outcomes"].items()), each["failed_open_chars"])
        for each in points
    ]  # fmt: skip
    past = [each for each in points if each["shed"] or each["outcomes"].get("refused")]
    kept = [each for each in points if each not in past and (each["added_delay_ms_p99"] or 0) < hold_ms]
    most = max((each["streams"] for each in kept), default=0)
    shed = [each for each in past if (each["generator_lag_ms_p99"] or 0) < hold_ms]
    worst = max((each["added_delay_ms_p99"] or 0 for each in shed), default=0)
    notes = [
        f"Sustained with p99 of the added delay under {hold_ms} ms: {most} streams, on {os.cpu_count()} cores"
        " with the load generator.",
        f"Where the generator itself was later than {hold_ms} ms, delays are its own and count for nothing here."
        f" Load average of the machine, all else included: {os.getloadavg()[0]:.0f}.",
        f"Must hold: past that, p99 of what is let go within {2 * hold_ms} ms: {_yes(worst <= 2 * hold_ms)}"
        f" ({worst} ms), nothing fails open: {_yes(not any(each['failed_open_chars'] for each in points))}",
    ]
    return table(header, rows) + "\n\n" + "\n".join(notes)


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "NO"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--streams", default="5,10,20,30,40,60,80", help="numbers of streams (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each number (default: %(default)s)")
    parser.add_argument("--per-message", type=int, default=4, help="tokens in a message (default: %(default)s)")
    parser.add_argument("--hold-ms", type=int, default=400, help="the policy's max_hold_ms (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
