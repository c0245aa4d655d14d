"""Prometheus' promtool, and the files it is given: what of the alerts fires, from series over time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.tools import BIN, DEPLOY

PROGRAM = BIN / "promtool"
RULES = DEPLOY / "prometheus/alerts.yaml"

Labels: TypeAlias = Mapping[str, str]
Scrape: TypeAlias = dict[str, str]
"""Series as PromQL names them -> their values over time, as promtool writes them."""
_ALL = 1_600
"""Samples, one a minute: more than any test looks at."""


def scraped(exposition: str, own: Labels, names: Iterable[str]) -> Scrape:
    """The series of these names that a service exports, with the labels that Prometheus adds; all stay as they are."""
    wanted = {*names}
    return {
        series(sample.name, {**sample.labels, **own}): constant(sample.value)
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if sample.name in wanted
    }


def constant(value: float) -> str:
    """A series that stays as it is."""
    return f"{value:g}x{_ALL}"


def series(name: str, labels: Labels) -> str:
    """How PromQL names a series."""
    return name + "{" + ", ".join(f"{key}={json.dumps(value)}" for key, value in sorted(labels.items())) + "}"


def firing(at: str, alerts: Mapping[str, int]) -> list[dict[str, Any]]:
    """A test that exactly these alerts fire at a time, each with so many instances."""
    samples = [{"labels": series("", {"alertname": name}), "value": count} for name, count in alerts.items()]
    expression = 'count by (alertname) (ALERTS{alertstate="firing"})'
    return [{"expr": expression, "eval_time": at, "exp_samples": samples}]


def run(tests: list[dict[str, Any]], folder: Path) -> str:
    """What promtool says of tests, empty when all are as they should be."""
    file = folder / "alerts_test.json"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run([PROGRAM, "test", "rules", file], capture_output=True, text=True, timeout=240, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def check_rules() -> str:
    """What promtool says of the rules themselves, empty when they are sound."""
    done = subprocess.run([PROGRAM, "check", "rules", RULES], capture_output=True, text=True, timeout=60, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr
