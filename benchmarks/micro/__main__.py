"""Print what each operation costs: `python -m benchmarks.micro --json`."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import track

from benchmarks.micro.operations import Operation, blocks_per_segment, operations
from workbench.bench.report import commit, machine, versions

_REPEATS = 5


def main() -> None:
    """Measure all operations."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.micro", description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.2, help="CPU time for each operation (default: 0.2)")
    parser.add_argument("--json", action="store_true", help="print JSON, with machine, versions and commit")
    arguments = parser.parse_args()
    console = Console(stderr=True)
    with operations() as all_operations:
        microseconds = {
            name: round(measure(operation, arguments.seconds), 3)
            for name, operation in track(
                all_operations.items(), "Measuring", console=console, disable=not console.is_terminal, transient=True
            )
        }
    result = {
        "machine": machine(),
        "versions": versions(),
        "commit": commit(),
        "cpu_us": microseconds,
        "blocks_per_waiting_segment": round(blocks_per_segment(), 1),
    }
    print(json.dumps(result, indent=2) if arguments.json else table(microseconds))


def measure(operation: Operation, seconds: float) -> float:
    """Microseconds of CPU time for one operation: the best of several runs, which is the least disturbed one."""
    call, count = operation
    call()  # what is made at the first call is not the operation's
    calls = max(1, round(seconds / _REPEATS / max(_timed(call, 1), 1e-6)))
    return min(_timed(call, calls) for _ in range(_REPEATS)) / calls / count * 1e6


def table(microseconds: dict[str, float]) -> str:
    """The result for a person."""
    lines = [f"{name:<48}{cost:>12.2f} us" for name, cost in microseconds.items()]
    return "\n".join([*lines, f"{'blocks per waiting segment':<48}{blocks_per_segment():>12.1f}"])


def _timed(call: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        call()
    return time.process_time() - began


if __name__ == "__main__":
    main()
