"""Pages that are sessions: their files are written and their commands run in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"(?:`([\w./]+)`[^`\n]*:\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PATIENCE_S = 240


def shows(shown: str, printed: str) -> bool:
    """Whether what was printed is what is shown; `...` stands for any text."""
    pieces = [re.escape(piece) for piece in re.split(r"\.\.\.\n?", shown)]
    return re.fullmatch("(?s:.*)".join(pieces), printed) is not None


def steps(page: str) -> list[tuple[str, str]]:
    """A file and its text, or a command behind a `$` and what it prints; in the order of the page."""
    found = []
    for file, language, text in _BLOCK.findall(page):
        if language == "console":
            found += [
                (f"$ {line}", shown) for line, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
            ]
        else:
            found.append((file, text))
    return found


def run(page: str, folder: Path) -> int:
    """Do what a page says in a folder, with this project's `tidegate`; returns how many commands were run."""
    commands, work = folder / "bin", folder / "work"
    commands.mkdir()
    for name, rest in (("tidegate", "-m sidecar "), ("python", "")):
        (commands / name).write_text(f'#!/bin/sh\nexec {sys.executable} {rest}"$@"\n')
        (commands / name).chmod(0o755)
    environment = os.environ | {"PATH": f"{commands}:{os.environ['PATH']}", "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}"}
    ran = 0
    for name, text in steps(page):
        if not name.startswith("$ "):
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(text)
            continue
        done = subprocess.run(
            name[2:], shell=True, cwd=work, env=environment, capture_output=True, text=True, timeout=_PATIENCE_S
        )
        assert shows(text, done.stdout + done.stderr), f"{name}\n{done.stdout}{done.stderr}"
        ran += 1
    return ran
