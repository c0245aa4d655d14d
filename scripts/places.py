"""Counts the places that an addition had to touch: places.py [--commits N].

For each kind of thing it finds the last commits that added one, by what appeared where such things are listed, and
counts the files of the commit: code, tests, pages, and what is generated. A commit that did more than the addition
counts in full, so look at it before you mind its number. `CONTRIBUTING.md` says what should be touched.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of thing: where it is listed (now and before files moved), and what a line that adds one looks like."""

    files: tuple[str, ...]
    line: str


KINDS: Mapping[str, Kind] = {
    "a detector": Kind(("detectors/registry.py",), r'^    "\w+": (?:_\w+|"detectors\.[\w.:]+"),$'),
    "a provider's shape": Kind(("sidecar/codec/catalogue.py",), r"^    [a-z_]+\.[A-Z]+,$"),
    "a metric": Kind(("sidecar/telemetry/metrics.py", "sidecar/app.py"), r'"tidegate_\w+"(?:,| :|: Row)'),
    "a policy key": Kind(("policies/schema.json",), r'^ {4,}"[a-z_]+": \{$'),
    "an action": Kind(("sidecar/values.py",), r"^    (?:ALLOW|ANNOTATE|REDACT|BLOCK|[A-Z]+) = [0-9]$"),
}
GROUPS = (
    ("generated", re.compile(r"_pb2|schema/.*\.json$|policies/schema\.json$|\.binpb$|^requirements|results/")),
    ("tests", re.compile(r"^tests/|^policies/")),
    ("pages", re.compile(r"\.md$|^docs/|^deploy/dashboards")),
    ("code", re.compile("")),
)


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commits", type=int, default=1, metavar="N", help="how many commits of each kind")
    count = parser.parse_args().commits
    print("| what was added | commit | code | tests | pages | generated |\n| --- | --- | --- | --- | --- | --- |")
    for name, kind in KINDS.items():
        commits = [*last(kind, count)]
        for commit in commits:
            print(f"| {name} | {_title(commit)} | {' | '.join(map(str, touched(commit)))} |")
        if not commits:
            print(f"| {name} | none since the list was begun | | | | |")
    return 0


def last(kind: Kind, count: int) -> Iterator[str]:
    """The newest commits in which more such lines appeared than went, and that did not make the file."""
    for commit in _git("log", "--no-merges", "--format=%h", "--", *kind.files).split():
        if count and 0 < added(_git("show", "--format=", commit, "--", *kind.files), kind.line) < _MANY:
            count -= 1
            yield commit


_MANY = 12
"""More at once were not added but written again."""


def added(diff: str, line: str) -> int:
    """How many more lines of a form a diff adds than it takes away; a file that is new counts none."""
    if "\n--- /dev/null" in diff:
        return 0
    pattern = re.compile(line)
    signs = Counter(each[0] for each in diff.splitlines() if each[:1] in ("+", "-") and pattern.search(each[1:]))
    return signs["+"] - signs["-"]


def touched(commit: str) -> Sequence[int]:
    """How many files of each group a commit touched."""
    names = _git("show", "--format=", "--name-only", "--find-renames", commit).split()
    groups = Counter(next(group for group, pattern in GROUPS if pattern.search(name)) for name in names)
    return [groups[group] for group in ("code", "tests", "pages", "generated")]


def _title(commit: str) -> str:
    return _git("show", "--no-patch", "--format=%h %s", commit).strip().replace("|", "/")[:90]


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - git, of this list


if __name__ == "__main__":
    sys.exit(main())
