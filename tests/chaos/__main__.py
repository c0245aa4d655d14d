"""Every outage and ordeal at length, and the tables of docs/operations.md: `make chaos`, or with `CHAOS_ARGS=--write`.

With `--only` and `--write`, only the rows that were measured are written anew.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.chaos.load import ORDEALS, Ordeal, Toll
from tests.chaos.outages import OUTAGES, Outage
from tests.chaos.run import Outcome, live_through
from tests.integration.kafka_cluster import KafkaCluster, kafka_libs

_PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
_HEAD = (
    "| outage | events | missing | repeats | out of order | metadata requests/s | log lines/s | processor time |"
    " wait of a stream, median before | median | longest | drained after |"
)
_LOAD_HEAD = (
    "| ordeal | streams finished | refused | cut off | actions shown | of these without an event |"
    " events counted as lost | numbers missing | longest stream |"
)


def main() -> int:
    """Run them; exit status 1 when an event is missing, doubled, out of order, or lost without being counted."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each outage (default: 20)")
    parser.add_argument("--per-second", type=float, default=20.0, help="events fed (default: 20)")
    parser.add_argument("--streams", type=int, default=400, help="of each ordeal under load (default: 400)")
    parser.add_argument("--only", default="", help="those whose name this regular expression is found in")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/operations.md")
    arguments = parser.parse_args()
    outages = [outage for outage in OUTAGES if re.search(arguments.only, outage.name)]
    ordeals = [ordeal for ordeal in ORDEALS if re.search(arguments.only, ordeal.name)]
    outcomes = asyncio.run(live_through_all(outages, arguments.seconds, arguments.per_second)) if outages else []
    tolls = asyncio.run(live_through_load(ordeals, arguments.streams))
    tables = {"chaos": table(outcomes)} if outcomes else {}
    tables |= {"load": load_table(tolls)} if tolls else {}
    print(*tables.values(), sep="\n\n")
    if arguments.write:
        _write(tables)
    is_fine = not any(each.missing or each.repeats or each.disordered or each.lost for each in outcomes)
    return int(not (is_fine and all(each.is_kept for each in tolls)))


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


async def live_through_load(ordeals: Sequence[Ordeal], streams: int) -> list[Toll]:
    """One after the other, each with services of its own."""
    tolls = []
    with tempfile.TemporaryDirectory() as folder:
        for number, ordeal in enumerate(ordeals):
            print(ordeal.name, file=sys.stderr, flush=True)
            tolls.append(await ordeal.live_through(Path(folder) / str(number), ordeal.name, streams))
    return tolls


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


def load_table(tolls: Sequence[Toll]) -> str:
    """What the load did, in Markdown."""
    columns = _LOAD_HEAD.count("|") - 1
    return "\n".join([_LOAD_HEAD, "|" + " --- |" * columns, *map(_load_row, tolls)])


def _load_row(each: Toll) -> str:
    finished, refused = each.ended["OK"], each.ended["RESOURCE_EXHAUSTED"]
    cells = (
        each.name, finished, refused, each.ended.total() - finished - refused,
        each.shown, each.untold, each.lost, each.gaps, f"{each.longest_s:g} s",
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def _write(tables: Mapping[str, str]) -> None:
    """Put the rows in the place of those with the same name; a row that is new comes last."""
    text = _PAGE.read_text(encoding="utf-8")
    for mark, lines in tables.items():
        old = re.search(rf"(?<=<!-- {mark} -->\n)(?:\|.*\n)*", text)
        assert old, f"docs/operations.md has no place for {mark}"
        text = text[: old.start()] + _renewed(old[0], lines) + text[old.end() :]
    _PAGE.write_text(text, encoding="utf-8")


def _renewed(old: str, new: str) -> str:
    head, rule, *rows = new.splitlines()
    by_name = {line.split("|")[1].strip(): line for line in [*old.splitlines()[2:], *rows]}
    return "\n".join([head, rule, *by_name.values(), ""])


if __name__ == "__main__":
    sys.exit(main())
