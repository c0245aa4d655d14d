"""Every outage at length, and the table of docs/operations.md: `make chaos`, or `python -m tests.chaos --write`."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.outages import OUTAGES, Outage
from tests.chaos.run import Outcome, live_through
from tests.integration.kafka_cluster import KafkaCluster, kafka_libs

_PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
_HEAD = (
    "| outage | events | missing | repeats | out of order | metadata requests/s | log lines/s | processor time |"
    " wait of a stream, median before | median | longest | drained after |"
)


def main() -> int:
    """Run the outages; exit status 1 when an event is missing, doubled, out of order or lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each outage (default: 20)")
    parser.add_argument("--per-second", type=float, default=20.0, help="events fed (default: 20)")
    parser.add_argument("--only", default="", help="those whose name has this in it")
    parser.add_argument("--write", action="store_true", help="put the table into docs/operations.md")
    arguments = parser.parse_args()
    chosen = [outage for outage in OUTAGES if arguments.only in outage.name]
    outcomes = asyncio.run(live_through_all(chosen, arguments.seconds, arguments.per_second))
    lines = table(outcomes)
    print(lines)
    if arguments.write:
        _write(lines)
    return int(any(each.missing or each.repeats or each.disordered or each.lost for each in outcomes))


async def live_through_all(outages: Sequence[Outage], seconds: float, per_second: float) -> list[Outcome]:
    """One after the other, on one cluster that is mended in between."""
    libs = kafka_libs()
    if libs is None:
        raise SystemExit("error: Apache Kafka is missing (make kafka)")
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        cluster = KafkaCluster(Path(folder) / "kafka", libs, brokers=3)
        try:
            cluster.start()
            await cluster.wait_ready()
            for number, outage in enumerate(outages):
                print(outage.name, file=sys.stderr, flush=True)
                place = Path(folder) / str(number)
                outcomes.append(await live_through(cluster, outage, place, seconds=seconds, per_second=per_second))
        finally:
            cluster.stop()
    return outcomes


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes in Markdown."""
    columns = _HEAD.count("|") - 1
    return "\n".join([_HEAD, "|" + " --- |" * columns, *map(_row, outcomes)])


def _row(each: Outcome) -> str:
    cells = (
        each.name, each.put, each.missing, each.repeats, each.disordered, each.lookups_per_second,
        each.lines_per_second, f"{each.cpu_share:.1%}",
        f"{each.median_wait_before_ms:g} ms", f"{each.median_wait_ms:g} ms", f"{each.longest_wait_ms:g} ms",
        f"{each.drained_s:g} s",
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def _write(lines: str) -> None:
    text = _PAGE.read_text(encoding="utf-8")
    _PAGE.write_text(re.sub(r"(<!-- chaos -->\n)(\|.*\n)*", rf"\1{lines}\n", text), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
