"""Dashboards and alerts ask for what the service has: every metric and every label."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.app import App
from sidecar.config import Settings, checked
from tests.deploy.tools import DEPLOY, check, read, run

PROMETHEUS_OWN = {"instance", "job", "le"}
"""Labels that Prometheus itself gives."""
OF_OTHERS = {
    "tidegate_outbox_publish_failing": {"sink", "topic", "reason"},
    "tidegate_drift_moved": {"app", "tenant", "prompt_version", "direction", "signal"},
    "tidegate_canary_stopped": {"policy", "canary", "rate"},
    "tidegate_client_outage_calls_total": {"done"},
}
"""Series that a service has only with Kafka, with drift, or after something happened, and their labels."""
DASHBOARDS = sorted((DEPLOY / "dashboards").glob("*.json"))
GROUPS = read("prometheus/alerts.yaml")[0]["groups"]
ALERTS = [rule for group in GROUPS for rule in group["rules"]]


def settings(folder: Path) -> Settings:
    (folder / "policy.yaml").write_text(
        "apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: p, version: '1'}\n"
        "rules:\n"
        "  - {id: r, detect: {detector: patterns, keywords: {A: [b]}}, severity: low, action: annotate}\n"
        "  - {id: m, detect: {detector: injection, labels: {injection: 0.9}}, severity: low, action: annotate}\n"
    )
    return checked(
        {
            "grpc": {"listen": ["127.0.0.1:0"]},
            "admin": {"listen": "127.0.0.1:0"},
            "policies": {"directories": [str(folder)]},
            "outbox": {"path": str(folder / "outbox.db")},
            "events": {"sink": "file", "file": str(folder / "events.jsonl")},
        }
    )


RUNBOOKS = (DEPLOY.parent / "docs/runbooks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_each_alert_names_its_runbook_which_names_the_alert(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    sections = {part.partition("\n")[0].lower().replace(" ", "-"): part for part in RUNBOOKS.split("\n## ")[1:]}
    assert page == "docs/runbooks.md"
    assert f"`{rule['alert']}`" in sections[anchor]


@pytest.fixture
async def series(tmp_path: Path) -> dict[str, set[str]]:
    """The names of all series that a running service exports, and their labels."""
    async with (app := App(settings(tmp_path))).running():
        collectors = [*app.metrics.registry._collector_to_names]
    return {name: _labels(collector) for collector in collectors for name in _names(collector)}


def _labels(collector: Any) -> set[str]:
    """Those of a metric, or the only one of counts that are kept elsewhere."""
    return {collector._label} if hasattr(collector, "_label") else set(collector._labelnames)


def _names(collector: Any) -> Iterator[str]:
    for family in collector.collect():
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        yield from (family.name + suffix for suffix in suffixes)


def _expressions() -> dict[str, str]:
    """Every query of the dashboards and alerts, by where it stands."""
    found = {f"alert {rule['alert']}": rule["expr"] for rule in ALERTS}
    for file in DASHBOARDS:
        board = json.loads(file.read_text())
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                found[f"{file.name}: {panel['title']} {target['refId']}"] = re.sub(
                    r"\$__(rate_interval|range)", "5m", target["expr"]
                )
    return found


async def test_every_query_asks_for_series_and_labels_that_there_are(series: dict[str, set[str]]):
    queries = _expressions()
    answers = json.loads(run("python", Path(__file__).parent / "promql.py", stdin=json.dumps(list(queries.values()))))
    own = series | {"up": set()} | OF_OTHERS
    for where, asked in zip(queries, answers, strict=True):
        assert "error" not in asked, f"{where}: {asked['error']}"
        metrics = dict(asked["metrics"])
        assert set(metrics) <= set(own), where
        for name, labels in asked["metrics"]:
            assert set(labels) <= own[name] | PROMETHEUS_OWN, where
        grouped = set().union(*(own[name] for name in metrics))
        assert set(asked["groups"]) <= grouped | PROMETHEUS_OWN, where
    assert len(queries) > 30


async def test_what_alerts_count_is_there_at_0_from_the_start(tmp_path: Path):
    """A series that begins with its first event shows no increase."""
    async with (app := App(settings(tmp_path))).running():
        told = app.metrics.render().decode()
    for severity in ("info", "low", "medium", "high", "critical"):
        assert f'tidegate_outbox_lost_total{{severity="{severity}"}} 0.0' in told
    for reason in ("draining", "overloaded"):
        assert f'tidegate_streams_refused_total{{reason="{reason}"}} 0.0' in told
    for rule in ("r", "m"):
        assert f'tidegate_violations_total{{action="annotate",policy="p",rule="{rule}"}} 0.0' in told
    for outcome in ("found", "error", "timeout", "shed"):
        assert f'tidegate_detector_outcomes_total{{detector="injection",outcome="{outcome}"}} 0.0' in told
    assert "tidegate_ready 1.0" in told


def test_alerts_are_rules_as_the_operator_takes_them(tmp_path: Path):
    rule = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "tidegate"}}
    check([{**rule, "spec": {"groups": GROUPS}}], tmp_path)
    assert len({rule["alert"] for rule in ALERTS}) == len(ALERTS)
    for each in ALERTS:
        assert {"summary", "description", "runbook"} == set(each["annotations"]), each["alert"]
        assert each["labels"]["severity"] in {"critical", "warning", "info"}


def test_alerts_speak_of_labels_that_their_query_keeps():
    """A label that an aggregation drops would be an empty word in the message."""
    for each in ALERTS:
        kept = re.search(r"\bby \(([^)]*)\)", each["expr"])
        for label in re.findall(r"\$labels\.(\w+)", " ".join(each["annotations"].values())):
            assert kept is None or label in re.split(r",\s*", kept.group(1)), each["alert"]


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_is_whole(file: Path):
    board = json.loads(file.read_text())
    panels = board["panels"]
    assert board["uid"] == f"tidegate-{file.stem}"
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    cells = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(cells)) == len(cells), "panels overlap"
    assert max(x for x, _ in cells) < 24
    variables = {variable["name"] for variable in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?(?!__)(\w+)", json.dumps(panels)))
    assert used <= variables


def test_the_dashboards_variables_ask_for_labels_that_there_are(series: dict[str, set[str]]):
    for file in DASHBOARDS:
        for variable in json.loads(file.read_text())["templating"]["list"]:
            if variable["type"] == "query":
                asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"])
                assert asked is not None
                assert asked[2] in series[asked[1]] | PROMETHEUS_OWN
