"""Measure again: every kept result by the command that its file names, so that all are of one commit and one machine.

    python -m benchmarks.again [NAME ...] [--but NAME ...] [--path OPTION=PATH ...] [--commands]

A result's file says how it was made; where that named a path it says PATH, and `--path` says which:
`--path data=../data` for every `--data PATH`, `--path languages.data=FILE` for one program's. Programs run one after
the other, and a line says how long each took. What cannot run, or fails, is named at the end, and its old result stays;
the exit status is then 1.

Processor times are worth what the machine was idle: run nothing beside.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.results import HIDDEN, RESULTS
from workbench.bench.report import commit

MODULES = "benchmarks."


@dataclasses.dataclass(frozen=True)
class Kept:
    """One kept result: the file's name without its ending, and the command's words after `python -m`."""

    name: str
    words: tuple[str, ...]

    @property
    def program(self) -> str:
        """The benchmark's name, such as `cost`."""
        return self.words[0].removeprefix(MODULES)

    def filled(self, paths: Mapping[str, str]) -> list[str]:
        """The words with their paths; ValueError names the option whose path nobody gave."""
        words = [*self.words]
        for at, word in enumerate(words):
            if word == HIDDEN:
                words[at] = self._path(words[at - 1].removeprefix("--"), paths)
        return words

    def _path(self, option: str, paths: Mapping[str, str]) -> str:
        found = paths.get(f"{self.program}.{option}", paths.get(option))
        if found is None:
            raise ValueError(f"needs --path {option}=PATH")
        return found


def kept(folder: Path = RESULTS) -> list[Kept]:
    """Every kept result, by name."""
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def chosen(results: Iterable[Kept], names: Sequence[str], but: Sequence[str]) -> list[Kept]:
    """Those of these names, or all, without those of `but`; ValueError for a name that no result has."""
    known = {result.name: result for result in results}
    if unknown := sorted({*names, *but} - known.keys()):
        raise ValueError(f"no result is called {', '.join(unknown)}; there are {', '.join(known)}")
    return [result for name, result in known.items() if (not names or name in names) and name not in but]


def main() -> int:
    """Run what was chosen, one after the other; 1 where one could not run or failed."""
    options = _options()
    failed = {}
    for result in chosen(kept(), options.names, options.but):
        try:
            words = result.filled(dict(options.path))
            _run(result, words, only_tell=options.commands)
        except (ValueError, subprocess.CalledProcessError) as error:
            failed[result.name] = str(error)
            _tell(f"{result.name}: {error}")
    if failed:
        _tell(f"not measured: {', '.join(failed)}")
    return 1 if failed else 0


def _run(result: Kept, words: Sequence[str], *, only_tell: bool) -> None:
    command = [sys.executable, "-m", *words]
    _tell(f"==> {result.name} at {commit()}: {shlex.join(['python', *command[1:]])}")
    if only_tell:
        return
    began, load = time.monotonic(), os.getloadavg()[0]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    _tell(f"    {time.monotonic() - began:.0f} s, load average before {load:.1f}")


def _read(path: Path) -> Kept:
    command = json.loads(path.read_text(encoding="utf-8"))["about"]["command"]
    return Kept(path.stem, tuple(command.split()[2:]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these results (cost, scale, ...); all without")
    parser.add_argument("--but", action="append", default=[], metavar="NAME", help="leave this one out")
    parser.add_argument(
        "--path", action="append", default=[], type=_pair, metavar="OPTION=PATH", help="what PATH stands for"
    )
    parser.add_argument("--commands", action="store_true", help="only say what would run")
    return parser.parse_args()


def _pair(text: str) -> tuple[str, str]:
    option, equals, path = text.partition("=")
    if not equals or not path:
        raise argparse.ArgumentTypeError(f"{text}: expected OPTION=PATH")
    return option, path


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
