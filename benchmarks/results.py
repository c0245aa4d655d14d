"""Result files: what ran, where, on what, and what came of it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.bench.report import commit, machine

RESULTS = Path(__file__).parent / "results"
HIDDEN = "PATH"
"""What stands for a path in a kept command; `benchmarks.again` asks for it."""
PACKAGES = ("presidio-analyzer", "google-re2", "regex", "phonenumbers", "grpcio", "msgspec")


def write(name: str, figures: Mapping[str, Any], markdown: str) -> str:
    """Write `results/NAME.json` and `results/NAME.md`; returns a line that says so."""
    RESULTS.mkdir(exist_ok=True)
    about = {
        "command": " ".join(["python", "-m", *_arguments()]),
        "commit": commit() or "unknown",
        "machine": f"{machine()['processor']}, {os.cpu_count()} CPUs",
        "python": platform.python_version(),
        "packages": {package: importlib.metadata.version(package) for package in PACKAGES},
    }
    document = json.dumps({"about": about, "figures": figures}, indent=2) + "\n"
    (RESULTS / f"{name}.json").write_text(document, encoding="utf-8")
    note = f"`{about['command']}` at commit {about['commit']} on {about['machine']}, Python {about['python']}."
    (RESULTS / f"{name}.md").write_text(f"{markdown}\n\n{note}\n", encoding="utf-8")
    return f"written: benchmarks/results/{name}.json and {name}.md"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [_line(header), _line(["---"] * len(header)), *(_line([_cell(each) for each in row]) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _arguments() -> list[str]:
    main = sys.modules["__main__"].__spec__
    name = main.name.removesuffix(".__main__") if main is not None else sys.argv[0]
    words = sys.argv[1:]
    hidden = {index for index, word in enumerate(words) if "/" in word}
    return [name, *(HIDDEN if index in hidden else word for index, word in enumerate(words))]
