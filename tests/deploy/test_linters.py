"""What others' linters say of the Dockerfile and of the manifests: nothing but what `deploy/checkov.yaml` lists."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.tools import DEPLOY, ROOT, Document, kustomized, read, rendered, run

CHECKOV = ROOT / ".venv-checkov/bin/checkov"
SETTINGS = DEPLOY / "checkov.yaml"


@pytest.fixture
def checkov(missing: Callable[[str], None], tmp_path: Path) -> Callable[..., Any]:
    """Runs it over resources; gives what it reports."""
    if not CHECKOV.exists():
        missing("checkov (make deploy-tools)")

    def report(*found: Document, settings: Path = SETTINGS) -> Any:
        (tmp_path / "resources.yaml").write_text("\n---\n".join(json.dumps(each) for each in found))
        command: list[str | Path] = [CHECKOV, "--config-file", settings, "--directory", tmp_path, "--output", "json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        assert done.stdout, done.stderr
        reports = json.loads(done.stdout)
        return reports if isinstance(reports, dict) else reports[0]

    return report


def _failed(report: Any) -> set[tuple[str, str]]:
    return {(each["check_id"], each["resource"]) for each in report["results"]["failed_checks"]}


def test_hadolint_has_nothing_to_say():
    run("hadolint", ROOT / "Dockerfile")


@pytest.mark.slow
def test_checkov_finds_nothing_but_what_is_listed(checkov: Callable[..., Any]):
    found = [
        *rendered("ci/service-full.yaml"),
        *kustomized("kubernetes/base"),
        *kustomized("kubernetes/example"),
        *read("istio/application.yaml"),
    ]
    report = checkov(*found)
    assert _failed(report) == set()
    assert report["summary"]["passed"] > 200


@pytest.mark.slow
def test_checkov_would_find_a_container_that_runs_as_root(checkov: Callable[..., Any]):
    pod = {"containers": [{"name": "a", "image": "a:1", "securityContext": {"privileged": True}}]}
    report = checkov({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": pod})
    assert ("CKV_K8S_16", "Pod.default.a") in _failed(report)


@pytest.mark.slow
def test_every_listed_finding_is_still_there(checkov: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory):
    """A list of what is no more would hide it when it comes back."""
    settings = SETTINGS.read_text()
    listed = set(re.findall(r"^  - (CKV\w+) #", settings, flags=re.MULTILINE))
    every = tmp_path_factory.mktemp("settings") / "all.yaml"
    every.write_text(settings.partition("skip-check:")[0])
    found = [*rendered("ci/service-full.yaml"), *kustomized("kubernetes/example"), *read("istio/application.yaml")]
    assert {check for check, _ in _failed(checkov(*found, settings=every))} == listed
