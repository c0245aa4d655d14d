"""docs/operations.md has a row for every metric, with its labels; dashboards and alerts ask for no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sidecar.app import App
from sidecar.telemetry.metrics import COUNTERS, GAUGES, HISTOGRAMS
from tests.app.test_app import settings

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"\btidegate_[a-z_]+\b")
ASKING = sorted([*(ROOT / "deploy/dashboards").glob("*.json"), ROOT / "deploy/prometheus/alerts.yaml"])
TABLE = {
    **{name: row.labels for name, row in {**GAUGES, **HISTOGRAMS}.items()},
    **{f"{name}_total": row.labels for name, row in COUNTERS.items()},
}


def _rows() -> dict[str, tuple[str, ...]]:
    """The page's metrics -> their labels."""
    rows = re.findall(r"^\| (`tidegate_[^|]*) \|([^|]*)\|", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    return {name: tuple(re.findall(r"`(\w+)`", labels)) for names, labels in rows for name in NAME.findall(names)}


async def _exported(folder: Path) -> set[str]:
    async with (app := App(settings(folder, events={"sink": "file", "file": folder / "events"}))).running():
        families = [*app.metrics.registry.collect()]
    return {each.name + ("_total" if each.type == "counter" else "") for each in families}


async def test_the_page_has_a_row_for_every_metric_and_no_other(tmp_path: Path) -> None:
    assert set(_rows()) == await _exported(tmp_path)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_row_has_the_metrics_labels(name: str) -> None:
    assert _rows()[name] == TABLE[name]


@pytest.mark.parametrize("file", ASKING, ids=lambda file: file.name)
def test_dashboards_and_alerts_ask_for_metrics_that_there_are(file: Path) -> None:
    asked = {re.sub(r"_(bucket|sum|count)$", "", each) for each in NAME.findall(file.read_text())}
    assert asked
    assert asked - set(_rows()) == set()
