"""The tables of `docs/capacity.md`: behind each command that the page shows, what it prints."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from sidecar.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "capacity.md"
COMMAND = re.compile(r"```sh\ntidegate (bench --plan[^\n]*)\n```\n\n")
_TABLES = re.compile(COMMAND.pattern + r"[^\n]*\n\n(?:\|[^\n]*\n)*")
_FIGURES = re.compile(r"\| figure \|[^\n]*\n(?:\|[^\n]*\n)*")


def write() -> str:
    """Write the tables anew; returns a line that says so."""
    page = PAGE.read_text(encoding="utf-8")
    page = _TABLES.sub(lambda found: f"```sh\ntidegate {found[1]}\n```\n\n{tables(found[1])}\n", page)
    PAGE.write_text(_FIGURES.sub(lambda _: rest_of("bench --plan") + "\n", page), encoding="utf-8")
    return f"written: docs/{PAGE.name}"


def tables(command: str) -> str:
    """What a plan is for, and the plan."""
    return "\n\n".join(_printed(command)[:2])


def rest_of(command: str) -> str:
    """The figures behind it."""
    return _printed(command)[2]


def _printed(command: str) -> list[str]:
    return CliRunner().invoke(main, command.split(), catch_exceptions=False).stdout.rstrip("\n").split("\n\n")
