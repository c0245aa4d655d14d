"""docs/authoring.md: its files are written and its commands run in order; what they print is what the page shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "authoring.md").read_text()
_BLOCK = re.compile(r"(?:`([\w./]+)`[^`\n]*:\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _shows(shown: str, printed: str) -> bool:
    """Whether what was printed is what is shown; `...` stands for any text."""
    pieces = [re.escape(piece) for piece in re.split(r"\.\.\.\n?", shown)]
    return re.fullmatch("(?s:.*)".join(pieces), printed) is not None


def _steps() -> list[tuple[str, str]]:
    """A file and its text, or a command behind a `$` and what it prints; in the order of the page."""
    steps = []
    for file, language, text in _BLOCK.findall(PAGE):
        if language == "console":
            steps += [
                (f"$ {line}", shown) for line, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
            ]
        else:
            steps.append((file, text))
    return steps


def test_dots_stand_for_what_is_left_out() -> None:
    assert _shows("a\n...\nd\n", "a\nb\nc\n\nd\n")
    assert not _shows("a\n...\nd\n", "a\nb\n")
    assert not _shows("a\n", "a\nb\n")


@pytest.mark.slow
def test_every_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, rest in (("tidegate", "-m sidecar "), ("python", "")):
        (commands / name).write_text(f'#!/bin/sh\nexec {sys.executable} {rest}"$@"\n')
        (commands / name).chmod(0o755)
    work = tmp_path / "work"
    environment = os.environ | {"PATH": f"{commands}:{os.environ['PATH']}", "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}"}
    ran = 0
    for name, text in _steps():
        if not name.startswith("$ "):
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(text)
            continue
        done = subprocess.run(name[2:], shell=True, cwd=work, env=environment, capture_output=True, text=True)
        assert _shows(text, done.stdout + done.stderr), f"{name}\n{done.stdout}{done.stderr}"
        ran += 1
    assert ran >= 8
