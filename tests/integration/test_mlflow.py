"""Runs of evaluations and of policies' tests in a real MLflow, asked through its own API."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sidecar.cli.main import main
from sidecar.tracking import Run, TrackingError, flat, log_run, target_of
from tests.integration.broker import free_port
from tests.integration.phoenix import READY_S

pytestmark = [pytest.mark.backends, pytest.mark.slow]

_BINARY = Path(__file__).parents[2] / ".venv-backends/bin/mlflow"
POLICY = """\
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: plums, version: "1"}
rules:
  - id: no-plums
    detect: {detector: patterns, patterns: [{label: PLUM, regex: "plums?"}]}
    action: redact
tests:
  - {name: plums go, output: "a plum", expect: {violations: [no-plums]}}
"""


@pytest.fixture(scope="module")
def mlflow(missing: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with a store of its own."""
    if not os.access(_BINARY, os.X_OK):
        missing("MLflow (make backends)")
    folder = tmp_path_factory.mktemp("mlflow")
    port = free_port()
    store = ["--backend-store-uri", f"sqlite:///{folder / 'runs.db'}", "--default-artifact-root", str(folder)]
    command = [str(_BINARY), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", *store]
    own = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=own, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        _until_it_answers(url, process)
        yield url
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def _until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_S
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.2)


def runs(url: str, experiment: str) -> list[dict[str, Any]]:
    """What the server has of an experiment: name, parameters and figures of each run, as its own API tells them."""
    names = {
        each["name"]: each["experiment_id"]
        for each in _ask(url, "experiments/search", {"max_results": 50})["experiments"]
    }
    found = _ask(url, "runs/search", {"experiment_ids": [names[experiment]]})["runs"]
    return [
        {
            "name": each["info"]["run_name"],
            "status": each["info"]["status"],
            "params": {one["key"]: one["value"] for one in each["data"].get("params", [])},
            "figures": {one["key"]: one["value"] for one in each["data"].get("metrics", [])},
        }
        for each in found
    ]


def _ask(url: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{url}/api/2.0/mlflow/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.load(answer))


def test_an_evaluation_is_logged(mlflow: str, tmp_path: Path):
    rows = [{"text": "mail ann@example.org", "entities": [{"start": 5, "end": 20, "label": "EMAIL_ADDRESS"}]}]
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = CliRunner().invoke(main, ["eval", "pii", "--data", str(data), "--json", "--log", f"mlflow:{mlflow}"])

    assert result.exit_code == 0, result.stderr
    assert f"logged: {mlflow}/#/experiments/" in result.stderr
    [run] = runs(mlflow, "tidegate")
    assert (run["name"], run["status"]) == ("eval pii", "FINISHED")
    assert run["params"] == {"detector": "pii", "data": "rows.jsonl"}
    assert run["figures"] == pytest.approx(dict(flat(json.loads(result.stdout))))


def test_tests_of_policies_are_logged_in_an_experiment_of_their_own(mlflow: str, tmp_path: Path):
    (tmp_path / "p.yaml").write_text(POLICY)
    to = f"mlflow:{mlflow}#policies of a team"
    assert CliRunner().invoke(main, ["policy", "test", str(tmp_path), "--coverage", "--log", to]).exit_code == 0
    assert CliRunner().invoke(main, ["policy", "test", str(tmp_path), "--log", to]).exit_code == 0

    logged = runs(mlflow, "policies of a team")
    assert [run["figures"]["passed"] for run in logged] == [1, 1]
    assert sorted(run["figures"].get("coverage_percent", -1) for run in logged) == [-1, 100]


def test_many_figures_and_odd_names_arrive(mlflow: str):
    figures = {f"labels.A&B {number}": float(number) for number in range(1200)}
    log_run(f"mlflow:{mlflow}#many", Run("m", {"long": "x" * 9_000}, figures))

    [run] = runs(mlflow, "many")
    assert len(run["figures"]) == 1200
    assert run["figures"]["labels.A_B 7"] == 7.0
    assert len(run["params"]["long"]) == 500


def test_what_cannot_be_logged_is_told():
    with pytest.raises(TrackingError, match="no MLflow answers at http"):
        log_run("mlflow:http://127.0.0.1:1", Run("m"))
    with pytest.raises(TrackingError, match="write mlflow:http://HOST:PORT"):
        target_of("wandb:http://x")


@pytest.mark.parametrize(
    "target", ["wandb:http://x", "mlflow:file:///x", "mlflow:http://", "mlflow:http://h:x", "mlflow:"]
)
@pytest.mark.parametrize(
    "command",
    [
        ["eval", "pii", "--data", "rows.jsonl"],
        ["policy", "test", "p.yaml"],
        ["policy", "tune", "p.yaml", "--rule", "r", "--events", "rows.jsonl"],
    ],
)
def test_a_place_that_is_none_is_refused_before_anything_runs(
    command: list[str], target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """None of these files can be used, and that is not what is told."""
    monkeypatch.chdir(tmp_path)
    for name in ("p.yaml", "rows.jsonl"):
        (tmp_path / name).write_text("{")
    result = CliRunner().invoke(main, [*command, "--log", target])

    assert (result.exit_code, result.stdout) == (2, "")
    assert "is no place for runs: write mlflow:http://HOST:PORT" in " ".join(result.stderr.split())


def test_figures_are_finite_numbers_by_path():
    figures = {
        "auc": 0.5,
        "rows": 3,
        "labels": {"a": {"f1": 1.0, "note": "x"}},
        "none": None,
        "nan": float("nan"),
        "is": True,
    }

    assert dict(flat(figures)) == {"auc": 0.5, "rows": 3.0, "labels.a.f1": 1.0}
