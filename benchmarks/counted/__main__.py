"""What the hot paths do for one token, one event and one decision, counted.

    python -m benchmarks.counted [--check]

Writes `benchmarks/results/counted.json`, which a test holds the code against: none of its numbers may grow by more than
a tenth, and one that falls by more is to be written down. `--check` writes nothing, prints what differs by more than
that, and ends with 1 if anything does. The counts are those of Python 3.11; others inline what it calls.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from benchmarks.counted.operations import operations
from benchmarks.results import RESULTS, table, write

Counts: TypeAlias = Mapping[str, Mapping[str, float]]
TOLERANCE = 0.1
_LEAST = 0.02
"""Of what happens less often than once in fifty, a tenth is one more or less."""
_RENEW = "python -m benchmarks.counted"


def main() -> int:
    """Count, and write it down or compare."""
    parser = argparse.ArgumentParser(prog=_RENEW, description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with what is written down")
    counts = operations()
    if not parser.parse_args().check:
        print(write("counted", {"counts": counts}, _markdown(counts)))
        return 0
    differences = [*compared(counts, recorded())]
    for each in differences:
        print(each, file=sys.stderr)
    return 1 if differences else 0


def recorded() -> Counts:
    """What is written down."""
    counts: Counts = json.loads((RESULTS / "counted.json").read_text(encoding="utf-8"))["figures"]["counts"]
    return counts


def compared(counts: Counts, before: Counts) -> Iterator[str]:
    """What is more than a tenth more, or less, than it was; and what to do about it."""
    for operation in sorted({*counts, *before}):
        now, then = counts.get(operation, {}), before.get(operation, {})
        for what in sorted({*now, *then}):
            yield from _compared(f"{operation}: {what}", now.get(what, 0.0), then.get(what, 0.0))


def _compared(what: str, now: float, then: float) -> Iterator[str]:
    slack = max(TOLERANCE * then, _LEAST)
    if now > then + slack:
        yield f"{what} grew from {then:g} to {now:g}: do less, or, if it is worth that, write it down: `{_RENEW}`"
    elif now < then - slack:
        yield f"{what} fell from {then:g} to {now:g}: write it down, so that it stays so: `{_RENEW}`"


def _markdown(counts: Counts) -> str:
    columns = sorted({what for each in counts.values() for what in each})
    rows = [(name, *(each.get(what, "") for what in columns)) for name, each in counts.items()]
    return "\n\n".join(
        [
            "Work for one of each: this project's functions that are entered (a coroutine that goes on is entered"
            " again), the built-in functions that they call, and what they schedule on the event loop. The model finds"
            " nothing and answers at once; a token comes in a message, and in a read of the socket, of its own.",
            table(("one of these", *columns), rows),
            "A test fails when one of them grows by more than a tenth, or falls by more and is not written down:"
            f" `{_RENEW}`.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
