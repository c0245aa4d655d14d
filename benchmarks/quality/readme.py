"""The README's table of quality: a part of the results, between two marks, so that it is never written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.results import table
from workbench.evaluation.targets import TARGETS, Target

BEGIN, END = "<!-- quality: begin -->", "<!-- quality: end -->"
_NEXT = "## Know more"
_SECTION = f"""## How well it judges

With the model as shipped and the detector as served, at the recommended thresholds; other tools as they come.
[The results](benchmarks/results/quality.md) have more sets and figures, what must be reached, and how to repeat them.

{BEGIN}
{END}

"""
_NAMES = {"presidio": "Presidio", "nanoguard": "NanoGuard", "jailguard": "JailGuard", "toxblock": "ToxBlock"}


def block(figures: Mapping[str, Any]) -> str:
    """The table, with the marks around it: what must be reached, and what Tidegate and the other tools have."""
    systems = figures["systems"]
    rows = [_row(target, systems) for target in TARGETS if target.must]
    head = ["what", "set", "figure", "Tidegate", "other tools"]
    return f"{BEGIN}\n{table(head, rows)}\n{END}"


def put(readme: Path, figures: Mapping[str, Any]) -> None:
    """Replace the table in the README, or put it in before its last section. Raises `ValueError`: no place for it."""
    text = readme.read_text(encoding="utf-8")
    if BEGIN not in text:
        before, found, after = text.partition(_NEXT)
        text = f"{before}{_SECTION}{found}{after}" if found else text
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{readme.name} has neither {BEGIN} with {END} behind it nor the heading {_NEXT.strip()!r}")
    readme.write_text(f"{before}{block(figures)}{after}", encoding="utf-8")


def _row(target: Target, systems: Mapping[str, Any]) -> list[str]:
    others = [
        f"{title} {target.text(value)}"
        for name, title in _NAMES.items()
        if (value := target.value(systems.get(name, {}))) is not None
    ]
    own = target.value(systems.get("tidegate", {}))
    return [target.head, target.set.removeprefix("test_"), target.title, target.text(own), ", ".join(others) or "-"]
