"""Measures functions and classes: sizes.py [--longest N]. Exit status 1 where one, or the whole, has grown too large.

A function's body is counted from its first statement behind the docstring to its last line, with what stands between; a
class's methods are the functions defined in it. Generated code is not looked at. What may be larger is named here, with
its reason: an exception is to go one day, and none is added for convenience.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

MOST_LINES = 40
MOST_METHODS = 25
MEDIAN_LINES = 4
P90_LINES = 12
SHIPPED = ("sidecar/", "workbench/", "detectors/", "client/")
"""What the median and the ninth decile are taken of; the limit of one function holds everywhere."""

LONG_FUNCTIONS: Mapping[str, str] = {
    "sidecar/session.py:Session.__init__": "a session's state, a line for each",
    "tests/conformance/inputs.py:_frames": "a table of inputs, a row for each",
    "tests/conformance/inputs.py:_fields": "a table of inputs, a row for each",
}
LARGE_CLASSES: Mapping[str, str] = {
    "sidecar/core/stream.py:Stream": "the core's whole interface: what goes in, what comes out, what a session asks",
    "sidecar/core/gate.py:Gate": "what holds a lane back, and what the judgement of a known text needs of it",
    "sidecar/core/lane.py:LaneState": "a lane's whole state: its questions are asked by order, calls and stream",
    "sidecar/session.py:Session": "drives a stream, keeps its pace and what it knows",
    "sidecar/transport/http2/connection.py:Connection": "a handler for each kind of frame, and the windows they share",
    "sidecar/transport/http2/call.py:Call": "what grpcio's servicer context asks for, method by method",
    "sidecar/outbox/tables.py:Tables": "the statements on one SQLite file: each a method, all under one lock",
    "sidecar/outbox/sqlite.py:SqliteOutbox": "the outbox's own promise of methods, each handed to the writing thread",
    "sidecar/codec/weave.py:Weave": "a rewriter's steps over one buffer of frames",
    "sidecar/transport/ext_proc.py:_Exchange": "a handler for each message of Envoy's protocol, each way",
}


class Function(NamedTuple):
    """A function and how long its body is."""

    lines: int
    name: str


class Class(NamedTuple):
    """A class and how many methods it has."""

    methods: int
    name: str


def main() -> int:
    """Print what was measured, and what is too large."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--longest", type=int, default=0, metavar="N", help="print the longest and largest, too")
    longest = arguments.parse_args().longest
    functions, classes = measured(_sources())
    for each in sorted(functions, reverse=True)[:longest]:
        print(f"{each.lines:4} lines    {each.name}")
    for group in sorted(classes, reverse=True)[:longest]:
        print(f"{group.methods:4} methods  {group.name}")
    shipped = sorted(each.lines for each in functions if each.name.startswith(SHIPPED))
    median, p90 = statistics.median(shipped), shipped[len(shipped) * 9 // 10]
    print(f"{len(shipped)} shipped functions: median {median:g} lines, p90 {p90}, longest {shipped[-1]}")
    problems = [*too_large(functions, classes)]
    if median > MEDIAN_LINES or p90 > P90_LINES:
        problems.append(f"functions have grown: median at most {MEDIAN_LINES}, p90 at most {P90_LINES}")
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


def too_large(functions: Iterable[Function], classes: Iterable[Class]) -> Iterator[str]:
    """What is larger than it may be, and exceptions that are none any more."""
    long = {each.name: each.lines for each in functions if each.lines > MOST_LINES}
    large = {each.name: each.methods for each in classes if each.methods > MOST_METHODS}
    for name in sorted(long.keys() - LONG_FUNCTIONS):
        yield f"{name}: {long[name]} lines, at most {MOST_LINES}"
    for name in sorted(large.keys() - LARGE_CLASSES):
        yield f"{name}: {large[name]} methods, at most {MOST_METHODS}"
    for name in sorted((LONG_FUNCTIONS.keys() | LARGE_CLASSES.keys()) - long.keys() - large.keys()):
        yield f"{name}: not too large, so no exception"


def measured(sources: Mapping[str, str]) -> tuple[list[Function], list[Class]]:
    """Every function and class of files, by `path:name`."""
    found = [each for path, source in sources.items() for each in _within(ast.parse(source), f"{path}:")]
    functions = [each for each in found if isinstance(each, Function)]
    return functions, [each for each in found if isinstance(each, Class)]


def _within(parent: ast.AST, place: str) -> Iterator[Function | Class]:
    """The functions and classes of a piece of code, by their qualified names."""
    for node in ast.iter_child_nodes(parent):
        name = place
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(_body_lines(node.body), place + node.name)
            name = f"{place}{node.name}."
        elif isinstance(node, ast.ClassDef):
            methods = [each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
            yield Class(len(methods), place + node.name)
            name = f"{place}{node.name}."
        yield from _within(node, name)


def _body_lines(body: Sequence[ast.stmt]) -> int:
    """Lines of a body without its docstring."""
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def _sources() -> dict[str, str]:
    command = ["git", "ls-files", "*.py"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()  # noqa: S603 - ours
    return {path: Path(path).read_text(encoding="utf-8") for path in listed if _is_ours(path)}


def _is_ours(path: str) -> bool:
    return "_pb2" not in path and Path(path).exists()


if __name__ == "__main__":
    sys.exit(main())
