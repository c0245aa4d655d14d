"""python -m benchmarks.reload: 1,000 streams while policies change every 100 ms, with a canary on half of them."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from statistics import median, quantiles

import msgspec

from benchmarks.reload.load import run
from benchmarks.results import table, write


def main() -> None:
    """Run it, and print what came of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("--pause-ms", type=float, default=100.0, help="between two changes")
    parser.add_argument("--piece-ms", type=float, default=4000.0, help="between two pieces of a stream")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = asyncio.run(
            run(
                Path(folder),
                streams=asked.streams,
                changes=asked.changes,
                pause_seconds=asked.pause_ms / 1000,
                piece_seconds=asked.piece_ms / 1000,
            )
        )
    figures = msgspec.to_builtins(told)
    middle, most = median(told.waits_ms), quantiles(told.waits_ms, n=10)[-1]
    rows = [
        ("streams, at most so many at a time", f"{told.streams}, {asked.streams}"),
        ("changes, and versions that streams were held to", f"{told.changes}, {told.versions}"),
        ("from a change to its being in force, in milliseconds: median, nine in ten", f"{middle:.0f}, {most:.0f}"),
        ("how busy one processor was", f"{told.cpu_seconds / told.seconds:.0%}"),
        ("streams that outlived their version", told.outlived),
        ("streams on the canary's side, and on the stable one", f"{told.sides['canary']}, {told.sides['stable']}"),
        ("streams that failed", told.failed),
        ("streams whose text names two versions", told.mixed),
        ("streams whose events name another version than their text", told.unlike_their_events),
    ]
    print(write("reload", figures, "# Policies that change under load\n\n" + table(("what", "number"), rows)))


if __name__ == "__main__":
    main()
