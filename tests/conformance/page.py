"""The page that says of each input and flood what both servers do, and what it costs them.

Figures stand there as classes. A class that stands on the page stays as long as what was measured is near it, so that
the page is the same in each run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.conformance.classes import CALLS, FLOODED, MEMORY, SHARE, SLACK, Classes
from tests.conformance.costs import COPIES, Cost
from tests.conformance.flooding import Harm
from tests.conformance.inputs import Input
from tests.conformance.table import Outcome, key_of

PATH: Final = Path(__file__).parents[2] / "docs" / "grpc-inputs.md"
FLOODS: Final = "floods"
MOST_TIMES: Final = 2.0
Pair = tuple[float, float]
"""A figure of the own server, and grpcio's."""


@dataclass(frozen=True)
class Figures:
    """What an input or a flood cost both servers."""

    light: Cost | Harm
    grpcio: Cost | Harm
    call_ms: float
    """What an ordinary call costs grpcio."""

    @property
    def times(self) -> float:
        """How many times grpcio's processor time the own server's is."""
        return self.light.cpu_ms / self.grpcio.cpu_ms

    @property
    def columns(self) -> Sequence[tuple[Classes, Pair]]:
        """What is in a class: memory, and of inputs the time and the longest step, in ordinary calls."""
        memory = (MEMORY, (self.light.memory, self.grpcio.memory))
        if isinstance(self.light, Harm) or isinstance(self.grpcio, Harm):
            return [memory]
        calls = COPIES * self.call_ms
        time = (CALLS, (self.light.cpu_ms / calls, self.grpcio.cpu_ms / calls))
        return [memory, time, (CALLS, (self.light.step_ms / self.call_ms, self.grpcio.step_ms / self.call_ms))]

    @property
    def worse(self) -> Sequence[str]:
        """In what the own server is worse: the figures, its own first."""
        worse = [str(pair) for classes, pair in self.columns if classes.is_worse(*pair)]
        usual = max(self.grpcio.cpu_ms, COPIES * self.call_ms)  # where grpcio does not serve it, what a call costs it
        return [*worse, f"{self.times:.1f} times the time"] if self.light.cpu_ms > MOST_TIMES * usual else worse

    def cells(self, old: Sequence[str]) -> list[str]:
        """An input's cells; those that stand on the page, if what was measured is near them."""
        kept = [*old, *[""] * len(self.columns)]
        return [_cell(classes, pair, was) for (classes, pair), was in zip(self.columns, kept, strict=False)]

    def cells_of_flood(self) -> list[str]:
        """A flood's, which hangs on how fast the machine is: the own server's bound, and how it compares."""
        return [FLOODED.word(self.light.memory), SHARE.word(self.times / SLACK)]


def _cell(classes: Classes, pair: Pair, was: str) -> str:
    words = was.split("; ") * (1 if ";" in was else 2)
    light, grpcio = (
        word if classes.fits(each, word) else classes.word(each) for each, word in zip(pair, words, strict=True)
    )
    return light if light == grpcio else f"{light}; {grpcio}"


@dataclass
class Page:
    """The page as it stands, by group and name: the cells behind the name."""

    rows: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Page:
        """The page that is there."""
        rows, group = {}, ""
        for line in PATH.read_text(encoding="utf-8").splitlines():
            if line.startswith("## "):
                group = line[3:].lower()
            elif line.startswith("| "):
                name, *cells = line.strip("| ").split(" | ")
                rows[f"{group}: {name}"] = cells
        return cls(rows)

    def of_input(self, case: Input, grpcio: Outcome, figures: Figures) -> str:
        """An input's row."""
        old = self.rows.get(key_of(case), [])[2:]
        return _line(case.name, case.right, *[_said(case, grpcio), *figures.cells(old)])

    def of_flood(self, name: str, figures: Figures) -> str:
        """A flood's row."""
        return _line(name, *figures.cells_of_flood())

    def says(self, case: Input, grpcio: Outcome) -> bool:
        """Whether that is what it says that comes of an input."""
        return [*self.rows.get(key_of(case), [])][1:2] == [_said(case, grpcio)]

    def has(self, row: str) -> bool:
        """Whether it says so."""
        name, *cells = row.strip("| ").split(" | ")
        return any(key.partition(": ")[2] == name and [*was] == cells for key, was in self.rows.items())


def written(page: Page, inputs: Sequence[Input], grpcio: Mapping[str, Outcome], costs: Mapping[str, Figures]) -> str:
    """The page anew; `costs` has the inputs' by group and name, and the floods'."""
    lines, group = [_HEAD], ""
    for case in inputs:
        if case.group != group:
            group = case.group
            head = _line("input", "right, and `light`", "`grpcio`", "memory", "time", "step")
            lines.append(f"\n## {group.capitalize()}\n\n{head}\n|{' --- |' * 6}")
        key = key_of(case)
        lines.append(page.of_input(case, grpcio[key], costs[key]))
    lines.append(f"\n## {FLOODS.capitalize()}\n\n{_FLOODS}\n\n{_line('flood', 'memory', 'time')}\n|{' --- |' * 3}")
    floods = [key for key in costs if key.startswith(FLOODS)]
    lines += [page.of_flood(key.partition(": ")[2], costs[key]) for key in floods]
    return "\n".join(lines) + "\n"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _said(case: Input, outcome: Outcome) -> str:
    """What grpcio does, beside what is right."""
    ends = "GOAWAY" in case.right or not case.greets
    if outcome == Outcome(case.right, neighbour_lives=not ends):
        return "the same"
    is_alone = outcome.neighbour_lives or not case.greets or "GOAWAY" in outcome.answer
    return outcome.answer + ("" if is_alone else "; neighbours end")


_HEAD = f"""# What comes of each input, and what it costs

Written by `make conformance-page` from what both gRPC servers did, and compared with it at each run
(`tests/conformance/inputs.py` has the bytes). The second column is what the standards ask for, and what the service's
own server does: RFC 9113, RFC 7541, and gRPC's pages on its protocol, its status codes and compression; where those
leave it open, a caller's mistake is `INVALID_ARGUMENT`. The third column is grpcio's, with the options that the service
gives it. A word is the status of a call on stream 3; `RST` ends that stream, and `GOAWAY` the connection; beside it a
neighbour's stream goes on, unless it says otherwise.

What it costs is of {COPIES} connections that send it at once, each with its neighbour: the own server's, and behind a
semicolon grpcio's where that is called otherwise. Both are processes of their own, measured side by side in one run:

- **memory**: the most that the process had more than before;
- **time**: the process's processor time for one of them, as so many ordinary calls of grpcio (with their connections);
- **step**: the longest step of the event loop, in which nothing else is served, in processor time and such calls too.

A class stays on the page as long as what was measured is within one and a half times of it. **The own server may be
in no worse class than grpcio** by more than that, past the last class no worse than grpcio's own figure, and nowhere
take more than twice its time (an ordinary call's where grpcio's is less, as it refuses some that are right): else
`make conformance` fails. What is doubtful is measured three times, and the median counts."""

_FLOODS = """One peer sends as much as is taken, for half a second, and comes back when it is cut off; another client
asks for checks meanwhile. **memory** is the own server's; it may be in no worse class than grpcio's, as above. **time**
is its processor time in a second beside grpcio's: no more, or more than noise explains, which fails."""
