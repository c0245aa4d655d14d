"""python -m benchmarks.reload: 1,000 streams while policies change every 100 ms, with a canary on half of them."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

import msgspec

from benchmarks.reload.load import run


def main() -> None:
    """Run it, and print what came of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("--pause-ms", type=float, default=100.0, help="between two changes")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = asyncio.run(
            run(Path(folder), streams=asked.streams, changes=asked.changes, pause_seconds=asked.pause_ms / 1000)
        )
    print(json.dumps(msgspec.to_builtins(told), indent=2))


if __name__ == "__main__":
    main()
